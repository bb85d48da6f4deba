"""The ledger: advice is stored before it is shown, feedback whole or not at all, and nothing is ever changed.

There is no UPDATE and no DELETE. When a method returns, its rows are on the disk. When it cannot be sure, it raises
`LedgerUnavailable`. Writers go one at a time, because every row hangs on the one before (`oversight.chain`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Double, Engine, and_, bindparam, func, or_, select

from clinical.advice import OTHER_STAY, Advice, Feedback, History, Leaf, Receipt, WithheldReason
from clinical.assessment import Indicator
from clinical.ports import Clock
from oversight import chain, feedback, tables
from oversight.advice_rows import AdviceRows
from oversight.column_types import AnyRow, Words
from oversight.database import Transaction, prove_writing, reading, reading_directly, writing, writing_directly
from oversight.direct import Direct
from oversight.history import read_history
from oversight.pseudonyms import Pseudonyms
from oversight.snoozes import snooze_in_force
from oversight.vocabulary import Vocabularies

# For how long a call that is sent again gets the answer that it got before.
RETRY_WINDOW = timedelta(minutes=10)


class SqlLedger:
    """Fills the port `clinical.ports.Ledger` with SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, clock: Clock) -> None:
        """`engine` comes from `open_engine`, upgraded; `clock` tells when feedback was received."""
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._clock = clock
        self._vocabularies = Vocabularies(engine)
        self._rows = AdviceRows(pseudonyms, self._vocabularies)

    def append(self, advice: Advice) -> Advice:
        """Store one advice, or find that it is a repeat; returns after the commit, with what then stands.

        A repeat has the `request_key` of an entry of the same client, service and patient that is younger than
        `RETRY_WINDOW`. Nothing is stored then, and that entry comes back, with the identities of `advice`, which the
        ledger knows by pseudonym only. It stands only if it says as much: a risk or score whose tier is at least that
        of the new one, and which was no mere information where the new one is more; or the same abstention. What was
        withheld stands for nothing that would now be shown. Otherwise the patient has become worse, or assessable,
        while somebody sent the same bytes (data read over FHIR do not show in them), and the new advice is stored.

        The kill switch goes before: while a service is switched off, no earlier card comes back, and what was withheld
        for that is no answer to repeat. An id that is already there raises `LedgerUnavailable`.
        """
        content, words = self._rows.row(advice)
        row = chain.as_stored(tables.advice, content)
        if words.sequence is None:
            row["vocabulary"] = self._vocabularies.stored(words).sequence
        with writing_directly(self._engine) as transaction:
            last, earlier = _last_and_earlier(transaction, row)
            if earlier is None:
                _INSERT.run(transaction, chain.behind(last, row))
        return advice if earlier is None else self._again(advice, earlier)

    def _again(self, advice: Advice, sequence: int) -> Advice:
        """The entry that a repeat found."""
        with reading(self._engine) as connection:
            row = connection.execute(_ENTRY, {"sequence": sequence}).one()
        return self._rows.advice(
            row, advice.client, advice.patient_id, encounter_id=advice.encounter_id, user=advice.user
        )

    def history(self, advice: Advice, since: datetime) -> History:
        """What was shown before this advice, which is not stored yet. One statement."""
        with reading(self._engine) as connection:
            return read_history(connection, advice, since, self._pseudonyms)

    def put_off(self, advice: Advice, since: datetime) -> bool:
        """Whether this clinician has put any card off since. An index of those alone answers it."""
        values = {"clinician_": self._pseudonyms.user(advice.client, advice.user), "since": since}
        with reading_directly(self._engine) as transaction:
            return _PUT_OFF.first(transaction, values) is not None

    def find(
        self, advice_id: str, *, client: str, patient_id: str, encounter_id: str | None = None, asked_by: str = ""
    ) -> Advice | None:
        """The advice with this id, only if it was given to this client about this patient.

        Client, patient and, where they are the same, encounter and user are the caller's. Another encounter comes back
        as `OTHER_STAY`, another user as a pseudonym.
        """
        patient = self._pseudonyms.patient(client, patient_id)
        with reading(self._engine) as connection:
            row = connection.execute(_FIND, {"id": advice_id, "client": client, "patient": patient}).one_or_none()
        if row is None:
            return None
        is_own = asked_by and row.clinician == self._pseudonyms.user(client, asked_by)
        user = asked_by if is_own else feedback.user_name(row._mapping)
        same = row.encounter == self._pseudonyms.encounter(client, encounter_id)
        stay = None if row.encounter is None else encounter_id if same else OTHER_STAY
        return self._rows.advice(row, client, patient_id, encounter_id=stay, user=user)

    def decision(self, advice_id: str, *, asked_by: str = "") -> Feedback | None:
        """The feedback that decides: the latest by the clinician's time, then by arrival. Quarantine never decides.

        A withdrawal is the latest like any other. `user` comes back as `asked_by` where it is the same person.
        """
        with reading(self._engine) as connection:
            row = connection.execute(_DECISION, {"id": advice_id}).mappings().one_or_none()
        if row is None:
            return None
        found = feedback.from_row(row)
        is_own = asked_by and row["clinician"] == self._pseudonyms.user(row["client"], asked_by)
        return replace(found, user=asked_by) if is_own else found

    def snooze(self, advice: Advice, at: datetime) -> Feedback | None:
        """The snooze of this clinician that keeps cards of this service about this patient away at a moment."""
        values = {
            "client": advice.client,
            "service": advice.service,
            "patient": self._pseudonyms.patient(advice.client, advice.patient_id),
            "clinician": self._pseudonyms.user(advice.client, advice.user),
        }
        if not advice.user:
            return None
        with reading(self._engine) as connection:
            found = snooze_in_force(connection, values, at)
        return None if found is None else replace(found, user=advice.user)

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        """Store a batch in one transaction. The three numbers of the receipt add up to its length."""
        received = self._clock.now()
        with writing(self._engine, one_at_a_time=True) as connection:
            cards = _advice_named(connection, batch)
            rows = [feedback.to_row(item, cards.get(item.advice_id), self._pseudonyms, received) for item in batch]
            return _record(connection, rows)

    def ping(self) -> None:
        """Read one row. Raises `LedgerUnavailable` where the database is gone or was never upgraded."""
        with reading(self._engine) as connection:
            connection.execute(select(tables.feedback.c.sequence).limit(1)).all()
            connection.execute(select(tables.advice.c.sequence).limit(1)).all()

    def prove_writing(self) -> None:
        """Raise `LedgerUnavailable` where nothing can be written: a full disk is still read. It leaves nothing."""
        prove_writing(self._engine)


def _last_and_earlier(transaction: Transaction, row: Mapping[str, Any]) -> tuple[chain.Link, int | None]:
    """Where the chain has got to, and the sequence of the entry that a repeat finds."""
    wanted = {name: row[name] for name in _SAME}
    wanted |= {"reason": row["abstention"] or "", "tier": row["tier_at_least"], "told": row["indicator"]}
    wanted |= {"quiet": row["withheld"] or ""}
    if row["withheld"] == WithheldReason.SWITCHED_OFF:
        wanted["request_key"] = ""
    found = _PLACE.first(transaction, {"after": row["time"] - RETRY_WINDOW} | wanted)
    if found is None:
        return chain.genesis("advice"), None
    sequence, link, earlier = found
    return chain.Link(sequence, link), earlier


def _advice_named(connection: Connection, batch: Sequence[Feedback]) -> Mapping[str, AnyRow]:
    """What the ledger knows of the cards that a batch names, by id."""
    table = tables.advice
    columns = (table.c.sequence, table.c.id, table.c.suggestion_id, table.c.time)
    query = select(*columns, table.c.client, table.c.service, table.c.withheld)
    return {row.id: row for row in connection.execute(query.where(table.c.id.in_({item.advice_id for item in batch})))}


def _record(connection: Connection, rows: Sequence[dict[str, Any]]) -> Receipt:
    """Add what is not there yet to the chain; what is, in the ledger or earlier in the batch, keeps its leaf."""
    leaves = _leaves(connection, [row["content_key"] for row in rows])
    last, new = chain.last_link(connection, tables.feedback), []
    for row in rows:
        if row["content_key"] not in leaves:
            new.append(chain.row_behind(tables.feedback, last, row))
            last = chain.Link(new[-1]["sequence"], new[-1]["chain"])
            leaves[row["content_key"]] = Leaf(last.sequence, new[-1]["digest"])
    if new:
        connection.execute(chain.INSERT["feedback"], new)
    quarantined = sum(row["quarantine"] is not None for row in new)
    in_order = tuple(leaves[row["content_key"]] for row in rows)
    return Receipt(len(new) - quarantined, len(rows) - len(new), quarantined, in_order)


def _leaves(connection: Connection, keys: Sequence[str]) -> dict[str, Leaf]:
    """The leaves of feedback that is there."""
    table = tables.feedback
    query = select(table.c.content_key, table.c.sequence, table.c.digest).where(table.c.content_key.in_(set(keys)))
    return {row.content_key: Leaf(row.sequence, row.digest) for row in connection.execute(query)}


# Built once: making a statement costs more than running it.
_ADVICE = tables.advice
_FIND = select(_ADVICE).where(*(_ADVICE.c[name] == bindparam(name) for name in ("id", "client", "patient")))
_ENTRY = select(_ADVICE).where(_ADVICE.c.sequence == bindparam("sequence"))
_SAME = ("request_key", "client", "service", "patient")
_AGAIN = _ADVICE.alias("again")
_EARLIER = (
    select(_AGAIN.c.sequence)
    .where(*(_AGAIN.c[name] == bindparam(name) for name in _SAME))
    .where(_AGAIN.c.request_key != "", _AGAIN.c.time > bindparam("after"))
    .where(func.coalesce(_AGAIN.c.abstention, "") == bindparam("reason", type_=Words))
    # The floor of a tier may be negative (eGFR), so nothing may stand for an unknown one: such an entry says nothing.
    .where(
        or_(
            _AGAIN.c.abstention.is_not(None),
            and_(
                _AGAIN.c.tier_at_least >= bindparam("tier", type_=Double),
                or_(_AGAIN.c.indicator != Indicator.INFO.value, bindparam("told", type_=Words) == Indicator.INFO.value),
            ),
        )
    )
    .where(_AGAIN.c.withheld.is_distinct_from(WithheldReason.SWITCHED_OFF.value))
    .where(or_(_AGAIN.c.withheld.is_(None), bindparam("quiet", type_=Words) != ""))
    .order_by(_AGAIN.c.time.desc(), _AGAIN.c.sequence.desc())
    .limit(1)
)
_PLACE = Direct(chain.newest(_ADVICE).add_columns(_EARLIER.scalar_subquery().label("earlier")))
_INSERT = Direct(chain.INSERT["advice"], _ADVICE.c.keys())
_PUT_OFF = Direct(
    select(tables.feedback.c.sequence)
    .where(tables.feedback.c.clinician == bindparam("clinician_"))
    .where(tables.SNOOZED, tables.feedback.c.time >= bindparam("since"))
    .limit(1)
)
_DECISION = (
    select(tables.feedback)
    .join(_ADVICE, _ADVICE.c.sequence == tables.feedback.c.advice_sequence)
    .where(_ADVICE.c.id == bindparam("id"), tables.feedback.c.quarantine.is_(None))
    .order_by(*feedback.LATEST_FIRST)
    .limit(1)
)
