"""The page of outcomes on marts that a test makes up: what is counted, what is hidden, what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE, said

from oversight.analytics.judged_stays import Rows, judged_rows
from oversight.analytics.laid_out import lay_out
from oversight.analytics.lead_times import lead_times
from oversight.analytics.live_threshold import live_threshold
from oversight.analytics.logged_features import logged_features
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.risk_response import RESPONSES, risk_response
from oversight.analytics.selection import Selection
from oversight.analytics.side_by_side import side_by_side, verdict, weeks_more
from oversight.mart.columns import COPIED
from oversight.mart.mart import Mart
from oversight.mart.parts import Parts
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.outcome_words import without_small
from oversight.pages.pictures.line_picture import Line, line_picture
from oversight.statistics.adherence import fit_adherence, overlap
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period

ADDRESS = "/oversight/outcomes?from=2026-03-02&to=2026-05-30"
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
DEATH = OutcomeQuestion("death", 48.0, 48.0)


def rows_of(number: int, seed: int = 1, **given) -> Rows:
    """Rows of a made-up service: one for each stay, a card from .3 on."""
    rng = np.random.default_rng(seed)
    risk = rng.beta(2, 5, number)
    alerted = risk >= 0.3
    treated = alerted & (rng.random(number) < 0.5)
    overridden = alerted & ~treated & (rng.random(number) < 0.7)
    made = {
        "sequence": np.arange(1, number + 1), "time": NOON + rng.integers(0, 90 * 24, number) * HOUR, "risk": risk,
        "outcome": (rng.random(number) < risk * np.where(treated, 0.5, 1.0)).astype(float), "alerted": alerted,
        "treated": treated, "followed_up": np.ones(number, dtype=bool), "accepted": treated, "overridden": overridden,
        "lead_hours": np.full(number, np.nan), "stay": np.arange(number).astype(np.uint64),
        "patient": np.arange(number).astype(np.uint64),
        "unit": np.array(["A", "B"], dtype=object)[rng.integers(0, 2, number)],
        "version": np.full(number, "1", dtype=object),
    }  # fmt: skip
    return Rows(**made | given)


def no_features(rows: Rows) -> np.ndarray:
    """Nothing was logged but the risk."""
    return np.empty((len(rows.risk), 0))


def tell(folder, encounters, occurred, hours, name="death") -> None:
    """Outcomes of stays, so many hours after noon of the first day."""
    number = len(encounters)
    (copied,) = (one for one in COPIED if one.name == "outcome")
    columns = {each: np.full(number, None, dtype=object) for each in copied.names}
    at = NOON + (np.asarray(hours) * HOUR).astype(np.int64)
    whose = [each.replace("encounter", "patient") for each in encounters]
    Parts(folder / "outcome").add(columns | {
        "sequence": np.arange(1, number + 1), "time": at, "at": at, "occurred": np.asarray(occurred, dtype=bool),
        "client": np.full(number, "ward", dtype=object), "name": np.full(number, name, dtype=object),
        "patient": np.array(whose, dtype=object), "encounter": np.array(encounters, dtype=object),
    })  # fmt: skip


@pytest.fixture
def get(app):
    """Reads a page as the quality team; keywords are the services' outcomes."""
    return lambda address, **own: app(outcomes=own).test_client().get(address, headers=INSIDE)


@pytest.fixture
def ward(make_mart, tmp_path):
    """Two thousand stays of one service over ninety days, all with an outcome; cards from .3 on, half of them taken."""
    number, rng = 2_000, np.random.default_rng(3)
    risk = rng.beta(2, 5, number)
    days = np.sort(rng.integers(0, 90, number))
    shown = risk >= 0.3
    about = np.flatnonzero(shown & (rng.random(number) < 0.8)) + 1
    accepted = rng.random(number) < 0.55
    withheld = np.where(shown, None, "below-threshold")
    answers = np.where(accepted, "accepted", "overridden").astype(object)[about - 1]
    happened = rng.random(number) < risk * np.where(shown & accepted, 0.4, 1.0)
    advice = {"days": days, "probability": risk, "withheld": withheld, "tier_at_least": np.where(shown, 0.3, 0.0),
              "tier": np.where(shown, "high", "usual").astype(object)}  # fmt: skip
    with make_mart(number, advice, {"about": about, "outcome": answers}):
        tell(tmp_path, [f"encounter-{n}" for n in range(number)], happened, days * 24.0 + 20)
    return SimpleNamespace(risk=risk, shown=shown, happened=happened, days=days)


def test_each_assessment_falls_in_one_place(make_mart, tmp_path, get) -> None:
    """Known, unknown, too early, already: the page counts what was told, and hides few."""
    with make_mart(100, {"encounter": np.array([f"encounter-{n}" for n in range(100)], dtype=object)}):
        yes, no, late = range(40), range(40, 70), range(70, 82)
        told = [f"encounter-{n}" for n in (*yes, *no, *late)]
        hours = [20.0] * 40 + [60.0] * 30 + [-1.0] * 12
        tell(tmp_path, told, [True] * 40 + [False] * 30 + [True] * 12, hours)
    text = said(get(f"{ADDRESS}&service=icu-mortality&window=48"))
    assert "Known 70 Unknown: nobody has said anything 18" in text
    assert "Already: the event had come before 12" in text
    assert "All 100" in text


def test_without_outcomes_the_page_says_so(make_mart, get) -> None:
    """No outcome was ever loaded: words, no figures."""
    with make_mart(50, {}):
        pass
    assert "No outcome has been loaded yet" in said(get(f"{ADDRESS}&service=icu-mortality"))


def test_too_few_known_outcomes_are_refused(make_mart, tmp_path, get) -> None:
    """Five known outcomes are no ground for any figure."""
    with make_mart(50, {}):
        tell(tmp_path, [f"encounter-{n}" for n in range(5)], [True] * 5, [1.0] * 5)
    assert "fewer than 11 assessments of this period have a known outcome" in said(
        get(f"{ADDRESS}&service=icu-mortality")
    )


def test_the_outcome_is_the_models_own(make_mart, tmp_path, get) -> None:
    """Of two outcomes the manifest's is taken; without one a choice is asked for; another one may be asked."""
    with make_mart(50, {}):
        names = [f"encounter-{n}" for n in range(40)]
        tell(tmp_path, names, [n % 2 == 0 for n in range(40)], [20.0] * 40)
        Parts(tmp_path / "outcome").add({
            name: np.array([value], dtype=kind) for name, value, kind in (
                ("sequence", 41, int), ("time", NOON, int), ("client", "ward", object),
                ("patient", "patient-1", object),
                ("encounter", "encounter-1", object), ("name", "sepsis", object), ("occurred", True, bool),
                ("at", NOON + HOUR, int), ("source", "x", object),
            )
        })  # fmt: skip
    address = f"{ADDRESS}&service=icu-mortality"
    assert "Choose the outcome" in said(get(address))
    own = {"icu-mortality": DEATH}
    text = said(get(address, **own))
    assert "40 stays with a known outcome ( death , within 48 hours)" in text
    assert "until the end of the stay" in said(get(f"{address}&window=stay", **own))
    assert "fewer than 11 assessments" in said(get(f"{address}&outcome=sepsis", **own))
    assert "none that the figures know" in said(get(f"{address}&outcome=gout", **own))


@pytest.mark.parametrize(
    "wrong", ["window=soon", "window=0", "window=1e9", "by=day", "by=week&by=month", "outcome=a&outcome=b"]
)
def test_what_cannot_be_asked_is_told(make_mart, get, wrong) -> None:
    """400, without quoting what was sent."""
    with make_mart(20, {}):
        pass
    answer = get(f"{ADDRESS}&service=icu-mortality&{wrong}")
    assert answer.status_code == 400
    assert "soon" not in answer.text


def test_the_page_stands_alone(ward, get) -> None:
    """No script, no style attribute, a title in each picture, a table behind it, and a way to read it."""
    answer = get(f"{ADDRESS}&service=icu-mortality", **{"icu-mortality": DEATH})
    assert answer.status_code == 200
    assert not re.search(r"<script|style=|https?://|\bnan\b", answer.text)
    assert answer.text.count("<svg") == answer.text.count("</title>\n") - 1 >= 4
    assert answer.text.count("<details") >= 2
    assert "How to read this" in answer.text
    assert answer.text.count("blind to concept drift") >= 2


def test_figures_are_those_of_the_arrays(ward, get) -> None:
    """PPV, sensitivity and the live threshold as counted by hand; outcomes of the last days are still coming."""
    text = said(get(f"{ADDRESS}&service=icu-mortality", **{"icu-mortality": OutcomeQuestion("death", None, 240.0)}))
    true = ward.shown & ward.happened
    assert f"PPV: cards followed by the event {100 * true.sum() / ward.shown.sum():.1f} %" in text
    assert f"Sensitivity: events that had a card {100 * true.sum() / ward.happened.sum():.1f} %" in text
    assert "Live threshold: 30 %" in text
    assert text.count("outcomes are still coming") == 2
    assert "Believe the feedback-aware column" in text


def test_of_one_tier_nothing_is_told_that_needs_the_others(ward, get) -> None:
    """PPV stays that of its cards; what needs all tiers is refused in words."""
    text = said(get(f"{ADDRESS}&service=icu-mortality&tier=high", **{"icu-mortality": DEATH}))
    shown = ward.shown & ward.happened
    assert f"PPV: cards followed by the event {100 * shown.sum() / ward.shown.sum():.1f} %" in text
    for name in ("Sensitivity: events that had a card", "Specificity: no event and no card", "of the cards shown"):
        assert f"{name} not told of one tier not told of one tier" in text
    assert "Live threshold" not in text
    assert "exchange rate of" not in text
    assert "had none" not in text
    assert "Of one tier only. A tier is a range of the risk itself" in text
    assert "Take the filter by tier off" not in said(
        get(f"{ADDRESS}&service=icu-mortality", **{"icu-mortality": DEATH})
    )


def test_a_threshold_is_not_read_from_one_tier(make_mart, period) -> None:
    """Whoever asks has made a mistake."""
    with make_mart(200, {}) as mart, pytest.raises(ValueError, match="all tiers"):
        live_threshold(mart, Selection(period, tier="amber"))


def test_all_figures_stand_over_time(ward, get) -> None:
    """AUROC, AUPRC, Brier, slope, O:E and PPV by month, each drawn, and each in the table as counted by hand."""
    answer = get(f"{ADDRESS}&service=icu-mortality&by=month", **{"icu-mortality": DEATH})
    for name in ("AUROC", "AUPRC", "Brier score", "Calibration slope", "O:E", "PPV"):
        assert f"<h3>{name}</h3>" in answer.text
        assert f'<th scope="col" class="number">{name}, naive</th>' in answer.text
    april = (ward.days >= 30) & (ward.days < 60)
    row = said(SimpleNamespace(text=re.search(r'<tr><th scope="row">2026-04-01.*?</tr>', answer.text, re.S)[0]))
    assert f" {np.mean((ward.risk - ward.happened)[april] ** 2):.3f} " in row
    assert f" {100 * ward.happened[april & ward.shown].mean():.1f} % " in row


def test_a_refusal_says_how_long_it_would_take() -> None:
    """Half as much as is needed after ten weeks: ten more; none where enough is known or time would not help."""
    rows = rows_of(1_000)
    model = fit_adherence(
        rows.risk[rows.alerted], np.empty((rows.alerted.sum(), 0)), [], (rows.alerted & ~rows.treated)[rows.alerted]
    )
    seen = replace(overlap(model, rows.treated[rows.alerted]), effective=100.0, below=0.0)
    days = np.arange(70) + 20_000
    assert weeks_more(seen, days) == 10
    assert weeks_more(replace(seen, effective=199.0), days) == 1
    assert weeks_more(replace(seen, effective=200.0), days) is None
    assert weeks_more(replace(seen, below=0.06), days) is None
    assert weeks_more(Refused("none"), days) is None


def test_months_add_up(ward, get) -> None:
    """By month there are three rows, with the stays of each."""
    text = said(get(f"{ADDRESS}&service=icu-mortality&by=month", **{"icu-mortality": DEATH}))
    assert re.search(rf"2026-03-01 {np.count_nonzero(ward.days < 30)} {np.count_nonzero(ward.days < 30)}", text)
    assert "2026-05-01" in text


def test_months_which_cut_weeks_are_for_who_may_see_clinicians(ward, get, monkeypatch) -> None:
    """Set against the weeks they would tell single days; the form does not offer them then."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    address = "/oversight/outcomes?from=2026-03-02&to=2026-05-24&service=icu-mortality&by=month"
    text = get(address, **{"icu-mortality": DEATH}).text
    assert "By week of the first assessment" in text
    assert '<tr><th scope="row">2026-03-09' in text
    assert '<tr><th scope="row">2026-04-01' not in text
    assert ">month</option>" not in text


def test_one_row_for_each_stay() -> None:
    """The first assessment counts; a sample has whole stays and is the same each time."""
    rows = rows_of(60, stay=np.repeat(np.arange(20), 3).astype(np.uint64))
    firsts = rows.first_of_each_stay()
    assert firsts.sequence.tolist() == list(range(1, 61, 3))
    few = rows.sample(30)
    assert few.sequence.tolist() == rows.sample(30).sequence.tolist()
    assert all(np.count_nonzero(few.stay == each) == 3 for each in np.unique(few.stay))
    assert rows.sample(60) is rows


def test_lead_times_take_the_first_card_of_a_stay() -> None:
    """A stay with two cards has the earlier one's; one without a card is counted, one without a time too."""
    rows = rows_of(
        6, stay=np.array([1, 1, 2, 3, 4, 5], dtype=np.uint64), outcome=np.array([1.0, 1, 1, 1, 1, 0]),
        alerted=np.array([True, True, False, True, True, True]),
        lead_hours=np.array([9.0, 4.0, 5.0, 7.0, np.nan, np.nan]),
    )  # fmt: skip
    made = lead_times(rows)
    assert (made.found.ahead, made.found.never, made.untimed) == (2, 1, 1)
    assert made.found.median.value == 8.0


def test_the_verdict_is_said_in_words() -> None:
    """Which column to believe: the weighted one, either, neither, or the naive one."""
    rng = np.random.default_rng(0)
    rows = rows_of(6_000)
    assert verdict(side_by_side(rows, no_features(rows), [], 0.3, rng)).startswith("Believe the feedback-aware column")
    calm = rows_of(6_000, treated=np.zeros(6_000, dtype=bool), accepted=np.zeros(6_000, dtype=bool))
    assert verdict(side_by_side(calm, no_features(calm), [], 0.3, rng)).startswith("Both columns say about the same")
    few = rows_of(600)
    found = side_by_side(few, no_features(few), [], 0.3, rng)
    assert isinstance(found.weighted, Refused)
    assert verdict(found).startswith("Believe neither column")
    assert all(isinstance(each.aware, Refused) for each in found.measures)
    none = rows_of(600, alerted=np.zeros(600, dtype=bool))
    assert verdict(side_by_side(none, no_features(none), [], 0.3, rng)).startswith("No card was shown")


def test_few_are_hidden_in_the_table_of_responses() -> None:
    """No cell shows 1 to 10 stays or events, and none follows from a line whose other cells are shown."""
    for seed in range(8):
        found = risk_response(rows_of(700, seed), None)
        table = [[*band.cells, band.cards] for band in found.bands] + [list(found.totals)]
        for what in ("stays", "events"):
            numbers = [[_number(cell, what) for cell in line] for line in table]
            shown = [each for line in numbers for each in line if each is not None]
            assert not [each for each in shown if 0 < each < SMALLEST_SHOWN]
            for column in zip(*numbers, strict=True):
                assert sum(each is None for each in column) != 1
            for line in numbers:
                assert sum(each is None for each in (*line[:4], line[5])) != 1


def _number(cell, what: str) -> int | None:
    """What a cell shows, None where it is hidden."""
    if isinstance(cell.stays, str):
        return None
    if what == "stays":
        return cell.stays
    return 0 if cell.stays == 0 else None if isinstance(cell.events, str) else cell.events.count


def test_responses_are_those_of_the_rows() -> None:
    """Stays and events of all risks by response, and the difference at equal risk."""
    rows = rows_of(6_000)
    found = risk_response(rows, np.ones(6_000))
    accepted, overridden = found.totals[0], found.totals[1]
    assert accepted.stays == rows.accepted.sum()
    assert overridden.events.count == rows.outcome[rows.overridden].sum()
    assert found.concordance.without_event.count == overridden.stays - overridden.events.count
    assert found.compared.difference.low > 0
    assert len(found.totals) == len(RESPONSES) + 1


def test_the_live_threshold_is_read_from_what_was_shown(make_mart) -> None:
    """A tier between the highest risk that was too low and the lowest shown, or the shortest number between them."""
    risk = np.array([0.1, 0.24, 0.26, 0.4])
    withheld = np.array(["below-threshold", "below-threshold", None, "repeat"], dtype=object)
    period = Period(date(2026, 3, 2), date(2026, 3, 3))
    for tier, expected in ((0.25, 0.25), (0.1, 0.26)):
        with make_mart(4, {"probability": risk, "withheld": withheld, "tier_at_least": np.full(4, tier)}) as mart:
            lay_out(mart, Selection(period), "death", 10**9)
            assert live_threshold(mart, Selection(period)).value == pytest.approx(expected, abs=0.011)


def test_what_was_logged_becomes_columns(make_mart, tmp_path) -> None:
    """Units, weeks and night; rare values have no column, and rows without a card are 0."""
    number = 400
    unit = np.array(["A"] * 200 + ["B"] * 180 + ["C"] * 20, dtype=object)
    with make_mart(number, {"unit_name": unit, "days": np.arange(number) % 14}) as mart:
        tell(tmp_path, [f"encounter-{n}" for n in range(number)], [n % 2 == 0 for n in range(number)], [400.0] * number)
    period = Period(date(2026, 3, 2), date(2026, 5, 30))
    with Mart(tmp_path).open() as mart:
        selection = Selection(period, service="icu-mortality")
        lay_out(mart, selection, "death", 10**9)
        rows, _ = judged_rows(mart, selection, OutcomeQuestion("death", None))
        features, names = logged_features(mart, rows)
    assert names == ("unit: B", "week: 2026-03-09", "night")
    assert features[:, 0].sum() == 180
    assert np.isin(features, (0.0, 1.0)).all()


def test_a_gap_in_the_figures_is_a_gap_in_the_line() -> None:
    """Two runs of two points make two paths; axes lie at round numbers."""
    points = [(0.0, 0.2), (1.0, 0.4), (2.0, None), (3.0, 0.9), (4.0, 0.7)]
    picture = line_picture("x", [Line("naive", "plain", points, [""] * 5)], [(0.0, "a")], share=True)
    assert picture.traces[0].path.count("M") == 2
    assert len(picture.traces[0].spots) == 4
    assert [tick.text for tick in picture.y_ticks] == ["20 %", "40 %", "60 %", "80 %", "100 %"]
    assert line_picture("x", [Line("naive", "plain", [(0.0, None)], [""])], []) is None


def test_patience_is_the_longer_of_window_and_wait() -> None:
    """A whole stay has no window, but is waited for."""
    assert OutcomeQuestion("death", None, 672.0).patience == timedelta(days=28).total_seconds() / 3600
    assert OutcomeQuestion("sepsis", 6.0).patience == 6.0


def test_a_refusal_tells_no_small_count() -> None:
    """Counts of one to ten are said to be few; larger ones, shares and what is needed stand."""
    text = "3 with the event and 40 without: at least 10 of each are needed (under 2%, 5.3 %, 1,003 rows)"
    assert without_small(text) == text.replace("3 with", "fewer than 11 with", 1)
    assert without_small("the 10 untreated alerts tell as much as 7 equal ones").count("fewer than 11") == 2
