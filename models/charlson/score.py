"""The Charlson index from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import charlson
from models.runtime.score_answer import Given, Result


def answer(given: Given) -> Result:
    """Add up the weights of 1987."""
    return charlson.work({name: given[name] for name in charlson.INPUTS})
