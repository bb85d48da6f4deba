"""The source of the intensive care model: the open stays as records, and rows that are what the service sees."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clinical.assessment import Abstention, RiskAssessment
from clinical.record import Coding, Observation, PatientRecord, Source, Stay, StayLocation
from models.icu_mortality.features import TYPES, unit_type
from models.icu_mortality.train import HIDDEN, UNIT, hide_units, prepare
from models.icu_mortality.training.data import MANIFEST, SHA256, START, UNITS, Cinc2012
from models.runtime.features import features_of
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import Looked, TreeSight
from models.training.cases import Case, Moment, WrongData, check_files
from models.training.rows import Rows, make_rows

STAYS = 6
# One adult with a few values, and one of whom hardly anything is known.
VALUES = [
    (7, 0, "Age", 64.0),
    (7, 0, "Gender", 1.0),
    (7, 0, "ICUType", 2.0),
    (7, 0, "Height", -1.0),
    (7, 0, "Weight", 70.2),
    (7, 61, "NISysABP", 118.0),
    (7, 61, "HR", 97.0),
    (7, 75, "FiO2", 0.7),
    (7, 80, "MechVent", 1.0),
    (9, 0, "Age", 91.0),
    (9, 0, "Gender", -1.0),
    (9, 0, "ICUType", 3.0),
    (9, 30, "HR", 71.0),
]
OUTCOMES = [(7, 12, -1, 0), (9, 5, 5, 1)]
Files = Callable[..., list[Path]]


@pytest.fixture(scope="module")
def sight() -> TreeSight:
    """What the model sees, whether it is trained or not."""
    return TreeSight(read_untrained(MANIFEST))


@pytest.fixture(scope="module")
def some(shared: Path) -> list[Case]:
    """The first stays of the open rows."""
    files = [shared / "data" / "tabular" / name for name in SHA256]
    return list(islice(Cinc2012().cases(files), STAYS))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Writes both tables; `values` and `outcomes` replace their rows."""

    def write(values: Sequence[Any] = VALUES, outcomes: Sequence[Any] = OUTCOMES, form: str = "parquet") -> list[Path]:
        measured = pd.DataFrame(values, columns=["rid", "min", "par", "val"])
        known = pd.DataFrame(outcomes, columns=["RecordID", "Length_of_stay", "Survival", "In-hospital_death"])
        names = tmp_path / "some-file", tmp_path / "another.txt"
        if form == "parquet":
            measured.astype({"val": "float32", "par": "category", "rid": "int32"}).to_parquet(names[0])
        elif form == "csv":
            measured.assign(more=1).to_csv(names[0], index=False)
        else:
            names[0].write_bytes(gzip.compress(measured.to_csv(index=False).encode()))
        known.to_csv(names[1], index=False)
        return list(names)

    return write


def read(files: Sequence[Path]) -> list[Case]:
    """All cases of these files."""
    return list(Cinc2012().cases(files))


def test_a_stay_becomes_a_record(files: Files) -> None:
    """Unknown is missing, oxygen is in percent, decimals are those of the source, cuff pressures are pressures."""
    case = read(files())[0]
    signals = read_untrained(MANIFEST).signals
    found = {
        name: (fact.value, fact.unit, fact.time - START)
        for name, signal in signals.items()
        for fact in case.record.observations
        if fact.codings == signal.codes[:1]
    }
    assert found == {
        "Weight": (70.2, "kg", timedelta()),
        "SysABP": (118.0, "mm[Hg]", timedelta(minutes=61)),
        "HR": (97.0, "/min", timedelta(minutes=61)),
        "FiO2": (70.0, "%", timedelta(minutes=75)),
    }
    assert (case.patient, case.record.sex, case.record.birth_date) == (7, "male", date(START.year - 64, 1, 1))
    assert case.groups == {"sex": "male", "age": "55 to 69", "unit": "cardiac surgery"}


def test_a_stay_is_asked_about_at_every_landmark(files: Files) -> None:
    """The outcome is that of the stay, and each moment has the slice and the hour of its landmark."""
    for case, died in zip(read(files()), (False, True), strict=True):
        assert [moment.slice for moment in case.moments] == [f"hour {hour}" for hour in range(6, 49, 6)]
        assert all(moment.as_of - START == timedelta(hours=moment.hour) for moment in case.moments)
        assert {moment.outcome for moment in case.moments} == {died}


def test_what_is_not_known_of_a_person_is_left_open(files: Files) -> None:
    """No sex, no age and no type of unit are made up."""
    values = [row for row in VALUES if row[2] not in {"Age", "ICUType"}]
    case = read(files(values))[1]
    assert (case.record.sex, case.record.birth_date) == (None, None)
    assert case.groups == {"sex": "", "age": "", "unit": ""}
    assert unit_type(case.record.stays[0].locations[0]) is None


@pytest.mark.parametrize("form", ["csv", "gzip"])
def test_files_are_known_by_their_columns(files: Files, form: str) -> None:
    """Neither the name, nor the format, nor the order of files and rows makes a difference."""
    expected = read(files())
    assert read(files(VALUES[::-1], OUTCOMES[::-1], form=form)[::-1]) == expected


def test_tables_may_come_in_parts(files: Files, tmp_path: Path) -> None:
    """Two files of values and two of outcomes are read as one of each."""
    expected = read(files())
    parts = []
    for part, (values, outcomes) in enumerate(((VALUES[:9], OUTCOMES[:1]), (VALUES[9:], OUTCOMES[1:]))):
        parts += [path.rename(tmp_path / f"{path.name}-{part}") for path in files(values, outcomes)]
    assert read(parts) == expected


def test_outcomes_without_values_are_passed_over(files: Files) -> None:
    """Nobody can be asked about a stay of which nothing was measured."""
    assert [case.patient for case in read(files(outcomes=[*OUTCOMES, (11, 3, -1, 0)]))] == [7, 9]


def test_who_died_soon_after_discharge_counts_less_in_fitting(files: Files) -> None:
    """30, 90 and 365 days after: 0, a half, .8. Who died in hospital, or of whom it is not known, counts whole."""
    days = {1: 42, 2: 43, 3: 102, 4: 103, 5: 378, 6: -1}
    outcomes = [(number, 12, survival, 0) for number, survival in days.items()] + [(7, 12, 13, 1), (8, -1, 20, 0)]
    values = [(number, 30, "HR", 80.0) for number, *_ in outcomes]
    found = [case.moments[0].weight for case in read(files(values, outcomes))]
    assert found == [0.0, 0.5, 0.5, 0.8, 1.0, 1.0, 1.0, 1.0]


def test_later_deaths_need_not_be_known(files: Files, tmp_path: Path) -> None:
    """Outcomes without these columns are read too, and each stay counts whole."""
    values, _ = files()
    bare = tmp_path / "bare.csv"
    bare.write_text("In-hospital_death,RecordID\n0,7\n1,9\n", encoding="utf-8")
    assert {moment.weight for case in read([bare, values]) for moment in case.moments} == {1.0}


@pytest.mark.parametrize(
    ("values", "outcomes", "fault"),
    [
        (VALUES, [OUTCOMES[0]], "1 stays have values and no outcome"),
        (VALUES, [*OUTCOMES, OUTCOMES[0]], "stands twice"),
        (VALUES, [OUTCOMES[0], (9, 5, 5, -1)], "must be 0 or 1"),
        ([(7, -5, "HR", 80.0), *VALUES], OUTCOMES, "min must not be negative"),
        ([(7.5, 5, "HR", 80.0), *VALUES], OUTCOMES, "rid must hold whole numbers"),
        ([(7, 5, "HR", "high"), *VALUES], OUTCOMES, "val must hold numbers"),
    ],
)
def test_wrong_tables_are_refused(files: Files, values: Any, outcomes: Any, fault: str) -> None:
    """With a sentence that says what is wrong."""
    with pytest.raises(WrongData, match=fault):
        read(files(values, outcomes, form="csv"))


def test_other_files_are_refused(files: Files, tmp_path: Path) -> None:
    """A table of something else, a file that is no table, a file that is not there, and half of what is needed."""
    values, outcomes = files()
    other, broken = tmp_path / "other.csv", tmp_path / "broken"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    broken.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(WrongData, match=r"other\.csv has neither the columns rid"):
        read([values, outcomes, other])
    for path in (broken, tmp_path / "absent"):
        with pytest.raises(WrongData, match="cannot be read"):
            read([values, outcomes, path])
    with pytest.raises(WrongData, match="none of the files has the columns rid"):
        read([outcomes])
    with pytest.raises(WrongData, match="none of the files has the columns RecordID"):
        read([values])


def test_the_place_says_the_type_of_the_unit(files: Files) -> None:
    """Each type of the source becomes a place from which the model reads that type and no other."""
    for number, unit in UNITS.items():
        values = [row for row in VALUES if row[2] != "ICUType"] + [(7, 0, "ICUType", float(number))]
        case = read(files(values))[0]
        assert case.groups["unit"] == unit.group
        assert unit_type(case.record.stays[0].locations[0]) == unit.group.replace(" ", "_")


def questions(cases: Sequence[Case]) -> list[tuple[Case, Moment]]:
    """In the order of the rows: all stays of the source are of adults."""
    return [(case, moment) for case in cases for moment in case.moments]


def test_training_rows_are_what_the_service_looks_at(sight: TreeSight, some: list[Case]) -> None:
    """The same row, to the last digit, with the type of the unit among it; and an answer for the same ones."""
    rows = make_rows(some, sight)
    assert (rows.features[:, -len(TYPES) :].sum(axis=1) == 1).all()
    answers = 0
    for i, (case, moment) in enumerate(questions(some)):
        looked = sight.look(case.record, moment.as_of)
        assert isinstance(looked, Looked) is bool(rows.answered[i])
        if isinstance(looked, Looked):
            answers += 1
            np.testing.assert_array_equal(looked.row, rows.features[i])
    assert answers > STAYS


def test_training_rows_give_the_probability_of_the_service(model: Any, some: list[Case]) -> None:
    """Same probability, to the last digit, from a training row and from the record of the same stay."""
    rows = make_rows(some, TreeSight(model.manifest))
    answers = 0
    for i, (case, moment) in enumerate(questions(some)):
        found = model.assess(case.record, moment.as_of)
        assert isinstance(found, RiskAssessment) is bool(rows.answered[i])
        if isinstance(found, RiskAssessment):
            answers += 1
            assert found.probability == model._explainer.explain(rows.features[i]).probability
    assert answers > STAYS


def made_rows(stays: int = 400) -> Rows:
    """Two rows a stay with the columns of the model; every tenth stay counts for nothing."""
    stay = np.repeat(np.arange(stays), 2)
    features = np.tile(stay[:, None], max(UNIT) + 2).astype(np.float32)
    features[:, UNIT] = np.eye(4)[stay % 4]
    return Rows(
        features=features,
        outcome=stay % 3 == 0,
        answered=np.ones(2 * stays, dtype=np.bool_),
        weight=np.where(stay % 10 == 0, 0.0, 1.0),
        patient=stay.astype(np.int64),
        slice=np.tile(["hour 24", "hour 48"], stays),
        hour=np.tile([24.0, 48.0], stays),
        period=np.full(2 * stays, ""),
        groups={},
    )


def test_the_type_of_the_unit_is_hidden_for_some_stays() -> None:
    """For whole stays, about as many as said, in those columns only; the rows that came in stay as they were."""
    rows = made_rows()
    found = hide_units(rows, np.random.default_rng(1))
    names = [feature.name for feature in features_of(read_untrained(MANIFEST))]
    assert [names[place] for place in UNIT] == list(TYPES)
    gone = np.isnan(found.features[:, UNIT])
    assert (gone.all(axis=1) == gone.any(axis=1)).all()
    assert (gone[::2] == gone[1::2]).all()
    assert gone[:, 0].mean() == pytest.approx(HIDDEN, abs=0.07)
    others = [place for place in range(rows.features.shape[1]) if place not in UNIT]
    np.testing.assert_array_equal(found.features[:, others], rows.features[:, others])
    assert not np.isnan(rows.features).any()
    again = hide_units(rows, np.random.default_rng(1))
    np.testing.assert_array_equal(found.features, again.features)


def test_what_counts_for_nothing_is_not_fitted_on() -> None:
    """Rows of weight 0 are left out; the outcome of the others stays as it is."""
    rows = made_rows()
    found = prepare(rows, np.random.default_rng(1))
    assert len(found) == (rows.weight > 0).sum()
    np.testing.assert_array_equal(found.outcome, rows.outcome[rows.weight > 0])


def test_the_data_files_are_the_ones_of_the_figures(shared: Path) -> None:
    """Their hashes are those that the evaluation names."""
    check_files(shared / "data" / "tabular", Cinc2012().sha256)


def test_other_data_stop_the_training(tmp_path: Path) -> None:
    """A missing file and a changed file are both refused."""
    with pytest.raises(WrongData, match="missing"):
        check_files(tmp_path, SHA256)
    for name in SHA256:
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(WrongData, match="SHA-256"):
        check_files(tmp_path, SHA256)


def test_no_two_columns_have_one_name(sight: TreeSight) -> None:
    """Every column of the training rows has one meaning, and those of the unit come last."""
    names = [feature.name for feature in sight.features]
    assert len(set(names)) == len(names)
    assert tuple(names[-len(TYPES) :]) == TYPES


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


def test_the_type_of_the_unit_moves_the_answer(model: Any, some: list[Case]) -> None:
    """The same values in another type of unit give another risk; in an unknown one the driver says nothing measured."""
    case = next(case for case in some if isinstance(model.assess(case.record, case.moments[3].as_of), RiskAssessment))
    found = {}
    for name in ("Cardiac Surgery Recovery Unit", "Medical ICU", "Tower 5"):
        stay = case.record.stays[0]
        bed = replace(stay.locations[0], name=name, codings=())
        record = replace(case.record, stays=(replace(stay, locations=(bed,)),))
        found[name] = model.assess(record, case.moments[3].as_of)
    risks = {name: one.probability for name, one in found.items()}
    assert risks["Cardiac Surgery Recovery Unit"] < risks["Medical ICU"]
    assert "Type of intensive care unit" in found["Tower 5"].missing
    assert "Type of intensive care unit" not in found["Medical ICU"].missing
