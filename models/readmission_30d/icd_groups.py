"""Diagnosis groups by category of ICD-9-CM, and the categories of ICD-10(-CM) that mean the same.

The training data are coded in ICD-9-CM, mostly by category (three digits); hospitals code in ICD-10-CM today. The
groups are this model's own: clinically alike categories, wide enough that both classifications fill them with the same
patients. Diabetes is not in this table: it is told apart by its complication (`diabetes.py`). ICD-10 categories
without a counterpart in ICD-9-CM (U00 to U99) are in no group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

CHAPTERS: Mapping[str, str] = {
    "infectious": "infections",
    "neoplasm": "neoplasms",
    "endocrine": "endocrine, nutritional and metabolic diseases",
    "diabetes": "diabetes",
    "blood": "diseases of the blood",
    "mental": "mental disorders",
    "nervous": "diseases of the nervous system, eye and ear",
    "circulatory": "diseases of the circulation",
    "respiratory": "diseases of the lungs and airways",
    "digestive": "diseases of the digestive organs",
    "genitourinary": "diseases of the kidneys and the urinary and genital organs",
    "pregnancy": "pregnancy and childbirth",
    "skin": "diseases of the skin",
    "musculoskeletal": "diseases of bones, joints and muscles",
    "congenital": "congenital and perinatal conditions",
    "symptoms": "symptoms and findings",
    "injury": "injuries, poisoning and complications of care",
    "supplementary": "history, status and external causes",
}


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its label for people, its chapter, and its categories, single ones and ranges."""

    name: str
    label: str
    chapter: str
    icd9: str
    icd10: str


# The first group that names a category has it: R65 is sepsis although R40-R69 are symptoms.
GROUPS = tuple(
    Group(*row)
    for row in (
        ("sepsis", "sepsis", "infectious", "038 995", "A40-A41 R65"),
        ("hiv", "HIV", "infectious", "042", "B20-B24"),
        ("intestinal_infection", "intestinal infection", "infectious", "001-009", "A00-A09"),
        ("other_infection", "other infection", "infectious", "010-037 039-041 043-139", "A15-A39 A42-B19 B25-B99"),
        ("digestive_cancer", "cancer of the digestive organs", "neoplasm", "150-159", "C15-C26"),
        ("lung_cancer", "cancer of the lungs and airways", "neoplasm", "160-165", "C30-C39"),
        ("metastasis", "metastatic cancer", "neoplasm", "196-199", "C76-C80 C7B"),
        ("blood_cancer", "cancer of blood or lymph", "neoplasm", "200-208", "C81-C96"),
        ("other_cancer", "other cancer", "neoplasm", "140-149 170-195", "C00-C14 C40-C75 C4A C7A"),
        ("other_neoplasm", "benign or uncertain neoplasm", "neoplasm", "209-239", "D00-D49 D3A"),
        ("thyroid", "thyroid disease", "endocrine", "240-246", "E00-E07"),
        ("malnutrition", "malnutrition or vitamin deficiency", "endocrine", "260-269", "E40-E64"),
        ("lipids", "lipid disorder", "endocrine", "272", "E78"),
        ("fluid", "disorder of fluid or electrolytes", "endocrine", "276", "E86-E87"),
        ("obesity", "obesity", "endocrine", "278", "E65-E68"),
        (
            "other_endocrine",
            "other endocrine or metabolic disease",
            "endocrine",
            "250-259 270-271 273-275 277 279",
            "E15-E36 E70-E77 E79-E85 E88-E90 D80-D89",
        ),
        ("anaemia", "anaemia", "blood", "280-285", "D50-D64"),
        ("other_blood", "other disease of the blood", "blood", "286-289", "D65-D77"),
        ("dementia", "dementia", "mental", "290 294 331", "F00-F04 G30-G31"),
        ("delirium", "delirium", "mental", "293", "F05-F09"),
        ("psychosis", "psychosis", "mental", "295 297-299", "F20-F29"),
        ("mood", "mood or anxiety disorder", "mental", "296 300-302 308-309 311", "F30-F48"),
        ("alcohol", "alcohol use", "mental", "291 303", "F10"),
        ("drugs_tobacco", "use of drugs or tobacco", "mental", "292 304-305", "F11-F19 Z72"),
        ("other_mental", "other mental disorder", "mental", "306-307 310 312-319", "F50-F99"),
        ("epilepsy", "epilepsy", "nervous", "345", "G40-G41"),
        (
            "central_nervous",
            "disease of the brain or spinal cord",
            "nervous",
            "320-330 332-344 346-349",
            "G00-G26 G32-G39 G43-G44 G46-G47 G80-G99",
        ),
        ("peripheral_nervous", "disease of nerves or muscles", "nervous", "350-359", "G50-G73"),
        ("eye_ear", "disease of the eye or ear", "nervous", "360-389", "H00-H95"),
        ("hypertension", "hypertension", "circulatory", "401 405", "I10 I15-I16 I1A"),
        ("hypertensive_heart", "hypertensive heart disease", "circulatory", "402", "I11"),
        ("hypertensive_kidney", "hypertensive kidney disease", "circulatory", "403-404", "I12-I13"),
        ("infarction", "myocardial infarction", "circulatory", "410", "I21-I23"),
        ("angina", "angina or acute coronary syndrome", "circulatory", "411 413", "I20 I24"),
        ("coronary", "chronic coronary disease", "circulatory", "412 414", "I25"),
        ("pulmonary_circulation", "disease of the pulmonary circulation", "circulatory", "415-417", "I26-I28"),
        ("valve", "disease of the heart valves", "circulatory", "393-398 424", "I05-I09 I34-I39"),
        ("cardiomyopathy", "cardiomyopathy", "circulatory", "425", "I42-I43"),
        ("conduction", "conduction disorder", "circulatory", "426", "I44-I45"),
        ("arrhythmia", "arrhythmia", "circulatory", "427", "I46-I49"),
        ("heart_failure", "heart failure", "circulatory", "428", "I50"),
        ("other_heart", "other heart disease", "circulatory", "390-392 420-423 429", "I00-I02 I30-I33 I40-I41 I51-I52"),
        ("stroke_bleeding", "bleeding in the brain", "circulatory", "430-432", "I60-I62"),
        ("stroke", "stroke or narrowed brain artery", "circulatory", "433-434 436", "I63-I66"),
        ("tia", "transient ischaemic attack", "circulatory", "435", "G45"),
        ("stroke_late", "late effects of stroke", "circulatory", "437-438", "I67-I69"),
        ("arteries", "disease of peripheral arteries", "circulatory", "440 443-449", "I70 I73-I79 I96"),
        ("aneurysm", "aneurysm", "circulatory", "441-442", "I71-I72"),
        ("veins", "disease of the veins", "circulatory", "451-457 459", "I80-I89 I98-I99"),
        ("hypotension", "low blood pressure", "circulatory", "458", "I95"),
        (
            "airway_infection",
            "infection of the airways",
            "respiratory",
            "460-466 470-479 487",
            "J00-J11 J20-J22 J30-J39",
        ),
        ("pneumonia", "pneumonia", "respiratory", "480-486 488", "J12-J18"),
        ("copd", "chronic obstructive lung disease", "respiratory", "490-492 494 496", "J40-J44 J47"),
        ("asthma", "asthma", "respiratory", "493", "J45-J46"),
        ("aspiration", "aspiration pneumonia", "respiratory", "507", "J69"),
        ("pleura", "disease of the pleura", "respiratory", "510-513", "J85-J86 J90-J94"),
        ("respiratory_failure", "respiratory failure", "respiratory", "518", "J80-J82 J96 J98"),
        (
            "other_lung",
            "other lung disease",
            "respiratory",
            "495 497-506 508-509 514-517 519",
            "J60-J68 J70-J79 J83-J84 J95 J99",
        ),
        ("stomach", "disease of gullet, stomach or duodenum", "digestive", "530-539", "K20-K31"),
        ("hernia_appendix", "hernia or appendicitis", "digestive", "540-553", "K35-K46"),
        ("bowel_inflammation", "inflammation of the bowel", "digestive", "555-556 558", "K50-K52"),
        ("bowel", "other disease of the bowel", "digestive", "557 560-569", "K55-K68"),
        ("digestive_bleeding", "bleeding from the digestive organs", "digestive", "578", "K92"),
        ("liver", "disease of the liver", "digestive", "570-573", "K70-K77"),
        ("gallbladder", "disease of the gallbladder", "digestive", "574-576", "K80-K83"),
        ("pancreas", "disease of the pancreas", "digestive", "577", "K85-K87"),
        (
            "other_digestive",
            "other disease of the digestive organs",
            "digestive",
            "520-529 579",
            "K00-K14 K90-K91 K93-K95",
        ),
        ("kidney_injury", "acute kidney injury", "genitourinary", "584", "N17"),
        ("kidney_disease", "chronic kidney disease", "genitourinary", "585-586", "N18-N19"),
        (
            "other_kidney",
            "other kidney disease",
            "genitourinary",
            "580-583 587-589 591 593",
            "N00-N08 N13-N16 N25-N29",
        ),
        ("urinary_infection", "urinary infection", "genitourinary", "590 595 597 599", "N10-N12 N30 N34 N39"),
        ("stone", "urinary stones", "genitourinary", "592 594", "N20-N23"),
        (
            "other_genitourinary",
            "other disease of the urinary or genital organs",
            "genitourinary",
            "596 598 600-629",
            "N31-N33 N35-N37 N40-N99",
        ),
        ("pregnancy", "pregnancy and childbirth", "pregnancy", "630-679", "O00-O99 O9A"),
        ("cellulitis", "infection of the skin", "skin", "680-686", "L00-L08"),
        ("skin_ulcer", "ulcer of the skin", "skin", "707", "L89 L97-L98"),
        ("other_skin", "other disease of the skin", "skin", "690-706 708-709", "L10-L88 L90-L96 L99"),
        ("osteoarthritis", "osteoarthritis", "musculoskeletal", "715", "M15-M19"),
        ("arthritis", "other disease of the joints", "musculoskeletal", "710-714 716-719", "M00-M14 M20-M36 M1A"),
        ("spine", "disease of the spine", "musculoskeletal", "720-724", "M40-M54"),
        ("osteomyelitis", "infection of the bone", "musculoskeletal", "730", "M86"),
        ("other_bone", "other disease of bones or muscles", "musculoskeletal", "725-729 731-739", "M60-M85 M87-M99"),
        ("congenital", "congenital or perinatal condition", "congenital", "740-779", "Q00-Q99 P00-P96"),
        ("heart_lung_symptom", "symptom of heart or lungs", "symptoms", "785-786", "R00-R09 R57"),
        ("general_symptom", "general symptom", "symptoms", "780", "R40-R64 R68"),
        ("abdominal_symptom", "symptom of the abdomen", "symptoms", "787 789", "R10-R19"),
        ("other_symptom", "other symptom or finding", "symptoms", "781-784 788 790-799", "R20-R39 R66-R99"),
        ("hip_fracture", "fracture of the hip or thigh", "injury", "820-821", "S72"),
        (
            "other_fracture",
            "other fracture",
            "injury",
            "800-819 822-829",
            "S02 S12 S22 S32 S42 S52 S62 S82 S92 T02",
        ),
        ("other_injury", "other injury", "injury", "830-959", "S00-T34"),
        ("poisoning", "poisoning or adverse effect of a medicine", "injury", "960-989", "T36-T65"),
        ("device_complication", "complication of a device or graft", "injury", "996", "T82-T86"),
        (
            "procedure_complication",
            "complication of a procedure",
            "injury",
            "997-999",
            "T80-T81 T87-T88 I97 D78",
        ),
        ("other_external", "other effect of external causes", "injury", "990-994", "T66-T79 T90-T98"),
        ("transplant", "transplanted organ", "supplementary", "V42", "Z94"),
        ("device_status", "dialysis, stoma or implanted device", "supplementary", "V43-V46", "Z93 Z95-Z99"),
        ("rehabilitation", "rehabilitation", "supplementary", "V57", "Z50"),
        ("aftercare", "chemotherapy or aftercare", "supplementary", "V58", "Z48 Z51 Z79"),
        ("history", "history of a disease", "supplementary", "V10-V19", "Z80-Z92"),
        ("other_status", "other status", "supplementary", "V01-V09 V20-V41 V47-V56 V59-V99", "Z00-Z78 Z3A"),
        ("external_cause", "external cause", "supplementary", "E000-E999", "V00-Y99"),
    )
)
DIABETES = {
    "diabetes_plain": "diabetes without complication",
    "diabetes_acute": "diabetes with ketoacidosis or coma",
    "diabetes_kidney": "diabetes with kidney disease",
    "diabetes_eye": "diabetes with eye disease",
    "diabetes_nerve": "diabetes with nerve disease",
    "diabetes_arteries": "diabetes with disease of the arteries",
    "diabetes_other": "diabetes with another complication",
}
LABELS: Mapping[str, str] = {group.name: group.label for group in GROUPS} | DIABETES
CHAPTER_OF: Mapping[str, str] = {group.name: group.chapter for group in GROUPS} | dict.fromkeys(DIABETES, "diabetes")


@cache
def of_icd9(category: str) -> str:
    """The group of a category of ICD-9-CM (428, V45, E885), or an empty text."""
    return _table("icd9").get(category, "")


@cache
def of_icd10(category: str) -> str:
    """The group of a category of ICD-10 or ICD-10-CM (I50, C7A), or an empty text."""
    return _table("icd10").get(category, "")


@cache
def _table(edition: str) -> Mapping[str, str]:
    """The group of each category. The first group that names a category has it."""
    found: dict[str, str] = {}
    for group in GROUPS:
        for part in getattr(group, edition).split():
            for category in _spread(part):
                found.setdefault(category, group.name)
    return found


def _spread(part: str) -> Iterator[str]:
    """The categories of a range: V10-V19 are ten, S00-T34 a hundred and thirty-five."""
    first, _, last = part.partition("-")
    if not last:
        yield first
        return
    for number in range(_rank(first), _rank(last) + 1):
        yield _written(number, first)


def _rank(category: str) -> int:
    """A number that rises by one from category to category: of letters and two digits, or of three digits."""
    letter, digits = (category[0], category[1:]) if category[0].isalpha() else ("", category)
    return int(digits) + (ord(letter) * 10 ** len(digits) if letter else 0)


def _written(number: int, like: str) -> str:
    """The category of a rank, written like another."""
    if not like[0].isalpha():
        return f"{number:03d}"
    width = len(like) - 1
    letter, digits = divmod(number, 10**width)
    return f"{chr(letter)}{digits:0{width}d}"
