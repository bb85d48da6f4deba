"""All monitors of one service and week, as one family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.answers import Asked, Monitor, ask
from oversight.monitors.before_outcomes import EstimatedMonitor
from oversight.monitors.changes import ChangePointMonitor
from oversight.monitors.classifier import ClassifierDriftMonitor
from oversight.monitors.drifting import MixDriftMonitor, ScoreDriftMonitor
from oversight.monitors.fairness import FairnessMonitor
from oversight.monitors.family import controlled
from oversight.monitors.features import FeatureDriftMonitor
from oversight.monitors.feed_quality import FeedQualityMonitor
from oversight.monitors.judged_source import JudgedSource
from oversight.monitors.outcomes import PerformanceMonitor
from oversight.monitors.rates import RATES
from oversight.monitors.reasons import ReasonsDriftMonitor
from oversight.monitors.result import MonitorResult, Status
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.volume import VolumeMonitor
from oversight.monitors.weeks import last_full_week
from oversight.tallies import Period
from oversight.unjudged_weeks import IN_USE


@dataclass(frozen=True, slots=True)
class ServiceRun:
    """What all monitors said of one service and week. `up_to` and `answers` are the last entry and answer they knew.

    `version` is the model's version that most entries of the week are of.
    """

    service: str
    week: Period
    version: str
    up_to: int
    answers: int
    thresholds: Thresholds
    results: tuple[MonitorResult, ...]

    @property
    def at_fault(self) -> tuple[str, ...]:
        """The monitors that broke."""
        return tuple(result.monitor for result in self.results if result.status is Status.FAULT)


def all_monitors(judged: JudgedSource | None = None) -> tuple[Monitor, ...]:
    """Every monitor; those that need outcomes only where there is a source of them."""
    usual: tuple[Monitor, ...] = (
        VolumeMonitor(), *RATES, ChangePointMonitor(), ScoreDriftMonitor(), MixDriftMonitor(), FeatureDriftMonitor(),
        ReasonsDriftMonitor(), ClassifierDriftMonitor(), FeedQualityMonitor(),
    )  # fmt: skip
    if judged is None:
        return usual
    return (*usual, PerformanceMonitor(judged), EstimatedMonitor(judged), FairnessMonitor(judged))


def run_service(
    mart: Questions,
    service: str,
    week: Period,
    thresholds: Thresholds,
    monitors: tuple[Monitor, ...],
    seed: str = "",
) -> ServiceRun:
    """Run the monitors of one service for one week. Same mart and same seed, same answer.

    A monitor that breaks is at fault in its answer. Raises what is no single monitor's (`oversight.monitors.answers`).
    """
    selection = Selection(week, service=service)
    asked = Asked(mart, selection, thresholds, lambda name: _rng(seed, name, service, week.last))
    results = ask(asked, monitors)
    version, up_to, answers = _known(mart, selection)
    family = controlled(results, thresholds.false_discoveries)
    return ServiceRun(service, week, version, up_to, answers, thresholds, family)


def run_all(
    mart: Questions,
    last: date,
    thresholds: Callable[[str], Thresholds],
    judged: JudgedSource | None = None,
    service: str | None = None,
) -> tuple[ServiceRun, ...]:
    """Every service (or one) that the mart has around the last full week up to `last`, sorted by name."""
    week = last_full_week(last)
    monitors = all_monitors(judged)
    names = expected(mart, week) if service is None else (service,)
    return tuple(run_service(mart, name, week, thresholds(name), monitors) for name in names)


def expected(mart: Questions, week: Period) -> tuple[str, ...]:
    """The services that a week has to be asked about, sorted."""
    # A service that has just fallen silent has no entry in the week, and is exactly what has to be told.
    return services(mart, Period(week.first - IN_USE, week.last))


def services(mart: Questions, period: Period) -> tuple[str, ...]:
    """The services with entries in a period, sorted."""
    where, values = Selection(period).where()
    question = f"SELECT DISTINCT service FROM event WHERE hook <> 'smart-launch' AND {where} ORDER BY 1"  # noqa: S608
    return tuple(name for (name,) in mart.rows(question, values))


def statuses(run: ServiceRun) -> Mapping[str, int]:
    """How many monitors said what."""
    found: dict[str, int] = {}
    for result in run.results:
        found[result.status.value] = found.get(result.status.value, 0) + 1
    return found


def _known(mart: Questions, selection: Selection) -> tuple[str, int, int]:
    """The version of the week, and the last entry and answer of the mart."""
    where, values = selection.where()
    ((version,),) = mart.rows(f"SELECT mode(model_version) FROM event WHERE {where}", values)  # noqa: S608
    last, answers = (mart.rows(f"SELECT coalesce(max(sequence), 0) FROM {name}")[0][0] for name in _TABLES)  # noqa: S608
    return version or "", int(last), int(answers)


_TABLES = ("advice", "feedback")


def _rng(*parts: object) -> np.random.Generator:
    """A generator that depends on what is asked and on nothing else, so that a run can be made again."""
    text = "\0".join(map(str, parts))
    return np.random.default_rng(int.from_bytes(sha256(text.encode()).digest()[:8]))
