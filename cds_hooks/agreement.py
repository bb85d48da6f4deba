"""Whether a card says what its answer says to machines: the linter's rules for card and extension together.

A card whose words and numbers come from two places could one day show one patient's number over another's reasons, or
a calm summary over a high score. So the number is looked for in the line that everybody reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clinical import wording


def disagreements(card: Mapping[str, object], outcome: Mapping[str, object]) -> Iterator[str]:
    """What a card says otherwise than the outcome beside it. Words name members, never their content."""
    summary = str(card.get("summary"))
    if outcome.get("status") == "not-assessed":
        yield from _no_answer(card, summary)
        return
    value, probability = outcome.get("value"), outcome.get("probability")
    if isinstance(value, int | float) and not _says(summary, wording.number(value)):
        yield "summary of a score without its number"
    if isinstance(probability, int | float) and not _says(summary, wording.percent(probability)):
        yield "summary of a risk without its number"
    if "weak" in outcome and card.get("indicator") != "info":
        yield "a weak answer that is more than information"


def _no_answer(card: Mapping[str, object], summary: str) -> Iterator[str]:
    """The rules for a card without a number."""
    if "not assessed" not in summary:
        yield "summary that does not say that nothing was assessed"
    if card.get("indicator") != "info" or "suggestions" in card:
        yield "a suggestion or an alarm where nothing was assessed"


def _says(summary: str, number: str) -> bool:
    """Whether a number stands in a text, and not as part of a longer one."""
    return re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", summary) is not None
