"""Naive figures are no alarm where heeded cards explain them; local fairness where few can be told apart."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from clinical.errors import ManifestInvalid
from models.runtime.manifest_monitoring import monitoring_of
from oversight.analytics.selection import Selection
from oversight.monitors.fairness import FairnessMonitor
from oversight.monitors.heeded import EXPLAINED, UNEXPLAINED
from oversight.monitors.outcomes import PerformanceMonitor
from oversight.monitors.result import Status
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
WEEK = Period(FIRST + timedelta(weeks=10), FIRST + timedelta(weeks=10, days=6))
SERVICE = "sepsis-6h"
THRESHOLDS = USUAL.changed({"outcome": "onset-of-sepsis", "outcome_hours": 6.0})
STAYS = 1600


def source(factor: float, *, cards: bool, treated: bool, at_most: int = STAYS):
    """Assessments whose risk is off by a factor. A heeded card hides nothing else: too few are left to weigh."""

    def judged(_mart, selection, _outcome, _window, *, by_encounter):
        """The rows of a period; before the first day there are none."""
        rng = np.random.default_rng(7)
        size = STAYS if selection.period.last > FIRST else 0
        risk = rng.beta(2, 5, size)
        come = rng.random(size) < np.clip(risk * factor, 0, 1)
        alerted = (risk > 0.3) & cards
        heeded = alerted & treated & (np.arange(size) < at_most)
        return SimpleNamespace(rows={
            "sequence": np.arange(1, 2 * size, 2), "probability": risk, "outcome": come.astype(float),
            "alerted": alerted, "treated": heeded,
            "overridden": alerted & ~heeded & (not treated), "action_seen": np.zeros(size, bool),
            "unit": np.full(size, "ICU"), "encounter": np.arange(size), "patient": np.arange(size),
        })  # fmt: skip

    return judged


def hospital(*, elsewhere: str | None, stays: int = STAYS) -> tuple[dict, dict | None]:
    """Entries of the service, and of another one in the same stays, whose cards were answered in a way."""
    number = 2 * STAYS
    service = np.array([SERVICE, "icu-mortality"] * (number // 2), dtype=object)
    stay = np.array([f"stay-{n // 2}" for n in range(number)], dtype=object)
    withheld = np.where(service == SERVICE, "shadow", None)
    advice = {"days": [63] * number, "service": service, "encounter": stay, "withheld": withheld}
    about = np.arange(2, 2 * stays + 1, 2)
    return advice, None if elsewhere is None else {"about": about, "outcome": elsewhere}


@pytest.mark.parametrize(
    ("factor", "cards", "treated", "elsewhere", "status"),
    [
        (0.5, True, True, None, Status.WATCH),  # its own cards were heeded
        (0.5, False, False, "accepted", Status.WATCH),  # those of another service were
        (0.5, False, False, "overridden", Status.ALARM),  # nobody heeded anything
        (0.5, False, False, None, Status.ALARM),
        (1.9, True, True, None, Status.ALARM),  # more events than expected: no heeded card explains them
        (1.9, False, False, "accepted", Status.ALARM),
    ],
)
def test_only_what_heeded_cards_explain_is_no_alarm(make_mart, factor, cards, treated, elsewhere, status) -> None:
    """The figures stay the same; what is made of them does not."""
    monitor = PerformanceMonitor(source(factor, cards=cards, treated=treated))
    advice, answers = hospital(elsewhere=elsewhere)
    with make_mart(2 * STAYS, advice, answers) as mart:
        result = monitor.run(mart, Selection(WEEK, service=SERVICE), THRESHOLDS, np.random.default_rng(1))
    assert result.status is status, result.words
    assert (EXPLAINED in result.words) == (status is Status.WATCH)
    assert "outcomes taken as they came" in result.words
    assert result.figures["observed_expected"][0] == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize(("own", "elsewhere"), [(25, 0), (0, 25)])
def test_a_few_heeded_cards_do_not_silence_an_alarm(make_mart, own, elsewhere) -> None:
    """Half of the events are missing; a few heeded stays of 1,600 cannot have averted so many."""
    monitor = PerformanceMonitor(source(0.5, cards=bool(own), treated=True, at_most=own))
    advice, answers = hospital(elsewhere="accepted" if elsewhere else None, stays=elsewhere)
    with make_mart(2 * STAYS, advice, answers) as mart:
        result = monitor.run(mart, Selection(WEEK, service=SERVICE), THRESHOLDS, np.random.default_rng(1))
    assert result.status is Status.ALARM, result.words
    assert result.figures["heeded"]
    assert UNEXPLAINED in result.words
    assert EXPLAINED not in result.words


def fairness(make_mart, tmp_path: Path, groups: dict[int, str], **changes):
    """The monitor's answer where patients have groups, by their place."""
    from oversight.mart.parts import Parts

    number = 2 * STAYS  # the source's assessments are every second entry
    told = {
        "sequence": np.arange(1, len(groups) + 1), "time": np.zeros(len(groups), np.int64),
        "client": np.full(len(groups), "ward", object), "source": np.full(len(groups), "x", object),
        "patient": np.array([f"patient-{2 * place}" for place in groups], object),
        "attribute": np.full(len(groups), "language", object), "value": np.array(list(groups.values()), object),
    }  # fmt: skip
    if groups:
        Parts(tmp_path / "patient_group").add(told)
    monitor = FairnessMonitor(source(1.0, cards=True, treated=False))
    with make_mart(number, {"days": [30] * number, "service": SERVICE}) as mart:
        return monitor.run(
            mart, Selection(WEEK, service=SERVICE), THRESHOLDS.changed(changes), np.random.default_rng(1)
        )  # fmt: skip


def test_without_groups_nothing_is_said(make_mart, tmp_path) -> None:
    """Nor without an outcome."""
    assert "Nobody has told of groups" in fairness(make_mart, tmp_path, {}).words
    result = fairness(make_mart, tmp_path / "other", {}, outcome="")
    assert (result.status, "names no outcome" in result.words) == (Status.REFUSED, True)


def test_groups_alike_are_ok_and_small_ones_hidden(make_mart, tmp_path) -> None:
    """A group of five is hidden with one that would give it away, in every figure; whose is not told is a group too."""
    names = {place: "Spanish" if place % 4 == 0 else "English" for place in range(1200)}
    names |= dict.fromkeys(range(1200, 1205), "Welsh")
    result = fairness(make_mart, tmp_path, names)
    assert result.status is Status.OK, result.words
    figures = {each["group"]: each for each in result.figures["attributes"]["language"]}
    assert set(figures) == {"everybody", "English", "Spanish", "Welsh", "unknown"}
    hidden = [name for name, each in figures.items() if isinstance(each["rows"], str)]
    assert "Welsh" in hidden
    assert len(hidden) == 2
    for name in hidden:
        assert not any(isinstance(value, list) for value in figures[name].values())
    assert figures["everybody"]["rows"] == STAYS


@pytest.mark.parametrize(
    ("table", "window", "fault"),
    [('outcome = "x"\noutcome_hours = 672\noutcome_whole_stay = true', None, ""),
     ('outcome = "x"\noutcome_hours = 672', 672.0, ""), ("outcome_whole_stay = true", None, "outcome is missing"),
     ('outcome = "x"\noutcome_hours = 6\noutcome_whole_stay = 1', None, "must be true or false")],
)  # fmt: skip
def test_an_outcome_of_the_whole_stay_has_no_window(tmp_path, table, window, fault) -> None:
    """Its hours are only how long is waited for it."""
    path = tmp_path / "model.toml"
    path.write_text(f"[monitoring]\n{table}\n")
    if fault:
        with pytest.raises(ManifestInvalid, match=fault):
            monitoring_of(path)
    else:
        assert USUAL.changed(monitoring_of(path)).window_hours == window
