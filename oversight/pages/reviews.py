"""`/oversight/reviews`: plans with their results, the form that draws one, and the blinded queue of the reviewers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import NoReturn

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import Unprocessable
from oversight.pages import words
from oversight.pages.door.access import USER, person, refused
from oversight.pages.door.forms import echoed, faulty, token, with_echo
from oversight.pages.door.roles import Right
from oversight.pages.frame import Desk
from oversight.pages.no_page import no_such
from oversight.pages.review_forms import USUAL_SIZE, item_of, plan_asked, verdict_asked
from oversight.pages.review_sources import ReviewParts
from oversight.pages.view import choices
from oversight.reviews.comments import commented_card
from oversight.reviews.drawing import drawn
from oversight.reviews.plan import COMMENTS, Allocation, Grouping, Kind
from oversight.reviews.plan import Response as Answer
from oversight.reviews.population import population
from oversight.reviews.results import Results, results
from oversight.reviews.sheet import Queued, Sheet, Turn
from oversight.statistics.adjudication import State, Verdict
from oversight.statistics.refused import Refused
from oversight.tallies import usual_first_day

VERDICTS = {
    Verdict.APPROPRIATE: "appropriate",
    Verdict.INAPPROPRIATE: "not appropriate",
    Verdict.CANNOT_TELL: "cannot judge",
}
GROUPINGS = {
    Grouping.RISK: "height of the risk (thirds)",
    Grouping.RESPONSE: "response",
    Grouping.UNIT: "unit",
    Grouping.REASON: "reason of the override",
}
ANSWERS = {Answer.OVERRIDDEN: "overridden", Answer.ACCEPTED: "accepted", Answer.UNANSWERED: "without an answer"}
ALLOCATIONS = {
    Allocation.PROPORTIONAL: "in proportion to its size",
    Allocation.EQUAL: "the same number from each, so that rare ones are seen",
}
MOST_SAID = 50
_WAIT = "The figures are still being brought up to the ledger. Send the form again in a moment; nothing was drawn."


@dataclass(frozen=True, slots=True)
class Queue:
    """One of the two queues: who may use it, what is next in it, and what keeps a verdict."""

    right: Right
    settling: bool
    turn: Callable[[str, str, int], Turn | None]
    keep: Callable[..., None]


def add_routes(pages: Blueprint, parts: ReviewParts, desk: Desk) -> None:
    """Add the pages of reviews."""
    source = parts.source
    judging = Queue(Right.REVIEW, False, source.turn, source.judge)
    settling = Queue(Right.PLAN_REVIEWS, True, source.turn_to_settle, source.settle)

    def either(drawn_by: Callable[..., Response], taken_by: Callable[..., Response]) -> Callable[..., Response]:
        """The page at GET, what its form does at POST."""

        def view(**named: str) -> Response:
            """One of the two."""
            return taken_by(**named) if request.method == "POST" else drawn_by(**named)

        return view

    def add(rule: str, endpoint: str, view: Callable[..., Response], *methods: str) -> None:
        """One route."""
        pages.add_url_rule(f"/oversight/{rule}", endpoint, view, methods=methods or ("GET",))

    def of(queue: Queue) -> Callable[..., Response]:
        """The page of a queue."""
        return either(lambda plan: _next(parts, desk, queue, plan), lambda plan: _verdict(parts, desk, queue, plan))

    add("reviews", "reviews", either(lambda: _plans(parts, desk), lambda: _draw(parts, desk)), "GET", "POST")
    add("reviews/<plan>", "review_results", lambda plan: _results(parts, desk, plan))
    add("reviews/<plan>/next", "review_next", of(judging), "GET", "POST")
    add("reviews/<plan>/settle", "review_settle", of(settling), "GET", "POST")
    add("comments/review", "review_comment", lambda: _pick(parts, desk), "POST")


def _note(desk: Desk, what: str, service: str = "") -> None:
    """What is about to be seen or done, by whom."""
    detail = f"{what}, by {person().name}"
    desk.audit.note(AuditEvent(desk.clock.now(), AuditKind.LEDGER_READ, service=service, detail=detail))


def _plans(parts: ReviewParts, desk: Desk, fault: str = "") -> Response:
    """All plans, and for who may the form that draws one."""
    if (answer := refused(Right.REVIEW)) is not None:
        return answer
    _note(desk, "review plans")
    plans = person().may(Right.PLAN_REVIEWS)
    today = desk.clock.now().astimezone(UTC).date()
    page = render_template(
        "oversight/reviews.html",
        rows=[_row(each, plans) for each in parts.source.queued(person().name)],
        plans=plans,
        services=_services(desk) if plans else (),
        asked=echoed(),
        usual={"from": usual_first_day(today), "to": today, "size": USUAL_SIZE},
        choices={"response": ANSWERS, "grouping": GROUPINGS, "allocation": ALLOCATIONS},
        fault=with_echo(fault),
        token=token(),
        **_common(),
    )
    return make_response(page, 400 if fault else 200)


@dataclass(frozen=True, slots=True)
class _Row:
    """A plan in the list. `found` is only for who may see results."""

    sheet: Sheet
    turn: Turn
    to_settle: int
    found: Results | None


def _row(each: Queued, plans: bool) -> _Row:
    """One plan."""
    left = each.settling.left if plans else 0
    return _Row(each.sheet, each.judging, left, results(each.sheet) if plans else None)


def _services(desk: Desk) -> tuple[str, ...]:
    """The services that a plan may be about."""
    with desk.mart.open() as mart:
        return choices(mart)["service"]


def _common() -> dict[str, object]:
    """What every template of these pages reads."""
    return {
        "words": words,
        "verdicts": VERDICTS,
        "answers": ANSWERS,
        "groupings": GROUPINGS,
        "states": State,
        "kinds": Kind,
        "shared": person().name == USER,
        "is_refused": lambda found: isinstance(found, Refused),
    }


def _draw(parts: ReviewParts, desk: Desk) -> Response:
    """Draw a plan and go to it."""
    if (answer := refused(Right.PLAN_REVIEWS) or faulty()) is not None:
        return answer
    as_of = desk.mart.as_of()
    if not as_of.current:
        return _plans(parts, desk, _WAIT)
    try:
        with desk.mart.open() as mart:
            services = choices(mart)["service"]
            plan = plan_asked(request.form, services, desk.clock.now().astimezone(UTC).date(), as_of.entry)
            _note(desk, f"draw of review plan {plan.name}", plan.service)
            cards = drawn(plan, population(mart, plan)).cards
        parts.source.add(plan, cards, desk.clock.now())
    except Unprocessable as fault:
        return _plans(parts, desk, fault.message)
    return _to("review_results", plan.name)


def _results(parts: ReviewParts, desk: Desk, plan: str) -> Response:
    """What came of a plan."""
    if (answer := refused(Right.PLAN_REVIEWS)) is not None:
        return answer
    sheet = parts.source.sheet(plan)
    if sheet is None:
        _no_plan()
    _note(desk, f"results of review plan {sheet.plan.name}", sheet.plan.service)
    settled = [item for item in sheet.items if item.verdict is not None]
    page = render_template(
        "oversight/review_results.html",
        sheet=sheet,
        plan=sheet.plan,
        found=results(sheet),
        said=[item for item in settled if any(each.words for each in item.judgements)]
        if person().may(Right.COMMENTS)
        else None,
        most=MOST_SAID,
        **_common(),
    )
    return make_response(page)


def _next(parts: ReviewParts, desk: Desk, queue: Queue, plan: str, fault: str = "") -> Response:
    """The next card of a queue, blinded, with the form for a verdict."""
    if (answer := refused(queue.right)) is not None:
        return answer
    # With a fault the card of the form comes again, whatever others have judged since: the words are about it.
    turn = queue.turn(plan, person().name, item_of(request.form))
    sheet = parts.source.sheet(plan) if turn else None
    if turn is None or sheet is None:
        _no_plan()
    _note(desk, f"a card of review plan {sheet.plan.name}", sheet.plan.service)
    case = parts.cases.case(turn.item.advice, turn.item.drawn) if turn.item else None
    same = turn.item is not None and request.form.get("item") == str(turn.item.number)
    page = render_template(
        "oversight/review_case.html",
        plan=sheet.plan,
        turn=turn,
        case=case,
        summary=parts.summary(case.finding) if case else "",
        comment=case.comment if case and sheet.plan.kind is Kind.PICKED and person().may(Right.COMMENTS) else "",
        settling=queue.settling,
        fault=with_echo(fault),
        typed=echoed().get("words", "") if same else "",
        chosen=request.form.get("verdict", "") if same else "",
        token=token(),
        **_common(),
    )
    return make_response(page, 400 if fault else 200)


def _verdict(parts: ReviewParts, desk: Desk, queue: Queue, plan: str) -> Response:
    """Keep a verdict and go to the next card."""
    if (answer := refused(queue.right) or faulty()) is not None:
        return answer
    sheet = parts.source.sheet(plan)
    if sheet is None:
        _no_plan()
    try:
        number, verdict, said = verdict_asked(request.form)
        _note(desk, f"verdict on a card of review plan {sheet.plan.name}", sheet.plan.service)
        queue.keep(plan, number, verdict, said, person=person().name, now=desk.clock.now())
    except Unprocessable as fault:
        return _next(parts, desk, queue, plan, fault.message)
    return _to("review_settle" if queue.settling else "review_next", plan)


def _pick(parts: ReviewParts, desk: Desk) -> Response:
    """Send the card of a comment to the reviewers."""
    if (answer := refused(Right.PLAN_REVIEWS) or refused(Right.COMMENTS) or faulty()) is not None:
        return answer
    form = request.form
    _note(desk, "a commented card sent to review")
    with desk.mart.open() as mart:
        card = commented_card(mart, form.get("comment", ""), form.get("service", ""), form.get("version", ""))
    if card is None:
        faults = ["There is no overridden card with this comment; nothing was sent."]
        return make_response(render_template("oversight/bad_request.html", faults=faults), 400)
    parts.source.pick(card, desk.clock.now())
    return _to("review_results", COMMENTS.name)


def _to(endpoint: str, plan: str) -> Response:
    """Elsewhere, so that nothing is sent again when a page is shown again."""
    return make_response(redirect(url_for(f"oversight.{endpoint}", plan=plan), 303))


def _no_plan() -> NoReturn:
    """The name of no plan."""
    no_such("review plan", "reviews", "All reviews")
