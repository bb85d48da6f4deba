"""Which models there are, which of them are offered, and which stand beside each other."""

from __future__ import annotations

import py_compile
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clinical.assessment import Abstention, RiskAssessment
from clinical.errors import ArtefactRejected, ManifestInvalid
from clinical.need import DataNeed, Importance
from clinical.record import Coding
from models.runtime.catalogue import MODELS_FOLDER, load_models, read_manifests, served
from models.runtime.model import TreeRiskModel
from models.runtime.needs import joined
from models.runtime.score_model import ScoreModel
from models.runtime.signature import TrustedKey
from models.training.provenance import renew, sign
from models.training.signing import PRIVATE_FILE, new_key

SCORES = {
    "cha2ds2-vasc",
    "charlson",
    "ckd-epi",
    "fib4",
    "kfre",
    "lace",
    "meld3",
    "news2",
    "prevent-cvd",
    "qsofa",
    "sirs",
    "sofa",
}


def copy(folder: Path, name: str, *changes: tuple[str, str]) -> None:
    """A copy of a shipped model's folder with pieces of its manifest replaced."""
    shutil.copytree(MODELS_FOLDER / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "training"))
    manifest = folder / name / "model.toml"
    text = manifest.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    manifest.write_text(text, encoding="utf-8")


def vouched(folder: Path, home: Path) -> TrustedKey:
    """The key that signed the folder as it is now."""
    key = new_key(home, "test")
    renew(folder)
    sign(folder, home / PRIVATE_FILE)
    return key


def test_every_folder_is_found_and_opened() -> None:
    """By its manifest alone, in the order of ids; a model of each kind answers for itself."""
    models = load_models()
    assert list(models) == sorted(models) == list(read_manifests())
    assert set(models) >= {"icu-mortality", *SCORES}
    for name, model in models.items():
        assert model.info.id == name
        assert isinstance(model, ScoreModel if name in SCORES else TreeRiskModel)


def test_what_is_offered_unasked() -> None:
    """What a manifest says of itself: not every score there is, or a site would be flooded."""
    offered = served(read_manifests())
    assert SCORES & set(offered) <= {"news2", "prevent-cvd"}
    assert "icu-mortality" in offered
    assert list(served(load_models())) == list(offered)


def test_scores_cost_little_at_the_start() -> None:
    """Reading and loading all twelve takes a small part of the start."""
    started = time.process_time()
    for manifest in read_manifests().values():
        if manifest.info.id in SCORES:
            ScoreModel(manifest)  # type: ignore[arg-type]
    assert time.process_time() - started < 1.5


def test_two_folders_with_one_id_are_refused(tmp_path: Path) -> None:
    """The id is the address of a service; two models must not share it."""
    copy(tmp_path, "news2")
    copy(tmp_path, "qsofa", ('id = "qsofa"', 'id = "news2"'))
    with pytest.raises(ManifestInvalid, match="is taken"):
        read_manifests(tmp_path)


def test_a_score_in_a_folder_elsewhere_is_the_same_score(tmp_path: Path, scores: Any, patient: Any) -> None:
    """It is loaded from its file, and its digest is that of its content."""
    copy(tmp_path, "qsofa")
    (model,) = load_models(tmp_path).values()
    record = patient.record(patient.fact("9279-1", 22, "/min"), patient.fact("8480-6", 100, "mm[Hg]"))
    assert model.assess(record, patient.now) == scores["qsofa"].assess(record, patient.now)


BESIDE = 'comparators = ["sofa"]'


def test_comparators_stand_beside_the_answer(tmp_path: Path, chart: Any) -> None:
    """On the same record at the same moment; one that cannot answer says why."""
    for name in ("news2", "sofa", "fib4"):
        copy(tmp_path, name)
    copy(tmp_path, "icu_mortality", (BESIDE, 'comparators = ["sofa", "fib4", "news2"]'))
    model = load_models(tmp_path, keys=[vouched(tmp_path / "icu_mortality", tmp_path / "keys")])["icu-mortality"]
    record = chart.record(*chart.ordinary())
    finding = model.assess(record, chart.at(8))
    assert isinstance(finding, RiskAssessment)
    alone = chart.model.assess(record, chart.at(8))
    assert replace(finding, comparators=(), unanswered=()) == alone
    assert [score.model.id for score in finding.comparators] == ["sofa", "news2"]
    assert {score.as_of for score in finding.comparators} == {chart.at(8)}
    (fib4,) = finding.unanswered
    assert (fib4.model.id, fib4.as_of) == ("fib4", chart.at(8))
    assert fib4.text == "the score is for people who are not in hospital"
    assert isinstance(model.assess(chart.record(), chart.at(8)), Abstention)


def test_needs_cover_those_of_the_comparators(tmp_path: Path, chart: Any) -> None:
    """Under the same keys; what only a comparator needs does not concern the answer and cannot stop the model."""
    copy(tmp_path, "news2")
    copy(tmp_path, "icu_mortality", (BESIDE, 'comparators = ["news2"]'))
    manifest = read_manifests(tmp_path)["icu-mortality"]
    keys = [need.key for need in manifest.needs]
    assert keys == ["patient", "encounter", "vitals", "labs", "answers"]
    own = {need.key: need for need in chart.model.needs}
    wider = {need.key: need for need in manifest.needs}
    assert set(own["vitals"].codes) < set(wider["vitals"].codes)
    assert "59408-5" in {coding.code for coding in wider["vitals"].codes}
    assert (wider["vitals"].count, wider["vitals"].look_back) == (own["vitals"].count, own["vitals"].look_back)
    assert wider["labs"] == own["labs"]
    assert wider["answers"].importance is Importance.BESIDE
    assert manifest.recipe == chart.model.manifest.recipe


@pytest.mark.parametrize("name", ["nobody", "icu-mortality"])
def test_a_comparator_that_is_no_score_is_refused(tmp_path: Path, name: str) -> None:
    """One that is not there, and a model of trees."""
    copy(tmp_path, "kfre")
    copy(tmp_path, "icu_mortality", (BESIDE, f'comparators = ["{name}"]'))
    with pytest.raises(ManifestInvalid, match=f"comparators names {name}, which is no score"):
        read_manifests(tmp_path)


def test_joined_needs_ask_for_enough() -> None:
    """All codes, the larger count, the longer time; a need without codes or bounds asks for all."""
    one, two = Coding("s", "1"), Coding("s", "2")
    both = joined([DataNeed("k", "Observation", (one,), 5)], [DataNeed("k", "Observation", (one, two), 9)])
    assert both == (DataNeed("k", "Observation", (one, two), 9),)
    all_of_them = joined([DataNeed("k", "Encounter", statuses=("active",))], [DataNeed("k", "Encounter", (one,))])
    assert all_of_them == (DataNeed("k", "Encounter"),)


def test_models_of_one_call_ask_under_the_same_keys() -> None:
    """One key is one kind of data, whoever asks."""
    kinds: dict[str, set[str]] = {}
    for manifest in read_manifests().values():
        keys = [need.key for need in manifest.needs]
        assert len(set(keys)) == len(keys)
        for need in manifest.needs:
            kinds.setdefault(need.key, set()).add(need.resource_type)
    assert all(len(found) == 1 for found in kinds.values())
    shared = {
        "patient",
        "encounter",
        "vitals",
        "labs",
        "conditions",
        "medications",
        "answers",
        "procedures",
        "encounters",
    }
    assert set(kinds) - shared == {"hba1c"}


def test_needs_that_a_score_can_do_without_are_never_silent() -> None:
    """Required, or optional: then a gap is named, and what is not found is not taken for absent."""
    for manifest in read_manifests().values():
        assert all(need.importance is not Importance.INFORMATIVE for need in manifest.needs)


def test_a_model_whose_manifest_is_gone_stops_the_start(tmp_path: Path) -> None:
    """A model that vanishes would be a silent one."""
    copy(tmp_path, "icu_mortality")
    (tmp_path / "icu_mortality" / "model.toml").unlink()
    with pytest.raises(ArtefactRejected, match=r"icu_mortality: model\.toml is missing"):
        load_models(tmp_path)


def test_a_local_score_may_not_stand_in_for_a_trained_model(tmp_path: Path) -> None:
    """Its code is not signed; the model's is."""
    copy(tmp_path, "qsofa", ('id = "qsofa"', 'id = "icu-mortality"'))
    with pytest.raises(ManifestInvalid, match="the score icu-mortality may not take the place"):
        read_manifests(local=tmp_path)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "#" * 1_000_001])
def test_a_manifest_out_of_all_measure_is_refused_in_words(tmp_path: Path, text: str) -> None:
    """Nesting that no parser bears, and a file that nobody writes by hand."""
    copy(tmp_path, "qsofa")
    (tmp_path / "qsofa" / "model.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestInvalid, match=r"model\.toml"):
        read_manifests(tmp_path)


def test_code_is_run_from_its_source_and_not_from_a_cache(tmp_path: Path, scores: Any, patient: Any) -> None:
    """A compiled file beside it, which nobody signed, makes no difference."""
    copy(tmp_path, "qsofa")
    cache = tmp_path / "qsofa" / "__pycache__" / f"score.{sys.implementation.cache_tag}.pyc"
    cache.parent.mkdir()
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit('run')", encoding="utf-8")
    py_compile.compile(str(evil), str(cache), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    (model,) = load_models(tmp_path).values()
    record = patient.record(patient.fact("9279-1", 22, "/min"), patient.fact("8480-6", 100, "mm[Hg]"))
    assert model.assess(record, patient.now) == scores["qsofa"].assess(record, patient.now)
