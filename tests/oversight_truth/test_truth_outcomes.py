"""What the pages of outcomes and thresholds say, held against what is planted: ledger → mart → page."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask

from chartside.history.events import draw
from chartside.history.patients import GROUPS, share
from chartside.history.plan import ICU_MORTALITY, READMISSION, SEPSIS, SERVICES, Plan
from chartside.history.rows import STATES
from chartside.history.truth import cards, figures
from chartside.history.ward import UNITS
from oversight.analytics.judged_stays import judged_rows
from oversight.analytics.laid_out import lay_out
from oversight.analytics.logged_features import logged_features
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.analytics.side_by_side import side_by_side
from oversight.mart.columns import COPIED
from oversight.mart.mart import Mart, Questions
from oversight.mart.parts import Parts
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.mart_source import AsOf, last_entry
from oversight.tallies import Period

FIRST_DAY = date(2026, 3, 2)
US = 86_400_000_000
OWN = {
    "icu-mortality": OutcomeQuestion("death-in-hospital", None, 672.0),
    "sepsis-6h": OutcomeQuestion("onset-of-sepsis", 6.0, 6.0),
    "readmission-30d": OutcomeQuestion("readmission-to-hospital", 720.0, 720.0),
}
INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:word").decode()}


def texts(values: Any) -> Any:
    """An array of texts."""
    return np.array(values, dtype=object)


def part(folder, name: str, number: int, given: Mapping[str, Any]) -> None:
    """One table of a mart; columns that are not given say nothing."""
    (copied,) = (one for one in COPIED if one.name == name)
    columns: dict[str, Any] = {"sequence": np.arange(1, number + 1)}
    columns |= {each: given.get(each, np.full(number, None, dtype=object)) for each in copied.names}
    Parts(folder / name).add(columns)


def moments(time: Any) -> Any:
    """Days of the history as microseconds since 1970."""
    return (FIRST_DAY - date(1970, 1, 1)).days * US + (np.asarray(time) * US).astype(np.int64)


def mart_of(history, folder) -> None:
    """A history as columns, past the ledger: writing a large one there would take minutes."""
    rows, stays = history.rows, history.stays
    number, time = rows.size, moments(rows["time"])
    service, units = texts(SERVICES), texts([unit.name for unit in UNITS])
    patient = texts([f"p{n}" for n in range(int(stays.patient.max()) + 1)])
    stay = texts([f"s{n}" for n in range(stays.start.size)])
    risk = share(rows["log_odds"])
    tier = np.digitize(risk, [0.25, 0.5])
    part(folder, "advice", number, {
        "id": texts([str(n) for n in range(number)]), "time": time, "day": (time // US).astype(np.int32),
        "client": np.full(number, "demo", dtype=object), "service": service[rows["service"]],
        "hook": texts(["patient-view", "smart-launch"])[rows["page"].astype(int)],
        "patient": patient[stays.patient[rows["stay"]]], "encounter": stay[rows["stay"]],
        "clinician": texts([f"c{n}" for n in range(100)])[rows["clinician"] % 100],
        "role": np.full(number, "Practitioner", dtype=object), "unit_name": units[rows["unit"]],
        "model_id": service[rows["service"]],
        "model_version": texts(["1.0.0", "0.9.0"])[((rows["service"] == SEPSIS) & (rows["version"] == 0)).astype(int)],
        "base_rate": np.full(number, 0.1), "probability": np.where(rows["abstained"], np.nan, risk),
        "tier": texts(["usual", "raised", "high"])[tier], "tier_at_least": np.array([0.0, 0.25, 0.5])[tier],
        "abstention": texts([None, "too-early"])[rows["abstained"].astype(int)],
        "withheld": texts([None, *STATES[1:]])[rows["state"]],
    })  # fmt: skip
    said = np.flatnonzero(cards(rows) & (rows["answer"] != "") & ~rows["withdrawn"])
    part(folder, "feedback", said.size, {
        "advice_sequence": said + 1, "outcome": rows["answer"][said].astype(object), "time": time[said],
        "received": time[said],
    })  # fmt: skip
    acted = np.flatnonzero(cards(rows) & rows["acted"])
    part(folder, "action_seen", acted.size, {"advice_sequence": acted + 1, "time": time[acted], "at": time[acted] + 1})
    who, first = np.unique(stays.patient, return_index=True)
    groups = list(stays.groups)
    part(folder, "patient_group", who.size * len(groups), {
        "time": np.zeros(who.size * len(groups), dtype=np.int64),
        "client": np.full(who.size * len(groups), "demo", dtype=object), "patient": np.tile(patient[who], len(groups)),
        "attribute": np.repeat(texts(groups), who.size),
        "value": np.concatenate([texts(list(GROUPS[name]))[stays.groups[name][first]] for name in groups]),
    })  # fmt: skip
    told_outcomes(history, folder, patient, stay)


def told_outcomes(history, folder, patient, stay) -> None:
    """What came of each stay that was followed up: a "yes" with a time inside the window, a "no" when it was due."""
    rows, stays, parts = history.rows, history.stays, []
    for service, own in enumerate(OWN.values()):
        first = rows[(rows["service"] == service) & rows["first"] & history.known(service)[rows["stay"]]]
        place, happened = first["stay"], history.happened[first["stay"], service]
        came = (stays.end[place], first["time"] + 0.1, stays.end[place] + 10)[service]
        parts.append((place, np.full(place.size, own.name, dtype=object), happened,
                      np.where(happened, came, stays.due(service)[place])))  # fmt: skip
    place, name, happened, when = (np.concatenate(column) for column in zip(*parts, strict=True))
    part(folder, "outcome", place.size, {
        "time": moments(when), "client": np.full(place.size, "demo", dtype=object),
        "patient": patient[stays.patient[place]], "encounter": stay[place], "name": name, "occurred": happened,
        "at": moments(when),
    })  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The demo's hospital with 150,000 stays: the history, and a folder with its mart."""
    folder = tmp_path_factory.mktemp("large")
    history = draw(replace(Plan(), stays=150_000), np.random.default_rng(11))
    mart_of(history, folder)
    return history, folder


class Source:
    """A mart that is as it is."""

    def __init__(self, mart) -> None:
        """`mart`: a `Mart`, or open `Questions`."""
        self._mart = mart

    @contextmanager
    def open(self):
        """Each page lays out tables of its own, so each has a connection of its own."""
        if isinstance(self._mart, Questions):
            with self._mart.connection.cursor() as cursor:
                yield Questions(cursor)
        else:
            with self._mart.open() as mart:
                yield mart

    def as_of(self) -> AsOf:
        """Its last entry."""
        with self.open() as mart:
            return AsOf(*last_entry(mart), True)


def page(mart, address: str, period: Period) -> str:
    """The text of a page, tags taken out, on the evening of the last day."""
    app = Flask("test")
    evening = datetime(period.last.year, period.last.month, period.last.day, 23, tzinfo=UTC)
    audit = SimpleNamespace(note=lambda event: None)
    clock = SimpleNamespace(now=lambda: evening)
    deps = PageDeps(clock=clock, audit=audit, password="word", mart=Source(mart), outcomes=OWN)
    app.register_blueprint(create_blueprint(deps))
    answer = app.test_client().get(f"{address}&from={period.first}&to={period.last}", headers=INSIDE)
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def figure(text: str, name: str, column: int) -> float:
    """The number in a column of the side-by-side table: each has its interval behind it."""
    row = text[text.index(name) + len(name) :]
    return float(re.findall(r"(-?[\d.]+)(?: %)? -?[\d.]+ to -?[\d.]+", row)[column])


def both_columns(mart: Questions, period: Period, service: str):
    """What the page of outcomes takes its table from, not rounded."""
    selection, question = Selection(period, service=service), OWN[service]
    lay_out(mart, selection, question.name, 10**9)
    every, known = judged_rows(mart, selection, question)
    rows = every.first_of_each_stay()
    rng = np.random.default_rng(20_240_229)
    return known, side_by_side(rows, *logged_features(mart, rows), 0.25, rng)


NAMES = {
    "ppv": "PPV: cards followed by the event", "sensitivity": "Sensitivity: events that had a card", "auroc": "AUROC",
    "calibration_slope": "Calibration slope",
}  # fmt: skip


@pytest.mark.parametrize("service", [ICU_MORTALITY, SEPSIS, READMISSION])
def test_naive_figures_of_the_ledger_are_exact(seeded, service):
    """Counts are exact, naive PPV, sensitivity and AUROC those of the arrays to 1e-9, and the page shows them."""
    rows, name = seeded.history.performance(service, known_only=True), SERVICES[service]
    with seeded.mart.connection.cursor() as cursor:
        known, found = both_columns(Questions(cursor), seeded.period, name)
    true = figures(rows)
    assert (found.rows, found.cards, found.events) == (rows.risk.size, true.alerts, int(rows.happened.sum()))
    assert found.treated == int((rows.alerted & rows.treated).sum())
    assert known.assessments == seeded.truth.services[name].assessed
    expected = {
        "ppv": true.naive_ppv, "sensitivity": true.naive_sensitivity, "auroc": true.naive_auroc,
        "calibration_slope": true.naive_slope,
    }  # fmt: skip
    text = page(seeded.mart, f"/oversight/outcomes?service={name}", seeded.period)
    for key, value in expected.items():
        assert found.measure(key).naive.value == pytest.approx(value, abs=1e-6 if "slope" in key else 1e-9)
        shown = 100 * value if key in {"ppv", "sensitivity"} else value
        assert figure(text, NAMES[key], 0) == pytest.approx(shown, abs=0.051 if shown > 1.5 else 0.0051)
    assert f"All {seeded.truth.services[name].assessed:,}" in text


def test_weighted_figures_of_the_ledger_hold_the_truth(seeded):
    """sepsis-6h: intervals of weighted figures hold what is true untreated, and the naive ones lie below it."""
    rows = seeded.history.performance(SEPSIS, known_only=True)
    true = figures(rows)
    with seeded.mart.connection.cursor() as cursor:
        _, found = both_columns(Questions(cursor), seeded.period, "sepsis-6h")
    for key, value in (("ppv", true.true_ppv), ("sensitivity", true.true_sensitivity), ("auroc", true.true_auroc)):
        aware = found.measure(key).aware
        assert aware.low <= value <= aware.high, key
        assert found.measure(key).naive.high < value, key
    text = page(seeded.mart, "/oversight/outcomes?service=sepsis-6h", seeded.period)
    assert figure(text, NAMES["ppv"], 1) == pytest.approx(100 * found.measure("ppv").aware.value, abs=0.051)
    assert "Believe the feedback-aware column" in text


def test_too_few_untreated_cards_are_refused_in_words(seeded):
    """icu-mortality: the page says why there is no weighted figure, on both pages, and tells nobody to retrain."""
    text = page(seeded.mart, "/oversight/outcomes?service=icu-mortality", seeded.period)
    assert re.search(r"No feedback-aware figures: the \d+ untreated alerts tell as much as \d+ equal ones", text)
    assert "Believe neither column as a verdict on the model" in text
    assert "refused, see above" in text
    assert "nan" not in text.lower().split()
    text = page(seeded.mart, "/oversight/thresholds?service=icu-mortality&threshold=40", seeded.period)
    assert "No feedback-aware figures" in text
    assert "not weighted" in text


@pytest.mark.parametrize("service", [ICU_MORTALITY, SEPSIS, READMISSION])
def test_feedback_aware_figures_of_the_page_are_true(large, service):
    """PPV and AUROC within .02, slope within .1 of what is true untreated, out of what the mart has."""
    history, folder = large
    true = figures(history.performance(service, known_only=True))
    period = Period(FIRST_DAY, FIRST_DAY + timedelta(days=89))
    with Mart(folder).open() as mart:
        _, found = both_columns(mart, period, SERVICES[service])
    expected = {
        "ppv": (true.true_ppv, 0.02), "sensitivity": (true.true_sensitivity, 0.02), "auroc": (true.true_auroc, 0.02),
        "calibration_slope": (true.true_slope, 0.1),
    }  # fmt: skip
    for key, (value, most) in expected.items():
        assert found.measure(key).aware.value == pytest.approx(value, abs=most), key
    if service != READMISSION:
        assert found.measure("ppv").naive.value < true.true_ppv - 0.09
        assert found.measure("auroc").naive.value < true.true_auroc - 0.03
        assert found.measure("calibration_slope").naive.value < true.true_slope - 0.2


def test_the_pages_of_a_large_hospital_say_so(large):
    """Both pages show the weighted PPV at the live threshold; the model in shadow, which is noisier, ranks worse."""
    history, folder = large
    true = figures(history.performance(SEPSIS, known_only=True))
    period = Period(FIRST_DAY, FIRST_DAY + timedelta(days=89))
    text = page(Mart(folder), "/oversight/outcomes?service=sepsis-6h&by=month", period)
    assert figure(text, NAMES["ppv"], 1) / 100 == pytest.approx(true.true_ppv, abs=0.02)
    assert "blind to concept drift" in text
    text = page(Mart(folder), "/oversight/thresholds?service=sepsis-6h&threshold=40", period)
    assert figure(text, "PPV, feedback-aware", 0) / 100 == pytest.approx(true.true_ppv, abs=0.02)
    assert "The model in shadow ranks the same stays worse" in text
    rows = history.performance(SEPSIS, known_only=True)
    above = rows.risk >= 0.4
    assert figure(text, "PPV, feedback-aware", 1) / 100 == pytest.approx(rows.untreated[above].mean(), abs=0.03)
    assert figure(text, "PPV, naive", 1) / 100 == pytest.approx(rows.happened[above].mean(), abs=0.01)


def test_the_threshold_that_is_live_is_found(seeded):
    """Cards are given from .25 on, and nobody has said so but the entries."""
    text = page(seeded.mart, "/oversight/thresholds?service=readmission-30d", seeded.period)
    assert "Live: 25 %" in text


def test_estimates_before_outcomes_stand_beside_what_came(seeded):
    """CBPE of the last four weeks is near what outcomes then showed, and the badge is there."""
    text = page(seeded.mart, "/oversight/outcomes?service=sepsis-6h", seeded.period)
    estimated, before, so_far = (
        text[text.index(name) :] for name in ("Estimated (CBPE), blind", "Realised before", "Realised so far")
    )
    areas = [float(re.search(r"(0\.\d\d) 0\.\d\d to 0\.\d\d", each)[1]) for each in (estimated, before, so_far)]
    assert areas[0] == pytest.approx(areas[2], abs=0.08)
