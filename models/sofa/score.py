"""SOFA from the inputs of `model.toml`."""

from __future__ import annotations

from dataclasses import replace

from models.formulae import sofa
from models.formulae.worked import Line
from models.runtime.score_answer import Given, Result

DRUGS = ("dopamine", "dobutamine", "epinephrine", "norepinephrine")
OTHERS = "other_vasopressor"
# A record says which vasopressor runs and not how fast. Any dose gives the least points of its drug.
LEAST_DOSE = 1e-3


def answer(given: Given) -> Result:
    """Work out SOFA: the least with the smallest doses of what runs, the most with doses that nobody knows.

    SOFA has no points for other vasopressors (vasopressin): where one runs, or nobody can say, the pressure may be the
    drug's, so the line may be anything.
    """
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
    unknown = running if given[OTHERS] == 0 else DRUGS
    if not unknown:
        return least
    most = sofa.work({**known, **dict.fromkeys(unknown)})
    highest = max(least.highest, most.highest)
    open_ = highest > least.highest
    lines = tuple(_circulation(line, bool(running), bool(given[OTHERS]), open_) for line in least.lines)
    return replace(least, highest=highest, lines=lines)


def _circulation(line: Line, running: bool, others: bool, open_: bool) -> Line:
    """The line of circulation, whose rule names a dose that nobody knows."""
    if line.name != "circulation" or line.points is None:
        return line
    rule = line.rule
    if running and line.points >= 2:
        rule = "a vasopressor runs, its dose is not known"
    elif others:
        rule = f"{line.rule}; a vasopressor runs that the score has no points for"
    return replace(line, rule=rule, unsettled=line.unsettled or open_)
