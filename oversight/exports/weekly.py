"""`weekly_metrics.csv`: the counts and rates of each service in each week."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from clinical.advice import WithheldReason
from oversight.analytics.funnel import Funnel, funnels
from oversight.analytics.hidden_groups import hidden_groups
from oversight.analytics.selection import By, Selection
from oversight.exports.columns import Column, Kind, Table, share_columns
from oversight.exports.grid import ANSWERS, CARDS, Grid, grid_in_blocks
from oversight.exports.of_few import HIDDEN, hidden_services, hidden_weeks
from oversight.exports.weekly_burden import WeekBurden, weekly_burden
from oversight.mart.mart import Questions
from oversight.proportions import Proportion
from oversight.statistics.suppression import SMALLEST_SHOWN

WITHHELD = tuple(f"withheld_{reason.value.replace('-', '_')}" for reason in WithheldReason)
_COUNTS: Mapping[str, tuple[str, str]] = {
    "entries": ("All entries of the ledger", "advice"),
    "on_page": ("Of them openings of the risk page; they stand in no other count", "advice.hook = smart-launch"),
    "not_assessed": ("Of the rest, not assessed (abstained)", "advice.abstention"),
    "assessed": ("Of the rest, assessed", "advice.abstention is empty"),
    "withheld": ("Of the assessed, withheld", "advice.withheld"),
    **{
        name: (f"Of the withheld, because of: {reason.value.replace('-', ' ')}", "advice.withheld")
        for name, reason in zip(WITHHELD, WithheldReason, strict=True)
    },
    "withheld_other": ("Of the withheld, for a reason of another version", "advice.withheld"),
    "cards": ("Of the assessed, shown as a card", "advice.withheld is empty"),
    "answered": ("Of the cards, accepted or overridden", "feedback.outcome"),
    "undecided": ("Of the cards, neither: put off or not answered", "cards − answered"),
    "accepted": ("Of the cards, accepted", "feedback.outcome"),
    "overridden": ("Of the cards, overridden", "feedback.outcome"),
    "snoozed": ("Of the cards, put off", "feedback.outcome"),
    "no_answer": ("Of the cards, not answered, or the answer was withdrawn", "no feedback that decides"),
}
# Cards without a decision are told as one number too: a few put off then hide how many were silent, but not how many
# the override rate leaves out.
_SUMS: Mapping[str, tuple[str, ...]] = {
    "answered": CARDS["answered"],
    "undecided": ("snoozed", "no_answer"),
    "cards": ("answered", "undecided"),
    "withheld": (*WITHHELD, "withheld_other"),
    "assessed": ("withheld", "cards"),
    "elsewhere": ("on_page", "not_assessed"),
    "entries": ("elsewhere", "assessed"),
}
_PAIR = {"all": ("such", "others")}
# Weeks that are protected together.
BLOCK = 13
_N, _I = Kind.NUMBER, Kind.INTEGER
WEEKLY = Table(
    "weekly_metrics.csv",
    (
        Column("service", Kind.TEXT, "", "The service", "advice.service"),
        Column("week", Kind.DAY, "UTC day", "The Monday of the week", "advice.day"),
        Column("days", _I, "days", "Days of the week that lie in the period", "the period that was asked for"),
        *(Column(name, _I, "entries", meaning, source) for name, (meaning, source) in _COUNTS.items()),
        Column("repeats", _I, "cards", "Of the cards, given again within 72 hours to the same person about the same "
               "patient", "advice.time"),
        *share_columns("override_rate", "overridden / answered. Left out where undecided_share is hidden, so that "
                       "nobody reads it alone; it is no secret, and both counts may stand beside it", "made here"),
        *share_columns("undecided_share", "undecided / cards", "made here"),
        *share_columns("acceptance_rate", "accepted / cards", "made here"),
        *share_columns("no_answer_share", "no_answer / cards", "made here"),
        *share_columns("repeat_share", "repeats / cards", "made here"),
        *share_columns("reflex_share", "Overrides within 2 seconds, of overrides with a time", "feedback.time"),
        Column("encounters", _I, "stays", "Stays with any entry", "advice.encounter"),
        Column("cards_per_100_encounters", _N, "cards", "100 × cards / encounters", "made here"),
        Column("clinician_days", _I, "days", "Days of clinicians with any entry", "advice.clinician, advice.day"),
        Column("cards_per_clinician_day", _N, "cards", "cards / clinician_days", "made here"),
        Column("median_response_seconds", _N, "s", "Median from card to answer, where the answer came later",
               "feedback.time − advice.time"),
    ),
)  # fmt: skip


def weekly_rows(mart: Questions, selection: Selection) -> Iterator[tuple[object, ...]]:
    """The rows of `WEEKLY`, by service and week; weeks without an entry have none.

    Those of a service or a week that few clinicians stand behind, and those that would give it away, tell nothing.
    """
    costs, without = weekly_burden(mart, selection), hidden_services(mart, selection)
    for service in [each.key for each in funnels(mart, selection, By.SERVICE)]:
        chosen = replace(selection, service=service)
        weeks = funnels(mart, chosen, By.WEEK)
        gone = frozenset(week.key for week in weeks) if service in without else _gone(mart, chosen, weeks)
        found = [costs.get((service, week.key), WeekBurden()) for week in weeks]
        again = [_pair(each.repeats, week.cards) for week, each in zip(weeks, found, strict=True)]
        reflex = [_pair(each.reflex, each.timed_overrides) for each in found]
        counted = (([_counts(each) for each in weeks], _SUMS), (again, _PAIR), (reflex, _PAIR))
        table, repeats, reflexes = (_protected(weeks, gone, *each) for each in counted)
        for row, week in enumerate(zip(weeks, found, strict=True)):
            if week[0].key in gone:
                yield _hidden_row(selection, service, week[0])
            else:
                yield _row(selection, service, row, week, (table, repeats, reflexes))


def shown_weeks(mart: Questions, selection: Selection) -> dict[str, Proportion | None]:
    """The Mondays of one service's whole weeks of which the file tells the override rate, with the undecided share."""
    weeks = funnels(mart, selection, By.WEEK)
    gone = _gone(mart, selection, weeks)
    table = _protected(weeks, gone, [_counts(week) for week in weeks], _SUMS)
    shares = {
        week.key: [table.share(row, *pair) for pair in _SHARES]
        for row, week in enumerate(weeks)
        if week.key not in gone
    }
    return {
        monday: undecided
        for monday, (override, undecided, *_) in shares.items()
        if monday >= selection.period.first.isoformat()
        and not isinstance(override, str)
        and not isinstance(undecided, str)
    }


def _gone(mart: Questions, selection: Selection, weeks: Sequence[Funnel]) -> frozenset[str]:
    """The weeks of one service without any figure: those of few clinicians, and with them what the pages hide."""
    of_few = hidden_weeks(mart, selection)
    flags, _ = hidden_groups(weeks, of_few)
    return of_few.union(week.key for week, flag in zip(weeks, flags, strict=True) if of_few and flag)


def _protected(
    weeks: Sequence[Funnel],
    gone: Collection[str],
    rows: Sequence[Mapping[str, int]],
    sums: Mapping[str, tuple[str, ...]],
) -> Grid:
    """What `rows` count of weeks, without those that are gone and what would give them away."""
    also = [tuple(row) if week.key in gone else () for week, row in zip(weeks, rows, strict=True)]
    return grid_in_blocks(rows, sums, BLOCK, also)


def _counts(week: Funnel) -> dict[str, int]:
    """The counts of a week by the names of their columns, and what is needed to protect them."""
    withheld = {f"withheld_{why.replace('-', '_')}": number for why, number in week.withheld}
    known = {name: withheld.pop(name, 0) for name in WITHHELD}
    return {
        "entries": week.entries, "on_page": week.on_page, "not_assessed": week.abstained, "assessed": week.assessed,
        "withheld": week.assessed - week.cards, **known, "withheld_other": sum(withheld.values()),
        "cards": week.cards, "answered": week.answered, "undecided": week.cards - week.answered,
        **{name: getattr(week, name) for name in ANSWERS},
        "elsewhere": week.on_page + week.abstained,
    }  # fmt: skip


def _pair(such: int, of: int) -> dict[str, int]:
    """A count and what is left of the whole."""
    return {"such": such, "others": of - such, "all": of}


def _row(
    selection: Selection, service: str, row: int, week: tuple[Funnel, WeekBurden], tables: tuple[Grid, Grid, Grid]
) -> tuple[object, ...]:
    """One week."""
    (counts, cost), (table, repeats, reflexes) = week, tables
    monday = date.fromisoformat(counts.key)
    cards = table.count(row, "cards")
    override, undecided, *others = (table.share(row, *pair) for pair in _SHARES)
    # A crude rate of the answers says nothing without the share of cards that it leaves out.
    shares = [undecided if isinstance(undecided, str) else override, undecided, *others]
    shares += [each.share(row, "such", "all") for each in (repeats, reflexes)]
    encounters, days = (_people(number, table.word) for number in (cost.encounters, cost.clinician_days))
    few = cards is None or cards < SMALLEST_SHOWN
    return (
        service, monday, _days(selection, monday), *(table.told(row, name) for name in _COUNTS),
        repeats.told(row, "such"), *(cell for share in shares for cell in _share(share)),
        encounters, _per(cards, encounters, 100, table.word), days, _per(cards, days, 1, table.word),
        (table.word or _FEW) if few and cards != 0 else cost.median_seconds,
    )  # fmt: skip


def _hidden_row(selection: Selection, service: str, week: Funnel) -> tuple[object, ...]:
    """A week of which nothing is told."""
    monday = date.fromisoformat(week.key)
    begin = (service, monday, _days(selection, monday))
    return (*begin, *[HIDDEN] * (len(WEEKLY.columns) - len(begin)))


_FEW = f"<{SMALLEST_SHOWN}"
_SHARES = (("overridden", "answered"), ("undecided", "cards"), ("accepted", "cards"), ("no_answer", "cards"))


def _days(selection: Selection, monday: date) -> int:
    """Days of a week within the period."""
    period = selection.period
    return (min(period.last, monday + timedelta(days=6)) - max(period.first, monday)).days + 1


def _share(share: Proportion | str | None) -> Sequence[object]:
    """A share and its ends, the word for a hidden one, or nothing of nothing."""
    return [share] * 3 if share is None or isinstance(share, str) else [share.value, share.low, share.high]


def _people(number: int, word: str) -> int | str:
    """A count of people or of their days; few are hidden."""
    return (word or _FEW) if 0 < number < SMALLEST_SHOWN else number


def _per(cards: int | None, of: int | str, times: int, word: str) -> float | str | None:
    """Cards for so many, the word where one of the two is hidden, or nothing of nothing."""
    if cards is None or isinstance(of, str):
        return word or _FEW
    return times * cards / of if of else None
