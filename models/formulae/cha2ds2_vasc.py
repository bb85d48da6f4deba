"""CHA2DS2-VASc, the risk of stroke in atrial fibrillation (2010).

Source: Lip GYH, Nieuwlaat R, Pisters R, Lane DA, Crijns HJGM. Refining clinical risk stratification for predicting
stroke and thromboembolism in atrial fibrillation using a novel risk factor-based approach: the Euro Heart Survey on
atrial fibrillation. Chest 2010;137:263-272, doi 10.1378/chest.09-1584. Points and the groups low 0, intermediate 1,
high ≥ 2 as restated in Meschia et al., Stroke 2014;45:3754-3832, table 3 (which calls 1 "moderate"). Later guidelines
do not count the point for female sex on its own; this is the score as published.
"""

from __future__ import annotations

from math import inf

from models.formulae.worked import FLAG, Band, Given, Worked, banded, checked, counted, flagged, worked

INPUTS = {
    "heart_failure": FLAG,
    "hypertension": FLAG,
    "age": "a",
    "diabetes": FLAG,
    "stroke": FLAG,
    "vascular_disease": FLAG,
    "female": FLAG,
}
_AGE = (Band(64, 0, "under 65"), Band(74, 1, "65 to 74"), Band(inf, 2, "75 or more"))


def work(given: Given) -> Worked:
    """Work out CHA2DS2-VASc (0 to 9): "low" (0), "intermediate" (1) or "high" (2 or more).

    For atrial fibrillation only. Age in completed years; flags: heart failure or left ventricular dysfunction,
    hypertension, diabetes, stroke (or transient ischaemic attack or thromboembolism), vascular disease (myocardial
    infarction, peripheral artery disease, aortic plaque), female sex.
    """
    known = checked(given, INPUTS)
    age = known["age"]
    lines = (
        flagged("heart_failure", known["heart_failure"], 1),
        flagged("hypertension", known["hypertension"], 1),
        banded("age", None if age is None else age // 1, _AGE),
        flagged("diabetes", known["diabetes"], 1),
        flagged("stroke", known["stroke"], 2),
        flagged("vascular_disease", known["vascular_disease"], 1),
        flagged("female", known["female"], 1, "female", "male"),
    )
    value = counted(lines)
    return worked(lines, band="high" if value >= 2 else "intermediate" if value else "low", maximum=9.0)
