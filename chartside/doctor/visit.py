"""One examination: what was asked for, who calls, what is known of the service so far."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chartside.doctor.book import Book
from chartside.doctor.caller import Caller
from chartside.doctor.drafts import Subject
from chartside.doctor.hooks import HOOKS
from chartside.doctor.record import Record
from chartside.doctor.wire import Answer

NEEDS_KEY = "authentication is required: give --key (with --issuer and --kid)"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. `base` ends before /cds-services; `discovery` is an address that differs from it.

    `prefetch` replaces the invented record; `origin` is for the CORS checks; `deadline_ms` for the time of an answer.
    """

    base: str
    discovery: str = ""
    service: str = ""
    prefetch: Mapping[str, object] | None = None
    origin: str = ""
    deadline_ms: float = 500.0
    feedback: bool = True

    @property
    def discovery_url(self) -> str:
        """Where discovery has to be."""
        return f"{self.base}/cds-services"


@dataclass(frozen=True, slots=True)
class Persons:
    """The ids that calls use. Where one is empty, each call has a new one; `user` is a reference."""

    patient: str = ""
    encounter: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A service that discovery lists."""

    id: str
    hook: str
    url: str
    templates: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.id} ({self.hook})"


@dataclass(frozen=True, slots=True)
class Plan:
    """A listed service with one way to call it: the label of a variant of its hook."""

    listed: Listed
    label: str = ""

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.listed.name}, {self.label}" if self.label else self.listed.name

    def context(self, subject: Subject) -> dict[str, object]:
        """The hook's context for a subject."""
        variants = HOOKS[self.listed.hook].variants(subject)
        return dict(next(variant.context for variant in variants if variant.label == self.label))


@dataclass(frozen=True, slots=True)
class Made:
    """A full call that was answered with 200: its body and its answer."""

    plan: Plan
    body: Mapping[str, object]
    answer: Answer


@dataclass(slots=True)
class Visit:
    """The state of an examination.

    `marker` stands in requests and `secret` in access tokens; neither may come back in an error. `over` is set where
    nothing more can be examined, and `blocked` says why where that is not the fault of the service.
    """

    options: Options
    caller: Caller
    book: Book
    persons: Persons
    now: datetime
    marker: str = field(default_factory=lambda: f"doctor-{secrets.token_hex(8)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(24))
    services: list[Listed] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    blocked: str = ""
    over: bool = False

    def body(self, plan: Plan) -> dict[str, object]:
        """A well-formed call with all data, about a new patient and by a new user unless they were named.

        A service may withhold what it said before about a patient or to a user; new ones keep the calls independent.
        """
        subject = self._subject()
        context = plan.context(subject)
        body: dict[str, object] = {"hook": plan.listed.hook, "hookInstance": str(uuid.uuid4()), "context": context}
        given = self.options.prefetch
        if given is None:
            given = Record(subject, self.marker).prefetch(plan.listed.templates, context)
        return {**body, "prefetch": dict(given)} if given else body

    @property
    def named(self) -> bool:
        """Whether all calls are about one patient that the user named."""
        return bool(self.persons.patient)

    def _subject(self) -> Subject:
        """Whom the next call is about."""
        one = secrets.token_hex(4)
        return Subject(
            patient=self.persons.patient or f"doctor-patient-{one}",
            encounter=self.persons.encounter or f"doctor-encounter-{one}",
            user=self.persons.user or f"Practitioner/{self.marker}-{one}",
            now=self.now,
        )

    def closed(self, answer: Answer) -> bool:
        """Whether an answer says that this caller may not call; the reason is then in `blocked`."""
        if answer.status not in (401, 403):
            return False
        if self.caller.signer is None:
            self.blocked = NEEDS_KEY
        else:
            self.blocked = (
                f"the signed call was refused with {answer.status}: check issuer, kid, algorithm, clock, and whether "
                "the service takes the called URL as audience"
            )
        self.over = True
        return True


def members(body: Mapping[str, object], name: str) -> dict[str, object]:
    """An object member of a body; empty where there is none."""
    found = body.get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def said(answer: Answer) -> str:
    """What came back, in words: the status, and how many cards."""
    cards = cards_of(answer)
    if cards is None:
        return answer.said
    return f"{answer.said} with {len(cards)} card{'' if len(cards) == 1 else 's'}"


def cards_of(answer: Answer) -> list[dict[str, object]] | None:
    """The cards of an answer, or None where it is not a 200 with a list of cards."""
    if answer.status != 200 or not isinstance(answer.value, dict):
        return None
    cards = answer.value.get("cards")
    return [card for card in cards if isinstance(card, dict)] if isinstance(cards, list) else None
