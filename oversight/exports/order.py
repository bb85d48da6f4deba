"""What is asked for when something is exported, and the tables that can be."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, TextIO

from oversight.analytics.narrowed import narrow
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.analytics.told_weeks import ToldWeeks
from oversight.exports.columns import Table
from oversight.exports.equity import EQUITY, equity_lines
from oversight.exports.events import EVENTS, Detail, events
from oversight.exports.reasons import REASONS, reason_rows
from oversight.exports.weekly import WEEKLY, weekly_rows
from oversight.mart.mart import Questions
from oversight.tallies import Period

Open = Callable[[], AbstractContextManager[Questions]]


@dataclass(frozen=True, slots=True)
class Order:
    """A period (of one service or of all), up to an entry of the ledger; by whom, when, and with which software.

    `outcomes` says by which outcome each service's model is judged. `weeks` are those that are told to who may not see
    single clinicians, None for who may have any days.
    """

    selection: Selection
    entry: int
    base_url: str
    software: str
    who: str
    now: datetime
    outcomes: Mapping[str, OutcomeQuestion] = field(default_factory=dict)
    weeks: ToldWeeks | None = None

    def shown(self, period: Period) -> Period:
        """The days that may be told of those of a period, as on the pages."""
        return period if self.weeks is None else self.weeks.within(period)

    @property
    def name(self) -> str:
        """What tells exports apart: letters, digits and hyphens."""
        period, service = self.selection.period, self.selection.service
        days = f"{period.first:%Y%m%d}-{period.last:%Y%m%d}"
        return f"{days}-{re.sub('[^A-Za-z0-9]+', '-', service)[:30]}" if service else days


@dataclass(frozen=True, slots=True)
class Figures:
    """A table of counts and rates; `laid_out`: from entries that `narrow` lays out, which have no patients any more."""

    table: Table
    rows: Callable[[Questions, Order], Iterator[Sequence[object]]]
    laid_out: bool = True


FIGURES: Mapping[str, Figures] = {
    each.table.file: each
    for each in (
        Figures(WEEKLY, lambda mart, order: weekly_rows(mart, order.selection)),
        Figures(REASONS, lambda mart, order: reason_rows(mart, order.selection)),
        Figures(EQUITY, lambda mart, order: equity_lines(mart, order.selection, order.outcomes), laid_out=False),
    )
}


def write_events(mart: Questions, order: Order, detail: Detail, file: BinaryIO) -> int:
    """`events.csv`, piece by piece, from a mart that was not narrowed. Gives back the number of rows."""
    with _text(file) as text:
        return EVENTS.write(events(mart, order.selection, order.entry, detail), text)


def write_figures(mart: Open, order: Order, name: str, file: BinaryIO) -> int:
    """One of `FIGURES`. Gives back the number of rows."""
    asked = FIGURES[name]
    with mart() as questions, _text(file) as text:
        if asked.laid_out:
            narrow(questions, order.selection, order.entry)
        return asked.table.write(asked.rows(questions, order), text)


@contextmanager
def _text(file: BinaryIO) -> Iterator[TextIO]:
    """UTF-8 over a file that stays open; line ends are those of the writer."""
    wrapped = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield wrapped
        wrapped.flush()
    finally:
        wrapped.detach()
