"""What is measured in intensive care: LOINC code, UCUM unit, rhythm, and how much a value wavers."""

from __future__ import annotations

from dataclasses import dataclass

VITAL = "vital-signs"
LAB = "laboratory"


@dataclass(frozen=True, slots=True)
class Signal:
    """One analyte. `every` is in hours (0 = once, on admission); `wavers` is a standard deviation in `unit`."""

    loinc: str
    display: str
    unit: str
    category: str
    decimals: int
    every: float
    wavers: float
    lowest: float
    highest: float


SIGNALS: dict[str, Signal] = {
    "heart_rate": Signal("8867-4", "Heart rate", "/min", VITAL, 0, 1, 3, 30, 190),
    "systolic": Signal("8480-6", "Systolic blood pressure", "mm[Hg]", VITAL, 0, 1, 5, 50, 230),
    "diastolic": Signal("8462-4", "Diastolic blood pressure", "mm[Hg]", VITAL, 0, 1, 3, 25, 130),
    "breaths": Signal("9279-1", "Respiratory rate", "/min", VITAL, 0, 1, 1.5, 6, 50),
    "temperature": Signal("8310-5", "Body temperature", "Cel", VITAL, 1, 2, 0.15, 33, 41.5),
    "spo2": Signal("59408-5", "Oxygen saturation by pulse oximetry", "%", VITAL, 0, 1, 1, 70, 100),
    "coma_scale": Signal("9269-2", "Glasgow coma score total", "{score}", VITAL, 0, 4, 0.4, 3, 15),
    "urine": Signal("9187-6", "Urine output", "mL", VITAL, 0, 1, 12, 0, 600),
    "weight": Signal("29463-7", "Body weight", "kg", VITAL, 1, 0, 0, 3, 200),
    "height": Signal("8302-2", "Body height", "cm", VITAL, 0, 0, 0, 50, 210),
    "inspired_oxygen": Signal("3150-0", "Inhaled oxygen concentration", "%", VITAL, 0, 4, 1, 21, 100),
    "ph": Signal("2744-1", "pH of arterial blood", "[pH]", LAB, 2, 6, 0.015, 6.9, 7.6),
    "pco2": Signal("2019-8", "Carbon dioxide partial pressure, arterial", "mm[Hg]", LAB, 0, 6, 1.5, 20, 90),
    "po2": Signal("2703-7", "Oxygen partial pressure, arterial", "mm[Hg]", LAB, 0, 6, 6, 40, 300),
    "sao2": Signal("2708-6", "Oxygen saturation in arterial blood", "%", LAB, 0, 6, 0.7, 70, 100),
    "lactate": Signal("2524-7", "Lactate", "mmol/L", LAB, 1, 6, 0.15, 0.4, 18),
    "urea_nitrogen": Signal("3094-0", "Urea nitrogen", "mg/dL", LAB, 0, 8, 1, 4, 150),
    "creatinine": Signal("2160-0", "Creatinine", "mg/dL", LAB, 2, 8, 0.05, 0.3, 9),
    "sodium": Signal("2951-2", "Sodium", "mmol/L", LAB, 0, 8, 1, 115, 165),
    "potassium": Signal("2823-3", "Potassium", "mmol/L", LAB, 1, 8, 0.12, 2.4, 7),
    "bicarbonate": Signal("1963-8", "Bicarbonate", "mmol/L", LAB, 0, 8, 0.7, 6, 42),
    "glucose": Signal("2345-7", "Glucose", "mg/dL", LAB, 0, 6, 8, 50, 450),
    "magnesium": Signal("19123-9", "Magnesium", "mg/dL", LAB, 1, 8, 0.08, 1, 4),
    "haematocrit": Signal("4544-3", "Hematocrit", "%", LAB, 1, 8, 0.6, 18, 58),
    "platelets": Signal("777-3", "Platelets", "10*3/uL", LAB, 0, 8, 6, 8, 600),
    "white_cells": Signal("6690-2", "Leukocytes", "10*3/uL", LAB, 1, 8, 0.5, 0.5, 60),
    "bilirubin": Signal("1975-2", "Bilirubin total", "mg/dL", LAB, 1, 12, 0.08, 0.1, 25),
    "albumin": Signal("1751-7", "Albumin", "g/dL", LAB, 1, 24, 0.08, 1, 5.5),
    "ast": Signal("1920-8", "Aspartate aminotransferase", "U/L", LAB, 0, 24, 3, 5, 4000),
    "alt": Signal("1742-6", "Alanine aminotransferase", "U/L", LAB, 0, 24, 3, 5, 4000),
    "alp": Signal("6768-6", "Alkaline phosphatase", "U/L", LAB, 0, 24, 4, 20, 900),
    "troponin_t": Signal("6598-7", "Troponin T", "ng/mL", LAB, 2, 12, 0.01, 0.01, 20),
}

# The usual range of the invented laboratory, by name of the signal, which it prints beside a result of an adult.
USUAL: dict[str, tuple[float | None, float | None]] = {
    "ph": (7.35, 7.45),
    "pco2": (35, 45),
    "po2": (80, 100),
    "lactate": (0.5, 2.2),
    "urea_nitrogen": (7, 20),
    "creatinine": (0.6, 1.3),
    "sodium": (136, 145),
    "potassium": (3.5, 5.1),
    "bicarbonate": (22, 28),
    "glucose": (70, 140),
    "magnesium": (1.7, 2.4),
    "platelets": (150, 400),
    "white_cells": (4.0, 11.0),
    "bilirubin": (None, 1.2),
    "albumin": (3.5, 5.0),
    "ast": (None, 40),
    "alt": (None, 41),
    "alp": (40, 130),
    "troponin_t": (None, 0.01),
}

MEAN_PRESSURE = Signal("8478-0", "Mean blood pressure", "mm[Hg]", VITAL, 0, 1, 0, 25, 180)
PRESSURE_PANEL = Signal("85354-9", "Blood pressure panel", "", VITAL, 0, 1, 0, 0, 0)

# A middle-aged adult in intensive care who is doing well; a course names what is different.
STEADY: dict[str, tuple[float, float]] = {
    "heart_rate": (84, 80),
    "systolic": (122, 124),
    "diastolic": (66, 68),
    "breaths": (17, 16),
    "temperature": (37.1, 36.9),
    "spo2": (97, 97),
    "coma_scale": (15, 15),
    "urine": (75, 80),
    "inspired_oxygen": (30, 25),
    "ph": (7.39, 7.41),
    "pco2": (40, 40),
    "po2": (98, 95),
    "sao2": (97, 97),
    "lactate": (1.4, 1.0),
    "urea_nitrogen": (17, 16),
    "creatinine": (0.9, 0.9),
    "sodium": (139, 139),
    "potassium": (4.1, 4.0),
    "bicarbonate": (24, 25),
    "glucose": (128, 118),
    "magnesium": (2.0, 2.0),
    "haematocrit": (34, 33),
    "platelets": (215, 210),
    "white_cells": (9.8, 8.9),
    "bilirubin": (0.7, 0.6),
    "albumin": (3.4, 3.3),
    "ast": (32, 30),
    "alt": (28, 26),
    "alp": (78, 76),
    "troponin_t": (0.02, 0.01),
}
