"""Reviewed verdicts as labels for training elsewhere: which advice, which verdict, how it came to be drawn.

Nobody is in here: no patient, no clinician, no reviewer. What reviewers wrote is not in here either.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date
from typing import TextIO

from sqlalchemy import Engine, select

from oversight import tables
from oversight.database import reading
from oversight.exports.cells import cell
from oversight.reviews.plan import Kind
from oversight.reviews.sheet import Item, Sheet
from oversight.statistics.adjudication import State

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Label:
    """A verdict that stands. `entry_hash` is the SHA-256 of the ledger's whole entry, its input facts among it.

    `sampling_probability` is None for a card that was picked: it stands for itself alone. `settled` is the day of the
    last verdict; `stratum` has the words of the plan's groupings.
    """

    plan: str
    advice: str
    entry_hash: str
    service: str
    model: str
    model_version: str
    model_digest: str
    verdict: str
    sampling_probability: float | None
    stratum: str
    reviewers: int
    adjudicated: bool
    settled: date


def note(today: date) -> str:
    """What everybody who trains on these labels has to know."""
    return (
        f"Labels of Chartside reviews, written on {today.isoformat()}.\n"
        "A label is the verdict of two blinded reviewers, or of a third where they disagreed. The reason that a "
        "clinician gave for an override is not a label: it says why somebody clicked, not whether it was right.\n"
        "Weigh each label by 1 / sampling_probability; cards without one were picked for a comment and stand for "
        "themselves alone. Cards that were drawn and have no verdict yet are not in the file, those on which two "
        "disagree among them; settle those first, or the labels are of the easy cards.\n"
        "“cannot tell” is a verdict. Leaving it out is a decision about missing labels; say so where it is made.\n"
    )


def labels(engine: Engine, sheets: Iterable[Sheet]) -> tuple[Label, ...]:
    """The verdicts that stand, in the order of plans and items. Raises `LedgerUnavailable`."""
    chosen = [(sheet, item) for sheet in sheets for item in sheet.items if item.verdict is not None]
    advice = dict(_advice(engine, [item.advice for _, item in chosen]))
    return tuple(_label(sheet, item, advice[item.advice]) for sheet, item in chosen if item.advice in advice)


def write_csv(found: Iterable[Label], file: TextIO) -> int:
    """Write RFC 4180 with a line of names, into a file opened with `newline=""`. Gives back the number of labels."""
    names = [field.name for field in fields(Label)]
    writer = csv.writer(file)
    writer.writerow(names)
    number = 0
    for each in found:
        writer.writerow([cell(getattr(each, name)) for name in names])
        number += 1
    return number


_Facts = tuple[str, str, str, str, str, str]


def _advice(engine: Engine, sequences: list[int]) -> Iterator[tuple[int, _Facts]]:
    """What a label says of its advice."""
    table = tables.advice
    columns = (table.c.id, table.c.digest, table.c.service, table.c.model_id, table.c.model_version)
    with reading(engine) as connection:
        for start in range(0, len(sequences), _AT_ONCE):
            some = sequences[start : start + _AT_ONCE]
            query = select(table.c.sequence, *columns, table.c.model_digest).where(table.c.sequence.in_(some))
            for sequence, *facts in connection.execute(query):
                yield sequence, tuple(facts)


def _label(sheet: Sheet, item: Item, facts: _Facts) -> Label:
    """One label."""
    return Label(
        sheet.plan.name,
        *facts,
        verdict=item.verdict.value if item.verdict else "",
        sampling_probability=item.probability if sheet.plan.kind is Kind.DRAWN else None,
        stratum=" | ".join(item.stratum),
        reviewers=len({each.reviewer for each in item.judgements}),
        adjudicated=item.state is State.ADJUDICATED,
        settled=max(each.time for each in item.judgements).astimezone(UTC).date(),
    )
