"""What became of a report of a problem: triaged, decided, submitted, closed, each by whom and with which facts.

An incident's state follows from its events, which are only added. Facts of the device report (Form FDA 3500A) may be
added at any time until the incident is closed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select

from clinical import strict_json
from clinical.errors import LedgerUnavailable, Unprocessable
from clinical.incident import Harm, IncidentState, ReporterKind
from clinical.typed_words import typed, typed_name
from oversight import chain, tables
from oversight.column_types import AnyRow
from oversight.database import reading, writing
from oversight.report_deadlines import Deadline, deadlines

FACTS = "facts"
MOST_LETTERS = 4_000
MOST_NAME = 200
_FIRST_DAY = date(2000, 1, 1)
_BLOCK = re.compile(r"[A-H]\d{1,2}[a-z]?")

# What may follow. What was decided can be decided anew, until it is submitted.
NEXT: Mapping[IncidentState, tuple[IncidentState, ...]] = {
    IncidentState.DRAFT: (IncidentState.TRIAGED,),
    IncidentState.TRIAGED: (IncidentState.TRIAGED, IncidentState.REPORTABLE, IncidentState.NOT_REPORTABLE),
    IncidentState.REPORTABLE: (IncidentState.SUBMITTED, IncidentState.TRIAGED),
    IncidentState.NOT_REPORTABLE: (IncidentState.CLOSED, IncidentState.TRIAGED),
    IncidentState.SUBMITTED: (IncidentState.CLOSED,),
    IncidentState.CLOSED: (),
}
# Which facts an event takes besides blocks of the form, and those without which it is not one.
_TAKES: Mapping[str, tuple[str, ...]] = {
    IncidentState.TRIAGED: ("harm", "aware", "remedial", "words"),
    IncidentState.REPORTABLE: ("as", "words"),
    IncidentState.NOT_REPORTABLE: ("words",),
    IncidentState.SUBMITTED: ("on", "number", "words"),
    IncidentState.CLOSED: ("words",),
    FACTS: ("words",),
}
_NEEDS: Mapping[str, tuple[str, ...]] = {
    IncidentState.TRIAGED: ("harm", "aware"),
    IncidentState.REPORTABLE: ("as", "words"),
    IncidentState.NOT_REPORTABLE: ("words",),
    IncidentState.SUBMITTED: ("on",),
}


CHOICES: Mapping[str, tuple[str, ...]] = {"harm": tuple(Harm), "as": tuple(ReporterKind), "remedial": ("yes", "no")}


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One event: `kind` is a state of `IncidentState` or `FACTS`; `fields` are its facts by name."""

    kind: str
    time: datetime
    fields: Mapping[str, str]
    by_whom: str
    role: str


@dataclass(frozen=True, slots=True)
class IncidentHistory:
    """All events of an incident, oldest first."""

    id: str
    sequence: int
    reported: datetime
    events: tuple[IncidentEvent, ...] = ()

    @property
    def state(self) -> IncidentState:
        """The latest state."""
        kinds = [event.kind for event in self.events if event.kind != FACTS]
        return IncidentState(kinds[-1]) if kinds else IncidentState.DRAFT

    def fact(self, name: str) -> str:
        """The latest value of a fact, or nothing."""
        return next((event.fields[name] for event in reversed(self.events) if event.fields.get(name)), "")

    @property
    def harm(self) -> Harm | None:
        """What came of it, once somebody has triaged."""
        return Harm(self.fact("harm")) if self.fact("harm") else None

    @property
    def aware(self) -> date:
        """The day from which deadlines run: as triaged, else the day of the report."""
        said = self.fact("aware")
        return date.fromisoformat(said) if said else self.reported.date()

    def deadlines(self, who: ReporterKind) -> tuple[Deadline, ...]:
        """What is due. Before the triage nobody knows the harm, so it is what a death would ask for."""
        if self.state in (IncidentState.NOT_REPORTABLE, IncidentState.SUBMITTED, IncidentState.CLOSED):
            return ()
        return deadlines(self.harm or Harm.DEATH, who, self.aware, remedial=self.fact("remedial") == "yes")


class SqlIncidentEvents:
    """Events of incidents on SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine

    def history(self, incident_id: str) -> IncidentHistory | None:
        """All events of an incident, or None where there is no such. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            return _found(connection, incident_id)

    def histories(self) -> Mapping[str, IncidentHistory]:
        """All events of every incident, by its id. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            events: dict[int, list[AnyRow]] = {}
            for row in connection.execute(_EVERY):
                events.setdefault(row.incident_sequence, []).append(row)
            return {
                row.id: IncidentHistory(row.id, row.sequence, row.time, _read(events.get(row.sequence, ())))
                for row in connection.execute(_INCIDENTS)
            }

    def add(
        self,
        incident_id: str,
        kind: str,
        fields: Mapping[str, str],
        *,
        by_whom: str,
        role: str,
        now: datetime,
        seen: int | None = None,
    ) -> IncidentHistory:
        """Add an event and return the history with it; the same event sent again is one.

        `seen`: how many events whoever adds it has read; what others added meanwhile could be undone unread.

        `kind` is a state to come, or `FACTS`. `fields` may name blocks of Form FDA 3500A ("D4") beside the event's own
        facts: harm and aware (a day) and remedial (yes or no) at the triage, `as` (a `ReporterKind`) with reportable,
        `on` (a day) and number with submitted. Raises `Unprocessable` for what does not fit, and `LedgerUnavailable`.
        """
        said = {name: kept for name, value in fields.items() if (kept := typed(value, MOST_LETTERS, "facts"))}
        _check(kind, said)
        _check_aware(said, now.date())
        who, function = typed_name(by_whom, MOST_NAME), typed_name(role, MOST_NAME, "role")
        event = IncidentEvent(kind, now, said, who, function)
        if not event.by_whom:
            raise Unprocessable("An event needs a name: who adds it.")
        with writing(self._engine, one_at_a_time=True) as connection:
            history = _found(connection, incident_id)
            if history is None:
                raise Unprocessable("There is no such incident.")
            if not (history.events and _same(history.events[-1], event)):
                _check_read(history, seen)
                _check_order(history, kind)
                chain.append(connection, tables.incident_event, _row(history, event))
            found = _found(connection, incident_id)
        if found is None:
            raise LedgerUnavailable("The incident cannot be read back.")
        return found


def possible(state: IncidentState) -> tuple[str, ...]:
    """The kinds of events that may come now: states to come, and facts until the incident is closed."""
    return (*NEXT[state], *(() if state is IncidentState.CLOSED else (FACTS,)))


def asked_for(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The facts that a kind of event takes, and those of them that it needs, besides blocks of the form."""
    return _TAKES[kind], _NEEDS.get(kind, ())


def _check(kind: str, said: Mapping[str, str]) -> None:
    """Whether an event has the facts that it needs and no others."""
    if kind not in _TAKES:
        raise Unprocessable(f"An event is one of {', '.join(sorted(_TAKES))}.")
    unknown = sorted(name for name in said if name not in _TAKES[kind] and not _BLOCK.fullmatch(name))
    if unknown:
        raise Unprocessable(f"{kind} takes {', '.join(_TAKES[kind])} and blocks of the form, not {', '.join(unknown)}.")
    missing = [name for name in _NEEDS.get(kind, ()) if name not in said]
    if missing:
        raise Unprocessable(f"{kind} needs {', '.join(missing)}.")
    for name, value in said.items():
        _check_value(name, value)


def _check_value(name: str, value: str) -> None:
    """Days are days and choices are choices."""
    choices = CHOICES.get(name)
    if choices and value not in choices:
        raise Unprocessable(f"{name} is one of {', '.join(choices)}.")
    if name in ("aware", "on"):
        try:
            plain = date.fromisoformat(value).isoformat() == value
        except ValueError:
            plain = False
        if not plain:
            raise Unprocessable(f"{name} is a day such as 2026-03-02.")


def _check_aware(said: Mapping[str, str], today: date) -> None:
    """A deadline counts from a day that has been: one to come would move it, one of another age would break it.

    A house east of UTC may be a day ahead.
    """
    if "aware" in said and not _FIRST_DAY <= date.fromisoformat(said["aware"]) <= today + timedelta(days=1):
        raise Unprocessable(f"aware is a day from {_FIRST_DAY} to today.")


def _check_read(history: IncidentHistory, seen: int | None) -> None:
    """Raises `Unprocessable` where there are events that whoever adds another has not read."""
    if seen is not None and seen != len(history.events):
        raise Unprocessable("Somebody has added to this incident meanwhile. Read what is new, then send yours again.")


def _check_order(history: IncidentHistory, kind: str) -> None:
    """Raises `Unprocessable` for what cannot come now."""
    state = history.state
    if kind == FACTS and state is not IncidentState.CLOSED:
        return
    if kind not in NEXT[state]:
        possible = " or ".join(each.value for each in NEXT[state])
        raise Unprocessable(
            f"The incident is {state.value}; " + (f"next comes {possible}." if possible else "no more.")
        )


def _same(one: IncidentEvent, other: IncidentEvent) -> bool:
    """The same event by the same person."""
    return (one.kind, dict(one.fields), one.by_whom, one.role) == (
        other.kind, dict(other.fields), other.by_whom, other.role
    )  # fmt: skip


def _row(history: IncidentHistory, event: IncidentEvent) -> dict[str, Any]:
    """A whole row. The place among the events makes the same words at another time a new one."""
    fields = json.dumps(dict(event.fields), sort_keys=True)
    parts = [history.id, len(history.events), event.kind, fields, event.by_whom]
    return {
        "content_key": hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        "time": event.time,
        "incident_sequence": history.sequence,
        "kind": event.kind,
        "fields": fields,
        "by_whom": event.by_whom,
        "role": event.role,
    }


def _found(connection: Connection, incident_id: str) -> IncidentHistory | None:
    """An incident with its events."""
    row = connection.execute(_INCIDENT, {"id": incident_id}).one_or_none()
    if row is None:
        return None
    events = connection.execute(_EVENTS, {"incident": row.sequence}).all()
    return IncidentHistory(incident_id, row.sequence, row.time, _read(events))


def _read(rows: Sequence[AnyRow]) -> tuple[IncidentEvent, ...]:
    """Events from their rows. Raises `LedgerUnavailable` for those of another version."""
    if any(row.kind not in _TAKES for row in rows):
        raise LedgerUnavailable("An incident is not in a form that this version reads.")
    return tuple(IncidentEvent(row.kind, row.time, _fields(row.fields), row.by_whom, row.role) for row in rows)


def _fields(text: str) -> dict[str, str]:
    """The facts of an event, as they were stored."""
    found = strict_json.loads(text.encode("utf-8"))
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


_T = tables.incident_event
_INCIDENT = select(tables.incident.c.sequence, tables.incident.c.time).where(tables.incident.c.id == bindparam("id"))
_INCIDENTS = select(tables.incident.c.id, tables.incident.c.sequence, tables.incident.c.time)
_EVERY = select(_T).order_by(_T.c.sequence)
_EVENTS = _EVERY.where(_T.c.incident_sequence == bindparam("incident"))
