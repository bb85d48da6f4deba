"""The `RecordSource` of the hook and of the SMART page: prefetch first, then FHIR with the token of the call.

The wrong-patient guard goes over all that was sent before anything is read. Data that were neither sent nor readable
raise `DataUnavailable` with the prefetch key (HTTP 412 at the hook), or are named as a gap, by their importance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from clinical.errors import MalformedRequest
from clinical.invocation import SMART_HOOK, Invocation
from clinical.need import DataNeed
from clinical.ports import Clock
from clinical.record import PatientRecord
from fhir_adapters.http.breaker import Breaker
from fhir_adapters.http.fhir_server import FhirServers
from fhir_adapters.http.transport import Deadline, Transport
from fhir_adapters.ids import FHIR_ID
from fhir_adapters.reading import Reading, Site, Tools
from fhir_adapters.resources import Validator
from fhir_adapters.units import Analytes

__all__ = ["FhirRecords", "Site"]

# How many reads of one client are under way at once, for hooks and for pages apart: a slow EHR does not hold up the
# others, and its pages do not hold up its hooks.
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the calls of one client are read with."""

    site: Site
    tools: Tools
    for_hooks: Executor
    for_pages: Executor


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
        self._servers = FhirServers(transport, {base: Breaker(monotonic) for base in bases})
        tools = Tools(self._servers, analytes, Validator())
        self._desks = {client: _Desk(site, tools, _threads(), _threads()) for client, site in sites.items()}
        self._clock = clock
        self._budget = budget

    def read(self, invocation: Invocation, needs: Sequence[DataNeed]) -> PatientRecord:
        """Read what the needs name; the prefetch can go then.

        Raises `DataUnavailable`, `WrongPatient` or `MalformedRequest`.
        """
        with self.begin(invocation) as reading:
            record = reading.read(needs)
        invocation.let_go()
        return record

    def begin(self, invocation: Invocation) -> Reading:
        """Begin to read for a call; its time runs from now. Raises `MalformedRequest`."""
        deadline = Deadline.after(self._budget if invocation.seconds is None else invocation.seconds)
        _check_ids(invocation)
        desk = self._desks[invocation.client]
        threads = desk.for_pages if invocation.hook == SMART_HOOK else desk.for_hooks
        return Reading(desk.tools, threads, desk.site, invocation, deadline, self._clock.now())


def _threads() -> Executor:
    """Threads of one client; none is begun before it is needed."""
    return ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="fhir-read")


def _check_ids(invocation: Invocation) -> None:
    """Raises `MalformedRequest` for ids that are none."""
    for name, value in (("patient", invocation.patient_id), ("encounter", invocation.encounter_id)):
        if value is not None and not FHIR_ID.fullmatch(value):
            raise MalformedRequest(f"The {name} id of the call is not a FHIR id.")
