"""How long each page of the quality team takes on a million entries: `make bench-oversight`.

A made-up history is written into a ledger and its mart repeated to a million entries of ninety days. Each page with
figures is asked for all ninety days, and for 45 (with the 45 before), of all services and of one; the pages of work
(alerts, incidents, reviews, models, exports) as they open, over the ledger of that history. Each three times: wall
time, of which the lowest counts, and the CPU time of all threads beside it. A missed goal makes the exit code 1.

With --database, such as postgresql://user@127.0.0.1/empty, the entries are repeated in that database itself, the mart
is brought up from it as in operation, and each page asks both. With --role, such as modeller, somebody asks who may not
see single clinicians: the pages are then of whole weeks, and those that the role may not open are left out.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect

from bench.goals import Goal
from bench.hook_call import REGISTRY
from bench.many_entries import LAST_DAY, repeated, seeded
from bench.many_rows import filled
from bench.quality_visitor import PASSWORD, SIGN_IN, headers_of
from chartside.factory import open_house
from chartside.house import House
from chartside.quality_pages import quality_pages
from chartside.settings import Settings
from oversight.database import open_engine
from oversight.mart.build import bring_up
from oversight.mart.mart import Mart, Questions
from oversight.pages.door.roles import Role
from oversight.pages.mart_source import AsOf, last_entry

GOAL_S = 2.0
# Other goals, by page.
GOALS_S = {"drift": 15.0, "equity": 3.0}
TURNS = 3
WITH_FIGURES = (
    "", "service", "comparison", "reasons", "equity", "drift", "outcomes", "thresholds", "override-rates",
)  # fmt: skip
OF_WORK = ("alerts", "incidents", "models", "models/sepsis-6h", "reviews", "exports")


class AsItIs:
    """A mart that nobody brings up."""

    def __init__(self, folder: Path) -> None:
        """The mart of a folder."""
        self._mart = Mart(folder)

    def open(self) -> AbstractContextManager[Questions]:
        """A connection of its own."""
        return self._mart.open()

    def as_of(self) -> AsOf:
        """Its last entry."""
        with self._mart.open() as mart:
            return AsOf(*last_entry(mart), current=True)


def house_of(folder: Path, database: str) -> House:
    """A house on a ledger, at the end of its days; its mart is in the folder."""
    (folder / "clients.toml").write_text(REGISTRY, encoding="utf-8")
    (folder / "sign-in.toml").write_text(SIGN_IN, encoding="utf-8")
    settings = Settings(
        base_url="http://127.0.0.1:8100",
        database_url=database,
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
        quality_password=PASSWORD,
        sign_in_file=folder / "sign-in.toml",
        mart_folder=folder / "mart",
    )
    clock: Any = SimpleNamespace(now=lambda: datetime.combine(LAST_DAY, datetime.min.time(), UTC))
    return open_house(settings, clock=clock)


@dataclass(frozen=True, slots=True)
class Browser:
    """The pages of a house, and who asks for them."""

    client: FlaskClient
    headers: Mapping[str, str]

    def get(self, address: str) -> int:
        """The status of a page."""
        return self.client.get(address, headers=dict(self.headers)).status_code


def browser_of(house: House, role: Role) -> Browser:
    """The pages of a house; each view is noted in its ledger."""
    app = Flask(__name__)
    app.register_blueprint(quality_pages(house))
    return Browser(app.test_client(use_cookies=False), headers_of(house, app, role))


def measured(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds and CPU seconds of one page, the quickest of several."""
    found = []
    for _ in range(TURNS):
        wall, work = time.perf_counter(), time.process_time()
        status = browser.get(address)
        found.append((time.perf_counter() - wall, time.process_time() - work))
        if status != 200:
            raise click.ClickException(f"{address} was answered with {status}.")
    return min(found)


def addresses() -> Iterator[tuple[str, str, str]]:
    """Page, what is asked of it, and the address."""
    for page in WITH_FIGURES:
        for days in (90, 45):
            asked = f"/oversight/{page}?from={LAST_DAY - timedelta(days=days - 1)}&to={LAST_DAY}"
            yield page, f"{days} days, all services", asked
            yield page, f"{days} days, sepsis-6h", f"{asked}&service=sepsis-6h"
    for page in OF_WORK:
        yield page, "as it opens", f"/oversight/{page}"


def repeated_house(folder: Path, made: Path | None, stays: int, entries: int) -> House:
    """A house whose mart alone has many entries: the ledger is that of the history that it repeats."""
    if made is not None:
        shutil.copy(made / "ledger.db", folder / "ledger.db")
        many = made / "many"
    else:
        many = folder / "many"
        repeated(seeded(folder, stays), many, entries)
    as_it_is: Any = AsItIs(many)
    return replace(house_of(folder, f"sqlite:///{folder / 'ledger.db'}"), mart=as_it_is)


def whole_house(folder: Path, database: str, stays: int, entries: int) -> House:
    """A house whose ledger has many entries, in a database that is empty or was filled so before."""
    engine = open_engine(database)
    try:
        if not inspect(engine).has_table("advice"):
            filled(engine, stays, entries, click.echo)
        began = time.perf_counter()
        bring_up(engine, folder / "mart")
        click.echo(f"the mart was brought up in {time.perf_counter() - began:.0f} s")
    finally:
        engine.dispose()
    return house_of(folder, database)


@click.command(help=__doc__)
@click.option("--entries", type=click.IntRange(1_000), default=1_000_000, show_default=True)
@click.option("--stays", type=click.IntRange(500), default=7_000, show_default=True, help="Of the history repeated.")
@click.option(
    "--made", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with the ledger (ledger.db) and the mart (many, or with --database: mart) of an earlier run.",
)  # fmt: skip
@click.option("--database", help="The URL of an empty database, which is filled; or of one that was filled so.")
@click.option("--only", multiple=True, help="Only this page, such as `equity`; may be given several times.")
@click.option(
    "--role",
    type=click.Choice([each.value for each in Role]),
    default=Role.QUALITY.value,
    show_default=True,
    help="Who asks.",
)
def main(entries: int, stays: int, made: Path | None, database: str | None, only: tuple[str, ...], role: str) -> None:
    """Make the entries, ask, tell."""
    with tempfile.TemporaryDirectory(prefix="chartside-bench-") as name:
        folder = Path(name)
        if database:
            opened = whole_house(made or folder, database, stays, entries)
        else:
            opened = repeated_house(folder, made, stays, entries)
        with closing(opened) as house:
            click.echo(f"{house.mart.as_of().entry:,} entries of advice")
            browser = browser_of(house, Role(role))
            asked = [each for each in addresses() if not only or each[0] in only]
            open_ = [each for each in asked if browser.get(each[2]) != 403]
            missed = [address for page, what, address in open_ if not _told(browser, page, what, address)]
    click.echo(f"{len(open_) - len(missed)} of {len(open_)} keep their goal.")
    sys.exit(1 if missed else 0)


def _told(browser: Browser, page: str, what: str, address: str) -> bool:
    """Print the figures of one page; whether it keeps its goal."""
    goal = Goal(page or "overview", GOALS_S.get(page, GOAL_S), "s")
    wall, work = measured(browser, address)
    click.echo(f"{goal.what}, {what}: {wall:.2f} s, {work:.2f} s of CPU. {goal.verdict(wall)}")
    return goal.met(wall)


if __name__ == "__main__":
    main()
