"""What happens: assessments, cards, answers and outcomes, as arrays, without a ledger.

Whether a card is acted on depends on what the ledger holds (unit, clinician, risk, version, hour, group, day) and on
chance, never on what would have happened to the patient. Acting averts a known share of events. Whether a card is
answered is chance, the same for all, so that the override rate among the answered is that among all cards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chartside.history.answers import respond
from chartside.history.clinicians import Roster, make_roster
from chartside.history.patients import CONCEPTS, GLUCOSE, Stays, first_assessed, make_stays, share, takes_part
from chartside.history.plan import SEPSIS, SHADOW, Flags, Floats, Integers, Plan
from chartside.history.rows import HIGH, RAISED, SHOWN, STATES, Rows, new_rows
from chartside.history.ward import UNITS, at_night

_ABSTAINED, _OUTSIDE = 0.04, 0.4
_FOLLOWED, _FOLLOWED_SNOOZED, _SAME_CLINICIAN = 0.3, 0.6, 0.7
_SHADOWED, _SHADOW_NOISE = 0.4, 0.6
_OPENED = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """First assessments of one service with a risk, one row for each stay.

    `untreated`: the event that comes if nobody acts; `happened`: what came. `alerted`: a card was shown; `treated`: it
    was acted on. `features` (rows × `names`): what else the odds of acting depend on and the ledger holds.
    """

    untreated: Flags
    happened: Flags
    risk: Floats
    alerted: Flags
    treated: Flags
    features: Floats
    names: tuple[str, ...]
    stay: Integers
    clinician: Integers


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Everything that happened. `rows` are the entries of the ledger in order of time (`chartside.history.rows`)."""

    plan: Plan
    roster: Roster
    stays: Stays
    rows: Rows
    happened: Flags

    def performance(self, service: int, *, known_only: bool = False) -> Performance:
        """The rows that figures about the model are worked out from."""
        rows = self.rows[self.rows["first"] & (self.rows["service"] == service) & ~self.rows["abstained"]]
        if known_only:
            rows = rows[self.known(service)[rows["stay"]]]
        names, features = self.logged(rows)
        return Performance(
            untreated=self.stays.untreated[rows["stay"], service],
            happened=self.happened[rows["stay"], service],
            risk=share(rows["log_odds"]),
            alerted=rows["state"] == SHOWN,
            treated=rows["acted"].astype(np.bool_),
            features=features,
            names=names,
            stay=rows["stay"],
            clinician=rows["clinician"],
        )

    def known(self, service: int) -> Flags:
        """The stays whose outcome is followed up and due before the history ends."""
        found: Flags = self.stays.known & (self.stays.due(service) < self.plan.days)
        return found

    def logged(self, rows: Rows) -> tuple[tuple[str, ...], Floats]:
        """What the odds of acting depend on beside the risk: names, and rows × names."""
        present = [place for place in range(len(UNITS)) if bool((rows["unit"] == place).any())][1:]
        columns = [rows["unit"] == place for place in present]
        columns += [rows["night"], rows["version"] == 1, self.stays.in_gap[rows["stay"]], rows["broken"]]
        attribute, label = self.plan.gap_group
        names = (*(UNITS[place].name for place in present), "night", "version", f"{attribute}: {label}", "broken rule")
        return names, np.column_stack(columns).astype(np.float64)


def draw(plan: Plan, rng: np.random.Generator, *, first_weekday: int = 0) -> History:
    """One history. `first_weekday`: that of the first day, 0 is Monday."""
    roster, stays = make_roster(plan, rng), make_stays(plan, first_weekday, rng)
    first = np.concatenate([_first(plan, roster, stays, service, rng) for service in range(SHADOW)])
    respond(first, plan, roster, stays, rng)
    again = _again(first, roster, rng)
    again = again[again["time"] < stays.end[again["stay"]]]
    respond(again, plan, roster, stays, rng)
    everything = np.concatenate([first, again, _shadow(first, rng), _opened(first, rng)])
    kept = everything[everything["time"] < plan.days]
    averts = rng.random((plan.stays, SHADOW)) < np.array(plan.averted)
    return History(plan, roster, stays, kept[np.argsort(kept["time"], kind="stable")], _happened(stays, kept, averts))


def _happened(stays: Stays, rows: Rows, averts: Flags) -> Flags:
    """What came of each stay, by service: acting on the first card decides; later ones repeat it."""
    acted = np.zeros(stays.untreated.shape, dtype=np.bool_)
    done = rows[rows["first"] & rows["acted"]]
    acted[done["stay"], done["service"]] = True
    return stays.untreated & ~(acted & averts)


def _first(plan: Plan, roster: Roster, stays: Stays, service: int, rng: np.random.Generator) -> Rows:
    """The first assessments of one service: no answers yet."""
    stay = takes_part(plan, stays, service, rng)
    rows = new_rows(stay.size)
    rows["stay"], rows["service"], rows["unit"], rows["first"] = stay, service, stays.unit[stay], True
    rows["time"] = first_assessed(stays, service, stay, rng)
    rows["night"] = at_night(rows["time"])
    rows["clinician"] = roster.on_duty(rows["unit"], rng)
    rows["version"] = (service == SEPSIS) & (rows["time"] >= plan.version_day)
    age = rows["time"] - plan.broken_day
    rows["broken"] = (service == plan.broken_service) & (age >= 0) & (age < plan.broken_days)
    rows["extra"] = rows["broken"] * plan.broken_risk
    rows["factor"] = _factors(plan, stays, rows)
    glucose = CONCEPTS[GLUCOSE]
    shift = glucose.weights[service] * np.log(rows["factor"]) / glucose.spread
    rows["log_odds"] = stays.log_odds[stay, service] + rows["extra"] + shift
    rows["state"] = np.where(rows["log_odds"] >= _log_odds(RAISED), SHOWN, STATES.index("below-threshold"))
    _abstain(rows, rng)
    return rows


def _factors(plan: Plan, stays: Stays, rows: Rows) -> Floats:
    """By how much the glucose of each entry is too large: nothing where none was measured."""
    names = [unit.name for unit in UNITS]
    changed = (rows["unit"] == names.index(plan.unit_changed)) & (rows["time"] >= plan.unit_change_day)
    measured = ~np.isnan(stays.standard[rows["stay"], GLUCOSE])
    return np.where(changed & measured, plan.factor, 1.0)


def _abstain(rows: Rows, rng: np.random.Generator) -> None:
    """Now and then there is no answer; it is told, unless the model is not meant for the patient."""
    rows["abstained"] = rng.random(rows.size) < _ABSTAINED
    outside = rows["abstained"] & (rng.random(rows.size) < _OUTSIDE)
    rows["state"][rows["abstained"]] = SHOWN
    rows["state"][outside] = STATES.index("outside-population")


def _again(first: Rows, roster: Roster, rng: np.random.Generator) -> Rows:
    """The same risk assessed again within two days, mostly withheld, except where it is critical."""
    shown = first[(first["state"] == SHOWN) & ~first["abstained"]]
    snoozed = shown["answer"] == "snoozed"
    chosen = rng.random(shown.size) < np.where(snoozed, _FOLLOWED_SNOOZED, _FOLLOWED)
    rows: Rows = shown[chosen].copy()
    put_off = snoozed[chosen]
    rows["time"] += np.where(put_off, rng.uniform(1, 3.5, rows.size), rng.uniform(4, 44, rows.size)) / 24
    rows["night"] = at_night(rows["time"])
    other = ~put_off & (rng.random(rows.size) >= _SAME_CLINICIAN)
    rows["clinician"][other] = roster.on_duty(rows["unit"][other], rng)
    rows["first"] = False
    quiet = np.array([STATES.index(name) for name in ("repeat", "encounter-budget")])
    silent = quiet[(rng.random(rows.size) < 0.15).astype(np.int64)]
    usual = np.where(rng.random(rows.size) < 0.3, SHOWN, silent)
    usual[put_off] = STATES.index("snoozed")
    rows["state"] = np.where(rows["log_odds"] >= _log_odds(HIGH), SHOWN, usual)
    return rows


def _shadow(first: Rows, rng: np.random.Generator) -> Rows:
    """The other sepsis model at the same moments: noisier, and never shown."""
    chosen = (first["service"] == SEPSIS) & ~first["abstained"] & (rng.random(first.size) < _SHADOWED)
    rows = _unanswered(first[chosen])
    noise = rng.normal(0.0, _SHADOW_NOISE, rows.size)
    rows["service"], rows["first"], rows["version"], rows["extra"] = SHADOW, False, 0, noise
    rows["log_odds"] += noise
    rows["state"] = np.where(
        rows["log_odds"] >= _log_odds(RAISED), STATES.index("shadow"), STATES.index("below-threshold")
    )
    return rows


def _opened(first: Rows, rng: np.random.Generator) -> Rows:
    """Openings of the clinician's page some minutes later."""
    rows = _unanswered(first[~first["abstained"] & (rng.random(first.size) < _OPENED)])
    rows["time"] += rng.uniform(2, 90, rows.size) / 1440
    rows["page"], rows["first"] = True, False
    return rows


def _unanswered(rows: Rows) -> Rows:
    """Entries like these that nobody answered."""
    made = new_rows(rows.size)
    for name in ("time", "stay", "service", "unit", "clinician", "version", "night", "broken", "extra", "factor"):
        made[name] = rows[name]
    made["log_odds"], made["state"] = rows["log_odds"], rows["state"]
    return made


def _log_odds(probability: float) -> float:
    """Of a probability."""
    return float(np.log(probability / (1 - probability)))
