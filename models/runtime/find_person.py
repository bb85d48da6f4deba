"""Inputs about the current stay and the person."""

from __future__ import annotations

from clinical.assessment import Basis
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.score_inputs import Personal, Stayed

_SEX = {"male": 1.0, "female": 0.0}


def stayed(one: Stayed, chart: Chart) -> Found:
    """What the current stay says."""
    stay = chart.situation.stay
    if stay is None:
        return NOTHING
    if one.what == "days":
        if stay.start is None:
            return NOTHING
        days = (chart.as_of.astimezone(stay.start.tzinfo).date() - stay.start.date()).days
        text = f"{days} {'day' if days == 1 else 'days'}"
        return Found(float(days), text, basis=(Basis(stay.reference, text, stay.start),))
    coding = {
        "priority": stay.priority,
        "admit_source": stay.admit_source,
        "disposition": stay.discharge_disposition,
    }[one.what]
    if coding is None or (value := one.values.get((coding.system, coding.code))) is None:
        return NOTHING
    text = coding.display or coding.code
    return Found(value, text, basis=(Basis(stay.reference, text, stay.start),))


def personal(one: Personal, chart: Chart) -> Found:
    """The age, or the sex."""
    if one.what == "age":
        return Found(chart.situation.age, f"{chart.situation.age:g} years")
    sex = chart.record.sex or ""
    return Found(_SEX[sex], sex) if sex in _SEX else NOTHING
