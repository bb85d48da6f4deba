"""Resources of one call → `PatientRecord`: guard, validate, decode, apply the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TypeVar

from clinical.record import Answer, Observation, PatientRecord, SetAside, SetAsideReason, Source, Stay
from fhir_adapters import conditions, decode, medications, procedures
from fhir_adapters.asked import Codes
from fhir_adapters.copies import Copies, Copy
from fhir_adapters.decode import Json
from fhir_adapters.encounter_classes import EncounterClasses
from fhir_adapters.entries import Concept, Entry, NotUsed
from fhir_adapters.facts import NO_SPAN, judged
from fhir_adapters.http.links import Links
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.observations import possible, reported
from fhir_adapters.plans import plan_of
from fhir_adapters.prefetch import Page, Row
from fhir_adapters.resources import Known, Validator
from fhir_adapters.shapes import Seen
from fhir_adapters.stays import places_to_look_up, stay
from fhir_adapters.units import Analytes

Fact = TypeVar("Fact")
_BY_TIME = attrgetter("time", "reference")
_BY_REFERENCE = attrgetter("reference")


@dataclass(slots=True)
class Assembly:
    """Collects one record. `wanted` are the (system, code) pairs of the needs; other observations are not looked into.

    `asked` are the further types of resources that the needs name, with their codes; other types are not taken in.
    Nothing is decoded before all answers are in: of two copies of one resource the newer counts, whichever came first.
    """

    guard: PatientGuard
    validator: Validator
    analytes: Analytes
    rule: IntensiveCare
    wanted: frozenset[tuple[str, str]]
    now: datetime
    asked: Mapping[str, Codes] = field(default_factory=dict)
    classes: EncounterClasses = field(default_factory=EncounterClasses)
    places: dict[str, Json] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    _copies: Copies = field(default_factory=Copies)
    _seen: Seen = field(default_factory=Seen)

    def add(self, rows: Sequence[Row], source: Source) -> None:
        """Take in the resources of one answer. Raises `WrongPatient`."""
        aliases, links = self.guard.aliases(rows), Links(rows, self.guard)
        for full_url, resource in rows:
            named = self.guard.check(resource, aliases, full_url)
            kind = resource.get("resourceType")
            if kind == "Location":
                self._add_place(resource)
            elif not isinstance(kind, str):
                self._aside(decode.reference_of(resource), "an entry holds no resource")
            elif self._relevant(kind, resource):
                self._copies.add(full_url, Copy(kind, resource, source, named, links))

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

    def _relevant(self, kind: str, resource: Json) -> bool:
        """Patients and encounters always; observations only with a code that somebody asked for."""
        if kind != "Observation":
            return kind in ("Patient", "Encounter") or kind in self.asked
        return decode.has_code(resource, self.wanted)

    def _usable(self, kind: str) -> Iterator[tuple[str, Copy, Known]]:
        """The resources of a type that can be used; each other one is set aside by name."""
        for key, copy in self._copies.of(kind):
            known = self._judged(key, copy)
            if known.fault:
                self._aside(key, known.fault, copy.resource)
            else:
                yield key, copy, known

    def _judged(self, key: str, copy: Copy) -> Known:
        """What is wrong with a resource, if anything is. A Medication is a thing, and names no patient."""
        if key in self._copies.conflicts:
            return Known("it came in versions that differ, and nothing says which is newer")
        named = copy.named or copy.kind == "Medication"
        return self.validator.look(copy.resource, self._seen) if named else Known("it names no patient")

    def _observed(self) -> tuple[tuple[Observation, ...], tuple[Answer, ...]]:
        """The numbers and answers of all Observations that were asked for and pass the rules."""
        kept: dict[str, Observation | Answer] = {}
        for key, copy, known in self._usable("Observation"):
            if not known.planned:
                known.plan, known.planned = plan_of(copy.resource, self.analytes), True
            plan = known.plan
            facts = plan.read(copy.resource, key, copy.source, self.wanted, self.now) if plan else None
            for fact in self._the_long_way(key, copy) if facts is None else facts:
                kept[fact.reference] = fact
        numbers = [fact for fact in kept.values() if isinstance(fact, Observation)]
        answers = [fact for fact in kept.values() if isinstance(fact, Answer)] if len(numbers) < len(kept) else []
        return tuple(sorted(numbers, key=_BY_TIME)), tuple(sorted(answers, key=_BY_TIME))

    def _the_long_way(self, key: str, copy: Copy) -> Iterator[Observation | Answer]:
        """The values of one Observation that pass the rules; each other one is set aside."""
        for report in reported(copy.resource, key, copy.source):
            if not any((coding.system, coding.code) in self.wanted for coding in report.codings):
                continue
            for fact in judged(report, self.analytes, self.now):
                if isinstance(fact, SetAside):
                    self.set_aside.append(fact)
                else:
                    yield fact

    def _entries(
        self,
        kind: str,
        what: Callable[[Entry], Concept],
        read: Callable[[Entry, Concept], Fact],
        medicines: Mapping[str, Json],
    ) -> Iterator[Fact]:
        """The facts of one type that were asked for and pass the rules; each other one is set aside.

        What has no code at all cannot be told to be something else than was asked for, so it is kept.
        """
        codes = self.asked.get(kind)
        for key, copy, _ in self._usable(kind):
            entry = Entry(copy.resource, key, self.now, copy.links, medicines)
            concept = what(entry)
            pairs = {(coding.system, coding.code) for coding in concept.codings}
            if codes is not None and pairs and codes.isdisjoint(pairs):
                continue
            try:
                fact = read(entry, concept)
            except NotUsed as refusal:
                self.set_aside.append(SetAside(key, refusal.reason, refusal.message, concept.codings))
                continue
            if not concept.told:
                self.set_aside.append(SetAside(key, SetAsideReason.NO_VALUE, "nobody can say which medicine it is"))
            yield fact

    def _aside(self, name: str, detail: str, resource: Json | None = None) -> None:
        """Set a malformed resource aside, by name."""
        codings = decode.all_codings(resource) if resource is not None else ()
        span = possible(resource) if resource is not None and resource.get("resourceType") == "Observation" else NO_SPAN
        fact = SetAside(name, SetAsideReason.MALFORMED, detail, codings, span.last, since=span.first)
        self.set_aside.append(fact)

    def unknown_places(self, base: str) -> list[str]:
        """Location references of open stays that no answer has brought and no name explains, latest stay first."""
        closed = ("finished", "cancelled", "entered-in-error")
        rows = (copy.resource for _, copy in self._copies.of("Encounter"))
        stays = [encounter for encounter in rows if encounter.get("status") not in closed]
        found = [ref for stay in reversed(stays) for ref in places_to_look_up(stay, self.rule, base)]
        return [ref for ref in dict.fromkeys(found) if ref not in self.places]

    def record(self, patient_id: str, focus: str | None) -> PatientRecord:
        """The record."""
        patient = next((copy.resource for _, copy, _ in self._usable("Patient")), {})
        person = decode.person(patient)
        stays, (observations, answers) = self._stays(), self._observed()
        medicines = {key: copy.resource for key, copy, _ in self._usable("Medication")}
        conditions_ = self._entries("Condition", conditions.what, conditions.read, medicines)
        procedures_ = self._entries("Procedure", procedures.what, procedures.read, medicines)
        ordered = self._entries("MedicationRequest", medications.what, medications.ordered, medicines)
        taken = self._entries("MedicationStatement", medications.what, medications.taken, medicines)
        return PatientRecord(
            patient_id=patient_id,
            read_at=self.now,
            birth_date=person.birth_date,
            sex=person.sex,
            deceased=person.deceased,
            stays=stays,
            observations=observations,
            answers=answers,
            conditions=tuple(sorted(conditions_, key=_BY_REFERENCE)),
            medications=tuple(sorted((*ordered, *taken), key=_BY_REFERENCE)),
            procedures=tuple(sorted(procedures_, key=_BY_REFERENCE)),
            set_aside=tuple(self.set_aside),
            incomplete=tuple(dict.fromkeys(self.incomplete)),
            caveats=person.caveats,
            focus=focus,
            name=person.name,
        )

    def _stays(self) -> tuple[Stay, ...]:
        """The encounters as stays, oldest first; those without a start come first."""
        copies = (copy for _, copy, _ in self._usable("Encounter"))
        read = (stay(copy.resource, self.rule, self.places, copy.links, self.now) for copy in copies)
        stays = map(self.classes.translated, read)
        return tuple(sorted(stays, key=lambda s: (s.start.timestamp() if s.start else 0.0, s.reference)))
