"""Several models of one call ask for the same data once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from clinical.need import DataNeed, Importance


def joined(own: Iterable[DataNeed], others: Iterable[DataNeed]) -> tuple[DataNeed, ...]:
    """A model's own needs, wide enough for the scores beside it; what only these need does not concern its answer.

    One key stands for one kind of data, so that a prefetch brings it once.
    """
    found = {need.key: need for need in own}
    for need in others:
        known = found.get(need.key)
        found[need.key] = replace(need, importance=Importance.BESIDE) if known is None else _wider(known, need)
    return tuple(found.values())


def only_beside(needs: Iterable[DataNeed]) -> tuple[str, ...]:
    """How references to those types of resources begin that only the scores beside a model need."""
    types: dict[bool, set[str]] = {True: set(), False: set()}
    for need in needs:
        types[need.importance is Importance.BESIDE].add(need.resource_type)
    found = types[True] - types[False]
    # What an order names by reference is read along with it.
    named = {"Medication"} if any(name.startswith("Medication") for name in found) else set()
    return tuple(sorted(f"{name}/" for name in found | named))


def _wider(one: DataNeed, other: DataNeed) -> DataNeed:
    """Both needs as one: as important as the first. Without codes or statuses a need asks for all of its kind."""
    return replace(
        one,
        codes=tuple(dict.fromkeys((*one.codes, *other.codes))) if one.codes and other.codes else (),
        count=max(one.count, other.count),
        look_back=_longer(one.look_back, other.look_back),
        statuses=tuple(dict.fromkeys((*one.statuses, *other.statuses))) if one.statuses and other.statuses else (),
    )


def _longer(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    """The longer look-back; None is without bound."""
    return None if one is None or other is None else max(one, other)
