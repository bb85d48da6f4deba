"""Where the patient is now, and since when: the stay under way, its intensive care bed, and when that care began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.assessment import AbstentionReason
from clinical.record import PatientRecord, Stay, StayLocation

# FHIR R4 encounter statuses of somebody who is here now; a stay that has an end is judged by its period instead.
_UNDER_WAY = frozenset({"arrived", "triaged", "in-progress", "onleave"})
# Those of a stay that nobody has come for.
NEVER_HAPPENED = frozenset({"planned", "cancelled", "entered-in-error"})
# ActCodes of contacts in which nobody lies in intensive care; any other code leaves the question open.
NOT_ADMITTED = frozenset({"AMB", "HH", "VR", "FLD"})
# ActCodes of stays in which somebody is admitted.
_ADMITTED = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS"})
# A discharge is often written up after the patient has left.
_JUST_LEFT = timedelta(hours=24)
# Between two intensive care beds a theatre or a scanner may stand as a place of its own.
_SAME_STAY_GAP = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer. `text` completes "Not assessed: …"; `in_population` as in `Abstention`."""

    reason: AbstentionReason
    text: str
    in_population: bool
    missing: tuple[str, ...] = ()


def outside(text: str) -> Refusal:
    """The model or score is not meant for this patient; `text` completes "Not assessed: …"."""
    return Refusal(AbstentionReason.NOT_MEANT_FOR, text, in_population=False)


def current_stay(record: PatientRecord, as_of: datetime) -> Stay | Refusal:
    """The stay that the caller named, if it is under way; else, of those under way, the latest in intensive care."""
    under_way = [stay for stay in record.stays if is_under_way(stay, as_of)]
    if record.focus is not None:
        return _named_stay(record, record.focus, under_way, as_of)
    if not under_way:
        return _no_known_stay(record, as_of)
    return max(under_way, key=lambda stay: (_bed(stay, as_of) is not None, *_age_of(stay.start), stay.reference))


def admits(stay: Stay) -> bool:
    """Whether somebody is admitted in this stay."""
    return stay.class_code is not None and stay.class_code.code in _ADMITTED


def stay_to_leave(record: PatientRecord, as_of: datetime) -> Stay | Refusal:
    """The stay in hospital that somebody leaves: the one named, else the latest under way, else one just ended."""
    if record.focus is not None:
        return _named_to_leave(record, record.focus, as_of)
    leaving = [stay for stay in record.stays if admits(stay) and _may_leave(stay, as_of)]
    if not leaving:
        return _no_known_stay(record, as_of)
    return max(leaving, key=lambda stay: (is_under_way(stay, as_of), *_age_of(stay.start), stay.reference))


def _named_to_leave(record: PatientRecord, focus: str, as_of: datetime) -> Stay | Refusal:
    named = [stay for stay in record.stays if stay.reference == focus]
    if any(stay.class_code is None and _may_leave(stay, as_of) for stay in named):
        return _no_stay("the stay named does not say whether the patient was admitted", in_population=True)
    if named and not any(admits(stay) for stay in named):
        return _no_stay("the stay named is a visit, and no stay in hospital", in_population=False)
    leaving = [stay for stay in named if _may_leave(stay, as_of)]
    return leaving[0] if leaving else _named_stay(record, focus, [], as_of)


def _may_leave(stay: Stay, as_of: datetime) -> bool:
    """Whether the stay is under way, or ended so lately that its discharge is the question."""
    if stay.status in NEVER_HAPPENED:
        return False
    just_left = stay.end is not None and as_of - _JUST_LEFT <= stay.end <= as_of
    return just_left or is_under_way(stay, as_of)


def _named_stay(record: PatientRecord, focus: str, under_way: list[Stay], as_of: datetime) -> Stay | Refusal:
    named = [stay for stay in under_way if stay.reference == focus]
    if named:
        return named[0]
    known = [stay for stay in record.stays if stay.reference == focus]
    if not known and any(aside.reference == focus for aside in record.set_aside):
        return _no_stay("the stay named was sent and could not be read", in_population=True)
    if not known:
        return _no_stay("the stay named is not in the record", in_population=True)
    if all(stay.status == "entered-in-error" for stay in known):
        return _no_stay("the stay named was entered in error", in_population=True)
    return _no_stay("the stay named is not under way", in_population=any(_contradicts(stay, as_of) for stay in known))


def in_hospital(record: PatientRecord, as_of: datetime) -> Refusal | None:
    """Why a model for people outside hospital is not for this patient now, or cannot know it; None for one at home."""
    here = [stay for stay in record.stays if is_under_way(stay, as_of)]
    if any(admits(stay) or _is_emergency(stay) or _bed(stay, as_of) is not None for stay in here):
        return outside("the model is for people who are not in hospital")
    unclear = any(stay.class_code is None or stay.class_code.code not in NOT_ADMITTED for stay in here)
    if unclear or _stays_unread(record) or any(_contradicts(stay, as_of) for stay in record.stays):
        return _no_stay("the record does not say whether the patient is in hospital", in_population=True)
    return None


def _is_emergency(stay: Stay) -> bool:
    return stay.class_code is not None and stay.class_code.code == "EMER"


def _stays_unread(record: PatientRecord) -> bool:
    """Whether there may be stays that are not in the record."""
    unread = any(aside.reference.startswith("Encounter/") for aside in record.set_aside)
    return unread or any(gap.startswith("encounter:") for gap in record.incomplete)


def _no_known_stay(record: PatientRecord, as_of: datetime) -> Refusal:
    """No stay is under way: for certain, or as far as a record with gaps can say."""
    if _stays_unread(record):
        return _no_stay("not every stay could be read, so it is not known where the patient is", in_population=True)
    if any(_contradicts(stay, as_of) for stay in record.stays):
        return _no_stay("status and period of the stay do not say whether the patient is here", in_population=True)
    return _no_stay("the record shows no current stay", in_population=False)


def _contradicts(stay: Stay, at: datetime) -> bool:
    """Whether a stay is neither clearly open nor clearly closed: of unknown status, or open with an end in the past."""
    if stay.status == "unknown":
        return _covers(stay.start, stay.end, at)
    return stay.status in _UNDER_WAY and stay.end is not None and stay.end <= at


def _no_stay(text: str, *, in_population: bool) -> Refusal:
    return Refusal(AbstentionReason.NO_CURRENT_STAY, text, in_population)


def _age_of(time: datetime | None) -> tuple[bool, float]:
    """A sort key in which an unknown time comes first."""
    return time is not None, time.timestamp() if time else 0.0


def _covers(start: datetime | None, end: datetime | None, at: datetime) -> bool:
    return (start is None or start <= at) and (end is None or at < end)


def is_under_way(stay: Stay, at: datetime) -> bool:
    """Whether somebody is here for this stay at a moment."""
    if stay.status in NEVER_HAPPENED or not _covers(stay.start, stay.end, at):
        return False
    return stay.end is not None or stay.status in _UNDER_WAY


def _bed(stay: Stay, at: datetime) -> StayLocation | None:
    """The intensive care place that the patient has now; the latest begun, if the record lists several."""
    beds = [place for place in stay.locations if place.intensive_care and _covers(place.start, place.end, at)]
    return max(beds, key=lambda bed: _age_of(bed.start), default=None)


def intensive_care_bed(stay: Stay, record: PatientRecord, at: datetime) -> StayLocation | Refusal:
    """The bed that the patient lies in now, or why intensive care is not shown.

    A place that should have been read and was not may be intensive care: that is doubt, not a "no".
    """
    bed = _bed(stay, at)
    if bed is not None and not _moved_on(stay, bed, at):
        return bed
    reason = AbstentionReason.NOT_IN_INTENSIVE_CARE
    not_admitted = stay.class_code is not None and stay.class_code.code in NOT_ADMITTED
    unread = any(gap.startswith("location:") for gap in record.incomplete)
    if not_admitted or (stay.locations and not unread and all(place.known for place in stay.locations)):
        return Refusal(reason, "the record does not show the patient in intensive care now", in_population=False)
    return Refusal(reason, "the record does not say where in the hospital the patient is", in_population=True)


def _moved_on(stay: Stay, bed: StayLocation, at: datetime) -> bool:
    """Whether a place elsewhere began after the intensive care bed, whose end nobody recorded."""
    if bed.start is None or bed.end is not None:
        return False
    return any(
        not place.intensive_care and place.start is not None and place.start > bed.start
        for place in stay.locations
        if _covers(place.start, place.end, at)
    )


def intensive_care_start(stay: Stay, bed: StayLocation, at: datetime) -> datetime | None:
    """When the intensive care stay began: the first of the beds that follow each other up to now.

    A bed without a start gives the start of the hospital stay if every place of it is intensive care; else unknown.
    """
    if bed.start is None:
        return stay.start if all(place.intensive_care for place in stay.locations) else None
    begun = bed.start
    for place, end in reversed(_with_ends(stay, at)):
        if place.intensive_care and place.start is not None and place.start < begun <= end + _SAME_STAY_GAP:
            begun = place.start
    return begun


def _with_ends(stay: Stay, at: datetime) -> list[tuple[StayLocation, datetime]]:
    """Places begun by now, in order, with their ends; one without an end ended when the next one began."""
    begun = sorted((p for p in stay.locations if p.start and p.start <= at), key=lambda p: _age_of(p.start))
    starts = [place.start or at for place in begun[1:]] + [at]
    return [(place, place.end or following) for place, following in zip(begun, starts, strict=True)]
