"""Units: every factor against a unit engine, and refusal of everything else."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.record import LOINC, Coding
from fhir_adapters.units import UCUM, Analyte, Analytes, Conversion

# Scores, ratios and pH have no dimension, so their units are names for the number itself; a clearance per 1.73 m2 is
# written in several ways, and an engine takes the 1.73 for a factor or drops it.
PURE_NUMBERS = {
    *("glasgow_coma_score", "arterial_ph", "international_normalized_ratio"),
    "glomerular_filtration_rate",
}
# Conversions that need a molar mass, which a unit engine rightly refuses: (analyte, other unit) → g/mol.
MOLAR = {
    ("urea_nitrogen", "mmol/L"): 28.014,
    ("creatinine", "umol/L"): 113.12,
    ("glucose", "mmol/L"): 180.156,
    ("magnesium", "mmol/L"): 24.305,
    ("lactate", "mg/dL"): 90.08,
    ("bilirubin_total", "umol/L"): 584.66,
    ("bilirubin_direct", "umol/L"): 584.66,
    ("cholesterol", "mmol/L"): 386.65,
    ("hdl_cholesterol", "mmol/L"): 386.65,
    ("urate", "umol/L"): 168.11,
    ("urate", "mmol/L"): 168.11,
}
# Conversions that are no factor of an engine's; each has examples below.
BY_EXAMPLE = {
    ("glycated_hemoglobin", "mmol/mol"),
    ("albumin_creatinine_ratio", "mg/mmol"),
    ("albumin_creatinine_ratio", "mg/mmol{creat}"),
}


def mass_per_dl(unit: str, molar_mass: float) -> float:
    """One `unit` of a substance in mg/dL."""
    return {"mg/dL": 1.0, "mmol/L": molar_mass / 10, "umol/L": molar_mass / 10_000}[unit]


@pytest.fixture(scope="module")
def engine() -> object:
    """UCUM on pint."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ucumvert import PintUcumRegistry

        return PintUcumRegistry()


def test_every_conversion_agrees_with_an_independent_source(analytes: Analytes, engine: object) -> None:
    """Dimensional factors equal the engine's; molar ones equal the molar mass to three digits."""
    checked = 0
    for analyte in analytes:
        for unit, conversion in analyte.accept.items():
            if (analyte.name, unit) in MOLAR:
                mass = MOLAR[analyte.name, unit]
                expected = mass_per_dl(unit, mass) / mass_per_dl(analyte.unit, mass)
                assert math.isclose(conversion(1.0), expected, rel_tol=1e-3), (analyte.name, unit)
            elif analyte.name in PURE_NUMBERS or unit == "[IU]/L":
                # For enzymes the international unit is the enzyme unit, 1 umol/min (IUBMB 1964).
                assert conversion(7.4) == 7.4
            elif unit not in (analyte.unit, "meq/L") and (analyte.name, unit) not in BY_EXAMPLE:
                for value in (1.0, 37.5):
                    there = _by_engine(engine, value, unit, analyte.unit)
                    assert math.isclose(conversion(value), there, rel_tol=1e-9), (analyte.name, unit)
            checked += 1
    assert checked > 80


def _by_engine(engine: object, value: float, unit: str, target: str) -> float:
    """The engine's conversion."""
    there, here = (getattr(engine.from_ucum(name), "units", "") for name in (target, unit))  # type: ignore[attr-defined]
    return float(engine.Quantity(value, here).to(there).magnitude)  # type: ignore[attr-defined]


def test_milliequivalents_are_taken_for_singly_charged_ions_only(analytes: Analytes) -> None:
    """1 mEq/L is 1 mmol/L for charge 1 and nothing else."""
    singly = {"sodium", "potassium", "chloride", "bicarbonate", "lactate"}
    assert {analyte.name for analyte in analytes if "meq/L" in analyte.accept} == singly


@pytest.mark.parametrize(
    ("name", "code", "system", "text", "value", "canonical"),
    [
        ("temperature", "[degF]", UCUM, None, 98.6, 37.0),
        ("temperature", None, None, "°C", 37.0, 37.0),
        ("inhaled_oxygen", "1", UCUM, None, 0.4, 40.0),
        ("creatinine", "umol/L", UCUM, "µmol/L", 88.42, 1.0),
        ("weight", "[lb_av]", UCUM, None, 100.0, 45.359237),
        ("leukocytes", None, None, "K/uL", 11.0, 11.0),
        ("glasgow_coma_score", None, None, None, 15.0, 15.0),
        ("international_normalized_ratio", None, None, None, 1.1, 1.1),
        ("glomerular_filtration_rate", None, None, "mL/min/1.73m2", 60.0, 60.0),
        ("urate", "umol/L", UCUM, "µmol/L", 59.48, 1.0),
        ("c_reactive_protein", "mg/dL", UCUM, "mg/dL", 0.3, 3.0),
        ("erythrocytes", "10*12/L", UCUM, "10^12/L", 4.7, 4.7),
        ("waist_circumference", "[in_i]", UCUM, "in", 40.0, 101.6),
        ("lymphocyte_share", "1", UCUM, None, 0.298, 29.8),
    ],
)
def test_allowed_units(
    name: str,
    code: str | None,
    system: str | None,
    text: str | None,
    value: float,
    canonical: float,
    analytes: Analytes,
) -> None:
    """Coded units by their code, uncoded ones by their spelling."""
    conversion = by_name(analytes, name).conversion(code=code, system=system, text=text)
    assert conversion is not None
    assert math.isclose(conversion(value), canonical, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("name", "unit", "value", "canonical", "digits"),
    [
        # NGSP, "IFCC Standardization of HbA1c", table of equivalents.
        ("glycated_hemoglobin", "mmol/mol", 31, 5.0, 1),
        ("glycated_hemoglobin", "mmol/mol", 48, 6.5, 1),
        ("glycated_hemoglobin", "mmol/mol", 86, 10.0, 1),
        # KDIGO 2012, categories of albuminuria: 3 and 30 mg/mmol are about 30 and 300 mg/g; exactly by creatinine.
        ("albumin_creatinine_ratio", "mg/mmol", 3, 3 / 0.11312, 1),
        ("albumin_creatinine_ratio", "mg/mmol{creat}", 30, 30 / 0.11312, 0),
        ("albumin_creatinine_ratio", "mg/g", 30, 30, 9),
    ],
)
def test_conversions_that_have_published_examples(
    name: str, unit: str, value: float, canonical: float, digits: int, analytes: Analytes
) -> None:
    """To the digits that are printed."""
    conversion = by_name(analytes, name).conversion(code=unit, system=UCUM, text=None)
    assert conversion is not None
    assert round(conversion(value), digits) == round(canonical, digits)


@pytest.mark.parametrize(
    ("name", "code", "system", "text"),
    [
        ("creatinine", "mg/L", UCUM, "mg/L"),
        ("creatinine", None, None, None),
        ("creatinine", "mg/dL", "http://snomed.info/sct", "mg/dL"),
        ("temperature", "C", UCUM, "C"),
        ("systolic_pressure", "mmHg", UCUM, "mmHg"),
        ("bicarbonate", "mg/dL", UCUM, "mg/dL"),
        ("potassium", "mg/dL", UCUM, "mg/dL"),
        ("heart_rate", "Hz", UCUM, "Hz"),
        ("erythrocyte_distribution_width", "fL", UCUM, "fL"),
        ("lymphocyte_share", "10*3/uL", UCUM, "K/uL"),
        ("c_reactive_protein", "mmol/L", UCUM, "mmol/L"),
    ],
)
def test_refused_units(name: str, code: str | None, system: str | None, text: str | None, analytes: Analytes) -> None:
    """Foreign, absent, mis-coded (coulomb for Celsius) and unlisted units are not converted."""
    assert by_name(analytes, name).conversion(code=code, system=system, text=text) is None


@given(st.text(max_size=12))
def test_text_under_the_ucum_system_is_not_reinterpreted(text: str) -> None:
    """A code that is not in the list is refused, whatever the text says."""
    analyte = Analyte("x", frozenset({"1"}), "mg/dL", {"mg/dL": Conversion()}, {text: "mg/dL"})
    assert (analyte.conversion(code=text, system=UCUM, text="mg/dL") is None) == (text != "mg/dL")


def test_two_analytes_cannot_share_a_code() -> None:
    """A code must mean one thing."""
    one = Analyte("one", frozenset({"1-8"}), "%", {}, {})
    with pytest.raises(ValueError, match="1-8"):
        Analytes([one, Analyte("two", frozenset({"1-8"}), "%", {}, {})])


def by_name(analytes: Analytes, name: str) -> Analyte:
    """One row of the table."""
    return next(analyte for analyte in analytes if analyte.name == name)


def test_all_codes_pass_the_loinc_check_digit(analytes: Analytes) -> None:
    """LOINC codes end in a mod-10 (Luhn) digit."""
    for analyte in analytes:
        for code in analyte.loinc:
            digits = [int(char) for char in reversed(code.replace("-", ""))]
            total = sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits))
            assert total % 10 == 0, code


def test_a_pulse_oximeter_that_sends_both_codes_measures_one_thing(analytes: Analytes) -> None:
    """US Core pulse oximetry carries 59408-5 and 2708-6; it is no arterial blood gas, and is read under one name."""
    both = (Coding(LOINC, "2708-6"), Coding(LOINC, "59408-5"), Coding("urn:local", "O2"))
    found = analytes.of(both)
    assert found is not None
    assert found.name == "spo2"
    assert analytes.kept(both) == both[1:]
    assert analytes.kept(both[:1]) == both[:1]
    assert analytes.of((*both, Coding(LOINC, "8867-4"))) is None
    assert analytes.kept((*both, Coding(LOINC, "8867-4"))) == (*both, Coding(LOINC, "8867-4"))
