"""`chartside reviews`: draw cards for blinded review, see how far it has got, write the verdicts as labels."""

from __future__ import annotations

import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine

from chartside.noted_ledger import noted_ledger
from chartside.private_file import whole_text
from chartside.settings import Settings
from clinical.errors import Unprocessable

if TYPE_CHECKING:
    from oversight.reviews.drawing import Draw
    from oversight.reviews.plan import ReviewPlan
    from oversight.reviews.sheet import Sheet
    from oversight.reviews.store import SqlReviews

DONE, WAITING = 0, 4

HELP = """Was it right to override? People judge a drawn sample of cards, blinded, two for each card.

\b
  chartside reviews plan --name sepsis-q1 --service sepsis-6h --by risk --by unit --dry-run
  chartside reviews status
  chartside reviews labels --out labels.csv

Verdicts are given on the page /oversight/reviews, never here: a command cannot know who types. docs/reviews.md says how
to plan, judge and read a review.

Exit codes: 0 done; 1 a fault; 2 wrong usage (nothing fits, or the name is taken); 3 the settings do not hold; 4 (status
only) cards still wait for somebody.
"""
PLAN_HELP = """Draw cards for a review and keep the draw in the ledger with each card's chance of being drawn.

Cards are grouped (--by) before the draw, so that each group is seen; --allocation equal takes as many from a rare group
as from a common one. The weights of the estimates allow for it. The same seed on the same ledger draws the same cards.
A plan is never changed: with --dry-run nothing is kept, and you see what would be drawn.
"""
STATUS_HELP = """Say of each plan how far it has got, how far reviewers agree, and what the verdicts say so far.

Exit code 4 while cards wait for a reviewer or for who settles a disagreement, else 0.
"""
LABELS_HELP = """Write the verdicts that stand as a CSV for training elsewhere, and a dated note beside it (OUT.txt).

A label has the id and the hash of its advice, service, model, version, verdict, the chance of having been drawn, how
many people judged it, and whether a third decided. No patient, clinician or reviewer is in it. The reason that a
clinician gave for an override is not a label.
"""


@click.group(help=HELP)
def reviews() -> None:
    """Group the commands."""


@reviews.command("plan", help=PLAN_HELP)
@click.option("--name", required=True, help="Small letters, digits and hyphens.")
@click.option("--service", required=True, help="The service whose cards are reviewed.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC). Default: twelve weeks.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC). Default: today.")
@click.option(
    "--response",
    "responses",
    type=click.Choice(["overridden", "accepted", "unanswered"]),
    multiple=True,
    default=("overridden",),
    show_default=True,
    help="May be given several times.",
)
@click.option(
    "--by",
    "groupings",
    type=click.Choice(["risk", "response", "unit", "reason"]),
    multiple=True,
    default=("risk",),
    show_default=True,
    help="What to group by before the draw; may be given several times.",
)
@click.option("--size", type=int, default=120, show_default=True, help="How many cards to draw.")
@click.option(
    "--allocation", type=click.Choice(["proportional", "equal"]), default="proportional", show_default=True,
    help="As many of each group as its size asks for, or the same number of each.",
)  # fmt: skip
@click.option("--seed", type=int, help="Default: one is made up, kept and printed.")
@click.option("--dry-run", is_flag=True, help="Keep nothing.")
def plan(
    name: str,
    service: str,
    first: datetime | None,
    last: datetime | None,
    responses: tuple[str, ...],
    groupings: tuple[str, ...],
    size: int,
    allocation: str,
    seed: int | None,
    *,
    dry_run: bool,
) -> None:
    """Draw, keep, print."""
    from oversight.reviews.plan import MOST_SEED, Allocation, Grouping, Response, ReviewPlan, chosen  # noqa: PLC0415
    from oversight.tallies import usual_first_day  # noqa: PLC0415

    end = last.date() if last else datetime.now(UTC).date()
    number = secrets.randbelow(MOST_SEED) if seed is None else seed
    with _usage():
        asked = ReviewPlan(
            name, service, first.date() if first else usual_first_day(end), end, chosen(Response, responses),
            chosen(Grouping, groupings), size, Allocation(allocation), number,
        )  # fmt: skip
        with _opened(f"draw of review plan {name}") as (settings, engine, store):
            asked, found = _drawn(settings, engine, asked)
            if not dry_run:
                store.add(asked, found.cards, datetime.now(UTC))
    click.echo(
        f"{len(found.cards)} of {found.population:,} cards drawn from {found.strata} groups, seed {number}"
        f"{'; nothing was kept' if dry_run else ''}."
    )
    for line in _by_group(found):
        click.echo(f"  {line}")
    if not dry_run:
        click.echo("Two people judge each card on /oversight/reviews, with sign-ins of their own.")


@reviews.command("status", help=STATUS_HELP)
@click.option("--plan", "name", help="Only this plan.")
def status(name: str | None) -> None:
    """Print, and say by the exit code whether anything waits."""
    with _opened("status of review plans") as (_, _, store):
        sheets = _chosen(store, name)
    if not sheets:
        click.echo("No cards have been drawn for review.")
    for sheet in sheets:
        click.echo(_told(sheet))
    sys.exit(WAITING if any(sheet.finished < len(sheet.items) for sheet in sheets) else DONE)


@reviews.command("labels", help=LABELS_HELP)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@click.option("--plan", "name", help="Only this plan. Default: all.")
def labels(out: Path, name: str | None) -> None:
    """Write both files."""
    from oversight.reviews import labels as shelf  # noqa: PLC0415

    note = out.with_name(f"{out.name}.txt")
    for path in (out, note):
        if path.exists():
            raise click.UsageError(f"{path} is there already; choose another name.")
    with _opened("labels of reviews exported") as (_, engine, store):
        found = shelf.labels(engine, _chosen(store, name))
    if not found:
        raise click.UsageError("No card has a verdict that stands yet; nothing was written.")
    try:
        # The labels get their name last: where they are, what everybody has to know of them is there too.
        with whole_text(out) as file:
            number = shelf.write_csv(found, file)
            with whole_text(note) as beside:
                beside.write(shelf.note(datetime.now(UTC).date()))
    except FileExistsError:
        raise click.UsageError(f"{out} or {note} is there already; choose another name.") from None
    except OSError as fault:
        raise click.ClickException(f"{out} cannot be written ({fault.strerror}).") from None
    click.echo(f"{number} labels in {out}; how to use them in {note}. An override reason is not a label.")


@contextmanager
def _usage() -> Iterator[None]:
    """What cannot be drawn is wrong usage."""
    try:
        yield
    except Unprocessable as fault:
        raise click.UsageError(fault.message) from None


@contextmanager
def _opened(what: str) -> Iterator[tuple[Settings, Engine, SqlReviews]]:
    """Settings, an engine and the reviews, with a note in the audit first."""
    from chartside.house import derive_key  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.pseudonyms import Pseudonyms  # noqa: PLC0415
    from oversight.reviews.store import SqlReviews  # noqa: PLC0415

    with noted_ledger(what, patience=60.0) as (settings, engine):
        yield settings, engine, SqlReviews(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")))


def _drawn(settings: Settings, engine: Engine, asked: ReviewPlan) -> tuple[ReviewPlan, Draw]:
    """The plan as of the ledger's last entry, and its draw. Raises `Unprocessable` and `LedgerUnavailable`."""
    from chartside.factory import mart_folder  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415
    from oversight.pages.mart_source import last_entry  # noqa: PLC0415
    from oversight.reviews.drawing import drawn  # noqa: PLC0415
    from oversight.reviews.population import population  # noqa: PLC0415

    folder = mart_folder(settings)
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        whole = replace(asked, entry=last_entry(mart)[0])
        return whole, drawn(whole, population(mart, whole))


def _chosen(store: SqlReviews, name: str | None) -> tuple[Sheet, ...]:
    """One plan or all."""
    if name is None:
        return store.sheets()
    sheet = store.sheet(name)
    if sheet is None:
        raise click.UsageError("There is no such review plan.")
    return (sheet,)


def _by_group(found: Draw) -> list[str]:
    """How many were drawn from each group, and with which chance; groups of few cards are told together."""
    from oversight.statistics.suppression import SMALLEST_SHOWN  # noqa: PLC0415

    numbers = Counter((card.stratum, card.probability) for card in found.cards)
    large = {key: number for key, number in numbers.items() if round(number / key[1]) >= SMALLEST_SHOWN}
    lines = [
        f"{number:>5}  chance {chance:.3f}  {', '.join(stratum) or 'all cards'}"
        for (stratum, chance), number in sorted(large.items())
    ]
    few = numbers.total() - sum(large.values())
    if few:
        lines.append(f"{few:>5}  from {len(numbers) - len(large)} groups of fewer than {SMALLEST_SHOWN} cards each")
    return lines


def _told(sheet: Sheet) -> str:
    """One plan."""
    from oversight.reviews.results import results  # noqa: PLC0415
    from oversight.statistics.adjudication import State  # noqa: PLC0415
    from oversight.statistics.refused import Refused  # noqa: PLC0415

    found, asked = results(sheet), sheet.plan
    about = f"{asked.service}, {asked.first} to {asked.last}" if asked.service else "picked for their comments"
    lines = [
        f"{asked.name} ({about}): {sheet.finished} of {len(sheet.items)} cards have a verdict that stands, "
        f"{sheet.count(State.WAITING)} wait for a reviewer, {sheet.count(State.TO_ADJUDICATE)} for a third verdict"
    ]
    agreement, share, unclear = found.agreement, found.share, found.unclear
    if isinstance(agreement, Refused):
        lines.append(f"  agreement: no figure, {agreement.reason}")
    else:
        kappa = agreement.kappa
        lines.append(f"  agreement: kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}), {found.pairs} pairs")
    if isinstance(share, Refused):
        lines.append(f"  appropriate: no figure, {share.reason}")
    else:
        it = share.share
        lines.append(
            f"  appropriate, weighted to {found.population:,} cards: {100 * it.value:.1f} % "
            f"({100 * it.low:.1f} to {100 * it.high:.1f})"
        )
    if not isinstance(unclear, Refused):
        lines.append(f"  could not be judged, weighted: {100 * unclear.value:.1f} %")
    return "\n".join(lines)
