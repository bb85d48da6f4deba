"""A model is opened only if a trusted key signed it, and every file is as it was signed."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clinical.errors import ArtefactRejected, SettingsInvalid
from models.runtime import provenance as reading
from models.runtime.provenance import code_changes, differences, read_provenance, signed, verified
from models.runtime.signature import PROJECT_KEYS, Signature, TrustedKey, key_id, read_keys, trusted_keys
from models.training import provenance as writing
from models.training.provenance import renew, sign, write_provenance
from models.training.signing import PRIVATE_FILE, PUBLIC_FILE, new_key, read_private_key, signature_of

FILES = {
    "model.toml": b'id = "toy"\n',
    "features.py": b"TOY = 1\n",
    "attributes.toml": b"[attributes]\n",
    "model.npz": b"\x00trees\x01",
    "artefact.toml": b'file = "model.npz"\n',
    "evaluation.json": b"{}\n",
    "evidence/report.html": b"<p>\n",
    "__init__.py": b"",
    "train.py": b"RECIPE = 1\n",
}
OUTPUTS = ("model.npz", "artefact.toml", "evaluation.json", "evidence/report.html")
BOUND = (*OUTPUTS, "model.toml", "features.py", "attributes.toml")


def write(folder: Path) -> None:
    """The provenance of a toy, always the same."""
    write_provenance(
        folder,
        model="toy",
        version="1.0.0",
        inputs={"rows.csv": "0" * 64},
        parameters={"rate": 0.1, "leaves": 8},
        seeds=(1, 2),
        outputs=OUTPUTS,
    )


@pytest.fixture
def key(tmp_path: Path) -> TrustedKey:
    """A key whose private half lies in `tmp_path/keys`."""
    return new_key(tmp_path / "keys", "test")


@pytest.fixture
def folder(tmp_path: Path, key: TrustedKey) -> Path:
    """A signed toy; its files are no model, but nothing here opens them."""
    made = tmp_path / "toy"
    (made / "evidence").mkdir(parents=True)
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    write(made)
    assert sign(made, tmp_path / "keys" / PRIVATE_FILE)
    return made


def flip(path: Path, place: int = 0) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def test_what_was_signed_holds(folder: Path, key: TrustedKey) -> None:
    """And says where it is from and who vouches for it."""
    found = verified(folder, [key])
    assert (found.model, found.version, found.seeds, found.signer) == ("toy", "1.0.0", (1, 2), key)
    assert sorted(found.outputs) == sorted(OUTPUTS)
    assert sorted(found.bound) == sorted(BOUND)
    assert found.parameters == {"rate": 0.1, "leaves": 8}
    assert {"models/toy/train.py", "models/runtime/model.py", "models/training/provenance.py"} <= set(found.code)


@pytest.mark.parametrize("name", BOUND)
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_is_refused(folder: Path, key: TrustedKey, name: str, place: int) -> None:
    """In any file that is binding; the message names it, and what to do."""
    flip(folder / name, place)
    with pytest.raises(ArtefactRejected, match=rf"toy: {name} is not the file .* Put back"):
        verified(folder, [key])


def test_no_byte_of_provenance_or_signature_may_change(folder: Path, key: TrustedKey) -> None:
    """Every place is tried; comments, line ends and unused bits of base64 would be places to hide."""
    for name in ("provenance.sig", "provenance.json"):
        size = (folder / name).stat().st_size
        for place in range(0, size, 1 if name.endswith(".sig") else 997):
            flip(folder / name, place)
            with pytest.raises(ArtefactRejected, match=r"toy: .*provenance\.sig"):
                verified(folder, [key])
            flip(folder / name, place)
    verified(folder, [key])


@pytest.mark.parametrize("added", [b"\n", b"# hello\n", b" "])
def test_nothing_may_be_added_to_a_signature(folder: Path, key: TrustedKey, added: bytes) -> None:
    """There is one form only."""
    path = folder / "provenance.sig"
    path.write_bytes(path.read_bytes() + added)
    with pytest.raises(ArtefactRejected, match="not as a signature is written"):
        verified(folder, [key])


@pytest.mark.parametrize("name", BOUND)
def test_a_missing_file_is_refused(folder: Path, key: TrustedKey, name: str) -> None:
    """By name."""
    (folder / name).unlink()
    with pytest.raises(ArtefactRejected, match=f"{name} is missing"):
        verified(folder, [key])


@pytest.mark.parametrize("name", ["second.npz", "score.py", "more.toml", "weights.bin", "attributes.json"])
def test_a_file_too_many_is_refused(folder: Path, key: TrustedKey, name: str) -> None:
    """Whatever might be read or run and was not signed."""
    (folder / name).write_bytes(b"")
    with pytest.raises(ArtefactRejected, match=f"{name} is not named by"):
        verified(folder, [key])


def test_notes_and_the_training_recipe_may_stand_beside(folder: Path, key: TrustedKey) -> None:
    """No code that serves reads them."""
    flip(folder / "train.py")
    for name in ("notes.md", ".hidden", "figure.svg"):
        (folder / name).write_bytes(b"x")
    (folder / "training").mkdir()
    verified(folder, [key])


def test_every_difference_is_told_at_once(folder: Path, key: TrustedKey) -> None:
    """So that one look is enough."""
    flip(folder / "model.npz")
    (folder / "features.py").unlink()
    (folder / "extra.toml").write_bytes(b"")
    assert len(differences(folder, signed(folder, [key]))) == 3


def test_a_model_without_signature_or_provenance_is_refused(folder: Path, key: TrustedKey) -> None:
    """Each with its own words."""
    (folder / "provenance.sig").unlink()
    with pytest.raises(ArtefactRejected, match=r"provenance\.sig is missing: the model is not signed"):
        verified(folder, [key])
    (folder / "provenance.json").unlink()
    with pytest.raises(ArtefactRejected, match=r"provenance\.json is missing"):
        verified(folder, [key])


def test_a_key_that_nobody_trusts_is_refused(folder: Path, tmp_path: Path, key: TrustedKey) -> None:
    """Even where the signature is right; the message names the key and the setting."""
    stranger = new_key(tmp_path / "other", "other")
    for keys in ([], [stranger]):
        with pytest.raises(ArtefactRejected, match=f"{key.id}, which is not trusted.*CHARTSIDE_MODEL_KEYS"):
            verified(folder, keys)


def test_a_signature_by_another_key_under_a_trusted_name_is_refused(
    folder: Path, tmp_path: Path, key: TrustedKey
) -> None:
    """The id is a name, not a proof."""
    new_key(tmp_path / "other", "other")
    content = (folder / "provenance.json").read_bytes()
    forged = signature_of(content, read_private_key(tmp_path / "other" / PRIVATE_FILE))
    (folder / "provenance.sig").write_bytes(Signature(key.id, forged.value).written())
    with pytest.raises(ArtefactRejected, match="does not fit"):
        verified(folder, [key])


def test_a_signature_of_the_same_bytes_for_another_purpose_is_refused(
    folder: Path, tmp_path: Path, key: TrustedKey
) -> None:
    """What is signed begins with what it is."""
    private = read_private_key(tmp_path / "keys" / PRIVATE_FILE)
    bare = private.sign((folder / "provenance.json").read_bytes())
    (folder / "provenance.sig").write_bytes(Signature(key.id, bare).written())
    with pytest.raises(ArtefactRejected, match="does not fit"):
        verified(folder, [key])


def test_keys_can_be_rotated(folder: Path, tmp_path: Path, key: TrustedKey) -> None:
    """Both are trusted for a while; then only the new one."""
    new = new_key(tmp_path / "new", "new")
    assert verified(folder, [key, new]).signer == key
    sign(folder, tmp_path / "new" / PRIVATE_FILE)
    assert verified(folder, [key, new]).signer == new
    assert verified(folder, [new]).signer == new
    with pytest.raises(ArtefactRejected, match="not trusted"):
        verified(folder, [key])


def test_writing_and_signing_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """No clock, no path, no order of chance."""
    before = {name: (folder / name).read_bytes() for name in ("provenance.json", "provenance.sig")}
    (folder / "provenance.json").unlink()
    write(folder)
    sign(folder, tmp_path / "keys" / PRIVATE_FILE)
    assert {name: (folder / name).read_bytes() for name in before} == before
    text = before["provenance.json"].decode()
    assert str(tmp_path) not in text
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", ["../model.npz", "/model.npz", "evidence/../model.npz", "./model.npz"])
def test_a_path_in_a_provenance_is_refused(folder: Path, tmp_path: Path, key: TrustedKey, name: str) -> None:
    """Only what lies beside it can be bound, even by somebody with a key."""
    path = folder / "provenance.json"
    path.write_text(path.read_text().replace('"model.npz"', f'"{name}"'))
    with pytest.raises(ArtefactRejected, match="not of format"):
        sign(folder, tmp_path / "keys" / PRIVATE_FILE)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 2}', "no json", '{"format": 1, "model": "toy"}'])
def test_another_form_is_refused(folder: Path, content: str) -> None:
    """In words."""
    (folder / "provenance.json").write_text(content)
    with pytest.raises(ArtefactRejected, match=r"toy: provenance\.json is not of format 1"):
        read_provenance(folder)


def test_without_a_key_a_signature_stays_only_while_it_fits(folder: Path, key: TrustedKey) -> None:
    """A training that gave the same keeps it; any other one removes it and says so."""
    said: list[str] = []
    write(folder)
    assert sign(folder, None, keys=[key], say=said.append)
    assert "kept" in said[-1]
    (folder / "model.npz").write_bytes(b"other trees")
    write(folder)
    assert not sign(folder, None, keys=[key], say=said.append)
    assert "removed" in said[-1]
    assert not (folder / "provenance.sig").exists()
    assert not sign(folder, None, keys=[key], say=said.append)
    assert "not signed" in said[-1]


def test_decisions_are_taken_over_and_code_is_not(folder: Path, tmp_path: Path, key: TrustedKey) -> None:
    """Thresholds are set after training; code that changed means training again."""
    assert renew(folder) == ()
    (folder / "model.toml").write_bytes(b'id = "toy"\nversion = "1.0.1"\n')
    (folder / "evidence" / "report.html").write_bytes(b"<p>again\n")
    assert renew(folder, ["evidence/report.html"]) == ("evidence/report.html", "model.toml")
    sign(folder, tmp_path / "keys" / PRIVATE_FILE)
    verified(folder, [key])
    flip(folder / "features.py")
    with pytest.raises(ArtefactRejected, match=r"features\.py changed since training"):
        renew(folder)


def test_taking_over_does_not_cover_what_training_wrote(folder: Path, key: TrustedKey) -> None:
    """A changed artefact stays a difference."""
    flip(folder / "model.npz")
    assert renew(folder) == ()
    assert len(differences(folder, read_provenance(folder))) == 1


def test_other_code_than_in_training_is_told_and_is_no_fault(folder: Path, key: TrustedKey) -> None:
    """Changed, gone and new."""
    assert not any(vars_of(code_changes(folder, verified(folder, [key]))))
    flip(folder / "train.py")
    (folder / "training").mkdir()
    (folder / "training" / "data.py").write_bytes(b"")
    found = code_changes(folder, verified(folder, [key]))
    assert found.changed == ("models/toy/train.py",)
    assert found.new == ("models/toy/training/data.py",)
    (folder / "train.py").unlink()
    assert code_changes(folder, verified(folder, [key])).gone == ("models/toy/train.py",)


def test_code_of_the_package_is_refused(folder: Path, key: TrustedKey) -> None:
    """It would run before anything is checked, and nobody signed it; words are no code."""
    (folder / "__init__.py").write_text('"""A toy."""\n')
    verified(folder, [key])
    (folder / "__init__.py").write_text('"""A toy."""\nimport os\n')
    with pytest.raises(ArtefactRejected, match=r"__init__\.py holds code"):
        verified(folder, [key])


def test_the_own_code_of_a_model_is_named_first(folder: Path, key: TrustedKey) -> None:
    """Before what all models share, of which a release may change much."""
    content = json.loads((folder / "provenance.json").read_text())
    content["code"] = dict.fromkeys(content["code"], "0" * 64)
    found = code_changes(folder, replace(verified(folder, [key]), code=content["code"]))
    assert found.changed[:2] == ("models/toy/__init__.py", "models/toy/train.py")
    assert found.changed[2].startswith("models/formulae/")


def vars_of(changes: reading.CodeChanges) -> list[tuple[str, ...]]:
    """The three lists."""
    return [changes.changed, changes.gone, changes.new]


def test_the_name_of_a_folder_makes_no_difference(folder: Path, tmp_path: Path) -> None:
    """A model that is trained into another folder has the same provenance."""
    other = folder.rename(tmp_path / "elsewhere")
    before = (other / "provenance.json").read_bytes()
    write(other)
    assert (other / "provenance.json").read_bytes() == before


def test_a_lock_that_is_not_there_is_said_to_be_none(folder: Path, tmp_path: Path) -> None:
    """And the project's own is named by its hash."""
    assert read_provenance(folder).lock == reading.file_digest(writing.LOCK_FILE)
    write_provenance(
        folder,
        model="toy",
        version="1",
        inputs={},
        parameters={},
        seeds=(),
        outputs=OUTPUTS,
        source=tmp_path / "another",
        lock=tmp_path / "absent",
    )
    found = read_provenance(folder)
    assert found.lock is None
    assert not [place for place in found.code if place.startswith("models/toy/")]


def test_a_private_key_is_for_its_owner_only(tmp_path: Path, key: TrustedKey) -> None:
    """File and folder; the public half can be read back as a trusted key."""
    home = tmp_path / "keys"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert [(one.name, one.public) for one in read_keys(home / PUBLIC_FILE)] == [("test", key.public)]
    assert key.id == key_id(key.public) == key.words.partition("(")[2].rstrip(")")
    assert len(key.id) == 16


def test_a_private_key_is_never_replaced_nor_put_in_the_tree(tmp_path: Path, key: TrustedKey) -> None:
    """Nor into a folder that others may open."""
    before = (tmp_path / "keys" / PRIVATE_FILE).read_bytes()
    with pytest.raises(SettingsInvalid, match="never replaced"):
        new_key(tmp_path / "keys", "again")
    assert (tmp_path / "keys" / PRIVATE_FILE).read_bytes() == before
    with pytest.raises(SettingsInvalid, match="elsewhere"):
        new_key(reading.MODELS / "keys", "x")
    assert not (reading.MODELS / "keys").exists()
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(SettingsInvalid, match="chmod 700"):
        new_key(tmp_path / "open", "x")
    with pytest.raises(SettingsInvalid, match="cannot be written"):
        new_key(tmp_path / "keys" / PRIVATE_FILE / "x", "x")


def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path, key: TrustedKey) -> None:
    """Somebody else may have it; nor is a file that holds another kind of key, or none."""
    path = tmp_path / "keys" / PRIVATE_FILE
    path.chmod(0o640)
    with pytest.raises(SettingsInvalid, match="open to others"):
        read_private_key(path)
    path.chmod(0o600)
    path.write_text("-----BEGIN NOTHING-----\nsecret words\n")
    with pytest.raises(SettingsInvalid, match="holds no Ed25519") as fault:
        read_private_key(path)
    assert "secret" not in fault.value.message
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        read_private_key(tmp_path / "absent")


def test_the_projects_keys_and_those_of_a_site_are_trusted(tmp_path: Path, key: TrustedKey) -> None:
    """Together; the project's file holds public keys only."""
    project = trusted_keys()
    assert project
    assert trusted_keys(tmp_path / "keys" / PUBLIC_FILE) == (*project, *read_keys(tmp_path / "keys" / PUBLIC_FILE))
    assert "PRIVATE" not in PROJECT_KEYS.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "keys is missing"),
        ("[keys]\n", "there is no key"),
        ('[keys.a]\npublic = "AAAA"\n', "32 bytes in base64"),
        ('[keys.a]\npublic = "é"\n', "32 bytes in base64"),
        (f'[keys.a]\npublic = "{base64.b64encode(bytes(32)).decode()}"\nprivate = "x"\n', "unknown key private"),
        ("[keys", "cannot be read"),
    ],
)
def test_a_file_of_keys_that_does_not_hold_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """A site that names a file means what stands in it."""
    path = tmp_path / "site.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=words):
        trusted_keys(path)
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        trusted_keys(tmp_path / "absent")


def test_the_key_of_a_small_order_is_refused(tmp_path: Path, flipped: Callable[[int], str]) -> None:
    """Placeholders such as all zeros are points for which anybody can make signatures."""
    for first in (0, 1):
        path = tmp_path / "site.toml"
        path.write_text(f'[keys.a]\npublic = "{flipped(first)}"\n')
        with pytest.raises(SettingsInvalid, match="placeholder"):
            read_keys(path)


@pytest.fixture
def flipped() -> Callable[[int], str]:
    """A key of zeros that begins with a number, in base64."""
    return lambda first: base64.b64encode(bytes([first]) + bytes(31)).decode()
