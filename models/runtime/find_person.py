"""Inputs about the current stay and the person."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil, floor

from clinical.assessment import Basis
from clinical.record import Stay
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.placed import SEX
from models.runtime.score_inputs import Personal, Stayed

_DAY = timedelta(days=1)
# Clocks are at most so far behind UTC and ahead of it.
_BEHIND, _AHEAD = timedelta(hours=12), timedelta(hours=14)
_THIS_STAY = "this stay"


def stayed(one: Stayed, chart: Chart) -> Found:
    """What the current stay says."""
    stay = chart.situation.stay
    if stay is None:
        return NOTHING
    if one.what.startswith("days"):
        return _days(one, stay, chart.as_of)
    coding = {
        "priority": stay.priority,
        "admit_source": stay.admit_source,
        "disposition": stay.discharge_disposition,
    }[one.what]
    if coding is None or (value := one.values.get((coding.system, coding.code))) is None:
        return NOTHING
    return Found(value, coding.display or coding.code, basis=(Basis(stay.reference, _THIS_STAY, stay.start),))


def _days(one: Stayed, stay: Stay, as_of: datetime) -> Found:
    """The calendar days of a stay so far: the least or the most that they can be."""
    span = _span(stay, as_of)
    if span is None:
        return NOTHING
    days = max(span[1] if one.what == "days_most" else span[0], 0)
    text = f"{days} {'day' if days == 1 else 'days'}"
    return Found(float(days), text, basis=(Basis(stay.reference, _THIS_STAY, stay.start),))


def _span(stay: Stay, as_of: datetime) -> tuple[int, int] | None:
    """Calendar days are those of the hospital. Where its clock is not told, the number of midnights may be one more."""
    if stay.start_day is not None and stay.end_day is not None and stay.end is None:
        return (days := (stay.end_day - stay.start_day).days), days
    until = as_of if stay.end is None else min(stay.end, as_of)
    if stay.start is not None and stay.offset is not None:
        return (days := ((until + stay.offset).date() - (stay.start + stay.offset).date()).days), days
    if stay.start is not None:
        return floor((until - stay.start) / _DAY), ceil((until - stay.start) / _DAY)
    if stay.start_day is None:
        return None
    least, most = ((moment.date() - stay.start_day).days for moment in (until - _BEHIND, until + _AHEAD))
    return least, most


def personal(one: Personal, chart: Chart) -> Found:
    """The age, or the sex."""
    if one.what == "age":
        return Found(chart.situation.age, f"{chart.situation.age:g} years")
    sex = chart.record.sex or ""
    return Found(SEX[sex], sex) if sex in SEX else NOTHING
