"""How often shown advice was accepted, overridden, put off, or not answered.

Override rate = overridden / (accepted + overridden). The share without an answer always stands beside it: silence is
no agreement, and where many cards stay silent the rate speaks of few. To put a card off is neither to accept nor to
override it; an answer that was withdrawn is none. Openings of the risk page that came from no card are counted apart.
Pure functions over `Tally` rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from clinical.advice import Outcome
from clinical.record import Coding
from oversight.proportions import Proportion, proportion
from oversight.tallies import Period, Tally, monday_of


class Step(StrEnum):
    """How long one point in time is. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Counts:
    """Every entry falls in exactly one of `shown`, `abstained` and `withheld`.

    `shown` counts cards with a risk or a score, of which `accepted` and `overridden` were answered so, and `snoozed`
    put off; with `no_answer` these add up to `shown`. `abstained`
    counts shown "not assessed" cards, which have nothing to accept and so no override rate; `abstained_overridden` of
    them were dismissed. `withheld` counts what was not shown, by reason.
    """

    shown: int
    accepted: int
    overridden: int
    snoozed: int
    abstained: int
    abstained_overridden: int
    withheld: tuple[tuple[str, int], ...]

    @property
    def entries(self) -> int:
        """All of them."""
        return self.shown + self.abstained + sum(number for _, number in self.withheld)

    @property
    def answered(self) -> int:
        """Accepted or overridden."""
        return self.accepted + self.overridden

    @property
    def no_answer(self) -> int:
        """Shown, and nothing heard since, or nothing that still stands."""
        return self.shown - self.answered - self.snoozed

    @property
    def override_rate(self) -> Proportion | None:
        """Overridden of answered; None where nothing was answered."""
        return proportion(self.overridden, self.answered)

    @property
    def no_answer_share(self) -> Proportion | None:
        """Not answered of shown; None where nothing was shown."""
        return proportion(self.no_answer, self.shown)


@dataclass(frozen=True, slots=True)
class Group:
    """The counts of a service, of a stretch of time that begins on `start`, or of both. None means all."""

    service: str | None
    start: date | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many overrides of shown cards with a risk or a score gave this reason; None is "no reason given"."""

    reason: Coding | None
    number: int


@dataclass(frozen=True, slots=True)
class OverrideReport:
    """Everything about one period. The first and the last stretch of time may be only partly inside it.

    `openings` of the risk page from no card are in no other count; the reasons are those of cards.
    """

    period: Period
    by: Step
    total: Counts
    services: tuple[Group, ...]
    times: tuple[Group, ...]
    service_times: tuple[Group, ...]
    reasons: tuple[ReasonCount, ...]
    openings: Counts


def override_report(tallies: Iterable[Tally], period: Period, by: Step) -> OverrideReport:
    """Count the rows that lie in the period. Groups without a row are left out; order is by service, then time."""
    within = [row for row in tallies if period.first <= row.day <= period.last]
    rows = [row for row in within if not row.on_page]
    return OverrideReport(
        period=period,
        by=by,
        total=count(rows),
        services=_grouped(rows, lambda row: (row.service, None)),
        times=_grouped(rows, lambda row: (None, bucket(row.day, by))),
        service_times=_grouped(rows, lambda row: (row.service, bucket(row.day, by))),
        reasons=_reasons(rows),
        openings=count(row for row in within if row.on_page),
    )


def bucket(day: date, by: Step) -> date:
    """The first day of the stretch of time that a day belongs to."""
    if by is Step.WEEK:
        return monday_of(day)
    return day.replace(day=1) if by is Step.MONTH else day


def count(rows: Iterable[Tally]) -> Counts:
    """Add up rows."""
    sums: Counter[str] = Counter()
    withheld: Counter[str] = Counter()
    for row in rows:
        if row.withheld is not None:
            withheld[row.withheld] += row.number
        elif row.abstention is not None:
            sums["abstained"] += row.number
            sums[f"abstained {row.outcome}"] += row.number
        else:
            sums["shown"] += row.number
            sums[f"shown {row.outcome}"] += row.number
    return Counts(
        shown=sums["shown"],
        accepted=sums[f"shown {Outcome.ACCEPTED}"],
        overridden=sums[f"shown {Outcome.OVERRIDDEN}"],
        snoozed=sums[f"shown {Outcome.SNOOZED}"],
        abstained=sums["abstained"],
        abstained_overridden=sums[f"abstained {Outcome.OVERRIDDEN}"],
        withheld=tuple(sorted(withheld.items())),
    )


def _grouped(rows: list[Tally], key: Callable[[Tally], tuple[str | None, date | None]]) -> tuple[Group, ...]:
    """Counts for each key."""
    members: dict[tuple[str | None, date | None], list[Tally]] = {}
    for row in rows:
        members.setdefault(key(row), []).append(row)
    in_order = sorted(members, key=lambda each: (each[0] or "", each[1] or date.min))
    return tuple(Group(*each, count(members[each])) for each in in_order)


def _reasons(rows: list[Tally]) -> tuple[ReasonCount, ...]:
    """Reasons, most frequent first. A code is one reason however clients display it; the commonest display is shown."""
    numbers: Counter[tuple[str, str] | None] = Counter()
    displays: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        if row.withheld is None and row.abstention is None and row.outcome == Outcome.OVERRIDDEN:
            code = (row.reason.system, row.reason.code) if row.reason else None
            numbers[code] += row.number
            if code and row.reason:
                displays.setdefault(code, Counter())[row.reason.display] += row.number
    in_order = sorted(numbers, key=lambda code: (-numbers[code], code or ("", "")))
    return tuple(
        ReasonCount(Coding(*code, _commonest(displays[code])) if code else None, numbers[code]) for code in in_order
    )


def _commonest(displays: Counter[str]) -> str:
    """The most frequent text; of equals the first in the alphabet."""
    return min(displays, key=lambda text: (-displays[text], text))
