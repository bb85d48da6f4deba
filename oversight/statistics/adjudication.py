"""What becomes of two blinded verdicts on one override."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Verdict(StrEnum):
    """A reviewer's answer to: was it appropriate to override this advice?"""

    APPROPRIATE = "appropriate"
    INAPPROPRIATE = "inappropriate"
    CANNOT_TELL = "cannot tell"


class State(StrEnum):
    """Where a case stands in the queue."""

    WAITING = "waiting for a reviewer"
    AGREED = "agreed"
    TO_ADJUDICATE = "to adjudicate"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class Standing:
    """A case's state and, once there is one, its verdict."""

    state: State
    verdict: Verdict | None


def standing(first: Verdict | None, second: Verdict | None, third: Verdict | None = None) -> Standing:
    """Two equal verdicts stand; different ones, or two "cannot tell", go to a third reviewer, whose verdict decides."""
    if first is None or second is None:
        return Standing(State.WAITING, None)
    if first is second and first is not Verdict.CANNOT_TELL:
        return Standing(State.AGREED, first)
    if third is None:
        return Standing(State.TO_ADJUDICATE, None)
    return Standing(State.ADJUDICATED, third)


def verdict_table(pairs: Sequence[tuple[Verdict, Verdict]]) -> npt.NDArray[np.int64]:
    """Counts for `kappa`: rows first reviewer, columns second, in the order of `Verdict`."""
    places = {verdict: place for place, verdict in enumerate(Verdict)}
    table = np.zeros((len(places), len(places)), dtype=np.int64)
    for first, second in pairs:
        table[places[first], places[second]] += 1
    return table
