"""Every rate of the equity page and of its export, against fairlearn and a reading of the entries by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from oversight_analytics.pages_on_marts import INSIDE

from oversight.analytics.burden import burden
from oversight.analytics.equity import answers
from oversight.analytics.equity_rates import (
    ACCEPTANCE,
    ACTED,
    ANOTHER_REASON,
    NOT_ASSESSED,
    OVERRIDE,
    REASONS_TOLD,
    REFLEX,
    REPEATED,
    SELECTION,
    SILENCE,
    WITHHELD,
    families,
    reason_name,
)
from oversight.analytics.equity_rows import attribute_labels, equity_rows
from oversight.analytics.funnel import funnel
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.reasons import reasons
from oversight.analytics.selection import Selection
from oversight.exports.equity import EQUITY, EVERYBODY, equity_lines
from oversight.mart.parts import Parts
from oversight.proportions import Proportion, proportion
from oversight.statistics import two_proportions
from oversight.statistics.equity import equity_families
from oversight.statistics.equity_groups import cells
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
WHOLE = Selection(Period(FIRST, FIRST + timedelta(days=83)), service="icu-mortality")
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
CODES = ("agrees-not", "done-already", "not-this-patient", "too-late", "wrong-unit", "other", "=1+1")
QUESTION = OutcomeQuestion("death-in-hospital", None)


def texts(values) -> np.ndarray:
    """A column of texts."""
    return np.array(list(values), dtype=object)


class Ward:
    """So many entries about a fifth as many patients in twelve weeks, and what was done with them, as columns."""

    def __init__(self, number: int = 6_000, seed: int = 5, *, acted: bool = True) -> None:
        """From a seeded generator."""
        rng = np.random.default_rng(seed)
        people = number // 5
        patient = rng.integers(0, people, number)
        share = rng.random(number)
        self.groups = {"language": rng.choice(["English", "Spanish"], people, p=[0.7, 0.3]),
                       "sex": rng.choice(["female", "male"], people)}  # fmt: skip
        hours = np.sort(rng.integers(0, 84 * 24 - 12, number))
        self.entries = pd.DataFrame({
            "patient": patient, "clinician": rng.integers(0, 3, number), "hours": hours,
            "abstention": np.where(share < 0.1, "too-early", None),
            "withheld": np.select([share < 0.1, share < 0.3, share < 0.4, share < 0.45, share < 0.5],
                                  [None, "below-threshold", "repeat", "snoozed", "switched-off"], None),
        })  # fmt: skip
        self.entries["card"] = self.entries.abstention.isna() & self.entries.withheld.isna()
        about = np.flatnonzero(self.entries.card & (rng.random(number) < 0.8))
        self.entries["outcome"] = None
        self.entries.loc[about, "outcome"] = rng.choice(["accepted", "overridden", "snoozed"], len(about),
                                                        p=[0.4, 0.55, 0.05])  # fmt: skip
        self.entries["seconds"] = np.nan
        self.entries.loc[about, "seconds"] = rng.choice([-3.0, 1.0, 2.0, 40.0], len(about), p=[0.05, 0.2, 0.05, 0.7])
        overridden = self.entries.outcome == "overridden"
        said = rng.choice(len(CODES) + 1, number, p=[0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.05])
        self.entries["reason"] = np.where(overridden, np.append(texts(CODES), None)[said], None)
        self.entries["acted"] = (rng.random(number) < 0.3) & acted
        self.died = rng.random(people) < 0.3
        self.risk = rng.random(number)

    def fill(self, folder, make_mart):
        """The mart that has them; to be opened."""
        rows, people = self.entries, len(self.died)
        names = texts(f"p{each}" for each in range(people))
        groups = [
            (name, who, value) for name, each in self.groups.items() for who, value in zip(names, each, strict=True)
        ]
        Parts(folder / "patient_group").add({
            "sequence": np.arange(1, len(groups) + 1), "time": np.zeros(len(groups), np.int64),
            "client": texts(["ward"] * len(groups)), "patient": texts(each[1] for each in groups),
            "attribute": texts(each[0] for each in groups), "value": texts(each[2] for each in groups),
            "source": texts(["test"] * len(groups)),
        })  # fmt: skip
        Parts(folder / "outcome").add({
            "sequence": np.arange(1, people + 1), "time": np.zeros(people, np.int64),
            "client": texts(["ward"] * people), "patient": names, "encounter": names,
            "name": texts([QUESTION.name] * people), "occurred": self.died,
            "at": np.full(people, 1_900_000_000_000_000), "source": texts(["test"] * people),
        })  # fmt: skip
        done = np.flatnonzero(rows.acted)
        if len(done):
            Parts(folder / "action_seen").add({
                "sequence": np.arange(1, len(done) + 1), "time": np.full(len(done), NOON),
                "client": texts(["ward"] * len(done)), "advice_sequence": done + 1,
                "kind": texts(["culture"] * len(done)), "at": NOON + (rows.hours.to_numpy()[done] + 1) * HOUR,
                "source": texts(["test"] * len(done)),
            })  # fmt: skip
        about = np.flatnonzero(rows.outcome.notna())
        times = NOON + rows.hours.to_numpy() * HOUR
        answered = times[about] + (rows.seconds.to_numpy()[about] * 1e6).astype(np.int64)
        code = texts(rows.reason[about])
        words = texts(None if each is None else f"Because {each}" for each in code)
        return make_mart(
            len(rows),
            {"patient": names[rows.patient], "encounter": names[rows.patient], "probability": self.risk,
             "clinician": texts(f"c{each}" for each in rows.clinician), "seconds": rows.hours * 3600 % 86_400,
             "days": rows.hours // 24, "abstention": texts(rows.abstention), "withheld": texts(rows.withheld)},
            {"about": about + 1, "outcome": texts(rows.outcome[about]), "time": answered, "received": answered,
             "reason_code": code, "reason_display": words},
        )  # fmt: skip

    def rates(self) -> dict[str, tuple[pd.Series, pd.Series]]:
        """Cases and denominator of every rate, in the words of the issue and not in those of the product."""
        rows = self.entries
        card, overridden = rows.card, rows.card & (rows.outcome == "overridden")
        answered = overridden | (card & (rows.outcome == "accepted"))
        gap = rows[card].groupby(["patient", "clinician"]).hours.diff()
        again = pd.Series(np.zeros(len(rows), dtype=bool))
        again[gap[gap <= 72].index] = True
        held = rows.abstention.isna() & rows.withheld.isin(["repeat", "snoozed"])
        found = {
            SELECTION: (card, rows.abstention.isna()), OVERRIDE: (overridden, answered),
            ACCEPTANCE: (card & (rows.outcome == "accepted"), card), SILENCE: (card & ~answered, card),
            ACTED: (card & rows.acted, card), REPEATED: (again, card), WITHHELD: (held, card | held),
            NOT_ASSESSED: (rows.abstention.notna(), rows.card | True),
            REFLEX: (overridden & rows.seconds.between(0, 2), overridden & (rows.seconds >= 0)),
        }  # fmt: skip
        for code in CODES[:REASONS_TOLD]:
            found[reason_name(code)] = (overridden & (rows.reason == code), overridden)
        rest = rows.reason.isna() | rows.reason.isin(CODES[REASONS_TOLD:])
        return found | {ANOTHER_REASON: (overridden & rest, overridden)}

    def of_groups(self, *names: str) -> pd.DataFrame:
        """The groups of each entry."""
        return pd.DataFrame({name: self.groups[name][self.entries.patient] for name in names})


@pytest.fixture
def ward(make_mart, tmp_path):
    """Some entries, and the mart of them, open."""
    made = Ward()
    with made.fill(tmp_path, make_mart) as mart:
        yield made, mart


def test_every_rate_of_the_page_equals_fairlearn(ward) -> None:
    """To 1e-9 by two attributes and their intersections, with its differences and ratios; and no rate is left out."""
    made, mart = ward
    rows = equity_rows(mart, WHOLE, attribute_labels(mart))
    found = answers(rows, ["language", "sex"], every=True)
    rates = made.rates()
    assert {each.name for each in found.reports} == set(rates)
    assert dict(found.reasons) == {code: f"Because {code}" for code in CODES[:REASONS_TOLD]}
    for name, (cases, among) in rates.items():
        report = found.report(name)
        told = {each.group: each for each in report.groups}
        spreads = {each.attributes: each for each in report.spreads}
        for names in (("language",), ("sex",), ("language", "sex")):
            frame = fairlearn.MetricFrame(
                metrics=fairlearn.selection_rate,
                y_true=cases[among],
                y_pred=cases[among],
                sensitive_features=made.of_groups(*names)[among],
            )
            assert report.overall.rate.value == pytest.approx(frame.overall, abs=1e-9)
            for label, value in frame.by_group.items():
                group = tuple(zip(names, label if isinstance(label, tuple) else (label,), strict=True))
                each = told[group]
                assert each.rate.value == pytest.approx(value, abs=1e-9), (name, group)
                if not each.reference:
                    other = next(
                        it.rate for it in report.groups if it.reference and [n for n, _ in it.group] == [*names]
                    )
                    assert each.difference == two_proportions.difference(each.rate, other)
                    assert each.ratio == two_proportions.ratio(each.rate, other)
            spread = spreads[names]
            assert (spread.difference, spread.ratio) == pytest.approx((frame.difference(), frame.ratio()), abs=1e-9)


def test_a_week_has_the_same_repeats_whichever_period_is_asked_for(ward) -> None:
    """A card of its first day may repeat one of the three days before; nothing else of those days is in it."""
    _, mart = ward
    first = FIRST + timedelta(days=35)
    week = replace(WHOLE, period=Period(first, first + timedelta(days=6)))
    labels = attribute_labels(mart)
    whole, found = equity_rows(mart, WHOLE, labels), equity_rows(mart, week, labels)
    same = np.isin(whole.sequence, found.sequence)
    assert found.sequence.tolist() == whole.sequence[same].tolist()
    assert found.repeated.tolist() == whole.repeated[same].tolist()
    assert burden(mart, week).repeats == proportion(int(found.repeated.sum()), int(found.card.sum()))
    alone = replace(week, period=Period(first, first))
    assert burden(mart, alone).repeats.count == equity_rows(mart, alone, labels).repeated.sum() > 0


def test_the_rates_are_those_of_the_other_pages(ward) -> None:
    """One definition of each: the burden, the funnel and the reasons of the same entries have the same counts."""
    _, mart = ward
    found = answers(equity_rows(mart, WHOLE, attribute_labels(mart)), ["sex"], every=True)
    cost, way, why = burden(mart, WHOLE), funnel(mart, WHOLE), reasons(mart, WHOLE)
    assert found.report(REPEATED).overall.rate == cost.repeats
    assert found.report(REFLEX).overall.rate == cost.reflex
    assert found.report(ACTED).overall.rate == way.action_share
    assert found.report(OVERRIDE).overall.rate == way.override_rate
    rate = found.report(NOT_ASSESSED).overall.rate
    assert (rate.count, rate.total) == (way.abstained, way.abstained + way.assessed)
    withheld = dict(way.withheld)
    rate = found.report(WITHHELD).overall.rate
    assert rate.count == withheld["repeat"] + withheld["snoozed"]
    assert rate.total == rate.count + way.cards
    for each in why.given[:REASONS_TOLD]:
        assert found.report(reason_name(each.code)).overall.rate == each.share


def test_without_any_action_nothing_is_said_of_actions(make_mart, tmp_path, app) -> None:
    """Not that nobody acted: nobody looked. The other rates stand."""
    with Ward(1_500, acted=False).fill(tmp_path, make_mart) as mart:
        found = answers(equity_rows(mart, WHOLE, attribute_labels(mart)), ["sex"], every=True)
        assert not found.has(ACTED)
        assert found.has(REPEATED)
        assert ACTED not in {row[7] for row in equity_lines(mart, WHOLE, {})}
    text = app().test_client().get("/oversight/equity?measure=acted", headers=INSIDE).text
    assert text.count("no actions have been loaded") == 2


def test_a_group_with_few_overrides_is_hidden_among_the_overrides_alone(make_mart, tmp_path) -> None:
    """Its cards and answers are told; why and how fast it was overridden is not, nor of one more group."""
    made = Ward(4_000)
    spanish = made.groups["language"][made.entries.patient] == "Spanish"
    few = np.flatnonzero(spanish & (made.entries.outcome == "overridden"))[8:]
    made.entries.loc[few, ["outcome", "reason"]] = "accepted", None
    with made.fill(tmp_path, make_mart) as mart:
        found = answers(equity_rows(mart, WHOLE, attribute_labels(mart)), ["language"], every=True)
    hidden = {each.name for each in found.reports if any(isinstance(it.rate, Refused) for it in each.groups)}
    assert hidden == {REFLEX, ANOTHER_REASON, *(reason_name(code) for code, _ in found.reasons)}
    for name in hidden:
        assert all(isinstance(each.rate, Refused) for each in found.report(name).groups)


def test_the_withheld_do_not_give_away_who_is_left(make_mart, tmp_path) -> None:
    """In exact figures: of those assessed the rest follows, which has no card and was not withheld."""
    with Ward(4_000).fill(tmp_path, make_mart) as mart:
        rows = equity_rows(mart, WHOLE, attribute_labels(mart))
    language = rows.attributes["language"]
    rest = rows.assessed & ~rows.card
    withheld = rest & (np.arange(rest.size) % 2 > 0)
    spanish = rest & (language.codes == language.labels.index("Spanish"))
    for left, hidden in ((3, True), (30, False)):
        withheld[spanish] = True
        withheld[np.flatnonzero(spanish)[:left]] = False
        told = families(replace(rows, withheld=withheld), ())
        found = equity_families(cells([language]), told, hide_small_cases=True)
        report = next(each for family in found for each in family.reports if each.name == WITHHELD)
        rate = next(each.rate for each in report.groups if each.group == (("language", "Spanish"),))
        assert isinstance(rate, Refused) == hidden


@pytest.mark.parametrize(
    "measure",
    [
        "unassessed",
        "withheld",
        "repeated",
        "acted",
        "reflex",
        "reason:too-late",
        "reason:",
        "reason:=1+1",
        "fnr",
        "events",
    ],
)
def test_the_page_shows_every_measure(ward, app, measure) -> None:
    """Its own picture, table and spread, or another one with a word about it; reasons by their words."""
    asked = urlencode({"measure": measure, "by": "language", "and": "sex"})
    text = (
        app(outcomes={"icu-mortality": QUESTION}).test_client().get(f"/oversight/equity?{asked}", headers=INSIDE).text
    )
    known = measure != "reason:=1+1"
    assert ("is none that the figures know" in text) == (not known)
    assert f'<option value="{measure if known else "override"}" selected>' in text
    assert "Between the groups of language and sex:" in text
    assert "Because agrees-not" in text
    for forbidden in ("<script", "style=", "http://", "https://", "nan"):
        assert forbidden not in text


def test_a_measure_by_a_reason_that_nobody_gave_is_another_one(ward, app) -> None:
    """Whatever it is called."""
    page = app().test_client().get("/oversight/equity?measure=reason:%3Cb%3E%22", headers=INSIDE)
    assert page.status_code == 200
    assert "is none that the figures know" in page.text
    assert "<b>" not in page.text


def exported(mart) -> list[dict[str, str]]:
    """The lines of equity.csv."""
    file = io.StringIO(newline="")
    EQUITY.write(equity_lines(mart, WHOLE, {"icu-mortality": QUESTION}), file)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_the_export_has_every_rate_exactly(ward) -> None:
    """Single groups, intersections and everybody, with differences and ratios; the model where outcomes are known."""
    made, mart = ward
    lines = exported(mart)
    assert not [line for line in lines if line["number"].isdigit() and 0 < int(line["number"]) < 11]
    by_key = {
        (line["measure"], *(line[name] for name in ("attribute", "group", "and_attribute", "and_group"))): line
        for line in lines
    }
    assert len(by_key) == len(lines)
    rates = {name: rate for name, rate in made.rates().items() if not name.startswith("reason:")}
    shown = 0
    for name, (cases, among) in rates.items():
        assert by_key[name, "sex", EVERYBODY, "", ""]["total"] == str(int(among.sum()))
        here = made.of_groups("language", "sex")
        for (language, sex), rows in here[among].groupby(["language", "sex"]):
            line = by_key[name, "language", language, "sex", sex]
            if line["number"] != "hidden":
                shown += 1
                assert (line["number"], line["total"]) == (str(int(cases[rows.index].sum())), str(len(rows)))
                assert float(line["share"]) == pytest.approx(cases[rows.index].mean(), abs=1e-9)
    assert shown >= 4 * 8
    told = by_key[OVERRIDE, "language", "Spanish", "", ""]
    usual = by_key[OVERRIDE, "language", "English", "", ""]
    pair = [Proportion(int(each["number"]), int(each["total"]), float(each["share_low"]), float(each["share_high"]))
            for each in (told, usual)]  # fmt: skip
    ratio, gap = two_proportions.ratio(*pair), two_proportions.difference(*pair)
    assert isinstance(ratio, Estimate)
    for kind, each in (("ratio", ratio), ("difference", gap)):
        for end, value in (("", each.value), ("_low", each.low), ("_high", each.high)):
            assert float(told[f"{kind}{end}"]) == pytest.approx(value, abs=1e-9)
    assert (usual["reference"], usual["ratio"]) == ("yes", "")


def test_the_export_tells_the_model_of_the_first_assessment_of_each_stay(ward) -> None:
    """TPR, event rate and observed over expected of each sex, counted by hand."""
    made, mart = ward
    lines = exported(mart)
    rows = made.entries.assign(risk=made.risk, died=made.died[made.entries.patient])
    firsts = rows[rows.abstention.isna()].groupby("patient").first().reset_index()
    sex = made.groups["sex"][firsts.patient]
    by_key = {(line["measure"], line["group"]): line for line in lines if line["attribute"] == "sex"}
    for label in ("female", "male"):
        own = firsts[sex == label]
        line = by_key["TPR", label]
        assert (line["number"], line["total"]) == (str((own.card & own.died).sum()), str(own.died.sum()))
        line = by_key["event rate", label]
        assert (line["number"], line["total"]) == (str(own.died.sum()), str(len(own)))
        line = by_key["observed over expected", label]
        assert line["number"] == str(own.died.sum())
        assert float(line["total"]) == pytest.approx(own.risk.sum(), abs=1e-6)
        assert float(line["share"]) == pytest.approx(own.died.sum() / own.risk.sum(), abs=1e-9)
        assert float(line["share_low"]) < float(line["share"]) < float(line["share_high"])
    assert {by_key["observed over expected", label]["reference"] for label in ("female", "male")} == {"yes", "no"}


def test_without_an_outcome_the_export_says_nothing_of_the_model(ward) -> None:
    """No lines of it, and all others."""
    _, mart = ward
    measures = {row[7] for row in equity_lines(mart, WHOLE, {})}
    assert "TPR" not in measures
    assert {SELECTION, REFLEX, ANOTHER_REASON} <= measures
