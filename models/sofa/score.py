"""SOFA from the inputs of `model.toml`."""

from __future__ import annotations

from dataclasses import replace

from models.formulae import sofa
from models.formulae.worked import Line
from models.runtime.score_answer import Given, Result

DRUGS = ("dopamine", "dobutamine", "epinephrine", "norepinephrine")
# A record says which vasopressor runs and not how fast. Any dose gives the least points of its drug.
LEAST_DOSE = 1e-3


def answer(given: Given) -> Result:
    """Work out SOFA: the least with the smallest doses of what runs, the most with doses that nobody knows."""
    running = [drug for drug in DRUGS if given[drug]]
    known: dict[str, float | None] = {
        "pf_ratio": given["oxygenation"],
        # That nobody recorded the start of a ventilation within 24 hours does not say that there is none.
        "ventilated": 1.0 if given["ventilation"] else None,
        "platelets": given["platelets"],
        "bilirubin": given["bilirubin"],
        "mean_pressure": given["mean_pressure"],
        "gcs": given["coma_scale"],
        "creatinine": given["creatinine"],
        **{drug: given[drug] for drug in DRUGS},
    }
    least = sofa.work({**known, **dict.fromkeys(running, LEAST_DOSE)})
    if not running:
        return least
    most = sofa.work({**known, **dict.fromkeys(running)})
    return replace(least, highest=most.highest, lines=tuple(map(_without_dose, least.lines)))


def _without_dose(line: Line) -> Line:
    """The line of circulation, whose rule names a dose that nobody knows."""
    if line.name != "circulation" or not line.points or line.points < 2:
        return line
    return replace(line, rule="a vasopressor runs, its dose is not known")
