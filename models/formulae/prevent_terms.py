"""The terms of the PREVENT equations and their coefficients.

A term is one factor, or the product of two that belong to different clinical concepts. There is no term of three.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any


class Outcome(StrEnum):
    """What the equations foretell. ASCVD is coronary heart disease or stroke; total CVD is ASCVD or heart failure."""

    TOTAL_CVD = "total_cvd"
    ASCVD = "ascvd"
    HEART_FAILURE = "heart_failure"
    CHD = "chd"
    STROKE = "stroke"


class Variant(StrEnum):
    """Which optional facts an equation has terms for; `FULL` has them all."""

    BASE = "base"
    UACR = "uacr"
    HBA1C = "hba1c"
    SDI = "sdi"
    FULL = "full"


# The clinical concept that each factor belongs to.
CONCEPT: Mapping[str, str] = MappingProxyType(
    {
        "age": "age",
        "age_squared": "age",
        "non_hdl": "cholesterol",
        "hdl": "cholesterol",
        "sbp_low": "blood_pressure",
        "sbp_high": "blood_pressure",
        "treated": "blood_pressure",
        "treated_sbp_high": "blood_pressure",
        "diabetes": "diabetes",
        "no_diabetes": "diabetes",
        "smoking": "smoking",
        "bmi_low": "bmi",
        "bmi_high": "bmi",
        "egfr_low": "egfr",
        "egfr_high": "egfr",
        "statin": "statin",
        "ln_uacr": "uacr",
        "uacr_missing": "uacr",
        "hba1c": "hba1c",
        "hba1c_missing": "hba1c",
        "sdi_4_6": "sdi",
        "sdi_7_10": "sdi",
        "sdi_missing": "sdi",
    }
)
# Rows whose name does not say which two factors they multiply.
_PRODUCTS = {
    "statin_non_hdl": ("statin", "non_hdl"),
    "hba1c_diabetes": ("diabetes", "hba1c"),
    "hba1c_no_diabetes": ("no_diabetes", "hba1c"),
}


@dataclass(frozen=True, slots=True)
class Term:
    """`weight` × `first`, or `weight` × `first` × `second`."""

    weight: float
    first: str
    second: str | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation for the log-odds."""

    constant: float
    terms: tuple[Term, ...]


@cache
def equation(variant: Variant, outcome: Outcome, horizon: int, *, female: bool) -> Equation:
    """The equation, without the terms whose coefficient is 0. Raises ValueError for other horizons than 10 and 30."""
    if horizon not in (10, 30):
        raise ValueError("PREVENT knows 10 and 30 years.")
    tables = _tables()
    column = tables["columns"].index(f"{'female' if female else 'male'} {outcome}")
    rows = {name: numbers[column] for name, numbers in tables[variant][str(horizon)].items()}
    constant = rows.pop("constant")
    return Equation(constant, tuple(_term(name, weight) for name, weight in rows.items() if weight))


def _term(row: str, weight: float) -> Term:
    """The term of one row of the tables."""
    if row in CONCEPT:
        return Term(weight, row)
    first, second = _PRODUCTS.get(row) or ("age", row.removeprefix("age_"))
    return Term(weight, first, second)


@cache
def _tables() -> Mapping[str, Any]:
    """The published tables."""
    return tomllib.loads(Path(__file__).with_name("prevent_coefficients.toml").read_text("utf-8"))
