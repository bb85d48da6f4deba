"""`DataNeed`: what a model must read.

One declaration gives the prefetch template, the FHIR search and the SMART scope, so that the three cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clinical.record import Coding

PATIENT_TOKEN = "{{context.patientId}}"  # noqa: S105 (a prefetch token, not a secret)
ENCOUNTER_TOKEN = "{{context.encounterId}}"  # noqa: S105

# FHIR R4 search parameters for when something took place. A Condition has none that must be there: what was diagnosed
# long ago still holds. EHRs sort by `date`; by other parameters hardly any does.
_DATES = {
    "Observation": "date",
    "Encounter": "date",
    "Procedure": "date",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
}

# Types that may name their medicine by reference. A search brings it along; a prefetch template may not ask for that.
_NAMES_A_MEDICATION = ("MedicationRequest", "MedicationStatement")


class Importance(StrEnum):
    """What follows when data were neither sent nor readable.

    Required: the call cannot be answered (HTTP 412). Optional: the answer says that they are missing. Beside: only the
    published scores beside an answer need them, and these say that they are missing. Informative: nothing depends on
    them, and nothing is said.
    """

    REQUIRED = "required"
    OPTIONAL = "optional"
    BESIDE = "beside"
    INFORMATIVE = "informative"


@dataclass(frozen=True, slots=True)
class DataNeed:
    """One kind of data of one patient.

    `key` is the prefetch key; `codes` are any-of; `count` bounds a page (FHIR `_count`), not the whole; `look_back`
    says how far back a search goes (a prefetch token cannot compute a date, so a template goes without); `statuses`
    are any-of, and keep a long history of closed encounters out of the first page;
    an empty result counts as read.
    """

    key: str
    resource_type: str
    codes: tuple[Coding, ...] = ()
    count: int = 0
    importance: Importance = Importance.REQUIRED
    look_back: timedelta | None = None
    statuses: tuple[str, ...] = ()

    def query(self, patient: str, encounter: str | None = None, now: datetime | None = None) -> str:
        """The relative FHIR query, for an id or for a prefetch token; with `now` it is bounded by the look-back.

        Only instance reads, reference and token search, `_sort` and `_count` are used: what CDS Hooks 2.0.1
        recommends for prefetch ("Prefetch query restrictions").
        """
        if self.resource_type == "Patient":
            return f"Patient/{patient}"
        if self.resource_type == "Encounter" and encounter is not None and self.look_back is None:
            return f"Encounter/{encounter}"
        parts = [f"patient={patient}", *self._filters(), *(self._search_only(now) if now is not None else ())]
        if _DATES.get(self.resource_type) == "date":
            parts.append("_sort=-date")
        if self.count:
            parts.append(f"_count={self.count}")
        return f"{self.resource_type}?" + "&".join(parts)

    def _filters(self) -> Iterator[str]:
        """Codes and statuses."""
        if self.codes:
            yield "code=" + ",".join(coding.token for coding in self.codes)
        if self.statuses:
            name = "clinical-status" if self.resource_type == "Condition" else "status"
            yield f"{name}=" + ",".join(self.statuses)

    def _search_only(self, now: datetime) -> Iterator[str]:
        """What a prefetch template cannot or may not say: a date that must be computed, and what to bring along."""
        dated = _DATES.get(self.resource_type)
        if self.look_back is not None and dated:
            yield f"{dated}=ge{(now - self.look_back).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        if self.resource_type in _NAMES_A_MEDICATION:
            yield f"_include={self.resource_type}:medication"

    def prefetch_template(self, *, encounter_always_known: bool) -> str:
        """The CDS Hooks prefetch template; reads the encounter by id only for hooks that always name one."""
        return self.query(PATIENT_TOKEN, ENCOUNTER_TOKEN if encounter_always_known else None)


def smart_scopes(needs: Iterable[DataNeed]) -> tuple[str, ...]:
    """SMART v2 read-and-search scopes (`patient/Observation.rs`) that cover the needs, sorted.

    A stay names its place by reference, so whoever reads Encounter must read Location too; likewise a medicine.
    """
    types = {need.resource_type for need in needs}
    named = {"Location"} if "Encounter" in types else set()
    if types.intersection(_NAMES_A_MEDICATION):
        named.add("Medication")
    return tuple(sorted(f"patient/{resource_type}.rs" for resource_type in types | named))
