"""qSOFA, the quick SOFA (2016).

Source: Singer M, Deutschman CS, Seymour CW, et al. The Third International Consensus Definitions for Sepsis and Septic
Shock (Sepsis-3). JAMA 2016;315:801-810, box 4, doi 10.1001/jama.2016.0287 (PMC4968574). Criteria: respiratory rate
≥ 22 /min, altered mentation, systolic pressure ≤ 100 mm Hg; positive with 2 or more. Altered mentation as a Glasgow
Coma Scale below 15: Seymour et al., JAMA 2016;315:762-774. Some public pages print > 22 and < 100; the paper does not.
"""

from __future__ import annotations

from models.formulae.worked import FLAG, Given, Line, Worked, checked, counted, flagged, tidy, worked

INPUTS = {"respiratory_rate": "/min", "systolic_pressure": "mm[Hg]", "gcs": "{score}", "altered_mentation": FLAG}


def work(given: Given) -> Worked:
    """Work out qSOFA (0 to 3), "negative" or "positive" (2 or more). For adults with suspected infection.

    Respiratory rate /min, systolic pressure mm[Hg], Glasgow Coma Scale (3 to 15), `altered_mentation` as a flag. The
    third line is missing only where neither the scale nor the flag was found; either of them can give the point.
    Raises ValueError for a scale outside 3 to 15.
    """
    known = checked(given, INPUTS)
    breaths, systolic = known["respiratory_rate"], known["systolic_pressure"]
    lines = (
        flagged(
            "respiratory_rate", _met(breaths, breaths is not None and tidy(breaths) >= 22), 1, "22 or more", "< 22"
        ),
        _mentation(known["gcs"], known["altered_mentation"]),
        flagged(
            "systolic_pressure",
            _met(systolic, systolic is not None and tidy(systolic) <= 100),
            1,
            "100 or less",
            "> 100",
        ),
    )
    return worked(lines, band="positive" if counted(lines) >= 2 else "negative", maximum=3.0)


def _met(value: float | None, met: bool) -> float | None:
    """Whether a criterion is met, or None where the value was not found."""
    return None if value is None else float(met)


def _mentation(gcs: float | None, altered: float | None) -> Line:
    """The line of altered mentation."""
    if gcs is not None and not 3 <= gcs <= 15:
        raise ValueError("The Glasgow Coma Scale runs from 3 to 15.")
    by_scale = gcs is not None and gcs < 15
    if gcs is None and altered is None:
        return Line("altered_mentation", None, 1.0, "")
    if by_scale:
        return Line("altered_mentation", 1.0, 1.0, "Glasgow Coma Scale below 15")
    return flagged("altered_mentation", altered or 0.0, 1.0, "altered mentation", "not altered")
