"""What a `model.toml` must hold, and that an author sees every fault at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clinical.errors import ManifestInvalid
from clinical.record import LOINC
from models.icu_mortality.train import RECIPE
from models.runtime.catalogue import MODELS_FOLDER, read_manifests
from models.runtime.features import FeaturePlan
from models.runtime.loinc import check_digit_holds
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_manifest, read_untrained

FOLDER = MODELS_FOLDER / "icu_mortality"
CARD = FOLDER / "evidence" / "card.md"
TREES = [manifest for manifest in read_manifests().values() if isinstance(manifest, Manifest)]
shipped = pytest.mark.parametrize("manifest", TREES, ids=lambda manifest: manifest.info.id)


def altered(folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy of the shipped manifest with pieces of text replaced."""
    text = (FOLDER / "model.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    folder.mkdir(exist_ok=True)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    for name in ("artefact.toml", "features.py"):
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    return folder / "model.toml"


def faults(path: Path) -> str:
    """The message of the one error."""
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(path)
    return caught.value.message


def test_an_unchanged_copy_is_valid(tmp_path: Path) -> None:
    """Copying alone changes nothing."""
    assert read_manifest(altered(tmp_path)).info.id == "icu-mortality"


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    """Faults of shape: one error names each of them with its place."""
    message = faults(
        altered(
            tmp_path,
            ('version = "2.0.0"', "version = 2"),
            ('indicator = "info"', 'indicator = "green"'),
            ("minimum_age = 18", 'minimum_age = "18"'),
            ('codes = ["8867-4"]', "codes = []"),
            ("range = [10, 300]", "range = [10]"),
            ('title = "', 'titel = "'),
        )
    )
    for part in (
        "version must be a text",
        "tiers[1]: indicator must be one of info, warning, critical",
        "population: minimum_age must be a whole number",
        "signals.HR: codes must be a list of texts and not empty",
        "signals.HR: range must be [lowest, highest]",
        "title is missing",
        "unknown key titel",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('id = "icu-mortality"', 'id = "ICU mortality"', "id 'ICU mortality'"),
        ('codes = ["8867-4"]', 'codes = ["8867-5"]', "LOINC '8867-5' fails its check digit"),
        ('codes = ["8867-4"]', 'codes = ["8480-6"]', "stands for 2 signals"),
        ("range = [10, 300]", "range = [300, 10]", "signals.HR: range must rise"),
        ('take = ["last"', 'take = ["last", "last"', "lists a statistic twice"),
        ('take = ["last"', 'take = ["median"', "unknown statistic 'median'"),
        ('take = ["last"', 'take = ["last@6"', "must read like 6h"),
        ('need = "vitals"', 'need = "bedside"', "need 'bedside' is not declared"),
        ('any_of = ["HR"', 'any_of = ["Pulse"', "any_of names 'Pulse'"),
        ("signals = 7", "signals = 0", "minimum: signals"),
        ("from_hour = 6", "from_hour = 60", "from_hour must lie below to_hour"),
        ("minimum_age = 18", "minimum_age = 99", "minimum_age must lie below age_cap"),
        ("allowance_hours = 1", "allowance_hours = -1", "allowance_hours must not be negative"),
        ("at_least = 0.0", "at_least = 0.05", "the first tier must start at 0"),
        ('name = "raised"\nat_least = 0.', 'name = "raised"\nat_least = 0.9', "at_least must rise"),
        ('name = "high"\nat_least = 0.', 'name = "high"\nat_least = 1.', "at_least must lie in [0, 1)"),
        ("[derived.shock_index]", "[derived.HR]", "the name is taken by a signal"),
        ('horizon = "during', 'horizon = " " # "', "horizon is blank"),
        ('kind = "ratio"', 'kind = "product"', "kind must be one of"),
        ('top = "PaO2"', 'top = "PaO"', "'PaO' is not known"),
        ('concept = "oxygenation"', 'concept = "Breath"', "concept must be a signal"),
        ('concept = "oxygenation"', 'concept = "PaO2"', "rests on more than PaO2"),
        ('label = "Heart rate"', 'label = "Race"', "never features"),
        ("age_cap = 90", "age_cap = 91", "recipe differs"),
    ],
)
def test_a_manifest_that_does_not_hold_together_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """Each rule names what broke it."""
    assert fault in faults(altered(tmp_path, (old, new)))


def test_a_manifest_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    """As is one without its artefact entry; both faults are told."""
    (tmp_path / "model.toml").write_text("id = ", encoding="utf-8")
    message = faults(tmp_path / "model.toml")
    assert "model.toml cannot be read" in message
    assert "artefact.toml cannot be read" in message


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (r"base_rate = .*", "base_rate = 1.4", "base_rate must lie between 0 and 1"),
        (r'sha256 = ".*"', 'sha256 = "abc"', "64 hexadecimal digits"),
        (r'recipe = ".*"', 'recipe = "abc"', "recipe differs"),
        (r"file = .*", "", "file is missing"),
    ],
)
def test_an_artefact_entry_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """What training wrote is checked as strictly as what people wrote."""
    path = altered(tmp_path)
    entry = tmp_path / "artefact.toml"
    entry.write_text(re.sub(old, new, entry.read_text(encoding="utf-8")), encoding="utf-8")
    assert fault in faults(path)


def test_training_reads_a_manifest_without_an_artefact(tmp_path: Path) -> None:
    """Everything but the artefact is checked."""
    path = altered(tmp_path)
    (tmp_path / "artefact.toml").unlink()
    assert read_untrained(path).recipe == read_manifest(FOLDER / "model.toml").recipe


GUIDELINE_URL = "https://doi.org/10.1097/CCM.0000000000001856"


@pytest.mark.parametrize(
    "url",
    [
        "http://doi.org/10.1097/CCM",
        "javascript:alert(1)",
        "https://",
        "https://localhost/x",
        "https://user@doi.org/x",
        "https://doi.org:8443/x",
        "https://doi.org/a b",
        'https://doi.org/\\"onclick=',
        "https://doi.org/<script>",
        "https://doi.org/\\u0430",
        "//doi.org/x",
        "https://doi.org/" + "x" * 300,
    ],
)
def test_a_guideline_must_be_a_plain_https_address(tmp_path: Path, url: str) -> None:
    """Clinicians open it from the patient's page."""
    message = faults(altered(tmp_path, (GUIDELINE_URL, url)))
    assert message.endswith("guidelines[1]: url must be an https address with a host, without user, port or spaces")


def test_a_guideline_needs_a_title_and_nothing_else(tmp_path: Path) -> None:
    """One line; a misspelt key is a fault."""
    assert "guidelines[1]: title must be one line" in faults(altered(tmp_path, ("SCCM ICU", "SCCM\\nICU")))
    message = faults(altered(tmp_path, (f'url = "{GUIDELINE_URL}"', f'link = "{GUIDELINE_URL}"')))
    assert "guidelines[1]: url is missing" in message
    assert "guidelines[1]: unknown key link" in message


def test_a_model_may_have_no_guideline(tmp_path: Path) -> None:
    """Not every action has one."""
    rows = re.findall(r"\[\[guidelines\]\]\n.*\n.*\n", (FOLDER / "model.toml").read_text(encoding="utf-8"))
    assert read_manifest(altered(tmp_path, *((row, "") for row in rows))).info.guidelines == ()


def test_every_shipped_model_names_a_guideline_by_a_lasting_address() -> None:
    """A DOI, or the page of the body that wrote it."""
    hosts = ("https://doi.org/10.", "https://www.nice.org.uk/guidance/", "https://www.rcp.ac.uk/")
    for manifest in read_manifests().values():
        assert manifest.info.guidelines
        assert all(one.url.startswith(hosts) for one in manifest.info.guidelines)


@pytest.mark.parametrize("file", ["../model.skops", "/elsewhere/model.skops"])
def test_an_artefact_outside_its_folder_is_refused(tmp_path: Path, file: str) -> None:
    """A manifest cannot point the loader elsewhere."""
    path = altered(tmp_path)
    entry = tmp_path / "artefact.toml"
    entry.write_text(re.sub('file = ".*"', f'file = "{file}"', entry.read_text(encoding="utf-8")), encoding="utf-8")
    assert "plain name" in faults(path)


@pytest.mark.parametrize(
    ("code", "holds"),
    [
        ("8867-4", True),
        ("2524-7", True),
        ("3150-0", True),
        ("3150-6", False),
        ("8867", False),
        ("A-1", False),
        ("1-23", False),
    ],
)
def test_the_check_digit(code: str, holds: bool) -> None:
    """3150-6 is a mistyped code that is seen in the wild."""
    assert check_digit_holds(code) is holds


@shipped
def test_every_code_of_every_manifest_carries_its_check_digit(manifest: Manifest) -> None:
    """All codes of signals are LOINC and well formed."""
    for signal in manifest.signals.values():
        for coding in signal.codes:
            assert coding.system == LOINC
            assert check_digit_holds(coding.code), coding.code


@shipped
def test_no_feature_speaks_of_race_or_ethnicity(manifest: Manifest) -> None:
    """Nor of the unit, the insurer, the language or the religion."""
    words = re.compile(r"\brace|ethnic|hispanic|caucasian|insur|language|religio|icutype", re.IGNORECASE)
    for feature in FeaturePlan(manifest).features:
        assert not words.search(f"{feature.name} {feature.concept} {feature.label}"), feature


@shipped
def test_needs_cover_every_signal(manifest: Manifest) -> None:
    """Each code of each signal is searched for, and the patient and the stays are read."""
    searched = {coding.token for need in manifest.needs for coding in need.codes}
    assert {coding.token for signal in manifest.signals.values() for coding in signal.codes} <= searched
    assert [need.resource_type for need in manifest.needs[:2]] == ["Patient", "Encounter"]


@shipped
def test_every_range_and_every_tier_has_a_source(manifest: Manifest) -> None:
    """A bare number cannot be argued with."""
    assert all(signal.source for signal in manifest.signals.values())
    assert all(tier.source for tier in manifest.tiers)


def test_thresholds_spend_the_alert_budgets(model: Any) -> None:
    """Each tier flags in validation what its budget allows in the main slice, to a fifth of a percentage point."""
    figures = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    declared = {tier.name: tier.at_least for tier in model.manifest.tiers if tier.at_least > 0}
    assert declared == figures["thresholds"]
    flagged = {name: figures["by_threshold"][name][RECIPE.main]["flagged"] for name in declared}
    assert flagged == pytest.approx(dict(RECIPE.budgets), abs=0.002)


def test_evaluation_and_card_speak_of_the_shipped_artefact(model: Any) -> None:
    """A retrained artefact with old figures does not pass."""
    figures = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    assert figures["artefact_sha256"] == model.info.digest
    assert model.info.digest in CARD.read_text(encoding="utf-8")


def test_the_card_says_what_it_must(model: Any) -> None:
    """And claims nothing that was not shown."""
    card = " ".join(CARD.read_text(encoding="utf-8").split())
    assert model.info.intended_use in card
    for words in (
        "does not replace it",
        "Open Data Commons Attribution License",
        "Changes made",
        "Fairness by race and ethnicity was not examined",
        "Self-fulfilling",
        "Never a reason to withhold or limit care",
        "type of the intensive care unit",
    ):
        assert words in card
    assert not re.search(r"\b(compliant|approved|accurate)\b", card, re.IGNORECASE)


def test_directions_and_what_is_shown_are_checked(tmp_path: Path) -> None:
    """A direction is up or down, and what is shown must be computed."""
    message = faults(
        altered(
            tmp_path,
            ('direction = "down"', 'direction = "sideways"'),
            ('show = "sum@6h"', 'show = "sum@7h"'),
            ('direction = "up"', 'direction = "higher"'),
        )
    )
    assert "direction must be one of up, down" in message
    assert "show must be one of take" in message
    assert "unknown statistic" in faults(altered(tmp_path, ('show = "sum@6h"', 'show = "total"')))
