"""Reports of problems with advice. Each is the draft of an incident; what became of it are events added later.

A report is kept as it came: rows are only added and hang on their chain. Its state is not a column, because it would
have to change; it is the latest of its events (see `oversight.incident_events`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, ScalarSelect, Select, and_, bindparam, select

from clinical.errors import LedgerUnavailable
from clinical.incident import IncidentReport, IncidentState, ProblemKind
from oversight import chain, tables
from oversight.column_types import AnyRow
from oversight.database import reading, writing
from oversight.pseudonyms import Pseudonyms, role

MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class Incident:
    """One report for the quality team, without the reporter. The model is empty where the advice is not known."""

    id: str
    time: datetime
    client: str
    service: str
    advice_id: str
    model: str
    version: str
    kind: str
    words: str
    state: IncidentState = IncidentState.DRAFT


class SqlIncidents:
    """Fills the port `clinical.ports.Incidents` with SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._pseudonyms = pseudonyms

    def open(self, report: IncidentReport) -> None:
        """Store one report; returns after the commit. The same report sent again is one row, with its first time.

        Raises `LedgerUnavailable`, also where the id belongs to another report: that one may not stand for this.
        """
        with writing(self._engine, one_at_a_time=True) as connection:
            row = self._row(connection, report)
            earlier = connection.execute(_BY_ID, {"id": report.id}).mappings().one_or_none()
            if earlier is None:
                chain.append(connection, tables.incident, row)
            elif any(
                earlier[name] != kept for name, kept in chain.as_stored(tables.incident, row).items() if name in _SAID
            ):
                raise LedgerUnavailable("The number of this report belongs to another one.")

    def reported(self, advice_id: str, *, client: str, user: str) -> tuple[IncidentReport, ...]:
        """What this user reported about this advice, oldest first. Users who are not named are one user."""
        wanted = {"advice_id": advice_id, "client": client, "clinician": self._pseudonyms.user(client, user)}
        with reading(self._engine) as connection:
            rows = connection.execute(_OWN, wanted).all()
        return tuple(_report(row, user) for row in rows)

    def incidents(self, most: int = MOST_LISTED) -> tuple[Incident, ...]:
        """The incidents, newest first, `most` at most. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            return tuple(_incident(row) for row in connection.execute(_NEWEST.limit(most)))

    def incident(self, incident_id: str) -> Incident | None:
        """One incident, or None. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            row = connection.execute(_newest().where(_TABLE.c.id == incident_id)).one_or_none()
        return None if row is None else _incident(row)

    def _row(self, connection: Connection, report: IncidentReport) -> dict[str, Any]:
        """The content of a row. The advice must be this client's, or the report stands without one."""
        known = connection.scalar(_ADVICE, {"id": report.advice_id, "client": report.client})
        return {
            "id": report.id,
            "time": report.time,
            "client": report.client,
            "service": report.service,
            "advice_sequence": known,
            "advice_id": report.advice_id,
            "kind": report.kind.value,
            "words": report.words,
            "clinician": self._pseudonyms.user(report.client, report.user),
            "role": role(report.user),
            "key_id": self._pseudonyms.key_id,
        }


def _report(row: AnyRow, user: str) -> IncidentReport:
    """A row as it was reported. Raises `LedgerUnavailable` for a kind of another version."""
    try:
        kind = ProblemKind(row.kind)
    except ValueError:
        raise LedgerUnavailable("A report is not in a form that this version reads.") from None
    return IncidentReport(row.id, row.time, row.client, row.service, row.advice_id, kind, row.words, user)


def _incident(row: AnyRow) -> Incident:
    """A row for the list."""
    return Incident(
        id=row.id,
        time=row.time,
        client=row.client,
        service=row.service,
        advice_id=row.advice_id,
        model=row.model_id or "",
        version=row.model_version or "",
        kind=row.kind,
        words=row.words,
        state=_state(row.state),
    )


def _state(kind: str | None) -> IncidentState:
    """The state that the latest event says. Raises `LedgerUnavailable` for one of another version."""
    try:
        return IncidentState(kind or IncidentState.DRAFT)
    except ValueError:
        raise LedgerUnavailable("An incident is not in a form that this version reads.") from None


def _latest() -> ScalarSelect[Any]:
    """The kind of the latest event that changed an incident's state."""
    event = tables.incident_event
    mine = event.c.incident_sequence == tables.incident.c.sequence
    states = [state.value for state in IncidentState]
    return (
        select(event.c.kind)
        .where(mine, event.c.kind.in_(states))
        .order_by(event.c.sequence.desc())
        .limit(1)
        .correlate(tables.incident)
        .scalar_subquery()
    )


def _newest() -> Select[Any]:
    """Reports with the model of their advice."""
    said, card = tables.incident, tables.advice
    joined = said.outerjoin(card, card.c.sequence == said.c.advice_sequence)
    query = select(said, card.c.model_id, card.c.model_version, _latest().label("state")).select_from(joined)
    return query.order_by(said.c.time.desc(), said.c.sequence.desc())


_TABLE = tables.incident
# What makes two reports the same; all but the time and what follows from the rest.
_SAID = frozenset({"client", "service", "advice_id", "kind", "words", "clinician"})
_BY_ID = select(_TABLE).where(_TABLE.c.id == bindparam("id"))
_OWN = (
    select(_TABLE)
    .where(*(_TABLE.c[name] == bindparam(name) for name in ("advice_id", "client", "clinician")))
    .order_by(_TABLE.c.sequence)
)
_ADVICE = select(tables.advice.c.sequence).where(
    and_(tables.advice.c.id == bindparam("id"), tables.advice.c.client == bindparam("client"))
)
_NEWEST = _newest()
