"""What a reviewer sees of a card: what the clinician saw at that moment, and nobody's name.

Left out, so that a verdict is about the card alone: patient, clinician, unit and role; the calendar day and the version
of the model (who knows either may judge the version); what came of the patient (hindsight); the card's stratum and its
chance of being drawn; what others have said. Days are counted from the day of the card, which is day 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Engine, bindparam, select

from clinical import wording
from clinical.advice import Feedback, Outcome
from clinical.assessment import Abstention, Driver, Finding, RiskAssessment, Score, ScoreItem
from clinical.errors import LedgerUnavailable
from oversight import feedback, tables
from oversight.advice_rows import AdviceRows
from oversight.column_types import AnyRow
from oversight.database import reading
from oversight.pseudonyms import Pseudonyms
from oversight.reviews.plan import Response
from oversight.vocabulary import Vocabularies


@dataclass(frozen=True, slots=True)
class Line:
    """One reason: what, its value with unit, when it was measured, and what it did."""

    label: str
    value: str
    measured: str
    effect: str


@dataclass(frozen=True, slots=True)
class Case:
    """A card without anybody's name. `finding` is for who writes the card's text; `reason` is what the answer gave.

    `lines` come with the strongest first, `missing` are signals without a usable value, `remarks` what the card said
    about its own data. `comment` is what the clinician wrote: only for who may read comments.
    """

    finding: Finding
    time_of_day: str
    situation: str
    level: str
    tier: str
    suggestion: str
    lines: tuple[Line, ...]
    missing: tuple[str, ...]
    remarks: tuple[str, ...]
    response: Response
    reason: str
    comment: str


class SqlCases:
    """Cases out of the ledger. One object serves all threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._rows = AdviceRows(pseudonyms, Vocabularies(engine))

    def case(self, advice: int, drawn: datetime) -> Case:
        """The card at this place of the ledger, with the answer that stood when it was drawn.

        Raises `LedgerUnavailable`, also where there is no such card or it is not one to be judged.
        """
        with reading(self._engine) as connection:
            row = connection.execute(_CARD, {"sequence": advice}).one_or_none()
            said = connection.execute(_ANSWER, {"sequence": advice, "drawn": drawn}).mappings().first()
        if row is None:
            raise LedgerUnavailable("A card that was drawn for review is not in the ledger.")
        return self._case(row, None if said is None else feedback.from_row(said))

    def _case(self, row: AnyRow, said: Feedback | None) -> Case:
        """A case from the rows."""
        finding = _without_version(self._rows.advice(row, "", "", encounter_id=None, user="").finding)
        if isinstance(finding, Abstention):
            raise LedgerUnavailable("What was drawn for review is no card with a risk.")
        given = said if said is not None and said.outcome in _RESPONSES else None
        return Case(
            finding=finding,
            time_of_day=f"{row.time:%H:%M} UTC",
            situation=finding.situation,
            level=_level(finding),
            tier=finding.tier.name,
            suggestion=finding.suggestion,
            lines=_lines(finding, row.time),
            missing=finding.missing,
            remarks=_remarks(finding),
            response=_RESPONSES[given.outcome] if given else Response.UNANSWERED,
            reason=(given.reason.display or given.reason.code) if given and given.reason else "",
            comment=given.comment if given else "",
        )


_RESPONSES = {Outcome.OVERRIDDEN: Response.OVERRIDDEN, Outcome.ACCEPTED: Response.ACCEPTED}


def _without_version(finding: Finding) -> Finding:
    """The finding, of a model that does not say which version it is."""
    return replace(finding, model=replace(finding.model, version="", digest="", validation=""))


def _level(finding: RiskAssessment | Score) -> str:
    """The number."""
    if isinstance(finding, RiskAssessment):
        return wording.percent(finding.probability)
    return wording.scored(finding.value, finding.unit)


def _lines(finding: RiskAssessment | Score, card: datetime) -> tuple[Line, ...]:
    """What moved a risk, or what made a score."""
    if isinstance(finding, Score):
        return tuple(_of_item(item, card) for item in finding.items)
    drivers = (driver for driver in finding.explanation.ranked() if driver.measured)
    return tuple(_of_driver(driver, card) for driver in drivers if _effect(driver))


def _of_driver(driver: Driver, card: datetime) -> Line:
    """A driver of a risk."""
    value, unit = driver.shown
    behind = "; ".join(dict.fromkeys(basis.text for part in driver.parts for basis in part.basis))
    shown = "" if value is None else wording.measured(value, unit)
    times = [fact.time for part in driver.parts for fact in part.facts]
    known = (basis.time for part in driver.parts for basis in part.basis)
    times += [time for time in known if time is not None]
    text = f"{shown} ({behind})" if shown and behind else shown or behind
    return Line(driver.label, text, _when(times, card), _effect(driver))


def _effect(driver: Driver) -> str:
    """`raises, odds × 1.8`; empty where it moved nothing."""
    direction = wording.direction(driver.odds_multiplier)
    return "" if direction == "no change" else f"{direction}, odds {wording.multiplier(driver.odds_multiplier)}"


def _of_item(item: ScoreItem, card: datetime) -> Line:
    """A line of a score."""
    points = "" if item.points is None else f"{wording.number(item.points)} points"
    return Line(item.label, item.found or "not found", _when([fact.time for fact in item.facts], card), points)


def _when(times: Iterable[datetime], card: datetime) -> str:
    """`day 0, 08:05 UTC (3 h before)`: the newest time, counted from the card."""
    newest = max(times, default=None)
    if newest is None:
        return ""
    at = newest.astimezone(UTC)
    day = (at.date() - card.astimezone(UTC).date()).days
    sign = wording.MINUS if day < 0 else ""
    return f"day {sign}{abs(day)}, {at:%H:%M} UTC ({wording.age(card - newest)} before)"


def _remarks(finding: RiskAssessment | Score) -> tuple[str, ...]:
    """What the card said about its own data."""
    found = [*finding.incomplete, *finding.caveats]
    if isinstance(finding, RiskAssessment):
        found += [f"outside what the model learned from: {label}" for label in finding.unusual]
        found += [finding.weak] if finding.weak else []
    return tuple(found)


_A, _F = tables.advice, tables.feedback
_CARD = select(_A).where(_A.c.sequence == bindparam("sequence"), _A.c.withheld.is_(None))
_ANSWER = (
    select(_F)
    .where(_F.c.advice_sequence == bindparam("sequence"), _F.c.quarantine.is_(None))
    .where(_F.c.received <= bindparam("drawn"))
    .order_by(*feedback.LATEST_FIRST)
    .limit(1)
)
