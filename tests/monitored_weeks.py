"""Simulated weeks of one service as a mart, for tests of monitors: what a week is like is said, the rest is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from oversight.mart.parts import Parts
from oversight.mart.values import DRAWS, VALUE, WORD
from oversight.stored_numbers import APART
from oversight.tallies import Period

MONDAY = date(2026, 1, 5)
EPOCH = date(1970, 1, 1)
SERVICE = "sepsis"
CONCEPTS = ("glucose", "lactate", "creatinine", "albumin", "pulse")
MEDIANS = np.array([6.8, 1.6, 1.1, 34.0, 88.0])
# Log-odds for one standard deviation of the logarithm: pulse is the strongest reason and albumin the weakest.
WEIGHTS = np.array([0.5, 0.4, 0.3, 0.2, 0.8])
SPREAD = 0.3


@dataclass
class Week:
    """What one simulated week is like.

    Values: `glucose` is a factor of it, `together` the correlation of lactate and creatinine, `pulse_counts` a factor
    of what pulse adds to the risk. Of the feed: shares of signals that are `gone`, of stays whose newest value is
    `late`, of values that are `implausible` or of a unit that is `unknown`. `other`: share of stays of a second client,
    `stayed`: share of entries about stays of the week before, whose pulse is another one by then. `renamed`: the model
    asks for the first value of each concept, and no longer for the last. `threshold`: cards go by risk, not by luck.
    """

    entries: int = 300
    fires: float = 0.5
    overridden: float = 0.5
    answered: float = 0.7
    risk_factor: float = 1.0
    ward: float = 0.3
    unit_missing: float = 0.0
    repeats: float = 0.0
    version: str = "1.0.0"
    glucose: float = 1.0
    together: float = 0.6
    pulse_counts: float = 1.0
    gone: float = 0.08
    late: float = 0.05
    implausible: float = 0.01
    unknown: float = 0.0
    other: float = 0.0
    stayed: float = 0.0
    renamed: bool = False
    threshold: float | None = None


def rows_of(weeks: list[Week], rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The columns of advice and feedback; each entry is of another patient, but for repeats."""
    advice: dict[str, list] = {
        name: [] for name in ("day", "time", "patient", "risk", "card", "unit", "version", "week")
    }
    answers: dict[str, list] = {"row": [], "outcome": []}
    for number, week in enumerate(weeks):
        at = np.sort(rng.integers(0, 7 * 24 * 3600, week.entries))
        again = rng.random(week.entries) < week.repeats
        risks = np.clip(rng.beta(1.5, 8, week.entries) * week.risk_factor, 0, 0.999)
        for place, seconds in enumerate(at):
            card = bool(rng.random() < week.fires) or bool(again[place])
            card = card if week.threshold is None else bool(risks[place] >= week.threshold)
            unit = None if rng.random() < week.unit_missing else ("Ward" if rng.random() < week.ward else "ICU")
            day = (MONDAY - EPOCH).days + 7 * number + int(seconds) // 86_400
            who = advice["patient"][-1] if again[place] and advice["patient"] else f"p{number}-{place}"
            for name, value in {
                "day": day, "time": day * 86_400_000_000 + int(seconds) % 86_400 * 1_000_000 + place, "patient": who,
                "risk": risks[place], "card": card, "unit": unit or "", "version": week.version, "week": number,
            }.items():  # fmt: skip
                advice[name].append(value)
            if card and rng.random() < week.answered:
                answers["row"].append(len(advice["day"]))
                answers["outcome"].append("overridden" if rng.random() < week.overridden else "accepted")
    return ({name: np.array(values) for name, values in advice.items()},
            {"row": np.array(answers["row"], np.int64), "outcome": np.array(answers["outcome"], object)})  # fmt: skip


def texts(value: str | None, size: int) -> np.ndarray:
    """A column with one text, or with none."""
    return np.array([value] * size, dtype=object)


def write_mart(folder, weeks: list[Week], seed: int = 1, service: str = SERVICE) -> None:
    """A mart as if it had been copied from a ledger."""
    advice, answers = rows_of(weeks, np.random.default_rng(seed))
    size, answered = len(advice["day"]), len(answers["row"])
    withheld = np.array([None if card else "below-threshold" for card in advice["card"]], dtype=object)
    rng = np.random.default_rng(seed + 1_000)
    of_week = {name: np.array([getattr(each, name) for each in weeks])[advice["week"]] for name in ("other", "stayed")}
    client = np.where(rng.random(size) < of_week["other"], "d", "c").astype(object)
    patient, stayed = _stays(advice["patient"], rng.random(size) < of_week["stayed"])
    Parts(folder / "advice").add({
        "sequence": np.arange(1, size + 1), "id": texts("a", size), "time": advice["time"],
        "day": advice["day"].astype(np.int32), "client": client, "service": texts(service, size),
        "hook": texts("patient-view", size), "hook_instance": texts("h", size),
        "patient": patient, "encounter": patient,
        "clinician": texts("d", size), "role": texts("Practitioner", size), "unit_name": advice["unit"].astype(object),
        "model_id": texts(service, size), "model_version": advice["version"].astype(object),
        "base_rate": np.full(size, 0.1), "probability": advice["risk"],
        "tier": np.where(advice["risk"] > 0.2, "high", "low").astype(object), "tier_at_least": np.full(size, 0.1),
        "indicator": texts("warning", size), "abstention": texts(None, size), "withheld": withheld,
    })  # fmt: skip
    Parts(folder / "feedback").add({
        "sequence": np.arange(1, answered + 1), "advice_sequence": answers["row"], "client": texts("c", answered),
        "service": texts(service, answered), "outcome": answers["outcome"].astype(object),
        "time": advice["time"][answers["row"] - 1] + 60_000_000, "received": np.zeros(answered, np.int64),
        "channel": texts("card", answered), "reason_system": texts(None, answered),
        "reason_code": texts(None, answered), "reason_display": texts(None, answered), "comment": texts("", answered),
        "accepted_suggestions": texts("[]", answered), "clinician": texts("d", answered),
        "role": texts("Practitioner", answered), "quarantine": texts(None, answered),
    })  # fmt: skip
    _write_values(folder, weeks, advice["week"], stayed, rng)


def _stays(patient: np.ndarray, again: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The patients with some of them those of the same place a week before; and which of them are."""
    begun: set[str] = set()
    made = patient.astype(object)
    for row, name in enumerate(patient.tolist()):
        week, _, place = name[1:].partition("-")
        before = f"p{int(week) - 1}-{place}"
        if again[row] and before in begun:
            made[row] = before
        else:
            begun.add(name)
    return made, made != patient


def _write_values(folder, weeks: list[Week], of: np.ndarray, stayed: np.ndarray, rng: np.random.Generator) -> None:
    """The values and reasons behind each entry, and their words."""
    size, wide = len(of), len(CONCEPTS)
    said = {name: np.array([getattr(each, name) for each in weeks])[of] for name in (
        "glucose", "together", "pulse_counts", "gone", "late", "implausible", "unknown", "renamed")}  # fmt: skip
    standard = rng.normal(size=(size, wide))
    standard[:, 2] = said["together"] * standard[:, 1] + np.sqrt(1 - said["together"] ** 2) * standard[:, 2]
    standard[:, 0] += np.log(said["glucose"]) / SPREAD
    standard[:, 4] += 3.0 * stayed
    values, effects = MEDIANS * np.exp(SPREAD * standard), WEIGHTS * standard
    effects[:, 4] *= said["pulse_counts"]
    unused = {name: rng.binomial(wide, said[name]) for name in ("implausible", "unknown")}
    values[rng.random(values.shape) < said["gone"][:, None]] = np.nan
    missing = np.isnan(values).sum(axis=1)
    sequence = np.arange(1, size + 1)
    reads = [f"{name}{APART}http://loinc.org|{place}{APART}u" for place, name in enumerate(CONCEPTS)]
    Parts(folder / VALUE).add(
        {
            "sequence": sequence, "draw": (sequence * 2654435761 % 4294967296 * DRAWS // 4294967296).astype(np.int32),
            "vocabulary": 1 + said["renamed"].astype(np.int64), "value": _lists(values.tolist()),
            "effect": _lists(effects.tolist()), "reads": _lists([reads] * size),
            "facts": np.maximum(wide - missing - unused["implausible"] - unused["unknown"], 0).astype(np.int32),
            "unit_unknown": unused["unknown"].astype(np.int32), "implausible": unused["implausible"].astype(np.int32),
            "signals": np.full(size, wide, dtype=np.int32), "missing": missing.astype(np.int32),
            "age_hours": np.where(rng.random(size) < said["late"], 30.0, 2.0),
        },
        order="draw, sequence",
        group=2048,
    )  # fmt: skip
    names = np.array(CONCEPTS, dtype=object)
    told = {"concept": names, "concept_label": np.array([each.title() for each in CONCEPTS], dtype=object)}
    for number, which in ((1, "last"), (2, "first")):
        Parts(folder / WORD).add(
            {"sequence": np.full(wide, number), "place": np.arange(wide, dtype=np.int32), **told,
             "feature": np.array([f"{each}-{which}" for each in CONCEPTS], dtype=object),
             "label": np.array([f"{which.title()} {each}" for each in CONCEPTS], dtype=object),
             "unit": texts("u", wide), "lead": np.ones(wide, dtype=np.bool_)}
        )  # fmt: skip


def _lists(lists: list[list]) -> np.ndarray:
    """Lists in one column."""
    column = np.empty(len(lists), dtype=object)
    for place, each in enumerate(lists):
        column[place] = each
    return column


def week_number(number: int) -> Period:
    """The week at a place of the simulation."""
    first = MONDAY + timedelta(weeks=number)
    return Period(first, first + timedelta(days=6))


def changed(last: Week, weeks: int = 15, since: int = 1) -> list[Week]:
    """Weeks as usual, and the last `since` of them otherwise."""
    return [Week()] * (weeks - since) + [last] * since
