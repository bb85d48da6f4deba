"""Inputs that are diagnoses: one is recorded, or none is, or the record does not say.

None is recorded only where every diagnosis could be read and every one of them is known to be something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from clinical.assessment import Basis
from clinical.record import Condition, SetAside
from clinical.record import SetAsideReason as Reason
from models.runtime.chart import NOTHING, Chart, Found, not_told
from models.runtime.find_names import Sure, name_of
from models.runtime.score_inputs import Diagnosed

UNCLEAR = "diagnosis whose code does not say whether it is one that the score asks for"
AHEAD = "diagnosis that is dated after now"


def diagnosed(one: Diagnosed, chart: Chart) -> Found:
    """Whether one of the diagnoses is recorded, with those that are."""
    if one.female_until is not None and not _is_asked(one.female_until, chart):
        return Found(0.0, "not asked")
    of = chart.diagnoses.of[one.name]
    found = [condition for condition in of if _counts(one, condition, chart) is Sure.YES]
    if found:
        return Found(1.0, "recorded", basis=_newest_of_each(found))
    if chart.has_gap(one.need) | chart.tell(_unclear(one, of, chart)):
        return NOTHING
    return Found(0.0, "not recorded")


def _is_asked(until: int, chart: Chart) -> bool:
    """Whether what only befalls women up to an age is asked of this patient: of everybody who may be one."""
    return chart.record.sex != "male" and chart.situation.age <= until


def _unclear(one: Diagnosed, of: Iterable[Condition], chart: Chart) -> Iterator[SetAside]:
    """What may be one of the diagnoses: its code does not say, its time is to come, or the reader set it aside."""
    unclear = chart.diagnoses.unclear[one.name]
    doubtful = (condition for condition in unclear if _counts(one, condition, chart) is not Sure.NO)
    yield from not_told((condition.reference for condition in doubtful), UNCLEAR, Reason.NO_VALUE)
    ahead = (condition.reference for condition in of if _counts(one, condition, chart) is Sure.UNCLEAR)
    yield from not_told(ahead, AHEAD, Reason.FUTURE)
    yield from chart.diagnoses.aside[one.name]


def _counts(one: Diagnosed, condition: Condition, chart: Chart) -> Sure:
    """Whether a diagnosis would count by its state and its time. One that is to come is a mistake of somebody's."""
    if one.active_only and not condition.active:
        return Sure.NO
    times = [time for time in (condition.onset, condition.recorded) if time is not None]
    if any(time > chart.as_of for time in times):
        return Sure.UNCLEAR
    old = one.window is not None and times and max(times) <= chart.as_of - one.window
    return Sure.NO if old else Sure.YES


def _newest_of_each(conditions: Iterable[Condition]) -> tuple[Basis, ...]:
    """One basis for each diagnosis as people call it, the newest: a long history says the same many times."""
    newest: dict[str, Basis] = {}
    for condition in conditions:
        basis = Basis(condition.reference, name_of(condition), condition.onset or condition.recorded)
        known = newest.get(basis.text)
        if known is None or _age(basis.time, basis.reference) > _age(known.time, known.reference):
            newest[basis.text] = basis
    return tuple(newest.values())


def _age(time: datetime | None, reference: str) -> tuple[float, str]:
    return time.timestamp() if time else float("-inf"), reference
