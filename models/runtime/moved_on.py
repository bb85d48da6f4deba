"""Whether somebody in intensive care has moved on since: another place that is open began later, or may have.

Of a place whose start is only a day, nobody can say whether it began before or after another one within that day. Of a
bed whose end is only a day, nobody can say whether the patient has left it for a place that is open. A place without
any start says nothing of the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from clinical.record import StayLocation
from models.runtime.day_span import span_of
from models.runtime.find_names import Sure

_SOME_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def moved_on(bed: StayLocation, beds: Sequence[StayLocation], elsewhere: Sequence[StayLocation]) -> Sure:
    """Whether the patient has left `bed`, the latest of the intensive care beds, for one of the places elsewhere.

    All of them are open now. Where the patient has left the latest bed and may have come back to another, that is
    doubt.
    """
    left = _left(bed, elsewhere)
    if left is Sure.YES and any(_left(other, elsewhere) is not Sure.YES for other in beds):
        return Sure.UNCLEAR
    return left


def _left(bed: StayLocation, elsewhere: Sequence[StayLocation]) -> Sure:
    """Whether the patient has left one bed. One that ends later, by a moment that is told, has not been left."""
    if bed.end is not None and not bed.end_unclear:
        return Sure.NO
    return max((_is_after(place, bed) for place in elsewhere), default=Sure.NO)


def _is_after(place: StayLocation, bed: StayLocation) -> Sure:
    """Whether the patient came to a place elsewhere after a bed."""
    came, lay = first_and_last(place), first_and_last(bed)
    if came is None or lay is None:
        return Sure.NO
    if came[0] > lay[1]:
        return Sure.YES
    return Sure.UNCLEAR if came[1] > lay[0] or bed.end_unclear else Sure.NO


def first_and_last(place: StayLocation) -> tuple[datetime, datetime] | None:
    """The first and the last moment at which a place may have begun; None where no start is written."""
    if place.start is not None:
        return place.start, place.start
    if place.start_day is not None:
        return span_of(place.start_day)
    return _SOME_TIME if place.start_unclear else None
