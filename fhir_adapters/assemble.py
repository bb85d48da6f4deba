"""Resources of one call → `PatientRecord`: guard, validate, decode, apply the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from clinical.need import DataNeed
from clinical.record import Observation, PatientRecord, SetAside, SetAsideReason, Source, Stay
from fhir_adapters import decode
from fhir_adapters.decode import Json
from fhir_adapters.facts import accept
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.plans import plan_of
from fhir_adapters.prefetch import Page, Row
from fhir_adapters.resources import Known, Validator
from fhir_adapters.units import Analytes

_BY_TIME = attrgetter("time", "reference")


@dataclass(slots=True)
class _Copy:
    """One resource as it came."""

    kind: str
    resource: Json
    source: Source
    named: bool


@dataclass(slots=True)
class Assembly:
    """Collects one record. `wanted` are the (system, code) pairs of the needs; other observations are not looked into.

    Nothing is decoded before all answers are in: of two copies of one resource the newer counts, whichever came first.
    """

    guard: PatientGuard
    validator: Validator
    analytes: Analytes
    rule: IntensiveCare
    wanted: frozenset[tuple[str, str]]
    now: datetime
    places: dict[str, Json] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    _copies: dict[str, _Copy] = field(default_factory=dict)
    _conflicts: set[str] = field(default_factory=set)

    def add(self, rows: Sequence[Row], source: Source) -> None:
        """Take in the resources of one answer. Raises `WrongPatient`."""
        aliases = self.guard.aliases(rows)
        for full_url, resource in rows:
            named = self.guard.check(resource, aliases, full_url)
            kind = resource.get("resourceType")
            if kind == "Location":
                self._add_place(resource)
            elif not isinstance(kind, str):
                self._aside(decode.reference_of(resource), "an entry holds no resource")
            elif self._relevant(kind, resource):
                self._add_copy(full_url, _Copy(kind, resource, source, named))

    def check_only(self, rows: Iterable[Row]) -> None:
        """Look for another patient in resources that are not taken in. Raises `WrongPatient`."""
        found = list(rows)
        aliases = self.guard.aliases(found)
        for full_url, resource in found:
            self.guard.check(resource, aliases, full_url)

    def add_page(self, page: Page, source: Source) -> None:
        """Take in one answer, and look for another patient in what came along with it. Raises `WrongPatient`."""
        self.add(page.resources, source)
        self.check_only(page.unread)

    def _add_place(self, resource: Json) -> None:
        """Keep a Location that can be read; another leaves its place unknown."""
        problem = self.validator.fault_in(resource)
        if problem:
            self.incomplete.append(f"location: {decode.reference_of(resource)} is malformed ({problem})")
        else:
            self.places[decode.reference_of(resource)] = resource

    def _add_copy(self, full_url: str, copy: _Copy) -> None:
        """Keep one copy of each resource: the newer; where that cannot be told, the resource is in conflict."""
        name = decode.reference_of(copy.resource)
        # Two resources without an id are two resources: what tells them apart is their place in the answer.
        key = name if copy.resource.get("id") else full_url or f"{name} {len(self._copies)}"
        known = self._copies.get(key)
        if known is None:
            self._copies[key] = copy
            return
        chosen = decode.newer(known.resource, copy.resource)
        if chosen is None:
            self._conflicts.add(key)
        elif chosen is copy.resource:
            self._copies[key] = copy

    def _relevant(self, kind: object, resource: Json) -> bool:
        """Patient and encounters always; observations only with a code that somebody asked for."""
        if kind != "Observation":
            return kind in ("Patient", "Encounter")
        return decode.has_code(resource, self.wanted)

    def _usable(self, kind: str) -> Iterator[tuple[str, _Copy, Known]]:
        """The resources of a type that can be used; each other one is set aside by name."""
        for key, copy in self._copies.items():
            if copy.kind != kind:
                continue
            known = self._judged(key, copy)
            if known.fault:
                self._aside(key, known.fault, copy.resource)
            else:
                yield key, copy, known

    def _judged(self, key: str, copy: _Copy) -> Known:
        """What is wrong with a resource, if anything is."""
        if key in self._conflicts:
            return Known("it came in versions that differ, and nothing says which is newer")
        return self.validator.look(copy.resource) if copy.named else Known("it names no patient")

    def _measured(self) -> tuple[Observation, ...]:
        """The numbers of all Observations that were asked for and pass the rules."""
        kept: dict[str, Observation] = {}
        for key, copy, known in self._usable("Observation"):
            if not known.planned:
                known.plan, known.planned = plan_of(copy.resource, self.analytes), True
            plan = known.plan
            facts = plan.read(copy.resource, key, copy.source, self.wanted, self.now) if plan else None
            for fact in self._the_long_way(key, copy) if facts is None else facts:
                kept[fact.reference] = fact
        return tuple(sorted(kept.values(), key=_BY_TIME))

    def _the_long_way(self, key: str, copy: _Copy) -> Iterator[Observation]:
        """The numbers of one Observation that pass the rules; each other one is set aside."""
        for report in decode.reported(copy.resource, key, copy.source):
            if not any((coding.system, coding.code) in self.wanted for coding in report.codings):
                continue
            fact = accept(report, self.analytes, self.now)
            if isinstance(fact, SetAside):
                self.set_aside.append(fact)
            else:
                yield fact

    def _aside(self, name: str, detail: str, resource: Json | None = None) -> None:
        """Set a malformed resource aside, by name."""
        codings = decode.all_codings(resource) if resource is not None else ()
        self.set_aside.append(SetAside(name, SetAsideReason.MALFORMED, detail, codings))

    def unknown_places(self, base: str) -> list[str]:
        """Location references of open stays that no answer has brought and no name explains, latest stay first."""
        closed = ("finished", "cancelled", "entered-in-error")
        rows = (copy.resource for copy in self._copies.values() if copy.kind == "Encounter")
        stays = [encounter for encounter in rows if encounter.get("status") not in closed]
        found = [ref for stay in reversed(stays) for ref in decode.places_to_look_up(stay, self.rule, base)]
        return [ref for ref in dict.fromkeys(found) if ref not in self.places]

    def record(self, patient_id: str, focus: str | None) -> PatientRecord:
        """The record."""
        patient = next((copy.resource for _, copy, _ in self._usable("Patient")), {})
        person = decode.person(patient)
        stays, observations = self._stays(), self._measured()
        return PatientRecord(
            patient_id=patient_id,
            read_at=self.now,
            birth_date=person.birth_date,
            sex=person.sex,
            deceased=person.deceased,
            stays=stays,
            observations=observations,
            set_aside=tuple(self.set_aside),
            incomplete=tuple(dict.fromkeys(self.incomplete)),
            caveats=person.caveats,
            focus=focus,
            name=person.name,
        )

    def _stays(self) -> tuple[Stay, ...]:
        """The encounters as stays, oldest first; those without a start come first."""
        stays = (decode.stay(copy.resource, self.rule, self.places) for _, copy, _ in self._usable("Encounter"))
        return tuple(sorted(stays, key=lambda s: (s.start.timestamp() if s.start else 0.0, s.reference)))


def wanted_codes(needs: Iterable[DataNeed]) -> frozenset[tuple[str, str]]:
    """All codes that the needs name, as (system, code)."""
    return frozenset((coding.system, coding.code) for need in needs for coding in need.codes)


def wanted_tokens(needs: Iterable[DataNeed]) -> frozenset[str]:
    """All code tokens that the needs name."""
    return frozenset(coding.token for need in needs for coding in need.codes)
