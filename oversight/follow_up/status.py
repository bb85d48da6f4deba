"""How much is known of what came of the advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Select, and_, exists, func, or_, select

from clinical.invocation import SMART_HOOK
from oversight import tables
from oversight.database import reading

_OUTCOME, _ADVICE = tables.outcome, tables.advice


@dataclass(frozen=True, slots=True)
class Known:
    """About one outcome: its statements in the ledger, of which `occurred` say yes, and the latest time of any.

    `advice` counts the assessments of the services that are about it, `spoken_of` those of them on whose stay or
    patient there is a statement. Whether that reaches far enough for a figure is for `oversight.analytics.judged`.
    """

    name: str
    services: tuple[str, ...]
    statements: int
    occurred: int
    last: datetime | None
    advice: int
    spoken_of: int


def status(engine: Engine, services: Mapping[str, Sequence[str]]) -> tuple[Known, ...]:
    """For every outcome that has a statement or whose services have advice. `services` are those of each name.

    Raises `LedgerUnavailable`.
    """
    with reading(engine) as connection:
        said = {row.name: row for row in connection.execute(_statements())}
        found = []
        for name in sorted({*said, *services}):
            row, about = said.get(name), tuple(services.get(name, ()))
            statements, occurred, last = (row.n, row.occurred, row.last) if row else (0, 0, None)
            advice, spoken = _advice(connection, name, about) if about else (0, 0)
            found.append(Known(name, about, statements, occurred, last, advice, spoken))
    return tuple(each for each in found if each.statements or each.advice)


def _statements() -> Select[tuple[object, ...]]:
    """Counts by name."""
    happened = func.count().filter(_OUTCOME.c.occurred).label("occurred")
    return select(_OUTCOME.c.name, func.count().label("n"), happened, func.max(_OUTCOME.c.at).label("last")).group_by(
        _OUTCOME.c.name
    )


def _advice(connection: Connection, name: str, services: Sequence[str]) -> tuple[int, int]:
    """Assessments of some services, and those on whose stay or patient something was said."""
    told = exists().where(
        _OUTCOME.c.patient == _ADVICE.c.patient,
        _OUTCOME.c.client == _ADVICE.c.client,
        _OUTCOME.c.name == name,
        or_(_OUTCOME.c.encounter.is_(None), _OUTCOME.c.encounter == _ADVICE.c.encounter),
    )
    assessed = and_(_ADVICE.c.service.in_(services), _ADVICE.c.abstention.is_(None), _ADVICE.c.hook != SMART_HOOK)
    row = connection.execute(select(func.count(), func.count().filter(told)).where(assessed)).one()
    return int(row[0]), int(row[1])
