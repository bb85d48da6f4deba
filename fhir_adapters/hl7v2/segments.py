"""HL7 v2 text → segments of plain fields, by hl7apy. The one file that touches hl7apy; what it raises ends here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from clinical.errors import BodyTooLarge, MalformedRequest

MAX_BYTES = 5_000_000
Components = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: repetitions of fields by number, each with its components by number."""

    name: str
    fields: Mapping[int, tuple[Components, ...]]

    def get(self, field: int, component: int = 1, repetition: int = 0) -> str:
        """One component, or an empty string."""
        repetitions = self.fields.get(field, ())
        return repetitions[repetition].get(component, "") if repetition < len(repetitions) else ""


def parse(message: bytes) -> tuple[Segment, ...]:
    """The segments of one message, MSH first. Raises `BodyTooLarge` or `MalformedRequest`."""
    if len(message) > MAX_BYTES:
        raise BodyTooLarge(f"An HL7 v2 message is larger than {MAX_BYTES} bytes.")
    text = _text(message)
    if not text.startswith("MSH") or len(text) < 8:
        raise MalformedRequest("An HL7 v2 message does not begin with an MSH segment.")
    try:
        parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
        return tuple(_segment(segment) for segment in parsed.children)
    except (HL7apyException, ValueError, LookupError, AttributeError, TypeError) as fault:
        # hl7apy also fails with plain AttributeErrors on unusual structures; the message is refused either way.
        raise MalformedRequest(f"An HL7 v2 message cannot be parsed ({type(fault).__name__}).") from None


def _text(message: bytes) -> str:
    """UTF-8 text (with or without BOM), segments ended by CR, no empty segments."""
    try:
        text = message.decode("utf-8-sig").strip("\x0b\x1c\r\n")
    except UnicodeDecodeError:
        raise MalformedRequest("An HL7 v2 message is not UTF-8.") from None
    lines = text.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    return "\r".join(line for line in lines if line) + "\r"


def _segment(segment: Any) -> Segment:
    """Flatten hl7apy's tree."""
    fields: dict[int, list[Components]] = {}
    for field in segment.children:
        number = _number(field.name)
        if number:
            fields.setdefault(number, []).append({_number(part.name) or 1: _value(part) for part in field.children})
    return Segment(str(segment.name), {number: tuple(rows) for number, rows in fields.items()})


def _number(name: str | None) -> int:
    """`OBX_5` → 5, `CE_2` → 2, `ST` → 0."""
    tail = (name or "").rpartition("_")[2]
    return int(tail) if tail.isdigit() else 0


def _value(component: Any) -> str:
    """A component's text; of several subcomponents the first."""
    children = component.children
    value = children[0].to_er7() if children else component.to_er7()
    return str(value or "")
