"""The ledger: advice is stored before it is shown, feedback whole or not at all, and nothing is ever changed.

Two inserts and three selects; there is no UPDATE and no DELETE. When a method returns, its rows are on the disk.
When it cannot be sure, it raises `LedgerUnavailable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

from sqlalchemy import Connection, Engine, RowMapping, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from clinical.advice import Advice, Feedback, Receipt, WithheldReason
from clinical.assessment import Finding, RiskAssessment
from clinical.ports import Clock
from oversight import feedback, stored, tables
from oversight.database import reading, writing
from oversight.pseudonyms import Pseudonyms, role


class SqlLedger:
    """Fills the port `clinical.ports.Ledger` with SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, clock: Clock) -> None:
        """`engine` comes from `open_engine`, upgraded; `clock` tells when feedback was received."""
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._clock = clock

    def append(self, advice: Advice) -> None:
        """Store one advice; returns after the commit. An id that is already there raises `LedgerUnavailable`."""
        row = _advice_row(advice, self._pseudonyms)
        with writing(self._engine) as connection:
            connection.execute(insert(tables.advice).values(row))

    def find(self, advice_id: str, *, client: str, patient_id: str) -> Advice | None:
        """The advice with this id, only if it was given to this client about this patient.

        Client and patient are the caller's; user and encounter come back as pseudonyms.
        """
        table = tables.advice
        patient = self._pseudonyms.patient(client, patient_id)
        query = select(table).where(table.c.id == advice_id, table.c.client == client, table.c.patient == patient)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _advice(row, client, patient_id)

    def decision(self, advice_id: str) -> Feedback | None:
        """The feedback that decides: the latest by the clinician's time, then by arrival. Quarantine never decides."""
        table = tables.feedback
        query = (
            select(table)
            .join(tables.advice, tables.advice.c.sequence == table.c.advice_sequence)
            .where(tables.advice.c.id == advice_id, table.c.quarantine.is_(None))
            .order_by(*feedback.LATEST_FIRST)
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else feedback.from_row(row)

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        """Store a batch in one transaction. The three numbers of the receipt add up to its length."""
        received = self._clock.now()
        stored_new = quarantined = 0
        with writing(self._engine, one_at_a_time=True) as connection:
            known = _advice_named(connection, batch)
            for item in batch:
                row = feedback.to_row(item, known.get(item.advice_id), self._pseudonyms, received)
                if _insert_new(connection, row):
                    stored_new += row["quarantine"] is None
                    quarantined += row["quarantine"] is not None
        return Receipt(stored_new, len(batch) - stored_new - quarantined, quarantined)

    def ping(self) -> None:
        """Read one row. Raises `LedgerUnavailable` where the database is gone or was never upgraded."""
        with reading(self._engine) as connection:
            connection.execute(select(tables.feedback.c.sequence).limit(1)).all()
            connection.execute(select(tables.advice.c.sequence).limit(1)).all()


def _advice_named(connection: Connection, batch: Sequence[Feedback]) -> Mapping[str, RowMapping]:
    """What the ledger knows of the cards that a batch names, by id."""
    table = tables.advice
    columns = (table.c.sequence, table.c.id, table.c.client, table.c.service, table.c.withheld)
    query = select(*columns).where(table.c.id.in_({item.advice_id for item in batch}))
    return {row["id"]: row for row in connection.execute(query).mappings()}


def _insert_new(connection: Connection, row: Mapping[str, object]) -> bool:
    """Insert feedback that is not there yet; False where it is."""
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(tables.feedback)
    unless_known = statement.values(row).on_conflict_do_nothing(index_elements=["content_key"])
    return connection.execute(unless_known.returning(tables.feedback.c.sequence)).first() is not None


def _advice_row(advice: Advice, pseudonyms: Pseudonyms) -> dict[str, object]:
    """The row for one advice, with every identity under its pseudonym."""
    return {
        "id": advice.id,
        "suggestion_id": advice.suggestion_id,
        "time": advice.time,
        "day": advice.time.astimezone(UTC).date(),
        "client": advice.client,
        "service": advice.service,
        "hook": advice.hook,
        "hook_instance": advice.hook_instance,
        "patient": pseudonyms.patient(advice.client, advice.patient_id),
        "encounter": pseudonyms.encounter(advice.client, advice.encounter_id),
        "clinician": pseudonyms.user(advice.client, advice.user),
        "role": role(advice.user),
        "unit_name": advice.unit_name,
        "key_id": pseudonyms.key_id,
        "withheld": advice.withheld.value if advice.withheld else None,
        "finding_format": stored.FORMAT,
        "finding": stored.write_finding(advice.finding, patient_id=advice.patient_id, encounter_id=advice.encounter_id),
        **_finding_columns(advice.finding),
    }


def _finding_columns(finding: Finding) -> dict[str, object]:
    """What is asked about most often, beside the whole finding."""
    answer: dict[str, object]
    if isinstance(finding, RiskAssessment):
        tier = finding.tier
        answer = {"probability": finding.probability, "tier": tier.name, "indicator": tier.indicator.value}
    else:
        answer = {"abstention": finding.reason.value}
    return answer | {
        "model_id": finding.model.id,
        "model_version": finding.model.version,
        "model_digest": finding.model.digest,
        "base_rate": finding.model.base_rate,
    }


def _advice(row: RowMapping, client: str, patient_id: str) -> Advice:
    """The advice of a row."""
    return Advice(
        id=row["id"],
        suggestion_id=row["suggestion_id"],
        time=row["time"],
        client=client,
        service=row["service"],
        hook=row["hook"],
        hook_instance=row["hook_instance"],
        patient_id=patient_id,
        encounter_id=row["encounter"],
        user=feedback.user_name(row),
        unit_name=row["unit_name"],
        finding=stored.read_finding(row["finding"], patient_id=patient_id, encounter=row["encounter"]),
        withheld=WithheldReason(row["withheld"]) if row["withheld"] else None,
    )
