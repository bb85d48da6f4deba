"""FIB-4 from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae.fib4 import fib4
from models.runtime.score_answer import Given, Result, plain


def answer(given: Given) -> Result:
    """Work out FIB-4; the manifest requires all of its inputs."""
    known = {name: value for name, value in given.items() if value is not None}
    found = fib4(age=known["age"], ast=known["ast"], alt=known["alt"], platelets=known["platelets"])
    return plain(found.value, band=found.band)
