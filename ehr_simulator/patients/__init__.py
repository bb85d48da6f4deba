"""Who lies in the stand-in hospital? Invented patients, written as FHIR R4 transaction bundles.

Every name is made up and starts with "Zz", so that nobody takes it for a person. One seed gives one hospital.
"""

from ehr_simulator.patients.generate import INTENSIVE_CARE_UNITS, generate, write

__all__ = ["INTENSIVE_CARE_UNITS", "generate", "write"]
