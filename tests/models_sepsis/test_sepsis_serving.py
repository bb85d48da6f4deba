"""No skew: open rows as FHIR give the columns of the training, and what is charted more often is reduced to hours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from clinical.assessment import AbstentionReason, RiskAssessment
from clinical.record import Observation, PatientRecord, Source
from models.runtime.manifest import Manifest
from models.runtime.sight import Looked, Refused, TreeSight
from models.sepsis_6h.training.data import at
from models.training.cases import Case

HOURS = (2, 6, 13, 24, 37, 48, 60, 120)
EhrAt = Callable[..., Any]


def asked(case: Case, hours: tuple[int, ...] = HOURS) -> list[float]:
    """The hours of a stay at which it is asked about."""
    return [moment.hour for moment in case.moments if moment.hour in hours]


def looked(sight: TreeSight, record: PatientRecord, hour: float) -> Looked:
    """What the service sees at an hour."""
    found = sight.look(record, at(hour))
    assert isinstance(found, Looked), found
    return found


def test_open_rows_read_through_fhir_give_the_training_columns(
    cases: list[Case], manifest: Manifest, ehr_at: EhrAt
) -> None:
    """Each column alike to the last bit at several hours; where training has no answer, the service has none."""
    sight, compared = TreeSight(manifest), 0
    for case in cases:
        for hour in asked(case):
            record = ehr_at(at(hour)).read(case.record, manifest.needs)
            assert record.set_aside == ()
            (seen,) = sight.see(case.record, [at(hour)])
            found = sight.look(record, at(hour))
            if seen is None or not seen.answered:
                assert isinstance(found, Refused)
                continue
            assert isinstance(found, Looked)
            np.testing.assert_array_equal(found.row, seen.values)
            compared += 1
    assert compared >= 50


def test_a_row_is_the_same_whether_asked_at_once_or_hour_by_hour(cases: list[Case], manifest: Manifest) -> None:
    """The training collects a stay's facts once and cuts them; nothing of a later hour is seen in an earlier one."""
    sight = TreeSight(manifest)
    for case in cases[:4]:
        moments = [moment.as_of for moment in case.moments]
        for as_of, seen in zip(moments, sight.see(case.record, moments), strict=True):
            known = tuple(fact for fact in case.record.observations if fact.time <= as_of)
            (alone,) = sight.see(replace(case.record, observations=known), [as_of])
            assert (seen is None) == (alone is None)
            if seen is not None and alone is not None:
                np.testing.assert_array_equal(seen.values, alone.values)


def charted_often(record: PatientRecord) -> PatientRecord:
    """The same facts, and before each of them three others within the hour."""
    extra = [
        replace(fact, reference=f"{fact.reference}-{minutes}", value=fact.value * 1.01, time=fact.time - minutes)
        for fact in record.observations
        for minutes in (timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=45))
    ]
    return replace(record, observations=(*record.observations, *extra))


def test_what_is_charted_more_often_counts_once_an_hour(cases: list[Case], manifest: Manifest) -> None:
    """Values every quarter of an hour give the columns of hourly ones, counts and spreads included."""
    sight, compared = TreeSight(manifest), 0
    for case in cases[:4]:
        often = charted_often(case.record)
        for hour in asked(case, (12, 24, 37)):
            plain = looked(sight, case.record, hour)
            np.testing.assert_array_equal(looked(sight, often, hour).row, plain.row)
            compared += 1
    assert compared >= 4


def bedside(manifest: Manifest, hour: float) -> tuple[Observation, ...]:
    """A pulse, a pressure, a temperature and a rate at an hour."""
    case = {"HR": 118.0, "MAP": 58.0, "SBP": 84.0, "Temp": 39.1, "Resp": 28.0}
    return tuple(fact(manifest, name, value, hour) for name, value in case.items())


def fact(manifest: Manifest, name: str, value: float, hour: float) -> Observation:
    """One fact of a signal."""
    signal = manifest.signals[name]
    reference = f"Observation/{name}-{hour}"
    return Observation(
        reference, signal.codes[:1], value, signal.unit, at(hour), "final", Source.FHIR, value, signal.unit
    )


@pytest.fixture
def patient(cases: list[Case]) -> PatientRecord:
    """Somebody in intensive care, with nothing measured yet."""
    return replace(cases[0].record, observations=())


def test_the_model_says_when_it_cannot_answer(patient: PatientRecord, manifest: Manifest) -> None:
    """Nothing measured, nothing recent, too early, too late, too young: each with its reason."""
    sight = TreeSight(manifest)

    def reason(record: PatientRecord, hour: float) -> AbstentionReason:
        found = sight.look(record, at(hour))
        assert isinstance(found, Refused)
        return found.refusal.reason

    charted = replace(patient, observations=bedside(manifest, 3))
    assert reason(patient, 5) is AbstentionReason.NOT_ENOUGH_DATA
    assert reason(charted, 9) is AbstentionReason.NOT_ENOUGH_DATA
    assert reason(replace(patient, observations=bedside(manifest, 3)[:3]), 5) is AbstentionReason.NOT_ENOUGH_DATA
    assert reason(charted, 0.5) is AbstentionReason.TOO_EARLY
    assert reason(charted, 337) is AbstentionReason.TOO_LATE
    child = replace(charted, birth_date=at(-24 * 365 * 15).date())
    assert reason(child, 5) is AbstentionReason.NOT_ADULT
    assert isinstance(sight.look(charted, at(5)), Looked)


def test_impossible_values_are_left_out_and_named(patient: PatientRecord, manifest: Manifest) -> None:
    """A saturation of 3 % and a potassium of 40 are no facts."""
    wrong = (fact(manifest, "O2Sat", 3.0, 4), fact(manifest, "Potassium", 40.0, 4))
    found = looked(TreeSight(manifest), replace(patient, observations=(*bedside(manifest, 4), *wrong)), 5)
    assert {aside.reference for aside in found.unused} == {one.reference for one in wrong}
    assert "O2Sat" not in found.series


def test_the_shipped_model_answers_and_the_sum_of_its_reasons_is_its_answer(
    cases: list[Case], manifest: Manifest, ehr_at: EhrAt
) -> None:
    """Through FHIR, the probability is that of the offline way to 1e-9; it comes with its drivers."""
    if not (manifest.folder / "artefact.toml").is_file():
        pytest.skip(f"{manifest.info.id} has not been trained")
    from models.runtime.model import TreeRiskModel
    from models.training.batch import margin
    from models.training.evaluate import Opened

    model, opened = TreeRiskModel.load(manifest.folder / "model.toml"), Opened.at(manifest.folder)
    compared = 0
    for case in cases:
        for hour in asked(case, (24, 48)):
            (seen,) = opened.sight.see(case.record, [at(hour)])
            if seen is None or not seen.answered:
                continue
            margins = margin(opened.artefact.members, seen.values[None, :])
            expected = 1 / (1 + np.exp(-opened.artefact.calibration.log_odds(margins, np.array([hour]))[0]))
            answer = model.assess(ehr_at(at(hour)).read(case.record, manifest.needs), at(hour))
            assert isinstance(answer, RiskAssessment)
            assert answer.probability == pytest.approx(expected, abs=1e-9)
            assert 1 / (1 + np.exp(-answer.explanation.log_odds)) == pytest.approx(expected, abs=1e-9)
            compared += 1
    assert compared >= 10


def test_hours_are_counted_back_from_now_whenever_that_is(cases: list[Case], manifest: Manifest) -> None:
    """Charted and asked at 26 minutes past each hour, the measured columns are those of charting on the hour."""
    sight, minutes = TreeSight(manifest), timedelta(minutes=26)
    of_signals = [i for i, f in enumerate(sight.features) if "." in f.name and ".slope" not in f.name]
    for case in cases[:6]:
        later = tuple(replace(fact, time=fact.time + minutes) for fact in case.record.observations)
        for hour in asked(case, (12, 24, 37, 48)):
            found = looked(sight, replace(case.record, observations=later), hour + minutes / timedelta(hours=1))
            expected = looked(sight, case.record, hour).row[of_signals]
            np.testing.assert_allclose(found.row[of_signals], expected, atol=1e-5)
