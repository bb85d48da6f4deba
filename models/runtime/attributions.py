"""Attributions out of features and their Shapley values, a quarter of a thousand for each answer, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from clinical.assessment import Attributions, Basis, FeatureWords
from models.runtime.aggregate import Facts
from models.runtime.features import Feature

Bases = tuple[Basis, ...]


def words_of(feature: Feature) -> FeatureWords:
    """What an attribution says of its feature."""
    return (
        feature.name,
        feature.concept,
        feature.concept_label,
        feature.label,
        feature.unit,
        feature.derived,
        feature.lead,
    )


def attributions(
    words: Sequence[FeatureWords],
    log_odds: Sequence[float],
    values: Sequence[float],
    facts: Sequence[Facts],
    bases: Sequence[Bases],
) -> Attributions:
    """An attribution for each feature: its words, Shapley value, value (NaN where nothing was measured) and facts.

    Last come those facts that are no measured numbers. Features without any effect are left out, but for those that
    say most about their concept. Raises ValueError where the columns are not equally long.
    """
    kept = [effect != 0.0 or its[6] for effect, its in zip(log_odds, words, strict=True)]
    known = [value if value == value else None for value in values]  # noqa: PLR0124 (NaN)
    if not len(words) == len(known) == len(facts) == len(bases):
        raise ValueError("The columns of the attributions are not equally long.")
    return Attributions(
        words=tuple(compress(words, kept)),
        log_odds=tuple(compress(log_odds, kept)),
        values=tuple(compress(known, kept)),
        facts=tuple(compress(facts, kept)),
        bases=tuple(compress(bases, kept)),
    )
