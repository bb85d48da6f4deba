"""Reading the hourly rows: formats, quirks of the source, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.runtime.manifest import Manifest
from models.runtime.sight import TreeSight
from models.sepsis_6h.training.data import START, Cinc2019, slice_of
from models.sepsis_6h.training.tables import REQUIRED
from models.training.cases import Case, WrongData

Make = Callable[..., pd.DataFrame]


def read(*files: Path) -> list[Case]:
    """All cases of some files."""
    return list(Cinc2019().cases(files))


def facts(case: Case) -> dict[str, list[tuple[float, float]]]:
    """Hour and value of each fact, by its code."""
    found: dict[str, list[tuple[float, float]]] = {}
    for fact in case.record.observations:
        found.setdefault(fact.codings[0].code, []).append(((fact.time - START) / timedelta(hours=1), fact.value))
    return found


def written(table: pd.DataFrame, path: Path, **options: Any) -> Path:
    """A text file with the rows."""
    table.to_csv(path, index=False, **options)
    return path


def test_one_row_an_hour_becomes_a_record(make_rows_of: Make, tmp_path: Path) -> None:
    """Facts lie at their hour, in the unit of the signal; the stay began in time; every row is a moment."""
    rows = make_rows_of(4, HR=[np.nan, 91, np.nan, 88.5], FiO2=[0.4, np.nan, np.nan, np.nan], SepsisLabel=[0, 0, 1, 1])
    (case,) = read(written(rows, tmp_path / "p7.psv", sep="|"))
    assert facts(case) == {"8867-4": [(2.0, 91.0), (4.0, 88.5)], "3150-0": [(1.0, 40.0)]}
    assert [(m.hour, m.outcome) for m in case.moments] == [(1, False), (2, False), (3, True), (4, True)]
    assert [m.as_of for m in case.moments] == [START + timedelta(hours=hour) for hour in (1, 2, 3, 4)]
    assert case.record.stays[0].start == START - timedelta(hours=3.25)
    assert case.record.stays[0].locations[0].start == START
    assert (case.record.sex, case.record.patient_id) == ("female", "p7")
    assert case.groups == {"sex": "female", "age": "55 to 64", "unit": "surgical"}


def test_calcium_is_two_signals(make_rows_of: Make, tmp_path: Path) -> None:
    """Up to 2.5 it is ionised and in mmol/L, above it is total and in mg/dL."""
    (case,) = read(written(make_rows_of(3, Calcium=[1.17, 8.4, 2.5]), tmp_path / "a.csv"))
    assert facts(case) == {"1994-3": [(1.0, 1.17), (3.0, 2.5)], "17861-6": [(2.0, 8.4)]}


def test_values_are_the_decimals_that_were_charted(make_rows_of: Make, tmp_path: Path) -> None:
    """A number that went through 32 bits is the short decimal again, whatever the format."""
    rows = make_rows_of(2, Temp=[36.7, np.nan], FiO2=[0.28, 0.29999999999999998])
    rows.astype({"Temp": np.float32}).to_parquet(tmp_path / "a.parquet")
    assert facts(read(tmp_path / "a.parquet")[0]) == {"8310-5": [(1.0, 36.7)], "3150-0": [(1.0, 28.0), (2.0, 30.0)]}


@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz", "psv", "apart", "backwards"])
def test_every_form_gives_the_same_cases(open_rows: pd.DataFrame, rows_file: Path, tmp_path: Path, form: str) -> None:
    """Parquet, CSV, gzip, PSV, one file for each patient, and any order of files and rows."""
    some = open_rows["pid"].drop_duplicates().tolist()[:3]
    rows = open_rows[open_rows["pid"].isin(some)]
    expected = [case for case in read(rows_file) if case.record.patient_id in some]
    name = tmp_path / f"rows.{form}"
    if form == "parquet":
        rows.astype({"pid": "category"}).to_parquet(name)
        files = [name]
    elif form in ("csv", "csv.gz", "psv"):
        files = [written(rows, name, sep="|" if form == "psv" else ",")]
    elif form == "apart":
        parts = {pid: part.drop(columns=["pid", "site"]) for pid, part in rows.groupby("pid")}
        files = [written(part, tmp_path / f"{pid}.psv", sep="|") for pid, part in parts.items()][::-1]
    else:
        files = [written(rows.iloc[half], tmp_path / f"{i}.csv") for i, half in enumerate((slice(70, None), slice(70)))]
    found = read(*files)
    assert [case.record for case in found] == [case.record for case in expected]
    assert [case.moments for case in found] == [case.moments for case in expected]
    assert [case.groups for case in found] == [case.groups for case in expected]
    assert [case.patient for case in found] == [0, 1, 2]


def test_what_is_not_this_format_is_refused(make_rows_of: Make, tmp_path: Path) -> None:
    """A missing column, words for numbers, and a file of another kind are named."""
    rows = make_rows_of(2)
    with pytest.raises(WrongData, match=r"a\.csv has no column Lactate, SepsisLabel"):
        read(written(rows.drop(columns=["SepsisLabel", "Lactate"]), tmp_path / "a.csv"))
    with pytest.raises(WrongData, match="HR must hold numbers"):
        read(written(rows.assign(HR="fast"), tmp_path / "b.csv"))
    (tmp_path / "c.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(WrongData, match=r"c\.parquet cannot be read"):
        read(tmp_path / "c.parquet")
    with pytest.raises(WrongData, match="no files"):
        read()
    with pytest.raises(WrongData, match=r"gone\.csv cannot be read"):
        read(tmp_path / "gone.csv")


def test_rows_that_contradict_themselves_are_refused(make_rows_of: Make, tmp_path: Path) -> None:
    """An hour that stands twice, half an hour, an unknown label, a row of nobody."""
    rows = make_rows_of(3)
    for number, (wrong, words) in enumerate(
        [
            (pd.concat([rows, rows.tail(1)]), "an hour of a patient stands twice"),
            (rows.assign(ICULOS=[1, 1.5, 2]), "ICULOS must hold whole hours"),
            (rows.assign(SepsisLabel=[0, np.nan, 1]), "SepsisLabel must be 0 or 1"),
            (rows.assign(pid=["1", None, "1"]), "rows without pid"),
        ]
    ):
        with pytest.raises(WrongData, match=words):
            read(written(wrong, tmp_path / f"{number}.csv"))


def test_units_and_site_may_be_left_out(make_rows_of: Make, tmp_path: Path) -> None:
    """What serves for audit only need not be there."""
    rows = make_rows_of(2)[list(REQUIRED)]
    (case,) = read(written(rows, tmp_path / "a.csv"))
    assert case.groups["unit"] == ""
    assert case.record.stays[0].locations[0].name == "Intensive Care"


def test_somebody_of_unknown_age_or_a_child_has_no_rows(make_rows_of: Make, tmp_path: Path, manifest: Manifest) -> None:
    """The population keeps them out; the source does not."""
    for age in (17.0, np.nan):
        (case,) = read(written(make_rows_of(2, Age=age, HR=90.0), tmp_path / f"{age}.csv"))
        assert [seen is None or seen.answered for seen in see(manifest, case)] in ([True, True], [False, False])
        assert not any(seen is not None and seen.answered for seen in see(manifest, case))


def see(manifest: Manifest, case: Case) -> list[Any]:
    """What a model sees at each moment."""
    return list(TreeSight(manifest).see(case.record, [moment.as_of for moment in case.moments]))


def test_a_stay_without_admission_time_is_taken(make_rows_of: Make, tmp_path: Path) -> None:
    """Then it is not known how long somebody has been in hospital; an admission after the unit's is the unit's."""
    (case,) = read(written(make_rows_of(2, HospAdmTime=np.nan), tmp_path / "a.csv"))
    assert case.record.stays[0].start is None
    (case,) = read(written(make_rows_of(2, HospAdmTime=0.5), tmp_path / "b.csv"))
    assert case.record.stays[0].start == START


@pytest.mark.parametrize(
    ("hour", "name"),
    [
        *((1, "hour 1 to 6"), (6, "hour 1 to 6"), (7, "hour 7 to 12"), (24, "hour 13 to 24"), (48, "hour 25 to 48")),
        *((49, "hour 49 and later"), (336, "hour 49 and later")),
    ],
)
def test_slices(hour: int, name: str) -> None:
    """Every hour is reported in one part of the stay."""
    assert slice_of(hour) == name
