"""What the address of the page asks for, checked. Every fault is told at once, in words, without quoting the input."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from werkzeug.datastructures import MultiDict

from oversight.override_rates import Step
from oversight.tallies import Period, usual_first_day

MAX_STRETCHES = 400
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS_IN = {Step.DAY: 1, Step.WEEK: 7, Step.MONTH: 28}


@dataclass(frozen=True, slots=True)
class Question:
    """A checked query; `service` None means all."""

    service: str | None
    period: Period
    by: Step


def parse_question(args: MultiDict[str, str], services: Collection[str], today: date) -> Question | list[str]:
    """The question, or the list of faults. Without dates: this week and the eleven before it, up to today (UTC)."""
    faults = [f"“{name}” is given more than once." for name in ("service", "from", "to", "by") if _repeated(args, name)]
    service = args.get("service") or None
    if service is not None and service not in services:
        faults.append("“service” is not a service that the ledger knows.")
    by = args.get("by") or Step.WEEK.value
    if by not in list(Step):
        faults.append("“by” must be day, week or month.")
    last = day_of(args.get("to"), "to", today, faults)
    first = day_of(args.get("from"), "from", usual_first_day(last), faults)
    if not faults:
        faults = period_faults(first, last, Step(by))
    return faults or Question(service, Period(first, last), Step(by))


def _repeated(args: MultiDict[str, str], name: str) -> bool:
    """Whether a parameter comes twice."""
    return len(args.getlist(name)) > 1


def day_of(text: str | None, name: str, default: date, faults: list[str]) -> date:
    """A day, or the default after a fault was noted."""
    if not text:
        return default
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        faults.append(f"“{name}” must be a day such as 2026-03-31.")
        return default


def period_faults(first: date, last: date, by: Step) -> list[str]:
    """What is wrong with the period."""
    if first > last:
        return ["“from” is after “to”."]
    if (last - first).days // _DAYS_IN[by] > MAX_STRETCHES:
        return [f"The period is too long to be shown by {by.value}: at most {MAX_STRETCHES} {by.value}s."]
    return []
