"""Cards of published scores, and what stands beside a risk: range, weakness, comparators, diagnoses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_hooks import linter
from cds_hooks.cards import EXTENSION, CardWriter, outcome
from cds_hooks.linter import CardRejected
from cds_hooks.words import few
from clinical.advice import WithheldReason
from clinical.app_context import AppContexts
from clinical.assessment import Basis, Estimate, Explanation, Indicator, Score, ScoreItem, Tier
from clinical.record import SetAside, SetAsideReason
from clinical.wording import scored, spread
from findings import NEWS2, NOW, observation
from hostile.judge import active_parts, card_faults

BASE = "https://chartside.test"
WRITER = CardWriter(BASE, AppContexts(b"c" * 32))
Make = Callable[..., Any]
# Words that belong to a learned risk and would be untrue of a score.
LEARNED = ("probab", "odds", "average", "learned", "patients like this", "base rate", "SHAP", "validation")


def written(advice: Any) -> dict[str, Any]:
    """The one card of an answer that the linter let out."""
    response: Any = WRITER.response(advice)
    linter.check(response, BASE)
    assert list(card_faults(response)) == []
    (card,) = response["cards"]
    assert len(card["summary"]) <= 139
    assert active_parts(card["detail"]) == []
    return dict(card)


def test_a_score_card_says_how_high_why_and_what_to_do(make_advice: Make, make_score: Make) -> None:
    """What and how high first, then the items that count with value, points and time, then one action."""
    card = written(make_advice(make_score()))
    assert card["summary"] == "NEWS2 7 of 20: high (Respiratory rate 3, Oxygen saturation 2, Oxygen 2)"
    assert card["indicator"] == "critical"
    detail = card["detail"]
    assert detail.startswith("**NEWS2 (early warning score) 7 of 20: high.** Band as in RCP 2017.")
    assert "| Respiratory rate | 26 /min | 3 (25 or more) | 02 Mar 07:40 (20 min ago) |" in detail
    assert "| Oxygen saturation | 93 % (COPD) | 2 (92 to 93) | 02 Mar 07:35 (25 min ago) |" in detail
    assert "**No points for:** Temperature; Systolic pressure; Pulse; Consciousness." in detail
    order = ["| Item |", "No points for", "Consider:", "As of", "supports clinical judgement"]
    assert sorted(order, key=detail.index) == order
    assert "day 2 in hospital. Newest value 20 min old, oldest 1 h." in detail
    assert not [word for word in LEARNED if word in detail + card["summary"]]
    assert "%" not in card["summary"]


def test_a_score_that_is_not_whole_says_at_least(make_advice: Make, make_score: Make) -> None:
    """The least, the most, what is not known, and that the band may be worse."""
    card = written(make_advice(make_score("medium", unknown=1)))
    assert card["summary"] == "NEWS2 at least 7 (up to 10: Consciousness not known): medium or worse"
    detail = card["detail"]
    assert "at least 7: medium or worse.** With what is not known (Consciousness) it lies between 7 and 10." in detail
    assert detail.count("Consciousness") == 1
    assert "Pulse, Consciousness not known): high" in written(make_advice(make_score(unknown=3)))["summary"]


def test_a_card_says_whom_the_score_is_for_and_by_which_table_it_gives_no_points(
    make_advice: Make, make_score: Make
) -> None:
    """A reader can tell that it is not for this patient, and which scale of the saturation was used."""
    zero = ScoreItem("oxygen_saturation", "Oxygen saturation", 0.0, "90 %", "scale 2: 88 to 92")
    other = ScoreItem("temperature", "Temperature", 0.0, "37 °C", "36.1 to 38.0")
    score = make_score(items=(*make_score().items, zero, other))
    detail = written(make_advice(score))["detail"]
    assert "Oxygen saturation (scale 2: 88 to 92)" in detail
    assert "Temperature (" not in detail
    assert detail.rstrip().endswith(
        score.model.intended_use.removeprefix("Supports clinical judgement, does not replace it. ")
    )


def test_what_is_not_certain_is_named_beside_what_is_missing(make_advice: Make, make_score: Make) -> None:
    """A line that was found and may be more is as much a reason for the range."""
    score = make_score(highest=11.0, missing=("Oxygen saturation",))
    assert "up to 11: Oxygen saturation not known" in written(make_advice(score))["summary"]


def test_many_unknown_items_are_counted(make_advice: Make, make_score: Make) -> None:
    """Where their names find no room, their number does; the band stays."""
    items = (*make_score().items, *(ScoreItem(f"i{n}", f"A long name of an item {n}", None, "") for n in range(9)))
    summary = written(make_advice(make_score(items=items, highest=16.0)))["summary"]
    assert summary == "NEWS2 at least 7 (up to 16: 9 items not known): high"


def test_an_equation_shows_its_inputs_and_no_points(make_advice: Make, make_equation: Make) -> None:
    """Every input with what was found; a unit as people print it; less is worse."""
    card = written(make_advice(make_equation()))
    assert card["summary"] == "eGFR 48 mL/min/1.73 m²: G3a"
    assert "| Item | Found | Measured |" in card["detail"]
    assert "| Creatinine | 1.4 mg/dL | 02 Mar 04:40 (3 h ago) |" in card["detail"]
    assert "| Sex | female | – |" in card["detail"]
    assert "oints" not in card["detail"]
    partly = make_equation(highest=60.0, items=(*make_equation().items, ScoreItem("d", "Dialysis", None, "")))
    assert written(make_advice(partly))["summary"].endswith("(up to 60: Dialysis not known): G3a or better")


def test_a_score_without_points_says_so(make_advice: Make, make_score: Make) -> None:
    """Nothing that counts was found: no table, and the names of what was looked at."""
    items = tuple(replace(item, points=0.0) for item in make_score().items)
    tier = Tier("0", 0.0, Indicator.INFO, "RCP 2017")
    card = written(make_advice(make_score(items=items, value=0.0, highest=0.0, tier=tier)))
    assert card["summary"] == "NEWS2 0 of 20: band 0"
    assert "| Item |" not in card["detail"]
    assert "No points for:** Respiratory rate" in card["detail"]
    assert "usual monitoring" in card["suggestions"][0]["label"]


def test_a_long_score_stays_short(make_advice: Make, make_score: Make) -> None:
    """Eight rows, ten names, and how many more there are."""
    rows = [(f"Item {n:02}", float(n % 2)) for n in range(40)]
    items = tuple(ScoreItem(label, label, points, "yes") for label, points in rows)
    detail = written(make_advice(make_score(items=items, value=20.0, highest=20.0)))["detail"]
    assert detail.count("| yes |") == 8
    assert "12 more items on the page." in detail
    assert "Item 18; and 10 more." in detail
    one = make_score(items=tuple(item for item in items if item.points)[:9], value=9.0, highest=9.0)
    assert "1 more item on the page." in written(make_advice(one))["detail"]


def test_a_diagnosis_says_more_than_yes(make_advice: Make, make_score: Make) -> None:
    """With its day, and its year where that is another."""
    copd = Basis("Condition/1", "COPD", NOW - timedelta(days=400))
    items = (ScoreItem("lung", "Lung disease", 1.0, "yes", basis=(copd, copd, Basis("Condition/2", "Asthma"))),)
    detail = written(make_advice(make_score(items=items, value=1.0, highest=1.0)))["detail"]
    assert "| Lung disease | COPD, Asthma | 1 | 26 Jan 2025 08:00 (400 d ago) |" in detail


def test_a_score_can_be_accepted_and_overridden(make_advice: Make, make_score: Make) -> None:
    """The same suggestion, reasons and links as on a risk."""
    advice = make_advice(make_score())
    card = written(advice)
    (suggestion,) = card["suggestions"]
    assert (suggestion["uuid"], suggestion["label"]) == (advice.suggestion_id, "Ask the team for an urgent review")
    assert suggestion["actions"][0]["resource"]["priority"] == "urgent"
    assert 4 <= len(card["overrideReasons"]) <= 6
    assert [link["label"] for link in card["links"]] == [
        "See the items and decide",
        "Report a problem with this advice",
    ]
    assert card["source"]["topic"]["code"] == "news2"
    written_medium = written(make_advice(make_score("medium")))
    assert written_medium["indicator"] == "warning"
    assert written_medium["suggestions"][0]["actions"][0]["resource"]["priority"] == "routine"


def test_machines_get_the_numbers_of_a_score(make_advice: Make, make_score: Make, make_rich: Make) -> None:
    """Value, unit, highest and tier; a risk keeps its members and gets a range and a weakness where it has them."""
    found = outcome(make_advice(make_score("medium", unknown=1), withheld=WithheldReason.REPEAT))
    assert {name: found[name] for name in ("status", "value", "unit", "highest", "tier", "withheld", "shown")} == {
        "status": "assessed",
        "value": 7.0,
        "unit": "{points}",
        "highest": 10.0,
        "tier": "medium",
        "withheld": "repeat",
        "shown": False,
    }
    assert not {"probability", "baseRate"} & found.keys()
    plain = {"advice", "model", "version", "asOf", "shown", "status", "tier", "probability", "baseRate"}
    assert outcome(make_advice()).keys() == plain
    assert outcome(make_advice(make_rich(weak="x"))).keys() == plain | {"interval", "weak"}
    assert "unit" not in outcome(make_advice(make_score(unit="")))


def test_a_score_goes_through_the_door(door: Any, make_advice: Make, make_score: Make) -> None:
    """The service answers with its card, and takes feedback on it."""
    door.advice = make_advice(make_score())
    answer = door.post(door.body()).get_json()
    assert answer["extension"][EXTENSION]["value"] == 7.0
    card = answer["cards"][0]
    said = {"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": "2026-03-02T08:00:00Z"}
    said["acceptedSuggestions"] = [{"id": card["suggestions"][0]["uuid"]}]
    response = door.post({"feedback": [said]}, "/cds-services/icu-mortality/feedback")
    assert response.get_json()["stored"] == 1
    assert door.ledger.batches[0][0].accepted_suggestions == (door.advice.suggestion_id,)


def test_a_risk_card_has_what_stands_beside_the_number(make_advice: Make, make_rich: Make) -> None:
    """Range and what it is, values outside of training, scores, further risks, coverage, diagnoses."""
    card = written(make_advice(make_rich()))
    assert card["summary"].endswith("50 % during this hospital stay (range 44 to 57 %, average 14 %)")
    detail = card["detail"]
    for words in (
        "**Range 44 to 57 %:** earlier patients cannot tell it more exactly.",
        "**Outside what the model learned from:** Age 103 years.",
        "Beside it: NEWS2 7 (high);  \nNEWS2 at least 5 (high).",
        "Also estimated: heart failure within 10 years 4 %; stroke within 10 years 30 %.",
        "Data: 29 of 30 signals have a usable value; 62 % of what the model weighs was found.",
        "| Comorbidity | Heart failure, COPD | 31 Jan 08:00 (30 d ago) | × 2.2 |",
    ):
        assert words in detail
    assert card["indicator"] == "critical"


def test_what_is_missing_only_for_a_score_is_told_with_the_score(
    make_advice: Make, make_rich: Make, make_score: Make, make_abstention: Make
) -> None:
    """Gaps and unused facts behind its number, or behind why it has none; none of it as a gap of the risk."""
    aside = SetAside("MedicationRequest/1", SetAsideReason.NO_VALUE, "medicine that nobody knows")
    gaps = ("medications: not in the prefetch", "procedures: not in the prefetch")
    open_ = replace(make_score(unknown=1, value=5.0), incomplete=gaps, unused=(aside, aside))
    silent = replace(
        make_abstention(), model=replace(open_.model, title="SOFA (organ failure)"), text="2 of 6 items were found."
    )
    found = make_rich(comparators=(open_,), unanswered=(silent, replace(silent, incomplete=gaps[:1])))
    detail = written(make_advice(found))["detail"]
    assert (
        "Beside it: NEWS2 at least 5 (high); read only in part: medications, procedures; "
        "read but not used: 2 × medicine that nobody knows;  \n"
        "SOFA: not worked out, because 2 of 6 items were found;  \n"
        "SOFA: not worked out, because 2 of 6 items were found; read only in part: medications."
    ) in detail
    assert "**Read only in part" not in detail
    assert "medicine" not in detail.partition("Data: ")[2]


def test_a_score_that_gave_no_answer_is_told_alone(make_advice: Make, make_rich: Make, make_abstention: Make) -> None:
    """It does not vanish where no other stands beside the risk."""
    silent = replace(make_abstention(), text=EVIL)
    detail = written(make_advice(make_rich(comparators=(), unanswered=(silent,))))["detail"]
    assert "Beside it: ICU mortality: not worked out, because " in detail
    assert "\n# h" not in detail
    assert "\u202e" not in detail


def test_a_weak_answer_is_information_and_says_so_first(make_advice: Make, make_rich: Make) -> None:
    """No tier in the summary, no urgency in the task, the reason in the first line."""
    card = written(make_advice(make_rich(weak="only 62 % of what the model weighs was found.")))
    assert card["summary"].startswith("Weak estimate, risk of in-hospital death: 50 %")
    assert card["detail"].startswith(
        "**Too weak for an alert:** only 62 % of what the model weighs was found.\n\n**About 50"
    )
    assert card["indicator"] == "info"
    assert card["suggestions"][0]["actions"][0]["resource"]["priority"] == "routine"


def test_a_risk_without_a_base_rate_names_no_average(make_advice: Make, make_assessment: Make) -> None:
    """An equation out of a paper learned from nobody here: "average <1 %" would make every risk look high."""
    found = make_assessment()
    card = written(make_advice(replace(found, model=replace(found.model, base_rate=0.0))))
    assert card["summary"] == "High risk of in-hospital death: 50 % during this hospital stay"
    assert "verage" not in card["detail"]


@pytest.mark.parametrize(
    ("value", "unit", "texts", "shown"),
    [
        (1.0, "1", ("Heart failure",), "Heart failure"),
        (3.0, "{stays}", ("stay of May", "stay of June", "stay of July"), "3 (stay of May, stay of June, and 1 more)"),
        (1.0, "mg", ("morphine",), "1 mg (morphine)"),
        (0.0, "1", (), "0"),
    ],
)
def test_what_a_driver_rests_on_stands_with_its_value(
    value: float, unit: str, texts: tuple[str, ...], shown: str, make_advice: Make, make_rich: Make
) -> None:
    """A flag that is up says no more than the diagnosis; a number is followed by what it counts."""
    risk = make_rich()
    *others, last = risk.explanation.attributions
    basis = tuple(Basis(f"Encounter/{n}", text) for n, text in enumerate(texts))
    reasons = (*others, replace(last, value=value, unit=unit, basis=basis))
    detail = written(make_advice(replace(risk, explanation=Explanation(-2.5, reasons))))["detail"]
    assert f"| Comorbidity | {shown} |" in detail


EVIL = "<img src=x onerror=alert(1)> [x](https://evil.test) | **b** `c` \u202e\n# h"


@pytest.mark.parametrize("place", ["basis", "found", "item", "unused", "situation", "beside", "driver"])
def test_text_from_the_record_stays_text(place: str, make_advice: Make, make_score: Make, make_rich: Make) -> None:
    """Names of diagnoses and medicines come from the record, in items, beside a risk and in its drivers."""
    score, risk = make_score(), make_rich()
    first, basis = score.items[0], (Basis(EVIL, EVIL, NOW),)
    change = {
        "basis": {"items": (replace(first, basis=basis), *score.items[1:])},
        "found": {"items": (replace(first, found=EVIL), *score.items[1:])},
        "item": {"items": (replace(first, label=EVIL), *score.items[1:])},
        "unused": {"unused": (SetAside(EVIL, SetAsideReason.UNIT, EVIL),)},
        "situation": {"situation": EVIL},
    }
    *reasons, last = risk.explanation.attributions
    finding = {
        "beside": replace(risk, comparators=(replace(score, items=(replace(first, basis=basis),)),), unusual=(EVIL,)),
        "driver": replace(risk, explanation=Explanation(-2.5, (*reasons, replace(last, basis=basis)))),
    }.get(place) or replace(score, **change[place])
    detail = written(make_advice(finding))["detail"]
    assert "\u202e" not in detail
    assert "\n# h" not in detail


@pytest.mark.parametrize(
    "spoil",
    [
        lambda card: card.update(summary="NEWS2 17 of 20: high"),
        lambda card: card.update(summary="NEWS2 7.5 of 20: high"),
        lambda card: card.update(summary="NEWS2: high"),
    ],
)
def test_a_score_card_without_its_number_is_held_back(spoil: Any, make_advice: Make, make_score: Make) -> None:
    """Also where the number is part of another one."""
    response: Any = WRITER.response(make_advice(make_score()))
    spoil(response["cards"][0])
    with pytest.raises(CardRejected, match="without its number"):
        linter.check(response, BASE)


def test_a_card_that_contradicts_its_outcome_is_held_back(
    make_advice: Make, make_rich: Make, make_abstention: Make
) -> None:
    """Another risk, an alarm on a weak answer, a suggestion or a quiet word where nothing was assessed."""
    for finding, change in (
        (make_rich(), {"summary": "High risk of in-hospital death: 5 %"}),
        (make_rich(weak="x"), {"indicator": "critical"}),
        (make_abstention(), {"summary": "ICU mortality: nothing to say"}),
        (make_abstention(), {"indicator": "warning"}),
    ):
        response: Any = WRITER.response(make_advice(finding))
        linter.check(response, BASE)
        response["cards"][0].update(change)
        with pytest.raises(CardRejected):
            linter.check(response, BASE)


TEXTS = st.text(min_size=1, max_size=80) | st.sampled_from([EVIL, "x" * 300, "www.evil.test", "a b " * 50])
POINTS = st.none() | st.integers(-5, 30).map(float) | st.floats(-1e4, 1e4)
MOMENTS = st.integers(0, 10**6).map(lambda minutes: NOW - timedelta(minutes=minutes))
BASES = st.lists(st.builds(Basis, TEXTS, TEXTS, st.none() | MOMENTS), max_size=3).map(tuple)
FACTS = st.lists(st.floats(-1e6, 1e6).map(lambda value: observation("1-1", value, "mg")), max_size=2).map(tuple)
ITEMS = st.lists(st.builds(ScoreItem, TEXTS, TEXTS, POINTS, TEXTS | st.just(""), TEXTS, FACTS, BASES), max_size=12)


@st.composite
def scores(draw: Any) -> Score:
    """Any score that a model could hand over, whole or not, rising or falling."""
    value = draw(st.integers(0, 60).map(float) | st.integers(-(10**6), 10**6).map(lambda hundredths: hundredths / 100))
    return Score(
        model=replace(NEWS2, title=draw(st.sampled_from([NEWS2.title, "A very long name of a score " * 5]))),
        as_of=NOW,
        value=value,
        unit=draw(st.sampled_from(["{points}", "1", "mL/min/{1.73_m2}", "%", "x" * 90])),
        tier=Tier(
            draw(st.sampled_from(["high", "0", "3 to 4", "low-medium"])), 0.0, draw(st.sampled_from(Indicator)), ""
        ),
        items=tuple(draw(ITEMS)),
        situation=draw(TEXTS),
        highest=draw(st.just(value) | st.floats(value, 1e5)),
        maximum=draw(st.none() | st.floats(0, 1e4)),
        falling=draw(st.booleans()),
        missing=draw(st.lists(TEXTS, max_size=3).map(tuple)),
        oldest=draw(st.none() | MOMENTS),
        newest=draw(st.none() | MOMENTS),
    )


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(finding=scores())
def test_a_card_of_any_score_is_a_good_card(make_advice: Make, finding: Score) -> None:
    """The linter passes, the number is in the summary, and nothing but plain text is rendered."""
    card = written(make_advice(finding))
    assert card["summary"].isprintable()
    assert ("at least" in card["summary"]) == (not finding.whole)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    probability=st.floats(0, 1),
    ends=st.just(()) | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    coverage=st.floats(0, 1),
    unusual=st.lists(TEXTS, max_size=3).map(tuple),
    weak=st.just("") | TEXTS,
    comparators=st.lists(scores(), max_size=2).map(tuple),
    others=st.lists(st.builds(Estimate, TEXTS, st.floats(0, 1)), max_size=3).map(tuple),
)
def test_a_card_of_any_rich_risk_is_a_good_card(make_advice: Make, make_rich: Make, **changes: Any) -> None:
    """Whatever stands beside the number; a weak answer is never more than information."""
    finding = make_rich(**{name: value for name, value in changes.items() if name != "ends"}, interval=changes["ends"])
    card = written(make_advice(finding))
    assert card["indicator"] == ("info" if finding.weak else "critical")
    assert finding.interval == () or "range " in card["summary"]


def test_numbers_read_as_people_write_them() -> None:
    """Ranges, units, and lists that are cut."""
    assert spread((0.18, 0.27)) == "18 to 27 %"
    assert spread((0.21, 0.2149)) == "21 %"
    assert spread((0.9, 0.001)) == "<1 to 90 %"
    assert spread((0.95, 0.999)) == "95 to >99 %"
    assert scored(2.671, "1") == "2.671"
    assert scored(48.0, "mL/min/{1.73_m2}") == "48 mL/min/1.73 m²"
    assert few(("a", "b", "c"), 2) == "a; b; and 1 more"
    assert few(("a", "b"), 2) == "a; b"


def test_what_decides_is_told_first_and_never_sorted_out(make_advice: Make, make_score: Make) -> None:
    """Behind ten faults of other kinds, and the action leads to it: the value stands in the chart."""
    others = [SetAside(f"Observation/{n}", SetAsideReason.UNIT, f"pulse: fault {n // 2}") for n in range(20)]
    newer = "newer than what can be used: respiratory rate: status 'preliminary' is not final"
    fact = SetAside("Observation/r", SetAsideReason.STATUS, newer, decides=True)
    low = Tier("low", 0, Indicator.INFO, "RCP 2017")
    found = make_score(unused=(*others, fact), tier=low, value=0.0, highest=3.0, worst=None)
    detail = written(make_advice(found))["detail"]
    assert f"**Read but not used:** 1 × {newer}; 2 × pulse: fault 0;" in detail
    assert "; and others." in detail
    assert "**Consider:** Look in the record at what could not be used, and measure what is missing." in detail
    calm = written(make_advice(make_score(unused=tuple(others), tier=low, value=0.0, highest=3.0, worst=None)))
    assert "**Consider:** Measure what is missing and look again." in calm["detail"]


def test_what_decides_in_a_score_beside_a_risk_is_told_first(make_advice: Make, make_rich: Make) -> None:
    """It is sorted out there no more than on a card of its own."""
    others = [SetAside(f"Observation/{n}", SetAsideReason.UNIT, f"pulse: fault {n // 2}") for n in range(20)]
    fact = SetAside("Observation/r", SetAsideReason.STATUS, "newer: respiratory rate", decides=True)
    rich = make_rich()
    beside = tuple(replace(score, unused=(*others, fact)) for score in rich.comparators)
    detail = written(make_advice(replace(rich, comparators=beside)))["detail"]
    assert "read but not used: 1 × newer: respiratory rate; 2 × pulse: fault 0;" in detail
