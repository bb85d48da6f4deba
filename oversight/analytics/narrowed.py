"""The entries that a page asks about, laid out once, so that its many questions are short.

The mart's view `event` joins each advice with the feedback that decides. A page asks a dozen questions of the same
days, so the join is made once for it, into a table of the same name that lasts as long as the connection.
"""

from __future__ import annotations

from oversight.analytics.burden import REPEAT_DAYS
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions

# Texts of which there are few different ones. Numbered, a million entries take a third of the memory.
_FEW = (
    "client", "service", "hook", "clinician", "role", "unit_name", "model_id", "model_version", "tier", "abstention",
    "withheld",
)  # fmt: skip
_AS_THEY_ARE = (
    "sequence", "time", "day", "date", "probability", "card", "outcome", "seconds", "reason", "reason_display",
    "comment", "acted",
)  # fmt: skip


def narrow(mart: Questions, selection: Selection, entry: int) -> None:
    """From here on `event` has a selection of the entries up to this one, with patients and encounters as numbers.

    The days before are there too, as far as repeats reach back: every question says which days it is about. Groups come
    in the order of the alphabet, as they do in the view.
    """
    # Nothing below depends on the order of rows, and keeping it would cost half of the time.
    mart.rows("SET preserve_insertion_order = false")
    each = ", ".join(f"list_sort(list(DISTINCT {name}) FILTER ({name} IS NOT NULL)) AS {name}" for name in _FEW)
    mart.rows(f"CREATE TEMP TABLE each AS SELECT {each} FROM advice")  # noqa: S608 (our names)
    for name in _FEW:
        mart.rows(f"CREATE TYPE each_{name} AS ENUM (SELECT unnest({name}) FROM each)")  # noqa: S608 (our names)
    columns = [*_AS_THEY_ARE, *(f"CAST({name} AS each_{name}) AS {name}" for name in _FEW)]
    # The hash of nothing is a number too.
    columns += [f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}" for name in ("patient", "encounter")]
    where, values = selection.where(REPEAT_DAYS)
    mart.rows(
        f"CREATE TEMP TABLE event AS SELECT {', '.join(columns)} FROM event "  # noqa: S608 (our names)
        f"WHERE {where} AND sequence <= $entry",
        values | {"entry": entry},
    )
