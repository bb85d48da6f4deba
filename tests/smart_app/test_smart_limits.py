"""How sure an answer is, and what limits it for one patient."""

import dataclasses

import pytest

from clinical.assessment import Attribution, Explanation, Observed
from smart_app.page.limits import limits_of, sureness
from smart_app.page.view import sections
from smart_app.ports.learned import Group, Learned


def seen(low: float, high: float, patients: int, events: int, lower: float, upper: float) -> Observed:
    """What happened to such patients."""
    return Observed(low, high, patients, events, lower, upper)


def test_a_number_that_validation_does_not_bear_out_is_told_first(make, house, doctor) -> None:
    """To say "46 of 100 patients like this" would be untrue where 25 of 100 had it."""
    risk = make.risk(observed=seen(0.2, 1.0, 134, 34, 0.1876, 0.2836))
    found = sureness(risk)
    assert found.care
    assert found.words == (
        "when the model was checked, few patients (134) had so high a risk (20 % or more); 25 of 100 of them had this "
        "outcome (95 % interval 19 to 28 of 100). Read the number as high, not to the percent."
    )
    house.findings[:] = [lambda: (risk, None)]
    text = doctor.see(house.browser())[1]
    assert "About 31 of 100 by the model" in text
    assert "patients like this" not in text
    assert "<strong>Not sure:</strong> when the model was checked" in text


def test_a_number_that_validation_bears_out_is_told_so(make) -> None:
    """The share of those who were given about this risk."""
    found = sureness(make.risk(observed=seen(0.3, 0.4, 460, 147, 0.2786, 0.3635)))
    assert not found.care
    assert found.words == (
        "When the model was checked, 32 of 100 of the patients given 30 % to 40 % had this outcome (460 patients; 95 % "
        "interval 28 to 36 of 100)."
    )


@pytest.mark.parametrize(
    ("probability", "observed", "care"),
    [
        (0.39, seen(0.3, 0.4, 460, 147, 0.2786, 0.3635), False),  # the bin agrees, if not every point of it
        (0.35, seen(0.3, 0.4, 460, 60, 0.1, 0.16), True),
        (0.001, seen(0.0, 0.02, 1881, 16, 0.0052, 0.0138), False),  # nobody acts on half a percent
        (0.46, seen(0.4, 0.5, 446, 143, 0.22, 0.45), True),  # far apart, if not beyond the interval
        (0.86, seen(0.8, 1.0, 51, 38, 0.61, 0.84), True),
        (0.82, seen(0.8, 1.0, 51, 40, 0.65, 0.87), False),
        (0.98, seen(0.8, 1.0, 98, 78, 0.71, 0.86), True),
        (0.05, seen(0.0, 0.3, 150, 30, 0.14, 0.27), True),
    ],
)
def test_when_they_do_not_agree(make, probability, observed, care) -> None:
    """Beyond the interval by more than two points; at the ends and in wide bins the number itself counts."""
    found = sureness(dataclasses.replace(make.risk(), probability=probability, observed=observed))
    assert found.care is care


def test_what_was_not_checked_is_said(make) -> None:
    """No claim where there is no validation."""
    assert sureness(make.risk()).words == "How often a risk of this size comes true was not checked."
    assert limits_of(make.risk()) == ("How often a risk of this size comes true was not checked",)


def person(make, age: float | None = 74.0, sex: float | None = 1.0, hours: float = 24.0):
    """A risk of such a person."""
    risk = make.risk(observed=seen(0.3, 0.4, 460, 147, 0.2786, 0.3635))
    parts = [part for part in risk.explanation.attributions if part.feature != "age"]
    parts += [
        Attribution("age", "age", "Age", "Age", 0.19, age, "a"),
        Attribution("sex", "sex", "Sex (1 male, 0 female)", "Sex", 0.1, sex, "1"),
        Attribution("hours", "hours", "Time in intensive care", "Hours", 0.0, hours, "h"),
    ]
    return dataclasses.replace(risk, explanation=Explanation(risk.explanation.base_log_odds - 0.1, tuple(parts)))


LEARNED = Learned(
    ages=(18.0, 90.0),
    age_cap=90.0,
    hours=(6.0, 48.0),
    groups=(
        Group("age", "18 to 54", 18, 54, 2122),
        Group("age", "55 to 90", 55, 90, 5000),
        Group("sex", "female", 0, 0, 7, too_few=True),
        Group("sex", "male", 1, 1, 4405),
    ),
)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, ()),
        ({"age": 90.0}, ("All ages from 90 on look the same to this model",)),
        (
            {"age": 19.0},
            ("Age 19 is at the edge of the ages that the model learned from (18 to 90 years)",),
        ),
        ({"hours": 47.5}, ("Hour 47: the model answers only up to hour 48",)),
        ({"sex": 0.0}, ("Too few patients of this sex (female: 7) to check the model for them",)),
        ({"sex": None}, ("The model was not checked for patients of this sex",)),
        ({"age": None}, ("The model was not checked for patients of this age",)),
    ],
)
def test_limits_of_one_patient(make, known, words) -> None:
    """Ages that look the same or were hardly seen, the end of the window, groups that were not checked."""
    assert limits_of(person(make, **known), LEARNED) == words


def test_without_knowing_what_was_learned_nothing_is_claimed(make) -> None:
    """No limit is made up."""
    assert limits_of(person(make, age=19.0, hours=47.5, sex=None)) == ()


def test_what_the_assessment_says_itself_is_among_them(make) -> None:
    """Weak, unusual, incomplete, and not borne out."""
    risk = make.risk(
        weak="only 40 % was found.", coverage=0.4, unusual=("Age",), observed=seen(0.2, 1.0, 134, 34, 0.18, 0.28)
    )
    assert [text[:20] for text in limits_of(risk)] == [
        "Too weak for an aler",
        "Outside what the mod",
        "The risk and what ha",
    ]
    assert limits_of(make.risk(coverage=0.9))[0] == "Only 90 % of what usually decides this model's answer was found"


def test_the_page_takes_what_was_learned_by_the_id_of_the_model(make) -> None:
    """Limits, report and ranges of one model are not those of another."""
    advice = make.advice(person(make, age=90.0))
    zone = make.now.tzinfo
    (known,) = sections([(advice, None)], make.now, zone, learned={"icu-mortality": LEARNED})
    (other,) = sections([(advice, None)], make.now, zone, learned={"sepsis-6h": LEARNED})
    assert known.risk.limits == ("All ages from 90 on look the same to this model",)
    assert other.risk.limits == ()


def test_a_signal_left_out_by_design_is_not_missing(make, house, doctor) -> None:
    """It was measured; the model does not use it beside another. Sex is a word, not a number."""
    risk = person(make)
    missing = ("Bilirubin", "Respiratory rate (not used beside inspired oxygen)")
    rate = Attribution("rr", "rr", "Respiratory rate", "Respiratory rate: last", 0.2, None, "/min")
    explanation = Explanation(risk.explanation.base_log_odds - 0.2, (*risk.explanation.attributions, rate))
    house.findings[:] = [lambda: (dataclasses.replace(risk, missing=missing, explanation=explanation), None)]
    text = doctor.see(house.browser())[1]
    assert "no usable value (1):</strong> Bilirubin." in text
    assert "Left out by the model's design: Respiratory rate, beside inspired oxygen." in text
    assert "left out by design" in text
    assert ">male</td>" in text
    assert "Sex (1 male" not in text
    assert "More than 24 h old (1):</strong> Potassium 4.4 mmol/L, 30 h old." in text
