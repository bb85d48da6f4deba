"""`chartside incidents`: problems with advice that clinicians have reported, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine

from chartside.noted_ledger import noted_ledger
from chartside.plain_line import plain
from chartside.private_file import whole_text
from chartside.settings import Settings
from clinical.errors import Unprocessable
from clinical.incident import IncidentState, ReporterKind

if TYPE_CHECKING:
    from oversight.device_report import DeviceFacts
    from oversight.incident_events import IncidentHistory
    from oversight.incidents import Incident, SqlIncidents

KINDS = ("facts", *(state.value for state in IncidentState if state is not IncidentState.DRAFT))


@click.group(help="Problems with advice that clinicians have reported: list them, keep what was done, draft a report.")
def incidents() -> None:
    """Group the commands."""


@incidents.command("list", help="Print the newest reports with their words. That somebody did so stands in the audit.")
@click.option("--most", type=click.IntRange(1, 10_000), default=500, show_default=True, help="How many at most.")
def listed(most: int) -> None:
    """List the reports."""
    with noted_ledger("incidents") as (settings, engine):
        found = _incidents(settings, engine).incidents(most)
    if not found:
        click.echo("Nobody has reported a problem.")
    for each in found:
        click.echo(_line(each))


@incidents.command("show", help="Print one incident: the report, its events, and what would be due when.")
@click.argument("incident")
def show(incident: str) -> None:
    """One incident."""
    from oversight.incident_events import SqlIncidentEvents  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.report_deadlines import COUNTED  # noqa: PLC0415

    with noted_ledger(f"incident {incident[:60]}") as (settings, engine):
        found = _incidents(settings, engine).incident(incident)
        history = SqlIncidentEvents(engine).history(incident)
    if found is None or history is None:
        raise click.UsageError("There is no such incident.")
    click.echo(_line(found))
    for event in history.events:
        facts = ", ".join(f"{name}={plain(value)}" for name, value in event.fields.items())
        click.echo(
            f"  {event.time:%Y-%m-%d %H:%M} UTC  {event.kind}, by {plain(event.by_whom)} ({plain(event.role)}): {facts}"
        )
    _say_deadlines(history)
    click.echo(COUNTED)


@incidents.command("event", help="Add what was done about INCIDENT. Events are never changed; a later one goes before.")
@click.argument("incident")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--by", "by_whom", required=True, help="Who does this.")
@click.option("--role", default="quality", show_default=True, help="In which role.")
@click.option(
    "--fact",
    "facts",
    multiple=True,
    help="NAME=VALUE. triaged needs harm (death, serious-injury, malfunction, none) and aware (a day), and takes "
    "remedial=yes; reportable needs as (user-facility, manufacturer) and words; not-reportable needs words; submitted "
    "needs on (a day). Blocks of Form FDA 3500A, such as D3, may be added with any. No names of patients.",
)
def event(incident: str, kind: str, by_whom: str, role: str, facts: tuple[str, ...]) -> None:
    """Add an event."""
    from oversight.incident_events import SqlIncidentEvents  # noqa: PLC0415

    with noted_ledger(f"incident {incident[:60]}: {kind}") as (_, engine):
        try:
            history = SqlIncidentEvents(engine).add(
                incident, kind, _facts(facts), by_whom=by_whom, role=role, now=datetime.now(UTC)
            )
        except Unprocessable as fault:
            raise click.UsageError(fault.message) from None
    click.echo(f"{incident} is {history.state.value}.")
    _say_deadlines(history)


@incidents.command(
    "report",
    help="Write the draft of a device report (Form FDA 3500A) about INCIDENT: what the ledger and the model's manifest "
    "know is filled in, the rest is named. It is a draft; people decide, complete and send.",
)
@click.argument("incident")
@click.option(
    "--as", "who", type=click.Choice([each.value for each in ReporterKind]), default="user-facility", show_default=True
)
@click.option("--json", "as_data", is_flag=True, help="JSON instead of plain text.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file. Default: print it.")
@click.option("--manufacturer", default="", help="Name, city and state of the developer (D3).")
def report(incident: str, who: str, out: Path | None, manufacturer: str, *, as_data: bool) -> None:
    """Write the draft."""
    from oversight import device_report  # noqa: PLC0415
    from oversight.incident_events import SqlIncidentEvents  # noqa: PLC0415

    with noted_ledger(f"device report draft, {incident[:60]}") as (settings, engine):
        found = device_report.reported(engine, incident)
        history = SqlIncidentEvents(engine).history(incident)
    if found is None or history is None:
        raise click.UsageError("There is no such incident.")
    device = _device(settings, found.model, found.version, manufacturer)
    made = device_report.draft(found, history, device, ReporterKind(who), datetime.now(UTC).date())
    text = device_report.dumped(made) if as_data else _printable(device_report.as_text(made))
    if out is None:
        click.echo(text)
    else:
        _write(out, text)
        click.echo(f"Draft in {out}; {len(made.missing)} blocks are still to be filled in.")


def _incidents(settings: Settings, engine: Engine) -> SqlIncidents:
    """The reports."""
    from chartside.house import derive_key  # noqa: PLC0415
    from oversight.incidents import SqlIncidents  # noqa: PLC0415
    from oversight.pseudonyms import Pseudonyms  # noqa: PLC0415

    return SqlIncidents(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")))


def _device(settings: Settings, model: str, version: str, manufacturer: str) -> DeviceFacts:
    """What the manifest says, if it is still of the version that gave the advice."""
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415
    from oversight.device_report import DeviceFacts  # noqa: PLC0415

    manifest = read_manifests(local=settings.local_models).get(model)
    if manifest is None:
        return DeviceFacts(manufacturer=manufacturer)
    info = manifest.info
    artefact = info.digest if info.version == version else ""
    return DeviceFacts(info.title, info.intended_use, artefact, manufacturer)


def _facts(texts: tuple[str, ...]) -> Mapping[str, str]:
    """NAME=VALUE each, each name once."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name in found:
            raise click.UsageError(f"--fact {text.split('=')[0]} must be NAME=VALUE, each name once.")
        found[name] = value
    return found


def _say_deadlines(history: IncidentHistory) -> None:
    """By when, for either kind of reporter."""
    today: date = datetime.now(UTC).date()
    if history.harm is None:
        click.echo("  Nobody has triaged it: these are the deadlines that a death would have.")
    for who in ReporterKind:
        for each in history.deadlines(who):
            left = each.days_left(today)
            when = f"{left} days left" if left >= 0 else f"{-left} days PAST"
            click.echo(f"  as {who.value}: to {each.to} by {each.due} ({each.time}, {each.rule}; {when})")


def _line(each: Incident) -> str:
    """One report on one line."""
    model = f"{each.model} {each.version}" if each.model else "advice not known"
    return (
        f"{each.id}  {each.time:%Y-%m-%d %H:%M} UTC  {each.state.value}  {each.kind}  {model}, service "
        f"{each.service}, client {each.client}: {plain(each.words)}"
    )


def _write(path: Path, text: str) -> None:
    """A new file that only its owner may read."""
    try:
        with whole_text(path) as out:
            out.write(f"{text}\n")
    except FileExistsError:
        raise click.UsageError(f"{path} is there already; choose another name.") from None
    except OSError as fault:
        raise click.ClickException(f"{path} cannot be written ({fault.strerror}).") from None


def _printable(text: str) -> str:
    """Text from outside, line by line as a terminal may show it."""
    return "\n".join(map(plain, text.split("\n")))
