"""Rows out of files for the commands: with progress told, and whatever a file cannot be read for in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from models.training.cases import Case, Sight, WrongData
from models.training.cross_validate import Say
from models.training.rows import Rows, make_rows

_EVERY = 1000
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def read_rows(cases: Iterable[Case], sight: Sight, say: Say) -> Rows:
    """The rows of the patients in the population.

    Raises `WrongData` where there is none, and also for what a source had not foreseen: a number that is no number. A
    fault of the code that makes features is no fault of the files, and goes on as it is.
    """
    return make_rows(_sound(cases), sight, _counted(say))


def _sound(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases, with the faults of their source in words."""
    source = iter(cases)
    while True:
        try:
            case = next(source)
        except StopIteration:
            return
        except (ValueError, KeyError) as error:
            raise WrongData(f"these files cannot be used: {_sentence(error)}") from error
        yield case


def _sentence(error: Exception) -> str:
    """What went wrong in one line, without what stood in the file."""
    if isinstance(error, KeyError):
        return "a column or a code that is needed is not there, or is another"
    return _QUOTED.sub("…", f"{error}".partition("\n")[0])


def _counted(say: Say) -> Callable[[int], None]:
    """Tells of every thousandth patient."""

    def count(done: int) -> None:
        if done % _EVERY == 0:
            say(f"{done:,} patients read")

    return count
