"""`/oversight/exports`: what may leave the house, and the files themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from typing import BinaryIO

from flask import Blueprint, Response, abort, make_response, render_template, request, send_file

from clinical.audit import AuditEvent, AuditKind
from clinical.ports import Audit, Clock
from oversight.analytics.few_clinicians import FEWEST, why_too_few
from oversight.analytics.narrowed import narrow
from oversight.analytics.selection import Selection
from oversight.analytics.told_weeks import ToldWeeks, told_weeks
from oversight.exports.bundle import as_json, write_bundle
from oversight.exports.equity import EQUITY
from oversight.exports.events import EVENTS, Detail
from oversight.exports.fhir_bundle import fhir_bundle
from oversight.exports.order import Order, write_events, write_figures
from oversight.exports.reasons import REASONS
from oversight.exports.signing import Signer
from oversight.exports.weekly import WEEKLY
from oversight.override_rates import Step
from oversight.pages import metrics
from oversight.pages.committee.pack import PackParts, StandingSource, committee_pack, last_month
from oversight.pages.door.access import person, refused
from oversight.pages.door.roles import Person, Right
from oversight.pages.mart_source import MartSource
from oversight.pages.metrics import MetricsDesk
from oversight.pages.outcome_asked import Own
from oversight.pages.query import day_of, period_faults
from oversight.pages.view import choices, repeated
from oversight.reviews.sheet import Sheet
from oversight.tallies import Period

# Of a longer period too many weeks would have to be protected while somebody waits.
MOST_DAYS = 400
# A file may take so long to be made and sent.
EXPORT_S = 600.0


@dataclass(frozen=True, slots=True)
class ExportParts:
    """What exports need besides the mart. `base_url` is the service's own, `software` its name and version.

    `outcomes` says what each service is judged by. `metrics_token` lets a machine read the metrics; without it only
    people do. `reviews` reads the plans of reviews for the pack.
    """

    standing: StandingSource
    signer: Signer
    base_url: str
    software: str
    outcomes: Own = field(default_factory=dict)
    metrics_token: str | None = field(default=None, repr=False)
    reviews: Callable[[], Sequence[Sheet]] = tuple


@dataclass(frozen=True, slots=True)
class ExportDesk:
    """Everything that the routes need."""

    mart: MartSource
    parts: ExportParts
    audit: Audit
    clock: Clock


@dataclass(frozen=True, slots=True)
class Wish:
    """An order, for whom, and whether the comments go with it."""

    order: Order
    person: Person
    comments: bool

    @property
    def detail(self) -> Detail:
        """What the person may have of single cards."""
        return Detail(clinicians=self.person.may(Right.CLINICIANS), comments=self.comments)


@dataclass(frozen=True, slots=True)
class Offer:
    """A file: what it is, its media type, which rights it needs, and how it is written."""

    title: str
    words: str
    media_type: str
    rights: tuple[Right, ...]
    write: Callable[[ExportDesk, Wish, BinaryIO], object]

    @property
    def with_cards(self) -> bool:
        """Whether single cards are in it."""
        return Right.EXPORT_EVENTS in self.rights

    @property
    def of_figures(self) -> bool:
        """Whether figures are in it, and not only single cards, which are another right."""
        return self.write is not _events


def add_routes(pages: Blueprint, desk: ExportDesk) -> None:
    """The page, the files and the metrics. To be called before the door is made: machines have one of their own."""
    parts = desk.parts
    metrics.add_routes(pages, MetricsDesk(desk.mart, parts.standing, desk.audit, desk.clock, parts.metrics_token))

    @pages.get("/oversight/exports")
    def exports() -> Response:
        """What there is."""
        return _page(desk)

    @pages.get("/oversight/exports/<name>")
    def export(name: str) -> Response:
        """One file."""
        return _file(desk, name)


def _page(desk: ExportDesk) -> Response:
    """The offers for a period."""
    if (answer := refused(Right.EXPORT_FIGURES)) is not None:
        return answer
    asked = _asked(desk)
    if isinstance(asked, list):
        return make_response(render_template("oversight/bad_request.html", faults=asked), 400)
    found = asked.selection
    chosen = {"from": str(found.period.first), "to": str(found.period.last), "service": found.service}
    return make_response(
        render_template(
            "oversight/exports.html",
            selection=found,
            weeks=asked.weeks,
            services=asked.services,
            offers=[(name, each, _may(each, asked.too_few)) for name, each in OFFERS.items()],
            too_few=asked.too_few,
            chosen={name: value for name, value in chosen.items() if value},
            kept={},
            fewest=FEWEST,
            may_comments=person().may(Right.COMMENTS) and person().may(Right.EXPORT_EVENTS),
            public_key=desk.parts.signer.public_key,
        )
    )


def _may(offer: Offer, too_few: str | None) -> bool:
    """Whether somebody may have a file: of few clinicians (`too_few` says so) only one that tells of single cards."""
    return all(person().may(right) for right in offer.rights) and not (too_few and offer.of_figures)


def _file(desk: ExportDesk, name: str) -> Response:
    """Check who asks and for what, note it, write, and send."""
    offer = OFFERS.get(name)
    if offer is None:
        abort(404)
    comments = request.args.get("comments") == "yes" and offer.with_cards
    for right in (*offer.rights, *((Right.COMMENTS,) if comments else ())):
        if (answer := refused(right)) is not None:
            return answer
    as_of = desk.mart.as_of()
    asked = _asked(desk)
    if isinstance(asked, list):
        return make_response(render_template("oversight/bad_request.html", faults=asked), 400)
    if asked.too_few is not None and offer.of_figures:
        return make_response(render_template("oversight/too_few_to_export.html", person=person(), asked=asked), 403)
    found = asked.selection
    _take_time()
    now, who = desk.clock.now(), person()
    parts = desk.parts
    order = Order(found, as_of.entry, parts.base_url, parts.software, who.name, now, parts.outcomes, asked.weeks)
    seen = f"export {name}{', with comments' if comments else ''}, {found.period.first} to {found.period.last}"
    detail = f"{seen}, up to entry {as_of.entry}, by {who.name}"
    desk.audit.note(AuditEvent(now, AuditKind.LEDGER_READ, service=found.service or "", detail=detail))
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the answer closes it)
    try:
        offer.write(desk, Wish(order, who, comments), file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    sent = f"chartside-{order.name}-{name}"
    response: Response = send_file(file, offer.media_type, as_attachment=True, download_name=sent, etag=False)
    return response


def _take_time() -> None:
    """Ask the server, where it hangs up on long answers, to wait: who asks may have the file, and it may be large."""
    if (patience := request.environ.get("chartside.patience")) is not None:
        patience(EXPORT_S)


@dataclass(frozen=True, slots=True)
class Asked:
    """The period and service that somebody may have, and all services.

    For who may not see single clinicians the period is one of `weeks`; `too_few` says why it is of few clinicians.
    """

    selection: Selection
    services: tuple[str, ...]
    weeks: ToldWeeks | None = None
    too_few: str | None = None


def _asked(desk: ExportDesk) -> Asked | list[str]:
    """What the address names, or faults; without a word the month before."""
    today = desk.clock.now().astimezone(UTC).date()
    with desk.mart.open() as mart:
        services = choices(mart)["service"]
        found = _selection(services, today)
        if isinstance(found, list):
            return found
        if person().may(Right.CLINICIANS):
            return Asked(found, services)
        weeks = told_weeks(mart, found, today)
        found = replace(found, period=weeks.within(found.period))
        return Asked(found, services, weeks, weeks.why_none or why_too_few(mart, found))


def _selection(services: Sequence[str], today: date) -> Selection | list[str]:
    """What the address names, or the faults."""
    faults = repeated(request.args, ("from", "to", "service", "comments"))
    usual = last_month(today)
    period = Period(
        day_of(request.args.get("from"), "from", usual.first, faults),
        day_of(request.args.get("to"), "to", usual.last, faults),
    )
    service = request.args.get("service") or None
    if service is not None and service not in services:
        faults.append("“service” is none that the figures know.")
    faults = faults or period_faults(period.first, period.last, Step.WEEK)
    if not faults and (period.last - period.first).days > MOST_DAYS:
        faults.append(f"The period is too long: at most {MOST_DAYS} days.")
    return faults or Selection(period, service=service)


def _events(desk: ExportDesk, wish: Wish, file: BinaryIO) -> None:
    """A line for each card."""
    with desk.mart.open() as mart:
        write_events(mart, wish.order, wish.detail, file)


def _figures(name: str) -> Callable[[ExportDesk, Wish, BinaryIO], None]:
    """A table of counts and rates."""

    def write(desk: ExportDesk, wish: Wish, file: BinaryIO) -> None:
        """One of them."""
        write_figures(desk.mart.open, wish.order, name, file)

    return write


def _measures(desk: ExportDesk, wish: Wish, file: BinaryIO) -> None:
    """Measures and reports."""
    with desk.mart.open() as mart:
        narrow(mart, wish.order.selection, wish.order.entry)
        file.write(as_json(fhir_bundle(mart, wish.order)))


def _parts(desk: ExportDesk, wish: Wish) -> PackParts:
    """What the pack needs."""
    return PackParts(desk.mart.open, desk.parts.standing, desk.parts.outcomes, wish.person, desk.parts.reviews)


def _pack(desk: ExportDesk, wish: Wish, file: BinaryIO) -> None:
    """The committee's page."""
    file.write(committee_pack(_parts(desk, wish), wish.order).encode())


def _bundle(*, with_events: bool) -> Callable[[ExportDesk, Wish, BinaryIO], None]:
    """Everything in a signed ZIP."""

    def write(desk: ExportDesk, wish: Wish, file: BinaryIO) -> None:
        """With the events only where they were asked for."""
        write_bundle(
            desk.mart.open,
            wish.order,
            file,
            desk.parts.signer,
            pack=lambda: committee_pack(_parts(desk, wish), wish.order),
            detail=wish.detail if with_events else None,
        )

    return write


_CSV, _ZIP = "text/csv", "application/zip"
_COUNTS, _CARDS = (Right.EXPORT_FIGURES,), (Right.EXPORT_FIGURES, Right.EXPORT_EVENTS)
OFFERS: Mapping[str, Offer] = {
    "committee_pack.html": Offer(
        "Committee pack", "one page for a meeting, to print: figures of each service, decisions due, what was changed",
        "text/html", _COUNTS, _pack,
    ),
    WEEKLY.file: Offer("Weekly metrics", "counts and rates of each service and week", _CSV, _COUNTS,
                       _figures(WEEKLY.file)),
    REASONS.file: Offer("Reasons", "why cards were overridden", _CSV, _COUNTS, _figures(REASONS.file)),
    EQUITY.file: Offer("Equity", "cards, answers and the model by group of patients and by two groups at a time, for "
                       "each service, in whole weeks", _CSV, _COUNTS, _figures(EQUITY.file)),
    "measures.json": Offer("FHIR measures", "Measure and summary MeasureReport (R4): override, acceptance and "
                           "no-answer rates by unit, role and service", "application/fhir+json", _COUNTS, _measures),
    "figures.zip": Offer("All figures, signed", "everything above with a data dictionary, where it comes from, and a "
                         "signed list of files", _ZIP, _COUNTS, _bundle(with_events=False)),
    EVENTS.file: Offer("Events", "a line for each card, under pseudonyms", _CSV, _CARDS, _events),
    "everything.zip": Offer("All figures and events, signed", "the signed ZIP with the events in it", _ZIP, _CARDS,
                            _bundle(with_events=True)),
}  # fmt: skip
