"""What a manifest says, in the words of a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from clinical.assessment import Tier
from clinical.wording import number, percent, scored
from models.runtime.manifest import OLDEST, Manifest
from models.runtime.score_inputs import (
    Answered,
    AnyInput,
    Diagnosed,
    Measured,
    Medicated,
    Paired,
    Performed,
    Personal,
    Stayed,
    Visits,
)
from models.runtime.score_manifest import Answers, ScoreManifest, Setting

_SETTINGS = {
    Setting.ANY: "wherever they are",
    Setting.INPATIENT: "in hospital now",
    Setting.INTENSIVE_CARE: "in intensive care now",
    Setting.OUTPATIENT: "outside hospital",
    Setting.DISCHARGE: "in hospital, or discharged within the last day",
}


def span(window: timedelta) -> str:
    """`12 hours`, `30 days`, `10 years`."""
    hours = window.total_seconds() / 3600
    if hours < 72:
        return f"{hours:g} hours"
    return f"{hours / 24:g} days" if hours < 2 * 365 * 24 else f"{round(hours / 24 / 365.25)} years"


def patients(manifest: ScoreManifest) -> str:
    """For whom there is an answer."""
    population = manifest.population
    ages = f"People of {population.minimum_age} years and older"
    if population.maximum_age < OLDEST:
        ages = f"People of {population.minimum_age} to {population.maximum_age} years"
    return f"{ages}, {_SETTINGS[population.setting]}"


def tier_from(manifest: ScoreManifest | Manifest, tier: Tier) -> str:
    """Where a tier begins, as the reader sees the number."""
    if isinstance(manifest, Manifest) or manifest.scale.answers is Answers.PROBABILITY:
        return f"from {percent(tier.at_least)}" if tier.at_least > 0 else "below the next"
    if manifest.scale.by_band:
        return "the band of the source"
    if manifest.scale.falling:
        return f"{scored(-tier.at_least, manifest.scale.unit)} and less"
    return f"from {scored(tier.at_least, manifest.scale.unit)}"


def source(one: AnyInput) -> str:
    """What is read for an input."""
    return _SOURCES[type(one)](one)


def limits(one: AnyInput) -> str:
    """Values outside of which an input is not used; nothing where it is no measured number."""
    if not isinstance(one, Measured):
        return ""
    return f"{number(one.signal.low)} to {scored(one.signal.high, one.signal.unit)}"


def codes(one: AnyInput) -> str:
    """The codes of what is measured or answered; lists of diagnoses and medicines stand in the manifest."""
    found = one.signal.codes if isinstance(one, Measured) else one.codes if isinstance(one, Answered) else ()
    return ", ".join(coding.code for coding in found)


_SOURCES: dict[type, Callable[[Any], str]] = {
    Measured: lambda one: f"{one.pick} value of the last {span(one.window)}",
    Paired: lambda one: f"{one.pick} ratio of {one.top} to {one.bottom}",
    Answered: lambda one: f"latest answer of the last {span(one.window)}",
    Diagnosed: lambda one: "active diagnoses" if one.active_only else "diagnoses",
    Medicated: lambda one: "medicines begun in this stay" if one.in_stay else "medicines in use",
    Performed: lambda one: f"procedures of the last {span(one.window)}",
    Visits: lambda one: f"stays that began in the last {span(one.window)} before this one",
    Stayed: lambda one: "the current stay",
    Personal: lambda one: "the patient's data",
}
