"""What alerts are worth by the rule of the PhysioNet/CinC Challenge 2019, and what they cost the people who get them.

Reyna et al. 2020, Crit Care Med 48:210, doi 10.1097/CCM.0000000000004145; constants as in evaluate_sepsis_score.py of
the repository physionetchallenges/evaluation-2019. An alert in a septic stay is worth most six hours before onset; one
in a stay without sepsis costs a little; silence costs up to 2. Nothing is gained or lost later than three hours after
onset. The sum is put on a scale on which silence throughout is 0 and the best possible alerts are 1.

Onset is six hours after the first labelled hour. Hours that the model would not answer count as silent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.training.fit import Flags, Floats
from models.training.rows import Rows

LABELLED_BEFORE = 6.0
HELD = 12.0
_EARLY, _BEST, _LATE = -12.0, -6.0, 3.0
_FALSE_ALERT, _MISSED = -0.05, -2.0


@dataclass(frozen=True, slots=True)
class Worth:
    """Per row (n,): what an alert and what silence is worth, and hours since onset (-inf where there is no sepsis)."""

    alert: Floats
    silent: Floats
    since_onset: Floats

    @classmethod
    def of(cls, rows: Rows) -> Worth:
        """Work it out from the labels and hours of each stay."""
        since = rows.hour - _onset(rows)
        falling = (since - _BEST) / (_LATE - _BEST)
        early = np.maximum((since - _EARLY) / (_BEST - _EARLY), _FALSE_ALERT)
        alert = np.where(since <= _BEST, early, np.where(since <= _LATE, 1 - falling, 0.0))
        silent = np.where((since > _BEST) & (since <= _LATE), _MISSED * falling, 0.0)
        return cls(alert, silent, since)

    def normalised(self, alerts: Flags) -> float:
        """The utility of alerts (n,). Raises ValueError where there is no sepsis, so that nothing could be gained."""
        never = float(self.silent.sum())
        best = (
            np.where((self.since_onset >= _EARLY) & (self.since_onset <= _LATE), self.alert, self.silent).sum() - never
        )
        if best <= 0:
            raise ValueError("no stay becomes septic, so there is no utility")
        return float((np.where(alerts, self.alert, self.silent).sum() - never) / best)


def _onset(rows: Rows) -> Floats:
    """The hour of onset of each row's stay, infinite where there is none."""
    _, stay = np.unique(rows.patient, return_inverse=True)
    labelled = np.where(rows.outcome > 0, rows.hour, np.inf)
    first = np.full(stay.max() + 1, np.inf)
    np.minimum.at(first, stay, labelled)
    onset: Floats = first[stay] + LABELLED_BEFORE
    return onset


def utility(rows: Rows, probabilities: Floats, threshold: float) -> float:
    """The normalised utility of an alert in every hour at or above a threshold. Raises ValueError without sepsis."""
    return Worth.of(rows).normalised(_over(rows, probabilities, threshold))


def utility_held(rows: Rows, probabilities: Floats, threshold: float) -> float:
    """The same where an alert holds for twelve hours, in which nothing is said again."""
    _, held = latched(rows, _over(rows, probabilities, threshold))
    return Worth.of(rows).normalised(held)


def alerts_a_day(rows: Rows, probabilities: Floats, threshold: float) -> float:
    """How many alerts that hold for twelve hours somebody gets for one patient in 24 hours."""
    fired, _ = latched(rows, _over(rows, probabilities, threshold))
    return float(fired.sum() / (len(rows) / 24))


def septic_of_alerted(rows: Rows, probabilities: Floats, threshold: float) -> float:
    """The share of the stays with an alert in which sepsis begins, whenever that is; 0 without any alert."""
    alerted = np.unique(rows.patient[_over(rows, probabilities, threshold)])
    septic = np.unique(rows.patient[rows.outcome > 0])
    return float(np.isin(alerted, septic).mean()) if len(alerted) else 0.0


def caught_before_onset(rows: Rows, probabilities: Floats, threshold: float) -> float:
    """The share of the septic stays with a new alert (that holds for twelve hours) in the twelve hours up to onset."""
    fired, _ = latched(rows, _over(rows, probabilities, threshold))
    since = Worth.of(rows).since_onset
    septic = np.unique(rows.patient[rows.outcome > 0])
    caught = np.unique(rows.patient[fired & (since >= _EARLY) & (since <= 0)])
    return float(np.isin(septic, caught).mean()) if len(septic) else 0.0


def share_of_late_hours(rows: Rows, probabilities: Floats, threshold: float, after: float = 48.0) -> float:
    """The share of what the alerts gain that comes from hours later than `after`."""
    worth, alerts = Worth.of(rows), _over(rows, probabilities, threshold)
    gained = np.where(alerts, worth.alert - worth.silent, 0.0)
    total = float(gained.sum())
    return float(gained[rows.hour > after].sum()) / total if total else 0.0


def best_threshold(rows: Rows, probabilities: Floats) -> float:
    """The probability at which an alert in every hour at or above it is worth most."""
    worth = Worth.of(rows)
    gain = np.where(rows.answered, worth.alert - worth.silent, 0.0)
    order = np.argsort(-probabilities, kind="stable")
    total, p = np.cumsum(gain[order]), probabilities[order]
    total[:-1][p[:-1] == p[1:]] = -np.inf  # equal probabilities are alerted together
    return float(p[np.argmax(total)])


def latched(rows: Rows, alerts: Flags, hours: float = HELD) -> tuple[Flags, Flags]:
    """Where an alert is new, and where one holds: from a new one on for so many hours of its stay."""
    fired, held = np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows), dtype=np.bool_)
    until: dict[int, float] = {}
    for row in np.lexsort((rows.hour, rows.patient)).tolist():
        stay, hour = int(rows.patient[row]), float(rows.hour[row])
        if alerts[row] and hour >= until.get(stay, -np.inf):
            fired[row], until[stay] = True, hour + hours
        held[row] = hour < until.get(stay, -np.inf)
    return fired, held


def _over(rows: Rows, probabilities: Floats, threshold: float) -> Flags:
    """Where the model answers and alerts."""
    over: Flags = rows.answered & (probabilities >= threshold)
    return over
