"""SIRS, the systemic inflammatory response syndrome (1992).

Source: Bone RC, Balk RA, Cerra FB, et al. Definitions for sepsis and organ failure and guidelines for the use of
innovative therapies in sepsis. Chest 1992;101:1644-1655, doi 10.1378/chest.101.6.1644. Two or more of: temperature > 38
°C or < 36 °C; heart rate > 90 /min; respiratory rate > 20 /min or PaCO2 < 32 mm Hg; white cells > 12,000 or < 4,000
/mm3 or > 10 % immature (band) forms. Read in three restatements (BMC Infect Dis 2014;14:155 table 2 among them).
"""

from __future__ import annotations

from models.formulae.worked import Given, Line, Worked, checked, counted, tidy, worked

INPUTS = {
    "temperature": "Cel",
    "heart_rate": "/min",
    "respiratory_rate": "/min",
    "paco2": "mm[Hg]",
    "white_cells": "10*3/uL",
    "bands": "%",
}


def work(given: Given) -> Worked:
    """Work out the number of SIRS criteria (0 to 4): "negative", or "positive" with 2 or more.

    Temperature Cel, heart rate and respiratory rate /min, PaCO2 mm[Hg], white cells 10*3/uL, band forms %.

    PaCO2 and band forms are alternatives that are seldom measured: a line with an alternative is missing only where
    neither was found; with one found and not met it counts 0 and is settled.
    """
    known = checked(given, INPUTS)
    lines = (
        _either("temperature", known, ("temperature", 36.0, 38.0)),
        _either("heart_rate", known, ("heart_rate", None, 90.0)),
        _either("respiration", known, ("respiratory_rate", None, 20.0), ("paco2", 32.0, None)),
        _either("white_cells", known, ("white_cells", 4.0, 12.0), ("bands", None, 10.0)),
    )
    return worked(lines, band="positive" if counted(lines) >= 2 else "negative", maximum=4.0)


_WORDS = {
    "temperature": "temperature",
    "heart_rate": "heart rate",
    "respiratory_rate": "respiratory rate",
    "paco2": "PaCO2",
    "white_cells": "white cells",
    "bands": "band forms",
}


def _either(name: str, known: Given, *limits: tuple[str, float | None, float | None]) -> Line:
    """One criterion: met where any found value lies below its lower or above its upper limit."""
    rules = [
        rule
        for key, low, high in limits
        if (value := known[key]) is not None and (rule := _beyond(key, value, low, high))
    ]
    if rules:
        return Line(name, 1.0, 1.0, " and ".join(rules))
    if all(known[key] is None for key, _, _ in limits):
        return Line(name, None, 1.0, "")
    return Line(name, 0.0, 1.0, "not met")


def _beyond(key: str, value: float, low: float | None, high: float | None) -> str:
    """How a value lies outside its limits, or nothing."""
    if low is not None and tidy(value) < low:
        return f"{_WORDS[key]} below {low:g}"
    if high is not None and tidy(value) > high:
        return f"{_WORDS[key]} above {high:g}"
    return ""
