"""Days and periods in the address of a page, checked. Faults are told in words, without quoting the input."""

from __future__ import annotations

import re
from datetime import date

from oversight.override_rates import Step

MAX_STRETCHES = 400
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS_IN = {Step.DAY: 1, Step.WEEK: 7, Step.MONTH: 28}


def day_of(text: str | None, name: str, default: date, faults: list[str]) -> date:
    """A day, or the default after a fault was noted."""
    if not text:
        return default
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        faults.append(f"“{name}” must be a day such as 2026-03-31.")
        return default


def told_step(asked: Step, *, sees_few: bool) -> Step:
    """Months cut weeks in two: set against the weeks they would tell single days. So they are for who may see these."""
    return asked if sees_few or asked is not Step.MONTH else Step.WEEK


def period_faults(first: date, last: date, by: Step) -> list[str]:
    """What is wrong with the period."""
    if first > last:
        return ["“from” is after “to”."]
    if (last - first).days // _DAYS_IN[by] > MAX_STRETCHES:
        return [f"The period is too long to be shown by {by.value}: at most {MAX_STRETCHES} {by.value}s."]
    return []
