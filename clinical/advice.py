"""What was said, what the clinician did with it, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clinical.assessment import Finding, Indicator
from clinical.record import Coding


class WithheldReason(StrEnum):
    """Why a finding is in the ledger but not on a card.

    `SHADOW` stands only where nothing else withheld it: those entries are what would have been shown.
    """

    SWITCHED_OFF = "switched-off"
    OUTSIDE_POPULATION = "outside-population"
    NOT_FOR_ROLE = "not-for-role"
    BELOW_THRESHOLD = "below-threshold"
    REPEAT = "repeat"
    SNOOZED = "snoozed"
    ENCOUNTER_BUDGET = "encounter-budget"
    CLINICIAN_BUDGET = "clinician-budget"
    SHADOW = "shadow"


# What nobody may see of, on a card, on a page, or in the chart.
HIDDEN = frozenset({WithheldReason.SHADOW, WithheldReason.SWITCHED_OFF, WithheldReason.NOT_FOR_ROLE})

# The encounter of an advice about a stay that is not the caller's, whose id nobody knows any more.
OTHER_STAY = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """One entry of the ledger: a finding, for whom, through which door, and whether it was shown.

    `id` is a UUID and the card's uuid; `suggestion_id` the uuid of its one suggested action. Identities are in
    the clear here and are pseudonymised by the ledger. `unit_name` is the place of the stay, for analytics.
    `request_key` is the same for a call that is sent again (empty where calls have none): see `Ledger.append`.
    """

    id: str
    suggestion_id: str
    time: datetime
    client: str
    service: str
    hook: str
    hook_instance: str
    patient_id: str
    encounter_id: str | None
    user: str
    unit_name: str
    finding: Finding
    withheld: WithheldReason | None
    request_key: str = ""

    @property
    def shown(self) -> bool:
        """Whether a card goes out."""
        return self.withheld is None

    @property
    def hidden(self) -> bool:
        """Whether nobody may see anything of it."""
        return self.withheld in HIDDEN


class Outcome(StrEnum):
    """What the clinician did: the two outcomes of CDS Hooks feedback, and two that only the page knows.

    `SNOOZED` has its duration as the reason (`clinical.snooze`); `WITHDRAWN` undoes what was answered before.
    """

    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"
    SNOOZED = "snoozed"
    WITHDRAWN = "withdrawn"


class Channel(StrEnum):
    """Where the clinician decided."""

    CARD = "card"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a clinician did with one piece of advice (CDS Hooks feedback item). `user` is known on the page only.

    `reason` is the code of an override, or the duration of a snooze.
    """

    advice_id: str
    client: str
    service: str
    outcome: Outcome
    time: datetime
    channel: Channel
    reason: Coding | None = None
    comment: str = ""
    accepted_suggestions: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The place of one entry in the ledger, and the SHA-256 of its content (64 hex digits), to prove it later."""

    sequence: int
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the ledger did with a batch of feedback: `stored` new, `repeated` known, `quarantined` not ours to count.

    `leaves` has one member for each item, in the order of the batch; a repeated item has the leaf of the first.
    """

    stored: int
    repeated: int
    quarantined: int
    leaves: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownBefore:
    """A risk card that this clinician was shown about this patient. `reason` is the code of its override, if any.

    `overridden_at` is None unless the deciding feedback overrode it, `snoozed_until` unless this clinician put it off.
    `indicator` says how loudly it was told; None where that is not known.
    """

    time: datetime
    tier_at_least: float
    overridden_at: datetime | None = None
    reason: str = ""
    indicator: Indicator | None = None
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What one client was shown before, as far as a policy asks.

    `shown` holds the risk cards of one service for one patient and one clinician, newest first: those that were shown
    since the moment that was asked for, and those that were overridden or put off since. The two numbers count
    shown risk cards of all services: to this clinician in the last 24 hours, and in this encounter. None of them
    counts the call that is being answered.
    """

    shown: tuple[ShownBefore, ...] = ()
    to_clinician: int = 0
    in_encounter: int = 0


OVERRIDE_REASON_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"


def _reason(code: str, display: str) -> Coding:
    """A code of HL7's non-adherence reasons."""
    return Coding(OVERRIDE_REASON_SYSTEM, code, display)


# Point-of-care choices out of HL7's value set non-adherence-reason-clinical (CDS Hooks 3.0 ballot vocabulary).
OVERRIDE_REASONS = (
    _reason("action-completed", "Already done"),
    _reason("cds-not-applicable", "Does not apply to this patient"),
    _reason("recipient-disagrees-evidence", "I judge the risk differently"),
    _reason("patient-refuses", "Patient or family declines"),
    _reason("cds-suboptimal-context", "Wrong time or wrong person"),
)
