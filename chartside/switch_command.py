"""`chartside switch`: silence a service within five seconds, and let it speak again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from chartside.plain_line import plain
from chartside.settings import from_environment
from clinical.errors import Unprocessable
from clinical.typed_words import typed, typed_name

if TYPE_CHECKING:
    from oversight.switches import SqlSwitches


@click.group(
    help="The kill switch. A service that is off goes on assessing and storing, and shows nothing: no card, and no "
    "result on the page. Running processes follow within five seconds. Every change is kept, with who and why."
)
def switch() -> None:
    """Group the commands."""


@switch.command("off", help="Silence SERVICE (or 'all' services), for all clients or for one.")
@click.argument("service")
@click.option("--client", default="", help="Only for this client of the registry. Default: for all.")
@click.option("--by", required=True, help="Who decides this.")
@click.option("--reason", required=True, help="Why. No patient data.")
def off(service: str, client: str, by: str, reason: str) -> None:
    """Switch off."""
    _set(service, client, off=True, by=by, reason=reason)


@switch.command("on", help="Let SERVICE (or 'all') speak again. Undoes the 'off' of the same service and client only.")
@click.argument("service")
@click.option("--client", default="", help="Only for this client of the registry. Default: for all.")
@click.option("--by", required=True, help="Who decides this.")
@click.option("--reason", required=True, help="Why. No patient data.")
def on(service: str, client: str, by: str, reason: str) -> None:
    """Switch on."""
    _set(service, client, off=False, by=by, reason=reason)


@switch.command("list", help="Say what is off and what was switched on again, by whom, when and why.")
def show() -> None:
    """List the latest state of each client and service."""
    with _opened() as switches:
        states = switches.states()
    if not states:
        click.echo("Nothing was ever switched off.")
    for state in states:
        click.echo(
            f"{'OFF' if state.off else 'on '}  service {state.service or '(all)'}, client {state.client or '(all)'}, "
            f"since {state.time:%Y-%m-%d %H:%M} UTC, by {plain(state.by_whom)}: {plain(state.reason)}"
        )


def _set(service: str, client: str, *, off: bool, by: str, reason: str) -> None:
    """Write the state, for names that exist: a mistyped name would switch nothing off, and nobody would notice."""
    from chartside.clients import load_clients  # noqa: PLC0415 (imports of seconds, needed here only)
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415

    who, why = _said(by, reason)
    # Manifests only: the switch has to work also when a model file is the trouble.
    settings = from_environment()
    known_services = [*read_manifests(local=settings.local_models), "all"]
    known_clients = ["", *(known.id for known in load_clients(settings.clients_file))]
    if service not in known_services:
        raise click.UsageError(f"There is no such service. Known: {', '.join(known_services)}.")
    if client not in known_clients:
        raise click.UsageError(f"There is no such client. Known: {', '.join(known_clients[1:])}.")
    name = "" if service == "all" else service
    with _opened() as switches:
        switches.set(client, name, off=off, by_whom=who, reason=why)
        still_off = switches.is_off(client, name) and not off
    click.echo(f"{service} is {'off' if off else 'on'} for {client or 'all clients'}, within five seconds everywhere.")
    if still_off:
        click.echo("Another entry still keeps it off: see 'chartside switch list'.", err=True)


def _said(by: str, reason: str) -> tuple[str, str]:
    """Who and why, as they are kept. Raises `click.UsageError` for words that cannot be: nothing is switched then."""
    from oversight.switches import MOST_NAME, MOST_REASON  # noqa: PLC0415

    try:
        who, why = typed_name(by, MOST_NAME), typed(reason, MOST_REASON, "reason")
    except Unprocessable as fault:
        raise click.UsageError(f"{fault.message} Nothing was switched.") from None
    if not (who and why):
        raise click.UsageError("Say who decides this, and why, in words that can be seen. Nothing was switched.")
    return who, why


@contextmanager
def _opened() -> Iterator[SqlSwitches]:
    """The switches of this deployment's ledger."""
    from chartside.clock import SystemClock  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.switches import SqlSwitches  # noqa: PLC0415

    engine = open_engine(from_environment().database_url, create=False)
    try:
        yield SqlSwitches(engine, SystemClock())
    finally:
        engine.dispose()
