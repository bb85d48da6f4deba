"""The `RecordSource` of the hook and of the SMART page: prefetch first, then FHIR with the token of the call.

Data that were neither sent nor readable raise `DataUnavailable` with the prefetch key (HTTP 412 at the hook).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from clinical.errors import DataUnavailable
from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed
from clinical.ports import Clock
from clinical.record import PatientRecord, Source
from fhir_adapters.assemble import Assembly, wanted_tokens
from fhir_adapters.decode import Json
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.prefetch import Page, page_of
from fhir_adapters.search import Cover, cover, follow, read_all
from fhir_adapters.transport import Deadline, FetchFailed, Transport
from fhir_adapters.units import Analytes

MAX_PLACES = 8
Answer = tuple[list[tuple[str, Json]], str]


@dataclass(frozen=True, slots=True)
class Site:
    """What this room must know about a client: its FHIR base URL and its names for intensive care units."""

    fhir_base: str
    intensive_care_locations: tuple[str, ...] = ()


class FhirRecords:
    """Reads records for many calls at once. `budget` bounds all FHIR reads of one call together, in seconds."""

    def __init__(
        self,
        sites: Mapping[str, Site],
        *,
        transport: Transport,
        clock: Clock,
        analytes: Analytes,
        budget: float = 2.0,
    ) -> None:
        """Prepare; nothing is called yet."""
        self._sites = sites
        self._transport = transport
        self._clock = clock
        self._analytes = analytes
        self._budget = budget
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="fhir-read")

    def read(self, invocation: Invocation, needs: Sequence[DataNeed]) -> PatientRecord:
        """Read what the needs name. Raises `DataUnavailable`, `WrongPatient` or `MalformedRequest`."""
        site = self._sites[invocation.client]
        deadline = Deadline.after(self._budget)
        assembly = self._assembly(invocation, needs, site)
        answers = {need: self._start(need, invocation, site, deadline) for need in needs}
        for need, (page, pending) in answers.items():
            if page is not None:
                assembly.add(page.resources, Source.PREFETCH)
                assembly.incomplete.extend(f"{need.key}: {gap}" for gap in page.gaps)
            if pending is not None:
                self._collect(need, page is not None, pending, assembly, deadline, invocation.access)
            elif page is not None and page.next_url:
                assembly.incomplete.append(f"{need.key}: the prefetch holds only its first page")
        self._find_places(invocation, site, assembly, deadline)
        focus = f"Encounter/{invocation.encounter_id}" if invocation.encounter_id else None
        return assembly.record(invocation.patient_id, focus)

    def _assembly(self, invocation: Invocation, needs: Sequence[DataNeed], site: Site) -> Assembly:
        """An empty record for this patient."""
        return Assembly(
            guard=PatientGuard(invocation.patient_id, site.fhir_base),
            analytes=self._analytes,
            rule=IntensiveCare(site.intensive_care_locations),
            wanted=wanted_tokens(needs),
            now=self._clock.now(),
        )

    def _start(
        self, need: DataNeed, invocation: Invocation, site: Site, deadline: Deadline
    ) -> tuple[Page | None, Future[Answer] | None]:
        """What the prefetch brought for a need, and the read that is under way for the rest of it."""
        page = self._prefetched(need, invocation)
        if page is not None and not page.next_url:
            return page, None
        access, obstacle = _access(need, invocation, site)
        if access is None:
            if page is None and need.required:
                raise DataUnavailable(need.key, f"not in the prefetch, and {obstacle}")
            return page, None
        return page, self._pool.submit(self._reader(need, invocation, access, page, deadline))

    def _prefetched(self, need: DataNeed, invocation: Invocation) -> Page | None:
        """What the caller sent for a need, or None."""
        if need.key not in invocation.prefetch:
            return None
        return page_of(need.key, invocation.prefetch[need.key], need.resource_type)

    def _reader(
        self, need: DataNeed, invocation: Invocation, access: FhirAccess, page: Page | None, deadline: Deadline
    ) -> Callable[[], Answer]:
        """The job that reads the rest of a need."""
        if page is not None:
            return lambda: follow(self._transport, access, page.next_url, deadline, need.resource_type)
        query = need.query(invocation.patient_id, invocation.encounter_id, self._clock.now())
        return lambda: read_all(self._transport, access, query, deadline)

    def _collect(
        self,
        need: DataNeed,
        partly: bool,
        pending: Future[Answer],
        assembly: Assembly,
        deadline: Deadline,
        access: FhirAccess | None,
    ) -> None:
        """Wait for a read and take it in."""
        try:
            resources, gap = pending.result(timeout=deadline.remaining())
        except FetchFailed as fault:
            resources, gap = self._failed(need, partly, fault.message)
        except FutureTimeout:
            resources, gap = self._failed(need, partly, "the server did not answer in time")
        assembly.add(resources, Source.FHIR)
        if not gap and access is not None and cover(access.scopes, need.resource_type) is Cover.PART:
            gap = f"the granted scopes cover only a part of {need.resource_type}"
        if gap:
            assembly.incomplete.append(f"{need.key}: {gap}")

    def _failed(self, need: DataNeed, partly: bool, why: str) -> Answer:
        """A read that brought nothing: fatal for a required need, a stated gap for the rest."""
        if need.required and not partly:
            raise DataUnavailable(need.key, f"not in the prefetch, and {why}")
        return [], why

    def _find_places(self, invocation: Invocation, site: Site, assembly: Assembly, deadline: Deadline) -> None:
        """Read the Locations that open stays refer to: their type says whether they are intensive care.

        A place that could not be read is a gap that is named. Without leave to read, the site's list of names decides.
        """
        unknown = assembly.unknown_places(site.fhir_base)
        if not unknown:
            return
        need = DataNeed("location", "Location", required=False)
        access, obstacle = _access(need, invocation, site)
        if access is None:
            if not site.intensive_care_locations:
                assembly.incomplete.append(f"location: the place of the stay was not sent, and {obstacle}")
            return
        if len(unknown) > MAX_PLACES:
            assembly.incomplete.append(f"location: only the first {MAX_PLACES} places were read")
        jobs = [self._pool.submit(read_all, self._transport, access, ref, deadline) for ref in unknown[:MAX_PLACES]]
        for job in jobs:
            self._collect(need, False, job, assembly, deadline, access)


def _access(need: DataNeed, invocation: Invocation, site: Site) -> tuple[FhirAccess | None, str]:
    """The access that may read this need, or None and why there is none."""
    access = invocation.access
    if access is None:
        return None, "the call gives no access to a FHIR server"
    if access.base_url.rstrip("/") != site.fhir_base.rstrip("/"):
        return None, "the FHIR server of the call is not the one that is registered for this client"
    if cover(access.scopes, need.resource_type) is Cover.NONE:
        return None, f"the granted scopes do not cover {need.resource_type}"
    return access, ""
