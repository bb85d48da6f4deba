"""Rows come from the serving code alone; folds never share a patient; predictions are honest."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clinical.record import PatientRecord
from models.runtime.features import Feature
from models.training.cases import Case, Moment, Seen, WrongData, check_files
from models.training.cross_validate import cross_validate
from models.training.fit import Settings
from models.training.folds import LeakingSplit, folds_by_patient
from models.training.measures import MEASURES
from models.training.rows import make_rows

START = datetime(2020, 1, 1, tzinfo=UTC)
SMALL = Settings(
    seeds=(1, 2),
    learning_rate=0.1,
    max_iter=30,
    max_leaf_nodes=6,
    min_samples_leaf=20,
    l2_regularization=1.0,
    max_features=1.0,
)


class Eye:
    """Sees a number that the id of the patient decides, and noise; nobody under 10."""

    features = (Feature("signal", "signal", "Signal", "Signal", "1"), Feature("noise", "noise", "Noise", "Noise", "1"))

    def see(self, record: PatientRecord, as_of: datetime) -> Seen | None:
        """The row."""
        number = int(record.patient_id)
        if number < 10:
            return None
        signal = np.sin(number) + (as_of - START) / timedelta(hours=1000)
        return Seen(np.array([signal, np.cos(number * 7.7)], np.float32), number % 4 != 0)


def cases(number: int):
    """Patients with two moments each; the outcome follows the signal, with chance."""
    rng = np.random.default_rng(2)
    for i in range(number):
        outcome = bool(rng.random() < 1 / (1 + np.exp(-2 * np.sin(i))))
        moments = [Moment(START + timedelta(hours=h), outcome, f"hour {h}", weight=1 + h) for h in (0, 24)]
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
    with pytest.raises(ValueError, match="population"):
        make_rows(cases(5), Eye())


def test_predictions_are_out_of_fold(rows):
    """What the signal allows is found, the noise is not learnt by heart, and the seed decides all."""
    fold = folds_by_patient(rows.patient, 5, seed=3)
    said: list[str] = []
    found = cross_validate(rows, fold, [0, 0], SMALL, said.append)
    assert said[-1] == "fold 5 of 5 done"
    assert 0.7 < MEASURES["auroc"](rows.outcome, found.probabilities) < 0.9
    assert abs(found.probabilities.mean() - rows.outcome.mean()) < 0.03
    again = cross_validate(rows, fold, [0, 0], SMALL, said.append)
    assert (again.probabilities == found.probabilities).all()


def test_chance_outcomes_are_not_predicted(rows):
    """Shuffled outcomes give an AUROC about a half: nothing leaks from one fold to the next."""
    patients = np.unique(rows.patient)
    luck = dict(zip(patients.tolist(), np.random.default_rng(4).random(len(patients)) < 0.4, strict=True))
    outcome = np.array([luck[p] for p in rows.patient.tolist()])
    shuffled = type(rows)(**{name: getattr(rows, name) for name in rows.__slots__} | {"outcome": outcome})
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
