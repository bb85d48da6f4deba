"""What the committee's pack says of reviews: how far a plan has come, how far two agree, and what was appropriate.

The same results as the page of reviews, with less: counts of cards in a group stand in no pack, because other tables of
the pack hide some of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oversight.analytics.selection import Selection
from oversight.pages.outcome_words import why
from oversight.reviews.plan import Kind, Response, ReviewPlan
from oversight.reviews.results import Groups, results
from oversight.reviews.sheet import Sheet
from oversight.statistics.adjudication import State
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.review_share import ReviewShare
from oversight.statistics.suppression import SMALLEST_SHOWN

_RESPONSES = {
    Response.OVERRIDDEN: "overridden", Response.ACCEPTED: "accepted", Response.UNANSWERED: "without an answer",
}  # fmt: skip
_PICKED = "these cards were picked, not drawn; they stand for nothing but themselves"


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One plan in words: `about` what, how far (`progress`), κ, the weighted appropriate share, and that by group."""

    name: str
    service: str
    about: str
    progress: str
    agreement: str
    appropriate: str
    groups: tuple[tuple[str, str], ...]


def review_lines(sheets: Iterable[Sheet], selection: Selection) -> tuple[ReviewLine, ...]:
    """The plans about advice of these days, of this service or of all."""
    return tuple(_line(sheet) for sheet in sheets if sheet.items and _fits(sheet.plan, selection))


def _fits(plan: ReviewPlan, selection: Selection) -> bool:
    """Whether a plan has to do with a selection. What somebody picked has no days of its own, and no service."""
    if plan.kind is Kind.PICKED:
        return selection.service is None
    period = selection.period
    return selection.service in (None, plan.service) and plan.first <= period.last and period.first <= plan.last


def _line(sheet: Sheet) -> ReviewLine:
    """One plan."""
    found, plan = results(sheet), sheet.plan
    picked = plan.kind is Kind.PICKED
    few = 0 < found.population < SMALLEST_SHOWN
    kappa = found.agreement if isinstance(found.agreement, Refused) else found.agreement.kappa
    about = "cards that were picked for their comments" if picked else _about(plan)
    if few:
        hidden = f"hidden: it is about fewer than {SMALLEST_SHOWN} cards"
        return ReviewLine(plan.name, plan.service, about, hidden, hidden, hidden, ())
    return ReviewLine(
        name=plan.name,
        service=plan.service,
        about=about,
        progress=_progress(sheet),
        agreement=_told(kappa, "{:.2f} ({:.2f} to {:.2f})", 1),
        appropriate=f"no figure: {_PICKED}" if picked else _percent(found.share),
        groups=tuple(line for grouping in found.by for line in _groups(grouping)),
    )


def _about(plan: ReviewPlan) -> str:
    """Which cards."""
    responses = " or ".join(_RESPONSES[each] for each in plan.responses)
    return f"cards {responses}, advice of {plan.first} to {plan.last}"


def _progress(sheet: Sheet) -> str:
    """How many cards have a verdict that stands; a few are only said to be few."""
    number = len(sheet.items)
    waits = ", disagreements wait for a third verdict" if sheet.count(State.TO_ADJUDICATE) else ""
    done = sheet.finished
    if done in (0, number):
        return f"{'all' if done else 'none'} of {number:,} cards{waits}"
    # Few that are left are as telling as few that are done.
    if done < SMALLEST_SHOWN:
        return f"fewer than {SMALLEST_SHOWN} of {number:,} cards{waits}"
    return (
        f"all but fewer than {SMALLEST_SHOWN} of {number:,} cards{waits}"
        if number - done < SMALLEST_SHOWN
        else (f"{done:,} of {number:,} cards{waits}")
    )


def _groups(grouping: Groups) -> list[tuple[str, str]]:
    """The share of each group; small groups, and what would give them away, are hidden."""
    return [(each.name, grouping.mark if each.hidden else _percent(each.share)) for each in grouping.groups]


def _percent(share: ReviewShare | Refused) -> str:
    """A weighted share with its interval, or why there is none."""
    return _told(share.share if isinstance(share, ReviewShare) else share, "{:.0f} % ({:.0f} to {:.0f})", 100)


def _told(figure: Estimate | Refused, form: str, times: int) -> str:
    """A figure with its interval, or why there is none."""
    if isinstance(figure, Refused):
        return f"no figure: {why(figure)}"
    return form.format(times * figure.value, times * figure.low, times * figure.high)
