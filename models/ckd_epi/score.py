"""The eGFR of CKD-EPI 2021 from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae.ckd_epi import ckd_epi_2021
from models.runtime.score_answer import Given, Result, plain


def answer(given: Given) -> Result:
    """Work out the eGFR; the manifest requires all of its inputs."""
    known = {name: value for name, value in given.items() if value is not None}
    found = ckd_epi_2021(age=known["age"], female=known["sex"] == 0, creatinine=known["creatinine"])
    return plain(found.value, band=found.category)
