"""MELD 3.0 from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae.meld import HIGHEST, Meld, meld3
from models.runtime.score_answer import Given, Result, plain

DIALYSES = 2


def answer(given: Given) -> Result:
    """Work out MELD 3.0. Where nobody can say whether there was dialysis, it is between the two."""
    dialysis = given["dialysis"]
    with_, without = (_meld(given, dialysis=yes) for yes in (True, False))
    if dialysis is None:
        return plain(float(without.score), highest=float(with_.score), maximum=HIGHEST)
    return plain(float((with_ if dialysis >= DIALYSES else without).score), maximum=HIGHEST)


def _meld(given: Given, *, dialysis: bool) -> Meld:
    """The equation; the manifest requires all of its other inputs."""
    known = {name: value for name, value in given.items() if value is not None}
    return meld3(
        age=known["age"],
        female=known["sex"] == 0,
        bilirubin=known["bilirubin"],
        inr=known["inr"],
        creatinine=known["creatinine"],
        sodium=known["sodium"],
        albumin=known["albumin"],
        dialysis=dialysis,
    )
