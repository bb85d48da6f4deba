"""`chartside monitor`: all monitors of all services for the last full week, once or on a schedule."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from chartside import logs
from chartside.mart_command import mart_option
from chartside.monitor_watch import Appointment, watch
from chartside.settings import Settings, from_environment
from clinical.errors import ChartsideError, UnknownService, origin

if TYPE_CHECKING:
    from oversight.alerts import Alert
    from oversight.monitors.run import ServiceRun

NOTHING, ALARM, NOT_RUN, AT_FAULT = 0, 1, 2, 3
# How many weeks a watcher looks back for what was missed; a run by hand is about one.
WEEKS_BACK = 8
USUAL_TIME = "Mon 05:10"

HELP = """Run all monitors of all services for the last full week (Monday to Sunday, UTC) against the weeks before.

What was found is kept in the ledger, and alarms open alerts; running twice keeps it once. Exit code 0: no alarm; 1: an
alarm; 2: it could not run; 3: no alarm, but a monitor is at fault, so nobody knows. A fault is always told on standard
error too, and costs the answer of that monitor alone.

To have it run by itself, keep this process running beside the service, as another service of the machine or another
container. It judges what was missed since, then each week once; it says what it does in JSON lines on standard error,
goes on after a fault, and ends with 0 at SIGTERM:

\b
  chartside monitor --watch

Or a line for cron, Mondays at 05:10, that mails what is printed when there is an alarm or a fault. A week ends with
its Sunday in UTC: where your Monday begins more than five hours before, take a later hour.

\b
  10 5 * * 1  out=$(chartside monitor 2>&1) || echo "$out" | mail -s "Chartside monitors" quality@hospital.example

What the monitors ask of each service:

\b
  how much, how often:      volume firing-rate override-rate no-answer repeats
                            change-points
  what comes in:            feed-quality feature-drift classifier-drift mix-drift
  what goes out, and why:   score-drift reasons-drift
  what came of it, where    performance estimated-performance fairness
  the model has an outcome

Outcomes come later than advice: what they say is about weeks that have had their time. docs/monitoring.md says what
each monitor looks at and from which effect on it speaks, docs/deployment.md how to start the watcher.
"""


def _time(_: click.Context, __: click.Parameter, words: str | None) -> Appointment | None:
    """A day and time of the week."""
    try:
        return None if words is None else Appointment.read(words)
    except ValueError:
        raise click.BadParameter(f"write a day and a time in UTC: '{USUAL_TIME}'.") from None


@click.command("monitor", help=HELP)
@click.option("--service", help="Only this service.")
@click.option(
    "--last",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The week ends on this day or before it; the day has to be over. Default: yesterday (UTC).",
)
@click.option(
    "--weeks",
    type=click.IntRange(1, 520),
    help="So many weeks up to that one, the earliest first, as if it had run every Monday. Default: 1. "
    f"With --watch: how far back it looks for weeks that were missed. Default: {WEEKS_BACK}.",
)
@mart_option
@click.option("--json", "as_data", is_flag=True, help="Print JSON.")
@click.option("--dry-run", is_flag=True, help="Keep nothing: no run, no alert.")
@click.option("--watch", "watching", is_flag=True, help="Stay, and run once a week by itself.")
@click.option(
    "--at",
    callback=_time,
    metavar="'DAY HH:MM'",
    help=f"With --watch: when a week that is over is judged, in UTC. Default: '{USUAL_TIME}'.",
)
def monitor(
    service: str | None, last: datetime | None, weeks: int | None, folder: Path | None, at: Appointment | None, *,
    as_data: bool, dry_run: bool, watching: bool,
) -> None:  # fmt: skip
    """Bring the mart up, run, keep, print; or stay and do so every week."""
    if watching:
        _refuse({"--service": service, "--last": last, "--json": as_data, "--dry-run": dry_run})
        logs.set_up()
        watch(_settings(), folder, weeks or WEEKS_BACK, at or Appointment.read(USUAL_TIME))
        sys.exit(NOTHING)
    if at:
        raise click.UsageError("--at is for --watch. A run by hand is now.")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    end = last.date() if last else yesterday
    if end > yesterday:
        raise click.BadParameter(f"name a day that is over (UTC): {yesterday} or an earlier one.", param_hint="--last")
    days = [end - timedelta(weeks=before) for before in reversed(range(weeks or 1))]
    try:
        runs, alerts = _run(from_environment(), service, days, folder, dry_run=dry_run)
    except ChartsideError as fault:
        _not_run(fault.message)
    except Exception as fault:  # with 1, a traceback would be taken for an alarm; its message may quote what was read
        place = f"{type(fault).__name__} at {origin(fault)}"
        _not_run(f"That is a fault of Chartside ({place}). Once it is mended, run it again: nothing is kept twice.")
    click.echo(json.dumps(_as_json(runs, alerts), indent=2) if as_data else _as_text(runs, alerts))
    if faults := _faults(runs):
        click.echo(faults, err=True)
    alarm = any(result.alarms for run in runs for result in run.results)
    sys.exit(ALARM if alarm else AT_FAULT if faults else NOTHING)


# Why an option makes no sense for a process that stays.
_NOT_WATCHED = {
    "--service": "it judges every service.",
    "--last": "it judges the weeks that are over by the clock; --weeks says how far back.",
    "--json": "what it says are JSON lines anyway, on standard error.",
    "--dry-run": "keeping nothing, it would judge the same weeks again at every look.",
}


def _refuse(given: dict[str, object]) -> None:
    """Raise `click.UsageError` for the first option that is given and not for a watcher."""
    for name, value in given.items():
        if value:
            raise click.UsageError(f"{name} is not for --watch: {_NOT_WATCHED[name]}")


def _settings() -> Settings:
    """The settings; without them there is nothing to wait for."""
    try:
        return from_environment()
    except ChartsideError as fault:
        _not_run(fault.message)


def _not_run(why: str) -> NoReturn:
    """Say why, and end."""
    click.echo(f"The monitors could not run. {why}", err=True)
    sys.exit(NOT_RUN)


def _run(
    settings: Settings, service: str | None, days: Sequence[date], folder: Path | None, *, dry_run: bool
) -> tuple[tuple[ServiceRun, ...], tuple[Alert, ...]]:
    """The runs and the alerts that are open afterwards. Raises `ChartsideError`."""
    from chartside.monitor_running import opened, thresholds_of  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.alerts import SqlAlerts  # noqa: PLC0415
    from oversight.analytics.judged import judged  # noqa: PLC0415
    from oversight.monitors.run import expected, run_all  # noqa: PLC0415
    from oversight.monitors.store import store  # noqa: PLC0415
    from oversight.monitors.weeks import last_full_week  # noqa: PLC0415

    now = datetime.now(UTC)
    with opened(settings, folder, now, "by command") as house:
        thresholds = thresholds_of(settings)
        with house.mart.open() as mart:
            known = expected(mart, week := last_full_week(days[-1]))
            if service is not None and service not in known:
                there = ", ".join(known) or "none"
                raise UnknownService(f"No service '{service}' has entries in the half year up to {week.last}: {there}.")
            runs = tuple(run for day in days for run in run_all(mart, day, thresholds, judged, service))
        if not dry_run:
            store(house.engine, runs, now)
        return runs, SqlAlerts(house.engine).open_alerts(service)


def _as_text(runs: Iterable[ServiceRun], alerts: Iterable[Alert]) -> str:
    """The short report: what is loud, what could not be said, and what is still open."""
    lines: list[str] = []
    for run in runs:
        lines.append(f"{run.service} {run.version}, week {run.week.first} to {run.week.last}")
        lines += [f"  {result.status.value:<8}{result.monitor}: {result.words}" for result in run.results]
    open_ones = [
        f"  alert {each.number}, {each.state.value}, {each.service}, since the week of {each.first}: {each.words}"
        for each in alerts
    ]
    return "\n".join(
        [*(lines or ["There is nothing to look at."]), *(["Open alerts:"] if open_ones else []), *open_ones]
    )


def _faults(runs: Iterable[ServiceRun]) -> str:
    """The monitors that broke, or nothing: for standard error, as who mends them need not be who reads the rest."""
    lines = [f"  {run.service}, week of {run.week.first}: {', '.join(run.at_fault)}" for run in runs if run.at_fault]
    if not lines:
        return ""
    first = "Monitors are at fault and have no answer. That is a fault of Chartside, not a lack of data:"
    return "\n".join(
        [first, *lines, "The other answers stand. Tell whoever runs Chartside; after a mend, run the week again."]
    )


def _as_json(runs: Iterable[ServiceRun], alerts: Iterable[Alert]) -> dict[str, Any]:
    """The same for machines."""
    from oversight.monitors.result import as_json  # noqa: PLC0415

    return {
        "runs": [
            {
                "service": run.service,
                "version": run.version,
                "first": run.week.first.isoformat(),
                "last": run.week.last.isoformat(),
                "up_to": run.up_to,
                "thresholds": run.thresholds.as_json(),
                "results": [as_json(result) for result in run.results],
            }
            for run in runs
        ],
        "open_alerts": [
            {
                "alert": each.number,
                "state": each.state.value,
                "monitor": each.monitor,
                "service": each.service,
                "subject": each.subject,
                "level": each.level,
                "week": each.first.isoformat(),
                "words": each.words,
            }
            for each in alerts
        ],
    }
