"""What the needs of a model ask for: codes of Observations, and of other types all of them or some codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clinical.need import DataNeed

# (system, code) pairs; None stands for all.
Codes = frozenset[tuple[str, str]] | None
# Types that are always taken in, or by other rules.
_OTHERWISE = ("Patient", "Encounter", "Location", "Observation")
_MEDICINES = ("MedicationRequest", "MedicationStatement")


def wanted_codes(needs: Iterable[DataNeed]) -> frozenset[tuple[str, str]]:
    """All codes of Observations that the needs name, as (system, code)."""
    return frozenset(_pairs(need for need in needs if need.resource_type == "Observation"))


def asked_types(needs: Iterable[DataNeed]) -> Mapping[str, Codes]:
    """The other types of resources that the needs name, each with its codes.

    Whoever asks for medicines takes in Medications too, to which an order may refer.
    """
    found: dict[str, Codes] = {}
    for need in needs:
        if need.resource_type not in _OTHERWISE:
            known = found.get(need.resource_type, frozenset())
            found[need.resource_type] = known | set(_pairs([need])) if need.codes and known is not None else None
    if not found.keys().isdisjoint(_MEDICINES):
        found["Medication"] = None
    return found


def _pairs(needs: Iterable[DataNeed]) -> Iterable[tuple[str, str]]:
    """The codes of some needs."""
    return ((coding.system, coding.code) for need in needs for coding in need.codes)
