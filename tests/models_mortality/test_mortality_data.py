"""The survey's rows become the records that a service would see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.mortality_10y.training.beside import age_alone, pheno_age
from models.mortality_10y.training.data import AS_OF, Nhanes
from models.runtime.manifest import Manifest
from models.runtime.sight import TreeSight
from models.training.cases import Case, WrongData, remarks_of
from models.training.rows import EVERY_ROW, make_rows

Person = Callable[..., dict[str, Any]]
File = Callable[..., Path]


def cases_of(*files: Path) -> list[Case]:
    """What the source makes of files."""
    return list(Nhanes().cases(files))


def test_a_person_becomes_a_record(person: Person, file_of: File, manifest: Manifest) -> None:
    """Age, sex, values in the manifest's units and codes, self-rated health; nothing that nobody measured."""
    (case,) = cases_of(file_of(person()))
    record = case.record
    assert (record.sex, record.birth_date.year if record.birth_date else 0) == ("female", AS_OF.year - 60)
    values = {fact.codings[0].code: (fact.value, fact.unit) for fact in record.observations}
    assert values == {
        "8480-6": (130.5, "mm[Hg]"),
        "2160-0": (0.91, "mg/dL"),
        "1988-5": (pytest.approx(3.6), "mg/L"),
    }
    assert {fact.codings[0].code for fact in record.observations} <= set(manifest.code_labels)
    assert all(fact.time < AS_OF for fact in record.observations)
    (answer,) = record.answers
    assert (answer.codings[0].code, answer.values[0].code) == ("61577-3", "LA8968-5")
    assert case.groups == {
        "sex": "female",
        "age": "60 to 69",
        "race or ethnicity": "Hispanic",
        "income to poverty line": "1 to below 2",
    }
    assert (case.period, case.moments[0].slice, case.moments[0].as_of) == ("2001 to 2002", EVERY_ROW, AS_OF)


def test_race_and_income_reach_no_feature(person: Person, file_of: File, sight: TreeSight) -> None:
    """People who differ in nothing else have the same row."""
    rows = [person(1), person(2, ethnicity=1.0, poverty_ratio=5.0), person(3, ethnicity=np.nan, poverty_ratio=np.nan)]
    found = [next(iter(sight.see(case.record, [AS_OF]))) for case in cases_of(file_of(*rows))]
    for seen in found:
        assert seen is not None
        np.testing.assert_array_equal(seen.values, found[0].values if found[0] else ())


@pytest.mark.parametrize(
    ("changes", "died"),
    [
        ({"dead": 1.0, "mo": 120.0}, True),
        ({"dead": 1.0, "mo": 121.0}, False),
        ({"dead": 0.0, "mo": 120.0}, False),
    ],
)
def test_the_outcome_is_death_within_120_months(
    changes: dict[str, float], died: bool, person: Person, file_of: File
) -> None:
    """Later deaths are survivors."""
    (case,) = cases_of(file_of(person(**changes)))
    assert case.moments[0].outcome is died


@pytest.mark.parametrize(
    "changes",
    [
        {"mo": 119.0},
        {"elig": 0.0},
        {"pregnant": 1.0},
        {"age": 29.0},
        {"age": 80.0},
        {"dead": np.nan},
        {"mo": np.nan},
        {"year": 2009.0, "dead": 1.0, "mo": 3.0},
    ],
)
def test_who_is_not_in_the_data(changes: dict[str, float], person: Person, file_of: File) -> None:
    """Not followed for ten years, not linked, pregnant, of another age, of a cycle of which only deaths are known."""
    (case,) = cases_of(file_of(person(1), person(2, **changes)))
    assert case.patient == 2001 * 1_000_000 + 1


def test_files_are_known_by_their_columns_in_any_order(person: Person, file_of: File) -> None:
    """CSV and Parquet, with either names of the follow-up, whichever comes first."""
    older = person(7, year=1991.0, sampleID="1991_7")
    older = {{"elig": "eligstat", "dead": "status", "mo": "permth_int"}.get(k, k): v for k, v in older.items()}
    older["neut"] = None
    one, two = file_of(person(3), person(1), name="a.csv"), file_of(older, name="b.parquet")
    assert [case.patient for case in cases_of(one, two)] == [case.patient for case in cases_of(two, one)]
    assert [case.record.patient_id for case in cases_of(one, two)] == ["1991-7", "2001-1", "2001-3"]


def test_a_packed_table_under_any_name_is_read(person: Person, tmp_path: Path) -> None:
    """The content counts, not the name."""
    path = tmp_path / "rows"
    pd.DataFrame([person()]).to_csv(path, index=False, compression="gzip")
    assert len(cases_of(path)) == 1


def test_numbers_as_r_writes_them_are_read(person: Person, file_of: File) -> None:
    """100000 stands in the open table as 1e+05."""
    (case,) = cases_of(file_of(person(sampleID="2001_1e+05")))
    assert case.record.patient_id == "2001-100000"


def test_wrong_files_are_named(person: Person, file_of: File, tmp_path: Path) -> None:
    """With a sentence that says what is wrong."""
    row = person()
    with pytest.raises(WrongData, match="no column sampleID"):
        cases_of(file_of({k: v for k, v in row.items() if k != "sampleID"}))
    with pytest.raises(WrongData, match="no follow-up"):
        cases_of(file_of({k: v for k, v in row.items() if k != "mo"}))
    with pytest.raises(WrongData, match="no column with measurements"):
        cases_of(file_of({k: v for k, v in row.items() if k not in ("sbp", "creat", "crp")}))
    with pytest.raises(WrongData, match="more than once"):
        cases_of(file_of(row, row))
    with pytest.raises(WrongData, match="must read like"):
        cases_of(file_of(person(sampleID="somebody")))
    with pytest.raises(WrongData, match="followed for ten years"):
        cases_of(file_of(person(mo=3.0)))
    with pytest.raises(WrongData, match="is missing"):
        cases_of(tmp_path / "none.csv")
    with pytest.raises(WrongData, match="no file"):
        cases_of()
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(WrongData, match="cannot be read"):
        cases_of(tmp_path / "broken.parquet")


def test_what_a_file_does_not_have_is_said(person: Person, file_of: File) -> None:
    """Columns that are not there, whom nobody can tell apart then, and how many were left out."""
    row = person(3)
    whole = Nhanes().remarks([file_of(row, person(4, year=2015), person(5, year=2017), person(6, pregnant=1.0))])
    assert "(cycles after 2007): 2 people" in "; ".join(whole)
    assert "because they were pregnant: 1" in "; ".join(whole)
    assert "columns that are not there, unknown for everybody: " in whole[0]
    (few,) = [text for text in whole if text.startswith("columns")]
    assert "hba1c" in few
    assert "creat" not in few.split(": ")[1].split(", ")
    without = Nhanes().remarks([file_of({k: v for k, v in row.items() if k != "pregnant"})])
    assert any("there is no column pregnant" in text for text in without)
    assert remarks_of(Nhanes(), [file_of(row)]) == list(Nhanes().remarks([file_of(row)]))


def test_the_open_rows(survey: pd.DataFrame, survey_file: Path, sight: TreeSight, names: tuple[str, ...]) -> None:
    """Later cycles are left out; who gave no blood gets no answer; PhenoAge is that of the table."""
    cases = cases_of(survey_file)
    early = survey[(survey["year"] <= 2007) & (survey["pregnant"] != 1)].sort_values(["year", "seqn"])
    assert [case.patient % 1_000_000 for case in cases] == early["seqn"].tolist()
    rows = make_rows(cases, sight)
    blood = early[["albumin", "rdw", "hba1c"]].notna().any(axis=1).to_numpy()
    assert not rows.answered[~blood].any()
    assert rows.answered[blood].mean() > 0.99
    theirs, mine = early["phenoage0"].to_numpy(), pheno_age(names)(rows)
    both = ~np.isnan(theirs) & ~np.isnan(mine)
    assert both.sum() > 150
    # The package fitted its coefficients anew, so the order is nearly the same and not quite.
    ranks = [np.argsort(np.argsort(values[both])) for values in (theirs, mine)]
    assert np.corrcoef(*ranks)[0, 1] > 0.99
    np.testing.assert_array_equal(age_alone(names)(rows), early["age"])
