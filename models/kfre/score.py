"""The kidney failure risk equation from the inputs of `model.toml`."""

from __future__ import annotations

from collections.abc import Mapping

from models.formulae.ckd_epi import ckd_epi_2021
from models.formulae.kfre import kfre4
from models.runtime.exact_parts import capped, exact_parts
from models.runtime.score_answer import Given, Probability, Result, lacking, outside

# From this eGFR on the equation is not made for a patient.
EGFR_LIMIT = 60.0
EGFR_UNIT = "mL/min/{1.73_m2}"
# Whom the parts compare with: the equation's own centre (age 70.36, eGFR 36.11, ln albumin/creatinine 5.137), a man.
REFERENCE = {"age": 70.36, "sex": 1.0, "egfr": 36.11, "uacr": 170.2}


def answer(given: Given) -> Result:
    """The risk within 5 years in North America, and beside it that within 2 years and those of elsewhere."""
    known = {name: value for name, value in given.items() if value is not None}
    egfr = _egfr(known)
    if egfr is None:
        return lacking("Creatinine or eGFR")
    if egfr >= EGFR_LIMIT:
        return outside(f"the equation is for people with an eGFR below {EGFR_LIMIT:g}")
    person = {"age": known["age"], "sex": known["sex"], "egfr": egfr, "uacr": known["uacr"]}
    base, parts = exact_parts(lambda values: _risk(values, 5), person, REFERENCE)
    others = (
        ("kidney failure within 2 years", _risk(person, 2)),
        ("kidney failure within 5 years, outside North America", _risk(person, 5, north_america=False)),
        ("kidney failure within 2 years, outside North America", _risk(person, 2, north_america=False)),
    )
    return Probability(_risk(person, 5), base, parts, others, {"egfr": (egfr, EGFR_UNIT)})


def _egfr(known: Mapping[str, float]) -> float | None:
    """From creatinine where there is one, else as reported."""
    if "creatinine" in known:
        return ckd_epi_2021(age=known["age"], female=known["sex"] == 0, creatinine=known["creatinine"]).value
    return known.get("egfr")


def _risk(values: Mapping[str, float], years: int, *, north_america: bool = True) -> float:
    """The equation; for the youngest with the worst kidneys it gives certainty, which nobody has."""
    risk = kfre4(
        age=values["age"],
        male=values["sex"] == 1,
        egfr=values["egfr"],
        uacr=values["uacr"],
        north_america=north_america,
        years=years,
    )
    return capped(risk)
