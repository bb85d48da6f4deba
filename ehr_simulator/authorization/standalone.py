"""A standalone launch: sign in, choose patient and encounter, agree. Plain forms, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from werkzeug.datastructures import MultiDict

from ehr_simulator.authorization.grants_store import Launch, secret
from ehr_simulator.authorization.kept import Kept
from ehr_simulator.authorization.people import People
from ehr_simulator.authorization.scopes import needs_patient, parse
from ehr_simulator.authorization.staff import DANA, members
from ehr_simulator.fhir_store import FhirStoreFault
from ehr_simulator.settings import EhrSettings

RENEWAL = frozenset({"online_access", "offline_access"})


class NotThisStep(Exception):
    """A form that does not fit where the request stands."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An authorization request that waits for its user."""

    id: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    client_id: str
    scope: str
    expires: datetime
    staff: bool = False
    user: str = ""
    patient: str | None = None
    encounter: str | None = None
    agreed: str | None = None

    @property
    def step(self) -> str:
        """What is to be done next."""
        if not self.user:
            return "sign_in"
        if self.patient is None and needs_patient(self.scope):
            return "patient"
        if self.encounter is None and "launch/encounter" in self.scope.split():
            return "encounter"
        # An app of the hospital's own for all its staff needs nobody's leave.
        return "approve" if self.agreed is None and not self.staff else "done"


class WaitingRoom:
    """Keeps waiting requests and moves them on."""

    def __init__(self, settings: EhrSettings, people: People) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._people = people
        self._waiting: Kept[Waiting] = Kept()

    def enter(self, parameters: Mapping[str, str], scope: str, *, staff: bool = False) -> Waiting:
        """Keep a request that was checked. `staff`: the app is for all of the hospital's staff."""
        expires = self._settings.clock() + timedelta(seconds=self._settings.sign_in_lifetime)
        made = Waiting(secret(), dict(parameters), parameters["client_id"], scope, expires, staff)
        self._waiting.put(made.id, made)
        return made

    def move(self, form: MultiDict[str, str]) -> Waiting:
        """Do the step of a form. Raises `NotThisStep`; a request that is done is no longer kept."""
        waiting = self._waiting.take(form.get("request", ""))
        if waiting is None or waiting.expires <= self._settings.clock():
            raise NotThisStep("This request is no longer open. Start again in the app.")
        if form.get("step") != waiting.step:
            self._waiting.put(waiting.id, waiting)
            raise NotThisStep("This form does not fit the step that comes next.")
        try:
            moved = self._moved(waiting, form)
        except (NotThisStep, FhirStoreFault):
            self._waiting.put(waiting.id, waiting)
            raise
        if moved.step != "done":
            self._waiting.put(moved.id, moved)
        return moved

    def _moved(self, waiting: Waiting, form: MultiDict[str, str]) -> Waiting:
        """The request with the answer of the form in it."""
        if waiting.step == "sign_in":
            return _signed_in(waiting, form.get("user", DANA.user))
        if waiting.step == "patient":
            chosen = self._people.patient(form.get("patient", ""))
            if chosen is None:
                raise NotThisStep("There is no such patient.")
            return replace(waiting, patient=chosen.id)
        if waiting.step == "encounter":
            encounter = form.get("encounter", "")
            if encounter not in {one.id for one in self._people.encounters(waiting.patient or "")}:
                raise NotThisStep("This encounter is not one of the patient's.")
            return replace(waiting, encounter=encounter)
        return replace(waiting, agreed=_agreed(waiting.scope, form))


def _signed_in(waiting: Waiting, user: str) -> Waiting:
    """The request with who it is. Raises `NotThisStep`."""
    if user not in {one.user for one in members(staff=waiting.staff)}:
        raise NotThisStep("There is no such user.")
    return replace(waiting, user=user, agreed=waiting.scope if waiting.staff else None)


def _agreed(scope: str, form: MultiDict[str, str]) -> str:
    """What the user agreed to: what was ticked, and what is not open to choice. Empty after a refusal."""
    if form.get("decision") != "approve":
        return ""
    ticked = set(form.getlist("scope"))
    return " ".join(text for text in scope.split() if not may_be_refused(text) or text in ticked)


def may_be_refused(text: str) -> bool:
    """Clinical scopes and renewal have a tick box of their own."""
    return text in RENEWAL or parse(text) is not None


def launch_of(waiting: Waiting) -> Launch:
    """The launch that the user's choices stand for; never kept, so no app can name it."""
    return Launch(
        secret(), waiting.patient, waiting.encounter, None, waiting.expires, None, standalone=True, user=waiting.user
    )
