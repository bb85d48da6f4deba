"""Monitors at the ends of their figures: a perfect ranking, and values of which none is known in both periods."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from monitored_weeks import MONDAY, SERVICE, Week, changed, week_number

from oversight.analytics.drift import drift
from oversight.analytics.selection import Selection
from oversight.monitors.classifier import ClassifierDriftMonitor
from oversight.monitors.judged_source import JudgedSource
from oversight.monitors.outcomes import RATIO, PerformanceMonitor
from oversight.monitors.result import MonitorResult, Status
from oversight.monitors.run import all_monitors, run_service
from oversight.monitors.stays import stay_week
from oversight.monitors.thresholds import USUAL
from oversight.statistics.drift import Thresholds
from oversight.statistics.refused import Refused

LAST = 14
NOT_KNOWN = "No value is known in both periods."
WITH_OUTCOME = USUAL.changed({"outcome": "sepsis", "outcome_hours": 48.0})


# --- a perfect ranking -----------------------------------------------------------------------------------------------


def ranked(per_week: int, *, heeded: float = 0.0, turned: bool = False, stays: int = 1) -> JudgedSource:
    """Those above a risk of .25 have the event and nobody else, or the other way around; each stay has so many rows.

    `heeded`: share of the cards that were acted on, which averted nothing.
    """

    def source(mart: object, selection: Selection, *_: Any, **__: Any) -> SimpleNamespace:
        """The rows of the weeks of a selection."""
        first, last = ((day - MONDAY).days // 7 for day in (selection.period.first, selection.period.last))
        size = per_week * len([week for week in range(first, last + 1) if week >= 0])
        rng = np.random.default_rng(size)
        risk = rng.beta(1.5, 6, size)
        alerted = risk >= 0.25
        treated = alerted & (rng.random(size) < heeded)
        return SimpleNamespace(rows={
            "sequence": np.arange(size), "probability": risk, "outcome": (alerted != turned).astype(float),
            "alerted": alerted, "treated": treated, "overridden": alerted & ~treated, "action_seen": treated,
            "unit": np.where(rng.random(size) < 0.5, "ICU", "Ward"), "encounter": np.arange(size) // stays,
            "patient": (np.arange(size) // stays).astype(np.uint64),
        })  # fmt: skip

    return source


def numbers(found: object) -> Iterator[float]:
    """Every number in figures."""
    if isinstance(found, bool) or not isinstance(found, (int, float, Mapping, list, tuple)):
        return
    if isinstance(found, (int, float)):
        yield found
        return
    for each in found.values() if isinstance(found, Mapping) else found:
        yield from numbers(each)


@pytest.mark.parametrize("stays", [1, 3])
@pytest.mark.parametrize("heeded", [0.0, 0.4])
@pytest.mark.parametrize("turned", [False, True])
def test_a_perfect_ranking_is_told_or_refused(turned: bool, heeded: float, stays: int) -> None:
    """The AUROC is 1 with an interval, or the figures say why there is none; nothing is NaN, and nothing warns."""
    monitor = PerformanceMonitor(ranked(150, heeded=heeded, turned=turned, stays=stays))
    found = monitor.run(None, Selection(week_number(20), service=SERVICE), WITH_OUTCOME, np.random.default_rng(1))  # type: ignore[arg-type]
    assert "no finite fit" in found.figures["slope"]
    for name in ("auroc", "auroc_before"):
        value, low, high = found.figures[name]
        assert (value, low, 0 < high < 0.1) == (0, 0, True) if turned else (value, high, 0.9 < low < 1) == (1, 1, True)
    assert all(map(math.isfinite, numbers(found.figures)))
    assert [check.subject for check in found.checks] == [RATIO, "AUROC"]
    assert all(0 <= check.p <= 1 and math.isfinite(check.effect) for check in found.checks)


# --- no value is known in both periods -------------------------------------------------------------------------------


def answers(mart: Any) -> dict[str, MonitorResult]:
    """All monitors of the last week, none of which may break."""
    run = run_service(mart, SERVICE, week_number(LAST), USUAL, all_monitors())
    assert run.at_fault == ()
    return {each.monitor: each for each in run.results}


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_other_values_cannot_be_told_apart_and_that_is_said(opened, version: str) -> None:
    """A model that asks for other values from the week on: there is nothing to compare, which is no drift and no ok."""
    with opened(changed(Week(renamed=True, version=version))) as mart:
        found = answers(mart)
        stays = stay_week(mart, Selection(week_number(LAST), service=SERVICE), USUAL)
        page = drift(mart, stays.rows, Thresholds(), np.random.default_rng(1))
    joint = found[ClassifierDriftMonitor.name]
    assert (joint.status, joint.words, joint.checks) == (Status.REFUSED, NOT_KNOWN, ())
    assert not isinstance(page, Refused)
    assert page.joint == Refused("no value is known in both periods")
    assert {"Last glucose", "First glucose"}.isdisjoint(page.columns)
    # What a value is an instance of is the same, and so are its weights.
    expected = Status.OK if version == "1.0.0" else Status.REFUSED
    assert found["reasons-drift"].status is expected


def test_values_that_are_missing_throughout_are_not_called_alike(opened) -> None:
    """They were asked for in both periods and never there: a classifier that sees nothing cannot say ok."""
    with opened([Week(gone=1.0)] * (LAST + 1)) as mart:
        joint = answers(mart)[ClassifierDriftMonitor.name]
    assert (joint.status, joint.words) == (Status.REFUSED, NOT_KNOWN)


def test_values_that_went_missing_are_told(opened) -> None:
    """Known before and not now is the plainest drift of all, for the values and for all of them together."""
    with opened(changed(Week(gone=1.0))) as mart:
        found = answers(mart)
    assert found[ClassifierDriftMonitor.name].status is Status.ALARM
    assert "Glucose is missing in 100.0 % of stays" in found["feature-drift"].words
