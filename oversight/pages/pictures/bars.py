"""The geometry of bar charts and of rows of small trends. The template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oversight.analytics.funnel import Funnel
from oversight.analytics.reasons import Reason, Reasons, Stretch
from oversight.pages import words
from oversight.pages.pictures.axes import Plane

_WIDTH, _LABELS, _NUMBERS, _ROW = 760, 250, 120, 26
_TRENDS = 5
_MOST_LETTERS = 34


@dataclass(frozen=True, slots=True)
class Bar:
    """One line: its name, what stands behind the bar, and whether it is a part of the step above it.

    `short` is the name as far as the picture has room for it; a table has the whole.
    """

    label: str
    text: str
    y: float
    width: float
    part: bool
    short: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Lines from the top down, beginning at `left`."""

    bars: tuple[Bar, ...]
    height: int
    width: int = _WIDTH
    left: int = _LABELS
    row: int = _ROW


@dataclass(frozen=True, slots=True)
class Trend:
    """A reason's share of the overrides of each week, as a path; its largest share and the last one in words."""

    label: str
    path: str
    last: str
    most: str


@dataclass(frozen=True, slots=True)
class Trends:
    """Small drawings on one scale from 0 to `top`."""

    trends: tuple[Trend, ...]
    plane: Plane
    top: str


def funnel_bars(found: Funnel, *, actions: bool = False) -> Bars:
    """From what was assessed to what was accepted, with why the rest fell out; where actions are known, to these."""
    steps = [("Assessed", found.assessed, False)]
    steps += [(f"withheld: {words.withheld_reason(why)}", number, True) for why, number in found.withheld]
    steps += [
        ("Shown as a card", found.cards, False),
        ("no answer", found.no_answer, True),
        ("put off", found.snoozed, True),
        ("Answered", found.answered, False),
        ("overridden", found.overridden, True),
        ("Accepted", found.accepted, False),
    ]
    if actions:
        steps += [
            ("no action seen", found.accepted - found.accepted_acted, True),
            ("Accepted, action seen", found.accepted_acted, False),
        ]
    return _bars([(label, number, f"{number:,}", part) for label, number, part in steps], found.assessed)


def reason_bars(found: Reasons) -> Bars:
    """Reasons, most frequent first, and those without one at the end."""
    lines: list[tuple[str, int, str, bool]] = [
        (reason.display, reason.share.count, words.percent(reason.share), False) for reason in found.given
    ]
    if found.missing:
        lines.append(("no reason given", found.missing.count, words.percent(found.missing), True))
    return _bars(lines, max((line[1] for line in lines), default=0))


def trends(weeks: Sequence[Stretch], reasons: Sequence[Reason]) -> Trends | None:
    """The most frequent reasons by week; None of less than two weeks."""
    if len(weeks) < 2:
        return None
    shown = [(reason.code, reason.display) for reason in reasons[:_TRENDS]] + [("", "no reason given")]
    shares = {code: [week.reasons.get(code, 0) / week.overridden for week in weeks] for code, _ in shown}
    top = max(max(values) for values in shares.values()) or 1.0
    plane = Plane(0, len(weeks) - 1, 0, top, 240, 70, 6, 234, 8, 62)
    return Trends(
        tuple(
            Trend(
                label,
                plane.path(list(enumerate(shares[code]))),
                f"{100 * shares[code][-1]:.1f} %",
                f"{100 * max(shares[code]):.1f} %",
            )
            for code, label in shown
        ),
        plane,
        f"{100 * top:.0f} %",
    )


def _short(label: str) -> str:
    """As much of it as the picture has room for."""
    return label if len(label) <= _MOST_LETTERS else label[: _MOST_LETTERS - 1] + "…"


def _bars(lines: Sequence[tuple[str, int, str, bool]], most: int) -> Bars:
    """Bars whose widths are shares of `most`."""
    room = _WIDTH - _LABELS - _NUMBERS
    return Bars(
        tuple(
            Bar(label, text, place * _ROW, room * number / max(most, 1), part, _short(label))
            for place, (label, number, text, part) in enumerate(lines)
        ),
        max(len(lines), 1) * _ROW,
    )
