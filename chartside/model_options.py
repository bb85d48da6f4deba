"""What the commands about models have in common: options that they share, and what they need to be installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from models.training.libraries import is_missing

_Command = TypeVar("_Command", bound=Callable[..., Any])
INSTALL = 'pip install "chartside[training]"'


def keys_option(command: _Command) -> _Command:
    """`--keys FILE`, else CHARTSIDE_MODEL_KEYS, as `keys_file`."""
    return click.option(
        "--keys",
        "keys_file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="CHARTSIDE_MODEL_KEYS",
        show_envvar=True,
        help="A file with public keys that are trusted besides the project's own.",
    )(command)


def local_option(command: _Command) -> _Command:
    """`--local FOLDER`, else CHARTSIDE_LOCAL_MODELS, as `local`."""
    return click.option(
        "--local",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="CHARTSIDE_LOCAL_MODELS",
        show_envvar=True,
        help="A folder of models of this site; they take the place of those with the same id.",
    )(command)


@contextmanager
def training_installed() -> Iterator[None]:
    """Within, a library of training that is not there ends the command in one sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not is_missing(error):
            raise
        library = str(error.name).partition(".")[0]
        raise click.ClickException(f"{library} is not installed, which this command needs: {INSTALL}") from error


def offer(draft: str, *, served: bool) -> str:
    """Whether a site is offered a model, in the words of the commands and of the pages."""
    if draft:
        return f"draft, not offered ({draft})"
    return "offered to every site" if served else "offered to sites that ask for it"
