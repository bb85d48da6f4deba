"""What the `model.toml` of a score must hold, and that an author sees every fault at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clinical.errors import ManifestInvalid, ModelFault
from clinical.record import LOINC
from models.runtime.catalogue import MODELS_FOLDER, read_manifests
from models.runtime.loinc import check_digit_holds
from models.runtime.read_score_manifest import read_score_manifest
from models.runtime.score_code import code_digest
from models.runtime.score_manifest import ScoreManifest
from models.runtime.score_model import ScoreModel

INPUTS = """
[needs.labs]
count = 10

[needs.conditions]
count = 10

[inputs.x]
kind = "measured"
label = "Creatinine"
need = "labs"
codes = ["2160-0"]
unit = "mg/dL"
range = [0.1, 30]
source = "a test"
within_days = 2
take = "latest"

[inputs.d]
kind = "condition"
label = "Diabetes"
codes = { icd-10 = ["E11"] }
"""
CODE = """
from models.formulae.worked import Line, Worked

def answer(given):
    return Worked(1.0, 1.0, (Line("x", 1.0, 1.0, ""), Line("d", 0.0, 1.0, "")), "", None)
"""
SHIPPED = [manifest for manifest in read_manifests().values() if isinstance(manifest, ScoreManifest)]
shipped = pytest.mark.parametrize("manifest", SHIPPED, ids=lambda manifest: manifest.info.id)


def faults(path: Path) -> str:
    """The message of the one error."""
    with pytest.raises(ManifestInvalid) as caught:
        read_score_manifest(path)
    return caught.value.message


def test_a_manifest_that_holds_together(toy: Any) -> None:
    """What is declared is what is there."""
    manifest = read_score_manifest(toy.path(INPUTS, CODE))
    assert list(manifest.labels) == ["x", "d"]
    assert [need.key for need in manifest.needs] == ["patient", "labs", "conditions"]
    assert not manifest.served
    assert manifest.code_labels == {"2160-0": "Creatinine"}
    assert manifest.info.validation == "nowhere"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('id = "toy"', 'id = "Toy score"', "id 'Toy score'"),
        ("served = false\n", "", "served is missing"),
        ("served = false", 'served = "no"', "served must be true or false"),
        ('answers = "score"', 'answers = "colour"', "answers must be one of score, probability"),
        (
            'setting = "any"',
            'setting = "home"',
            "setting must be one of any, inpatient, discharge, intensive-care, outpatient",
        ),
        ("minimum_age = 18", "minimum_age = 180", "minimum_age and maximum_age must rise"),
        ("items = 1", "items = 3", "items must lie between 1 and the number of items"),
        ("at_least = 0", "at_least = 0.5", "the first tier must start at 0"),
        ("at_least = 2", "at_least = 0", "at_least must rise"),
        ('name = "high"', 'name = "low"', "a name of its own"),
        ('codes = ["2160-0"]', 'codes = ["2160-1"]', "LOINC '2160-1' fails its check digit"),
        ("range = [0.1, 30]", "range = [30, 0.1]", "inputs.x: range must rise"),
        ("range = [0.1, 30]", "range = [0.1]", "inputs.x: range must be [lowest, highest]"),
        ('take = "latest"', 'take = "latest"\ndomain = [2, 1]', "inputs.x: domain must rise"),
        ("within_days = 2", "within_days = 2\nwithin_hours = 2", "either within_hours or within_days"),
        ("within_days = 2", "within_days = 0", "the time to look back must be positive"),
        ('take = "latest"', 'take = "median"', "take must be one of latest, lowest, highest"),
        ('label = "Creatinine"', 'label = "Ethnicity"', "never features"),
        ('label = "Creatinine"', 'label = "Creatinine"\nunless = "y"', "unless must name an input"),
        ('label = "Creatinine"', 'label = "Creatinine"\nitem = "y"\nhelper = true', "a helper feeds no item"),
        ('icd-10 = ["E11"]', 'icd-11 = ["5A11"]', "icd-11 is not one of"),
        ('icd-10 = ["E11"]', 'icd-10 = ["E14-E10"]', "E14-E10 is not a range"),
        ('icd-10 = ["E11"]', 'charlson = ["gout"]', "charlson has the groups"),
        ('codes = { icd-10 = ["E11"] }', "codes = {}", "codes must name a code"),
        ("[needs.conditions]\ncount = 10\n", "", "conditions is used by an input and not declared"),
        ("[needs.conditions]", "[needs.pets]\ncount = 1\n[needs.conditions]", "it must be used by inputs"),
        ("[needs.labs]", '[needs.labs]\nimportance = "informative"', "importance must be one of required, optional"),
        ('kind = "condition"', 'kind = "guess"', "kind must be one of measured"),
        ('setting = "any"', 'setting = "any", only_with = ["x"]', "'x' is not an input of the kind condition"),
        ('horizon = "now"', 'horizon = "now"\nhorizen = "now"', "unknown key horizen"),
        ('setting = "any"', 'setting = "any", not_with_recorded = ["x"]', "'x' is not an input of the kind condition"),
        ('label = "Diabetes"', 'label = "Diabetes"\nwithin_days = 0', "the time to look back must be positive"),
        ("[needs.labs]", '[items]\ny = "Y"\n[needs.labs]', "items: 'y' is fed by no input"),
    ],
)
def test_a_manifest_that_does_not_hold_together_is_refused(toy: Any, old: str, new: str, fault: str) -> None:
    """Each rule names what broke it."""
    assert fault in faults(toy.path(INPUTS, CODE, (old, new)))


def test_every_fault_is_listed_at_once(toy: Any) -> None:
    """One error names them all."""
    message = faults(
        toy.path(INPUTS, CODE, ('version = "1.0.0"', "version = 1"), ('unit = "mg/dL"', ""), ('["E11"]', "[]"))
    )
    for part in ("version must be a text", "inputs.x: unit is missing", "inputs.d.codes: icd-10 must be a list"):
        assert part in message


def test_a_probability_has_tiers_below_1_and_no_bands(toy: Any) -> None:
    """Its tiers are probabilities."""
    path = toy.path(INPUTS, CODE, ('unit = "{points}"', 'unit = "1"\ntiers_by = "band"'), answers="probability")
    message = faults(path)
    assert "at_least must lie in [0, 1)" in message
    assert "neither falls nor has bands" in message


def test_one_code_feeds_one_measured_input(toy: Any) -> None:
    """Else a value would be counted in one of two places, by chance."""
    again = INPUTS + INPUTS.partition("[inputs.x]")[2].partition("[inputs.d]")[0].join(["\n[inputs.z]", ""])
    assert "stands for 2 measured inputs" in faults(toy.path(again, CODE))


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("def answer(", "cannot be read"),
        ("import nothing_like_this", "cannot be loaded"),
        ("x = 1", "no function 'answer'"),
    ],
)
def test_code_that_cannot_be_used_stops_the_start(toy: Any, code: str, fault: str) -> None:
    """A file that is broken, one that cannot be run, and one without the function."""
    path = toy.path(INPUTS, code)
    with pytest.raises(ManifestInvalid, match=fault):
        ScoreModel.load(path)


def test_code_that_is_missing_stops_the_start(toy: Any) -> None:
    """There is no score without its arithmetic."""
    path = toy.path(INPUTS, CODE)
    path.with_name("score.py").unlink()
    assert "cannot be read" in faults(path)


def test_the_digest_changes_with_manifest_code_and_formula(toy: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Change control sees a new number, a new line of code, and a new coefficient."""
    formulae = tmp_path / "pretended" / "formulae"
    formulae.mkdir(parents=True)
    (formulae / "one.py").write_text("from models.formulae.two import b\n")
    (formulae / "two.py").write_text("b = 1\n")
    (formulae / "one_numbers.toml").write_text("a = 1\n")
    (formulae / "other.py").write_text("c = 1\n")
    monkeypatch.setattr("models.runtime.score_code.MODELS", formulae.parent)
    path = toy.path(INPUTS, "from models.formulae import one\n" + CODE)
    seen = {code_digest(path)}
    for file, text in [
        (formulae / "two.py", "b = 2\n"),
        (formulae / "one_numbers.toml", "a = 2\n"),
        (formulae / "one.py", "from models.formulae.two import b  # same\n"),
        (path.with_name("score.py"), "from models.formulae import one\n\n" + CODE),
        (path, path.read_text() + "\n"),
    ]:
        file.write_text(text)
        seen.add(code_digest(path))
    assert len(seen) == 6
    (formulae / "other.py").write_text("c = 2\n")
    assert code_digest(path) in seen


@pytest.mark.parametrize(
    "result",
    [
        'Worked(float("nan"), 1.0, (), "", None)',
        "Worked(2.0, 1.0, (), '', None)",
        "Worked(-1.0, 1.0, (), '', None)",
        'Worked(1.0, 1.0, (Line("y", 1.0, 1.0, ""),), "", None)',
        "Probability(0.5, 0.0, {})",
        "3.0",
    ],
)
def test_a_score_that_answers_wrongly_is_a_fault(toy: Any, patient: Any, result: str) -> None:
    """No number, a least above the most, no tier, an unknown line, and another kind of answer than was declared."""
    code = CODE.replace(
        "from models.formulae.worked import Line, Worked",
        "from models.formulae.worked import Line, Worked\nfrom models.runtime.score_answer import Probability",
    )
    code = code.partition("    return")[0] + f"    return {result}\n"
    model = toy.model(INPUTS, code)
    with pytest.raises(ModelFault):
        model.assess(patient.record(patient.fact("2160-0", 1, "mg/dL")), patient.now)


@pytest.mark.parametrize(
    "result", ["Probability(0.5, 0.1, {})", 'Probability(0.5, 0.0, {"y": 0.0})', "Worked(1.0, 1.0, (), '', None)"]
)
def test_a_probability_that_its_parts_do_not_explain_is_a_fault(toy: Any, patient: Any, result: str) -> None:
    """Parts that do not add up, an unknown part, and a score in place of a probability."""
    code = "from models.formulae.worked import Worked\nfrom models.runtime.score_answer import Probability\n"
    model = toy.model(INPUTS, code + f"\ndef answer(given):\n    return {result}\n", answers="probability", high=0.5)
    with pytest.raises(ModelFault):
        model.assess(patient.record(), patient.now)


@shipped
def test_every_loinc_code_carries_its_check_digit(manifest: ScoreManifest) -> None:
    """Of all that is searched for."""
    for need in manifest.needs:
        for coding in need.codes:
            assert coding.system != LOINC or check_digit_holds(coding.code), coding.code


@shipped
def test_every_number_has_a_source(manifest: ScoreManifest) -> None:
    """Ranges, tiers and the least."""
    assert all(signal.source for signal in manifest.signals.values())
    assert all(tier.source for tier in manifest.tiers)
    assert manifest.least.source
    assert "does not replace it" in manifest.info.intended_use


@shipped
def test_every_score_has_a_card_that_says_what_it_must(manifest: ScoreManifest) -> None:
    """What it is, its source, what it reads and its limits; it claims nothing that was not shown."""
    card = " ".join((manifest.folder / "card.md").read_text(encoding="utf-8").split())
    for part in ("## What it is", "## Source", "## What it reads", "## Limits", "does not replace it"):
        assert part in card, part
    assert not any(word in card.lower() for word in ("compliant", "approved", "accurate"))


@shipped
def test_the_digest_names_the_shipped_files(manifest: ScoreManifest) -> None:
    """It is worked out from the files, and differs from score to score."""
    assert manifest.info.digest == code_digest(MODELS_FOLDER / manifest.folder.name / "model.toml")
    assert len({one.info.digest for one in SHIPPED}) == len(SHIPPED)
