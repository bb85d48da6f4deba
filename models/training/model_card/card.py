"""A filled model card, and what is raised when there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clinical.errors import ChartsideError
from models.training.model_card.attributes import Attribute


class CardInvalid(ChartsideError):
    """A model card is not whole. `faults` names every one of them, and the message lists them."""

    def __init__(self, name: str, faults: Iterable[str]) -> None:
        """Keep the faults."""
        self.faults = tuple(faults)
        super().__init__(f"{name}: " + "; ".join(self.faults))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the card says to one attribute. Where `available` is false, `text` is the reason why there is nothing."""

    attribute: Attribute
    text: str
    available: bool = True

    @property
    def shown(self) -> str:
        """The text, or that there is none and why."""
        return self.text if self.available else f"Not available. {self.text}"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that the forms are made from.

    `answers` are in the order of the rule, all 31; `notes` are the texts of `notes.NOTES`; `figures` are those of
    `models.training.evidence.figures`; `facts` those of the manifest (`facts.REQUIRED` and more).
    """

    facts: Mapping[str, str]
    answers: tuple[Answer, ...]
    notes: Mapping[str, str]
    keywords: tuple[str, ...]
    bibliography: str
    figures: Mapping[str, Any]

    def answer(self, attribute: str) -> Answer:
        """The answer to an attribute. Raises KeyError for an id that is none."""
        return {answer.attribute.id: answer for answer in self.answers}[attribute]

    def says(self, attribute: str) -> str:
        """What is shown for an attribute, beside its title."""
        return self.answer(attribute).shown

    @property
    def missing(self) -> tuple[Answer, ...]:
        """The attributes for which nothing is available yet."""
        return tuple(answer for answer in self.answers if not answer.available)
