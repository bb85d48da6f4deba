"""`chartside monitor`: all monitors of all services for the last full week. Made for cron."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import Engine

from chartside.settings import Settings, from_environment
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import ChartsideError

if TYPE_CHECKING:
    from oversight.alerts import Alert
    from oversight.monitors.run import ServiceRun
    from oversight.monitors.thresholds import Thresholds

NOTHING, ALARM, NOT_RUN = 0, 1, 2

HELP = """Run all monitors of all services for the last full week (Monday to Sunday, UTC) against the weeks before.

What was found is kept in the ledger, and alarms open alerts; running twice keeps it once. Exit code 0: no alarm; 1: an
alarm; 2: it could not run. A line for cron, Mondays at 05:10, that mails what is printed when there is an alarm:

\b
  10 5 * * 1  out=$(chartside monitor 2>&1) || echo "$out" | mail -s "Chartside monitors" quality@hospital.example

Outcomes come later than advice: what they say is about weeks that have had their time. docs/monitoring.md says what
each monitor looks at and from which effect on it speaks.
"""


@click.command("monitor", help=HELP)
@click.option("--service", help="Only this service.")
@click.option(
    "--last", type=click.DateTime(["%Y-%m-%d"]), help="The week ends on this day or before it. Default: today."
)
@click.option(
    "--mart",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the mart. Default: that of the quality team's pages.",
)
@click.option("--json", "as_data", is_flag=True, help="Print JSON.")
@click.option("--dry-run", is_flag=True, help="Keep nothing: no run, no alert.")
def monitor(service: str | None, last: datetime | None, folder: Path | None, *, as_data: bool, dry_run: bool) -> None:
    """Bring the mart up, run, keep, print."""
    day = last.date() if last else datetime.now(UTC).date()
    try:
        runs, alerts = _run(from_environment(), service, day, folder, dry_run=dry_run)
    except ChartsideError as fault:
        click.echo(f"The monitors could not run. {fault.message}", err=True)
        sys.exit(NOT_RUN)
    click.echo(json.dumps(_as_json(runs, alerts), indent=2) if as_data else _as_text(runs, alerts))
    sys.exit(ALARM if any(result.alarms for run in runs for result in run.results) else NOTHING)


def _run(
    settings: Settings, service: str | None, day: date, folder: Path | None, *, dry_run: bool
) -> tuple[tuple[ServiceRun, ...], tuple[Alert, ...]]:
    """The runs and the alerts that are open afterwards. Raises `ChartsideError`."""
    from chartside.factory import mart_folder  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.alerts import SqlAlerts  # noqa: PLC0415
    from oversight.analytics.judged import judged  # noqa: PLC0415
    from oversight.audit import SqlAudit  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415
    from oversight.monitors.run import run_all  # noqa: PLC0415
    from oversight.monitors.store import store  # noqa: PLC0415

    where = folder or mart_folder(settings)
    engine: Engine = open_engine(settings.database_url, create=False, patience=60.0)
    now = datetime.now(UTC)
    try:
        SqlAudit(engine).note(AuditEvent(now, AuditKind.LEDGER_READ, detail="monitors, by command"))
        bring_up(engine, where)
        with Mart(where).open() as mart:
            runs = run_all(mart, day, _thresholds(settings), judged, service)
        if not dry_run:
            store(engine, runs, now)
        return runs, SqlAlerts(engine).open_alerts(service)
    finally:
        engine.dispose()


def _thresholds(settings: Settings) -> Callable[[str], Thresholds]:
    """The usual thresholds, changed by the manifest of the service's model, where there is one.

    Artefacts are not opened. Raises `ManifestInvalid`.
    """
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415
    from models.runtime.manifest_monitoring import monitoring_of  # noqa: PLC0415
    from oversight.monitors.thresholds import USUAL  # noqa: PLC0415

    changes: Mapping[str, Mapping[str, Any]] = {
        name: monitoring_of(manifest.folder / "model.toml")
        for name, manifest in read_manifests(local=settings.local_models).items()
    }
    return lambda service: USUAL.changed(changes.get(service, {}))


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


def _as_json(runs: Iterable[ServiceRun], alerts: Iterable[Alert]) -> dict[str, Any]:
    """The same for machines."""
    from oversight.monitors.store import as_json  # noqa: PLC0415

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
