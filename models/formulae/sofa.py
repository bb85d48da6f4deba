"""SOFA, the Sequential (sepsis-related) Organ Failure Assessment (1996).

Source: Vincent JL, Moreno R, Takala J, et al. The SOFA score to describe organ dysfunction/failure. Intensive Care Med
1996;22:707-710, doi 10.1007/BF01709751; as reprinted in Singer et al., JAMA 2016;315:801-810, table 1 (PMC4968574).

Three places where the printed table is silent, and what is done here (as in the public MIMIC-IV code of MIT-LCP):
bilirubin of exactly 12.0 and creatinine of exactly 5.0 mg/dL (the table has "6.0–11.9" and "> 12.0", "3.5–4.9" and ">
5.0") count 4 points; bands given as "1.2–1.9, 2.0–5.9" begin at their lower number, so 1.95 is below 2.0. Dopamine of
exactly 5 counts 2 (Vincent: ≤ 5 and > 5; the reprint has "< 5" and "5.1–15").
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from models.formulae.worked import FLAG, Given, Line, Worked, checked, counted, tidy, worked

INPUTS = {
    "pf_ratio": "mm[Hg]",
    "ventilated": FLAG,
    "platelets": "10*3/uL",
    "bilirubin": "mg/dL",
    "mean_pressure": "mm[Hg]",
    "dopamine": "ug/kg/min",
    "dobutamine": "ug/kg/min",
    "epinephrine": "ug/kg/min",
    "norepinephrine": "ug/kg/min",
    "gcs": "{score}",
    "creatinine": "mg/dL",
    "urine": "mL/d",
}
_DRUGS = ("dopamine", "dobutamine", "epinephrine", "norepinephrine")
_MOST = 4.0

# (edge, points, words), worst first: below the edge for what falls, at or above it for what rises.
_PLATELETS = ((20, 4, "below 20"), (50, 3, "below 50"), (100, 2, "below 100"), (150, 1, "below 150"))
_GCS = ((6, 4, "below 6"), (10, 3, "6 to 9"), (13, 2, "10 to 12"), (15, 1, "13 to 14"))
_URINE = ((200, 4, "urine below 200"), (500, 3, "urine below 500"))
_BILIRUBIN = ((12.0, 4, "12.0 or more"), (6.0, 3, "6.0 to 11.9"), (2.0, 2, "2.0 to 5.9"), (1.2, 1, "1.2 to 1.9"))
_CREATININE = (
    (5.0, 4, "creatinine 5.0 or more"),
    (3.5, 3, "creatinine 3.5 to 4.9"),
    (2.0, 2, "creatinine 2.0 to 3.4"),
    (1.2, 1, "creatinine 1.2 to 1.9"),
)
_Edges = Sequence[tuple[float, float, str]]
_Points = tuple[float, str]


def work(given: Given) -> Worked:
    """Work out SOFA (0 to 24): "no organ dysfunction", or "organ dysfunction" with 2 or more.

    PaO2/FiO2 mm[Hg] (FiO2 as a fraction) with `ventilated` (respiratory support), platelets 10*3/uL, bilirubin mg/dL,
    mean arterial pressure mm[Hg], doses ug/kg/min given for at least one hour, Glasgow Coma Scale, creatinine mg/dL,
    urine mL/d. Each is the worst of 24 hours. Sepsis-3 asks for a rise of 2 over the patient's own baseline, taken as 0
    where no organ dysfunction was known before.

    Creatinine and urine are alternatives: the worse of those found counts, and one is enough. Treatments are no
    alternatives: give 0.0 where they were looked up and none ran. `ventilated` or a dose that is None means that nobody
    looked; the line then counts the least, and `highest` the worst that it could be. A line is missing where none of
    its measurements or treatments was found. Raises ValueError for a Glasgow Coma Scale outside 3 to 15.
    """
    known = checked(given, INPUTS)
    gcs = known["gcs"]
    if gcs is not None and not 3 <= gcs <= 15:
        raise ValueError("The Glasgow Coma Scale runs from 3 to 15.")
    respiration, of_respiration = _respiration(known["pf_ratio"], known["ventilated"])
    circulation, of_circulation = _circulation(known)
    lines = (
        respiration,
        _single("coagulation", known["platelets"], _PLATELETS, "150 or more", falls=True),
        _single("liver", known["bilirubin"], _BILIRUBIN, "below 1.2"),
        circulation,
        _single("consciousness", gcs, _GCS, "15", falls=True),
        _kidneys(known["creatinine"], known["urine"]),
    )
    band = "organ dysfunction" if counted(lines) >= 2 else "no organ dysfunction"
    return worked(lines, band=band, maximum=24.0, unsettled=of_respiration + of_circulation)


def _points(value: float, edges: _Edges, normal: str, *, falls: bool = False) -> _Points:
    """Points and words for one value."""
    exact = tidy(value)
    for edge, points, words in edges:
        if exact < edge if falls else exact >= edge:
            return points, words
    return 0.0, normal


def _single(name: str, value: float | None, edges: _Edges, normal: str, *, falls: bool = False) -> Line:
    """The line of an organ with one measurement."""
    if value is None:
        return Line(name, None, _MOST, "")
    points, words = _points(value, edges, normal, falls=falls)
    return Line(name, points, _MOST, words)


def _kidneys(creatinine: float | None, urine: float | None) -> Line:
    """The worse of creatinine and urine."""
    found: list[_Points] = []
    if creatinine is not None:
        found.append(_points(creatinine, _CREATININE, "creatinine below 1.2"))
    if urine is not None:
        found.append(_points(urine, _URINE, "urine 500 or more", falls=True))
    if not found:
        return Line("kidneys", None, _MOST, "")
    points, words = max(found, key=lambda pair: pair[0])
    return Line("kidneys", points, _MOST, words)


def _respiration(ratio: float | None, ventilated: float | None) -> tuple[Line, float]:
    """The line of respiration; below 200 it takes respiratory support to give more than 2 points."""
    if ratio is None:
        return Line("respiration", None, _MOST, ""), 0.0
    supported = _points(
        ratio,
        (
            (100, 4, "below 100 with support"),
            (200, 3, "below 200 with support"),
            (300, 2, "below 300"),
            (400, 1, "below 400"),
        ),
        "400 or more",
        falls=True,
    )
    if ventilated:
        return Line("respiration", supported[0], _MOST, supported[1]), 0.0
    points, words = min(supported, (2.0, "below 300"), key=lambda pair: pair[0])
    unknown = ventilated is None and supported[0] > points
    if unknown:
        words += ", support not known"
    return Line("respiration", points, _MOST, words, unknown), supported[0] - points if unknown else 0.0


def _circulation(known: Given) -> tuple[Line, float]:
    """The line of circulation: doses before pressure. What is not known is taken at its best, then at its worst."""
    pressure = known["mean_pressure"]
    doses = [known[drug] for drug in _DRUGS]
    if pressure is None and all(dose is None for dose in doses):
        return Line("circulation", None, _MOST, ""), 0.0
    least = _support(inf if pressure is None else pressure, *(dose or 0.0 for dose in doses))
    most = _support(0.0 if pressure is None else pressure, *(inf if dose is None else dose for dose in doses))
    return Line("circulation", least[0], _MOST, least[1], most[0] > least[0]), most[0] - least[0]


def _support(pressure: float, dopamine: float, dobutamine: float, epinephrine: float, norepinephrine: float) -> _Points:
    """Points for mean pressure and doses."""
    adrenergic = tidy(max(epinephrine, norepinephrine))
    rules = (
        (tidy(dopamine) > 15 or adrenergic > 0.1, 4.0, "dopamine above 15, or epinephrine or norepinephrine above 0.1"),
        (tidy(dopamine) > 5 or adrenergic > 0, 3.0, "dopamine above 5, or epinephrine or norepinephrine up to 0.1"),
        (dopamine > 0 or dobutamine > 0, 2.0, "dopamine up to 5, or dobutamine"),
        (tidy(pressure) < 70, 1.0, "mean pressure below 70"),
    )
    normal = "no vasopressor counted" if pressure == inf else "mean pressure 70 or more"
    return next(((points, words) for met, points, words in rules if met), (0.0, normal))
