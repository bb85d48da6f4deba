"""The whole examination, in the order of the report."""

from __future__ import annotations

import time
from collections.abc import Callable

from chartside.doctor import calls, cards, discovery, feedback, prefetched, refusals, surroundings, templates, tokens
from chartside.doctor.book import SUBJECT_LENGTH, Book, printable
from chartside.doctor.caller import Caller
from chartside.doctor.hooks import HOOKS
from chartside.doctor.report import Report
from chartside.doctor.visit import Listed, Options, Persons, Visit
from chartside.doctor.wire import BudgetSpent
from clinical.ports import Clock

CHECKS = (
    *discovery.CHECKS, *templates.CHECKS, *calls.CHECKS, *prefetched.CHECKS, *cards.CHECKS, *refusals.CHECKS,
    *feedback.CHECKS, *surroundings.CHECKS, *tokens.CHECKS,
)  # fmt: skip
_STEPS: tuple[Callable[[Visit], None], ...] = (
    discovery.examine, calls.examine, refusals.examine, feedback.examine, surroundings.examine, tokens.examine,
)  # fmt: skip


def examine(options: Options, caller: Caller, clock: Clock, *, persons: Persons, version: str) -> Report:
    """Examine a service and return what was found. What the service does never raises."""
    started, now = time.monotonic(), clock.now()
    book = Book(CHECKS)
    visit = Visit(options, caller, book, persons, now)
    _walk(visit)
    if visit.blocked:
        book.skip_rest(visit.blocked)
    return Report(
        service=options.discovery_url,
        time=now,
        version=version,
        signed=caller.signer.identity.algorithm if caller.signer else "",
        services=tuple(_called(listed) for listed in visit.services),
        requests=caller.wire.calls,
        seconds=time.monotonic() - started,
        results=book.results(),
        blocked=visit.blocked,
    )


def _called(listed: Listed) -> str:
    """A service, and whether the doctor can call it."""
    name = printable(listed.name, SUBJECT_LENGTH)
    return name if listed.hook in HOOKS else f"{name}, not called"


def _walk(visit: Visit) -> None:
    """All steps, until one finds that nothing more can be examined."""
    try:
        for step in _STEPS:
            step(visit)
            if visit.over:
                return
    except BudgetSpent as spent:
        visit.blocked = spent.message
