"""Which override comments suggest that a rule is broken: a naive Bayes ranker that says which words raised a comment.

Clinicians tell in comments that a rule misfires ("patient is not on warfarin"). Ranked, the first twenty are worth a
look: Aaron, McEvoy, Ray, Hickman and Wright 2019 (JAMIA 26:37-43, "Cranky comments"), where naive Bayes did as well as
a word list. A rank is a reason to read a comment, never a finding about a rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oversight.statistics.comment_words import FILLERS, features

EXAMPLES = Path(__file__).with_name("comment_examples.toml")
SMOOTHING = 1.0
WORDS_SHOWN = 5
# From this score on a comment suggests that a rule is broken. Of shipped comments whose theme was left out of the
# teaching, 80 % of the broken ones reach it and 12 % of the sound ones, which is less than what is allowed for below.
SUGGESTS = 1.0
MISTAKEN = 0.15


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled comment; comments of one theme resemble each other."""

    text: str
    theme: str
    broken: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A word or pair, as the comment has it, and the log-odds by which it raised (negative: lowered) the comment."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A comment's place: `index` in what was given, its score in log-odds (0 = as likely as not), and its words.

    `raised_by` are words with content, the strongest first. `style` is what words without content ("the", "is") added:
    a comment that is high by that alone is a sentence rather than a note, and no more.
    """

    index: int
    score: float
    raised_by: tuple[Word, ...]
    style: float

    @property
    def suggests(self) -> bool:
        """Whether it suggests that a rule is broken."""
        return self.score >= SUGGESTS


class CommentRanker:
    """Log-odds of each feature for "broken" against "sound", smoothed; immutable once made."""

    def __init__(self, examples: Sequence[Example], smoothing: float = SMOOTHING) -> None:
        """Learn from examples; raises ValueError unless both labels occur.

        Multinomial naive Bayes on presence: log((n + s) / (N + s·V)) of each label, features of a comment counted once
        (Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, section 13.2). Both labels get the
        same prior: how many rules are broken here is not known.
        """
        if len({example.broken for example in examples}) != 2:
            raise ValueError("examples of both kinds are needed")
        counted = [features(example.text) for example in examples]
        names = sorted(set().union(*counted))
        place = {name: index for index, name in enumerate(names)}
        counts = np.zeros((2, len(names)))
        for example, held in zip(examples, counted, strict=True):
            counts[int(example.broken), [place[name] for name in held]] += 1
        self._weights: Mapping[str, float] = dict(zip(names, _log_odds(counts, smoothing), strict=True))

    def rank(self, comments: Sequence[str]) -> tuple[Ranked, ...]:
        """All comments, the most suspicious first; equal ones in the given order."""
        scored = [self._scored(index, comment) for index, comment in enumerate(comments)]
        return tuple(sorted(scored, key=lambda ranked: -ranked.score))

    def _scored(self, index: int, comment: str) -> Ranked:
        """Sum the log-odds of the features that are known, per root of their number.

        The features overlap (a pair repeats its words), so their plain sum would rank long comments to both ends.
        """
        known = [each for each in features(comment).items() if each[0] in self._weights]
        scale = max(1.0, len(known) ** 0.5)
        words = [Word(written, self._weights[stem] / scale) for stem, written in known if stem not in FILLERS]
        style = sum(self._weights[stem] for stem, _ in known if stem in FILLERS) / scale
        raised = sorted((word for word in words if word.weight > 0), key=lambda word: -word.weight)
        return Ranked(index, style + sum(word.weight for word in words), tuple(raised[:WORDS_SHOWN]), style)


def _log_odds(counts: npt.NDArray[np.float64], smoothing: float) -> list[float]:
    """Of each feature, out of counts (2, features): sound, broken."""
    rates = (counts + smoothing) / (counts.sum(axis=1, keepdims=True) + smoothing * counts.shape[1])
    return [float(each) for each in np.log(rates[1] / rates[0])]


def read_examples(path: Path = EXAMPLES) -> tuple[Example, ...]:
    """The labelled comments of a file: tables `broken` and `sound`, each with lists of comments by theme."""
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Example(text, theme, kind == "broken")
        for kind in ("broken", "sound")
        for theme, texts in tables[kind].items()
        for text in texts
    )


@cache
def usual_ranker() -> CommentRanker:
    """The ranker that learned from the comments shipped with this package."""
    return CommentRanker(read_examples())


def precision_at(ranked: Iterable[Ranked], broken: Sequence[bool], number: int = 20) -> float:
    """The share of broken ones among the first `number`. Raises ValueError if there are fewer comments."""
    first = [broken[each.index] for each in ranked][:number]
    if len(first) < number:
        raise ValueError("fewer comments than places")
    return sum(first) / number
