"""The model card: fixed words in `card_template.md`, figures from the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from models.runtime.manifest import Manifest

_TEMPLATE = Path(__file__).with_name("card_template.md")
_HOURS = ("6", "12", "24", "36", "48")
_TOP_CONCEPTS = 10


def card(figures: Mapping[str, Any], manifest: Manifest) -> str:
    """The card as Markdown. Raises KeyError if the template asks for a figure that is not there."""
    text = Template(_TEMPLATE.read_text(encoding="utf-8"))
    top = list(figures["leaning"]["by_concept"].items())[:_TOP_CONCEPTS]
    return text.substitute(
        title=manifest.info.title,
        version=manifest.info.version,
        digest=figures["artefact_sha256"],
        intended_use=manifest.info.intended_use,
        stays=f"{figures['stays']:,}",
        base_rate=_percent(figures["base_rate"]),
        features=figures["settings"]["features"],
        members=len(figures["settings"]["seeds"]),
        hours=_hour_table(figures["by_hour"]),
        every_row_24=_interval(figures["every_row"]["24"]["auroc"]),
        every_row_48=_interval(figures["every_row"]["48"]["auroc"]),
        budgets=_budget_table(figures),
        reliability_hour=figures["summary"]["hour"],
        reliability=_reliability_table(figures["reliability"][figures["summary"]["hour"]]),
        groups=_group_table(figures["by_group"]),
        missing=_percent(figures["leaning"]["not_measured"]),
        concepts=", ".join(f"{name} {_percent(share)}" for name, share in top),
        minimum=manifest.minimum.signals,
        vital=", ".join(manifest.signals[name].label.lower() for name in manifest.minimum.any_of),
        vital_hours=f"{manifest.minimum.hours:g}",
        **_unit_range(figures["by_group"]["24"]),
        signals="; ".join(signal.label for signal in manifest.signals.values()),
    )


def _unit_range(groups: Mapping[str, Any]) -> dict[str, str]:
    """The lowest and the highest observed over expected among the units, with their names."""
    ratios = sorted((g["observed_per_expected"][0], name) for name, g in groups.items() if name.startswith("unit "))
    low, high = (f"{ratio:.2f} ({name.removeprefix('unit ')})" for ratio, name in (ratios[0], ratios[-1]))
    return {"unit_low": low, "unit_high": high}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(figure: list[float]) -> str:
    value, low, high = figure
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _hour_table(by_hour: Mapping[str, Any]) -> str:
    names = ("auroc", "auprc", "brier", "slope", "ece", "observed_per_expected")
    rows = [(hour, str(by_hour[hour]["stays"]), *(_interval(by_hour[hour][n]) for n in names)) for hour in _HOURS]
    head = ("Hour", "Stays", "AUROC", "AUPRC", "Brier", "Calibration slope", "ECE", "Observed / expected")
    return _table(head, rows)


def _budget_table(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, hours in figures["by_budget"].items():
        for hour in ("12", "24", "48"):
            alert = hours[hour]
            shares = (alert["flagged"], alert["sensitivity"], alert["positive_predictive_value"])
            rows.append((name, f"{figures['thresholds'][name]:.3f}", hour, *map(_percent, shares)))
    return _table(("Tier", "From", "Hour", "Stays flagged", "Deaths found", "Deaths among flagged"), rows)


def _reliability_table(bins: list[Mapping[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            f"{100 * b['low']:g} to {100 * b['high']:g} %",
            str(b["patients"]),
            str(b["events"]),
            f"{_percent(b['events'] / b['patients'])} ({_percent(b['lower'])} to {_percent(b['upper'])})",
        )
        for b in bins
    ]
    return _table(("Predicted", "Stays", "Deaths", "Observed"), rows)


def _group_table(by_group: Mapping[str, Any]) -> str:
    rows = []
    for name in by_group["24"]:
        early, late = by_group["24"][name], by_group["48"][name]
        figures = [_interval(x[key]) for x in (early, late) for key in ("auroc", "observed_per_expected")]
        rows.append((name, str(early["stays"]), str(early["deaths"]), *figures, _percent(early["flagged_high"])))
    twice = [f"{name} {hour} h" for hour in (24, 48) for name in ("AUROC", "Observed / expected")]
    return _table(("Group", "Stays (24 h)", "Deaths", *twice, "High tier, 24 h"), rows)
