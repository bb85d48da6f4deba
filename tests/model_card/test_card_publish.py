"""From predictions to files: the same bytes each time, one source, and a check that finds what is out of step."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.evidence import read_evidence
from models.runtime.read_manifest import read_untrained
from models.training import measures
from models.training.evidence.check import check_card
from models.training.evidence.evaluation import Run
from models.training.evidence.files import evidence_files, write
from models.training.evidence.publish import publish
from models.training.evidence.scored import Scored, scored_of
from models.training.model_card.card import CardInvalid
from models.training.rows import Rows

FILES = {
    "evaluation.json",
    "evidence/report.html",
    "evidence/card.html",
    "evidence/card.md",
    "evidence/card.xml",
    "evidence/attributes.json",
}
RUN = Run("Drawn", "Outcomes drawn from predictions.", facts={"members": "3", "stays": "400"})


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """What the intervals are is shown elsewhere."""
    monkeypatch.setattr(measures, "RESAMPLES", 10)


@pytest.fixture(scope="module")
def manifest():
    """That of a shipped model, as if it had just been trained."""
    found = read_untrained(MODELS_FOLDER / "icu_mortality" / "model.toml")
    return replace(found, info=replace(found.info, digest="ab" * 32))


@pytest.fixture
def scored():
    """400 patients whose outcomes were drawn from their predictions."""
    rng = np.random.default_rng(3)
    p = rng.beta(1.2, 4.0, 400)
    number = np.arange(400)
    groups = {"sex": {"female": number % 2 == 0, "male": number % 2 == 1}}
    return Scored(rng.random(400) < p, p, number, {"hour 24": number >= 0}, groups)


@pytest.fixture
def plain(source):
    """A source that refers to what every evaluation has, and to what the manifest says."""
    source["attributes"]["validity-same-source"] = "AUROC {slices[hour 24].auroc} on {slices[hour 24].rows} rows."
    source["attributes"]["known-limits"] = "For {minimum_age} years and older; {members} members; needs {vital_signs}."
    source["attributes"]["decision-role"] = "Flags {thresholds.high.alerted|percent} and reads: {signals}."
    return source


def test_all_files_are_written_and_the_same_each_time(folder, plain, scored, manifest, tmp_path):
    """One entry; hashes as they lie there; no clock and no chance."""
    home = folder(plain)
    first = publish(home, scored, manifest, RUN)
    assert set(first) == FILES
    assert publish(home, scored, manifest, RUN, out=tmp_path / "again") == first
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (home / name).read_bytes()
    card = (home / "evidence/card.md").read_text("utf-8")
    assert "For 18 years and older; 3 members; needs heart rate, systolic blood pressure" in card
    assert "reads: Heart rate; " in card


def test_the_service_reads_what_was_written(folder, plain, scored, manifest):
    """The sentence and the bins, of the artefact that was judged and of no other."""
    home = folder(plain)
    publish(home, scored, manifest, RUN)
    faults: list[str] = []
    evidence = read_evidence(home / "evaluation.json", "ab" * 32, faults)
    assert faults == []
    assert evidence is not None
    assert evidence.validation.startswith("Drawn on 400 stays at hour 24: AUROC .")
    assert evidence.observed(0.3, 24.0).low <= 0.3
    assert read_evidence(home / "evaluation.json", "cd" * 32, faults) is None


def test_a_change_of_words_needs_no_predictions(folder, plain, scored, manifest):
    """The forms are made anew from the figures that are there."""
    home = folder(plain)
    first = publish(home, scored, manifest, RUN)
    assert write(home, evidence_files(home, manifest)) == first
    plain["attributes"]["funding"] = "Words enough about another sponsor."
    folder(plain)
    again = write(home, evidence_files(home, manifest))
    assert {name for name in FILES if again[name] != first[name]} == {
        "evidence/card.html",
        "evidence/card.md",
        "evidence/card.xml",
        "evidence/attributes.json",
    }


def test_a_model_without_a_source_has_figures_only(scored, manifest, tmp_path):
    """Figures are for the service; a card that nobody wrote is not made up."""
    assert set(publish(tmp_path, scored, manifest, RUN)) == {"evaluation.json"}
    summary = json.loads((tmp_path / "evaluation.json").read_bytes())["summary"]
    assert "on 400 rows at hour 24" in summary["sentence"]
    assert check_card(tmp_path, manifest) == ["attributes.toml is missing: the model has no card"]


def test_figures_of_a_site_make_a_report_and_no_card(folder, plain, scored, manifest):
    """The words of the card are about the data of the training, and may refer to what a site does not record."""
    plain["attributes"]["known-limits"] = "Ratios run from {groups[unit]|range observed_per_expected} by unit."
    home = folder(plain)
    assert set(publish(home, scored, manifest, replace(RUN, site=True))) == {"evaluation.json", "evidence/report.html"}
    page = (home / "evidence/report.html").read_text("utf-8")
    assert "the patients of this site" in page
    assert "model card" not in page.lower()
    assert check_card(home, manifest) == []


def test_thirty_of_31_is_no_card(folder, plain, scored, manifest):
    """Training stops, and nothing is written."""
    del plain["attributes"]["funding"]
    home = folder(plain)
    with pytest.raises(CardInvalid, match="funding is missing"):
        publish(home, scored, manifest, RUN)
    assert not (home / "evidence").exists()
    assert any("funding is missing" in fault for fault in check_card(home, manifest))


def test_a_card_that_is_whole_has_no_faults(folder, plain, scored, manifest):
    """And each kind of fault is named with the file."""
    home = folder(plain)
    publish(home, scored, manifest, RUN)
    assert check_card(home, manifest) == []
    (home / "evidence/card.xml").unlink()
    (home / "evidence/report.html").write_bytes(b"better figures")
    assert check_card(home, manifest) == [
        "evidence/report.html is not what was measured; write the evidence anew",
        "evidence/card.xml is missing; write the evidence anew",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "the card cannot be made"),
        (b"{", "the card cannot be made"),
        (b"[]", "not of the form that training writes"),
        (b'{"facts": {}}', "artefact_sha256 is not that of the artefact"),
        (b'{"facts": {}, "artefact_sha256": "' + b"ab" * 32 + b'"}', "the card cannot be made"),
    ],
)
def test_figures_that_cannot_be_read_are_a_fault(folder, plain, manifest, content, fault):
    """Missing, broken, of another form, or empty."""
    home = folder(plain)
    if content is not None:
        (home / "evaluation.json").write_bytes(content)
    (found,) = check_card(home, manifest)
    assert fault in found


def test_figures_of_another_artefact_are_a_fault(folder, plain, scored, manifest):
    """A card speaks of the artefact that is there."""
    home = folder(plain)
    publish(home, scored, manifest, RUN)
    other = replace(manifest, info=replace(manifest.info, digest="cd" * 32))
    assert check_card(home, other) == ["evaluation.json: artefact_sha256 is not that of the artefact; train again"]


def test_rows_become_slices_groups_and_periods():
    """The main slice first, the others as numbers rise, what is not recorded last; unanswered rows stay in sight."""
    rows = Rows(
        features=np.zeros((6, 1), np.float32),
        outcome=np.array([0, 0, 1, 1, 0, 0], float),
        answered=np.array([1, 1, 1, 1, 1, 0], bool),
        weight=np.ones(6),
        patient=np.array([1, 1, 2, 2, 3, 3]),
        slice=np.array(["hour 12", "hour 24", "hour 6"] * 2),
        hour=np.zeros(6),
        period=np.array(["2019", "2019", "2020", "2020", "2020", "2020"]),
        groups={"sex": np.array(["male", "male", "", "", "female", "female"])},
    )
    found = scored_of(rows, np.linspace(0.1, 0.6, 6), "hour 24", {"other": np.arange(6.0)})
    assert list(found.slices) == ["hour 24", "hour 6", "hour 12"]
    assert found.main.tolist() == [False, True, False, False, True, False]
    assert list(found.groups["sex"]) == ["female", "male", "not recorded"]
    assert list(found.periods) == ["2019", "2020"]
    assert found.outcome.dtype == np.bool_
    with pytest.raises(ValueError, match="hour 48"):
        scored_of(rows, np.full(6, 0.5), "hour 48")


def test_every_card_in_the_tree_is_whole():
    """Each risk model that was judged and brings a source: 31 of 31, and files that are what was measured."""
    for path in sorted(Path(MODELS_FOLDER).glob("*/evidence/report.html")):
        assert check_card(path.parent.parent) == [], path
