"""Two periods or versions compared so that the comparison survives Simpson's paradox.

If the cards moved to other units or risks between the periods, the crude override rate can rise although it fell in
each of them (Simpson 1951, J R Stat Soc B 13:238-241). So the crude difference stands beside the standardised one and
beside a model, and a reversal is said in words.
"""

from __future__ import annotations

from dataclasses import dataclass

from oversight.statistics.adjusted import AdjustedEffect, adjusted_effect
from oversight.statistics.cards import AnsweredCards, tabulate
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import direction
from oversight.statistics.standardise import Crude, Standardised, crude, standardised
from oversight.statistics.suppression import SMALLEST_SHOWN


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second period against the first.

    `reversal`: the crude difference, as a reader sees it, points one way and the standardised difference or the
    adjusted effect the other, all beyond noise. `words` says what to make of it.
    """

    crude: Crude
    standardised: Standardised | Refused
    adjusted: AdjustedEffect | Refused
    reversal: bool
    words: str


def compare(cards: AnsweredCards) -> Comparison | Refused:
    """The comparison; refused where one period has no answered card. What is refused within it says why."""
    table = tabulate(cards)
    raw = crude(table)
    if isinstance(raw, Refused):
        return raw
    fair, effect = standardised(table), adjusted_effect(table)
    turned = reversal(raw, fair, effect)
    return Comparison(raw, fair, effect, turned, _words(raw, fair, effect, turned))


def reversal(raw: Crude, fair: Standardised | Refused, effect: AdjustedEffect | Refused) -> bool:
    """Whether crude and standardised (or adjusted) signs differ beyond noise.

    Of the crude difference both intervals must speak: the one of independent cards leaves out 0, as the reader sees
    it, and what sets it apart from the standardised difference is more than the clinicians' differences (`gap`; where
    there is no gap, its interval by clinician leaves out 0).
    """
    seen = direction(raw.difference)
    apart = direction(raw.clustered) if isinstance(raw.clustered, Estimate) else 0
    if isinstance(fair, Standardised):
        apart = direction(fair.gap)
    others = [direction(each) for each in _others(fair, effect)]
    return seen != 0 and apart == seen and -seen in others and seen not in others


def _others(fair: Standardised | Refused, effect: AdjustedEffect | Refused) -> list[Estimate]:
    """The figures that compare like with like."""
    found = [] if isinstance(fair, Refused) else [fair.difference]
    return found if isinstance(effect, Refused) else [*found, effect.log_odds]


def _words(raw: Crude, fair: Standardised | Refused, effect: AdjustedEffect | Refused, turned: bool) -> str:
    """What a committee should know, in a few sentences."""
    said = [
        f"Crude override rate: {raw.first.value:.1%} of {raw.first.total:,} answered cards, then "
        f"{raw.second.value:.1%} of {raw.second.total:,} ({_points(raw.difference)})."
    ]
    if isinstance(fair, Refused):
        said.append(f"No standardised difference: {fair.reason}")
    else:
        said.append(
            f"Within the same units and risk strata, weighted by the comparable cards of both periods together: "
            f"{_points(fair.difference)}."
        )
        said.extend(_left_out(fair))
    if isinstance(effect, Refused):
        said.append(f"No adjusted effect: {effect.reason}")
    else:
        odds = effect.odds_ratio
        said.append(f"Odds of an override, adjusted for both: × {odds.value:.2f}, {odds.low:.2f} to {odds.high:.2f}.")
    said.append(_verdict(raw, fair, effect, turned))
    return " ".join(said)


def _verdict(raw: Crude, fair: Standardised | Refused, effect: AdjustedEffect | Refused, turned: bool) -> str:
    """The sentence at the end."""
    others = [direction(each) for each in _others(fair, effect)]
    if not others:
        return "The crude difference alone cannot tell a change in behaviour from a change in where cards were shown."
    if turned:
        rose, fell = ("rose", "fell") if raw.difference.value > 0 else ("fell", "rose")
        return (
            f"The crude rate {rose}, but like for like it {fell}: the cards were shown in other units or at other "
            f"risks than before. Do not read the crude difference."
        )
    if not any(others):
        return "Like for like, the difference is within noise."
    if {-1, 1} <= set(others):
        return "Standardised difference and adjusted effect disagree; look at the units one by one."
    return f"Like for like, the rate {'rose' if sum(others) > 0 else 'fell'}."


def _left_out(fair: Standardised) -> list[str]:
    """How much the standardised difference does not speak of."""
    if not fair.left_out:
        return []
    number = len(fair.left_out)
    cells = "combination of unit and stratum is" if number == 1 else "combinations of unit and stratum are"
    cards = f"{fair.cards_left_out:,}" if fair.cards_left_out >= SMALLEST_SHOWN else f"fewer than {SMALLEST_SHOWN}"
    return [f"{number} {cells} left out, with {cards} cards: too few in one of the periods."]


def _points(difference: Estimate) -> str:
    """A difference of shares in percentage points."""
    value, low, high = (100 * each for each in (difference.value, difference.low, difference.high))
    return f"{value:+.1f} points, {low:+.1f} to {high:+.1f}"
