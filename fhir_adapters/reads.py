"""The FHIR reads of one call: side by side, under one deadline."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from clinical.need import DataNeed
from clinical.record import Source
from fhir_adapters.assemble import Assembly
from fhir_adapters.gaps import Gaps
from fhir_adapters.grant import Grant
from fhir_adapters.http.transport import TOO_LATE, Deadline, FetchFailed
from fhir_adapters.prefetch import Absent, Page


@dataclass(frozen=True, slots=True)
class _Pending:
    """A read that is under way, and what had been sent for its need."""

    need: DataNeed
    sent: Page | Absent
    future: Future[Page]


class Reads:
    """Starts reads, waits for them and takes them in. On leaving, what was not begun yet is called off."""

    def __init__(self, pool: Executor, deadline: Deadline, grant: Grant, assembly: Assembly, gaps: Gaps) -> None:
        """Take what the call has; nothing is started yet."""
        self._pool = pool
        self._deadline = deadline
        self._grant = grant
        self._assembly = assembly
        self._gaps = gaps
        self._pending: list[_Pending] = []

    def start(self, need: DataNeed, sent: Page | Absent, read: Callable[[Deadline], Page]) -> None:
        """Start one read."""
        self._pending.append(_Pending(need, sent, self._pool.submit(read, self._deadline)))

    def collect(self) -> None:
        """Wait for all reads. Raises `DataUnavailable` or `WrongPatient`."""
        while self._pending:
            pending = self._pending[0]
            try:
                page = pending.future.result(timeout=self._deadline.left())
            except FetchFailed as fault:
                self._failed(pending, fault.message)
            except FutureTimeout:
                self._failed(pending, TOO_LATE)
            else:
                self._take_in(pending.need, page)
            self._pending.pop(0)

    def _take_in(self, need: DataNeed, page: Page) -> None:
        """Take an answer in, and name its gaps: its own, or else what the scopes kept back."""
        self._assembly.add_page(page, Source.FHIR)
        scope_gap = self._grant.gap(need.resource_type)
        gap = "; ".join(page.gaps) or scope_gap
        if gap:
            self._gaps.partly(need, gap)

    def _failed(self, pending: _Pending, why: str) -> None:
        """A read that brought nothing."""
        if isinstance(pending.sent, Absent):
            self._gaps.nothing(pending.need, pending.sent, why)
        else:
            self._gaps.partly(pending.need, why)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pending in self._pending:
            pending.future.cancel()
