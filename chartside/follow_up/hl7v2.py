"""HL7 v2 discharges (ADT^A03) → deaths in hospital.

PV1-36 (HL7 table 0112) and PID-30 say how the stay ended, PV1-45 when. A discharge that is cancelled later in the file
(ADT^A13) says nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo

from chartside.follow_up.reading import BadLine, Read
from clinical.errors import BodyTooLarge, MalformedRequest
from clinical.follow_up import ObservedOutcome
from fhir_adapters.hl7v2.segments import Segment, parse
from fhir_adapters.outcomes import DIED
from fhir_adapters.times import v2_moment

NAME = "death-in-hospital"
_START = re.compile(r"(?m)^(?=MSH\|)")


@dataclass(slots=True)
class _Discharges:
    """The latest discharge of each stay, by patient and visit number, and what said nothing."""

    found: dict[tuple[str, str], ObservedOutcome] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def read_outcomes(text: str, *, client: str, zone: tzinfo) -> Read[ObservedOutcome]:
    """The messages of a file, one after the other, numbered from 1. `zone`: of times without one."""
    discharges, bad = _Discharges(), []
    for number, message in enumerate(_messages(text), start=1):
        try:
            _take(message, discharges, client, zone)
        except BadLine as fault:
            bad.append((number, str(fault)))
    return Read(tuple(discharges.found.values()), tuple(bad), discharges.left_out, "message")


def _messages(text: str) -> Iterator[str]:
    """Each begins with MSH at the start of a line; framing bytes of MLLP are dropped."""
    plain = text.replace("\x0b", "").replace("\x1c", "").replace("\r\n", "\n").replace("\r", "\n")
    return (part for part in _START.split(plain) if part.strip())


def _take(message: str, discharges: _Discharges, client: str, zone: tzinfo) -> None:
    """One message."""
    event = _event(message)
    if event not in ("A03", "A13"):
        # Not even parsed: a feed brings a hundred others for each discharge.
        discharges.left_out["a message that is no discharge (ADT^A03)"] += 1
        return
    try:
        segments = {segment.name: segment for segment in reversed(parse(message.encode("utf-8")))}
    except (MalformedRequest, BodyTooLarge) as fault:
        raise BadLine(fault.message) from None
    pid, visit = segments.get("PID"), segments.get("PV1")
    if pid is None or visit is None or not pid.get(3) or not visit.get(19):
        raise BadLine("it names no patient (PID-3) or no visit (PV1-19)")
    stay = (pid.get(3), visit.get(19))
    if event == "A13":
        known = discharges.found.pop(stay, None)
        discharges.left_out["a cancelled discharge" if known else "a cancelled discharge that is not in the file"] += 1
        return
    outcome = _outcome(pid, visit, client, zone)
    if isinstance(outcome, str):
        discharges.left_out[outcome] += 1
    else:
        discharges.found[stay] = outcome


def _event(message: str) -> str:
    """MSH-9.2 where MSH-9.1 is ADT; else an empty text."""
    head = message.partition("\n")[0]
    parts = head.split("|")
    kind = parts[8].split(parts[1][:1] or "^") if len(parts) > 8 else []
    return kind[1] if len(kind) > 1 and kind[0] == "ADT" else ""


def _outcome(pid: Segment, visit: Segment, client: str, zone: tzinfo) -> ObservedOutcome | str:
    """What a discharge says, or why it says nothing."""
    if visit.get(2) != "I":
        return "a discharge of somebody who was no inpatient (PV1-2)"
    disposition, dead = visit.get(36), pid.get(30) == "Y"
    if not disposition and pid.get(30) not in ("Y", "N"):
        return "a discharge that does not say how the stay ended (PV1-36, PID-30)"
    died = dead or disposition.lstrip("0") in DIED
    when = v2_moment(pid.get(29) if died else "", zone) or v2_moment(visit.get(45), zone)
    if when is None:
        raise BadLine("it has no time of discharge with hours and minutes (PV1-45)")
    return ObservedOutcome(pid.get(3), client, NAME, died, when, visit.get(19))
