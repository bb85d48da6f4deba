"""Items and verdicts as rows of the ledger, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from clinical.errors import LedgerUnavailable
from oversight import chain, tables
from oversight.column_types import AnyRow
from oversight.reviews.drawing import Drawn
from oversight.reviews.plan import ReviewPlan, plan_of
from oversight.reviews.sheet import Item, Judgement, Sheet
from oversight.statistics.adjudication import Verdict


def append_items(connection: Connection, plan: ReviewPlan, cards: Iterable[Drawn], now: datetime) -> None:
    """Add the items of a plan to their chain."""
    last, rows, text = chain.last_link(connection, tables.review_item), [], plan.text()
    # In the order of the keys: cards come by their time, and then an item's number would tell a reviewer the day.
    for key, card in sorted(((item_key(plan, card), card) for card in cards), key=lambda pair: pair[0]):
        content = {
            "content_key": key,
            "time": now,
            "plan": text,
            "advice_sequence": card.advice,
            "stratum": json.dumps(card.stratum),
            "sampling_probability": card.probability,
        }
        rows.append(chain.row_behind(tables.review_item, last, content))
        last = chain.Link(rows[-1]["sequence"], rows[-1]["chain"])
    if rows:
        connection.execute(chain.INSERT["review_item"], rows)


def item_key(plan: ReviewPlan, card: Drawn) -> str:
    """One card is in a plan once. Items are served in the order of these keys, which is one of chance."""
    return hashlib.sha256(json.dumps([plan.name, card.advice]).encode()).hexdigest()


def verdict_row(item: Item, said: Judgement) -> dict[str, Any]:
    """A verdict as a row. Its key lets nobody judge an item twice."""
    return {
        "content_key": hashlib.sha256(json.dumps([item.number, said.reviewer]).encode()).hexdigest(),
        "time": said.time,
        "review_item_sequence": item.number,
        "reviewer": said.reviewer,
        "verdict": said.verdict.value,
        "words": said.words,
    }


def known_plans(connection: Connection) -> list[tuple[ReviewPlan, datetime]]:
    """All plans with the moment of their first item, the newest first."""
    return [(plan_of(row.plan), row.drawn) for row in connection.execute(_PLANS)]


def sheet_of(connection: Connection, name: str) -> Sheet | None:
    """One plan."""
    found = next(((plan, drawn) for plan, drawn in known_plans(connection) if plan.name == name), None)
    return None if found is None else whole_sheet(connection, *found)


def whole_sheet(connection: Connection, plan: ReviewPlan, drawn: datetime) -> Sheet:
    """A plan with its items and what was judged."""
    asked = {"text": plan.text()}
    judged = _by_item(connection.execute(_JUDGED, asked))
    return Sheet(plan, drawn, tuple(_item(row, judged) for row in connection.execute(_ITEMS, asked)))


def whole_sheets(connection: Connection) -> tuple[Sheet, ...]:
    """All plans with their items, the newest plan first; in three questions, however many plans there are."""
    judged = _by_item(connection.execute(_ALL_JUDGED))
    items: dict[str, list[Item]] = {}
    for row in connection.execute(_ALL_ITEMS):
        items.setdefault(row.plan, []).append(_item(row, judged))
    plans = known_plans(connection)
    return tuple(Sheet(plan, drawn, tuple(items.get(plan.text(), ()))) for plan, drawn in plans)


def _by_item(rows: Iterable[AnyRow]) -> dict[int, list[Judgement]]:
    """Verdicts by the number of their item, in order."""
    judged: dict[int, list[Judgement]] = {}
    for row in rows:
        judged.setdefault(row.review_item_sequence, []).append(
            Judgement(row.reviewer, _verdict(row.verdict), row.words, row.time)
        )
    return judged


def _item(row: AnyRow, judged: Mapping[int, Sequence[Judgement]]) -> Item:
    """An item from its row."""
    stratum = tuple(json.loads(row.stratum))  # noqa: TID251 (our own text)
    return Item(
        row.sequence, row.advice_sequence, row.time, stratum, row.sampling_probability,
        tuple(judged.get(row.sequence, ())),
    )  # fmt: skip


def _verdict(text: str) -> Verdict:
    """A verdict as it is stored. Raises `LedgerUnavailable` for one of another version."""
    try:
        return Verdict(text)
    except ValueError:
        raise LedgerUnavailable("A verdict is not in a form that this version reads.") from None


_I, _R = tables.review_item, tables.review
_PLANS = (
    select(_I.c.plan, func.min(_I.c.time).label("drawn")).group_by(_I.c.plan).order_by(func.max(_I.c.sequence).desc())
)
_READ = ("sequence", "advice_sequence", "time", "stratum", "sampling_probability", "plan")
_ALL_ITEMS = select(*(_I.c[name] for name in _READ)).order_by(_I.c.content_key)
_ALL_JUDGED = select(_R).order_by(_R.c.sequence)
_ITEMS = select(_I).where(_I.c.plan == bindparam("text")).order_by(_I.c.content_key)
_JUDGED = (
    select(_R)
    .join(_I, _I.c.sequence == _R.c.review_item_sequence)
    .where(_I.c.plan == bindparam("text"))
    .order_by(_R.c.sequence)
)
