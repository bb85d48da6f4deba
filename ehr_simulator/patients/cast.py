"""The cast: fifteen invented patients, each there to show one thing."""

from __future__ import annotations

from ehr_simulator.patients.person import Person, Place
from ehr_simulator.patients.signals import LAB, SIGNALS, VITAL, Signal

MEDICAL = Place("Medical ICU")
SURGICAL = Place("Surgical ICU")
CORONARY = Place("Coronary Care Unit")
HEART_SURGERY = Place("Cardiac Surgery Recovery Unit")
CHILDREN = Place("Pediatric ICU")
# Known as intensive care by the type of its Location alone: the name does not say so.
NORTH_WING = Place("North wing, level 4", "loc-north-4")
WARD = Place("General medicine ward", "loc-ward-2")
CLINIC = Place("Outpatient clinic", "loc-clinic-1")

RARE_LABS = frozenset({"bilirubin", "albumin", "ast", "alt", "alp", "troponin_t", "magnesium"})
GASES = frozenset({"ph", "pco2", "po2", "sao2", "lactate", "inspired_oxygen"})

SEPTIC_SHOCK = {
    "heart_rate": (98.0, 132.0),
    "systolic": (112.0, 82.0),
    "diastolic": (60.0, 41.0),
    "breaths": (22.0, 33.0),
    "temperature": (38.2, 39.3),
    "spo2": (95.0, 90.0),
    "coma_scale": (14.0, 7.0),
    "urine": (55.0, 8.0),
    "inspired_oxygen": (40.0, 85.0),
    "ph": (7.36, 7.19),
    "pco2": (36.0, 31.0),
    "po2": (84.0, 61.0),
    "sao2": (95.0, 89.0),
    "lactate": (2.4, 7.1),
    "urea_nitrogen": (28.0, 64.0),
    "creatinine": (1.3, 3.4),
    "potassium": (4.4, 5.5),
    "bicarbonate": (21.0, 13.0),
    "glucose": (158.0, 212.0),
    "platelets": (168.0, 61.0),
    "white_cells": (14.5, 25.8),
    "bilirubin": (1.1, 4.2),
    "albumin": (2.9, 2.1),
    "ast": (58.0, 240.0),
    "alt": (46.0, 190.0),
    "troponin_t": (0.04, 0.19),
}
PNEUMONIA_IMPROVING = {
    "heart_rate": (118.0, 84.0),
    "systolic": (98.0, 122.0),
    "diastolic": (54.0, 66.0),
    "breaths": (28.0, 18.0),
    "temperature": (38.9, 37.2),
    "spo2": (91.0, 97.0),
    "coma_scale": (13.0, 15.0),
    "urine": (35.0, 85.0),
    "inspired_oxygen": (60.0, 30.0),
    "ph": (7.31, 7.41),
    "po2": (68.0, 95.0),
    "lactate": (3.2, 1.1),
    "creatinine": (1.5, 1.0),
    "white_cells": (17.9, 11.2),
}
AFTER_HEART_SURGERY = {
    "heart_rate": (88.0, 82.0),
    "temperature": (36.1, 37.0),
    "coma_scale": (8.0, 15.0),
    "inspired_oxygen": (50.0, 30.0),
    "po2": (142.0, 104.0),
    "haematocrit": (28.0, 30.0),
    "platelets": (128.0, 146.0),
    "troponin_t": (0.42, 0.30),
    "glucose": (164.0, 132.0),
}
KIDNEY_FAILURE = {
    "urine": (30.0, 18.0),
    "urea_nitrogen": (48.0, 71.0),
    "creatinine": (2.6, 3.9),
    "potassium": (4.9, 5.4),
    "bicarbonate": (20.0, 17.0),
    "systolic": (106.0, 101.0),
    "lactate": (2.2, 2.6),
}

# Units that laboratories do send. The first cannot be converted to a creatinine unit that anybody allows.
CREATININE_PER_HOUR = Signal("2160-0", "Creatinine", "mg/h", LAB, 1, 8, 0.05, 0, 999)
LACTATE_MASS = Signal("2524-7", "Lactate", "mg/dL", LAB, 1, 6, 0.15, 0, 999)
FAHRENHEIT = Signal("8310-5", "Body temperature", "[degF]", VITAL, 1, 2, 0.15, 90, 110)

# Codes for the same analytes in whole blood, as point-of-care analysers report them.
WHOLE_BLOOD = {
    "potassium": (Signal("6298-4", "Potassium in blood", "mmol/L", LAB, 1, 8, 0.12, 0, 99), 1.0, 0.0),
    "sodium": (Signal("2947-0", "Sodium in blood", "mmol/L", LAB, 0, 8, 1, 0, 999), 1.0, 0.0),
    "glucose": (Signal("2339-0", "Glucose in blood", "mg/dL", LAB, 0, 6, 8, 0, 999), 1.0, 0.0),
    "lactate": (Signal("32693-4", "Lactate in blood", "mmol/L", LAB, 1, 6, 0.15, 0, 99), 1.0, 0.0),
}

NOT_IN_A_CLINIC = frozenset(SIGNALS) - {"heart_rate", "systolic", "diastolic", "weight", "height"}

CAST: tuple[Person, ...] = (
    Person("sim-01", "Zzimprova Aster", "pneumonia, improving", "female", 63, 68, 165, 30, (MEDICAL,),
           course=PNEUMONIA_IMPROVING),
    Person("sim-02", "Zzworsen Basalt", "septic shock, worsening", "male", 78, 81, 174, 28, (MEDICAL,),
           course=SEPTIC_SHOCK),
    Person("sim-03", "Zzsteady Cedar", "stable after heart surgery", "male", 66, 88, 178, 26, (HEART_SURGERY,),
           course=AFTER_HEART_SURGERY),
    Person("sim-04", "Zzsparse Dune", "little was measured", "female", 71, 59, 160, 25, (SURGICAL,),
           left_out=RARE_LABS | GASES | {"coma_scale", "haematocrit", "platelets", "white_cells", "urine"}),
    Person("sim-05", "Zzunits Ember", "kidney failure, units from another laboratory", "male", 69, 92, 181, 31,
           (SURGICAL,), course=KIDNEY_FAILURE,
           instead={"creatinine": (CREATININE_PER_HOUR, 10.0, 0.0), "lactate": (LACTATE_MASS, 9.008, 0.0),
                    "temperature": (FAHRENHEIT, 1.8, 32.0)}),
    Person("sim-06", "Zzearly Fjord", "hour 3 of the stay", "female", 58, 74, 169, 3, (CORONARY,)),
    Person("sim-07", "Zzlate Gravel", "hour 60 of the stay", "male", 61, 79, 176, 60, (MEDICAL,)),
    Person("sim-08", "Zzblemish Heath", "withdrawn, preliminary and implausible results", "female", 74, 66, 161, 29,
           (MEDICAL,), course=KIDNEY_FAILURE, blemishes=True),
    Person("sim-09", "Zzblood Isle", "whole-blood codes, pressure as a panel", "male", 55, 84, 180, 27, (CORONARY,),
           instead=WHOLE_BLOOD, pressure_as_panel=True),
    Person("sim-10", "Zzward Juniper", "on a general ward", "female", 68, 70, 164, 40, (WARD,), left_out=GASES),
    Person("sim-11", "Zzclinic Karst", "outpatient", "male", 49, 90, 183, 1, (CLINIC,), class_code="AMB",
           left_out=NOT_IN_A_CLINIC),
    Person("sim-12", "Zzchild Lagoon", "a child", "female", 7, 24, 122, 26, (CHILDREN,),
           course={"heart_rate": (112.0, 104.0), "systolic": (98.0, 100.0), "diastolic": (56.0, 58.0),
                   "breaths": (24.0, 22.0), "urine": (30.0, 32.0), "creatinine": (0.4, 0.4)}),
    Person("sim-13", "Zzname Moraine", "the ward is known by its name alone", "male", 64, 77, 172, 33, (MEDICAL,),
           course={"heart_rate": (96.0, 92.0), "lactate": (1.9, 1.7), "coma_scale": (14.0, 14.0)}),
    Person("sim-14", "Zztype Nunatak", "the ward is known by its Location's type", "female", 81, 57, 158, 32,
           (NORTH_WING,), course={"coma_scale": (11.0, 10.0), "urea_nitrogen": (38.0, 44.0), "breaths": (24.0, 26.0),
                                  "systolic": (108.0, 98.0), "urine": (40.0, 28.0), "lactate": (2.1, 2.8)}),
    Person("sim-15", "Zzmoved Oasis", "came from the ward six hours into the stay", "male", 72, 83, 175, 34,
           (WARD, Place("North wing, level 4", "loc-north-4", 6.0)), course={"inspired_oxygen": (45.0, 40.0)}),
)  # fmt: skip
