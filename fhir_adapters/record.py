"""The `RecordSource` of the hook and of the SMART page: prefetch first, then FHIR with the token of the call.

The wrong-patient guard goes over all that was sent before anything is read. Data that were neither sent nor readable
raise `DataUnavailable` with the prefetch key (HTTP 412 at the hook), or are named as a gap, by their importance.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from clinical.errors import MalformedRequest
from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed, Importance
from clinical.ports import Clock
from clinical.record import PatientRecord, Source
from fhir_adapters.asked import asked_types, wanted_codes
from fhir_adapters.assemble import Assembly
from fhir_adapters.gaps import Gaps
from fhir_adapters.grant import Grant
from fhir_adapters.http.breaker import Breaker
from fhir_adapters.http.fhir_server import FhirServers
from fhir_adapters.http.transport import Deadline, Transport
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.prefetch import Absent, Page, sent_for, sent_unasked
from fhir_adapters.reads import Reads
from fhir_adapters.resources import Validator
from fhir_adapters.search import follow, read_all
from fhir_adapters.units import Analytes

MAX_PLACES = 8
_PLACE = DataNeed("location", "Location", importance=Importance.OPTIONAL)
# FHIR R4 datatypes.html: id. An id goes into URLs, so nothing else may stand in it, and no step up.
_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9\-.]{1,64}", re.ASCII)
# What was sent for each need.
Sent = Sequence[tuple[DataNeed, Page | Absent]]


@dataclass(frozen=True, slots=True)
class Site:
    """What this room must know about a client: its FHIR base URL and its names for intensive care units.

    `fhir_hosts` are further base URLs that its calls may name as their FHIR server.
    """

    fhir_base: str
    intensive_care_locations: tuple[str, ...] = ()
    fhir_hosts: tuple[str, ...] = ()

    @property
    def bases(self) -> tuple[str, ...]:
        """All base URLs without a slash at the end, the main one first."""
        return tuple(base.rstrip("/") for base in (self.fhir_base, *self.fhir_hosts))


class FhirRecords:
    """Reads records for many calls at once.

    `budget` bounds all FHIR reads of one call together, in seconds, where the call does not say how long it has.
    """

    def __init__(
        self,
        sites: Mapping[str, Site],
        *,
        transport: Transport,
        clock: Clock,
        analytes: Analytes,
        budget: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is called yet. `monotonic` drives the circuit breakers."""
        bases = {base for site in sites.values() for base in site.bases}
        self._sites = sites
        self._servers = FhirServers(transport, {base: Breaker(monotonic) for base in bases})
        self._clock = clock
        self._analytes = analytes
        self._budget = budget
        self._validator = Validator()
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="fhir-read")

    def read(self, invocation: Invocation, needs: Sequence[DataNeed]) -> PatientRecord:
        """Read what the needs name. Raises `DataUnavailable`, `WrongPatient` or `MalformedRequest`."""
        deadline = Deadline.after(self._budget if invocation.seconds is None else invocation.seconds)
        _check_ids(invocation)
        site = self._sites[invocation.client]
        grant = Grant.of(invocation.access, site.bases)
        assembly = self._assembly(invocation, needs, site, grant)
        gaps = Gaps(invocation.hook, assembly.incomplete)
        sent = _take_in(invocation.prefetch, needs, assembly, gaps)
        with Reads(self._pool, deadline, grant, assembly, gaps) as reads:
            self._read_rest(sent, invocation, grant, gaps, reads)
            self._read_places(site, grant, assembly, gaps, reads)
        focus = f"Encounter/{invocation.encounter_id}" if invocation.encounter_id else None
        return assembly.record(invocation.patient_id, focus)

    def _assembly(self, invocation: Invocation, needs: Sequence[DataNeed], site: Site, grant: Grant) -> Assembly:
        """An empty record for this patient."""
        return Assembly(
            guard=PatientGuard(invocation.patient_id, grant.base),
            validator=self._validator,
            analytes=self._analytes,
            rule=IntensiveCare(site.intensive_care_locations),
            wanted=wanted_codes(needs),
            now=self._clock.now(),
            asked=asked_types(needs),
        )

    def _read_rest(self, sent: Sent, invocation: Invocation, grant: Grant, gaps: Gaps, reads: Reads) -> None:
        """Read what the prefetch did not bring. All needs are judged before the first call is made."""
        jobs = []
        for need, part in sent:
            if isinstance(part, Page) and not part.next_url:
                continue
            access, obstacle = grant.for_type(need.resource_type)
            if access is not None:
                jobs.append((need, part, self._job(need, part, invocation, access)))
            elif isinstance(part, Absent):
                gaps.nothing(need, part, obstacle)
            else:
                gaps.partly(need, "the prefetch holds only its first page")
        for job in jobs:
            reads.start(*job)
        reads.collect()

    def _job(
        self, need: DataNeed, part: Page | Absent, invocation: Invocation, access: FhirAccess
    ) -> Callable[[Deadline], Page]:
        """The read of a whole need, or of the pages after the first."""
        if isinstance(part, Page):
            return lambda deadline: follow(self._servers, access, part.next_url, deadline, need.resource_type)
        query = need.query(invocation.patient_id, invocation.encounter_id, self._clock.now())
        return lambda deadline: read_all(self._servers, access, query, deadline)

    def _read_places(self, site: Site, grant: Grant, assembly: Assembly, gaps: Gaps, reads: Reads) -> None:
        """Read the Locations that open stays refer to: their type says whether they are intensive care.

        A place that could not be read is a gap that is named. Without leave to read, the site's list of names decides.
        """
        unknown = assembly.unknown_places(grant.base)
        if not unknown:
            return
        access, obstacle = grant.for_type(_PLACE.resource_type)
        if access is None:
            if not site.intensive_care_locations:
                gaps.partly(_PLACE, f"the place of the stay was not sent, and {obstacle}")
            return
        if len(unknown) > MAX_PLACES:
            gaps.partly(_PLACE, f"only the first {MAX_PLACES} places were read")
        for reference in unknown[:MAX_PLACES]:
            reads.start(_PLACE, Page(), partial(read_all, self._servers, access, reference))
        reads.collect()


def _check_ids(invocation: Invocation) -> None:
    """Raises `MalformedRequest` for ids that are none."""
    for name, value in (("patient", invocation.patient_id), ("encounter", invocation.encounter_id)):
        if value is not None and not _ID.fullmatch(value):
            raise MalformedRequest(f"The {name} id of the call is not a FHIR id.")


def _take_in(prefetch: Mapping[str, object], needs: Sequence[DataNeed], assembly: Assembly, gaps: Gaps) -> Sent:
    """Take in all that was sent, and look for another patient also where nobody asked. Raises `WrongPatient`."""
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
