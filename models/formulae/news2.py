"""NEWS2, the National Early Warning Score (2017).

Source: Royal College of Physicians. National Early Warning Score (NEWS) 2: Standardising the assessment of
acute-illness severity in the NHS. Updated report of a working party. London: RCP, 2017 (ISBN 978-1-86016-682-2), charts
1 and 2. © Royal College of Physicians 2017; the report allows its material to be used with this acknowledgement.
Bands read in a transcript of chart 1 and in Echevarria et al., Thorax 2019, table 1 (both SpO2 scales).

Not for people under 16 or in pregnancy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from models.formulae.worked import FLAG, Band, Given, Line, Worked, banded, checked, counted, flagged, in_steps, worked

INPUTS = {
    "respiratory_rate": "/min",
    "oxygen_saturation": "%",
    "supplemental_oxygen": FLAG,
    "systolic_pressure": "mm[Hg]",
    "pulse": "/min",
    "not_alert": FLAG,
    "temperature": "Cel",
    "hypercapnic": FLAG,
}

_RESPIRATION = (
    Band(8, 3, "8 or less"),
    Band(11, 1, "9 to 11"),
    Band(20, 0, "12 to 20"),
    Band(24, 2, "21 to 24"),
    Band(inf, 3, "25 or more"),
)
_SCALE_1 = (
    Band(91, 3, "scale 1: 91 or less"),
    Band(93, 2, "scale 1: 92 to 93"),
    Band(95, 1, "scale 1: 94 to 95"),
    Band(inf, 0, "scale 1: 96 or more"),
)
_SCALE_2_LOW = (
    Band(83, 3, "scale 2: 83 or less"),
    Band(85, 2, "scale 2: 84 to 85"),
    Band(87, 1, "scale 2: 86 to 87"),
    Band(92, 0, "scale 2: 88 to 92"),
)
_SCALE_2_AIR = (*_SCALE_2_LOW, Band(inf, 0, "scale 2: 93 or more on air"))
_SCALE_2_OXYGEN = (
    *_SCALE_2_LOW,
    Band(94, 1, "scale 2: 93 to 94 on oxygen"),
    Band(96, 2, "scale 2: 95 to 96 on oxygen"),
    Band(inf, 3, "scale 2: 97 or more on oxygen"),
)
_SYSTOLIC = (
    Band(90, 3, "90 or less"),
    Band(100, 2, "91 to 100"),
    Band(110, 1, "101 to 110"),
    Band(219, 0, "111 to 219"),
    Band(inf, 3, "220 or more"),
)
_PULSE = (
    Band(40, 3, "40 or less"),
    Band(50, 1, "41 to 50"),
    Band(90, 0, "51 to 90"),
    Band(110, 1, "91 to 110"),
    Band(130, 2, "111 to 130"),
    Band(inf, 3, "131 or more"),
)
_TEMPERATURE = (
    Band(35.0, 3, "35.0 or less"),
    Band(36.0, 1, "35.1 to 36.0"),
    Band(38.0, 0, "36.1 to 38.0"),
    Band(39.0, 1, "38.1 to 39.0"),
    Band(inf, 2, "39.1 or more"),
)


def work(given: Given) -> Worked:
    """Work out NEWS2 (0 to 20) and its tier: none, low, low-medium, medium, high.

    Respiratory rate and pulse /min, SpO2 % (pulse oximetry), systolic pressure mm[Hg], temperature Cel; flags:
    supplemental oxygen, `not_alert` (new confusion, or responding to voice or pain only, or unresponsive) and
    `hypercapnic` (a competent clinician has set the target of 88–92 %: scale 2; 0.0: nobody has). Without that decision
    scale 1 counts, as the report says; where nobody can say whether there is one (None), scale 1 counts too, and
    `highest` takes the points of the scale that has more.

    The chart has whole numbers (temperature: tenths), so values are rounded to those first. On scale 2 from 93 % on,
    the points depend on oxygen; where nobody knows of oxygen, the line counts 0 and `highest` the points on oxygen.

    Tiers: 0; 1–4 "low"; any line of 3 points "low-medium"; 5–6 "medium"; 7 or more "high". The report calls 0 to 4
    low; 0 is named "none" here to keep it apart.
    """
    known = checked(given, INPUTS)
    saturation, unsettled = _saturation(known)
    lines = (
        _charted("respiratory_rate", known, _RESPIRATION),
        saturation,
        flagged("supplemental_oxygen", known["supplemental_oxygen"], 2.0, "oxygen", "air"),
        _charted("systolic_pressure", known, _SYSTOLIC),
        _charted("pulse", known, _PULSE),
        flagged("not_alert", known["not_alert"], 3.0, "confusion, voice, pain or unresponsive", "alert"),
        _charted("temperature", known, _TEMPERATURE, 0.1),
    )
    return worked(lines, band=tier(lines), maximum=20.0, unsettled=unsettled)


def tier(lines: Sequence[Line]) -> str:
    """The tier of the lines that were found."""
    value = counted(lines)
    if value >= 7:
        return "high"
    if value >= 5:
        return "medium"
    if any(line.points == 3 for line in lines):
        return "low-medium"
    return "low" if value else "none"


def _charted(name: str, known: Given, bands: Sequence[Band], step: float = 1.0) -> Line:
    """The line of one value, rounded to the resolution of the chart."""
    value = known[name]
    return banded(name, None if value is None else in_steps(value, step), bands)


def _saturation(known: Given) -> tuple[Line, float]:
    """The line of SpO2, and what it could still gain if the patient is on oxygen, or on the other scale."""
    scale_1 = _charted("oxygen_saturation", known, _SCALE_1)
    if scale_1.points is None or known["hypercapnic"] == 0.0:
        return scale_1, 0.0
    scale_2, more = _on_scale_2(known)
    if known["hypercapnic"]:
        return replace(scale_2, unsettled=more > 0), more
    gain = max((scale_2.points or 0.0) + more - scale_1.points, 0.0)
    return replace(scale_1, rule=f"{scale_1.rule}; the scale is not known", unsettled=gain > 0), gain


def _on_scale_2(known: Given) -> tuple[Line, float]:
    """The line on scale 2, and what it could still gain if the patient turns out to be on oxygen."""
    on_oxygen = _charted("oxygen_saturation", known, _SCALE_2_OXYGEN)
    if known["supplemental_oxygen"]:
        return on_oxygen, 0.0
    on_air = _charted("oxygen_saturation", known, _SCALE_2_AIR)
    if known["supplemental_oxygen"] is not None or on_air.points is None or on_oxygen.points is None:
        return on_air, 0.0
    return on_air, on_oxygen.points - on_air.points
