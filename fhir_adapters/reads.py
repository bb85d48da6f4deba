"""The FHIR reads behind one record: waiting for them under the call's deadline, and taking them in."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from http import HTTPStatus

from clinical.need import DataNeed
from clinical.record import Source
from fhir_adapters.assemble import Assembly
from fhir_adapters.gaps import Gaps
from fhir_adapters.grant import Grant
from fhir_adapters.http.transport import TOO_LATE, Deadline, FetchFailed
from fhir_adapters.prefetch import Absent, Page

# What a server says of a type that it does not permit or does not know: the same tomorrow (FHIR R4 http.html#2.21.0.4).
NEVER = frozenset(
    {
        HTTPStatus.BAD_REQUEST.value,
        HTTPStatus.FORBIDDEN.value,
        HTTPStatus.NOT_FOUND.value,
        HTTPStatus.METHOD_NOT_ALLOWED.value,
        HTTPStatus.GONE.value,
        HTTPStatus.NOT_IMPLEMENTED.value,
    }
)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A read that is under way, and what had been sent for its need."""

    need: DataNeed
    sent: Page | Absent
    future: Future[Page]


class Reads:
    """Waits for reads and takes them in."""

    def __init__(self, deadline: Deadline, grant: Grant, assembly: Assembly, gaps: Gaps) -> None:
        """Take what the call has; nothing is started yet."""
        self._deadline = deadline
        self._grant = grant
        self._assembly = assembly
        self._gaps = gaps
        self._pending: list[_Pending] = []

    def expect(self, need: DataNeed, sent: Page | Absent, future: Future[Page]) -> None:
        """One read that is under way."""
        self._pending.append(_Pending(need, sent, future))

    def collect(self, resource_type: str = "") -> None:
        """Wait for all reads, or for those of a type. Raises `DataUnavailable` or `WrongPatient`."""
        chosen = [one for one in self._pending if resource_type in ("", one.need.resource_type)]
        self._pending = [one for one in self._pending if one not in chosen]
        for pending in chosen:
            try:
                page = pending.future.result(timeout=self._deadline.left())
            except FetchFailed as fault:
                self._failed(pending, fault.message, refused=fault.status in NEVER)
            except FutureTimeout:
                self._failed(pending, TOO_LATE)
            else:
                self._take_in(pending.need, page)

    def _take_in(self, need: DataNeed, page: Page) -> None:
        """Take an answer in, and name its gaps: its own, or else what the scopes kept back."""
        self._assembly.add_page(page, Source.FHIR)
        scope_gap = self._grant.gap(need.resource_type)
        gap = "; ".join(page.gaps) or scope_gap
        if gap:
            self._gaps.partly(need, gap)

    def _failed(self, pending: _Pending, why: str, *, refused: bool = False) -> None:
        """A read that brought nothing."""
        if isinstance(pending.sent, Absent):
            self._gaps.nothing(pending.need, pending.sent, why, refused=refused)
        else:
            self._gaps.partly(pending.need, why)
