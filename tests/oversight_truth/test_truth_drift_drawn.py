"""Drift of histories drawn in memory: the planted unit is named whenever it came, and little else is raised."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from chartside.history.events import draw
from chartside.history.patients import CONCEPTS, GLUCOSE, share
from chartside.history.plan import READMISSION, SEPSIS, SERVICES, Plan
from chartside.history.ward import UNITS
from oversight.analytics.drift import drift
from oversight.analytics.drift_rows import DriftRows, Feature
from oversight.analytics.drift_words import told, verdict
from oversight.pages.drift import USUAL_DAYS
from oversight.statistics.drift import JOINT, USUAL, Level
from oversight.statistics.refused import Refused

FIRST = date(2026, 3, 3)
SPLIT = 90 - USUAL_DAYS
FEATURES = tuple(Feature(f"{c.name}-last", f"Last {c.label.lower()}", c.unit, c.name, c.label) for c in CONCEPTS)


def rows_of(history, service, since, first=0, until=None, last=89) -> DriftRows:
    """What `drift_rows` reads out of a ledger, for days before `until` (or `since`) and from `since` to `last`."""
    rows = history.rows[(history.rows["service"] == service) & ~history.rows["page"]]
    day = np.floor(rows["time"]).astype(np.int64)
    kept = (day >= first) & (day <= last) & ((day < (since if until is None else until)) | (day >= since))
    rows, day = rows[kept], day[kept]
    # In order of time: the first of each stay and period.
    _, places = np.unique(rows["stay"] * 2 + (day >= since), return_index=True)
    rows, day = rows[places], day[places]
    median, spread = (np.array([getattr(each, name) for each in CONCEPTS]) for name in ("median", "spread"))
    values = median * np.exp(history.stays.standard[rows["stay"]] * spread)
    values[:, GLUCOSE] *= rows["factor"]
    values[rows["abstained"]] = np.nan
    now = day >= since
    return DriftRows(
        now=now,
        week=((FIRST - date(1970, 1, 1)).days + day - 4) // 7,
        unit=np.array([each.name for each in UNITS])[rows["unit"]],
        version=rows["version"].astype(str),
        risk=np.where(rows["abstained"], np.nan, share(rows["log_odds"])),
        values=values,
        effects=np.where(rows["abstained"][:, None], np.nan, np.zeros(values.shape)),
        valued=~rows["abstained"],
        features=FEATURES,
        stays=(int((~now).sum()), int(now.sum())),
        share=1.0,
        sequence=np.arange(len(rows)),
    )


def judged(rows):
    """Drift without the mix, which other tests are about."""
    found = drift(SimpleNamespace(rows=lambda *_: []), rows, USUAL, np.random.default_rng(0))
    return found, () if isinstance(found, Refused) else told(found, rows)


def loud(said):
    """What raises the alarm."""
    return {each.finding.column for each in said if each.finding.level is Level.ALARM}


@pytest.mark.parametrize("days", [-20, -10, -3, -1, 0, 1, 3, 10, 20])
def test_the_changed_unit_is_named_whenever_it_came(days) -> None:
    """Days from the usual split of the page to the change: the first sentence has ward, factor, week and guess."""
    history = draw(replace(Plan(), unit_change_day=SPLIT + days), np.random.default_rng(100 + days))
    for service in (SEPSIS, READMISSION):
        found, said = judged(rows_of(history, service, SPLIT))
        words = verdict(found, said)
        assert words.startswith("Glucose in Ward 4 West is 1"), words
        assert words.endswith("looks like mg/dL read as mmol/L."), words
        assert abs((said[0].since - FIRST - timedelta(days=SPLIT + days)).days) <= 7
        assert found.column("Glucose in Ward 4 West").drift.shape.factor == pytest.approx(18.0, rel=0.15)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_small_histories_raise_only_what_is_planted(seed) -> None:
    """Glucose of one ward and the risks that follow from it, in whichever service sees that ward; nothing else."""
    history = draw(replace(Plan(), stays=3_500), np.random.default_rng(seed))
    for service in range(len(SERVICES)):
        _, said = judged(rows_of(history, service, SPLIT))
        planted = {"Glucose", "Glucose in Ward 4 West", "Predicted risk", "Predicted risk in Ward 4 West"}
        assert loud(said) <= (planted | {JOINT} if loud(said) & planted else set()), SERVICES[service]
        assert ("Glucose in Ward 4 West" in loud(said)) or service not in {SEPSIS, READMISSION}


def test_of_a_hundred_null_weeks_at_most_five_raise_an_alarm(monkeypatch) -> None:
    """Each against the weeks before, two left out between, in all units; nothing is planted."""
    monkeypatch.setattr("oversight.analytics.drift.JOINT_ROWS", 200)  # it has a null test of its own
    weeks = raised = 0
    for seed in range(7):
        history = draw(replace(Plan(), stays=10_000).without_effects(), np.random.default_rng(500 + seed))
        for service in range(3):
            for since in range(55, 90, 7):
                found, said = judged(rows_of(history, service, since, until=since - 14, last=since + 6))
                if not isinstance(found, Refused):
                    weeks += 1
                    raised += bool(loud(said))
    assert weeks >= 100
    assert raised <= 0.05 * weeks


def test_a_factor_that_one_unit_has_goes_before_the_hospital() -> None:
    """Also where that unit is so large that the factor explains the move of the whole hospital."""
    rng = np.random.default_rng(3)
    history = draw(replace(Plan(), unit_changed="Ward 4 West", unit_change_day=SPLIT), rng)
    rows = rows_of(history, READMISSION, SPLIT)
    keep = (rows.unit == "Ward 4 West") | (rng.random(len(rows.now)) < 0.35)
    names = ("now", "week", "unit", "version", "risk", "values", "effects", "valued", "sequence")
    few = replace(rows, **{name: getattr(rows, name)[keep] for name in names})
    found, said = judged(few)
    assert verdict(found, said).startswith("Glucose in Ward 4 West is 1")
