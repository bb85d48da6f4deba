"""Training and service make the same rows, on the shared data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinical.assessment import Abstention, RiskAssessment
from clinical.record import Coding, Observation, PatientRecord, Source, Stay, StayLocation
from models.icu_mortality.train import SETTINGS
from models.icu_mortality.training.card import card
from models.icu_mortality.training.cross_validate import cross_validate, folds_by_stay
from models.icu_mortality.training.data import SHA256, START, WrongData, check_files, read_stays
from models.icu_mortality.training.evaluate import by_budget, groups, reliability, thresholds
from models.icu_mortality.training.measures import (
    MEASURES,
    expected_calibration_error,
    measure,
    observed_per_expected,
    wilson,
)
from models.icu_mortality.training.rows import RowMaker, Rows
from models.runtime.features import FeaturePlan

STAYS = 6
roc = MEASURES["auroc"]


def test_training_rows_are_what_the_service_sees(model: Any, shared: Path) -> None:
    """Same probability, to the last digit, from a training row and from the record of the same stay."""
    stays = list(islice(read_stays(shared / "data" / "tabular", model.manifest.signals), STAYS))
    rows = RowMaker(model.manifest).rows(stays, lambda _done: None)
    records = {int(stay.record.patient_id): stay.record for stay in stays}
    answers = 0
    for i in range(len(rows.died)):
        found = model.assess(records[int(rows.stay[i])], START + timedelta(hours=float(rows.hour[i])))
        assert isinstance(found, RiskAssessment) is bool(rows.answered[i])
        if isinstance(found, RiskAssessment):
            answers += 1
            assert found.probability == model._explainer.explain(rows.features[i]).probability
    assert answers > STAYS


def test_source_quirks_are_undone(model: Any, shared: Path) -> None:
    """Unknown is missing, oxygen is in percent, decimals are those of the source."""
    stays = list(islice(read_stays(shared / "data" / "tabular", model.manifest.signals), STAYS))
    facts = [fact for stay in stays for fact in stay.record.observations]
    assert not [fact for fact in facts if fact.value == -1]
    oxygen = [fact.value for fact in facts if fact.codings == model.manifest.signals["FiO2"].codes]
    assert oxygen
    assert min(oxygen) >= 20
    assert all(fact.value == round(fact.value, 4) for fact in facts)
    assert {stay.record.sex for stay in stays} <= {"male", "female", None}


def bundle_record(path: Path) -> tuple[PatientRecord, datetime]:
    """The few fields of a test bundle that the model needs; the reader proper lives in another room."""
    resources = [entry["resource"] for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]]
    patient = next(r for r in resources if r["resourceType"] == "Patient")
    start = datetime.fromisoformat(next(r for r in resources if r["resourceType"] == "Encounter")["period"]["start"])
    facts = tuple(
        Observation(
            f"Observation/{r['id']}",
            tuple(Coding(c["system"], c["code"]) for c in r["code"]["coding"]),
            r["valueQuantity"]["value"],
            r["valueQuantity"]["code"],
            datetime.fromisoformat(r["effectiveDateTime"]),
            r["status"],
            Source.FHIR,
            r["valueQuantity"]["value"],
            r["valueQuantity"]["code"],
        )
        for r in resources
        if r["resourceType"] == "Observation"
    )
    bed = StayLocation("ICU", intensive_care=True, recognised_by="test")
    stay = Stay("Encounter/1", "in-progress", None, start, None, (bed,))
    birth = date.fromisoformat(patient["birthDate"])
    return PatientRecord(patient["id"], start, birth, patient["gender"], (stay,), facts), start


def test_the_example_bundles_are_answered(model: Any, shared: Path) -> None:
    """Every example stay gets an answer or a reason at every landmark; most get an answer."""
    answers = []
    for path in sorted((shared / "data" / "fhir").glob("p12_*.json")):
        record, start = bundle_record(path)
        found = [model.assess(record, start + timedelta(hours=hour)) for hour in model.manifest.population.landmarks]
        assert all(isinstance(one, RiskAssessment | Abstention) for one in found)
        answers += [one for one in found if isinstance(one, RiskAssessment)]
    assert len(answers) > 100
    assert all(0 < one.probability < 1 for one in answers)


def test_the_data_files_are_the_ones_of_the_figures(shared: Path) -> None:
    """Their hashes are those that the evaluation names."""
    check_files(shared / "data" / "tabular")


def test_other_data_stop_the_training(tmp_path: Path) -> None:
    """A missing file and a changed file are both refused."""
    with pytest.raises(WrongData, match="missing"):
        check_files(tmp_path)
    for name in SHA256:
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(WrongData, match="SHA-256"):
        check_files(tmp_path)


def test_folds_never_split_a_stay() -> None:
    """All rows of a stay lie in one fold, and the folds are of nearly equal size."""
    stays = np.repeat(np.arange(1000), 8)
    folds = folds_by_stay(stays)
    assert all(len(set(folds[stays == stay].tolist())) == 1 for stay in range(1000))
    assert np.bincount(folds).tolist() == [1600] * 5


def test_measures_match_values_computed_by_hand() -> None:
    """Ten stays: predicted .2 with one death of five, predicted .6 with three of five."""
    p = np.array([0.2] * 5 + [0.6] * 5)
    died = np.array([1, 0, 0, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
    assert observed_per_expected(died, p) == pytest.approx(1.0)
    # Ten groups of one: .8 once, .2 four times; .4 three times, .6 twice.
    assert expected_calibration_error(died, p) == pytest.approx(0.4)
    # Of 24 pairs of a death and a survivor, 12 are in order, 10 are ties and 2 are not in order.
    assert roc(died, p) == pytest.approx((12 + 10 / 2) / 24)


def test_a_measure_comes_with_its_interval() -> None:
    """The value lies within its bootstrap interval, and the same data give the same interval."""
    rng = np.random.default_rng(1)
    p = rng.uniform(0.05, 0.6, 400)
    died = rng.random(400) < p
    value, low, high = interval = measure(died, p, ("auroc",))["auroc"]
    assert low < value < high
    assert measure(died, p, ("auroc",))["auroc"] == interval


def test_the_plan_has_no_doubled_names(model: Any) -> None:
    """Every column of the training rows has one meaning."""
    names = [feature.name for feature in FeaturePlan(model.manifest).features]
    assert len(set(names)) == len(names)


def test_the_card_is_what_the_evaluation_says(model: Any) -> None:
    """Nobody edits figures in the card by hand: it is written from the evaluation and the manifest."""
    folder = model.manifest.artefact.folder
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert card(figures, model.manifest) == (folder / "card.md").read_text(encoding="utf-8")


def made_rows(count: int = 500) -> tuple[Rows, np.ndarray[Any, Any]]:
    """Rows of made-up stays at hours 24 and 48, the first tenth not answered, and probabilities that rank by number."""
    stay = np.repeat(np.arange(count), 2)
    p = (stay + 1) / (count + 1)
    rows = Rows(
        features=np.zeros((2 * count, 1), dtype=np.float32),
        stay=stay,
        hour=np.tile([24.0, 48.0], count),
        died=(stay % 3 == 0),
        answered=stay >= count / 10,
        sex=np.where(stay % 2 == 0, "female", "male"),
        age=20.0 + stay % 70,
        icu_type=np.where(stay % 5 == 0, "medical", "surgical"),
    )
    return rows, p


def test_thresholds_are_alert_budgets() -> None:
    """Of the stays with an answer at hour 24, a fifth reaches "raised" and a twentieth "high"."""
    rows, p = made_rows()
    limits = thresholds(rows, p)
    at = (rows.hour == 24) & rows.answered
    assert (p[at] >= limits["raised"]).mean() == pytest.approx(0.20, abs=0.005)
    assert (p[at] >= limits["high"]).mean() == pytest.approx(0.05, abs=0.005)
    alert = by_budget(rows, p)["raised"]["24"]
    assert alert["positive_predictive_value"] == pytest.approx(rows.died[at & (p >= limits["raised"])].mean(), abs=1e-4)


def test_reliability_counts_every_answered_stay_once_per_hour() -> None:
    """Bins rise from 0 to 1 without a gap, hold enough, and their counts are those of the rows."""
    rows, p = made_rows(2000)
    found = reliability(rows, p)
    assert list(found) == ["24", "48"]
    at = (rows.hour == 24) & rows.answered
    bins: list[dict[str, Any]] = found["24"]
    assert sum(b["patients"] for b in bins) == at.sum()
    assert [b["low"] for b in bins] == [0.0, *(b["high"] for b in bins[:-1])]
    assert bins[-1]["high"] == 1.0
    for b in bins:
        inside = at & (p >= b["low"]) & (p < b["high"])
        assert (b["patients"], b["events"]) == (inside.sum(), rows.died[inside].sum())
        assert b["patients"] >= 50
        assert b["events"] >= 10
        assert b["lower"] < b["events"] / b["patients"] < b["upper"]


def test_few_stays_share_one_bin() -> None:
    """What would be too little for a bin is joined to its neighbour, at the top too."""
    rows, p = made_rows(60)
    assert [(b["low"], b["high"]) for b in reliability(rows, p)["24"]] == [(0.0, 1.0)]


def test_wilson_intervals_match_a_published_example() -> None:
    """81 of 263 gives .2553 to .3662 (Newcombe 1998, Stat Med 17:857, table I), and no event of 20 gives 0 to .1611."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_groups_cover_every_stay_once_per_trait() -> None:
    """Sexes, age bands and units each split all rows."""
    rows, _ = made_rows()
    for trait in ("sex", "age", "unit"):
        members = [member for name, member in groups(rows).items() if name.startswith(trait)]
        assert np.sum(members, axis=0).tolist() == [1] * len(rows.died)


def test_cross_validation_learns_and_never_peeks() -> None:
    """A column that nearly holds the outcome is found; a column that only names the stay is worth nothing."""
    rows, _ = made_rows(300)
    small = replace(SETTINGS, seeds=(1,), max_iter=20, min_samples_leaf=5, l2_regularization=1.0, max_features=1.0)
    wrong = np.random.default_rng(4).random(len(rows.died)) < 0.02
    telling = replace(rows, features=(rows.died ^ wrong)[:, None].astype(np.float32))
    found = cross_validate(telling, [0] * telling.features.shape[1], small, lambda _text: None)
    assert roc(rows.died, found.probabilities) > 0.95
    rng = np.random.default_rng(3)
    naming = replace(rows, features=rng.permutation(300)[rows.stay][:, None].astype(np.float32))
    peeking = cross_validate(naming, [0] * naming.features.shape[1], small, lambda _text: None)
    assert roc(rows.died, peeking.probabilities) == pytest.approx(0.5, abs=0.12)
