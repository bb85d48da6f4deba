"""When an HL7 v2 result was measured, and over how long: OBR-7 to OBR-8, as FHIR tells it by an effectivePeriod.

HL7 v2-to-FHIR (segment map OBR to Observation) makes one of the other, so both count alike: at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from fhir_adapters.facts import Span, joined
from fhir_adapters.hl7v2.segments import Segment
from fhir_adapters.times import v2_moment, v2_span

# A field that is to be deleted at the receiver: no value is there (HL7 v2.5.1, chapter 2.5.3).
NULL = '""'


def sent(segment: Segment, field: int) -> str:
    """A field's text; nothing for one that is null."""
    text = segment.get(field).strip()
    return "" if text == NULL else text


@dataclass(frozen=True, slots=True)
class Period:
    """Two HL7 v2 times; either may be empty."""

    start: str = ""
    end: str = ""

    def moment(self, zone: tzinfo) -> datetime | None:
        """The end, else the start; None for less than minutes, and for a period that ends before it begins."""
        # An end that cannot be read at all tells no more than none.
        end = self.end if _span(self.end, zone) is not None else ""
        time, start = v2_moment(end or self.start, zone), v2_moment(self.start, zone)
        return None if time is not None and start is not None and time < start else time

    def possible(self, zone: tzinfo) -> Span:
        """From its first moment to its last."""
        return joined([span for text in (self.start, self.end) if (span := _span(text, zone)) is not None])

    def length(self, zone: tzinfo) -> timedelta:
        """How long it was, where both are there; a day or an hour that it began in counts from its end."""
        whole = v2_span(self.start, zone)
        start = v2_moment(self.start, zone) if whole is None else whole[1]
        end = v2_moment(self.end, zone)
        return timedelta() if start is None or end is None or end < start else end - start


def _span(text: str, zone: tzinfo) -> Span | None:
    """A moment, or the first and the last of less."""
    moment, whole = v2_moment(text, zone), v2_span(text, zone)
    if moment is not None:
        return Span(None, moment)
    return None if whole is None else Span(*whole)
