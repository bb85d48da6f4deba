"""Local fit: slope and intercept are found again, the report is honest, bad tables are refused by line."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.cases import WrongData
from models.training.fit import probability
from models.training.local_fit import TooFewOutcomes, fit_locally
from models.training.measures import log_odds
from models.training.outcomes_table import is_outcomes_table, read_outcomes


def site(number: int, slope: float, intercept: float, seed: int = 5):
    """Predictions, outcomes by another slope and intercept, and patients with two rows each."""
    rng = np.random.default_rng(seed)
    p = probability(rng.normal(-1.5, 1.2, number))
    outcome = rng.random(number) < probability(slope * log_odds(p) + intercept)
    return p, outcome, np.arange(number) // 2


def test_slope_and_intercept_are_found_again():
    """A site where the risk is lower and less spread than the model says."""
    fit = fit_locally(*site(40_000, 0.7, -0.5))
    assert fit.slope == pytest.approx(0.7, abs=0.04)
    assert fit.intercept == pytest.approx(-0.5, abs=0.07)
    assert not fit.few


def test_the_report_says_what_changed():
    """Calibration mends, discrimination stays: the order of the patients is the same within a fold."""
    fit = fit_locally(*site(6_000, 0.7, -0.5))
    assert abs(fit.after["slope"].value - 1) < 0.06 < abs(fit.before["slope"].value - 1)
    assert abs(fit.after["observed_per_expected"].value - 1) < 0.02
    assert fit.before["observed_per_expected"].value < 0.9
    assert fit.after["auroc"].value == pytest.approx(fit.before["auroc"].value, abs=0.002)


def test_after_is_worked_out_on_patients_that_the_fit_did_not_see():
    """The shipped fit on its own rows would look perfect: slope 1 to the last digit."""
    p, outcome, patient = site(800, 0.5, 0.4)
    fit = fit_locally(p, outcome, patient)
    assert abs(fit.after["slope"].value - 1) > 1e-6


def test_too_few_outcomes_are_refused():
    """With a handful of events any slope will do; few are said to be few."""
    p, outcome, patient = site(300, 1, -6)
    with pytest.raises(TooFewOutcomes, match="at least 50"):
        fit_locally(p, outcome, patient)
    p, outcome, patient = site(500, 1, 0)
    assert fit_locally(p, outcome, patient).few


def test_a_table_of_outcomes_is_read(tmp_path):
    """Patients may come more than once; a line without one is a patient of its own."""
    path = tmp_path / "site.csv"
    path.write_text("patient,probability,outcome\na,0.2,0\na,0.3,yes\n,0.4,1\n,0.5,False\n", encoding="utf-8")
    assert is_outcomes_table(path)
    found = read_outcomes(path)
    assert found.probability.tolist() == [0.2, 0.3, 0.4, 0.5]
    assert found.outcome.tolist() == [False, True, True, False]
    assert found.patient.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("abc,1", "number"),
        ("0.2,maybe", "0 or 1"),
        ("1.0,1", "above 0 and below 1"),
        ("nan,0", "above 0"),
        (",1", "number"),
    ],
)
def test_a_wrong_line_is_named_and_not_quoted(tmp_path, line, words):
    """The message says where, and never what stood there."""
    path = tmp_path / "site.csv"
    path.write_text(f"probability,outcome\n0.1,0\n{line}\n", encoding="utf-8")
    with pytest.raises(WrongData, match=words) as caught:
        read_outcomes(path)
    assert "line 3" in str(caught.value)
    assert line not in str(caught.value)


def test_other_files_are_no_table_of_outcomes(tmp_path):
    """Rows in the format of the open ones go another way."""
    other = tmp_path / "values.csv"
    other.write_text("rid,min,par,val\n", encoding="utf-8")
    (tmp_path / "binary.parquet").write_bytes(b"PAR1\xff\xfe\x00")
    assert not is_outcomes_table(other)
    assert not is_outcomes_table(tmp_path / "binary.parquet")


@pytest.mark.parametrize("header", ["patient,probability,outcome", "patient,probability,outcome,caf\xe9"])
def test_a_table_that_is_not_utf8_is_refused_for_that(tmp_path, header):
    """Wherever the byte stands, the table is known as one, and the message is about the encoding only."""
    path = tmp_path / "site.csv"
    path.write_bytes((header + "\n" + "a,0.2,0\n" * 5_000 + "Ren\xe9,0.3,1\n").encode("latin-1"))
    assert is_outcomes_table(path)
    with pytest.raises(WrongData, match="not encoded in UTF-8") as caught:
        read_outcomes(path)
    assert "Ren" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_field_without_end_is_refused(tmp_path):
    """A quote that nobody closed takes in the rest of the file; the message has none of it."""
    path = tmp_path / "site.csv"
    path.write_text('patient,probability,outcome\n"' + "a,0.2,0\n" * 20_000, encoding="utf-8")
    assert is_outcomes_table(path)
    with pytest.raises(WrongData, match="too long") as caught:
        read_outcomes(path)
    assert "0.2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", ["patient", "probability", "outcome"])
def test_two_columns_of_one_name_are_refused(tmp_path, column):
    """Nobody can say which of them is meant."""
    path = tmp_path / "site.csv"
    path.write_text(f"patient,probability,outcome,{column}\na,0.2,0,1\n", encoding="utf-8")
    assert is_outcomes_table(path)
    with pytest.raises(WrongData, match=f"more than one column named {column}"):
        read_outcomes(path)
