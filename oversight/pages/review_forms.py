"""What the forms of the review pages ask for, checked. Every fault is told in words, without quoting the input."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import date

from werkzeug.datastructures import MultiDict

from clinical.errors import Unprocessable
from oversight.pages.query import day_of
from oversight.reviews.plan import MOST_SEED, Allocation, Grouping, Response, ReviewPlan, chosen
from oversight.statistics.adjudication import Verdict
from oversight.tallies import usual_first_day

Form = MultiDict[str, str]
USUAL_SIZE = 120


def plan_asked(form: Form, services: Collection[str], today: date, entry: int) -> ReviewPlan:
    """The plan that a form asks for. Without a seed one is made up, and kept. Raises `Unprocessable`."""
    faults: list[str] = []
    last = day_of(form.get("to"), "to", today, faults)
    first = day_of(form.get("from"), "from", usual_first_day(last), faults)
    if form.get("service") not in services:
        faults.append("Choose a service that the figures know.")
    if faults:
        raise Unprocessable(" ".join(faults))
    return ReviewPlan(
        name=form.get("name", "").strip(),
        service=form["service"],
        first=first,
        last=last,
        responses=chosen(Response, form.getlist("response")),
        groupings=chosen(Grouping, form.getlist("grouping")),
        size=_number(form.get("size"), "The size", USUAL_SIZE),
        allocation=(chosen(Allocation, [form["allocation"]]) if form.get("allocation") else (Allocation.PROPORTIONAL,))[
            0
        ],
        seed=_number(form.get("seed"), "The seed", secrets.randbelow(MOST_SEED)),
        entry=entry,
    )


def verdict_asked(form: Form) -> tuple[int, Verdict, str]:
    """The item, the verdict and the words of a form. Raises `Unprocessable`."""
    number = _number(form.get("item"), "The card", 0)
    try:
        return number, Verdict(form.get("verdict", "")), form.get("words", "")
    except ValueError:
        raise Unprocessable("Choose one of the three answers.") from None


def item_of(form: Form) -> int:
    """The number of the item that a form is about; 0 of none."""
    try:
        return _number(form.get("item"), "The card", 0)
    except Unprocessable:
        return 0


def _number(text: str | None, name: str, default: int) -> int:
    """A whole number, or the default where nothing is given. Raises `Unprocessable`."""
    if not text or not text.strip():
        return default
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 10:
        raise Unprocessable(f"{name} must be a whole number.")
    return int(plain)
