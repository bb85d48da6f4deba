"""A model in shadow beside the live one, as a page shows it: small counts hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.analytics.shadow_beside import Kind, ShadowBeside
from oversight.proportions import Proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.hidden_parts import hidden_parts
from oversight.statistics.refused import Refused
from oversight.statistics.shadow import ShadowComparison, Stratum
from oversight.statistics.suppression import SMALLEST_SHOWN


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
    """`agreement`: (words, count as text)."""

    service: str
    stays: int
    kinds: tuple[Kind, Kind]
    agreement: tuple[tuple[str, str], ...]
    strata: tuple[StratumRow, ...]
    common: Estimate | Refused
    in_short: str


def shadow_view(found: ShadowBeside) -> ShadowView:
    """With small counts hidden, and those that would give them away."""
    counts = np.array([found.both, found.live_only, found.shadow_only, found.neither], dtype=np.int64)
    flags, word = hidden_parts(counts, (counts > 0) & (counts < SMALLEST_SHOWN))
    names = ("both would alert", "only the live one", "only the one in shadow", "neither")
    agreement = tuple(
        (name, word if flag else f"{count:,}") for name, count, flag in zip(names, counts.tolist(), flags, strict=True)
    )
    strata = tuple(_stratum(each) for each in found.strata.strata)
    return ShadowView(
        found.service, found.stays, (found.live, found.shadow), agreement, strata, found.strata.difference,
        _short(found),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SilentView:
    """Shown and silent cards of one service."""

    strata: tuple[StratumRow, ...]
    common: Estimate | Refused


def silent_view(found: ShadowComparison | None) -> SilentView | None:
    """With few hidden."""
    return None if found is None else SilentView(tuple(_stratum(each) for each in found.strata), found.difference)


def _stratum(each: Stratum) -> StratumRow:
    """One stratum."""
    few = any(share is not None and _is_small(share) for share in (each.live, each.shadow))
    difference = each.difference if isinstance(each.difference, Estimate) and not few else None
    return StratumRow(each.low_risk, each.high_risk, _shown(each.live), _shown(each.shadow), difference)


def _is_small(share: Proportion) -> bool:
    """Whether few stays, or few events, stand behind a share."""
    return share.total < SMALLEST_SHOWN or 0 < share.count < SMALLEST_SHOWN


def _shown(share: Proportion | None) -> Proportion | None:
    """A share that may be shown."""
    return None if share is None or _is_small(share) else share


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
