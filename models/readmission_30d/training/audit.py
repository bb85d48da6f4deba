"""Groups for audit. None of them reaches a column; race, payer and specialty are not even in the record."""

from __future__ import annotations

from collections.abc import Mapping

from models.readmission_30d.training.table import Row

_RACES = {
    "Caucasian": "White",
    "AfricanAmerican": "Black",
    "Hispanic": "Hispanic",
    "Asian": "Asian",
    "Other": "other",
}
_AGES = {
    "[20-30)": "20 to 49",
    "[30-40)": "20 to 49",
    "[40-50)": "20 to 49",
    "[50-60)": "50 to 59",
    "[60-70)": "60 to 69",
    "[70-80)": "70 to 79",
    "[80-90)": "80 and older",
    "[90-100)": "80 and older",
}
_PAYERS = {"MC": "Medicare", "MD": "Medicaid", "SP": "self-pay"} | dict.fromkeys(
    ("BC", "HM", "CP", "UN", "CM", "OG", "PO"), "private"
)
_SPECIALTIES = (
    ("InternalMedicine", "internal medicine"),
    ("Hospitalist", "internal medicine"),
    ("Family", "family practice"),
    ("Emergency", "emergency"),
    ("Cardiology", "cardiology"),
    ("Surg", "surgery"),
    ("Orthopedics", "surgery"),
    ("Nephrology", "nephrology"),
    ("Psych", "psychiatry"),
    ("Pulmonology", "pulmonology"),
)


def groups_of(row: Row) -> Mapping[str, str]:
    """By attribute; an empty text where the source does not say."""
    return {
        "sex": row.sex,
        "age": _AGES.get(row.age, ""),
        "race": _RACES.get(row.race, ""),
        "payer": _PAYERS.get(row.payer, "other" if row.payer else ""),
        "specialty": _specialty(row.specialty),
        "earlier stay": "in the last year" if row.inpatient else "none in the last year",
    }


def _specialty(name: str) -> str:
    found = (group for part, group in _SPECIALTIES if part in name)
    return next(found, "other" if name else "")
