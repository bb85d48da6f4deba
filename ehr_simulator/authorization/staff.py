"""Who works at the hospital: the one clinician of the chart, and the quality team with its groups."""

from __future__ import annotations

from dataclasses import dataclass

from ehr_simulator.settings import CLINICIAN, CLINICIAN_NAME


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who signs in. `user` is the subject of their id_token; `groups` go into the claim of that name."""

    user: str
    name: str
    groups: tuple[str, ...] = ()
    work: str = ""


DANA = Member(CLINICIAN.removeprefix("Practitioner/"), CLINICIAN_NAME, ("clinicians",), "clinician")
STAFF = (
    Member("ann", "Ann Abara", ("chartside-quality",), "quality team"),
    Member("mo", "Mo Meyer", ("chartside-modellers",), "data science"),
    Member("ines", "Ines Ito", ("chartside-integrators",), "integration"),
    Member("olu", "Olu Ortiz", ("chartside-auditors",), "audit"),
    Member("ada", "Ada Adler", ("chartside-admins",), "runs Chartside"),
    DANA,
    Member("pat", "Pat Porter", ("porters",), "no role in Chartside"),
)


def members(*, staff: bool) -> tuple[Member, ...]:
    """Who may sign in to an app: for one of the staff at large everybody, for one that opens charts the clinician."""
    return STAFF if staff else (DANA,)


def member(user: str) -> Member:
    """One of them; the clinician for anybody else."""
    return next((one for one in STAFF if one.user == user), DANA)
