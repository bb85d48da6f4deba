"""`chartside export`: what leaves the house, from the command line, and whether an export is still what was signed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from chartside.private_file import whole
from chartside.settings import Settings, from_environment
from clinical.audit import AuditEvent, AuditKind

if TYPE_CHECKING:
    from chartside.export_key import ExportKey
    from oversight.exports.order import Order
    from oversight.mart.mart import Mart
    from oversight.pages.committee.pack import PackParts

# How `verify` ends.
WHOLE, NOT_WHOLE, OTHER_KEY = 0, 1, 4
WHO = "command line"


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that is needed to write an export, after it was noted in the audit."""

    mart: Mart
    order: Order
    key: ExportKey
    pack: PackParts


@click.group(help="Write exports of the ledger, and check one.")
def export() -> None:
    """Group the commands."""


_OPTIONS = (
    click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC) of advice. Default: "
                 "the first of the month before."),
    click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC) of advice. Default: the last "
                 "of the month before."),
    click.option("--service", help="Only this service."),
    click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path),
                 help="The new file. It must not be there yet."),
)  # fmt: skip
_COMMENTS = click.option("--comments", is_flag=True, help="With what clinicians wrote, without longer numbers.")


def _asked(command: Callable[..., None]) -> Callable[..., None]:
    """The options that all exports have."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@export.command("bundle", help="Everything in one signed ZIP, with a data dictionary.")
@_asked
@click.option("--events", "with_events", is_flag=True, help="With a line for each card.")
@_COMMENTS
def bundle(
    first: datetime | None, last: datetime | None, service: str | None, out: Path, *, with_events: bool, comments: bool
) -> None:
    """Write the ZIP."""
    from oversight.exports.bundle import write_bundle  # noqa: PLC0415
    from oversight.exports.events import Detail  # noqa: PLC0415
    from oversight.pages.committee.pack import committee_pack  # noqa: PLC0415

    def write(bench: Bench, file: BinaryIO) -> str:
        """All of it."""
        manifest = write_bundle(
            bench.mart.open,
            bench.order,
            file,
            bench.key,
            pack=lambda: committee_pack(bench.pack, bench.order),
            detail=Detail(clinicians=True, comments=comments) if with_events else None,
        )
        return f"{len(manifest['files'])} files, signed with {bench.key.public_key}"

    what = f"bundle{', with events' if with_events else ''}{', with comments' if with_events and comments else ''}"
    _export(what, (first, last, service), out, write)


@export.command("events", help="A line for each card as CSV, under pseudonyms.")
@_asked
@_COMMENTS
def events(first: datetime | None, last: datetime | None, service: str | None, out: Path, *, comments: bool) -> None:
    """Write events.csv."""
    from oversight.exports.events import Detail  # noqa: PLC0415
    from oversight.exports.order import write_events  # noqa: PLC0415

    def write(bench: Bench, file: BinaryIO) -> str:
        """Piece by piece."""
        with bench.mart.open() as mart:
            return f"{write_events(mart, bench.order, Detail(clinicians=True, comments=comments), file)} rows"

    _export(f"events.csv{', with comments' if comments else ''}", (first, last, service), out, write)


@export.command("weekly", help="Counts and rates of each service and week as CSV.")
@_asked
def weekly(first: datetime | None, last: datetime | None, service: str | None, out: Path) -> None:
    """Write weekly_metrics.csv."""
    _table("weekly_metrics.csv", (first, last, service), out)


@export.command("reasons", help="Why cards were overridden, as CSV.")
@_asked
def reasons(first: datetime | None, last: datetime | None, service: str | None, out: Path) -> None:
    """Write reasons.csv."""
    _table("reasons.csv", (first, last, service), out)


@export.command("equity", help="Cards and answers by group of patients, for each service, in whole weeks, as CSV.")
@_asked
def equity(first: datetime | None, last: datetime | None, service: str | None, out: Path) -> None:
    """Write equity.csv."""
    _table("equity.csv", (first, last, service), out)


@export.command("measure", help="FHIR R4 Measure and summary MeasureReport, as one Bundle.")
@_asked
def measure(first: datetime | None, last: datetime | None, service: str | None, out: Path) -> None:
    """Write the measures."""
    from oversight.analytics.narrowed import narrow  # noqa: PLC0415
    from oversight.exports.bundle import as_json  # noqa: PLC0415
    from oversight.exports.fhir_bundle import fhir_bundle  # noqa: PLC0415

    def write(bench: Bench, file: BinaryIO) -> str:
        """From entries laid out once."""
        with bench.mart.open() as mart:
            narrow(mart, bench.order.selection, bench.order.entry)
            document = fhir_bundle(mart, bench.order)
        file.write(as_json(document))
        return f"{len(document['entry'])} resources"

    _export("measures", (first, last, service), out, write)


@export.command("pack", help="The committee's pack: one HTML page, to read and print without a network.")
@_asked
def pack(first: datetime | None, last: datetime | None, service: str | None, out: Path) -> None:
    """Write the page."""
    from oversight.pages.committee.pack import committee_pack  # noqa: PLC0415

    def write(bench: Bench, file: BinaryIO) -> str:
        """In UTF-8."""
        return f"{file.write(committee_pack(bench.pack, bench.order).encode())} bytes"

    _export("committee pack", (first, last, service), out, write)


@export.command("key", help="Print the public key that signs exports here. Give it to whoever is to check them.")
def key() -> None:
    """64 hex digits."""
    from chartside.export_key import ExportKey  # noqa: PLC0415

    click.echo(ExportKey(from_environment().secret).public_key)


@export.command(
    "verify",
    help="Check every file of a signed ZIP. Exit code 0: whole, and signed with the expected key; 1: not whole; 4: "
    "whole, but signed with another key.",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", "expected", help="The public key that is expected. Default: that of this deployment's secret.")
def verify(file: Path, expected: str | None) -> None:
    """Say what is wrong, or that nothing is."""
    from chartside.export_key import ExportKey, signed_with  # noqa: PLC0415
    from oversight.exports.verify import printable  # noqa: PLC0415
    from oversight.exports.verify import verify as check  # noqa: PLC0415

    wanted = (expected or ExportKey(from_environment().secret).public_key).strip().lower()
    verdict = check(file, signed_with)
    for fault in verdict.faults:
        click.echo(f"BAD: {printable(fault)}")
    if verdict.faults or verdict.manifest is None:
        sys.exit(NOT_WHOLE)
    click.echo(printable(_told(verdict.manifest)))
    if verdict.public_key != wanted:
        signed_by = printable(verdict.public_key)
        click.echo(f"BAD: signed with {signed_by}, not with {wanted}. It may come from somebody else.")
        sys.exit(OTHER_KEY)
    click.echo(f"Whole, and signed with {wanted}.")


def _told(manifest: dict[str, Any]) -> str:
    """What the export says of itself."""
    period = manifest["period"]
    return (
        f"{len(manifest['files'])} files, advice of {period['from']} to {period['to']}, up to entry "
        f"{manifest['last_entry']}, made {manifest['made']} by {manifest['by']} with {manifest['software']}."
    )


Asked = tuple[datetime | None, datetime | None, str | None]


def _table(name: str, asked: Asked, out: Path) -> None:
    """One table of counts and rates."""
    from oversight.exports.order import write_figures  # noqa: PLC0415

    def write(bench: Bench, file: BinaryIO) -> str:
        """One of them."""
        return f"{write_figures(bench.mart.open, bench.order, name, file)} rows"

    _export(name, asked, out, write)


def _export(what: str, asked: Asked, out: Path, write: Callable[[Bench, BinaryIO], str]) -> None:
    """Bring the mart up, note the export, write the file. It has its name only when it is whole."""
    taken = click.UsageError(f"{out} is there already; choose another name.")
    if out.exists():
        raise taken
    with _bench(from_environment(), what, asked) as bench:
        try:
            with whole(out) as file:
                said = write(bench, file)
        except FileExistsError:
            raise taken from None
        except OSError as fault:
            raise click.ClickException(f"{out} cannot be written ({fault.strerror}).") from None
    click.echo(f"{out}: {said}, up to entry {bench.order.entry}.")


@contextmanager
def _bench(settings: Settings, what: str, asked: Asked) -> Iterator[Bench]:
    """Everything, with a mart that holds the whole ledger. Raises `ChartsideError`."""
    from chartside.export_key import ExportKey, software  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.factory import mart_folder  # noqa: PLC0415
    from chartside.house import derive_key  # noqa: PLC0415
    from chartside.quality_outcomes import own_outcomes  # noqa: PLC0415
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415
    from oversight.analytics.selection import Selection  # noqa: PLC0415
    from oversight.audit import SqlAudit  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.exports.order import Order  # noqa: PLC0415
    from oversight.exports.standing import SqlStanding  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415
    from oversight.pages.committee.pack import PackParts  # noqa: PLC0415
    from oversight.pages.door.roles import Person, Role  # noqa: PLC0415
    from oversight.pages.mart_source import last_entry  # noqa: PLC0415
    from oversight.pages.view import choices  # noqa: PLC0415
    from oversight.pseudonyms import Pseudonyms  # noqa: PLC0415
    from oversight.reviews.store import SqlReviews  # noqa: PLC0415
    from oversight.tallies import Period  # noqa: PLC0415

    first, last = _period(asked, datetime.now(UTC).date())
    engine = open_engine(settings.database_url, create=False, patience=60.0)
    try:
        where, now = mart_folder(settings), datetime.now(UTC)
        bring_up(engine, where)
        mart = Mart(where)
        with mart.open() as questions:
            entry, _moment = last_entry(questions)
            if asked[2] is not None and asked[2] not in choices(questions)["service"]:
                raise click.UsageError("The ledger knows no such service.")
        # Noted first: an export that nobody can trace does not happen.
        detail = f"export {what}, {first} to {last}, up to entry {entry}, by {WHO}"
        SqlAudit(engine).note(AuditEvent(now, AuditKind.LEDGER_READ, service=asked[2] or "", detail=detail))
        outcomes = own_outcomes(read_manifests(local=settings.local_models))
        chosen = Selection(Period(first, last), service=asked[2])
        order = Order(chosen, entry, settings.base_url, software(), WHO, now, outcomes)
        reviews = SqlReviews(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")))
        who = Person(WHO, frozenset({Role.QUALITY}))
        parts = PackParts(mart.open, SqlStanding(engine), outcomes, who, reviews.sheets)
        yield Bench(mart, order, ExportKey(settings.secret), parts)
    finally:
        engine.dispose()


def _period(asked: Asked, today: date) -> tuple[date, date]:
    """The asked days, or the month before."""
    from oversight.pages.committee.pack import last_month  # noqa: PLC0415

    usual = last_month(today)
    first = asked[0].date() if asked[0] else usual.first
    last = asked[1].date() if asked[1] else usual.last
    if first > last:
        raise click.UsageError("--from lies after --to.")
    return first, last
