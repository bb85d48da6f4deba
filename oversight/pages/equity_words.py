"""Equity in words and coarse numbers: two views of the page cannot be subtracted to find a few patients.

People are rounded to tens, shares to whole percent and ratios to one decimal. A difference of two rounded counts can be
off by ten, so what is left of it says nothing about a group of fewer than eleven. How wide the interval of a ratio is
tells how many events it rests on: with two decimals that is the very number.
"""

from __future__ import annotations

from collections.abc import Sequence

from oversight.analytics.equity_gaps import CERTAIN, Gap, Kind
from oversight.proportions import Proportion
from oversight.statistics.equity import NOBODY
from oversight.statistics.equity_groups import Group
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused

ROUNDED_TO = 10
EVERYBODY = "Everybody"
_UP = {
    Kind.OVERRIDE: ("more overrides at equal risk", "fewer overrides at equal risk"),
    Kind.SILENCE: ("more cards without an answer at equal risk", "fewer cards without an answer at equal risk"),
    Kind.SECONDS: ("slower answers", "quicker answers"),
    Kind.SENSITIVITY: ("higher sensitivity", "lower sensitivity"),
    Kind.FALSE_ALARMS: ("more false alarms", "fewer false alarms"),
    Kind.CALIBRATION: ("more events than expected", "fewer events than expected"),
}
# What a committee has to know first: worse for the patient.
_ORDER = (Kind.SENSITIVITY, Kind.OVERRIDE, Kind.SECONDS, Kind.SILENCE, Kind.CALIBRATION, Kind.FALSE_ALARMS)


def tens(number: int | Refused) -> str:
    """`1,230`; what is hidden is told so."""
    if isinstance(number, Refused):
        return "0" if number is NOBODY else "hidden"
    return f"{round(number / ROUNDED_TO) * ROUNDED_TO:,}" if number >= ROUNDED_TO else ("0" if not number else "<11")


def whole(share: Proportion | Refused) -> str:
    """`57 %`."""
    return _told(share) if isinstance(share, Refused) else f"{100 * share.value:.0f} %"


def whole_interval(share: Proportion | Estimate | Refused) -> str:
    """`50 to 63`, or nothing."""
    return "" if isinstance(share, Refused) else f"{100 * share.low:.0f} to {100 * share.high:.0f}"


def points(estimate: Estimate | Refused | None) -> str:
    """`+12 points, +3 to +20`."""
    if estimate is None:
        return ""
    if isinstance(estimate, Refused):
        return _told(estimate)
    value, low, high = (round(100 * each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+d} points, {low:+d} to {high:+d}"


def times(estimate: Estimate | Refused | None) -> str:
    """`× 1.3, 1.0 to 1.6`."""
    if estimate is None:
        return ""
    if isinstance(estimate, Refused):
        return _told(estimate)
    return f"× {estimate.value:.1f}, {estimate.low:.1f} to {estimate.high:.1f}"


def _told(refused: Refused) -> str:
    """A refusal in a table."""
    return "hidden" if refused.reason.startswith("hidden") else refused.reason


def seconds(value: float) -> str:
    """Whole seconds, or minutes with one decimal."""
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"


def group_name(group: Group, *, whole: bool = False) -> str:
    """`female, 80+`; the empty group is everybody. With `whole`, one label is told with its attribute."""
    if whole and len(group) == 1:
        return f"{group[0][0]}: {group[0][1]}"
    return ", ".join(label for _, label in group) if group else EVERYBODY


def verdict(found: Sequence[Gap], attributes: Sequence[str]) -> str:
    """Whether any group is served otherwise, in one sentence for each that is."""
    return " ".join(sentences(found, attributes))


def sentences(found: Sequence[Gap], attributes: Sequence[str]) -> tuple[str, ...]:
    """The verdict, a group at a time."""
    named = [each for each in found if each.named]
    if not found:
        return ("Nothing could be compared: see why below.",)
    if not named:
        return (
            f"No group differs from the largest one beyond chance: {len(found)} comparisons of {listed(attributes)} "
            "were made. That does not show that there is no difference; see how wide the intervals are.",
        )
    groups = list(dict.fromkeys(each.group for each in named))
    said = tuple(_sentence(group, [each for each in found if each.group == group]) for group in groups)
    quiet = [name for name in attributes if not any(name == group[0][0] for group in groups)]
    return (*said, f"Nothing beyond chance was seen for {listed(quiet)}.") if quiet else said


def _sentence(group: Group, found: Sequence[Gap]) -> str:
    """One group: what is named, and what points the same way without being certain among so many comparisons."""
    ((attribute, label),) = group
    in_order = sorted(found, key=lambda each: _ORDER.index(each.kind))
    named = [gap_words(each) for each in in_order if each.named]
    likely = [gap_words(each) for each in in_order if not each.named and each.large and each.p < CERTAIN]
    also = f" Likely too, though not certain among so many comparisons: {listed(likely)}." if likely else ""
    return f"Patients with {attribute} “{label}” are served otherwise than the largest group: {listed(named)}.{also}"


def gap_words(gap: Gap) -> str:
    """`lower sensitivity (27 % against 44 %)`."""
    up, down = _UP[gap.kind]
    more = gap.effect.value > 1 if gap.factor else gap.effect.value > 0
    return f"{up if more else down} ({gap_value(gap.kind, gap.value)} against {gap_value(gap.kind, gap.reference)})"


def gap_value(kind: Kind, value: float) -> str:
    """One side of a comparison."""
    if kind is Kind.SECONDS:
        return seconds(value)
    return f"{value:.1f}" if kind is Kind.CALIBRATION else f"{100 * value:.0f} %"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "nothing"
