"""The report as text that survives being pasted into a mail: words for marks, no colour, no wide lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from chartside.doctor.checks import Observation, Outcome, Result
from chartside.doctor.report import Report

WIDTH = 110
SHOWN = 4
MANY = 4
INDENT = " " * 8


def render(report: Report) -> str:
    """The whole report."""
    return "\n".join([*_head(report), *_areas(report), *_end(report), ""])


def _head(report: Report) -> Iterator[str]:
    """What was examined, when, and how."""
    yield "CDS Hooks service report by chartside doctor"
    yield ""
    yield f"  service    {report.service}"
    yield f"  time       {report.time:%Y-%m-%d %H:%M} UTC"
    yield f"  doctor     chartside {report.version}, against CDS Hooks 2.0.1"
    yield f"  calls      {report.requests} in {report.seconds:.1f} s, {_signed(report)}"
    yield from _wrapped("  examined   ", ", ".join(report.services) or "no service", " " * 13)
    yield "  rows       are those of the conformance checklist (docs/conformance.md)"
    if report.blocked:
        yield ""
        yield from _wrapped("NOT EXAMINED IN FULL: ", report.blocked, "  ")


def _signed(report: Report) -> str:
    """How the calls were signed."""
    return f"each with a fresh JWT ({report.signed})" if report.signed else "without a token"


def _areas(report: Report) -> Iterator[str]:
    """The checks by area."""
    for area, results in groupby(report.results, key=lambda result: result.check.area):
        yield ""
        yield area
        for skipped, run in groupby(results, key=_skipped_because):
            members = list(run)
            yield from _skipped(members, skipped) if skipped else _made(members)


def _made(results: list[Result]) -> Iterator[str]:
    """Checks that were made."""
    for result in results:
        yield from _result(result)


def _skipped_because(result: Result) -> str:
    """Why a check was skipped; empty where it was made."""
    return result.reason if result.outcome is Outcome.SKIP else ""


def _skipped(results: list[Result], reason: str) -> Iterator[str]:
    """Checks in a row that were skipped for one reason, which is said once; many of them without their titles."""
    if len(results) > MANY:
        yield from _wrapped(f"  SKIP  {len(results)} checks: ", reason, " " * 15)
        return
    for result in results:
        yield from _line(result)
    yield from _wrapped(f"{INDENT}why:    ", reason, INDENT + " " * 8)


def _result(result: Result) -> Iterator[str]:
    """One line for a check, and what was found where it says more."""
    yield from _line(result)
    if result.broken or result.check.telling:
        yield from _found(result.broken or result.observations)
    if result.broken:
        yield from _wrapped(f"{INDENT}to do:  ", result.check.advice, INDENT + " " * 8)


def _line(result: Result) -> list[str]:
    """Mark, level, title and rows."""
    check, mark = result.check, result.outcome.value.upper()
    rows = ", ".join(map(str, check.rows))
    title = f"{check.title} (row{'s' if len(check.rows) > 1 else ''} {rows})" if rows else check.title
    return _wrapped(f"  {mark:<5} {check.level.value:<7}", title, " " * 15)


def _found(observations: tuple[Observation, ...]) -> Iterator[str]:
    """The first few observations."""
    for row in observations[:SHOWN]:
        yield from _wrapped(f"{INDENT}found:  ", f"{row.subject}: {row.found}", INDENT + " " * 8)
    if len(observations) > SHOWN:
        yield f"{INDENT}        and {len(observations) - SHOWN} more like this (--json has all)"


def _end(report: Report) -> Iterator[str]:
    """The counts and what they mean."""
    counts = report.counts()
    told = ", ".join(f"{counts[outcome]} {outcome.value.upper()}" for outcome in Outcome)
    yield ""
    yield f"Summary: {len(report.results)} checks: {told}."
    if counts[Outcome.FAIL]:
        yield f"{counts[Outcome.FAIL]} SHALL rule{'s were' if counts[Outcome.FAIL] > 1 else ' was'} broken."
    elif report.blocked:
        yield "The service was not examined in full; what was examined broke no SHALL rule."
    else:
        yield "No SHALL rule was broken. A report of this kind is evidence for what it tried, not a certificate."


def _wrapped(lead: str, text: str, indent: str) -> list[str]:
    """Text behind a lead, in lines of bounded width."""
    return textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=indent) or [lead.rstrip()]
