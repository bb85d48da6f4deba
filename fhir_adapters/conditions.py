"""FHIR Condition → `Condition`: what somebody has confirmed, and whether it goes on."""

from __future__ import annotations

from clinical.record import Condition, SetAsideReason
from fhir_adapters.entries import Concept, Entry, NotUsed, states, unknown_state
from fhir_adapters.times import fhir_start

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
# FHIR R4 valueset-condition-ver-status.html; the most telling first, because children may stand beside their parent.
_NEVER_HELD = {"entered-in-error": "it was entered in error", "refuted": "it was ruled out"}
_NOT_CONFIRMED = {
    "differential": "it is one of several possible diagnoses",
    "provisional": "it is a provisional diagnosis",
    "unconfirmed": "nobody has confirmed it",
}
# FHIR R4 valueset-condition-clinical.html: recurrence and relapse are kinds of active, remission and resolved of
# inactive.
_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_ENDED = frozenset({"inactive", "remission", "resolved"})


def what(entry: Entry) -> Concept:
    """Which condition it is."""
    return entry.concept("code")


def read(entry: Entry, concept: Concept) -> Condition:
    """A condition. Raises `NotUsed` for one that is not confirmed, lies in the future, or has no name.

    Without a verification status it counts: FHIR has no default, and most senders write only what holds.
    """
    _check_confirmed(entry)
    active = _active(entry)
    onset = entry.start("onsetDateTime") or entry.start("onsetPeriod", "start")
    recorded = entry.start("recordedDate")
    if not concept.codings and not concept.text:
        raise NotUsed(SetAsideReason.NO_VALUE, "it does not say which condition it is")
    return Condition(entry.name, concept.codings, onset, recorded, active, entry.stay("encounter"), concept.text)


def _check_confirmed(entry: Entry) -> None:
    """Raises `NotUsed` unless it is confirmed, or nothing is said about that."""
    found = states(entry, "verificationStatus", VERIFICATION)
    for code, why in (_NEVER_HELD | _NOT_CONFIRMED).items():
        if found is not None and code in found:
            never = code in _NEVER_HELD and "confirmed" not in found
            raise NotUsed(SetAsideReason.VOID if never else SetAsideReason.STATUS, why)
    if found not in (None, {"confirmed"}):
        raise unknown_state("verificationStatus")


def _active(entry: Entry) -> bool:
    """Whether it goes on. Where no clinical status is given, an end that is stated says that it has ended."""
    found = states(entry, "clinicalStatus", CLINICAL)
    if found is None:
        return not _abated(entry)
    if found <= _ACTIVE:
        return True
    if found <= _ENDED:
        return False
    raise unknown_state("clinicalStatus")


def _abated(entry: Entry) -> bool:
    """Whether an end is stated that does not lie in the future."""
    stated = [name for name in entry.resource if name.startswith("abatement") and entry.resource[name] is not None]
    end = fhir_start(entry.resource.get("abatementDateTime"), entry.now)
    return bool(stated) and (end is None or end <= entry.now)
