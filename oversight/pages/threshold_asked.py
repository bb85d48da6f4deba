"""What the simulator is asked: thresholds, rules against too many cards, and what a card costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from oversight.pages.outcome_asked import OutcomeAsked, ask_outcome
from oversight.pages.view import View, repeated

# Hours in which a stay may have one card at most.
REPEATS = (("0", "no such rule"), ("4", "4 hours"), ("8", "8 hours"), ("12", "12 hours"), ("24", "24 hours"),
           ("48", "48 hours"), ("72", "72 hours"), ("stay", "the whole stay"))  # fmt: skip
USUAL_REPEAT, USUAL_MINUTES = "24", 2.0
# The highest whole per cent.
_MOST = 0.99
_NAMES = ("threshold", "second", "repeat", "per_stay", "per_clinician", "minutes")


@dataclass(frozen=True, slots=True)
class ThresholdsAsked:
    """Thresholds as risks (0 to 1) in steps of 0.001; None: the live one, and no second one."""

    outcome: OutcomeAsked
    threshold: float | None
    second: float | None
    repeat: str
    per_stay: int | None
    per_clinician: int | None
    minutes: float

    @property
    def repeat_hours(self) -> float:
        """The window of the repeat rule."""
        return math.inf if self.repeat == "stay" else float(self.repeat)

    def in_whole_per_cents(self) -> ThresholdsAsked:
        """For who may not see single clinicians: two thresholds that are a hair apart differ by single stays."""
        first, second = _whole(self.threshold), _whole(self.second)
        if first is not None and second is not None and second <= first:
            second = round(first + 0.01, 2) if first < _MOST else None
        return replace(self, threshold=first, second=second)


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """What the address asks for, or the faults."""
    outcome = ask_outcome(args, view)
    faults = [*(outcome if isinstance(outcome, list) else []), *repeated(args, _NAMES)]
    threshold, second = (_risk(args, name, faults) for name in ("threshold", "second"))
    if threshold and second and second <= threshold:
        faults.append("The second threshold must lie above the first.")
    repeat = args.get("repeat") or USUAL_REPEAT
    if repeat not in dict(REPEATS):
        faults.append("“repeat” is none of the choices.")
    stay, clinician = (_budget(args, name, faults) for name in ("per_stay", "per_clinician"))
    minutes = _number(args.get("minutes") or "", USUAL_MINUTES)
    if minutes is None or not 0 <= minutes <= 120:
        faults.append("“minutes” must be a number from 0 to 120.")
    if faults or isinstance(outcome, list) or minutes is None:
        return faults
    return ThresholdsAsked(outcome, threshold, second, repeat, stay, clinician, minutes)


def _risk(args: MultiDict[str, str], name: str, faults: list[str]) -> float | None:
    """A risk that is given in per cent, to a tenth of a per cent. None where none is given."""
    text = args.get(name) or ""
    found = _number(text, None)
    if text and (found is None or not 0.1 <= found <= 99.9):
        faults.append(f"“{name}” must be a risk from 0.1 to 99.9 (per cent).")
        return None
    return None if found is None else round(found / 100, 3)


def _whole(risk: float | None) -> float | None:
    """The nearest whole per cent that a threshold may be."""
    return None if risk is None else min(max(round(risk, 2), 0.01), _MOST)


def _budget(args: MultiDict[str, str], name: str, faults: list[str]) -> int | None:
    """A number of cards. None where none is given."""
    text = args.get(name) or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= 1000):
        faults.append(f"“{name}” must be a number of cards from 1 to 1000.")
        return None
    return int(text)


def _number(text: str, default: float | None) -> float | None:
    """A plain number with at most one point; `default` of nothing, None of anything else."""
    if not text:
        return default
    plain = text.isascii() and len(text) <= 8 and text.replace(".", "", 1).isdigit()
    return float(text) if plain else None
