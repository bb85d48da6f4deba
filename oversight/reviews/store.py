"""`SqlReviews`: plans, their items and the verdicts on them. Rows are only added.

A reviewer stands in the ledger under a keyed pseudonym of the name of their sign-in. One person judges an item once:
the pseudonym is part of the key that no two rows may share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, or_, select

from clinical.errors import Unprocessable
from clinical.typed_words import typed
from oversight import chain, tables
from oversight.database import reading, writing
from oversight.pseudonyms import Pseudonyms
from oversight.reviews.drawing import Drawn
from oversight.reviews.plan import COMMENTS, ReviewPlan
from oversight.reviews.rows import append_items, item_key, known_plans, sheet_of, verdict_row, whole_sheets
from oversight.reviews.sheet import REVIEWERS, Item, Judgement, Queued, Sheet, Turn
from oversight.statistics.adjudication import State, Verdict

MOST_WORDS = 1_000
_TWICE = "You have judged this card already; a verdict is not changed."
_TAKEN = "Two others have judged this card in the meantime; nothing was stored."
_OWN = "This card was shown to you, or answered by you; others judge it."


class SqlReviews:
    """Reviews on SQLite or PostgreSQL. One object serves all threads. All methods raise `LedgerUnavailable`."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._pseudonyms = pseudonyms

    def add(self, plan: ReviewPlan, cards: Sequence[Drawn], now: datetime) -> None:
        """Keep a plan with what was drawn. Raises `Unprocessable` where its name is taken."""
        with writing(self._engine, one_at_a_time=True) as connection:
            if any(each.name == plan.name for each, _ in known_plans(connection)):
                raise Unprocessable("There is a review plan of this name; choose another.")
            append_items(connection, plan, cards, now)

    def pick(self, advice: int, now: datetime) -> bool:
        """Put a card among those that were picked for their comment; False where it is there already."""
        card = Drawn(advice, (), 1.0)
        with writing(self._engine, one_at_a_time=True) as connection:
            if connection.execute(_SAME, {"key": item_key(COMMENTS, card)}).first() is not None:
                return False
            append_items(connection, COMMENTS, [card], now)
        return True

    def sheets(self) -> tuple[Sheet, ...]:
        """All plans with their items, the newest plan first."""
        with reading(self._engine) as connection:
            return whole_sheets(connection)

    def queued(self, person: str) -> tuple[Queued, ...]:
        """All plans, the newest first, each with whose turn it is to judge and to settle."""
        me = self.reviewer(person)
        with reading(self._engine) as connection:
            sheets = whole_sheets(connection)
            own = self._own(connection, None, person)
        return tuple(
            Queued(sheet, _turn_in(sheet, me, own, _for_review), _turn_in(sheet, me, own, _for_settling))
            for sheet in sheets
        )

    def sheet(self, name: str) -> Sheet | None:
        """One plan with its items, or None."""
        with reading(self._engine) as connection:
            return sheet_of(connection, name)

    def turn(self, name: str, person: str, wanted: int = 0) -> Turn | None:
        """What this person judges next: items that one other has judged go first. None where there is no such plan.

        `wanted` is the number of an item that goes before all others, if it still waits for this person.
        """
        return self._turn(name, person, _for_review, wanted)

    def turn_to_settle(self, name: str, person: str, wanted: int = 0) -> Turn | None:
        """The disagreement that this person settles next, never one of their own."""
        return self._turn(name, person, _for_settling, wanted)

    def judge(self, name: str, number: int, verdict: Verdict, words: str, *, person: str, now: datetime) -> None:
        """Keep a verdict; the same one sent again is one. Raises `Unprocessable` where it cannot be taken."""
        self._add(name, number, Judgement(self.reviewer(person), verdict, _kept(words), now), person, _may_review)

    def settle(self, name: str, number: int, verdict: Verdict, words: str, *, person: str, now: datetime) -> None:
        """Keep the third verdict, which decides. Raises `Unprocessable` where it cannot be taken."""
        self._add(name, number, Judgement(self.reviewer(person), verdict, _kept(words), now), person, _may_settle)

    def reviewer(self, person: str) -> str:
        """The pseudonym of a person, by the name of their sign-in."""
        return self._pseudonyms.reviewer(person)

    def _turn(self, name: str, person: str, fits: Callable[[Item, str], bool], wanted: int) -> Turn | None:
        """The next item that fits, and the progress."""
        with reading(self._engine) as connection:
            sheet = sheet_of(connection, name)
            if sheet is None:
                return None
            own = self._own(connection, sheet.items, person)
        return _turn_in(sheet, self.reviewer(person), own, fits, wanted)

    def _add(
        self, name: str, number: int, said: Judgement, person: str, check: Callable[[Item, Judgement], str]
    ) -> None:
        """Check under the lock and append."""
        if said.verdict is not Verdict.APPROPRIATE and not said.words:
            raise Unprocessable("Say in a few words why, unless it was appropriate.")
        with writing(self._engine, one_at_a_time=True) as connection:
            sheet = sheet_of(connection, name)
            item = next((one for one in sheet.items if one.number == number), None) if sheet else None
            if item is None:
                raise Unprocessable("There is no such card in this plan.")
            if any(_same(each, said) for each in item.judgements):
                return
            fault = _OWN if number in self._own(connection, [item], person) else check(item, said)
            if fault:
                raise Unprocessable(fault)
            chain.append(connection, tables.review, verdict_row(item, said))

    def _own(self, connection: Connection, items: Sequence[Item] | None, person: str) -> frozenset[int]:
        """Items (None: all) whose card this person was shown or answered, if the sign-in's name is the EHR's."""
        clients = connection.scalars(_CLIENTS).all()
        names = sorted({self._pseudonyms.user(client, person) for client in clients})
        if not names or (items is not None and not items):
            return frozenset()
        if items is None:
            return frozenset(connection.scalars(_SHOWN_TO, {"names": names}))
        numbers = [item.number for item in items]
        return frozenset(connection.scalars(_SOME_SHOWN_TO, {"names": names, "numbers": numbers}))


def _turn_in(sheet: Sheet, me: str, own: frozenset[int], fits: Callable[[Item, str], bool], wanted: int = 0) -> Turn:
    """The next item of a sheet that fits, and the progress."""
    fitting = [item for item in sheet.items if fits(item, me)]
    waiting = [item for item in fitting if item.number not in own]
    # Stable, so the order of the sheet stays.
    waiting.sort(key=lambda item: (item.number != wanted, -len(item.judgements)))
    done = sum(item.judged_by(me) for item in sheet.items)
    return Turn(waiting[0] if waiting else None, done, len(waiting), len(fitting) - len(waiting))


def _for_review(item: Item, me: str) -> bool:
    """Whether it waits for a verdict of this reviewer."""
    return item.state is State.WAITING and not item.judged_by(me)


def _for_settling(item: Item, me: str) -> bool:
    """Whether it waits for a third person, who is this one."""
    return item.state is State.TO_ADJUDICATE and not item.judged_by(me)


def _may_review(item: Item, said: Judgement) -> str:
    """Why a verdict cannot be taken, or nothing."""
    if item.judged_by(said.reviewer):
        return _TWICE
    return _TAKEN if len(item.judgements) >= REVIEWERS else ""


def _may_settle(item: Item, said: Judgement) -> str:
    """Why a third verdict cannot be taken, or nothing."""
    if item.judged_by(said.reviewer):
        return "You are one of the two who disagree; a third person settles it."
    return "" if item.state is State.TO_ADJUDICATE else "Nobody disagrees about this card; nothing was stored."


def _same(one: Judgement, other: Judgement) -> bool:
    """The same verdict of the same person in the same words, as it is stored."""
    return (one.reviewer, one.verdict, one.words) == (other.reviewer, other.verdict, other.words)


def _kept(words: str) -> str:
    """Words as they are stored. Raises `Unprocessable` for what cannot be kept (`clinical.typed_words`)."""
    return str(chain.as_stored(tables.review, _EMPTY | {"words": typed(words, MOST_WORDS)})["words"])


_I, _A, _F = tables.review_item, tables.advice, tables.feedback
_EMPTY = {"content_key": "", "time": None, "review_item_sequence": 0, "reviewer": "", "verdict": ""}
_SAME = select(_I.c.sequence).where(_I.c.content_key == bindparam("key"))
_CLIENTS = select(_A.c.client).join(_I, _I.c.advice_sequence == _A.c.sequence).distinct()
_SHOWN_TO = (
    select(_I.c.sequence)
    .join(_A, _A.c.sequence == _I.c.advice_sequence)
    .outerjoin(_F, _F.c.advice_sequence == _A.c.sequence)
    .where(
        or_(
            _A.c.clinician.in_(bindparam("names", expanding=True)),
            _F.c.clinician.in_(bindparam("names", expanding=True)),
        )
    )
    .distinct()
)
_SOME_SHOWN_TO = _SHOWN_TO.where(_I.c.sequence.in_(bindparam("numbers", expanding=True)))
