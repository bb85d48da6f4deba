"""The `chartside` command. Exit codes: 0 done, 1 a fault while running, 2 wrong usage, 3 the settings do not hold."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import click

from chartside import logs
from chartside.alerts_command import alerts
from chartside.clients_command import clients
from chartside.doctor.command import doctor
from chartside.export_command import export
from chartside.follow_up_command import actions, groups, outcomes
from chartside.history_command import history
from chartside.incidents_command import incidents
from chartside.ledger_command import ledger
from chartside.mart_command import BesideTheService, mart
from chartside.model_options import offer
from chartside.models_command import models
from chartside.monitor_command import monitor
from chartside.reviews_command import reviews
from chartside.settings import Settings, from_environment
from chartside.switch_command import switch
from chartside.training_commands import evaluate, evidence, recalibrate, train
from clinical.errors import ChartsideError, NotStarted
from oversight.tallies import Period, SqlTallies, usual_first_day

SETTINGS_FAULT = 3


@click.group(help="Chartside: risk beside the chart. Settings come from CHARTSIDE_… variables (docs/settings.md).")
@click.version_option(package_name="chartside")
def cli() -> None:
    """Group the commands."""


for command in (
    actions, alerts, clients, doctor, evaluate, evidence, export, groups, history, incidents, ledger, mart, models,
    monitor, outcomes, recalibrate, reviews, switch, train,
):  # fmt: skip
    cli.add_command(command)


@cli.command(help="Serve CDS Hooks, the SMART page and the quality pages until stopped.")
def serve() -> None:
    """Open the house and serve."""
    from chartside.factory import create_app, open_house  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.serving import Server  # noqa: PLC0415

    logs.set_up()
    settings = _settings()
    ready = f"Chartside is ready at {settings.base_url} (discovery: {settings.base_url}/cds-services)"
    house = open_house(settings, mart_behind=BesideTheService().start)
    Server(
        create_app(house), settings.host, settings.port, lambda: click.echo(ready, err=True), house.look_at_mart
    ).run()


@cli.command(help="Check all that a start checks but the ledger and the port, neither of which is opened.")
def check() -> None:
    """Say what is there."""
    from chartside.factory import rehearse  # noqa: PLC0415 (imports of seconds, needed here only)

    found = rehearse(_settings())
    for client in found.clients.values():
        click.echo(f"client {client.id}: {client.name}, authentication {client.authentication}, {client.fhir_base}")
    for model in found.known.values():
        click.echo(
            f"model {model.info.id} {model.info.version}: artefact {model.info.digest[:16]}…, {model.info.title}, "
            f"{offer(getattr(model, 'draft', ''), served=model.served)}"
        )


@cli.command("override-rates", help="Print shown, accepted, overridden and unanswered advice with Wilson intervals.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC). Default: twelve weeks.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC). Default: today.")
@click.option("--by", type=click.Choice(["day", "week", "month"]), default="week", show_default=True)
@click.option("--service", help="Only this service.")
@click.option("--min-cell", type=click.IntRange(0, 100), default=0, help="Hide counts below this (exports use 11).")
@click.option("--json", "as_data", is_flag=True, help="Print JSON.")
def override_rates(
    first: datetime | None, last: datetime | None, by: str, service: str | None, min_cell: int, as_data: bool
) -> None:
    """Read the ledger and count."""
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.override_rates import Step, override_report  # noqa: PLC0415
    from oversight.report_forms import as_json, render_text  # noqa: PLC0415

    engine = open_engine(_settings().database_url, create=False)
    period = _period(first, last)
    try:
        counts = SqlTallies(engine)
        if service is not None and service not in (there := counts.services()):
            raise click.UsageError(f"The ledger knows no service '{service}'; there are: {', '.join(there) or 'none'}.")
        report = override_report(counts.tallies(period, service), period, Step(by))
    finally:
        engine.dispose()
    click.echo(json.dumps(as_json(report, min_cell), indent=2) if as_data else render_text(report, min_cell))


@cli.command("hl7v2", help="Assess one patient from HL7 v2 files (ADT^A01, ORU^R01), as a hook call would.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--client", required=True, help="The entry of the client registry that the feed belongs to.")
@click.option("--patient", required=True, help="The patient's identifier (PID-3.1).")
@click.option("--model", default="icu-mortality", show_default=True, help="The risk model.")
def hl7v2(files: Sequence[Path], client: str, patient: str, model: str) -> None:
    """Read the messages in the given order, advise, store, print."""
    from chartside.feeds import assess_messages  # noqa: PLC0415

    logs.set_up()
    found = assess_messages(_settings(), [path.read_bytes() for path in files], client, patient, model)
    click.echo(json.dumps(found, indent=2))


def _period(first: datetime | None, last: datetime | None) -> Period:
    """The asked days, or the last twelve weeks as on the page."""
    today = datetime.now(UTC).date()
    end: date = last.date() if last else today
    start: date = first.date() if first else usual_first_day(end)
    if start > end:
        raise click.UsageError("--from lies after --to.")
    return Period(start, end)


def _settings() -> Settings:
    """The settings of this process."""
    return from_environment()


def main() -> NoReturn:
    """Run, and turn our own errors into words and an exit code."""
    try:
        cli(standalone_mode=True)
    except NotStarted as fault:
        click.echo(f"Chartside did not start. {fault.message}", err=True)
        sys.exit(SETTINGS_FAULT)
    except ChartsideError as fault:
        click.echo(fault.message, err=True)
        sys.exit(1)
    except OSError as fault:
        if not _came_from_printing(fault):
            raise
        _drop_output()
        click.echo(f"The output could not be written ({fault.strerror}).", err=True)
        sys.exit(1)
    sys.exit(0)


def _came_from_printing(fault: OSError) -> bool:
    """Whether what was printed found no room, and not a file that a command writes."""
    *_, last = traceback.extract_tb(fault.__traceback__)
    return last.filename == click.utils.__file__ and last.name == "echo"


def _drop_output() -> None:
    """Print nowhere from here on: Python tries once more at its end, and would say so in its own words."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
