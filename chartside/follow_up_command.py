"""`chartside outcomes`, `groups` and `actions`: tell the ledger what came of the advice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from chartside.settings import Settings, from_environment
from clinical.record import Coding

if TYPE_CHECKING:
    from chartside.follow_up.reading import Read
    from clinical.follow_up import ObservedOutcome

EXITS = "Exit codes: 0 done, 1 nothing stored or the ledger failed, 2 wrong usage, 3 the settings do not hold."
OUTCOMES_HELP = f"""What happened to patients in the end, so that the advice can be judged (docs/outcomes.md).

\b
  chartside outcomes load deaths.csv --client st-mary --name death-in-hospital --zone Europe/Berlin
  chartside outcomes load export.ndjson --client st-mary --name death-in-hospital --format fhir-ndjson
  chartside outcomes status

{EXITS}
"""
LOAD_HELP = f"""Load the outcomes in FILE.

\b
csv          columns patient,occurred,time and, if there are stays, encounter
fhir-ndjson  one FHIR R4 resource a line: Patient and Encounter tell deaths in
             hospital, deaths and readmissions; --code reads any other outcome
             out of Condition and Observation
hl7v2        messages ADT^A03 tell deaths in hospital

The ids are those that the hooks send: Patient.id and Encounter.id, or PID-3 and PV1-19 of a feed. A line that is not
understood is named by its number, and then nothing is stored; --skip-bad loads the rest. The same file loaded twice
stores nothing twice, and of statements that contradict each other the latest counts. Each load stands in the audit.

{EXITS}
"""
GROUPS_HELP = f"""Groups that patients belong to (sex, age band, language …), to see whether advice serves all alike.

They are read for audit only and are never a feature of a model.

{EXITS}
"""
ACTIONS_HELP = f"""What was done after an advice, as the record shows it: a lactate was ordered, a visit was booked.

A card that nobody answered and that was acted on all the same counts as acted on.

{EXITS}
"""

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_client = click.option("--client", required=True, help="The client of the registry that the ids are from.")
_skip = click.option("--skip-bad", is_flag=True, help="Load the good lines; bad ones are named and counted.")


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> ZoneInfo | None:
    """A time zone by name."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        raise click.BadParameter("there is no such zone; write it as Europe/Berlin or UTC.") from None


_zoned = click.option("--zone", callback=_zone, help="The zone of times that name none (Europe/Berlin).")


def _code(_: click.Context, __: click.Parameter, pair: str | None) -> Coding | None:
    """A code as system|code."""
    system, bar, code = (pair or "").rpartition("|")
    if pair and not (system and bar and code):
        raise click.BadParameter("write it as system|code, for example http://snomed.info/sct|91302008.")
    return Coding(system, code) if pair else None


@click.group("outcomes", help=OUTCOMES_HELP)
def outcomes() -> None:
    """Group the commands."""


@outcomes.command("load", help=LOAD_HELP)
@_file
@_client
@click.option("--name", required=True, help="Which outcome, by the words of the model's manifest: death-in-hospital.")
@click.option("--format", "form", type=click.Choice(["csv", "fhir-ndjson", "hl7v2"]), default="csv", show_default=True)
@click.option("--code", callback=_code, help="fhir-ndjson: what codes the outcome, as system|code.")
@_zoned
@_skip
@click.option("--any-name", is_flag=True, help="Take a name that no model here is about.")
def load_outcomes(
    file: Path, client: str, name: str, form: str, code: Coding | None, zone: tzinfo | None, *, skip_bad: bool,
    any_name: bool,
) -> None:  # fmt: skip
    """Read, check, store."""
    from chartside.clock import SystemClock  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.follow_up.reading import delivery  # noqa: PLC0415
    from chartside.follow_up.storing import check_client, store, without_future  # noqa: PLC0415
    from oversight.follow_up.outcomes import SqlOutcomes  # noqa: PLC0415

    settings = from_environment()
    check_client(settings, client)
    _check_name(settings, name, any_name=any_name)
    _check_form(name, form, code)
    brought = delivery(file, form)
    read = _read(form, brought.text, client, name, code, zone or (settings.time_zone if form == "hl7v2" else None))
    store(
        settings,
        without_future(read, datetime.now(UTC)),
        lambda engine, pseudonyms: SqlOutcomes(engine, pseudonyms, SystemClock()).load,
        what=f"{name} outcomes",
        client=client,
        source=brought.source,
        skip_bad=skip_bad,
    )


def _read(
    form: str, text: str, client: str, name: str, code: Coding | None, zone: tzinfo | None
) -> Read[ObservedOutcome]:
    """Read a file in its format."""
    from chartside.follow_up import fhir, hl7v2, tables  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.follow_up.moments import Moments  # noqa: PLC0415

    if form == "csv":
        return tables.read_outcomes(text, client=client, name=name, moments=Moments(zone, datetime.now(UTC)))
    if form == "hl7v2":
        return hl7v2.read_outcomes(text, client=client, zone=zone or UTC)
    return fhir.read_outcomes(text, client=client, name=name, code=code)


def _check_name(settings: Settings, name: str, *, any_name: bool) -> None:
    """A mistyped name would be joined to nothing. Raises `click.UsageError`."""
    from chartside.follow_up.names import services_by_outcome  # noqa: PLC0415 (imports of seconds)
    from oversight.follow_up.keys import outcome_name  # noqa: PLC0415

    if not name or outcome_name(name) != name:
        raise click.UsageError("A name is of small letters and digits, with hyphens between words: death-in-hospital.")
    known = services_by_outcome(settings)
    if name not in known and not any_name:
        raise click.UsageError(
            f"No model here is about {name}. Known: {', '.join(known)}. With --any-name it is stored all the same."
        )


def _check_form(name: str, form: str, code: Coding | None) -> None:
    """What a format can tell. Raises `click.UsageError`."""
    from chartside.follow_up.hl7v2 import NAME  # noqa: PLC0415 (imports of seconds, needed here only)
    from fhir_adapters.outcomes import READERS  # noqa: PLC0415

    if code and form != "fhir-ndjson":
        raise click.UsageError("--code is for --format fhir-ndjson.")
    if form == "hl7v2" and name != NAME:
        raise click.UsageError(f"HL7 v2 messages tell {NAME} only. Load others as CSV or FHIR.")
    if form == "fhir-ndjson" and not code and name not in READERS:
        raise click.UsageError(f"Give --code system|code. Without it FHIR tells {', '.join(READERS)}.")


@outcomes.command("status", help="Say for each outcome how many are known, until when, and for what share of advice.")
def show_status() -> None:
    """Count."""
    from chartside.follow_up.names import services_by_outcome  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.follow_up.storing import opened  # noqa: PLC0415
    from oversight.follow_up.status import status  # noqa: PLC0415

    settings = from_environment()
    with opened(settings) as engine:
        found = status(engine, services_by_outcome(settings))
    for each in found:
        last = f"the latest of {each.last:%Y-%m-%d}" if each.last else "none with a time"
        click.echo(f"{each.name}: {each.statements} statements, {each.occurred} of them yes, {last}")
        share = f"{each.spoken_of} of {each.advice} ({each.spoken_of / each.advice:.1%})" if each.advice else "none"
        click.echo(f"  advice with word of it: {share}, services {', '.join(each.services) or '(none)'}")
    if not found:
        click.echo("There is neither advice nor an outcome yet. 'chartside outcomes load --help' says how to begin.")


@click.group("groups", help=GROUPS_HELP)
def groups() -> None:
    """Group the commands."""


@groups.command("load", help=f"Load CSV with the columns patient,attribute,value (p17,sex,female).\n\n{EXITS}")
@_file
@_client
@_skip
def load_groups(file: Path, client: str, *, skip_bad: bool) -> None:
    """Read, check, store."""
    from chartside.clock import SystemClock  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.follow_up.tables import read_groups  # noqa: PLC0415
    from oversight.follow_up.groups import SqlGroups  # noqa: PLC0415

    _load(
        file,
        client,
        lambda text: read_groups(text, client=client),
        lambda engine, pseudonyms: SqlGroups(engine, pseudonyms, SystemClock()).load,
        what="groups",
        skip_bad=skip_bad,
    )


@click.group("actions", help=ACTIONS_HELP)
def actions() -> None:
    """Group the commands."""


@actions.command("load", help=f"Load CSV with the columns advice,kind,time; advice is the uuid of the card.\n\n{EXITS}")
@_file
@_client
@_zoned
@_skip
def load_actions(file: Path, client: str, zone: tzinfo | None, *, skip_bad: bool) -> None:
    """Read, check, store."""
    from chartside.clock import SystemClock  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.follow_up.moments import Moments  # noqa: PLC0415
    from chartside.follow_up.tables import read_actions  # noqa: PLC0415
    from oversight.follow_up.actions import SqlActions  # noqa: PLC0415

    _load(
        file,
        client,
        lambda text: read_actions(text, client=client, moments=Moments(zone, datetime.now(UTC))),
        lambda engine, _: SqlActions(engine, SystemClock()).load,
        what="actions",
        skip_bad=skip_bad,
    )


def _load(
    file: Path, client: str, read: Callable[[str], Read[Any]], sink: Callable[..., Any], *, what: str, skip_bad: bool
) -> None:
    """Read a CSV file of groups or actions, and store it."""
    from chartside.follow_up.reading import delivery  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.follow_up.storing import check_client, store  # noqa: PLC0415

    settings = from_environment()
    check_client(settings, client)
    brought = delivery(file, "csv")
    found = read(brought.text)
    store(settings, found, sink, what=what, client=client, source=brought.source, skip_bad=skip_bad)
