"""Where a model's files are from, who vouches for that, and whether they still are what was signed.

Training writes `provenance.json` beside the artefact: what went in, with which code, and the SHA-256 of what came out
and of what people decided. `provenance.sig` is a signature over it. What came out and what was decided is binding: one
changed byte, one file more or less, and the model is not opened. The code is not: a later release may serve a model
that was trained with an earlier one (`code_changes` says so).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature

from clinical import strict_json
from clinical.errors import ArtefactRejected, RequestRefused
from models.runtime.folder_code import MODELS, NOT_BOUND, PACKAGE_FILE, holds_code
from models.runtime.read_manifest import ARTEFACT_ENTRY
from models.runtime.signature import SIGNATURE_FILE, TrustedKey, read_signature, signer_of

PROVENANCE_FILE = "provenance.json"
FORMAT = 1
CODE_FOLDERS = ("runtime", "training", "formulae")
CODE_SUFFIXES = (".py", ".toml")
# Files for people that no code reads; training binds those that it writes.
DOCUMENTS = (".md", ".txt", ".html", ".xml", ".svg", ".png", ".pdf", ".csv")
_OWN = (PROVENANCE_FILE, SIGNATURE_FILE)
_WHAT_TO_DO = "Put back the folder that was signed, or train and sign the model anew (docs/models-command.md)."


@dataclass(frozen=True, slots=True)
class Provenance:
    """A whole `provenance.json`. All digests are SHA-256 in hex.

    `inputs` are the files that were learnt from, `code` the files of code by their place in the repository, `lock` that
    of the locked requirements (None where there were none), `outputs` what training wrote and `decisions` what people
    wrote, by name relative to the folder (`evidence/report.html`). `signer` is the key that signed it, where that was
    checked.
    """

    model: str
    version: str
    inputs: Mapping[str, str]
    code: Mapping[str, str]
    parameters: Mapping[str, Any]
    lock: str | None
    python: str
    seeds: tuple[int, ...]
    outputs: Mapping[str, str]
    decisions: Mapping[str, str]
    signer: TrustedKey | None = None

    @property
    def bound(self) -> Mapping[str, str]:
        """Every file that must be as it was signed."""
        return {**self.outputs, **self.decisions}


@dataclass(frozen=True, slots=True)
class CodeChanges:
    """How the code that is there differs from the code that trained a model, as places in the repository."""

    changed: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]


def verified(folder: Path, keys: Iterable[TrustedKey]) -> Provenance:
    """The provenance of a model whose files are those that a trusted key signed. Raises `ArtefactRejected`."""
    provenance = signed(folder, keys)
    found = differences(folder, provenance)
    if found:
        raise ArtefactRejected(f"{folder.name}: " + "; ".join(found) + f". {_WHAT_TO_DO}")
    return provenance


def signed(folder: Path, keys: Iterable[TrustedKey]) -> Provenance:
    """The provenance, if a trusted key signed it; the files that it names are not looked at.

    Raises `ArtefactRejected`.
    """
    content = _content(folder / PROVENANCE_FILE)
    if not (folder / SIGNATURE_FILE).exists():
        raise ArtefactRejected(
            f"{folder.name}: {SIGNATURE_FILE} is missing: the model is not signed. Look at where it is from, then sign "
            "it with 'chartside models sign'."
        )
    signature = read_signature(folder / SIGNATURE_FILE)
    try:
        signer = signer_of(content, signature, keys)
    except InvalidSignature:
        raise ArtefactRejected(
            f"{folder.name}: the signature in {SIGNATURE_FILE} does not fit {PROVENANCE_FILE}: one of them was "
            f"changed. {_WHAT_TO_DO}"
        ) from None
    if signer is None:
        raise ArtefactRejected(
            f"{folder.name}: {SIGNATURE_FILE} names the key {signature.key}, which is not trusted here. If it is the "
            "key of somebody whose models you take, add it to the file of CHARTSIDE_MODEL_KEYS."
        )
    return replace(_parsed(content, folder.name), signer=signer)


def read_provenance(folder: Path) -> Provenance:
    """What the file says, signed or not. Raises `ArtefactRejected`."""
    return _parsed(_content(folder / PROVENANCE_FILE), folder.name)


def differences(folder: Path, provenance: Provenance) -> tuple[str, ...]:
    """How the files of the folder differ from those that were bound, each as a clause; nothing if they do not."""
    return (*_changed(folder, provenance.bound), *_extra(folder, provenance.bound), *_package_code(folder))


def _changed(folder: Path, bound: Mapping[str, str]) -> Iterator[str]:
    """Files that are missing or other ones."""
    for name, digest in sorted(bound.items()):
        try:
            found = file_digest(folder / name)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            yield f"{name} is missing" if missing else f"{name} cannot be read ({type(error).__name__})"
            continue
        if found != digest:
            yield f"{name} is not the file that {PROVENANCE_FILE} names (SHA-256 differs)"


def _extra(folder: Path, bound: Mapping[str, str]) -> Iterator[str]:
    """Files that nobody signed: code that would be run, tables that would be read, a page that would be shown."""
    beside = {n for n in _files(folder) if n not in (*_OWN, *NOT_BOUND) and Path(n).suffix.lower() not in DOCUMENTS}
    for name in sorted((beside | _below(folder, bound)) - bound.keys()):
        yield f"{name} is not named by {PROVENANCE_FILE}"


def _package_code(folder: Path) -> Iterator[str]:
    """`__init__.py` is run before anything else of a folder, and is not bound: nothing but a docstring may be there."""
    try:
        if holds_code(folder / PACKAGE_FILE):
            yield f"{PACKAGE_FILE} holds code, where only a docstring may stand"
    except OSError as error:
        yield f"{PACKAGE_FILE} cannot be read ({type(error).__name__})"


def _below(folder: Path, bound: Iterable[str]) -> set[str]:
    """Every file in the folders that training made, documents too."""
    made = {name.partition("/")[0] for name in bound if "/" in name}
    return {path.relative_to(folder).as_posix() for top in made for path in (folder / top).rglob("*") if _counts(path)}


def decision_files(folder: Path, outputs: Iterable[str]) -> tuple[str, ...]:
    """The names of what people wrote and the service reads: tables and code beside what training wrote."""
    not_these = {*outputs, *_OWN, *NOT_BOUND, ARTEFACT_ENTRY}
    return tuple(sorted(n for n in _files(folder) if Path(n).suffix in CODE_SUFFIXES and n not in not_these))


def code_digests(folder: Path, model: str) -> dict[str, str]:
    """The code that trains and serves the model with this id, by its place in the repository.

    The folder may lie elsewhere under any name: a model's own code goes by the place that it has in the repository.
    """
    places = [(name, MODELS / name) for name in CODE_FOLDERS] + [(model.replace("-", "_"), folder)]
    return {
        f"{MODELS.name}/{name}/{path.relative_to(place).as_posix()}": file_digest(path)
        for name, place in places
        for path in sorted(place.rglob("*"))
        if path.suffix in CODE_SUFFIXES and path.is_file() and path != folder / ARTEFACT_ENTRY
    }


def code_changes(folder: Path, provenance: Provenance) -> CodeChanges:
    """How the code has changed since training; binding files are not named again."""
    own = f"{MODELS.name}/{provenance.model.replace('-', '_')}/"
    bound = {own + name for name in provenance.bound}
    then = {place: digest for place, digest in provenance.code.items() if place not in bound}
    now = {place: one for place, one in code_digests(folder, provenance.model).items() if place not in bound}
    return CodeChanges(
        changed=_own_first((place for place in then.keys() & now.keys() if then[place] != now[place]), own),
        gone=_own_first(then.keys() - now.keys(), own),
        new=_own_first(now.keys() - then.keys(), own),
    )


def _own_first(places: Iterable[str], own: str) -> tuple[str, ...]:
    """The model's own code before what all models share."""
    return tuple(sorted(places, key=lambda place: (not place.startswith(own), place)))


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[str]:
    """The files at the top of a folder; hidden ones are read by nobody."""
    return [path.name for path in folder.iterdir() if _counts(path)]


def _counts(path: Path) -> bool:
    """Whether a path is a file that is not hidden."""
    return not path.is_dir() and not path.name.startswith(".")


def _content(path: Path) -> bytes:
    """The bytes of a provenance, read once, so that what was checked is what is parsed."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArtefactRejected(
            f"{path.parent.name}: {path.name} is missing, so nobody can say where its files are from. {_WHAT_TO_DO}"
        ) from None
    except OSError as error:
        raise ArtefactRejected(f"{path.parent.name}: {path.name} cannot be read ({type(error).__name__}).") from error


def _parsed(content: bytes, where: str) -> Provenance:
    """The words of the file."""
    try:
        found: Any = strict_json.loads(content)
        if found["format"] != FORMAT:
            raise ValueError("another format")
        return Provenance(
            model=found["model"],
            version=found["version"],
            inputs=dict(found["inputs"]),
            code=dict(found["code"]),
            parameters=dict(found["parameters"]),
            lock=found["lock"],
            python=found["python"],
            seeds=tuple(found["seeds"]),
            outputs=_beside(found["outputs"]),
            decisions=_beside(found["decisions"]),
        )
    except (RequestRefused, KeyError, TypeError, ValueError):
        raise ArtefactRejected(f"{where}: {PROVENANCE_FILE} is not of format {FORMAT}. Train the model anew.") from None


def _beside(names: Mapping[str, str]) -> dict[str, str]:
    """Digests by name; no name may lead out of the folder, and each has one spelling."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.as_posix() != name or "\\" in name:
            raise ValueError("a path that leads elsewhere")
    return dict(names)
