"""CHA2DS2-VASc from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import cha2ds2_vasc
from models.runtime.score_answer import Given, Result


def answer(given: Given) -> Result:
    """Work out CHA2DS2-VASc."""
    sex = given["female"]
    known = {name: given[name] for name in cha2ds2_vasc.INPUTS}
    return cha2ds2_vasc.work({**known, "female": None if sex is None else 1.0 - sex})
