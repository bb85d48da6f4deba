"""The tables of the ledger. Rows are added and never changed, but for `used_token`; order is by `sequence`, not time.

The schema is made by the migrations; a test holds both to be equal.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    literal_column,
)

from oversight.column_types import Moment, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _number() -> Any:
    """A number of a row. SQLite counts only in columns of type INTEGER."""
    return BigInteger().with_variant(Integer, "sqlite")


def _sequence() -> Column[Any]:
    """A number that grows with every row, given by `oversight.chain`."""
    return Column("sequence", _number(), primary_key=True, autoincrement=True)


def _hashes() -> tuple[Column[Any], Column[Any]]:
    """The two links of the chain (see `oversight.chain`). A trigger refuses rows without them."""
    return (
        Column("digest", String(64), nullable=False, server_default=""),
        Column("chain", String(64), nullable=False, server_default=""),
    )


# The words of a model and of its features, which findings share: stored once, not with every finding.
vocabulary = Table(
    "vocabulary",
    metadata,
    _sequence(),
    # SHA-256 of who the model is, to find its words by.
    Column("model_key", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    *_hashes(),
    sqlite_autoincrement=True,
)
Index(None, vocabulary.c.model_key)

advice = Table(
    "advice",
    metadata,
    _sequence(),
    Column("id", Words, nullable=False, unique=True),
    Column("suggestion_id", Words, nullable=False),
    Column("time", Moment, nullable=False),
    # The UTC day of `time`, so that counting by day is the same SQL on every database.
    Column("day", Date, nullable=False),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("hook", Words, nullable=False),
    Column("hook_instance", Words, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("encounter", String(64)),
    Column("clinician", String(64), nullable=False),
    Column("role", Words, nullable=False),
    Column("unit_name", Words, nullable=False),
    # Which pseudonym key was in use, so that a change of key can be seen.
    Column("key_id", String(16), nullable=False),
    Column("model_id", Words, nullable=False),
    Column("model_version", Words, nullable=False),
    Column("model_digest", Words, nullable=False),
    Column("base_rate", Double, nullable=False),
    # Of a risk only. A score has a tier; its value stands in the finding. Who abstains has neither, but a reason.
    Column("probability", Double),
    Column("tier", Words),
    # How loudly it was told, which for a weak answer is less than its tier says.
    Column("indicator", Words),
    Column("abstention", Words),
    Column("withheld", Words),
    Column("finding_format", Integer, nullable=False),
    Column("finding", LargeBinary, nullable=False),
    # From here on: added by the second migration.
    Column("request_key", Words, nullable=False, server_default=""),
    # On the scale on which more is worse, so it is negative for a score of which less is.
    Column("tier_at_least", Double),
    Column("vocabulary", _number(), ForeignKey("vocabulary.sequence")),
    *_hashes(),
    sqlite_autoincrement=True,
)
Index(None, advice.c.day, advice.c.service)
Index(None, advice.c.request_key, advice.c.time)
# Only of cards with a risk or a score that were shown, which is what `oversight.history` asks about and a small part of
# all advice.
_SHOWN = and_(advice.c.withheld.is_(None), advice.c.abstention.is_(None))
for columns in (
    (advice.c.patient, advice.c.service, advice.c.clinician, advice.c.time),
    (advice.c.clinician, advice.c.time),
    (advice.c.encounter,),
):
    Index(None, *columns, sqlite_where=_SHOWN, postgresql_where=_SHOWN)

feedback = Table(
    "feedback",
    metadata,
    _sequence(),
    # What makes the same feedback, sent twice, one row.
    Column("content_key", String(64), nullable=False, unique=True),
    # Empty where the card is not known; `advice_id` is what was sent and may be anything, so it has no index.
    Column("advice_sequence", _number(), ForeignKey("advice.sequence"), index=True),
    Column("advice_id", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("time", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("channel", Words, nullable=False),
    Column("reason_system", Words),
    Column("reason_code", Words),
    Column("reason_display", Words),
    Column("comment", Words, nullable=False),
    Column("accepted_suggestions", Text, nullable=False),
    Column("clinician", String(64), nullable=False),
    Column("role", Words, nullable=False),
    # Why this row is kept and never counted; empty for feedback that counts.
    Column("quarantine", Words),
    *_hashes(),
    sqlite_autoincrement=True,
)

# Every call asks whether its clinician has put a card off; hardly anybody has.
SNOOZED = feedback.c.outcome == literal_column("'snoozed'")
Index(None, feedback.c.clinician, feedback.c.time, sqlite_where=SNOOZED, postgresql_where=SNOOZED)

audit = Table(
    "audit",
    metadata,
    _sequence(),
    Column("time", Moment, nullable=False),
    Column("kind", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("hook", Words, nullable=False),
    Column("status", Integer, nullable=False),
    Column("incident", Words, nullable=False),
    Column("detail", Words, nullable=False),
    *_hashes(),
    sqlite_autoincrement=True,
)

switch = Table(
    "switch",
    metadata,
    _sequence(),
    Column("time", Moment, nullable=False),
    # Empty for all.
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("off", Boolean, nullable=False),
    Column("by_whom", Words, nullable=False),
    Column("reason", Words, nullable=False),
    *_hashes(),
    sqlite_autoincrement=True,
)

# Reports of problems with advice. What becomes of one will be rows of a table of events, so it has no state here.
incident = Table(
    "incident",
    metadata,
    _sequence(),
    # What makes the same report, sent twice, one row.
    Column("id", Words, nullable=False, unique=True),
    Column("time", Moment, nullable=False),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    # Empty where the client has no such advice.
    Column("advice_sequence", _number(), ForeignKey("advice.sequence")),
    Column("advice_id", Words, nullable=False, index=True),
    Column("kind", Words, nullable=False),
    Column("words", Words, nullable=False),
    Column("clinician", String(64), nullable=False),
    Column("role", Words, nullable=False),
    Column("key_id", String(16), nullable=False),
    *_hashes(),
    sqlite_autoincrement=True,
)


def _later(name: str, *columns: Column[Any]) -> Table:
    """A table that the fifth migration brought: what makes the same thing, said twice, one row, and when it came."""
    key = Column("content_key", String(64), nullable=False, unique=True)
    return Table(
        name,
        metadata,
        _sequence(),
        key,
        Column("time", Moment, nullable=False),
        *columns,
        *_hashes(),
        sqlite_autoincrement=True,
    )


def _about(table: str) -> Column[Any]:
    """The row of another table that a row is about."""
    return Column(f"{table}_sequence", _number(), ForeignKey(f"{table}.sequence"), nullable=False, index=True)


# What happened to patients in the end (`at`: when; empty where only the day of asking is known to be past).
outcome = _later(
    "outcome",
    Column("client", Words, nullable=False),
    Column("patient", String(64), nullable=False, index=True),
    Column("encounter", String(64)),
    Column("name", Words, nullable=False),
    Column("occurred", Boolean, nullable=False),
    Column("at", Moment),
    Column("source", Words, nullable=False),
    Column("key_id", String(16), nullable=False),
)

# Groups that patients belong to, for audit only; the latest row of an attribute counts.
patient_group = _later(
    "patient_group",
    Column("client", Words, nullable=False),
    Column("patient", String(64), nullable=False, index=True),
    Column("attribute", Words, nullable=False),
    Column("value", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("key_id", String(16), nullable=False),
)

# That what an advice suggested was done, seen in the record afterwards.
action_seen = _later(
    "action_seen",
    Column("client", Words, nullable=False),
    _about("advice"),
    Column("kind", Words, nullable=False),
    Column("at", Moment),
    Column("source", Words, nullable=False),
)

# What a monitor found, as JSON. `up_to` is the last entry of the ledger that it knew.
monitor_run = _later(
    "monitor_run",
    Column("monitor", Words, nullable=False, index=True),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("model_version", Words, nullable=False),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("status", Words, nullable=False),
    Column("result", Text, nullable=False),
    Column("up_to", _number(), nullable=False),
)

alert = _later(
    "alert",
    _about("monitor_run"),
    Column("monitor", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("level", Words, nullable=False),
    Column("words", Words, nullable=False),
)

# Acknowledged, its cause, what was done, how that was checked, closed.
alert_event = _later(
    "alert_event",
    _about("alert"),
    Column("kind", Words, nullable=False),
    Column("words", Words, nullable=False),
    Column("by_whom", Words, nullable=False),
    Column("role", Words, nullable=False),
)

# What became of a report; `fields` is JSON.
incident_event = _later(
    "incident_event",
    _about("incident"),
    Column("kind", Words, nullable=False),
    Column("fields", Text, nullable=False),
    Column("by_whom", Words, nullable=False),
    Column("role", Words, nullable=False),
)

# Advice that was drawn for a review, with the chance that it had to be drawn.
review_item = _later(
    "review_item",
    Column("plan", Words, nullable=False, index=True),
    _about("advice"),
    Column("stratum", Words, nullable=False),
    Column("sampling_probability", Double, nullable=False),
)

review = _later(
    "review",
    _about("review_item"),
    Column("reviewer", String(64), nullable=False),
    Column("verdict", Words, nullable=False),
    Column("words", Words, nullable=False),
)

# What stands in a chain, in the order in which a check goes through it.
CHAINED = (
    vocabulary, advice, feedback, audit, switch, incident, outcome, patient_group, action_seen, monitor_run, alert,
    alert_event, incident_event, review_item, review,
)  # fmt: skip

# Tokens that were used, until they expire. The one table whose rows go.
used_token = Table(
    "used_token",
    metadata,
    Column("client", Words, primary_key=True),
    Column("token_hash", String(64), primary_key=True),
    Column("expires", Double, nullable=False),
    sqlite_with_rowid=False,
)
