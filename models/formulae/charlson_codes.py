"""Which diagnosis codes belong to which of the 17 groups of the Charlson index.

Source: Quan H, Sundararajan V, Halfon P, et al. Coding algorithms for defining comorbidities in ICD-9-CM and ICD-10
administrative data. Med Care 2005;43:1130-1139, doi 10.1097/01.mlr.0000182534.19832.83, table 1: ICD-10, and the
enhanced ICD-9-CM column (not Deyo's). The ICD-10 column was read in a transcript of the table; both were compared code
by code with the R package `comorbidity` and the Python package pycomorb, and read beside the MIMIC-IV code of MIT-LCP.
They agree, but for a misprint: E10.1 is "E10l" in the transcript and in MIMIC-IV.

The lists are those of 2005. Codes that national modifications added outside the listed categories (ICD-10-CM E08, E09,
C4A, C7A, C7B) are in none of the groups; codes added below a listed one (I21.A1, E11.65, N18.31) belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache


class Icd(StrEnum):
    """The classification that a code is from: V42.0 is a kidney transplant in one, a car crash in the other."""

    ICD9CM = "icd-9-cm"
    ICD10 = "icd-10"


# FHIR R4 systems (terminology.hl7.org). National modifications of ICD-10 keep its categories.
SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-9-cm": Icd.ICD9CM,
    "http://hl7.org/fhir/sid/icd-10": Icd.ICD10,
    "http://hl7.org/fhir/sid/icd-10-cm": Icd.ICD10,
}

ICD10 = {
    "myocardial_infarction": "I21 I22 I252",
    "heart_failure": "I099 I110 I130 I132 I255 I420 I425-I429 I43 I50 P290",
    "peripheral_vascular": "I70 I71 I731 I738 I739 I771 I790 I792 K551 K558 K559 Z958 Z959",
    "cerebrovascular": "G45 G46 H340 I60-I69",
    "dementia": "F00-F03 F051 G30 G311",
    "chronic_pulmonary": "I278 I279 J40-J47 J60-J67 J684 J701 J703",
    "rheumatic": "M05 M06 M315 M32-M34 M351 M353 M360",
    "peptic_ulcer": "K25-K28",
    "mild_liver": "B18 K700-K703 K709 K713-K715 K717 K73 K74 K760 K762-K764 K768 K769 Z944",
    "diabetes": "E100 E101 E106 E108 E109 E110 E111 E116 E118 E119 E120 E121 E126 E128 E129 E130 E131 E136 E138 E139 "
    "E140 E141 E146 E148 E149",
    "diabetes_complicated": "E102-E105 E107 E112-E115 E117 E122-E125 E127 E132-E135 E137 E142-E145 E147",
    "hemiplegia": "G041 G114 G801 G802 G81 G82 G830-G834 G839",
    "renal": "I120 I131 N032-N037 N052-N057 N18 N19 N250 Z490-Z492 Z940 Z992",
    "cancer": "C00-C26 C30-C34 C37-C41 C43 C45-C58 C60-C76 C81-C85 C88 C90-C97",
    "severe_liver": "I850 I859 I864 I982 K704 K711 K721 K729 K765-K767",
    "metastatic_cancer": "C77-C80",
    "aids": "B20-B22 B24",
}
ICD9CM = {
    "myocardial_infarction": "410 412",
    "heart_failure": "39891 40201 40211 40291 40401 40403 40411 40413 40491 40493 4254-4259 428",
    "peripheral_vascular": "0930 4373 440 441 4431-4439 4471 5571 5579 V434",
    "cerebrovascular": "36234 430-438",
    "dementia": "290 2941 3312",
    "chronic_pulmonary": "4168 4169 490-505 5064 5081 5088",
    "rheumatic": "4465 7100-7104 7140-7142 7148 725",
    "peptic_ulcer": "531-534",
    "mild_liver": "07022 07023 07032 07033 07044 07054 0706 0709 570 571 5733 5734 5738 5739 V427",
    "diabetes": "2500-2503 2508 2509",
    "diabetes_complicated": "2504-2507",
    "hemiplegia": "3341 342 343 3440-3446 3449",
    "renal": "40301 40311 40391 40402 40403 40412 40413 40492 40493 582 5830-5837 585 586 5880 V420 V451 V56",
    "cancer": "140-172 174-195 200-208 2386",
    "severe_liver": "4560-4562 5722-5728",
    "metastatic_cancer": "196-199",
    "aids": "042-044",
}
GROUPS = tuple(ICD10)

# A code with the dot in another place is another code: 41.0 must not become 410.
_FORMS = {
    Icd.ICD9CM: re.compile(r"(?:[0-9]{3}|V[0-9]{2}|E[0-9]{3})(?:\.?[0-9]{1,2})?"),
    Icd.ICD10: re.compile(r"[A-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{1,4})?"),
}


def groups_of(code: str, system: Icd) -> frozenset[str]:
    """The groups of one code, with or without dot, in either case; mostly none or one, for 404.03 two.

    A code belongs to a group if it is one of its codes or lies below one. A category above them (E11, K70, 250) says
    too little and belongs to none; so does what has not the form of a code.
    """
    plain = plain_code(code, system)
    prefixes = _prefixes(system)
    return frozenset().union(*(prefixes.get(plain[:length], ()) for length in (3, 4, 5)[: max(len(plain) - 2, 0)]))


def groups_below(code: str, system: Icd) -> frozenset[str]:
    """The groups of the listed codes that lie below a code: it may mean one of them, and does not say so (E11, 250)."""
    return _below(system).get(plain_code(code, system), frozenset())


@cache
def _below(system: Icd) -> Mapping[str, frozenset[str]]:
    """The groups of the listed codes below each code that is shorter than one of them."""
    found: dict[str, frozenset[str]] = {}
    for listed, its in _prefixes(system).items():
        for length in range(3, len(listed)):
            found[listed[:length]] = found.get(listed[:length], frozenset()) | its
    return found


def plain_code(code: str, system: Icd) -> str:
    """A code without dot and in capitals; empty for what has not the form of one."""
    plain = code.strip().upper().rstrip("*+†!")  # ICD-10 marks of asterisk and dagger
    return plain.replace(".", "") if _FORMS[system].fullmatch(plain) else ""


def groups(codes: Iterable[tuple[str, Icd]]) -> frozenset[str]:
    """The groups of all codes together."""
    return frozenset().union(*(groups_of(code, system) for code, system in codes))


@cache
def _prefixes(system: Icd) -> Mapping[str, frozenset[str]]:
    """The groups by listed code."""
    found: dict[str, frozenset[str]] = {}
    for group, listed in (ICD10 if system is Icd.ICD10 else ICD9CM).items():
        for part in listed.split():
            for code in _spread(part):
                found[code] = found.get(code, frozenset()) | {group}
    return found


def _spread(part: str) -> Iterable[str]:
    """The codes of a range: K700-K703 are four."""
    first, _, last = part.partition("-")
    if not last:
        return (first,)
    letter = first[0] if first[0].isalpha() else ""
    digits = len(first) - len(letter)
    numbers = range(int(first[len(letter) :]), int(last[len(letter) :]) + 1)
    return tuple(f"{letter}{number:0{digits}d}" for number in numbers)
