"""One call, and what is read for it: each query goes out once, under one deadline, as of one moment.

A page with several models makes a record for each of them from the same answers: what is read twice may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed, Importance
from clinical.record import PatientRecord, Source
from fhir_adapters.asked import asked_types, wanted_codes
from fhir_adapters.assemble import Assembly
from fhir_adapters.encounter_classes import EncounterClasses
from fhir_adapters.gaps import Gaps
from fhir_adapters.grant import Grant
from fhir_adapters.http.fhir_server import FhirServers
from fhir_adapters.http.transport import Deadline
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.prefetch import Absent, Page, sent_for, sent_unasked
from fhir_adapters.reads import Reads
from fhir_adapters.resources import Validator
from fhir_adapters.search import follow, read_all
from fhir_adapters.units import Analytes

MAX_PLACES = 8
_PLACE = DataNeed("location", "Location", importance=Importance.OPTIONAL)
# What was sent for each need.
Sent = Sequence[tuple[DataNeed, Page | Absent]]


@dataclass(frozen=True, slots=True)
class Site:
    """What this room must know about a client: its FHIR base URL and its names for intensive care units.

    `fhir_hosts` are further base URLs that its calls may name as their FHIR server. `encounter_classes` are codes of
    HL7 v3 ActCode by `system|code` of the site's own classes.
    """

    fhir_base: str
    intensive_care_locations: tuple[str, ...] = ()
    fhir_hosts: tuple[str, ...] = ()
    encounter_classes: Mapping[str, str] = field(default_factory=dict)

    @property
    def bases(self) -> tuple[str, ...]:
        """All base URLs without a slash at the end, the main one first."""
        return tuple(base.rstrip("/") for base in (self.fhir_base, *self.fhir_hosts))


@dataclass(frozen=True, slots=True)
class Tools:
    """What every reading works with. Safe to share between threads."""

    servers: FhirServers
    analytes: Analytes
    validator: Validator


class Reading:
    """What is read for one call, by one thread. On leaving, what was not begun yet is called off."""

    def __init__(
        self, tools: Tools, threads: Executor, site: Site, invocation: Invocation, deadline: Deadline, now: datetime
    ) -> None:
        """Nothing is read yet. `now` bounds the searches that look back."""
        self._tools = tools
        self._threads = threads
        self._site = site
        self._invocation = invocation
        self._deadline = deadline
        self._now = now
        self._grant = Grant.of(invocation.access, site.bases)
        self._under_way: dict[str, Future[Page]] = {}

    def start(self, needs: Sequence[DataNeed]) -> None:
        """Send the queries of some needs ahead, without waiting for an answer."""
        for need, part in ((need, sent_for(need, self._invocation.prefetch)) for need in needs):
            access, _ = self._grant.for_type(need.resource_type)
            if access is not None and (isinstance(part, Absent) or part.next_url):
                self._ask(need, part, access)

    def read(self, needs: Sequence[DataNeed]) -> PatientRecord:
        """The record of what the needs name, and no more.

        Raises `DataUnavailable`, `WrongPatient` or `MalformedRequest`.
        """
        assembly = self._assembly(needs)
        gaps = Gaps(self._invocation.hook, assembly.incomplete)
        sent = self._take_in(needs, assembly, gaps)
        reads = Reads(self._deadline, self._grant, assembly, gaps)
        self._ask_rest(sent, gaps, reads)
        reads.collect("Encounter")  # which names the places, so that they do not wait for what is slower
        self._ask_places(assembly, gaps, reads)
        reads.collect()
        encounter = self._invocation.encounter_id
        return assembly.record(self._invocation.patient_id, f"Encounter/{encounter}" if encounter else None)

    def _assembly(self, needs: Sequence[DataNeed]) -> Assembly:
        """An empty record for this patient."""
        return Assembly(
            guard=PatientGuard(self._invocation.patient_id, self._grant.base),
            validator=self._tools.validator,
            analytes=self._tools.analytes,
            rule=IntensiveCare(self._site.intensive_care_locations),
            classes=EncounterClasses(self._site.encounter_classes),
            wanted=wanted_codes(needs),
            now=self._now,
            asked=asked_types(needs),
        )

    def _take_in(self, needs: Sequence[DataNeed], assembly: Assembly, gaps: Gaps) -> Sent:
        """Take in all that was sent, and look for another patient also where nobody asked. Raises `WrongPatient`."""
        prefetch = self._invocation.prefetch
        assembly.check_only(sent_unasked(needs, prefetch))
        sent = [(need, sent_for(need, prefetch)) for need in needs]
        for need, part in sent:
            if isinstance(part, Absent):
                assembly.check_only(part.unread)
                continue
            assembly.add_page(part, Source.PREFETCH)
            for gap in part.gaps:
                gaps.partly(need, gap)
        return sent

    def _ask_rest(self, sent: Sent, gaps: Gaps, reads: Reads) -> None:
        """Ask for what the prefetch did not bring. All needs are judged before the first call is made."""
        jobs = []
        for need, part in sent:
            if isinstance(part, Page) and not part.next_url:
                continue
            access, obstacle = self._grant.for_type(need.resource_type)
            if access is not None:
                jobs.append((need, part, access))
            elif isinstance(part, Absent):
                gaps.nothing(need, part, obstacle, refused=self._grant.access is not None)
            else:
                gaps.partly(need, "the prefetch holds only its first page")
        for need, part, access in jobs:
            reads.expect(need, part, self._ask(need, part, access))

    def _ask(self, need: DataNeed, part: Page | Absent, access: FhirAccess) -> Future[Page]:
        """The read of a whole need, or of the pages after the first."""
        servers, call = self._tools.servers, self._invocation
        if isinstance(part, Page):
            first, kind = part, need.resource_type
            return self._once(first.next_url, lambda deadline: follow(servers, access, first, deadline, kind))
        query = need.query(call.patient_id, call.encounter_id, self._now)
        return self._once(query, partial(read_all, servers, access, query))

    def _ask_places(self, assembly: Assembly, gaps: Gaps, reads: Reads) -> None:
        """Ask for the Locations that open stays refer to: their type says whether they are intensive care.

        A place that could not be read is a gap that is named. Without leave to read, the site's list of names decides.
        """
        unknown = assembly.unknown_places(self._grant.base)
        if not unknown:
            return
        access, obstacle = self._grant.for_type(_PLACE.resource_type)
        if access is None:
            if not self._site.intensive_care_locations:
                gaps.partly(_PLACE, f"the place of the stay was not sent, and {obstacle}")
            return
        if len(unknown) > MAX_PLACES:
            gaps.partly(_PLACE, f"only the first {MAX_PLACES} places were read")
        for reference in unknown[:MAX_PLACES]:
            job = partial(read_all, self._tools.servers, access, reference)
            reads.expect(_PLACE, Page(), self._once(reference, job))

    def _once(self, query: str, read: Callable[[Deadline], Page]) -> Future[Page]:
        """Begin a read that is not under way yet."""
        future = self._under_way.get(query)
        if future is None:
            future = self._under_way[query] = self._threads.submit(read, self._deadline)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._under_way.values():
            future.cancel()
