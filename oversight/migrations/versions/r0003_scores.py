"""The indexes of shown cards take in those with a score, which has no probability. No entry is touched."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_INDEXES = (["patient", "service", "clinician", "time"], ["clinician", "time"], ["encounter"])


def upgrade() -> None:
    """Make them anew. On PostgreSQL a large ledger may take longer than a statement else may."""
    if op.get_context().dialect.name != "sqlite":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            op.execute(f"SET LOCAL {limit} = 0")
    shown = sa.text("withheld IS NULL AND abstention IS NULL")
    for columns in _INDEXES:
        name = "_".join(["ix_advice", *columns])
        op.drop_index(name, "advice")
        op.create_index(name, "advice", columns, sqlite_where=shown, postgresql_where=shown)
