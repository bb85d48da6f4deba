"""A model in shadow beside the live one, as a page shows it: small counts hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from oversight.analytics.shadow_beside import Kind, ShadowBeside
from oversight.proportions import Proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.hidden_parts import few, hidden_parts, word
from oversight.statistics.refused import Refused
from oversight.statistics.shadow import ShadowComparison
from oversight.statistics.suppression import SMALLEST_SHOWN, Flags, Line, protect

# Cells of `_agreement`: both, only the live one, only the one in shadow, neither; those with and those without an alert
# of the live one, the same of the one in shadow, and all stays.
_LIVE, _SHADOW, _STAYS = 4, 6, 8
_SUMS = (((0, 1), 4), ((2, 3), 5), ((0, 2), 6), ((1, 3), 7), ((4, 5), 8), ((6, 7), 8))
_LINES = tuple(Line(np.array(parts, dtype=np.int64), total) for parts, total in _SUMS)
_HIDDEN = Refused(f"hidden: fewer than {SMALLEST_SHOWN} stays, or it would give few away")


@dataclass(frozen=True, slots=True)
class StratumRow:
    """One stratum of the score; shares are None where few stand behind them."""

    low: float
    high: float
    live: Proportion | None
    shadow: Proportion | None
    difference: Estimate | None


@dataclass(frozen=True, slots=True)
class ShadowView:
    """`would_alert`: stays of each kind, as texts. `agreement`: (words, count as text)."""

    service: str
    stays: str
    kinds: tuple[Kind, Kind]
    would_alert: tuple[str, str]
    agreement: tuple[tuple[str, str], ...]
    strata: tuple[StratumRow, ...]
    common: Estimate | Refused
    in_short: str


def shadow_view(found: ShadowBeside) -> ShadowView:
    """With small counts hidden, and those that would give them away."""
    texts, hidden = _agreement(found)
    names = ("both would alert", "only the live one", "only the one in shadow", "neither")
    live, shadow = bool(hidden[_LIVE]), bool(hidden[_SHADOW])
    return ShadowView(
        found.service,
        texts[_STAYS],
        (_guarded(found.live, hidden=live), _guarded(found.shadow, hidden=shadow)),
        (texts[_LIVE], texts[_SHADOW]),
        tuple(zip(names, texts, strict=False)),
        _strata(found.strata, live=live, shadow=shadow),
        found.strata.difference,
        _short(found),
    )


def _agreement(found: ShadowBeside) -> tuple[list[str], Flags]:
    """All cells as texts, and which of them are hidden: how many each would alert about stands on the page as well."""
    one, other = found.both + found.live_only, found.both + found.shadow_only
    inner = (found.both, found.live_only, found.shadow_only, found.neither)
    cells = np.array([*inner, one, found.stays - one, other, found.stays - other, found.stays], dtype=np.int64)
    small = few(cells)
    small[_STAYS] = False
    flags = protect(cells, small, _LINES)
    instead = word(cells, flags)
    return [instead if flag else f"{count:,}" for count, flag in zip(cells.tolist(), flags, strict=True)], flags


def _guarded(kind: Kind, *, hidden: bool) -> Kind:
    """Where its stays are hidden, so are the shares that would tell them."""
    if not hidden:
        return kind
    return replace(kind, ppv=_HIDDEN, sensitivity=_HIDDEN, aware_ppv=None if kind.aware_ppv is None else _HIDDEN)


@dataclass(frozen=True, slots=True)
class SilentView:
    """Shown and silent cards of one service."""

    strata: tuple[StratumRow, ...]
    common: Estimate | Refused


def silent_view(found: ShadowComparison | None) -> SilentView | None:
    """With few hidden."""
    return None if found is None else SilentView(_strata(found), found.difference)


def _strata(found: ShadowComparison, *, live: bool = False, shadow: bool = False) -> tuple[StratumRow, ...]:
    """All strata. `live`, `shadow`: the stays of this kind are hidden, which those of its strata would add up to."""
    kinds = [[each.live for each in found.strata], [each.shadow for each in found.strata]]
    hidden = [_hidden_strata(kind) | whole for kind, whole in zip(kinds, (live, shadow), strict=True)]
    rows = []
    for place, each in enumerate(found.strata):
        one, other = (None if flags[place] else kind[place] for kind, flags in zip(kinds, hidden, strict=True))
        told = each.difference if one is not None and other is not None else None
        difference = told if isinstance(told, Estimate) else None
        rows.append(StratumRow(each.low_risk, each.high_risk, one, other, difference))
    return tuple(rows)


def _hidden_strata(shares: Sequence[Proportion | None]) -> Flags:
    """Shares of few stays or events, and those that would give them away: the share of all strata is known."""
    stays, events = (
        np.array([getattr(share, name) if share else 0 for share in shares], dtype=np.int64)
        for name in ("total", "count")
    )
    hidden: Flags = few(stays) | few(events)
    while True:
        more: Flags = hidden | hidden_parts(stays, hidden)[0] | hidden_parts(events, hidden)[0]
        if bool((more == hidden).all()):
            return hidden
        hidden = more


def _short(found: ShadowBeside) -> str:
    """Which of the two ranks better on the same stays."""
    aware = isinstance(found.live.aware_auroc, Estimate) and isinstance(found.shadow.aware_auroc, Estimate)
    one, other = (found.live.aware_auroc, found.shadow.aware_auroc) if aware else (found.live.auroc, found.shadow.auroc)
    kind = "feedback-aware" if aware else "naive"
    if not (isinstance(one, Estimate) and isinstance(other, Estimate)):
        return "The two models cannot be compared yet: too few events on the stays that both assessed."
    ends = [f"{each.value:.2f} ({each.low:.2f} to {each.high:.2f})" for each in (other, one)]
    words = f"AUROC {ends[0]} against {ends[1]}"
    if other.low > one.value and one.high < other.value:
        return f"The model in shadow ranks the same stays better ({words}, {kind})."
    if other.high < one.value and one.low > other.value:
        return f"The model in shadow ranks the same stays worse ({words}, {kind})."
    return f"On the same stays the two models cannot be told apart by their ranking ({words}, {kind})."
