"""`chartside history`: a made-up history for trying the quality pages, in a new ledger only."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from chartside.private_file import whole_text
from chartside.settings import from_environment

# A first day that is a Monday or not makes no difference; that it is the same ledger for the same options does.
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group(help="A made-up history whose truth is known, for trying the quality pages.")
def history() -> None:
    """Group the commands."""


@history.command("seed", help="Write a made-up history into a new ledger. Never into one that holds an entry.")
@click.option("--days", type=click.IntRange(90, 365), default=90, show_default=True, help="How many days.")
@click.option(
    "--seed", "number", type=click.IntRange(0), default=1, show_default=True, help="The same, the same again."
)
@click.option("--people", type=click.IntRange(500, 1_000_000), help="How many stays. Default: 78 for each day.")
@click.option("--to", "last", type=_DAY, help="The last day (UTC). Default: yesterday.")
@click.option("--client", default="demo-ehr", show_default=True, help="The client that the entries are of.")
@click.option("--truth", type=click.Path(dir_okay=False, path_type=Path), help="Write what is true of it, as JSON.")
def seed(days: int, number: int, people: int | None, last: datetime | None, client: str, truth: Path | None) -> None:
    """Open the ledger, write, and say what was written."""
    from chartside.history.plan import SERVICES, Plan  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.history.seed import LedgerNotEmpty, Wishes  # noqa: PLC0415
    from chartside.history.seed import seed as write  # noqa: PLC0415
    from chartside.house import derive_key  # noqa: PLC0415
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.pseudonyms import Pseudonyms  # noqa: PLC0415
    from oversight.schema import upgrade  # noqa: PLC0415

    settings = from_environment()
    end = last.date() if last else (datetime.now(UTC) - timedelta(days=1)).date()
    plan = replace(Plan(), days=days, stays=people or round(Plan().stays * days / 90))
    shelf = read_manifests(local=settings.local_models)
    infos = {name: shelf[name].info for name in SERVICES}
    engine = open_engine(settings.database_url)
    try:
        upgrade(engine)
        pseudonyms = Pseudonyms(derive_key(settings.secret, "pseudonyms"))
        _, known = write(engine, pseudonyms, infos, Wishes(end, client, number, plan), _progress)
    except LedgerNotEmpty as fault:
        raise click.UsageError(fault.message) from None
    finally:
        engine.dispose()
    if truth:
        _write_truth(truth, known.tree())
    click.echo(f"{known.total.entries} entries of {days} days up to {end} with {known.total.cards} cards, all made up.")


@history.command(
    "team", help="Do what a made-up quality team does with a made-up history: review, triage, handle alerts."
)
@click.option("--truth", type=click.Path(dir_okay=False, path_type=Path), help="Write what is true of it, as JSON.")
def team(truth: Path | None) -> None:
    """Bring the mart up, work, and say what was done. Best after `chartside monitor`, which opens the alerts."""
    from chartside.factory import mart_folder  # noqa: PLC0415 (imports of seconds, needed here only)
    from chartside.history.team import NotMadeUp, Team  # noqa: PLC0415
    from chartside.house import derive_key  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415
    from oversight.pseudonyms import Pseudonyms  # noqa: PLC0415

    settings = from_environment()
    engine = open_engine(settings.database_url, create=False)
    try:
        bring_up(engine, mart_folder(settings))
        with Mart(mart_folder(settings)).open() as mart:
            pseudonyms = Pseudonyms(derive_key(settings.secret, "pseudonyms"))
            found = Team(engine, pseudonyms, mart, datetime.now(UTC)).work()
    except NotMadeUp as fault:
        raise click.UsageError(fault.message) from None
    finally:
        engine.dispose()
    if truth:
        _write_truth(truth, asdict(found))
    click.echo(f"{found.drawn} overrides reviewed; of all {found.overrides}, {found.appropriate:.1%} were appropriate.")


def _progress(done: int, days: int) -> None:
    """Say now and then how far it is."""
    if done % 30 == 0 or done == days:
        click.echo(f"day {done} of {days}", err=True)


def _write_truth(path: Path, tree: dict[str, object]) -> None:
    """A file that only its owner may read; the one that was there is replaced."""
    with whole_text(path, anew=True) as out:
        json.dump(tree, out, indent=2)
        out.write("\n")
