"""The clinicians: where they work, how much, and how readily they override."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chartside.history.plan import Floats, Integers, Plan
from chartside.history.ward import UNITS

# The ledger knows a role as the resource type in the user's reference. This hospital names its physicians by person,
# its nurses by their post and its pharmacists as persons, so that the three can be told apart.
ROLES = (("Practitioner", "physician", 0.0), ("PractitionerRole", "nurse", -0.3), ("Person", "pharmacist", 0.3))
_ROLE_SHARES = (0.5, 0.35, 0.15)
CLINICIANS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """One entry for each clinician: reference, unit, own log-odds of an override, and share of the unit's work."""

    references: tuple[str, ...]
    role: Integers
    unit: Integers
    habit: Floats
    work: Floats

    def on_duty(self, unit: Integers, rng: np.random.Generator) -> Integers:
        """Somebody of the unit for each entry; who works more is more often there."""
        chosen = np.zeros(unit.size, dtype=np.int64)
        for place in range(len(UNITS)):
            here, staff = np.flatnonzero(unit == place), np.flatnonzero(self.unit == place)
            chosen[here] = rng.choice(staff, size=here.size, p=self.work[staff] / self.work[staff].sum())
        return chosen


def make_roster(plan: Plan, rng: np.random.Generator) -> Roster:
    """Sixty clinicians over all units and roles."""
    number = np.arange(CLINICIANS)
    role = np.digitize((number * 0.618) % 1.0, np.cumsum(_ROLE_SHARES)[:-1]).astype(np.int64)
    habit = rng.normal(0.0, plan.habits, CLINICIANS) + np.array([each[2] for each in ROLES])[role]
    names = tuple(f"{ROLES[r][0]}/{ROLES[r][1]}-{n + 1:02d}" for n, r in enumerate(role.tolist()))
    return Roster(names, role, number % len(UNITS), habit, rng.gamma(2.0, 0.5, CLINICIANS) + 0.1)
