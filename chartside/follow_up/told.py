"""What a load says to whoever runs it. Lines are named by number, never quoted: they hold patient data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import click

from oversight.follow_up.statements import Loaded


def refuse_bad(bad: Iterable[tuple[int, str]], line: str, *, skip: bool) -> None:
    """Name every bad line. Raises `click.ClickException`, so that nothing is stored, unless they are skipped."""
    named = list(_by_reason(bad, line))
    for words in named:
        click.echo(words, err=True)
    if named and not skip:
        raise click.ClickException("Nothing was stored. Mend the file, or give --skip-bad to load the rest.")


def _by_reason(bad: Iterable[tuple[int, str]], line: str) -> Iterator[str]:
    """Bad lines grouped by what is wrong with them."""
    found: dict[str, list[int]] = {}
    for number, why in bad:
        found.setdefault(why, []).append(number)
    for why, numbers in found.items():
        many = f"{line} {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} {line}s ({_ranges(numbers)})"
        yield f"{many}: {why}"


def _ranges(numbers: list[int]) -> str:
    """3, 7, 9-12."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def say_left_out(left_out: Mapping[str, int]) -> None:
    """What a file holds and nobody asked for, or what says nothing."""
    for why, number in sorted(left_out.items()):
        click.echo(f"left out: {number} × {why}", err=True)


def say_loaded(loaded: Loaded, what: str, skipped: int, line: str) -> None:
    """What became of the rest."""
    words = f"{loaded.stored} {what} stored, {loaded.repeated} known already"
    words += f", {loaded.unknown} about advice that the ledger does not have for this client" if loaded.unknown else ""
    words += f", {skipped} bad {line}{'' if skipped == 1 else 's'} skipped" if skipped else ""
    click.echo(f"{words}.")
