"""MELD 3.0 from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae.meld import HIGHEST, Meld, meld3
from models.runtime.score_answer import Given, Result, plain

DIALYSES = 2
CONTINUOUS_HOURS = 24


def answer(given: Given) -> Result:
    """Work out MELD 3.0. Where nobody can say whether there was enough dialysis, it is between the two."""
    dialysis = _dialysis(given["dialysis"], given["continuous_dialysis"])
    with_, without = (_meld(given, dialysis=yes) for yes in (True, False))
    if dialysis is None:
        return plain(float(without.score), highest=float(max(with_.score, without.score)), maximum=HIGHEST)
    return plain(float((with_ if dialysis else without).score), maximum=HIGHEST)


def _dialysis(times: float | None, hours: float | None) -> bool | None:
    """Whether creatinine counts as 3.0: two treatments, or 24 hours of a continuous one."""
    if (times or 0) >= DIALYSES or (hours or 0) >= CONTINUOUS_HOURS:
        return True
    return None if times is None or hours is None else False


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
