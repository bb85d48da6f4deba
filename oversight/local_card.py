"""What this site's monitors fill into a model card: local validity and local fairness, dated.

45 CFR 170.315(b)(11)(iv)(B)(8)(ii) and (iv) ask for validity and fairness in local data. A card that comes with a model
cannot know them; the monitors of performance and of fairness do. Small groups are hidden before anything gets here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from oversight.monitor_runs import KeptRun

PERFORMANCE, FAIRNESS = "performance", "fairness"
# What is watched before outcomes are in, by monitor and in words.
INPUTS = {
    "feed-quality": "quality of feeds",
    "feature-drift": "values",
    "classifier-drift": "all values together",
    "score-drift": "predicted risk",
    "reasons-drift": "reasons",
    "mix-drift": "mix of entries",
}
ALL = "everybody"
VALIDITY_LOCAL, FAIRNESS_LOCAL = "validity-local", "fairness-local"
Triple = Sequence[float]


@dataclass(frozen=True, slots=True)
class LocalText:
    """One attribute: `available` says whether there are figures, `text` holds them, or why there are none.

    Paragraphs are parted by empty lines; lines of a list begin with "- ", as in the card's own texts.
    """

    id: str
    available: bool
    text: str


@dataclass(frozen=True, slots=True)
class LocalCard:
    """Both attributes of one model, as of the day of the monitors' run; None where they never ran."""

    validity: LocalText
    fairness: LocalText
    as_of: date | None
    version: str


def local_card(service: str, runs: Iterable[KeptRun]) -> LocalCard:
    """From the latest runs of a service's monitors."""
    mine = {run.monitor: run for run in runs if run.service == service}
    performance, fairness = mine.get(PERFORMANCE), mine.get(FAIRNESS)
    dated = [run for run in (performance, fairness) if run is not None]
    return LocalCard(
        LocalText(VALIDITY_LOCAL, *_validity(performance, _inputs(mine))),
        LocalText(FAIRNESS_LOCAL, *_fairness(fairness)),
        max((run.time.date() for run in dated), default=None),
        dated[0].version if dated else "",
    )


def filled(attributes: Sequence[Mapping[str, Any]], card: LocalCard) -> list[dict[str, Any]]:
    """The attributes of a card with the two local ones put in where there are figures; the others as they are."""
    local = {one.id: one for one in (card.validity, card.fairness) if one.available}
    return [
        {**each, "available": True, "text": local[each["id"]].text, "as_of": str(card.as_of)}
        if each.get("id") in local
        else dict(each)
        for each in attributes
    ]


def _validity(run: KeptRun | None, inputs: Sequence[str]) -> tuple[bool, str]:
    """AUROC, slope, O:E, with what they rest on, and what was found of weeks whose outcomes are not in yet."""
    if run is None:
        return False, "The monitors have not run for this model here."
    figures = run.figures
    if not isinstance(figures.get("auroc"), list):
        return False, f"No figures: {run.words}"
    lines = [f"- {name}: {_said(figures.get(key))}." for key, name in _VALIDITY.items()]
    head = (
        f"{int(figures['rows']):,} assessments of {figures['first']} to {figures['last']} with a known outcome, "
        f"{int(figures['events']):,} events, model version {run.version}; worked out on {run.time:%Y-%m-%d}. "
        "95 % intervals in brackets."
    )
    return True, "\n".join([head, "", *lines, "", f"Basis: {figures.get('basis', '')}.", *inputs])


def _inputs(mine: Mapping[str, KeptRun]) -> list[str]:
    """What the monitors of values, risks and reasons said of the latest week: the word alone, for words name feeds."""
    found = {words: mine[name] for name, words in INPUTS.items() if name in mine}
    if not found:
        return []
    week = max(run.last for run in found.values())
    said = [f"- {words}: {run.status}." for words, run in found.items() if run.last == week]
    first = min(run.first for run in found.values() if run.last == week)
    return [
        "",
        f"Of what goes in and comes out, in the week of {first}, whose outcomes may not be known yet:",
        "",
        *said,
    ]


def _fairness(run: KeptRun | None) -> tuple[bool, str]:
    """Each group's figures."""
    if run is None:
        return False, "The monitors have not run for this model here."
    found = run.figures.get("attributes")
    if not isinstance(found, dict) or not found:
        return False, f"No figures: {run.words}"
    head = (
        f"First assessments of {int(run.figures['rows']):,} stays of {run.figures['first']} to {run.figures['last']} "
        f"with a known outcome, model version {run.version}; worked out on {run.time:%Y-%m-%d}. Outcomes are taken as "
        "they came. Groups of fewer than 11, and what would give them away, are hidden."
    )
    parts = [head, "", run.words]
    for place, (name, groups) in enumerate(found.items()):
        # Everybody stands in each list of figures; once is enough to read.
        shown = groups if isinstance(groups, str) else [each for each in groups if not place or each["group"] != ALL]
        parts += ["", f"By {name}:", "", *_groups(shown)]
    return True, "\n".join(parts)


def _groups(groups: Sequence[Mapping[str, Any]] | str) -> list[str]:
    """A line for each group."""
    if isinstance(groups, str):
        return [f"- No figures: {groups}."]
    return [
        f"- {each['group']}, {_rows(each['rows'])} stays: "
        + "; ".join(f"{name} {_said(each.get(key))}" for key, name in _FAIRNESS.items())
        + "."
        for each in groups
    ]


def _rows(rows: int | str) -> str:
    """A count, or how it is hidden."""
    return rows if isinstance(rows, str) else f"{rows:,}"


def _said(it: Triple | str | None) -> str:
    """A figure with its interval, or why there is none."""
    if isinstance(it, str) or it is None:
        return f"no figure ({it or 'not asked'})"
    value, low, high = it
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


_VALIDITY = {"auroc": "AUROC", "slope": "Calibration slope", "observed_expected": "Observed over expected events"}
_FAIRNESS = {
    "sensitivity": "sensitivity",
    "ppv": "positive predictive value",
    "selection": "share with a card",
    "observed_expected": "observed over expected",
    "auroc": "AUROC",
}
