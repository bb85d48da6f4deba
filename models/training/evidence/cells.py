"""Figures as the cells of a table in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from clinical.wording import MINUS

MEASURES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "slope": "Slope",
    "ece": "ECE",
    "observed_per_expected": "O:E",
}
GROUP_MEASURES = {name: MEASURES[name] for name in ("auroc", "observed_per_expected", "ece")}
RATES = {"flagged": "Flagged", "sensitivity": "Sensitivity", "positive_predictive_value": "PPV"}
NONE, TOO_FEW = "–", "too few to judge"
Figures = Mapping[str, Any]


def decimal(value: float) -> str:
    """`.844`, `1.047`, `−.012`: three decimals, with a real minus and no zero before the point."""
    return f"{value:.3f}".replace("0.", ".", 1).replace("-", MINUS)


def percent(share: float) -> str:
    """`12.3 %`."""
    return f"{share * 100:.1f} %"


def span(figure: Sequence[float]) -> Markup:
    """`.844 (.833 to .855)`, the interval on a line of its own."""
    value, low, high = map(decimal, figure)
    return Markup("{} <small>({} to {})</small>").format(value, low, high)


def percent_span(figure: Sequence[float]) -> Markup:
    """`12.3 % (10.1 to 14.0)`."""
    value, low, high = figure
    return Markup("{} <small>({:.1f} to {:.1f})</small>").format(percent(value), 100 * low, 100 * high)


def counts(one: Figures) -> list[str]:
    """Rows, patients, events."""
    return [f"{one[name]:,}" for name in ("n", "patients", "events")]


def measures(one: Figures, names: Mapping[str, str] = MEASURES) -> list[str]:
    """Counts and measures; where there are too few events, the counts alone. A dash: these rows do not allow it."""
    if one.get("too_few"):
        return [*counts(one), TOO_FEW, *[NONE] * (len(names) - 1)]
    return [*counts(one), *(span(one[name]) if name in one else NONE for name in names)]


def rates(at: Figures) -> list[str]:
    """What a threshold flags and finds."""
    needed = at.get("alerts_per_event")
    shares = [percent(at[name]) if name in at else NONE for name in RATES]
    return [*shares, f"{needed:.1f}" if needed else NONE]


def group_rates(one: Figures, tiers: Sequence[str]) -> list[str]:
    """One audit group: what each threshold flags and finds there."""
    found = [one.get("at", {}).get(tier, {}).get(name) for tier in tiers for name in RATES]
    if one.get("too_few"):
        return [TOO_FEW, *[NONE] * (len(found) - 1)]
    return [NONE if rate is None else percent_span(rate) for rate in found]


def setting(value: object) -> str:
    """A parameter: `1, 2, 3`; `slope .995, intercept .04`; else as it is."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {setting(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(setting(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
