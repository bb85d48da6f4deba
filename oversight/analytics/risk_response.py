"""What came after each response to a card, at equal risk: score bins × response → outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oversight.analytics.judged_stays import Rows
from oversight.proportions import Proportion
from oversight.statistics.cluster_share import cluster_proportion
from oversight.statistics.concordance import Concordance, override_concordance
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray
from oversight.statistics.refused import Refused
from oversight.statistics.shadow import ShadowComparison, compare_shadow, newcombe
from oversight.statistics.suppression import SMALLEST_SHOWN, Flags, Line, mark, protect

RESPONSES = ("accepted", "overridden", "no answer, acted on", "no answer, nothing seen", "no card")
_CARDED = 4
_MOST_CARD_BINS, _CARDS_PER_BIN, _BINS_WITHOUT = 6, 300, 4


@dataclass(frozen=True, slots=True)
class Cell:
    """Stays with one response at one risk; both are text where they are hidden."""

    stays: int | str
    events: Proportion | str


@dataclass(frozen=True, slots=True)
class RiskBand:
    """One row: risks from `low` up to `high`; `cards`: the first four cells together.

    `aware`: the weighted share of cards followed by the event; `difference`: overridden less accepted.
    """

    low: float
    high: float
    cells: tuple[Cell, ...]
    cards: Cell
    aware: float | None
    difference: Estimate | Refused


@dataclass(frozen=True, slots=True)
class RiskResponse:
    """The table, its column totals, and what overrides and acceptances have in common over all risks."""

    bands: tuple[RiskBand, ...]
    totals: tuple[Cell, ...]
    hidden: str
    compared: ShadowComparison
    concordance: Concordance


def risk_response(rows: Rows, weight: FloatArray | None) -> RiskResponse:
    """From one row for each stay."""
    edges = _edges(rows)
    band = np.searchsorted(np.array(edges), rows.risk, side="right")
    response = _responses(rows)
    number = len(edges) + 1
    place = band * len(RESPONSES) + response
    size = number * len(RESPONSES)
    stays = np.bincount(place, minlength=size).reshape(number, -1)
    events = np.bincount(place, rows.outcome, size).astype(np.int64).reshape(number, -1)
    hide_stays, hide_events = _hidden(stays, events)
    whole = _with_sums(stays)
    word = mark(whole.ravel().astype(np.float64), hide_stays.ravel()) if hide_stays.any() else ""
    cells = [
        [_cell(s, share, hs, he, word) for s, share, hs, he in zip(*line, strict=True)]
        for line in zip(whole, _shares(rows, band, response, number), hide_stays, hide_events, strict=True)
    ]
    borders = [0.0, *edges, 1.0]
    bands = tuple(
        RiskBand(
            borders[k], borders[k + 1], tuple(cells[k][: len(RESPONSES)]), cells[k][-1],
            _aware(rows, weight, band == k, cells[k][-1]), _difference(cells[k]),
        )
        for k in range(number)
    )  # fmt: skip
    answered = rows.alerted & (rows.accepted | rows.overridden)
    compared = compare_shadow(
        rows.risk[answered], rows.overridden[answered], rows.outcome[answered] == 1, edges, rows.patient[answered]
    )
    concordance = override_concordance(rows.alerted & rows.overridden, rows.outcome, rows.patient)
    return RiskResponse(bands, tuple(cells[-1]), word, compared, concordance)


def _edges(rows: Rows) -> list[float]:
    """At most ten bands: finer where cards are, for that is where responses differ."""
    cards, rest = rows.risk[rows.alerted], rows.risk[~rows.alerted]
    many = int(np.clip(len(cards) // _CARDS_PER_BIN, 1, _MOST_CARD_BINS))
    found = [np.quantile(rest, np.arange(1, _BINS_WITHOUT) / _BINS_WITHOUT)] if len(rest) else []
    if len(cards):
        found.append(np.quantile(cards, np.arange(0, many) / many))
    rounded = np.unique(np.round(np.concatenate(found), 3)) if found else np.array([])
    return [float(edge) for edge in rounded if 0 < edge < 1]


def _responses(rows: Rows) -> IntArray:
    """The column of each row."""
    kinds: Sequence[BoolArray] = (
        ~rows.alerted, rows.accepted, rows.overridden, rows.treated, np.ones_like(rows.alerted)
    )  # fmt: skip
    return np.select(kinds, (4, 0, 1, 2, 3)).astype(np.int64)


def _with_sums(table: IntArray) -> IntArray:
    """One more column, the cards of each row, and one more row, all risks."""
    wide = np.column_stack([table, table[:, :_CARDED].sum(axis=1)])
    return np.vstack([wide, wide.sum(axis=0)])


def _hidden(stays: IntArray, events: IntArray) -> tuple[Flags, Flags]:
    """Cells of fewer than eleven stays, or events, and what would give them away."""
    number, responses = stays.shape
    whole, came = _with_sums(stays), _with_sums(events)
    places = np.arange(whole.size).reshape(whole.shape)
    lines = [Line(places[:-1, column], int(places[-1, column])) for column in range(responses + 1)]
    lines += [Line(places[row, :_CARDED], int(places[row, -1])) for row in range(number + 1)]
    few_stays = (whole > 0) & (whole < SMALLEST_SHOWN)
    hide = protect(whole.ravel(), few_stays.ravel(), lines)
    few_events = ((came > 0) & (came < SMALLEST_SHOWN)).ravel() | hide
    hide_events = protect(came.ravel(), few_events, lines) | hide
    return hide.reshape(whole.shape), hide_events.reshape(whole.shape)


def _shares(rows: Rows, band: IntArray, response: IntArray, number: int) -> list[list[Proportion | None]]:
    """The share with the event of each cell, laid out as `_with_sums` does; the stays of one patient are alike."""
    columns = [response == column for column in range(len(RESPONSES))] + [response < _CARDED]
    lines = [band == row for row in range(number)] + [np.ones_like(rows.alerted)]
    return [
        [cluster_proportion(rows.outcome[here], rows.patient[here]) for here in (line & column for column in columns)]
        for line in lines
    ]


def _cell(stays: int, share: Proportion | None, hide_stays: bool, hide_events: bool, word: str) -> Cell:
    """One cell."""
    if hide_stays:
        return Cell(word, "hidden")
    return Cell(int(stays), "hidden" if hide_events and stays else share or "–")


def _aware(rows: Rows, weight: FloatArray | None, here: BoolArray, cards: Cell) -> float | None:
    """The weighted share of the cards of a band; None where the naive one is hidden too, or nobody stands for them."""
    if weight is None or not isinstance(cards.events, Proportion):
        return None
    among = here & rows.alerted
    total = float(weight[among].sum())
    return float((weight * rows.outcome)[among].sum()) / total if total else None


def _difference(cells: Sequence[Cell]) -> Estimate | Refused:
    """Overridden less accepted in one band, by its two intervals (Zou & Donner 2008, Stat Med 27:1693-1702).

    These allow for patients who return; whoever is in both cells makes the difference's, if anything, too wide.
    """
    accepted, overridden = cells[0].events, cells[1].events
    if isinstance(accepted, str) or isinstance(overridden, str):
        return Refused("hidden, or only one kind")
    return newcombe(overridden, accepted)
