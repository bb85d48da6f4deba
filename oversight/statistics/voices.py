"""Do comments point to a broken rule, and do they point to certain weeks?

Two exact tests with one guard: one person who is annoyed, or one text that is pasted, is no evidence. Aaron, McEvoy,
Ray, Hickman and Wright 2019 (JAMIA 26:37-43) found broken rules by the comments alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oversight.statistics.comments import MISTAKEN
from oversight.statistics.exact_shares import hypergeometric_tail

ALPHA = 0.01
FEWEST_WORDINGS = 3
FEWEST_WRITERS = 2


@dataclass(frozen=True, slots=True)
class Voices:
    """Of some weeks: `overridden` cards, `comments` on them that were judged, and those that suggest a broken rule.

    Wordings and writers are numbers that stand for them (hashes); `suspicious_…` are those of suspicious comments.
    """

    overridden: int = 0
    comments: int = 0
    suspicious: int = 0
    wordings: frozenset[int] = frozenset()
    suspicious_wordings: frozenset[int] = frozenset()
    writers: frozenset[int] = frozenset()

    @property
    def several(self) -> bool:
        """Whether the suspicious comments are of several wordings and writers."""
        return len(self.suspicious_wordings) >= FEWEST_WORDINGS and len(self.writers) >= FEWEST_WRITERS


def together(weeks: Iterable[Voices]) -> Voices:
    """The voices of several weeks."""
    each = list(weeks)
    return Voices(
        sum(one.overridden for one in each),
        sum(one.comments for one in each),
        sum(one.suspicious for one in each),
        frozenset().union(*(one.wordings for one in each)),
        frozenset().union(*(one.suspicious_wordings for one in each)),
        frozenset().union(*(one.writers for one in each)),
    )


def complain(voices: Voices) -> bool:
    """Whether more comments suggest a broken rule than the ranker takes for such by mistake (exact binomial test).

    Counted by wordings, since a text that is pasted each day is mistaken each day.
    """
    from scipy.special import bdtrc  # noqa: PLC0415  heavy

    if not voices.several:
        return False
    return float(bdtrc(len(voices.suspicious_wordings) - 1, len(voices.wordings), MISTAKEN)) <= ALPHA


def denser(here: Voices, elsewhere: Voices) -> float | None:
    """The chance of so many suspicious comments per overridden card here, if they came anywhere alike.

    Fisher's exact test, one-sided; None where there are too few, or chance explains them. Mistakes of the ranker come
    anywhere, so they raise no share here.
    """
    if not here.several:
        return None
    p = hypergeometric_tail(here.suspicious, here.overridden, elsewhere.suspicious, elsewhere.overridden)
    return p if p <= ALPHA else None
