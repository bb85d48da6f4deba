"""Asking the monitors of one service and week: a fault of one costs its own answer, and the others stand.

The fault is told in that answer's place and logged by its class and place alone: its message may quote what was read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol, TypeVar

import duckdb
import numpy as np

from clinical.errors import ChartsideError, origin
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions, told_in_words
from oversight.monitors.result import Fault, MonitorResult, as_json, at_fault
from oversight.monitors.stays import StayMonitor, StayWeek, stay_week
from oversight.monitors.thresholds import Thresholds

LOG = logging.getLogger("chartside.monitors")
_T = TypeVar("_T")
# What the mart says of a question that is wrong for these data, or too large: of that question, not of the mart.
_OF_ONE = (duckdb.DataError, duckdb.NotSupportedError, duckdb.OutOfMemoryException)


class Monitor(Protocol):
    """One question about a week of a service. `needs` are the columns of the mart's events that it reads."""

    @property
    def name(self) -> str:
        """What runs and alerts are called by."""
        ...

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the view `event`."""
        ...

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """The answer. The selection's period is the week; what it is held against, the monitor asks for itself."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A week of a service. `rng` gives each monitor its own generator, by its name."""

    mart: Questions
    selection: Selection
    thresholds: Thresholds
    rng: Callable[[str], np.random.Generator]


def ask(asked: Asked, monitors: Iterable[Monitor]) -> list[MonitorResult]:
    """Of each monitor, in their order.

    Raises `ChartsideError` (no mart, no ledger), `MemoryError` and what is no `Exception`: those are of no one monitor.
    """
    found: list[MonitorResult] = []
    for of_stays, those in groupby(monitors, lambda each: isinstance(each, StayMonitor)):
        if of_stays:
            found += _of_stays(asked, [each for each in those if isinstance(each, StayMonitor)])
        else:
            found += [_answer(asked, each) for each in those]
    return found


def _answer(asked: Asked, monitor: Monitor) -> MonitorResult:
    """One answer, or its fault."""
    rng = asked.rng(monitor.name)
    found = _tried(lambda: _plain(monitor.run(asked.mart, asked.selection, asked.thresholds, rng)))
    return _told(asked, found, [monitor])[0] if isinstance(found, Fault) else found


def _of_stays(asked: Asked, monitors: Sequence[StayMonitor]) -> list[MonitorResult]:
    """Those of stays share what was read, which is let go afterwards; without it none of them has an answer."""
    stays = _tried(lambda: stay_week(asked.mart, asked.selection, asked.thresholds))
    if isinstance(stays, Fault):
        return _told(asked, stays, monitors)
    return [_judged(asked, each, stays) for each in monitors]


def _judged(asked: Asked, monitor: StayMonitor, stays: StayWeek) -> MonitorResult:
    """What one monitor makes of the stays, or its fault."""
    rng = asked.rng(monitor.name)
    found = _tried(lambda: _plain(monitor.judge(stays, asked.thresholds, rng)))
    return _told(asked, found, [monitor])[0] if isinstance(found, Fault) else found


def _plain(result: MonitorResult) -> MonitorResult:
    """The same. Raises `ValueError` or `TypeError` for one that could not be kept: NaN, or what is no JSON."""
    json.dumps(as_json(result), allow_nan=False)
    return result


def _tried(question: Callable[[], _T]) -> _T | Fault:
    """What is asked for, or the fault that it ended with."""
    try:
        with told_in_words():
            try:
                return question()
            except _OF_ONE as fault:
                return Fault(type(fault).__name__, origin(fault))
    except (ChartsideError, MemoryError):
        raise
    except Exception as fault:  # whatever it is, it must not silence the other monitors
        return Fault(type(fault).__name__, origin(fault))


def _told(asked: Asked, fault: Fault, monitors: Sequence[Monitor]) -> list[MonitorResult]:
    """The fault in place of the answers that it cost, after one line in the log."""
    names = ", ".join(each.name for each in monitors)
    selection = asked.selection
    LOG.error(
        "monitor at fault",
        extra={
            "service": selection.service,
            "week": selection.period.first.isoformat(),
            "monitor": names,
            "fault": fault.kind,
            "where": fault.where,
        },
    )
    return [at_fault(each.name, each.subject, fault) for each in monitors]
