"""Published scores on the page, and what stands beside a risk."""

import dataclasses
import html
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from clinical.advice import Outcome, WithheldReason
from clinical.assessment import Basis, Explanation, Indicator, ScoreItem, Tier
from clinical.record import SetAside, SetAsideReason
from clinical.wording import scored, spread
from findings import NOW
from smart_app.page.scores import lay_out_score
from smart_app.words import behind

# Words that belong to a learned risk and would be untrue of a score.
LEARNED = ("odds", "base rate", "patients like this", "learned", "probability")


def plain(text: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def show(house, doctor, finding, withheld=None) -> str:
    """The words of the page for one finding."""
    house.findings[:] = [lambda: (finding, withheld)]
    return plain(doctor.see(house.browser())[1])


def test_a_score_has_its_number_its_band_and_its_items(house, doctor, make_score) -> None:
    """How high of how much, the band with its source, and each item with value, points, rule and time."""
    text = show(house, doctor, make_score())
    for words in (
        "NEWS2 (early warning score) 7 of 20 high A published score; band as in RCP 2017.",
        "day 2 in hospital; newest value 20 min old, oldest from 2 Mar 2026, 06:30 UTC",
        "Item Found Points Rule Measured",
        "Respiratory rate 26 /min Points: 3 Rule: 25 or more 20 min old Observation/0-0 2 Mar 2026, 07:40 UTC",
        "Oxygen saturation 93 % COPD 26 Jan 2025 Condition/copd Points: 2",
        "Consciousness alert Points: 0",
        "Sum Points: 7",
        "Source: Royal College of Physicians 2017; worked out as published.",
        "Suggested Ask the team for an urgent review. Accept",
    ):
        assert words in text
    assert not [word for word in LEARNED if word in text]


def test_a_score_that_is_not_whole_says_at_least(house, doctor, make_score) -> None:
    """The least and the most, what is not known, in words and not by colour alone."""
    text = show(house, doctor, make_score("medium", unknown=2))
    assert "at least 7 of 20 medium or worse" in text
    assert "Not whole: Pulse, Consciousness not known. With what is missing the score lies between 7 and 13." in text
    assert "Consciousness not known Points: –" in text


def test_an_equation_has_no_points(house, doctor, make_equation) -> None:
    """Its unit as people print it, what it was worked out from, and no column that would be empty."""
    text = show(house, doctor, make_equation())
    assert "48 mL/min/1.73 m² G3a" in text
    assert "What eGFR was worked out from. Item Found Measured Creatinine 1.4 mg/dL 3 h old" in text
    assert "Points" not in text
    assert "Sum" not in text


def test_an_unremarkable_score_can_be_agreed_with(house, doctor, make_score) -> None:
    """Withheld below the threshold: shown on the page, with nothing to accept."""
    text = show(house, doctor, make_score("low"), WithheldReason.BELOW_THRESHOLD)
    assert "Nothing is suggested at this score" in text
    assert "below the level at which one appears" in text
    assert "7 of 20" in text
    for hidden in (WithheldReason.SHADOW, WithheldReason.SWITCHED_OFF, WithheldReason.NOT_FOR_ROLE):
        silent = show(house, doctor, make_score(), hidden)
        assert "7 of 20" not in silent
        assert "Respiratory" not in silent


def test_a_decision_on_a_score_takes_up_its_action(house, doctor, make_score) -> None:
    """Accepting on the page names the suggestion, as on a risk."""
    house.findings[:] = [lambda: (make_score(), None)]
    browser = house.browser()
    url, text = doctor.see(browser)
    form = dict(re.findall(r'name="(csrf_token|advice|once)" value="([^"]+)"', text.split('class="override"')[0]))
    assert doctor.post(browser, f"{url}/decision", {**form, "outcome": "accepted"}).status_code == 303
    (feedback,) = house.ledger.feedback
    (advice,) = house.ledger.advice.values()
    assert feedback.outcome is Outcome.ACCEPTED
    assert feedback.accepted_suggestions == (advice.suggestion_id,)


def test_a_risk_has_what_stands_beside_its_number(house, doctor, make_rich) -> None:
    """Range and what it is, values outside of training, further risks, coverage, scores, diagnoses."""
    text = show(house, doctor, make_rich())
    for words in (
        "Range 44 to 57 % : earlier patients cannot tell it more exactly.",
        "Outside what the model learned from: Age 103 years.",
        "Also estimated: heart failure within 10 years 4 % ; stroke within 10 years 30 % .",
        "62 % of what usually decides this model's answer was found.",
        "bar: this patient, line: its range, mark: average",
        "Score Value Band Data NEWS2 (early warning score) items",
        "7 of 20 Band: high Data: whole",
        "at least 5 of 20 Band: high Data: Consciousness not known; the score lies between 5 and 10",
        "Respiratory rate: 26 /min, 3 points",
        "Comorbidity Heart failure 31 Jan 2026 Condition/hf COPD 26 Jan 2025 Condition/copd",
    ):
        assert words in text
    assert "Too weak" not in text


def test_what_is_missing_only_for_a_score_stands_with_the_score(house, doctor, make_rich, make_score, make) -> None:
    """Gaps and unused facts in its row, and a row for a score that was not worked out; none as a gap of the risk."""
    aside = SetAside("MedicationRequest/1", SetAsideReason.NO_VALUE, "medicine that nobody knows")
    gaps = ("medications: not in the prefetch",)
    open_ = dataclasses.replace(make_score(unknown=1, value=5.0), incomplete=gaps, unused=(aside, aside))
    silent = dataclasses.replace(make.abstention(), text="2 of 6 items were found.", incomplete=gaps)
    text = show(house, doctor, make_rich(comparators=(open_,), unanswered=(silent,), unused=()))
    told = "read only in part: medications: not in the prefetch"
    assert f"the score lies between 5 and 10; {told}; read but not used: 2 × medicine that nobody knows" in text
    assert f"Not worked out, because 2 of 6 items were found; {told}" in text
    assert "The record was read only in part" not in text
    assert "Read, but not used" not in text


def test_a_score_that_gave_no_answer_stands_alone_on_the_page(house, doctor, make_rich, make) -> None:
    """It does not vanish where no other stands beside the risk."""
    text = show(house, doctor, make_rich(comparators=(), unanswered=(make.abstention(),)))
    assert "Published scores beside it" in text
    assert "Not worked out, because " in text


def test_a_plain_risk_has_none_of_it(house, doctor, make) -> None:
    """What the model does not say is not on the page."""
    text = show(house, doctor, make.risk())
    for words in (
        "Range",
        "Outside what",
        "Also estimated",
        "of what usually decides",
        "scores beside it",
        "line: its range",
    ):
        assert words not in text


def test_a_weak_answer_is_marked_before_its_number(house, doctor, make_rich) -> None:
    """The reason first; neither the colour nor the word of an alert."""
    risk = make_rich(weak="only 62 % of what the model weighs was found.")
    text = show(house, doctor, risk)
    assert text.index("Too weak for an alert: only 62 % of what the model weighs was found.") < text.index("50 % weak")
    house.findings[:] = [lambda: (risk, None)]
    page = doctor.see(house.browser())[1]
    assert re.findall(r'<article class="model (\w+)"', page) == ["info"]
    assert re.findall(r'class="tier (\w+)">([^<]+)<', page) == [("info", "weak estimate")]


def test_a_risk_without_a_base_rate_is_compared_with_nothing(house, doctor, make) -> None:
    """An equation out of a paper: "higher than the base rate of <1 %" would be true of everybody and mean nothing."""
    risk = make.risk()
    text = show(house, doctor, dataclasses.replace(risk, model=dataclasses.replace(risk.model, base_rate=0.0)))
    assert "average" not in text
    assert "31 %" in text
    assert "“Amber” means" in text


@pytest.mark.parametrize(("value", "unit", "shown"), [(1.0, "1", ""), (3.0, "{stays}", "3"), (None, "", "")])
def test_a_driver_shows_what_it_rests_on(house, doctor, make_rich, value, unit, shown) -> None:
    """A flag that is up says no more than the diagnosis; a number stands before what it counts."""
    risk = make_rich()
    *others, last = risk.explanation.attributions
    basis = tuple(Basis(f"Encounter/{n}", f"stay {n}") for n in range(6))
    reason = dataclasses.replace(last, value=value, unit=unit, basis=(*basis, *basis))
    text = show(house, doctor, dataclasses.replace(risk, explanation=Explanation(-2.5, (*others, reason))))
    assert f"Comorbidity {shown} stay 0 Encounter/0 stay 1".replace("  ", " ") in text
    assert "stay 3 Encounter/3 and 2 more" in text


def test_louder_comes_first_and_risks_before_scores(house, doctor, make, make_score, make_rich) -> None:
    """Critical before warning whatever the kind; a weak answer goes with what is only information."""
    weak = make_rich(weak="x")
    house.findings[:] = [
        lambda: (make.abstention(), None),
        lambda: (make_score("low"), None),
        lambda: (weak, None),
        lambda: (make_score("medium"), None),
        lambda: (make.risk(), None),
        lambda: (make_score("high"), None),
    ]
    page = doctor.see(house.browser())[1]
    kinds = re.findall(r'<article class="model (\w+)" .*?<h2[^>]*>([^<]+)<', page, re.DOTALL)
    assert [(loud, name.split()[0]) for loud, name in kinds] == [
        ("critical", "NEWS2"),
        ("warning", "Risk"),
        ("warning", "NEWS2"),
        ("info", "ICU"),
        ("info", "NEWS2"),
        ("none", "Risk"),
    ]


def test_hostile_words_of_the_record_stay_words(house, doctor, make_score, make_rich) -> None:
    """Names of diagnoses, findings and references cannot become markup."""
    evil = "<script>alert(1)</script>"
    basis = (Basis(evil, evil, NOW),)
    item = ScoreItem("a", evil, 7.0, evil, evil, basis=basis)
    tier = Tier(evil, 7.0, Indicator.WARNING, evil)
    risk = make_rich(unusual=(evil,), weak=evil, comparators=(make_score(items=(item,), tier=tier),))
    *others, last = risk.explanation.attributions
    risk = dataclasses.replace(risk, explanation=Explanation(-2.5, (*others, dataclasses.replace(last, basis=basis))))
    for finding in (make_score(items=(item,), tier=tier), risk):
        house.findings[:] = [lambda finding=finding: (finding, None)]
        page = doctor.see(house.browser())[1]
        assert re.findall("<script[^>]*>", page) == ['<script type="module" src="/smart/static/print.js">']
        assert page.count("&lt;script&gt;") >= 4


class Tables(HTMLParser):
    """Counts the cells of every row, and looks for heads."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.rows: list[list[int]] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag, attrs):
        """Count."""
        if tag == "table":
            self.rows.append([])
        elif tag == "tr":
            self.rows[-1].append(0)
        elif tag in ("th", "td"):
            self.rows[-1][-1] += 1
            if tag == "th" and dict(attrs).get("scope") not in ("row", "col"):
                self.faults.append("a head without scope")


def test_every_table_has_heads_and_whole_rows(house, doctor, make_score, make_equation, make_rich) -> None:
    """A screen reader can say for each cell what it is."""
    house.findings[:] = [lambda: (make_rich(), None), lambda: (make_score(unknown=2), None)]
    house.findings += [lambda: (make_equation(), None)]
    page = doctor.see(house.browser())[1]
    tables = Tables()
    tables.feed(page)
    assert tables.faults == []
    assert len(tables.rows) == page.count("<caption>") == 4
    assert all(len(set(rows)) == 1 for rows in tables.rows)


def test_what_a_score_is_laid_out_from(make_score) -> None:
    """No sum where the value is none, the band of a number called one, and nothing recorded at all."""
    zone = NOW.tzinfo
    view = lay_out_score(make_score(value=9.0, highest=9.0, tier=Tier("5 or more", 5.0, Indicator.INFO, "")), zone)
    assert (view.total, view.band, view.least, view.between) == ("", "band 5 or more", False, "")
    bare = lay_out_score(make_score(items=(), highest=9.0, missing=("Pulse",), oldest=None, maximum=None), zone)
    assert (bare.unknown, bare.of, bare.data_span) == (("Pulse",), "", "no dated values were used")
    falling = make_score(falling=True, highest=9.0, tier=Tier("G4", -29.0, Indicator.WARNING, ""))
    assert lay_out_score(falling, zone).band == "G4 or better"


def test_words() -> None:
    """As people write them."""
    assert (spread((0.18, 0.27)), spread((0.2, 0.2))) == ("18 to 27 %", "20 %")
    assert (scored(7.0, "{points}"), scored(48.0, "mL/min/{1.73_m2}")) == ("7", "48 mL/min/1.73 m²")
    one, two = behind(
        (Basis("Condition/1", "", NOW), Basis("Condition/2", "COPD"), Basis("Condition/2", "COPD")), NOW.tzinfo
    )
    assert (one.text, one.time, one.reference) == ("Condition/1", "2 Mar 2026", "")
    assert (two.text, two.time, two.reference) == ("COPD", "", "Condition/2")


def test_a_score_ages_with_its_page(house, doctor, make_score) -> None:
    """The page says how long ago it was worked out."""
    house.clock.pass_(timedelta(minutes=5))
    recent = make_score(as_of=house.clock.now() - timedelta(minutes=5))
    assert "(5 min ago)" in show(house, doctor, recent)
