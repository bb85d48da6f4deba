"""The evaluation report of a model: one HTML file without script, made from the figures and the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from clinical.assessment import ModelInfo
from models.training.evidence import cells
from models.training.evidence.charts import charts
from models.training.evidence.further import called
from models.training.model_card.blocks import blocks
from models.training.model_card.card import ModelCard

TOP_CONCEPTS = 15
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """Whose figures these are. `rows` is what a row is, in the plural; the texts are in the form of the card's."""

    title: str
    version: str
    description: str
    intended_use: str
    outcome: str
    rows: str
    data: str
    process: str
    limits: str


def about_of(card: ModelCard) -> About:
    """The words of the card that the report needs."""
    return About(
        title=card.facts["title"],
        version=card.facts["version"],
        description=card.facts["description"],
        intended_use=card.facts["intended_use"],
        outcome=card.facts["outcome"],
        rows=card.notes["rows"],
        data=card.notes["testing_data"],
        process=card.notes["validation_process"],
        limits=card.says("known-limits"),
    )


def about_site(info: ModelInfo, rows: str) -> About:
    """The words for figures of a hospital's own patients."""
    return About(
        title=info.title,
        version=info.version,
        description=info.description,
        intended_use=info.intended_use,
        outcome=info.outcome,
        rows=rows,
        data=f"The {rows} of this site that the files named below hold.",
        process="These figures are about the patients of this site. Look at them by group and on later patients too.",
        limits="The card of the version that this one was made from names the known limits, and they stand.",
    )


def report_of(evaluation: Figures, card: ModelCard) -> str:
    """The page of a model with a card."""
    return report(evaluation, about_of(card))


def report(evaluation: Figures, about: About) -> str:
    """The page. The same figures give the same bytes."""
    environment = Environment(
        loader=PackageLoader("models.training.evidence", ""), autoescape=True, undefined=StrictUndefined
    )
    environment.globals |= {"cells": cells, "blocks": blocks, "several": _several, "left_out": _left_out}
    return (
        environment.get_template("report.html.j2").render(
            found=evaluation,
            about=about,
            charts=list(charts(evaluation)),
            main=evaluation["summary"]["slice"],
            measures=_measures(evaluation["measures"]),
            leaning=list(evaluation["leaning"].get("by_concept", {}).items())[:TOP_CONCEPTS],
        )
        + "\n"
    )


def _several(evaluation: Figures) -> bool:
    """Whether patients have several rows in the main slice."""
    main = next(iter(evaluation["slices"].values()))
    return bool(main["patients"] < main["n"])


def _left_out(evaluation: Figures) -> bool:
    """Whether a measure could not be worked out somewhere."""
    tables = [evaluation["slices"], evaluation["every_row"], evaluation["periods"]]
    return any("left_out" in one for table in tables for one in table.values())


def _measures(further: Mapping[str, float | Sequence[float] | None]) -> dict[str, str]:
    """Figures that only this model has; a dash for one that the rows did not allow."""
    return {called(name): _figure(value) for name, value in further.items()}


def _figure(value: float | Sequence[float] | None) -> str:
    """One of them."""
    if value is None:
        return cells.NONE
    return cells.decimal(value) if isinstance(value, int | float) else cells.span(value)
