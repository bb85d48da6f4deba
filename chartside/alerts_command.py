"""`chartside alerts`: what the monitors have raised, and what was done about it; for who has no browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine

from chartside.noted_ledger import noted_ledger
from chartside.plain_line import plain
from chartside.settings import Settings
from clinical.errors import Unprocessable

if TYPE_CHECKING:
    from oversight.alerts import Alert, Series

# The steps in order; what may follow the state of an alert, the ledger says.
STEPS = ("acknowledged", "cause", "action", "check", "closed")

STEP_HELP = """Take the next step of the alert NUMBER. Steps are added and never changed.

An action also says what is expected of it. A check first prints what an interrupted time series says about the figure
since the last action, and keeps it with your words only with --confirm; it needs eight weeks on either side.
"""


@click.group(help="Alerts of the monitors: list them, show one with what was done, take the next step.")
def alerts() -> None:
    """Group the commands."""


@alerts.command("list", help="Print open alerts, newest first. That somebody did so stands in the audit.")
@click.option("--all", "every", is_flag=True, help="Closed ones too.")
@click.option("--service", help="Only this service.")
def listed(service: str | None, *, every: bool) -> None:
    """List them, and say when the monitors last ran."""
    from oversight.alerts import SqlAlerts  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.monitor_runs import SqlRuns  # noqa: PLC0415
    from oversight.pages.alerts import freshness  # noqa: PLC0415

    with noted_ledger("alerts") as (_, engine):
        book = SqlAlerts(engine)
        found = book.alerts(service) if every else book.open_alerts(service)
        last = SqlRuns(engine).last_time()
    if stale := freshness(last, datetime.now(UTC)):
        click.echo(f"{stale} See: chartside monitor --help", err=True)
    if not found:
        click.echo("There is no alert." if every else "No alert is open.")
    for each in found:
        click.echo(_line(each))


@alerts.command("show", help="Print one alert: the run that raised it, what was done, and what may come next.")
@click.argument("number", type=click.IntRange(1))
def show(number: int) -> None:
    """One alert."""
    from oversight.alerts import SqlAlerts  # noqa: PLC0415
    from oversight.monitor_runs import SqlRuns  # noqa: PLC0415

    with noted_ledger(f"alert {number}") as (_, engine):
        found = SqlAlerts(engine).alert(number)
        run = SqlRuns(engine).of_alert(number)
    if found is None:
        raise click.UsageError("There is no such alert.")
    click.echo(_line(found))
    if run is not None:
        click.echo(f"  raised by the run of {run.time:%Y-%m-%d %H:%M} UTC: {plain(run.words)}")
    for event in found.events:
        click.echo(
            f"  {event.time:%Y-%m-%d %H:%M} UTC  {event.step.value}, by {plain(event.by_whom)} ({plain(event.role)}): "
            f"{plain(event.words)}"
        )
    click.echo(f"  next: {' or '.join(step.value for step in found.next_steps) or 'nothing, it is closed'}")


@alerts.command("step", help=STEP_HELP)
@click.argument("number", type=click.IntRange(1))
@click.argument("step", type=click.Choice(STEPS))
@click.option("--by", "by_whom", required=True, help="Who does this.")
@click.option("--role", default="quality", show_default=True, help="In which role.")
@click.option("--words", required=True, help="What was found, done or seen. No names of patients.")
@click.option("--expected", default="", help="With an action: what is expected of it, and by when.")
@click.option("--confirm", is_flag=True, help="Keep the check whose figures were printed.")
def take(number: int, step: str, by_whom: str, role: str, words: str, expected: str, *, confirm: bool) -> None:
    """Take a step."""
    from oversight.alerts import AlertStep, SqlAlerts, check_words, since  # noqa: PLC0415
    from oversight.pages.alert_steps import step_words, with_figures  # noqa: PLC0415

    with noted_ledger(f"alert {number}: {step}") as (settings, engine):
        book, now = SqlAlerts(engine), datetime.now(UTC)
        try:
            said = step_words(AlertStep(step), words, expected)
            found = book.alert(number)
            series = _series(settings, engine, found) if found and step == AlertStep.CHECK else None
            action = since(found, AlertStep.ACTION) if found else None
            if series is None or action is None:
                alert = book.add(number, AlertStep(step), said, by_whom=by_whom, role=role, now=now)
            else:
                figures = check_words(series, action)
                with_figures(said, figures)
                click.echo(plain(figures))
                if not confirm:
                    click.echo("Nothing was kept. Add --confirm to keep this with your words.")
                    return
                alert = book.check(number, series, action, by_whom=by_whom, role=role, now=now, words=said)
        except Unprocessable as fault:
            raise click.UsageError(fault.message) from None
    click.echo(f"Alert {number} is {alert.state.value}.")


def _series(settings: Settings, engine: Engine, alert: Alert) -> Series | None:
    """The figure of the alert by week, out of a mart that has all of the ledger."""
    from chartside.factory import mart_folder  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415
    from oversight.monitors.alert_series import alert_series  # noqa: PLC0415

    where = mart_folder(settings)
    bring_up(engine, where)
    with Mart(where).open() as mart:
        found = alert_series(mart, alert, datetime.now(UTC).date())
    return found.series if found is not None and found.totals else None


def _line(each: Alert) -> str:
    """One alert on one line."""
    return (
        f"alert {each.number}, {each.state.value}, {each.service} {each.model_version}, since the week of "
        f"{each.first}, {each.monitor}: {plain(each.words)}"
    )
