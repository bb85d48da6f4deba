"""Rows come from the serving code alone; folds never share a patient; predictions are honest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clinical.record import PatientRecord
from models.runtime.features import Feature
from models.runtime.sight import Seen
from models.training.batch import margin
from models.training.cases import Case, Moment, WrongData, check_files
from models.training.cross_validate import Effort, cross_calibrate, cross_validate
from models.training.folds import LeakingSplit, folds_by_patient
from models.training.learners import HistGradientBoosting
from models.training.measures import MEASURES
from models.training.recipe import Recipe
from models.training.rows import Rows, make_rows

START = datetime(2020, 1, 1, tzinfo=UTC)
SMALL = Recipe(
    source=None,  # type: ignore[arg-type]
    learner=HistGradientBoosting(
        learning_rate=0.1,
        max_iter=30,
        max_leaf_nodes=6,
        min_samples_leaf=20,
        l2_regularization=1.0,
        max_features=1.0,
    ),
    seeds=(1, 2),
    main="hour 24",
)


class Eye:
    """Sees a number that the id of the patient decides, and noise; nobody under 10."""

    features = (Feature("signal", "signal", "Signal", "Signal", "1"), Feature("noise", "noise", "Noise", "Noise", "1"))

    def see(self, record: PatientRecord, moments: Sequence[datetime]) -> Iterator[Seen | None]:
        """The rows."""
        number = int(record.patient_id)
        for as_of in moments:
            signal = np.sin(number) + (as_of - START) / timedelta(hours=1000)
            seen = Seen(np.array([signal, np.cos(number * 7.7)], np.float32), number % 4 != 0)
            yield None if number < 10 else seen


def cases(number: int):
    """Patients with two moments each; the outcome follows the signal, with chance."""
    rng = np.random.default_rng(2)
    for i in range(number):
        outcome = bool(rng.random() < 1 / (1 + np.exp(-2 * np.sin(i))))
        moments = [Moment(START + timedelta(hours=h), outcome, f"hour {h}", hour=h, weight=1 + h) for h in (0, 24)]
        groups = {"sex": "female" if i % 2 else "male"} if i % 3 else {}
        yield Case(PatientRecord(str(i), START), i, moments, groups, period="early" if i < 50 else "late")


@pytest.fixture(scope="module")
def rows():
    """400 patients."""
    return make_rows(cases(400), Eye())


def test_rows_are_those_of_the_population(rows):
    """Patients outside it give none; each moment of the others gives one, with what is known beside it."""
    assert len(rows) == 2 * 390
    assert rows.features.dtype == np.float32
    assert rows.patient[:4].tolist() == [10, 10, 11, 11]
    assert rows.slice[:2].tolist() == ["hour 0", "hour 24"]
    assert rows.weight[:2].tolist() == [1.0, 25.0]
    assert rows.answered[:4].tolist() == [True, True, True, True]
    assert not rows.answered[rows.patient == 12].any()
    assert rows.groups["sex"][rows.patient == 12].tolist() == ["", ""]
    assert set(rows.period.tolist()) == {"early", "late"}


def test_progress_is_told():
    """A long job says how far it is."""
    done: list[int] = []
    make_rows(cases(12), Eye(), done.append)
    assert done == list(range(1, 13))


def test_nobody_in_the_population_is_no_training():
    """An empty table would be a riddle later."""
    with pytest.raises(WrongData, match="population"):
        make_rows(cases(5), Eye())


def test_predictions_are_out_of_fold(rows):
    """What the signal allows is found, the noise is not learnt by heart, and the seed decides all."""
    fold = folds_by_patient(rows.patient, 5, seed=3)
    said: list[str] = []
    found = cross_validate(rows, fold, [0, 0], SMALL, said.append)
    assert said[-1] == "fit 12 of 12 done"
    assert 0.7 < MEASURES["auroc"](rows.outcome, found.probabilities) < 0.9
    assert abs(found.probabilities.mean() - rows.outcome.mean()) < 0.03
    again = cross_validate(rows, fold, [0, 0], SMALL, said.append, Effort(at_once=2))
    assert (again.probabilities == found.probabilities).all()
    assert margin(again.members, rows.features).tolist() == margin(found.members, rows.features).tolist()


def test_every_member_is_fitted_on_what_the_recipe_prepares(rows):
    """With a generator that seed and fold decide; rows that are held out are not among them."""
    seen: list[tuple[int, float]] = []

    def half(kept: Rows, rng: np.random.Generator) -> Rows:
        seen.append((len(kept), float(rng.random())))
        return kept.take(rng.random(len(kept)) < 0.5)

    fold = folds_by_patient(rows.patient, 5, seed=3)
    recipe = replace(SMALL, prepare=half)
    first = cross_validate(rows, fold, [0, 0], recipe, lambda _: None)
    assert sorted(number for number, _ in seen) == sorted([624] * 10 + [780] * 2)
    assert len({drawn for _, drawn in seen}) == 12
    again = cross_validate(rows, fold, [0, 0], recipe, lambda _: None)
    assert (again.margins == first.margins).all()


def test_the_calibration_may_change_with_the_hour(rows):
    """Where the outcome is twice as likely late as early, each hour is calibrated on its own terms."""
    rng = np.random.default_rng(8)
    late = rows.hour > 0
    odds = 2 * np.sin(rows.patient) - 1.5 + 2.0 * late
    outcome = rng.random(len(rows)) < 1 / (1 + np.exp(-odds))
    margins = 1.4 * np.sin(rows.patient)
    p = cross_calibrate(replace(rows, outcome=outcome), margins, folds_by_patient(rows.patient, 5, 3), by_day=True)
    for at in (late, ~late):
        assert abs(p[at].mean() - outcome[at].mean()) < 0.02


def test_chance_outcomes_are_not_predicted(rows):
    """Shuffled outcomes give an AUROC about a half: nothing leaks from one fold to the next."""
    patients = np.unique(rows.patient)
    luck = dict(zip(patients.tolist(), np.random.default_rng(4).random(len(patients)) < 0.4, strict=True))
    outcome = np.array([luck[p] for p in rows.patient.tolist()])
    shuffled = replace(rows, outcome=outcome)
    found = cross_validate(shuffled, folds_by_patient(rows.patient, 5, seed=3), [0, 0], SMALL, lambda _: None)
    assert 0.4 < MEASURES["auroc"](outcome, found.probabilities) < 0.6


def test_a_split_through_a_patient_is_refused(rows):
    """Folds by row would put one patient on both sides."""
    with pytest.raises(LeakingSplit):
        cross_validate(rows, np.arange(len(rows)) % 5, [0, 0], SMALL, lambda _: None)


def test_only_the_files_of_the_figures_are_taken(tmp_path):
    """A missing file and a changed byte are named."""
    content = b"rows"
    sha256 = {"a.csv": hashlib.sha256(content).hexdigest()}
    with pytest.raises(WrongData, match="missing"):
        check_files(tmp_path, sha256)
    (tmp_path / "a.csv").write_bytes(content)
    assert check_files(tmp_path, sha256) == [tmp_path / "a.csv"]
    (tmp_path / "a.csv").write_bytes(content + b"!")
    with pytest.raises(WrongData, match="SHA-256"):
        check_files(tmp_path, sha256)
