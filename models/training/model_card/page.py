"""The card as one page for people: HTML without script, and nothing that is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.training.model_card.attributes import RULE
from models.training.model_card.blocks import blocks
from models.training.model_card.card import ModelCard
from models.training.model_card.performance import groups, sentences


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its title, and the attributes and notes that are shown under it, in this order."""

    title: str
    shows: tuple[str, ...]

    def texts(self, card: ModelCard) -> Iterator[str]:
        """What is shown. A reason why there is nothing is shown as it is: in prose it says so itself."""
        yield from (card.notes[name] if name in card.notes else card.answer(name).text for name in self.shows)


SECTIONS = (
    Section("What it is", ("output-value", "how_to_use")),
    Section("For whom", ("intended-patients", "intended-users", "decision-role")),
    Section("What it must not be used for", ("cautioned-uses",)),
    Section("How it was made", ("model_type", "inputs", "training-criteria", "sensitive-inputs")),
    Section("What to do first, at your hospital", ("locally_first",)),
    Section("Known limits", ("external-data", "outcome-evaluations", "known-limits", "training-relevance")),
    Section("Groups", ("training-representativeness", "fairness-approach")),
)


def as_html(card: ModelCard) -> str:
    """The page. The same card gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("models.training.model_card", ""), autoescape=True, undefined=StrictUndefined
    )
    environment.globals["blocks"] = blocks
    page = environment.get_template("page.html.j2")
    told = list(sentences(card.figures, card.notes["rows"]))
    return page.render(card=card, rule=RULE, sections=SECTIONS, told=told, groups=groups(card.figures)) + "\n"
