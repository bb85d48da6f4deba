"""`reasons.csv`: why cards were overridden, by service and over all services."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from oversight.analytics.funnel import funnels
from oversight.analytics.reasons import Reasons, reasons
from oversight.analytics.selection import By, Selection
from oversight.exports.columns import Column, Kind, Table, share_columns
from oversight.exports.grid import Grid, grid
from oversight.exports.of_few import HIDDEN, WHY, hidden_reasons, hidden_services
from oversight.mart.mart import Questions
from oversight.proportions import Proportion
from oversight.statistics.suppression import mark

ALL, WITHOUT = "(all)", "no reason given"
_WHOLE = "overridden"
REASONS = Table(
    "reasons.csv",
    (
        Column("service", Kind.TEXT, "", f"The service; {ALL} for all of them", "advice.service"),
        Column(
            "reason_code",
            Kind.TEXT,
            "",
            f"The override reason; empty where none was given. {ALL} where the service is hidden: {WHY}",
            "feedback.reason_code",
        ),
        Column("reason", Kind.TEXT, "", "The reason in words", "feedback.reason_display"),
        Column("number", Kind.INTEGER, "cards", "Overridden cards with this reason", "feedback.outcome"),
        Column(_WHOLE, Kind.INTEGER, "cards", "All overridden cards of the service", "feedback.outcome"),
        *share_columns("share", "number / overridden", "made here"),
    ),
)


def reason_rows(mart: Questions, selection: Selection) -> Iterator[tuple[object, ...]]:
    """The rows of `REASONS`: for each service, then for all, the most frequent reason first."""
    displays = _displays(reasons(mart, selection))
    services = [each.key for each in funnels(mart, selection, By.SERVICE) if each.overridden]
    chosen = [replace(selection, service=service) for service in services]
    tables = [_protected(reasons(mart, one), displays, hidden_reasons(mart, one)) for one in chosen]
    if not tables:
        return
    # Over all services a count is shown where that of every service is; so no two files give one away by differing.
    counts, hidden = (np.array([getattr(table, name)[0] for table in tables]) for name in ("counts", "hidden"))
    counts, hidden = (np.vstack([each, whole]) for each, whole in ((counts, counts.sum(0)), (hidden, hidden.any(0))))
    word = mark(counts.astype(np.float64), hidden) if hidden.any() else ""
    table = Grid(tables[0].names, counts, hidden, word)
    without = hidden_services(mart, selection)
    # Which codes come first is said by all services together, so that the order within one tells no hidden count.
    for row, service in [*enumerate(services), (-1, ALL)]:
        if service in without:
            yield (service, ALL, f"hidden: {WHY}", *[HIDDEN] * 5)
            continue
        for code in [code for code in displays if row == -1 or counts[row][table.names.index(code)]]:
            share = table.share(row, code, _WHOLE)
            ends = [share] * 3 if share is None or isinstance(share, str) else [share.value, share.low, share.high]
            yield (service, code, displays[code], table.told(row, code), table.told(row, _WHOLE), *ends)


def shown_reasons(found: Reasons, of_few: Collection[str] = ()) -> tuple[tuple[str, Proportion], ...]:
    """The reasons of one service that are no secret in `REASONS`, in words and as shares, the most frequent first.

    `of_few` are the codes of those that few clinicians gave (`hidden_reasons`).
    """
    displays = _displays(found)
    table = _protected(found, displays, of_few)
    shares = [(words, table.share(0, code, _WHOLE)) for code, words in displays.items()]
    shown = [(words, share) for words, share in shares if isinstance(share, Proportion) and share.count]
    return tuple(sorted(shown, key=lambda each: -each[1].count))


def _displays(found: Reasons) -> dict[str, str]:
    """Reasons in words, by code."""
    return {each.code: each.display for each in found.given} | {"": WITHOUT}


def _protected(found: Reasons, displays: dict[str, str], of_few: Collection[str]) -> Grid:
    """One service by itself: which of its counts are hidden depends on no other service and no filter."""
    return grid([_numbers(found, displays)], {_WHOLE: tuple(displays)}, [of_few])


def _numbers(found: Reasons, displays: dict[str, str]) -> dict[str, int]:
    """Overrides by code, of one service."""
    given = {each.code: each.share.count for each in found.given}
    missing = found.missing.count if found.missing else 0
    # In the order of the alphabet: which of two equal counts is hidden must not depend on what else was asked.
    return {code: given.get(code, 0) if code else missing for code in sorted(displays)} | {_WHOLE: found.overridden}
