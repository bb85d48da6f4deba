"""What the PREVENT equations ask about a person, and the numbers that they make of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from models.formulae.domain import within

MMOL_PER_MG = 0.02586  # cholesterol, mg/dL to mmol/L, as in the equations


@dataclass(frozen=True, slots=True)
class Person:
    """A person without known cardiovascular disease. Raises ValueError, in words, outside the range of the equations.

    Age in years (30 to 79), total and HDL cholesterol mg/dL (130 to 320, 20 to 100), systolic pressure mm[Hg] (90 to
    200), BMI kg/m² (18.5 to below 40), eGFR mL/min/1.73 m² of CKD-EPI 2021 (15 to 140); `treated` takes medicine for
    blood pressure. Optional: urine albumin/creatinine mg/g (0.1 to 25,000), HbA1c % (3 to 15), `sdi`, the decile of the
    social deprivation index (1 to 10, US postal areas).

    Ranges: manual of the R package preventr ("estimate_risk"), which reports that the equations permit a systolic
    pressure up to 200 and an HbA1c from 3 (it stops at 180 and 4.5 by its own decision). Age counts in completed years,
    and BMI to one decimal, so that 79.9 and 39.95 are inside.
    """

    female: bool
    age: float
    total_cholesterol: float
    hdl: float
    systolic_pressure: float
    diabetes: bool
    smoking: bool
    bmi: float
    egfr: float
    treated: bool
    statin: bool
    uacr: float | None = None
    hba1c: float | None = None
    sdi: int | None = None

    def __post_init__(self) -> None:
        """Refuse what the equations do not hold for."""
        within("Age", self.age, 30, 80, "years", below=True)
        within("Total cholesterol", self.total_cholesterol, 130, 320, "mg/dL")
        within("HDL cholesterol", self.hdl, 20, 100, "mg/dL")
        within("Systolic pressure", self.systolic_pressure, 90, 200, "mmHg")
        within("BMI", self.bmi, 18.5, 40, "kg/m²", below=True)
        within("eGFR", self.egfr, 15, 140, "mL/min/1.73 m²")
        if self.uacr is not None:
            within("Urine albumin/creatinine", self.uacr, 0.1, 25_000, "mg/g")
        if self.hba1c is not None:
            within("HbA1c", self.hba1c, 3, 15, "%")
        if self.sdi is not None and self.sdi not in range(1, 11):
            raise ValueError("The decile of the social deprivation index is not 1 to 10.")


def centre(*, female: bool) -> Person:
    """The person at the centre of the equations, whose log-odds in the base equations are their constant.

    Age 55, HDL cholesterol 1.3 and other cholesterol 3.5 mmol/L, systolic pressure 130, BMI 25, eGFR 90, no diabetes,
    not smoking, no treatment, nothing optional measured.
    """
    return Person(
        female=female,
        age=55.0,
        total_cholesterol=(3.5 + 1.3) / MMOL_PER_MG,
        hdl=1.3 / MMOL_PER_MG,
        systolic_pressure=130.0,
        diabetes=False,
        smoking=False,
        bmi=25.0,
        egfr=90.0,
        treated=False,
        statin=False,
    )


def factors(person: Person) -> Mapping[str, float]:
    """The centred and scaled numbers of a person, by name (Khan 2024, tables S12, footnotes)."""
    age, pressure = (person.age - 55) / 10, person.systolic_pressure
    sbp_high = (max(pressure, 110.0) - 130) / 20
    return {
        "age": age,
        "age_squared": age * age,
        "non_hdl": (person.total_cholesterol - person.hdl) * MMOL_PER_MG - 3.5,
        "hdl": (person.hdl * MMOL_PER_MG - 1.3) / 0.3,
        "sbp_low": (min(pressure, 110.0) - 110) / 20,
        "sbp_high": sbp_high,
        "treated": float(person.treated),
        "treated_sbp_high": person.treated * sbp_high,
        "diabetes": float(person.diabetes),
        "no_diabetes": float(not person.diabetes),
        "smoking": float(person.smoking),
        "bmi_low": (min(person.bmi, 30.0) - 25) / 5,
        "bmi_high": (max(person.bmi, 30.0) - 30) / 5,
        "egfr_low": (min(person.egfr, 60.0) - 60) / -15,
        "egfr_high": (max(person.egfr, 60.0) - 90) / -15,
        "statin": float(person.statin),
        **_optional(person),
    }


def _optional(person: Person) -> Mapping[str, float]:
    """The numbers of what need not be known; each has a term of its own for when it is not."""
    uacr, hba1c, sdi = person.uacr, person.hba1c, person.sdi
    return {
        "ln_uacr": 0.0 if uacr is None else math.log(uacr),
        "uacr_missing": float(uacr is None),
        "hba1c": 0.0 if hba1c is None else hba1c - 5.3,
        "hba1c_missing": float(hba1c is None),
        "sdi_4_6": float(sdi is not None and 4 <= sdi <= 6),
        "sdi_7_10": float(sdi is not None and sdi >= 7),
        "sdi_missing": float(sdi is None),
    }
