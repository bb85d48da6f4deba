"""SIRS from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import sirs
from models.runtime.score_answer import Given, Result


def answer(given: Given) -> Result:
    """Count the criteria."""
    return sirs.work({name: given[name] for name in sirs.INPUTS})
