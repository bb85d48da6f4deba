"""`chartside incidents`: problems with advice that clinicians have reported."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from chartside.settings import from_environment
from clinical.audit import AuditEvent, AuditKind


@click.group(help="Problems with advice that clinicians have reported on the risk page.")
def incidents() -> None:
    """Group the commands."""


@incidents.command("list", help="Print the newest reports with their words. That somebody did so stands in the audit.")
@click.option("--most", type=click.IntRange(1, 10_000), default=500, show_default=True, help="How many at most.")
def show(most: int) -> None:
    """List the reports."""
    from chartside.house import derive_key  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.audit import SqlAudit  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.incidents import SqlIncidents  # noqa: PLC0415
    from oversight.pseudonyms import Pseudonyms  # noqa: PLC0415

    settings = from_environment()
    engine = open_engine(settings.database_url, create=False)
    try:
        SqlAudit(engine).note(AuditEvent(datetime.now(UTC), AuditKind.LEDGER_READ, detail="incidents, by command"))
        found = SqlIncidents(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms"))).incidents(most)
    finally:
        engine.dispose()
    if not found:
        click.echo("Nobody has reported a problem.")
    for each in found:
        model = f"{each.model} {each.version}" if each.model else "advice not known"
        click.echo(
            f"{each.id}  {each.time:%Y-%m-%d %H:%M} UTC  {each.state.value}  {each.kind}  {model}, service "
            f"{each.service}, client {each.client}: {_plain(each.words)}"
        )


def _plain(text: str) -> str:
    """Text from outside on one line, without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
