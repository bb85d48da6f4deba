"""Roles, and what each may see or do here. What is not named is not allowed.

Figures of single clinicians stand under pseudonyms for everybody; `CLINICIANS` is the right to see even those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who somebody is in the hospital."""

    CLINICIAN = "clinician"
    QUALITY = "quality"
    MODELLER = "modeller"
    INTEGRATOR = "integrator"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Right(StrEnum):
    """What somebody may see or do."""

    FIGURES = "figures"  # counts and rates of services, units, roles and groups
    CLINICIANS = "clinicians"  # figures of single clinicians, under pseudonyms
    COMMENTS = "comments"  # what clinicians wrote
    ALERTS = "alerts"  # see alerts and what was done about them
    HANDLE_ALERTS = "handle-alerts"  # take the next step
    INCIDENTS = "incidents"  # read reports of problems
    HANDLE_INCIDENTS = "handle-incidents"  # triage and decide
    REVIEW = "review"  # judge overrides, blinded
    PLAN_REVIEWS = "plan-reviews"  # draw samples, settle disagreements, see the results
    EXPORT_FIGURES = "export-figures"  # tables of counts and rates
    EXPORT_EVENTS = "export-events"  # one line for each card and answer, under pseudonyms


_FIGURES = frozenset({Right.FIGURES, Right.ALERTS})
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.CLINICIAN: frozenset({Right.FIGURES, Right.REVIEW}),
    Role.QUALITY: frozenset(Right),
    Role.MODELLER: _FIGURES | {Right.HANDLE_ALERTS, Right.EXPORT_FIGURES},
    Role.INTEGRATOR: _FIGURES | {Right.HANDLE_ALERTS},
    Role.AUDITOR: _FIGURES | {Right.INCIDENTS, Right.EXPORT_FIGURES, Right.EXPORT_EVENTS},
    Role.ADMIN: _FIGURES | {Right.INCIDENTS, Right.EXPORT_FIGURES},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks: a name as the sign-in gives it, and at least one role. `session` binds forms to one sign-in."""

    name: str
    roles: frozenset[Role]
    session: str = ""

    def may(self, right: Right) -> bool:
        """Whether one of the roles has the right."""
        return any(right in RIGHTS[role] for role in self.roles)

    @property
    def role(self) -> str:
        """All roles in words, for the audit and beside what somebody did."""
        return ", ".join(sorted(self.roles))
