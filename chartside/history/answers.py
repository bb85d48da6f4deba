"""What clinicians do with cards: act or not, answer or not, when, and with which words."""

from __future__ import annotations

import numpy as np

from chartside.history.clinicians import Roster
from chartside.history.comments import BROKEN, SOUND
from chartside.history.patients import Stays, share
from chartside.history.plan import SEPSIS, Flags, Floats, Integers, Plan
from chartside.history.rows import FIRST_BROKEN_COMMENT, SHOWN, Rows
from chartside.history.ward import UNITS

_SNOOZED, _WITHDRAWN, _REVERSED, _ON_PAGE = 0.15, 0.02, 0.02, 0.3
# Medians of seconds from card to answer, and the share of overrides that were not read.
_ACCEPTED_AFTER, _OVERRIDDEN_AFTER, _REFLEX = 60.0, 18.0, 0.06
_REASONS, _NO_REASON = (0.2, 0.22, 0.3, 0.12, 0.16), 0.15
_COMMENTED, _COMMENTED_IF_BROKEN, _CRANKY = 0.12, 0.5, 0.9


def respond(rows: Rows, plan: Plan, roster: Roster, stays: Stays, rng: np.random.Generator) -> None:
    """Fill in what was done with the cards among these entries. Who has acted on a stay's first card keeps to it."""
    number = rows.size
    card = (rows["state"] == SHOWN) & ~rows["abstained"]
    acts = rng.random(number) >= share(override_log_odds(rows, plan, roster, stays))
    rows["acted"] = card & np.where(rows["first"], acts, rows["acted"])
    answered = card & (rng.random(number) < plan.answered)
    snoozed = card & ~answered & ~rows["acted"] & (rng.random(number) < _SNOOZED)
    rows["answer"] = np.select(
        [answered & rows["acted"], answered, snoozed], ["accepted", "overridden", "snoozed"], default=""
    )
    rows["withdrawn"] = answered & (rng.random(number) < _WITHDRAWN)
    rows["reversed"] = answered & ~rows["withdrawn"] & (rng.random(number) < _REVERSED)
    rows["on_page"] = (answered & (rng.random(number) < _ON_PAGE)) | snoozed
    rows["seconds"] = np.where(answered | snoozed, _seconds(rows, plan, stays.in_gap[rows["stay"]], rng), np.nan)
    overridden = rows["answer"] == "overridden"
    rows["reason"] = np.where(overridden, _reasons(number, rng), -1)
    rows["comment"] = np.where(overridden, _comments(rows["broken"], rng), -1)


def override_log_odds(rows: Rows, plan: Plan, roster: Roster, stays: Stays) -> Floats:
    """The true log-odds that a card is not acted on."""
    sepsis_2 = (rows["service"] == SEPSIS) & (rows["version"] == 1)
    found: Floats = (
        np.array([unit.override for unit in UNITS])[rows["unit"]]
        + roster.habit[rows["clinician"]]
        + plan.risk_effect * rows["log_odds"]
        + np.array(plan.service_effect)[rows["service"]]
        + plan.version_effect * sepsis_2
        + plan.night_effect * rows["night"]
        + plan.gap_override * stays.in_gap[rows["stay"]]
        + plan.broken_override * rows["broken"]
    )
    return found


def _seconds(rows: Rows, plan: Plan, in_gap: Flags, rng: np.random.Generator) -> Floats:
    """How long each answer takes."""
    median = np.where(rows["answer"] == "overridden", _OVERRIDDEN_AFTER, _ACCEPTED_AFTER)
    usual = np.maximum(rng.lognormal(np.log(median), 0.8), 2.5) * np.where(in_gap, plan.gap_slowness, 1.0)
    reflex = (rows["answer"] == "overridden") & (rng.random(rows.size) < _REFLEX)
    seconds: Floats = np.where(reflex, rng.uniform(0.4, 1.9, rows.size), usual).astype(np.float64)
    return np.round(seconds, 3)


def _reasons(number: int, rng: np.random.Generator) -> Integers:
    """Codes of reasons; some give none."""
    reason = rng.choice(len(_REASONS), size=number, p=np.array(_REASONS))
    return np.where(rng.random(number) < _NO_REASON, -1, reason)


def _comments(broken: Flags, rng: np.random.Generator) -> Integers:
    """Codes of comments; about a broken rule most say so."""
    number = broken.size
    written = rng.random(number) < np.where(broken, _COMMENTED_IF_BROKEN, _COMMENTED)
    cranky = broken & (rng.random(number) < _CRANKY)
    sound, angry = rng.integers(len(SOUND), size=number), rng.integers(len(BROKEN), size=number)
    return np.where(written, np.where(cranky, angry + FIRST_BROKEN_COMMENT, sound), -1)
