"""AHA PREVENT from the inputs of `model.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.formulae.ckd_epi import ckd_epi_2021
from models.formulae.prevent import OLDEST_FOR_30_YEARS, explain, risk
from models.formulae.prevent_person import Person, centre
from models.formulae.prevent_terms import Outcome
from models.runtime.score_answer import Given, Probability, Result, first, lacking

NAMES = {
    Outcome.TOTAL_CVD: "cardiovascular disease",
    Outcome.ASCVD: "heart attack or stroke",
    Outcome.HEART_FAILURE: "heart failure",
}


def answer(given: Given) -> Result:
    """The risk of cardiovascular disease within 10 years; beside it the other outcomes, and 30 years up to age 59."""
    known = {name: value for name, value in given.items() if value is not None}
    bmi, egfr = _bmi(known), _egfr(known)
    if bmi is None:
        return lacking("Body mass index, or weight and height")
    if egfr is None:
        return lacking("Creatinine or eGFR")
    person = Person(
        female=known["sex"] == 0,
        age=known["age"],
        total_cholesterol=known["total_cholesterol"],
        hdl=known["hdl"],
        systolic_pressure=known["systolic_pressure"],
        diabetes=known["diabetes"] == 1,
        smoking=known["smoking"] == 1,
        bmi=bmi,
        egfr=egfr,
        treated=known["treated"] == 1,
        statin=known["statin"] == 1,
        uacr=known.get("uacr"),
        hba1c=known.get("hba1c"),
    )
    return _explained(person, {"egfr": (egfr, "mL/min/{1.73_m2}"), "bmi": (bmi, "kg/m2")})


def _explained(person: Person, shown: Mapping[str, tuple[float, str]]) -> Probability:
    """The risk that decides, what each concept adds to it, and the others."""
    parts = explain(person, centre(female=person.female), Outcome.TOTAL_CVD, 10)
    return Probability(
        value=risk(person, Outcome.TOTAL_CVD, 10),
        base_log_odds=parts.base_log_odds,
        # The index of deprivation is not asked for, so it adds nothing.
        parts={name: part for name, part in parts.parts.items() if name != "sdi"},
        others=tuple(_others(person)),
        shown=shown,
    )


def _others(person: Person) -> Iterator[tuple[str, float]]:
    for years in (10, 30) if person.age <= OLDEST_FOR_30_YEARS else (10,):
        for outcome, name in NAMES.items():
            if (outcome, years) != (Outcome.TOTAL_CVD, 10):
                yield f"{name} within {years} years", risk(person, outcome, years)


def _bmi(known: Mapping[str, float]) -> float | None:
    """As reported, else from weight (kg) and height (cm)."""
    weight, height = known.get("weight"), known.get("height")
    worked_out = weight / (height / 100) ** 2 if weight and height else None
    return first(known.get("bmi"), worked_out)


def _egfr(known: Mapping[str, float]) -> float | None:
    """From creatinine where there is one, else as reported."""
    if "creatinine" in known:
        return ckd_epi_2021(age=known["age"], female=known["sex"] == 0, creatinine=known["creatinine"]).value
    return known.get("egfr")
