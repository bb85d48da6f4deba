"""What the tests of formulae share: a way to read one line of a score."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.formulae.worked import Line, Worked


def _line(worked: Worked, name: str) -> Line:
    """The line with this name."""
    return next(line for line in worked.lines if line.name == name)


@pytest.fixture(scope="session")
def line() -> Callable[[Worked, str], Line]:
    """Finds a line by name."""
    return _line
