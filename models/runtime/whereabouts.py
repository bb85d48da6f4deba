"""Where the patient is now, and since when: the stay under way, its intensive care bed, and when that care began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.assessment import AbstentionReason
from clinical.record import PatientRecord, Stay, StayLocation
from models.runtime.encounter_class import admits, class_of, is_emergency, is_visit
from models.runtime.find_names import Sure
from models.runtime.moved_on import first_and_last, moved_on

# FHIR R4 encounter statuses of somebody who is here now; a stay that has an end is judged by its period instead.
_UNDER_WAY = frozenset({"arrived", "triaged", "in-progress", "onleave"})
# Those of a stay that nobody has come for.
NEVER_HAPPENED = frozenset({"planned", "cancelled", "entered-in-error"})
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
    """The stay that the caller named, if it is under way; else, of those under way, the latest in intensive care.

    A visit counts only where there is nothing else: it may be open beside a stay in hospital.
    """
    under_way = [stay for stay in record.stays if is_under_way(stay, as_of)]
    if record.focus is not None:
        return _named_stay(record, record.focus, under_way, as_of)
    if not under_way:
        return _no_known_stay(record, as_of)
    if len(under_way) == 1:
        return under_way[0]
    return max(under_way, key=lambda stay: (not is_visit(stay), _bed(stay, as_of) is not None, *_begin_of(stay)))


def stay_to_leave(record: PatientRecord, as_of: datetime) -> Stay | Refusal:
    """The stay in hospital that somebody leaves: the one named, else the latest under way, else one just ended."""
    if record.focus is not None:
        return _named_to_leave(record, record.focus, as_of)
    leaving = [stay for stay in record.stays if admits(stay) and _may_leave(stay, as_of)]
    if leaving:
        return max(leaving, key=lambda stay: (is_under_way(stay, as_of), *_begin_of(stay)))
    if any(admits(stay) and _left_some_time(stay, as_of) for stay in record.stays):
        return _no_stay("the record does not say when the stay ended", in_population=True)
    if any(class_of(stay) is None and _may_leave(stay, as_of) for stay in record.stays):
        return _no_stay("the record does not say whether the patient was admitted", in_population=True)
    return _no_known_stay(record, as_of)


def _named_to_leave(record: PatientRecord, focus: str, as_of: datetime) -> Stay | Refusal:
    named = [stay for stay in record.stays if stay.reference == focus]
    if any(class_of(stay) is None and _may_leave(stay, as_of) for stay in named):
        return _no_stay("the stay named does not say whether the patient was admitted", in_population=True)
    if named and all(is_visit(stay) or is_emergency(stay) for stay in named):
        return _no_stay("the stay named is a visit, and no stay in hospital", in_population=False)
    if any(_left_some_time(stay, as_of) for stay in named):
        return _no_stay("the record does not say when the stay ended", in_population=True)
    leaving = [stay for stay in named if _may_leave(stay, as_of)]
    return leaving[0] if leaving else _named_stay(record, focus, [], as_of)


def _may_leave(stay: Stay, as_of: datetime) -> bool:
    """Whether the stay is under way, or ended so lately that its discharge is the question."""
    if stay.status in NEVER_HAPPENED:
        return False
    end = stay.end if stay.status == "finished" else _last_of(stay)
    just_left = end is not None and as_of - _JUST_LEFT <= end <= as_of
    return just_left or is_under_way(stay, as_of)


def _left_some_time(stay: Stay, as_of: datetime) -> bool:
    """Whether a stay has ended, nobody knows when, on a day that may be so late that its discharge is the question."""
    late = stay.latest_end is not None and stay.latest_end >= as_of - _JUST_LEFT
    return stay.status == "finished" and stay.end is None and late


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
    if any(is_surely_in_hospital(stay, as_of) for stay in here):
        return outside("the model is for people who are not in hospital")
    if not all(map(is_visit, here)) or _stays_unread(record) or any(_contradicts(stay, as_of) for stay in record.stays):
        return _no_stay("the record does not say whether the patient is in hospital", in_population=True)
    return None


def is_surely_in_hospital(stay: Stay, at: datetime) -> bool:
    """Whether somebody is in hospital who is here for a stay: by its class, or by its place."""
    return admits(stay) or is_emergency(stay) or _bed(stay, at) is not None


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
        return _covers(stay.start, _last_of(stay), at)
    end = _last_of(stay)
    return stay.status in _UNDER_WAY and end is not None and end <= at


def _no_stay(text: str, *, in_population: bool) -> Refusal:
    return Refusal(AbstentionReason.NO_CURRENT_STAY, text, in_population)


def _last_of(stay: Stay) -> datetime | None:
    """The end of a stay; of one that is only a day, the last moment at which that day may end."""
    return stay.latest_end if stay.end is None else stay.end


def _begin_of(stay: Stay) -> tuple[bool, float, str]:
    """A sort key by which the stay that began last comes last."""
    return *_age_of(stay.start), stay.reference


def _age_of(moment: datetime | None) -> tuple[bool, float]:
    """A sort key in which an unknown time comes first."""
    return moment is not None, moment.timestamp() if moment else 0.0


def _covers(start: datetime | None, end: datetime | None, at: datetime) -> bool:
    return (start is None or start <= at) and (end is None or at < end)


def is_under_way(stay: Stay, at: datetime) -> bool:
    """Whether somebody is here for this stay at a moment."""
    if stay.status in NEVER_HAPPENED or not _covers(stay.start, _last_of(stay), at):
        return False
    return stay.end is not None or stay.status in _UNDER_WAY


def _bed(stay: Stay, at: datetime) -> StayLocation | None:
    """The intensive care place that the patient has now; the latest begun, if the record lists several."""
    return _latest(_beds_and_elsewhere(stay, at)[0])


def _latest(beds: list[StayLocation]) -> StayLocation | None:
    """The bed that began last."""
    return beds[0] if len(beds) == 1 else max(beds, key=lambda bed: _age_of(bed.start), default=None)


def _is_there(place: StayLocation, at: datetime) -> bool:
    """Whether the patient has a place now, by a status that is known."""
    return place.status_known and _covers(place.start, place.end, at)


def _is_inverted(place: StayLocation) -> bool:
    """Whether a place ended before it began, which cannot be."""
    return place.start is not None and place.end is not None and place.end < place.start


def _place_is_unclear(stay: Stay, at: datetime) -> bool:
    """Whether the patient may be in a place whose status or period says nothing, and is not known to have moved on."""
    there = [place for place in stay.locations if _is_there(place, at)]
    doubtful = (p for p in stay.locations if _is_inverted(p) or (not p.status_known and _covers(p.start, p.end, at)))
    return any(not _came_later(there, place) for place in doubtful)


def _came_later(there: list[StayLocation], left: StayLocation) -> bool:
    """Whether one of some places began after all that is told of another."""
    told = [moment for moment in (left.start, left.end) if moment is not None]
    return bool(told) and any(place.start is not None and place.start >= max(told) for place in there)


def intensive_care_bed(stay: Stay, record: PatientRecord, at: datetime) -> StayLocation | Refusal:
    """The bed that the patient lies in now, or why intensive care is not shown.

    A place that should have been read and was not may be intensive care: that is doubt, not a "no". So is a visit in
    an intensive care bed: one of the two is wrong, and nobody can say which.
    """
    reason = AbstentionReason.NOT_IN_INTENSIVE_CARE
    beds, elsewhere = _beds_and_elsewhere(stay, at)
    bed = _latest(beds)
    moved = Sure.YES if bed is None else moved_on(bed, beds, elsewhere)
    if moved is not Sure.YES and is_visit(stay):
        return Refusal(reason, "the record calls the stay a visit, and its place intensive care", in_population=True)
    if bed is not None and moved is Sure.NO:
        return bed
    unread = any(gap.startswith("location:") for gap in record.incomplete)
    told = stay.locations and not unread and all(place.known for place in stay.locations)
    if is_visit(stay) or (told and moved is Sure.YES and not _place_is_unclear(stay, at)):
        return Refusal(reason, "the record does not show the patient in intensive care now", in_population=False)
    return Refusal(reason, "the record does not say where in the hospital the patient is", in_population=True)


def _beds_and_elsewhere(stay: Stay, at: datetime) -> tuple[list[StayLocation], list[StayLocation]]:
    """The intensive care beds that the patient may lie in now, and the other places where the patient may be."""
    beds = [place for place in stay.locations if place.intensive_care and _is_there(place, at)]
    return beds, [p for p in stay.locations if not p.intensive_care and _covers(p.start, p.end, at)]


def intensive_care_start(stay: Stay, bed: StayLocation, at: datetime) -> datetime | None:
    """When the intensive care stay began: the first of the beds that follow each other up to now.

    A bed without a start gives the start of the hospital stay if every place of it is intensive care; else unknown.
    A start that is written, and from which no moment can be read, leaves the hour unknown.
    """
    if bed.start is None:
        alone = all(place.intensive_care for place in stay.locations)
        return stay.start if alone and not bed.start_unclear else None
    begun = bed.start
    for place, end in reversed(_with_ends(stay, at)):
        if place.intensive_care and place.start is not None and place.start < begun <= end + _SAME_STAY_GAP:
            begun = place.start
    return None if any(_may_lead_to(place, begun) for place in stay.locations) else begun


def _may_lead_to(place: StayLocation, begun: datetime) -> bool:
    """Whether a place in intensive care of which nobody knows when it began may be an earlier part of the same stay."""
    if not place.intensive_care or not place.start_unclear:
        return False
    span = first_and_last(place)
    return (span is None or span[0] < begun) and (place.end is None or place.end + _SAME_STAY_GAP >= begun)


def _with_ends(stay: Stay, at: datetime) -> list[tuple[StayLocation, datetime]]:
    """Places begun by now, in order, with their ends; one without an end ended when the next one began."""
    begun = sorted((p for p in stay.locations if p.start and p.start <= at), key=lambda p: _age_of(p.start))
    starts = [place.start or at for place in begun[1:]] + [at]
    return [(place, place.end or following) for place, following in zip(begun, starts, strict=True)]
