"""By when a device report is due under 21 CFR 803, and how the days are counted.

803.10 and 803.30: a user facility has 10 work days after the day it became aware of a death (to FDA and, if known, to
the manufacturer) or of a serious injury (to the manufacturer; to FDA if that is unknown). 803.10, 803.50 and 803.53: a
manufacturer has 30 calendar days for a death, a serious injury or a malfunction, and 5 work days where remedial action
is needed to prevent an unreasonable risk of substantial harm, or where FDA has asked in writing. 803.3: a work day is
Monday to Friday, but for Federal holidays. Whether software is a device at all, and whether an event is reportable, is
for people to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clinical.incident import Harm, ReporterKind

DAY = timedelta(days=1)
COUNTED = (
    "Counting begins on the day after the facility or the developer became aware. Work days are Monday to Friday "
    "without the eleven Federal holidays of 5 U.S.C. 6103(a), each on the day it is observed (Friday for a Saturday, "
    "Monday for a Sunday). Inauguration Day and closings by order of the President are not known here. Calendar days "
    "are all days, and a last day at a weekend is not moved."
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One duty: to whom, the last day, and in which words the time is given. `rule` names the paragraph."""

    to: str
    due: date
    time: str
    rule: str

    def days_left(self, today: date) -> int:
        """Calendar days until the last day; below 0 where it is past."""
        return (self.due - today).days


def deadlines(harm: Harm, who: ReporterKind, aware: date, *, remedial: bool = False) -> tuple[Deadline, ...]:
    """What is due, the soonest first; nothing where no individual report is asked for."""
    if harm is Harm.NONE:
        return ()
    if who is ReporterKind.USER_FACILITY:
        return _of_facility(harm, aware)
    usual = Deadline("FDA", aware + 30 * DAY, "30 calendar days", "21 CFR 803.10(c)(1)")
    soon = Deadline("FDA", add_work_days(aware, 5), "5 work days", "21 CFR 803.10(c)(2)")
    return (soon, usual) if remedial else (usual,)


def _of_facility(harm: Harm, aware: date) -> tuple[Deadline, ...]:
    """A malfunction alone obliges a user facility to nothing; it may report one voluntarily (Form FDA 3500)."""
    due = add_work_days(aware, 10)
    if harm is Harm.DEATH:
        said = ("FDA, and the manufacturer if known", "21 CFR 803.10(a)(1)(i)")
    elif harm is Harm.SERIOUS_INJURY:
        said = ("the manufacturer, or FDA if that is unknown", "21 CFR 803.10(a)(1)(ii)")
    else:
        return ()
    return (Deadline(said[0], due, "10 work days", said[1]),)


def add_work_days(day: date, number: int) -> date:
    """The work day that is so many after `day`, which itself never counts."""
    while number:
        day += DAY
        number -= is_work_day(day)
    return day


def is_work_day(day: date) -> bool:
    """Monday to Friday, and no Federal holiday."""
    return day.weekday() < 5 and day not in federal_holidays(day.year)


def federal_holidays(year: int) -> frozenset[date]:
    """The days of a year on which Federal holidays are observed. New Year's Day may be observed on 31 December."""
    kept = {_observed(day) for each in (year, year + 1) for day in _holidays(each)}
    return frozenset(day for day in kept if day.year == year)


def _holidays(year: int) -> tuple[date, ...]:
    """5 U.S.C. 6103(a). Juneteenth since 2021 (Public Law 117-17)."""
    fixed = [(1, 1), (7, 4), (11, 11), (12, 25)] + ([(6, 19)] if year >= 2021 else [])
    return (
        *(date(year, month, day) for month, day in fixed),
        _weekday(year, 1, 0, 3),
        _weekday(year, 2, 0, 3),
        _weekday(year, 6, 0, 1) - 7 * DAY,  # the last Monday of May
        _weekday(year, 9, 0, 1),
        _weekday(year, 10, 0, 2),
        _weekday(year, 11, 3, 4),
    )


def _weekday(year: int, month: int, weekday: int, which: int) -> date:
    """The first, second, … such weekday (Monday: 0) of a month."""
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (which - 1)) * DAY


def _observed(day: date) -> date:
    """The day off: the Friday before a Saturday, the Monday after a Sunday."""
    return day + {5: -DAY, 6: DAY}.get(day.weekday(), 0 * DAY)
