"""Made-up charts: odd minutes, several values an hour, facts from before the stay; and what is missing or old."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from clinical.assessment import RiskAssessment
from clinical.record import Observation, PatientRecord, Source
from models.runtime.manifest import Kind, Signal

CHARTS = 40


def fact(signal: Signal, value: float, time: Any, n: int) -> Observation:
    """A final fact of a signal."""
    reference = f"Observation/made-{signal.name}-{n}"
    return Observation(reference, signal.codes[:1], value, signal.unit, time, "final", Source.FHIR, value, signal.unit)


def made(shelf: Any, rng: np.random.Generator) -> tuple[PatientRecord, Any]:
    """A chart of random values at random moments, some equal, some just before the stay or long ago."""
    base = shelf.asked[0]
    staying = shelf.manifest.population.kind is Kind.INTENSIVE_CARE
    start = base.record.stays[0].locations[0].start if staying else base.as_of - timedelta(days=700)
    hours = float(rng.uniform(9, 47)) if staying else 700 * 24.0
    as_of = start + timedelta(seconds=int(hours * 3600)) if staying else base.as_of
    spread = {}
    for name, usual in shelf.what_if._usual.items():
        spread[name] = (usual.low, usual.high)
    facts = []
    for signal in shelf.manifest.signals.values():
        if rng.random() < 0.25 or signal.name not in spread:
            continue
        low, high = spread[signal.name]
        for n in range(int(rng.choice([1, 2, 3, 12]))):
            ago = float(rng.uniform(0, hours + (0.9 if staying else 0)))
            value = round(float(rng.uniform(low, high)), int(rng.choice([0, 1])))
            value = min(max(value, signal.low), signal.high)
            facts.append(fact(signal, value, as_of - timedelta(seconds=int(ago * 3600)), n))
    return replace(base.record, observations=tuple(facts)), as_of


def test_made_up_charts_give_what_the_real_path_gives(shelf: Any, change: Any, values_between: Any) -> None:
    """As with charts of the open data: each column, and the probability to 1e-9."""
    rng, compared, answered = np.random.default_rng(2), 0, 0
    place = [i for i, name in enumerate(shelf.what_if._artefact.features) if name in shelf.what_if._used]
    for _ in range(CHARTS):
        record, as_of = made(shelf, rng)
        finding = shelf.model.assess(record, as_of)
        if not isinstance(finding, RiskAssessment):
            continue
        answered += 1
        case = shelf.case(finding)
        for name, one in case.inputs.items():
            latest = case.knowledge.known[name].newest.fact
            for value in values_between(one.low, one.high).values():
                other = change(record, latest, value)
                np.testing.assert_array_equal(case.changed({name: value})[0][place], shelf.row(other, as_of)[place])
                real = shelf.model.assess(other, as_of)
                assert shelf.what_if.respond(finding, {name: value}).probability == pytest.approx(
                    real.probability, abs=1e-9
                )
                compared += 1
    sys.stdout.write(f"\n{shelf.name}: {answered} made-up charts, {compared} compared\n")
    assert answered >= CHARTS // 2
    assert compared >= 100


def test_what_is_missing_or_old_changes_as_if_it_were_measured(shelf: Any) -> None:
    """The two risks of a missing or an old signal are those of a chart where it was measured at that moment."""
    rng, compared, old = np.random.default_rng(4), 0, 0
    signals = {signal.label: signal for signal in shelf.manifest.signals.values()}
    charts = [(one.record, one.as_of) for one in shelf.asked[::6]] + [made(shelf, rng) for _ in range(12)]
    for record, as_of in charts:
        finding = shelf.model.assess(record, as_of)
        if not isinstance(finding, RiskAssessment):
            continue
        found = shelf.what_if.offer(finding).sensitivities
        assert list(found) == sorted(found, key=lambda one: -one.span)
        for one in found:
            old += one.age is not None
            for value, risk in zip(one.values, one.probabilities, strict=True):
                more = fact(signals[one.label], value, as_of, 99)
                real = shelf.model.assess(replace(record, observations=(*record.observations, more)), as_of)
                assert risk == pytest.approx(real.probability, abs=1e-9), one.label
                compared += 1
    sys.stdout.write(f"\n{shelf.name}: {compared} risks of missing or old signals compared, {old} signals old\n")
    assert compared >= 40
