"""The draft of a device report (Form FDA 3500A), filled in where the ledger and the manifest know.

A draft and nothing more: people decide whether it is reportable, complete it and send it. No identity of a patient or a
clinician stands here; those blocks are to be filled by hand, in the hospital's own system. Words that somebody wrote
may hold one, so the draft says to read them first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, bindparam, select

from clinical.incident import Harm, ReporterKind
from oversight import tables
from oversight.column_types import AnyRow
from oversight.database import reading
from oversight.device_report_fields import SECTIONS, Block, blocks_for
from oversight.incident_events import IncidentHistory
from oversight.report_deadlines import COUNTED, Deadline

DRAFT = (
    "DRAFT - not submitted, not checked by anybody. People decide whether this is a device and an event that must be "
    "reported."
)
BY_HAND = {
    "A1": "by hand; a code of the facility's own, no name",
    "A2": "by hand",
    "A3": "by hand",
    "A4": "by hand",
    "E1": "by hand; the ledger holds a pseudonym only",
}
_NOT_SOFTWARE = "does not apply: software"


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the manifest says of the model. A UDI is in no manifest, so it is left to be filled in."""

    title: str = ""
    intended_use: str = ""
    artefact: str = ""
    manufacturer: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the ledger says of a report and of the advice that it is about (empty where that is not known)."""

    id: str
    time: datetime
    service: str
    kind: str
    words: str
    role: str
    advice_id: str
    advised: datetime | None
    model: str
    version: str
    digest: str
    told: str
    unit: str


@dataclass(frozen=True, slots=True)
class Filled:
    """One block: its value and where that came from, or nothing and a hint for whoever fills it in."""

    block: Block
    value: str
    source: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A draft with its deadlines. `missing` are the blocks that nobody has filled in yet."""

    incident: str
    who: ReporterKind
    state: str
    blocks: tuple[Filled, ...]
    due: tuple[Deadline, ...]
    made: date

    @property
    def missing(self) -> tuple[Filled, ...]:
        """In the order of the form."""
        return tuple(each for each in self.blocks if not each.value)


def reported(engine: Engine, incident_id: str) -> Reported | None:
    """The facts of an incident, or None where there is no such. Raises `LedgerUnavailable`."""
    with reading(engine) as connection:
        row = connection.execute(_REPORTED, {"id": incident_id}).one_or_none()
    return None if row is None else _reported(row)


def draft(
    found: Reported, history: IncidentHistory, device: DeviceFacts, who: ReporterKind, today: date
) -> DeviceReport:
    """The form as far as it can be filled. What people added by hand goes before what is known here."""
    known = {name: make(found, history, device, today) for name, make in _KNOWN.items()}
    blocks = tuple(_filled(block, history, known) for block in blocks_for(who))
    return DeviceReport(found.id, who, history.state.value, blocks, history.deadlines(who), today)


def _filled(block: Block, history: IncidentHistory, known: Mapping[str, str]) -> Filled:
    """One block."""
    said = history.fact(block.key)
    if said:
        return Filled(block, said, "added by hand")
    value = known.get(block.key, "")
    return Filled(block, value, "ledger and manifest" if value else "", BY_HAND.get(block.key, ""))


def as_json(report: DeviceReport) -> dict[str, Any]:
    """As plain JSON."""
    return {
        "draft": DRAFT,
        "form": "FDA 3500A",
        "incident": report.incident,
        "reporter": report.who.value,
        "state": report.state,
        "made": report.made.isoformat(),
        "deadlines": [
            {"to": each.to, "due": each.due.isoformat(), "time": each.time, "rule": each.rule} for each in report.due
        ],
        "counting": COUNTED,
        "blocks": [
            {
                "block": each.block.key,
                "name": each.block.name,
                "rule": each.block.rule(report.who),
                "value": each.value,
                "source": each.source,
                "hint": each.hint,
            }
            for each in report.blocks
        ],
        "missing": [each.block.key for each in report.missing],
    }


def as_text(report: DeviceReport) -> str:
    """As plain text, for people."""
    lines = [DRAFT, f"Form FDA 3500A, {report.who.value}, incident {report.incident}, state {report.state}", ""]
    lines += [f"Due {each.due}: {each.to} ({each.time}, {each.rule})" for each in report.due] or ["Nothing is due."]
    lines += [COUNTED, ""]
    section = ""
    for each in report.blocks:
        if each.block.section != section:
            section = each.block.section
            lines += ["", f"{section}  {SECTIONS[section]}"]
        value = each.value or f"[to be filled in{': ' + each.hint if each.hint else ''}]"
        lines.append(f"  {each.block.key:<4}{each.block.name}: {value}")
    lines += ["", f"{len(report.missing)} of {len(report.blocks)} blocks are still to be filled in."]
    return "\n".join(lines)


def _day(day: date | None) -> str:
    """As the form wants days: 02 Mar 2026."""
    return f"{day.day:02d} {_MONTHS[day.month - 1]} {day.year}" if day else ""


def _outcome(history: IncidentHistory) -> str:
    """What the triage said."""
    said = {Harm.DEATH: "death", Harm.SERIOUS_INJURY: "serious injury", Harm.MALFUNCTION: "malfunction, no injury"}
    return said.get(history.harm, "") if history.harm else ""


def _problem(history: IncidentHistory) -> str:
    """Whether somebody was harmed."""
    return "" if history.harm is None else "product problem" if history.harm is Harm.MALFUNCTION else "adverse event"


def _description(found: Reported) -> str:
    """How the software was involved, and what was said of it."""
    involved = f"Software gave advice ({found.told}) for service {found.service}." if found.told else ""
    what = found.kind.replace("-", " ")
    return f"{involved} Reported problem: {what}. As reported (read for identities first): {found.words}".strip()


def _identity(found: Reported, device: DeviceFacts) -> str:
    """The version, and what pins it down."""
    if not found.version:
        return ""
    digest = device.artefact or found.digest
    return f"model {found.model}, version {found.version}, artefact SHA-256 {digest}; UDI: to be filled in"


def _operator(found: Reported) -> str:
    """Whoever reported it used it."""
    return "health professional" if found.role.startswith("Practitioner") else ""


_Make = Callable[[Reported, IncidentHistory, DeviceFacts, date], str]
_KNOWN: Mapping[str, _Make] = {
    "B1": lambda found, history, device, today: _problem(history),
    "B2": lambda found, history, device, today: _outcome(history),
    "B3": lambda found, history, device, today: _day(found.advised.date() if found.advised else None),
    "B4": lambda found, history, device, today: _day(today),
    "B5": lambda found, history, device, today: _description(found),
    "D1": lambda found, history, device, today: f"Chartside: {device.title}" if device.title else "Chartside",
    "D2": lambda found, history, device, today: "clinical decision support software; product code: to be filled in",
    "D3": lambda found, history, device, today: device.manufacturer,
    "D4": lambda found, history, device, today: _identity(found, device),
    "D5": lambda found, history, device, today: _operator(found),
    "D6": lambda found, history, device, today: _NOT_SOFTWARE,
    "D7": lambda found, history, device, today: _NOT_SOFTWARE,
    "D8": lambda found, history, device, today: _NOT_SOFTWARE,
    "D9": lambda found, history, device, today: _NOT_SOFTWARE,
    "E2": lambda found, history, device, today: "yes" if _operator(found) else "",
    "E3": lambda found, history, device, today: found.role,
    "F1": lambda found, history, device, today: "user facility",
    "F6": lambda found, history, device, today: _day(history.aware),
    "F7": lambda found, history, device, today: "initial",
    "F8": lambda found, history, device, today: _day(today),
    "F12": lambda found, history, device, today: f"hospital, {found.unit}" if found.unit else "",
    "F14": lambda found, history, device, today: device.manufacturer,
    "G4": lambda found, history, device, today: _day(history.aware),
    "H1": lambda found, history, device, today: _outcome(history),
    "H5": lambda found, history, device, today: _NOT_SOFTWARE,
    "H8": lambda found, history, device, today: _NOT_SOFTWARE,
}
# Month names of the form do not depend on where this runs.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _reported(row: AnyRow) -> Reported:
    """From a row; advice of another client lends nothing."""
    told = ""
    if row.advised is not None:
        risk = f"risk {row.probability:.1%}" if row.probability is not None else "no probability"
        told = f"{risk}, tier {row.tier or 'none'}"
    return Reported(
        id=row.id, time=row.time, service=row.service, kind=row.kind, words=row.words, role=row.role,
        advice_id=row.advice_id, advised=row.advised, model=row.model_id or "", version=row.model_version or "",
        digest=row.model_digest or "", told=told, unit=row.unit_name or "",
    )  # fmt: skip


_I, _A = tables.incident, tables.advice
_REPORTED = (
    select(
        *(_I.c[name] for name in ("id", "time", "service", "kind", "words", "role", "advice_id")),
        _A.c.time.label("advised"),
        *(_A.c[name] for name in ("model_id", "model_version", "model_digest", "probability", "tier", "unit_name")),
    )
    .select_from(_I.outerjoin(_A, _A.c.sequence == _I.c.advice_sequence))
    .where(_I.c.id == bindparam("id"))
)


def dumped(report: DeviceReport) -> str:
    """JSON, indented."""
    return json.dumps(as_json(report), indent=2, ensure_ascii=False)
