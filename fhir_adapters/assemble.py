"""Resources of one call → `PatientRecord`: guard, validate, decode, apply the rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from clinical.need import DataNeed
from clinical.record import Observation, PatientRecord, SetAside, SetAsideReason, Source, Stay
from fhir_adapters import decode
from fhir_adapters.decode import Json
from fhir_adapters.facts import accept
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.resources import fault_in
from fhir_adapters.units import Analytes


@dataclass(slots=True)
class Assembly:
    """Collects one record. `wanted` are the code tokens of the needs; other observations are not looked into."""

    guard: PatientGuard
    analytes: Analytes
    rule: IntensiveCare
    wanted: frozenset[str]
    now: datetime
    places: dict[str, Json] = field(default_factory=dict)
    encounters: dict[str, Json] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    _patient: Json | None = None
    _observations: dict[str, Observation] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def add(self, resources: Iterable[tuple[str, Json]], source: Source) -> None:
        """Take in the resources of one answer. Raises `WrongPatient`."""
        rows = list(resources)
        for full_url, resource in rows:
            if resource.get("resourceType") == "Patient" and full_url:
                self.guard.check(resource)
                self.guard.learn(full_url)
        for full_url, resource in rows:
            self._take(resource, full_url, source)

    def _take(self, resource: Json, full_url: str, source: Source) -> None:
        """Sort one resource into its place."""
        kind = resource.get("resourceType")
        if kind == "Location":
            self.places[decode.reference_of(resource)] = resource
            return
        named = self.guard.check(resource) if kind else False
        name = decode.reference_of(resource)
        # Two resources without an id are two resources: what tells them apart is their place in the answer.
        key = name if resource.get("id") else full_url or f"{name} {len(self._seen)}"
        if kind is None:
            self._aside(name, "an entry holds no resource")
        elif key not in self._seen and self._relevant(resource):
            self._seen.add(key)
            problem = fault_in(resource) if named else "it names no patient"
            if problem:
                self._aside(name, problem, resource)
            else:
                self._keep(resource, key, source)

    def _relevant(self, resource: Json) -> bool:
        """Patient and encounters always; observations only with a code that somebody asked for."""
        kind = resource.get("resourceType")
        if kind != "Observation":
            return kind in ("Patient", "Encounter")
        parts = [resource, *decode.members(resource, "component")]
        return any(coding.token in self.wanted for part in parts for coding in decode.codings(part.get("code")))

    def _keep(self, resource: Json, key: str, source: Source) -> None:
        """Keep a valid resource, under the name that tells it from others."""
        kind = resource["resourceType"]
        if kind == "Patient":
            self._patient = resource
        elif kind == "Encounter":
            self.encounters[key] = resource
        else:
            self._measure(resource, key, source)

    def _measure(self, resource: Json, key: str, source: Source) -> None:
        """The numbers of one Observation."""
        for report in decode.reported(resource, key, source):
            if not any(coding.token in self.wanted for coding in report.codings):
                continue
            fact = accept(report, self.analytes, self.now)
            if isinstance(fact, SetAside):
                self.set_aside.append(fact)
            else:
                self._observations[fact.reference] = fact

    def _aside(self, name: str, detail: str, resource: Json | None = None) -> None:
        """Set a malformed resource aside, by name."""
        codings = decode.codings(resource.get("code")) if resource is not None else ()
        self.set_aside.append(SetAside(name, SetAsideReason.MALFORMED, detail, codings))

    def unknown_places(self, base: str) -> list[str]:
        """Location references of open stays that no answer has brought and no name explains, latest stay first."""
        closed = ("finished", "cancelled", "entered-in-error")
        stays = [encounter for encounter in self.encounters.values() if encounter.get("status") not in closed]
        found = [ref for stay in reversed(stays) for ref in decode.places_to_look_up(stay, self.rule, base)]
        return [ref for ref in dict.fromkeys(found) if ref not in self.places]

    def record(self, patient_id: str, focus: str | None) -> PatientRecord:
        """The record."""
        birth, sex, name, caveats = decode.person(self._patient or {})
        return PatientRecord(
            patient_id=patient_id,
            read_at=self.now,
            birth_date=birth,
            sex=sex,
            stays=self._stays(),
            observations=tuple(sorted(self._observations.values(), key=lambda fact: (fact.time, fact.reference))),
            set_aside=tuple(self.set_aside),
            incomplete=tuple(self.incomplete),
            caveats=caveats,
            focus=focus,
            name=name,
        )

    def _stays(self) -> tuple[Stay, ...]:
        """The encounters as stays, oldest first; those without a start come first."""
        stays = (decode.stay(resource, self.rule, self.places) for resource in self.encounters.values())
        return tuple(sorted(stays, key=lambda s: (s.start.timestamp() if s.start else 0.0, s.reference)))


def wanted_tokens(needs: Iterable[DataNeed]) -> frozenset[str]:
    """All code tokens that the needs name."""
    return frozenset(coding.token for need in needs for coding in need.codes)
