"""Drift of one service: the rows it is read from, what is raised and said, and the page."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE
from werkzeug.serving import make_server

from ehr_simulator.whole_answers import whole
from oversight.analytics.drift import drift, labels_of
from oversight.analytics.drift_rows import Feature, drift_rows
from oversight.analytics.drift_words import Told, inputs_moved, told, verdict
from oversight.analytics.explained import explained, reasons_now
from oversight.analytics.feeds import feeds
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.analytics.unit_mixups import mixup
from oversight.mart.parts import Parts
from oversight.mart.values import DRAW, DRAWS, VALUE, WORD
from oversight.statistics.drift import USUAL, Level, Measure
from oversight.statistics.refused import Refused
from oversight.stored_numbers import APART
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
SINCE = FIRST + timedelta(days=60)
NAMES = ("glucose", "lactate", "creatinine", "albumin", "pulse", "sodium", "chloride")


def column(lists):
    """Lists in one column."""
    made = np.empty(len(lists), dtype=object)
    for place, each in enumerate(lists):
        made[place] = each
    return made


def add_values(folder, values, effects, reads=None, **counts) -> None:
    """The parts of values of entries 1 to n, and the words of their columns."""
    number, wide = values.shape
    sequence = np.arange(1, number + 1)
    plain = {"facts": wide, "unit_unknown": 0, "implausible": 0, "signals": wide, "missing": 0} | counts
    usual = [
        [f"{name}{APART}http://loinc.org|{place}{APART}mmol/L" for place, name in enumerate(NAMES[:wide])]
    ] * number
    rows = {
        "sequence": sequence,
        "draw": (sequence * 2654435761 % 4294967296 * DRAWS // 4294967296).astype(np.int32),
        "vocabulary": np.ones(number, dtype=np.int64),
        "value": column(values.tolist()),
        "effect": column(effects.tolist()),
        "reads": column(reads or usual),
        "age_hours": np.full(number, 2.0),
    }
    rows |= {name: np.broadcast_to(np.asarray(each, dtype=np.int32), number).copy() for name, each in plain.items()}
    Parts(folder / VALUE).add(rows, order="draw, sequence", group=2048)
    texts = {name: np.array([f"{name}-last" if name == "feature" else name for name in [name]] * wide, dtype=object)
             for name in ("feature", "concept", "concept_label", "label", "unit")}  # fmt: skip
    for place, name in enumerate(NAMES[:wide]):
        texts["feature"][place], texts["concept"][place] = f"{name}-last", name
        texts["concept_label"][place], texts["label"][place] = name.title(), f"Last {name}"
        texts["unit"][place] = "mmol/L"
    numbered = {"sequence": np.ones(wide, dtype=np.int64), "place": np.arange(wide, dtype=np.int32)}
    Parts(folder / WORD).add(numbered | texts | {"lead": np.ones(wide, dtype=np.bool_)})


def hospital(number, seed=1, factor=1.0, ward="Ward 2", change=60):
    """Entries of ninety days in four wards; from a day on glucose in one ward is so many times as large."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(0, 90, number))
    unit = np.array([f"Ward {each}" for each in rng.integers(0, 4, number)], dtype=object)
    values = np.exp(rng.normal(size=(number, 5)) * 0.3) * np.array([6.8, 1.6, 1.1, 34.0, 88.0])
    values[(days >= change) & (unit == ward), 0] *= factor
    values[rng.random(values.shape) < 0.08] = np.nan
    effects = rng.normal(size=values.shape) * np.array([0.9, 0.7, 0.5, 0.3, 0.1])
    advice = {"days": days, "unit_name": unit, "probability": rng.beta(2, 6, number)}
    return advice, values, effects


@pytest.fixture
def drifted(make_mart, tmp_path):
    """Makes a mart with values and reads the drift of its service."""
    opened = []

    def make(number=4_000, since=SINCE, sample=None, values=None, advice=None, **wishes):
        """The rows, the drift and what is said of it."""
        made, usual, effects = hospital(number, **wishes)
        add_values(tmp_path, usual if values is None else values(usual, made["days"]), effects)
        manager = make_mart(number, made | (advice or {}))
        mart = manager.__enter__()
        opened.append(manager)
        selection = Selection(Period(FIRST, FIRST + timedelta(days=89)), service="icu-mortality")
        rows = drift_rows(mart, selection, since, sample)
        found = drift(mart, rows, USUAL, np.random.default_rng(0))
        return mart, rows, found

    yield make
    for each in opened:
        each.__exit__(None, None, None)


def test_a_changed_unit_of_one_ward_is_said_first(drifted) -> None:
    """With its factor, since when, and what it looks like; the other wards are quiet."""
    _, rows, found = drifted(factor=18.0)
    said = told(found, rows)
    assert verdict(found, said) == (
        "Glucose in Ward 2 is 18 times as large since the week of 2026-05-04: looks like mg/dL read as mmol/L."
    )
    loud = {each.column for each in found.unit_report.raised if each.measure is Measure.DISTRIBUTION}
    assert loud == {"Glucose in Ward 2"}


def test_nothing_is_raised_where_nothing_moved(drifted) -> None:
    """Neither of all nor of a ward; the number of comparisons is told."""
    _, rows, found = drifted()
    assert not found.report.raised
    assert not found.unit_report.raised
    assert re.match(
        r"No column moved beyond chance and its threshold: \d+ comparisons", verdict(found, told(found, rows))
    )


def test_missing_values_are_told(drifted) -> None:
    """A third of the lactates no longer comes."""

    def gone(values, days):
        """Without them."""
        values[(days >= 60) & (np.arange(len(values)) % 3 == 0), 1] = np.nan
        return values

    _, rows, found = drifted(values=gone)
    (first, *_) = told(found, rows)
    assert first.words.startswith("Lactate is missing in 3")
    assert first.finding.level is Level.ALARM


def test_each_stay_counts_once_in_each_period(drifted) -> None:
    """However often it is assessed; with the first entry of the period."""
    number = 400
    stays = np.array([f"stay-{each // 4}" for each in range(number)], dtype=object)
    _, rows, _ = drifted(number, advice={"encounter": stays, "days": np.tile([10, 20, 70, 80], number // 4)})
    assert rows.stays == (100, 100)
    assert rows.sequence.tolist() == sorted([*range(1, 400, 4), *range(3, 401, 4)])


def test_a_sample_is_the_same_each_time_and_its_share_is_told(drifted) -> None:
    """And is spread over the whole ledger."""
    mart, rows, found = drifted(sample=500)
    assert 0 < rows.share < 1
    assert 350 < max(rows.rows) < 650
    assert rows.stays == (2694, 1306) or sum(rows.stays) == 4000
    again = drift_rows(mart, Selection(Period(FIRST, FIRST + timedelta(days=89)), service="icu-mortality"), SINCE, 500)
    assert again.sequence.tolist() == rows.sequence.tolist()
    ((drawn,),) = mart.rows(f"SELECT count(*) FROM value WHERE draw <> {DRAW}")
    assert drawn == 0
    assert not isinstance(found, Refused)


def test_new_codes_and_units_are_told(make_mart, tmp_path) -> None:
    """A glucose that comes under another code and in another unit since a day."""
    advice, values, effects = hospital(2_000)
    old, new = (
        f"glucose{APART}http://loinc.org|{code}{APART}{unit}" for code, unit in (("1", "mmol/L"), ("2", "mg/dL"))
    )
    reads = [[new if day >= 60 and place % 2 else old] for place, day in enumerate(advice["days"])]
    add_values(tmp_path, values, effects, reads=reads)
    with make_mart(2_000, advice) as mart:
        rows = drift_rows(mart, Selection(Period(FIRST, FIRST + timedelta(days=89))), SINCE)
        found = drift(mart, rows, USUAL, np.random.default_rng(0))
    words = [each.words for each in told(found, rows)]
    assert any("Code and unit of Glucose: " in each and "“2 in mg/dL”" in each for each in words)


def test_reasons_that_rank_otherwise_are_told(make_mart, tmp_path) -> None:
    """The strongest reason becomes the weakest from a week on."""
    advice, values, effects = hospital(3_000)
    effects[advice["days"] >= 60] = effects[advice["days"] >= 60][:, ::-1]
    add_values(tmp_path, values, effects)
    with make_mart(3_000, advice) as mart:
        rows = drift_rows(mart, Selection(Period(FIRST, FIRST + timedelta(days=89))), SINCE)
    found = explained(rows, "1.0.0")
    assert found.whole.moved
    assert found.whole.agreement.value == pytest.approx(-1.0)
    judged = {each.now: each.found.agreement.value for each in found.weeks if not isinstance(each.found, Refused)}
    assert judged[False] > 0.8 > judged[True]


def test_concepts_of_a_few_stays_are_not_ranked(make_mart, tmp_path, get, period) -> None:
    """One day's entries of another model under the same version, that asks for two other concepts and not for these.

    Tied where they are not, they once made up a move that no week had, and hid the move that there was.
    """
    advice, values, effects = hospital(3_000)
    effects = np.abs(effects)
    values, effects = (np.hstack([each, np.full((3_000, 2), np.nan)]) for each in (values, effects))
    strange = np.flatnonzero(advice["days"] == 89)[:15]
    values[strange], effects[strange] = np.nan, [[np.nan] * 5 + [40.0, 90.0]] * 15
    add_values(tmp_path, values, effects)
    with make_mart(3_000, advice) as mart:
        rows = drift_rows(mart, Selection(period), SINCE)
        found, monitored = explained(rows, "1.0.0"), reasons_now(rows, "1.0.0")
    assert (round(found.whole.agreement.value, 9), found.whole.moved, found.left_out) == (1.0, False, 2)
    assert {each.concept for each in found.whole.moves} == {name.title() for name in NAMES[:5]}
    assert {len(each.found.moves) for each in found.weeks if not isinstance(each.found, Refused)} == {5}
    assert monitored.ranks == found.whole
    text = get("/oversight/drift?since=2026-05-01").text
    said = text.split("Do the reasons still rank as they did?")[1].split("</section>")[0]
    assert "Yes: mean strength by concept ranks much as before (rank correlation 1.00" in said
    assert "2 concepts are not ranked, here and below: they stand in fewer than 5 % of the stays of one" in said
    assert "Sodium" not in said


@pytest.mark.parametrize(("stays", "ranked"), [(49, 5), (50, 6)])
def test_a_concept_needs_fifty_stays_of_either_period(make_mart, tmp_path, period, stays, ranked) -> None:
    """And one in twenty of them."""
    advice, values, effects = hospital(1_400)
    values, effects = (np.hstack([each, np.full((1_400, 1), np.nan)]) for each in (values, effects))
    before = np.flatnonzero(advice["days"] < 60)
    some = np.concatenate([before[:stays], np.flatnonzero(advice["days"] >= 60)])
    effects[some, 5] = 0.2
    add_values(tmp_path, values, effects)
    with make_mart(1_400, advice) as mart:
        found = explained(drift_rows(mart, Selection(period), SINCE), "1.0.0")
    assert len(before) < 1_000
    assert (len(found.whole.moves), found.left_out) == (ranked, 6 - ranked)


def test_reasons_of_which_none_stands_often_enough_have_no_ranking(make_mart, tmp_path, get) -> None:
    """The page says so: no fault where every concept was dropped."""
    advice, values, effects = hospital(1_400)
    advice["days"] = np.where(np.arange(1_400) < 1_340, np.arange(1_400) * 60 // 1_340, 60 + np.arange(1_400) % 28)
    effects[np.random.default_rng(1).random(effects.shape) < 0.25] = np.nan
    add_values(tmp_path, values, effects)
    with make_mart(1_400, advice):
        pass
    text = get("/oversight/drift?since=2026-05-01&from=2026-03-02&to=2026-05-30").text
    assert "fewer than 5 concepts have no ranking to compare" in text


def with_outcomes(folder, event) -> None:
    """What came of each of the first stays of `hospital`: true, false, or None where it is not known."""
    known = [place for place, each in enumerate(event) if each is not None]
    plain = {"client": "ward", "name": "death", "source": "csv"}
    when = np.full(len(known), int(datetime(2026, 6, 20, tzinfo=UTC).timestamp()) * 1_000_000)
    told_of = {name: np.array([f"{name}-{each}" for each in known], dtype=object) for name in ("patient", "encounter")}
    Parts(folder / "outcome").add(
        told_of
        | {name: np.full(len(known), value, dtype=object) for name, value in plain.items()}
        | {"sequence": np.arange(1, len(known) + 1), "time": when, "at": when}
        | {"occurred": np.array([bool(event[each]) for each in known])}
    )


def estimated(make_mart, tmp_path, get, *, alerted, known=1_000_000, **wishes):
    """What the page says of the event: three in ten have it; so many of a hundred stays are alerted since the day."""
    advice, values, effects = hospital(4_000, **wishes)
    rng = np.random.default_rng(3)
    event = rng.random(4_000) < 0.3
    since = advice["days"] >= 60
    card = rng.random(4_000) < np.where(since, alerted / 100, np.where(event, 0.8, 0.1))
    advice["withheld"] = np.where(card, None, "below-threshold").astype(object)
    add_values(tmp_path, values, effects)
    told_of = np.cumsum(since) <= known
    with_outcomes(tmp_path, [bool(each) if there else None for each, there in zip(event, told_of, strict=True)])
    with make_mart(4_000, advice):
        pass
    asked = {"outcomes": {"icu-mortality": OutcomeQuestion("death", None)}}
    text = get("/oversight/drift?since=2026-05-01&from=2026-03-02&to=2026-05-30", **asked).text
    return re.sub(r"\s+", " ", text.split("Has the event become more common?</h2>")[1].split("</section>")[0])


def test_the_share_of_events_is_estimated_and_stands_beside_what_is_known(make_mart, tmp_path, get) -> None:
    """Of 31 alerts in a hundred stays, three in ten have the event."""
    said = estimated(make_mart, tmp_path, get, alerted=31)
    assert re.search(r"Estimated from the share of stays that raise a card: (2[6-9]|3[0-4])\.\d %", said), said
    assert re.search(r"([\d,]+) of the \1 stays since 2026-05-01 have a known outcome: 4\d\d of them had", said), said


def test_an_estimate_that_known_outcomes_contradict_is_refused(make_mart, tmp_path, get) -> None:
    """Twice as many alerts and no more events: alerts no longer tell events as they did."""
    said = estimated(make_mart, tmp_path, get, alerted=62)
    assert "No figure: the estimate would be of far too many events for the outcomes that are known" in said
    assert "Estimated" not in said
    assert re.search(r"4\d\d of them had the event \((2[6-9]|3[0-4])\.\d %, ", said), said


def test_an_estimate_is_refused_where_an_input_has_moved(make_mart, tmp_path, get) -> None:
    """And says which; what is known stands there all the same, but of few stays only that they are few."""
    said = estimated(make_mart, tmp_path, get, alerted=31, known=9, factor=18.0)
    why = "inputs have moved, so that events and others need not look as they did: Glucose in Ward 2 is 1"
    assert f"No figure: {why}" in said
    assert "Estimated" not in said
    assert "&lt;11 of the" in said
    assert "had the event" not in said


def test_without_known_outcomes_since_the_page_says_so(make_mart, tmp_path, get) -> None:
    """Nothing contradicts the estimate then."""
    said = estimated(make_mart, tmp_path, get, alerted=31, known=0)
    assert "Estimated from" in said
    assert "No outcome is known yet of the stays since 2026-05-01." in said


def test_events_are_known_before_their_absence_and_nothing_contradicts_that(make_mart, tmp_path, get) -> None:
    """Of the last stays only those with the event are known: they had not their time, so they say nothing yet."""
    advice, values, effects = hospital(4_000)
    rng = np.random.default_rng(3)
    event = rng.random(4_000) < 0.1
    card = rng.random(4_000) < np.where(event, 0.8, 0.1)
    advice["withheld"] = np.where(card, None, "below-threshold").astype(object)
    add_values(tmp_path, values, effects)
    told_of = (advice["days"] < 60) | event
    with_outcomes(tmp_path, [bool(each) if there else None for each, there in zip(event, told_of, strict=True)])
    with make_mart(4_000, advice):
        pass
    asked = {"outcomes": {"icu-mortality": OutcomeQuestion("death", 720.0)}}
    text = get("/oversight/drift?since=2026-05-01&from=2026-03-02&to=2026-05-30", **asked).text
    assert "far too few" not in text
    assert "No outcome is known yet of the stays since 2026-05-01 that had their 720 hours." in text


@pytest.mark.parametrize(
    ("name", "feature", "answer"),
    [("Predicted risk", None, True), ("Predicted risk in Ward 2", None, True), ("Tier", None, True),
     ("Reason of abstention", None, True), ("Role", None, True), ("Hook", None, True),
     ("Unit of the hospital", None, False),
     ("Glucose", Feature("g", "Last", "u", "g", "Glucose"), False), ("Code and unit of Glucose", None, False)],
)  # fmt: skip
def test_what_the_model_answers_and_who_asks_is_no_input(name, feature, answer) -> None:
    """Risk and tier move with the share of events, and a role is none: neither breaks the estimate."""
    column = SimpleNamespace(name=name, feature=feature)
    found = SimpleNamespace(column=lambda _name: column)
    loud = (Told(SimpleNamespace(level=Level.ALARM, column=name), "It has moved.", None),)
    assert inputs_moved(found, loud) == ("" if answer else "It has moved.")


def test_the_quality_of_a_feed_is_that_of_its_worst_part(make_mart, tmp_path) -> None:
    """Since the day and before it; a feed with few stays is left out."""
    advice, values, effects = hospital(1_000)
    advice["client"] = np.array(["small" if place % 200 == 0 else "ward" for place in range(1_000)], dtype=object)
    add_values(tmp_path, values, effects, unit_unknown=np.where(advice["days"] >= 60, 5, 0))
    with make_mart(1_000, advice) as mart:
        rows = drift_rows(mart, Selection(Period(FIRST, FIRST + timedelta(days=89))), SINCE)
        (feed,) = feeds(mart, rows)
    assert (feed.client, feed.hook) == ("ward", "patient-view")
    assert feed.now.score == pytest.approx(0.5)
    assert feed.now.worst.value == "unit known"
    assert feed.before.score == 1.0


def test_columns_are_called_so_that_no_two_are_alike() -> None:
    """By the concept where it has one column, else by the column."""
    one = Feature("a-last", "Last a", "u", "a", "A")
    two = (Feature("b-min", "Lowest b", "u", "b", "B"), Feature("b-max", "Highest b", "u", "b", "B"))
    same = (Feature("c-1", "C", "u", "c", "C"), Feature("c-2", "C", "u", "c", "C"))
    assert labels_of((one, *two, *same)) == ("A", "Lowest b", "Highest b", "C (c-1)", "C (c-2)")


@pytest.mark.parametrize(
    ("name", "unit", "factor", "words"),
    [
        ("Last glucose", "mmol/L", 17.6, "mg/dL read as mmol/L"),
        ("Last glucose", "mg/dL", 1 / 18, "mmol/L read as mg/dL"),
        ("Creatinine", "mg/dL", 90.0, "umol/L read as mg/dL"),
        ("Haemoglobin", "g/dL", 10.2, "g/L read as g/dL"),
        ("Troponin", "ng/mL", 1000.0, "a unit 1,000 times smaller than ng/mL"),
        ("Heart rate", "/min", 1.7, ""),
    ],
)
def test_usual_mistakes_are_guessed(name, unit, factor, words) -> None:
    """From the factor alone; nothing is guessed where no usual one fits."""
    assert mixup(name, unit, factor) == words


def test_the_page_tells_verdict_tables_and_how_to_read_them(drifted, get) -> None:
    """The sentence first; every chart has its table; nothing of it needs a script or a style of its own."""
    drifted(factor=18.0)
    answer = get("/oversight/drift?since=2026-05-01")
    assert answer.status_code == 200
    text = answer.text
    assert text.index("Glucose in Ward 2 is 18 times as large") < text.index("<h2>")
    for part in ("How far each column moved", "Since when?", "Which unit drifts?", "Mix, codes and units",
                 "Do the reasons still rank", "Quality of each feed", "Has the event become more common?",
                 "How to read this"):  # fmt: skip
        assert part in text
    assert "× 18" in text
    assert "names no outcome" in text
    for forbidden in ("<script", "style=", "http://", "https://", "nan", "NaN"):
        assert forbidden not in text
    assert text.count("<svg") == text.count('role="img"') >= 3


@pytest.mark.parametrize("days", [-20, -10, -3, -1, 1, 3, 10, 20])
def test_the_page_as_it_opens_names_factor_ward_and_week(drifted, get, days) -> None:
    """However many days before the usual split (the last four weeks) the unit changed, or after it."""
    change = 62 + days
    drifted(factor=18.0, change=change)
    text = get("/oversight/drift").text
    said = re.search(r'<p class="warning">(.*?)</p>', text).group(1)
    found = re.fullmatch(
        r"Glucose in Ward 2 is 1[789] times as large since the week of (\S+): looks like mg/dL read as mmol/L.", said
    )
    assert found, said
    assert abs((date.fromisoformat(found.group(1)) - FIRST - timedelta(days=change)).days) <= 7


@pytest.mark.parametrize(
    ("query", "words"),
    [("since=2026-01-01", "must lie within"), ("since=x", "must be a day"), ("since=&since=", "more")],
)
def test_a_day_that_divides_nothing_is_refused(drifted, get, query, words) -> None:
    """400, in words."""
    drifted(200)
    answer = get(f"/oversight/drift?{query}")
    assert answer.status_code == 400
    assert words in answer.text


def test_few_stays_are_refused_in_words(make_mart, get) -> None:
    """Twelve entries have no distribution; and without values there is still the mix."""
    with make_mart(12, {"days": [40] * 12}):
        text = get("/oversight/drift").text
    assert "fewer than 20 stays" in text


def test_the_page_is_accessible_on_a_phone_too(drifted, app, chrome) -> None:
    """No finding of axe-core's WCAG rules, no scrolling sideways at 320 px, no form on paper."""
    from axe_playwright_python.sync_playwright import Axe

    drifted(factor=18.0)
    server = make_server("127.0.0.1", 0, whole(app()))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        tab = chrome.new_page(viewport={"width": 320, "height": 800}, extra_http_headers=INSIDE)
        assert tab.goto(f"http://127.0.0.1:{server.port}/oversight/drift").status == 200
        options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
        assert [one["id"] for one in Axe().run(tab, options=options).response["violations"]] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= 320
        tab.emulate_media(media="print")
        assert not tab.locator("form").first.is_visible()
        tab.close()
    finally:
        server.shutdown()
        thread.join()


def test_an_empty_ledger_is_told_in_words(get) -> None:
    """There is no service to choose, and that is no fault."""
    text = get("/oversight/drift").text
    assert "There is none yet" in text
