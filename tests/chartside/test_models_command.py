"""`chartside models`: what there is, whether it holds, and who vouches for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chartside.cli import cli
from clinical.errors import ArtefactRejected
from models.runtime.catalogue import MODELS_FOLDER, load_models
from models.runtime.signature import trusted_keys
from models.training import provenance
from models.training.signing import PRIVATE_FILE, PUBLIC_FILE, new_key

SHIPPED = MODELS_FOLDER / "icu_mortality"
ROOT = MODELS_FOLDER.parent
WRITTEN = {path.name for path in SHIPPED.iterdir() if path.is_file() and path.suffix != ".py"}


@pytest.fixture(scope="module")
def signed_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two models, one trained and one a score, that a key of this test signed; its keys lie beside it."""
    home = tmp_path_factory.mktemp("site")
    new_key(home / "keys", "ward-nine")
    for name in ("icu_mortality", "sofa"):
        shutil.copytree(MODELS_FOLDER / name, home / "models" / name, ignore=shutil.ignore_patterns("__pycache__"))
    own = home / "models" / "icu_mortality"
    outputs = [name for name in names_in(own) if name not in ("model.toml", "attributes.toml", "provenance.json")]
    provenance.write_provenance(
        own,
        model="icu-mortality",
        version=json.loads(run("list", "--json", "--models", str(home / "models")).output)[0]["version"],
        inputs={},
        parameters={},
        seeds=(1,),
        outputs=[name for name in outputs if not name.endswith((".py", ".sig"))],
    )
    provenance.sign(own, home / "keys" / PRIVATE_FILE)
    return home


@pytest.fixture
def site(signed_models: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may spoil."""
    return Path(shutil.copytree(signed_models, tmp_path / "site"))


@pytest.fixture
def trusting(site: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on the models of the site, which trusts its own key."""
    monkeypatch.setenv("CHARTSIDE_MODEL_KEYS", str(site / "keys" / PUBLIC_FILE))
    return lambda *words: run(*words, "--models", str(site / "models"))


def names_in(folder: Path) -> list[str]:
    """The files at the top of a folder."""
    return [path.name for path in folder.iterdir() if path.is_file()]


def run(*words: str) -> Result:
    """`chartside models …`."""
    return CliRunner().invoke(cli, ["models", *words])


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_the_list_names_every_model(trusting: Callable[..., Result]) -> None:
    """For people and for machines, with what validation found."""
    result = trusting("list")
    assert result.exit_code == 0
    assert "icu-mortality" in result.output
    assert "(trees)" in result.output
    rows = json.loads(trusting("list", "--json").output)
    assert [(row["id"], row["kind"]) for row in rows] == [("icu-mortality", "trees"), ("sofa", "score")]
    assert all(len(row["sha256"]) == 64 for row in rows)
    assert "AUROC" in rows[0]["validation"]
    assert rows[0]["hooks"] == ["patient-view", "encounter-start"]


def test_without_a_command_it_lists() -> None:
    """All that are shipped."""
    result = run()
    assert result.exit_code == 0
    assert "sofa" in result.output


def test_what_is_signed_holds(trusting: Callable[..., Result]) -> None:
    """Every check has its line; a score has its own."""
    result = trusting("verify", "--json")
    found = json.loads(result.output)
    assert (result.exit_code, found["holds"], found["together"]) == (0, True, ""), result.output
    trees, score = found["models"]
    states = {check["check"]: check["state"] for check in trees["checks"]}
    for name in ("signature", "files", "manifest", "recipe", "artefact", "evidence", "explanation"):
        assert states[name] == "holds", trees
    assert "ward-nine" in trees["checks"][0]["text"]
    assert [check["state"] for check in score["checks"]] == ["holds"]
    assert "none with a fault" in trusting("verify").output


@pytest.mark.parametrize("name", sorted(WRITTEN | {"provenance.json", "provenance.sig"}))
def test_a_changed_byte_is_found_and_stops_the_start(trusting: Callable[..., Result], site: Path, name: str) -> None:
    """In any file of the model; what is not signed is not opened."""
    flip(site / "models" / "icu_mortality" / name)
    result = trusting("verify", "icu_mortality")
    assert result.exit_code == 1
    assert "FAULT" in result.output
    assert name in result.output
    assert "what is not signed is not opened" in result.output
    with pytest.raises(ArtefactRejected, match=name.replace(".", r"\.")):
        load_models(site / "models", keys=trusted_keys(site / "keys" / PUBLIC_FILE))


def test_a_model_of_trees_cannot_be_passed_off_as_a_score(trusting: Callable[..., Result], site: Path) -> None:
    """Scores are not signed, so a provenance in their folder is no matter of chance."""
    for name in ("provenance.json", "provenance.sig"):
        shutil.copy(site / "models" / "icu_mortality" / name, site / "models" / "sofa" / name)
    result = trusting("verify", "sofa")
    assert result.exit_code == 1
    assert "was this a model of trees" in result.output
    with pytest.raises(ArtefactRejected, match="sofa"):
        load_models(site / "models", keys=trusted_keys(site / "keys" / PUBLIC_FILE))


def test_the_key_of_a_site_is_trusted_only_where_it_says_so(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting."""
    monkeypatch.delenv("CHARTSIDE_MODEL_KEYS", raising=False)
    words = ("verify", "icu-mortality", "--models", str(site / "models"))
    result = run(*words)
    assert result.exit_code == 1
    assert "CHARTSIDE_MODEL_KEYS" in result.output
    assert run(*words, "--keys", str(site / "keys" / PUBLIC_FILE)).exit_code == 0


def test_an_evaluation_of_another_artefact_is_found(trusting: Callable[..., Result], site: Path) -> None:
    """Even where somebody signed it."""
    path = site / "models" / "icu_mortality" / "evaluation.json"
    document = json.loads(path.read_text()) | {"artefact_sha256": "0" * 64}
    path.write_text(json.dumps(document))
    resign(site, "evaluation.json")
    result = trusting("verify", "icu-mortality")
    assert result.exit_code == 1
    assert "evaluation of another artefact" in result.output


def test_another_recipe_than_in_training_is_found(trusting: Callable[..., Result], site: Path) -> None:
    """Even where somebody signed it; signing it again is refused."""
    path = site / "models" / "icu_mortality" / "model.toml"
    path.write_text(path.read_text().replace("age_cap = 90", "age_cap = 91"))
    resign(site)
    result = trusting("verify", "icu-mortality")
    assert result.exit_code == 1
    assert "differs from the one the artefact was trained with" in result.output
    again = trusting("sign", "icu-mortality", "--key", str(site / "keys" / PRIVATE_FILE))
    assert again.exit_code == 1
    assert "Not signed" in again.output


def resign(site: Path, *outputs: str) -> None:
    """Sign whatever is there, as somebody with a key could."""
    folder = site / "models" / "icu_mortality"
    provenance.renew(folder, outputs)
    provenance.sign(folder, site / "keys" / PRIVATE_FILE)


def test_signing_takes_over_what_people_decided(trusting: Callable[..., Result], site: Path) -> None:
    """And names it; then the model holds again."""
    path = site / "models" / "icu_mortality" / "model.toml"
    path.write_text(path.read_text() + "\n# thresholds were looked at\n")
    assert trusting("verify", "icu-mortality").exit_code == 1
    result = trusting("sign", "icu-mortality", "--key", str(site / "keys" / PRIVATE_FILE))
    assert result.exit_code == 0, result.output
    assert "model.toml was changed" in result.output
    assert trusting("verify", "icu-mortality").exit_code == 0
    assert run("verify", str(path.parent), "--keys", str(site / "keys" / PUBLIC_FILE)).exit_code == 0


def test_signing_does_not_cover_what_training_wrote(trusting: Callable[..., Result], site: Path) -> None:
    """A changed output means training again."""
    path = site / "models" / "icu_mortality" / "evaluation.json"
    path.write_text(path.read_text() + "\n")
    result = trusting("sign", "icu-mortality", "--key", str(site / "keys" / PRIVATE_FILE))
    assert result.exit_code == 1
    assert "evaluation.json is not the file" in result.output


def test_a_key_that_is_not_trusted_yet_is_said_to_be_so(
    trusting: Callable[..., Result], site: Path, tmp_path: Path
) -> None:
    """Signing works, and the start would not."""
    assert run("new-key", str(tmp_path / "more"), "--name", "more").exit_code == 0
    result = trusting("sign", "icu_mortality", "--key", str(tmp_path / "more" / PRIVATE_FILE))
    assert result.exit_code == 0
    assert "not trusted here yet" in result.output
    assert trusting("verify", "icu-mortality").exit_code == 1


def test_a_private_key_is_made_for_its_owner_and_never_printed(tmp_path: Path) -> None:
    """Nor replaced."""
    home = tmp_path / "keys"
    result = run("new-key", str(home), "--name", "ward-nine")
    assert result.exit_code == 0
    private = (home / PRIVATE_FILE).read_text()
    assert private.splitlines()[1] not in result.output
    assert os.stat(home / PRIVATE_FILE).st_mode & 0o777 == 0o600
    again = run("new-key", str(home))
    assert (again.exit_code, "never replaced" in again.output) == (1, True)
    assert (home / PRIVATE_FILE).read_text() == private
    assert run("new-key", str(tmp_path / "x"), "--name", "a]b").exit_code == 2


def test_a_key_that_others_can_read_signs_nothing(trusting: Callable[..., Result], site: Path) -> None:
    """In words, without a trace of the key."""
    (site / "keys" / PRIVATE_FILE).chmod(0o644)
    result = trusting("sign", "icu-mortality", "--key", str(site / "keys" / PRIVATE_FILE))
    assert (result.exit_code, "open to others" in result.output) == (1, True)


def test_a_model_that_does_not_exist_is_refused(trusting: Callable[..., Result]) -> None:
    """With the names that do."""
    result = trusting("verify", "nobody")
    assert (result.exit_code, "Known: icu-mortality" in result.output) == (2, True)


def test_a_broken_manifest_is_a_line_and_not_the_end(trusting: Callable[..., Result], site: Path) -> None:
    """The other models are looked at all the same."""
    (site / "models" / "sofa" / "model.toml").write_text('kind = "score"\nid = "sofa"\n')
    (site / "models" / "icu_mortality" / "artefact.toml").unlink()
    (site / "models" / "icu_mortality" / "evaluation.json").write_text("no json")
    result = trusting("verify")
    assert result.exit_code == 1
    assert "artefact.toml is missing" in result.output
    assert "2 with a fault" in result.output
    assert "together" in result.output


def test_changed_training_code_is_a_note(trusting: Callable[..., Result], site: Path) -> None:
    """It is not run by the service; that it is not the code that was noted is said, before anything else."""
    train = site / "models" / "icu_mortality" / "train.py"
    train.write_text(train.read_text() + "\n# changed\n")
    result = trusting("verify", "icu-mortality", "--json")
    (note,) = [check for check in json.loads(result.output)["models"][0]["checks"] if check["check"] == "code"]
    assert (result.exit_code, note["state"]) == (0, "note")
    assert "(models/icu_mortality/train.py" in note["text"]


def test_code_of_the_package_is_a_fault(trusting: Callable[..., Result], site: Path) -> None:
    """It would be run before anything is checked."""
    (site / "models" / "icu_mortality" / "__init__.py").write_text("import os\n")
    result = trusting("verify", "icu-mortality")
    assert (result.exit_code, "__init__.py holds code" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("sklearn", ["train", "readmission-30d", "--data", "."]),
        ("sklearn", ["evaluate", "icu-mortality", "pyproject.toml"]),
        ("shap", ["train", "icu-mortality", "--data", "."]),
        ("pandas", ["evidence", "mortality-10y", "--data", "."]),
    ],
)
def test_a_library_of_training_that_is_not_there_is_one_sentence(library: str, words: list[str]) -> None:
    """A serving installation has none of them; it lists and checks all the same."""
    code = f"import sys; sys.modules[{library!r}] = None; from chartside.cli import cli; cli({{words}})"
    found = subprocess.run(
        [sys.executable, "-c", code.format(words=words)], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert (found.returncode, "Traceback" in found.stderr) == (1, False), found.stderr
    assert f'{library} is not installed, which this command needs: pip install "chartside[training]"' in found.stderr
    check = code.format(words=["models", "verify", "icu-mortality"])
    assert subprocess.run([sys.executable, "-c", check], check=False, capture_output=True, cwd=ROOT).returncode == 0


def test_a_model_without_card_or_evaluation_gets_a_note(trusting: Callable[..., Result], site: Path) -> None:
    """Neither keeps it from being served; both are said."""
    folder = site / "models" / "icu_mortality"
    (folder / "evaluation.json").unlink()
    (folder / "attributes.toml").unlink(missing_ok=True)
    found = json.loads(trusting("verify", "icu-mortality", "--json").output)["models"][0]
    notes = {check["check"] for check in found["checks"] if check["state"] == "note"}
    assert {"evidence", "card"} <= notes


def test_a_card_that_leaves_something_out_is_a_fault(trusting: Callable[..., Result], site: Path) -> None:
    """All source attributes are spoken to, or the model does not hold."""
    (site / "models" / "icu_mortality" / "attributes.toml").write_text('[attributes]\ndeveloper = "We did."\n')
    resign(site)
    result = trusting("verify", "icu-mortality")
    assert result.exit_code == 1
    assert "attributes.funding is missing" in result.output


def test_models_of_the_site_take_the_place_of_others(trusting: Callable[..., Result], site: Path) -> None:
    """In the list; each folder is checked, and a name that means two is not signed."""
    shutil.copytree(site / "models" / "icu_mortality", site / "local" / "ours")
    path = site / "local" / "ours" / "model.toml"
    path.write_text(path.read_text().replace('\nversion = "', '\nversion = "9.', 1))
    local = ("--local", str(site / "local"))
    key = ("--key", str(site / "keys" / PRIVATE_FILE))
    rows = json.loads(trusting("list", "--json", *local).output)
    assert [row["version"][:2] == "9." for row in rows] == [True, False]
    assert "more than one" in trusting("sign", "icu-mortality", *key, *local).output
    assert trusting("verify", *local).exit_code == 1
    assert trusting("sign", "ours", *key, *local).exit_code == 0
    assert trusting("verify", *local).exit_code == 0
    flip(path.with_name("artefact.toml"))
    with pytest.raises(ArtefactRejected, match=r"ours: artefact\.toml"):
        load_models(site / "models", site / "local", trusted_keys(site / "keys" / PUBLIC_FILE))
