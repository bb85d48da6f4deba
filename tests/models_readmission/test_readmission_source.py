"""The table of the source becomes records; a file is known by its columns."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.readmission_30d.train import RECIPE
from models.readmission_30d.training.comparators import COMPARATORS, LACE
from models.readmission_30d.training.data import NOW, SHA256, SLICE, Diabetes130
from models.readmission_30d.training.table import DIAGNOSES, LABEL
from models.runtime.sight import TreeSight
from models.training.cases import Case, WrongData, check_files
from models.training.rows import Rows, make_rows


def cases(*files: Path) -> list[Case]:
    """All cases of some files."""
    return list(Diabetes130().cases(files))


@pytest.fixture
def rows_of(sight: TreeSight) -> Any:
    """The rows of some files."""
    return lambda *files: make_rows(cases(*files), sight)


@pytest.fixture
def column(sight: TreeSight) -> Any:
    """One column of rows by name."""
    names = [feature.name for feature in sight.features]
    return lambda rows, name: rows.features[:, names.index(name)].tolist()


def test_one_row(tables: Any, rows_of: Any, column: Any) -> None:
    """The numbers of the source come out of the record that was made of them."""
    rows = rows_of(
        tables.write(
            {
                "number_inpatient": "2",
                "number_emergency": "3",
                "number_diagnoses": "9",
                "diag_3": "8",
                "glyburide-metformin": "Steady",
                LABEL: "<30",
            }
        )
    )
    expected = {
        "sex": 0.0,
        "age_band": 65.0,
        "days": 4.0,
        "urgency_emergency": 1.0,
        "origin_emergency_room": 1.0,
        "to_home": 1.0,
        "inpatient_year": 2.0,
        "emergency_year": 3.0,
        "diagnoses": 9.0,
        "principal_heart_failure": 1.0,
        "other_diabetes_kidney": 1.0,
        "diabetes_codes": 1.0,
        "medicines": 10.0,
        "glucose_medicines": 2.0,
        "insulin": 1.0,
        "metformin": 1.0,
        "sulfonylurea": 1.0,
        "glinide": 0.0,
    }
    assert {name: column(rows, name)[0] for name in expected} == expected
    assert (rows.outcome.tolist(), rows.answered.tolist(), rows.hour.tolist()) == ([True], [True], [96.0])


def test_a_row_never_sees_an_outcome(tables: Any, rows_of: Any) -> None:
    """Neither its own nor another one's: turned round, every column stays as it was."""
    some = [{"encounter_id": str(number), "number_inpatient": "1"} for number in (1000, 900_000, 2_000_000)]
    first = rows_of(tables.write(*({**one, LABEL: "NO"} for one in some), name="a.csv"))
    second = rows_of(tables.write(*({**one, LABEL: "<30"} for one in some), name="b.csv"))
    assert np.array_equal(first.features, second.features, equal_nan=True)
    assert first.outcome.tolist() != second.outcome.tolist()


def test_a_row_never_sees_another_row(tables: Any, rows_of: Any) -> None:
    """Not even of the same person: which of two came first, the source does not say reliably."""
    one = {"encounter_id": "5000", "number_inpatient": "1"}
    others = [{"encounter_id": "1000"}, {"encounter_id": "9000", "number_inpatient": "4"}]
    alone = rows_of(tables.write(one, name="a.csv"))
    among = rows_of(tables.write(one, *others, name="b.csv"))
    assert np.array_equal(alone.features[0], among.features[1], equal_nan=True)


def test_the_order_of_rows_and_files_makes_no_difference(tables: Any, rows_of: Any) -> None:
    """One patient's rows may stand in several files."""
    first = {"encounter_id": "1000"}
    second = {"encounter_id": "900000", "number_inpatient": "1"}
    whole = rows_of(tables.write(second, first, name="whole.csv"))
    parts = [tables.write(one, name=f"{number}.csv") for number, one in enumerate((first, second))]
    for files in (parts, parts[::-1]):
        assert np.array_equal(rows_of(*files).features, whole.features, equal_nan=True)


def test_parquet_is_read_like_csv(tables: Any, rows_of: Any, tmp_path: Path) -> None:
    """Numbers may be numbers there, and what is not said may be null."""
    text = tables.write({"diag_3": "?"}, {"encounter_id": "2000", "patient_nbr": "8"})
    table = pd.read_csv(text, na_values=["?"], dtype=dict.fromkeys(DIAGNOSES, str))
    table.to_parquet(tmp_path / "rows.parquet")
    packed = tmp_path / "rows.csv.gz"
    pd.read_csv(text, dtype=str).to_csv(packed, index=False)
    for path in (tmp_path / "rows.parquet", packed):
        assert np.array_equal(rows_of(path).features, rows_of(text).features, equal_nan=True)


def test_who_is_left_out(tables: Any) -> None:
    """Who died, went to a hospice, or whose sex the source does not know."""
    left = [{"encounter_id": str(code), "discharge_disposition_id": str(code)} for code in (11, 13, 14, 19, 20, 21)]
    unknown = {"encounter_id": "99", "gender": "Unknown/Invalid"}
    assert len(cases(tables.write(*left, unknown, {}))) == 1


def test_children_are_outside_the_population(tables: Any, rows_of: Any) -> None:
    """The middle of their band is below 18."""
    child = {"encounter_id": "2", "age": "[10-20)"}
    assert len(rows_of(tables.write(child, {}))) == 1


def test_groups_for_audit(tables: Any) -> None:
    """What the source does not say stays empty, and none of it stands in the record."""
    (case,) = cases(tables.write({"race": "?", "medical_specialty": "Surgery-General", "number_inpatient": "1"}))
    assert case.groups == {
        "sex": "female",
        "age": "60 to 69",
        "race": "",
        "payer": "Medicare",
        "specialty": "surgery",
        "earlier stay": "in the last year",
    }
    assert not any(word in repr(case.record) for word in ("Caucasian", "White", "MC", "Surgery"))


def test_zeros_in_front_of_a_category_come_back(tables: Any) -> None:
    """8 is 008 in the source."""
    (case,) = cases(tables.write({"diag_1": "8", "diag_2": "38.9", "diag_3": "V45"}))
    codes = [coding.code for one in case.record.conditions for coding in one.codings]
    assert codes[1:4] == ["008", "038.9", "V45"]


@pytest.mark.parametrize(("leave", "words"), [((LABEL,), "no column readmitted"), (("diag_2",), "it has no diag_2")])
def test_files_of_another_kind(leave: tuple[str, ...], words: str, tables: Any) -> None:
    """Are refused with the reason."""
    with pytest.raises(WrongData, match=words):
        cases(tables.write({}, leave=leave))


def test_faults_of_files(tables: Any, tmp_path: Path) -> None:
    """A number that is none, a row twice, nothing at all, and what is no table."""
    with pytest.raises(WrongData, match="a number is none"):
        cases(tables.write({"time_in_hospital": "four"}))
    with pytest.raises(WrongData, match="stands twice"):
        cases(tables.write({}, {}))
    with pytest.raises(WrongData, match="no file"):
        cases()
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(WrongData, match=r"x\.parquet cannot be read"):
        cases(tmp_path / "x.parquet")


def test_periods_are_stretches_of_encounter_numbers(tables: Any) -> None:
    """The source has no dates; its numbers mostly rise with time."""
    numbers = (1, 71_599_999, 71_600_000, 300_000_000)
    found = cases(tables.write(*({"encounter_id": str(number)} for number in numbers)))
    assert [case.period[:11] for case in found] == ["part 1 of 5", "part 1 of 5", "part 2 of 5", "part 5 of 5"]


def test_other_predictions_for_the_same_rows(tables: Any, rows_of: Any) -> None:
    """LACE as far as the data allow, nothing where the urgency is not known; and the number of earlier stays."""
    rows: Rows = rows_of(
        tables.write(
            {"number_emergency": "2", "number_inpatient": "3"},
            {"encounter_id": "2", "patient_nbr": "8", "admission_type_id": "6"},
        )
    )
    (stays,) = (score(rows) for score in COMPARATORS.values())
    # Four days 4, acute 3, heart failure and diabetes with complication 2 + 2 and so 5, two visits 2.
    assert rows.beside[LACE][1] == 14.0
    assert np.isnan(rows.beside[LACE][0])
    assert stays.tolist() == [0.0, 3.0]


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        (("786", "401", "250"), 1.0),  # diabetes alone
        (("714.0", "401", "250"), 5.0),  # rheumatoid arthritis 3, which is in no column of the model
        (("456.1", "401", "250"), 5.0),  # oesophageal varices: severe liver disease
        (("42", "401", "250"), 5.0),  # 042 without its zero: HIV disease
        (("585.3", "401", "250"), 3.0),  # kidney disease, mild
        (("585.6", "401", "250"), 5.0),  # and severe
        (("410", "401", "250"), 2.0),
    ],
)
def test_lace_is_worked_out_from_the_codes_of_the_source(tables: Any, codes: tuple[str, ...], points: float) -> None:
    """By the lists of the published score, also where the model has no column for a disease."""
    (case,) = cases(tables.write(dict(zip(DIAGNOSES, codes, strict=True))))
    assert case.beside == {LACE: 4.0 + 3.0 + points}


@pytest.mark.parametrize("label", ["", "?", "yes", "<31", "no"])
def test_a_label_that_says_nothing_is_refused(tables: Any, label: str) -> None:
    """It does not stand for "not readmitted"; how many there are is told, and never what stood there."""
    path = tables.write({LABEL: label}, {"encounter_id": "2", LABEL: label}, {"encounter_id": "3", LABEL: ">30"})
    with pytest.raises(WrongData, match="in 2 rows readmitted is none of <30, >30, NO"):
        cases(path)


def test_a_packed_table_is_known_by_its_content(tables: Any) -> None:
    """Whatever it is called."""
    path = tables.write({})
    expected = cases(path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert cases(path) == expected


def test_the_recipe() -> None:
    """Names the source, the slice that the source gives, and the budgets of the tiers."""
    assert (RECIPE.main, dict(RECIPE.source.sha256), dict(RECIPE.budgets)) == (
        SLICE,
        SHA256,
        {"raised": 0.2, "high": 0.1},
    )


def test_the_open_rows(shared: Path) -> None:
    """The file that the figures were made with: every encounter that is asked about, in order, at one moment."""
    files = check_files(shared / "data" / "tabular", SHA256)
    found = cases(*files)
    assert len(found) == 79_511
    assert sum(case.moments[0].outcome for case in found) == 9_005
    assert {case.moments[0].as_of for case in found} == {NOW}
