"""What can be checked of a model's folder: one line each for `chartside models verify`.

The order is that of trust: nothing in the folder is run before its signature and its files have held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from clinical import strict_json
from clinical.errors import ChartsideError
from models.runtime.evidence import EVALUATION_FILE
from models.runtime.manifest_parts import parse
from models.runtime.model import TreeRiskModel
from models.runtime.provenance import (
    PROVENANCE_FILE,
    Provenance,
    code_changes,
    differences,
    file_digest,
    signed,
)
from models.runtime.read_manifest import ARTEFACT_ENTRY, read_untrained
from models.runtime.read_score_manifest import KIND, read_score_manifest
from models.runtime.score_model import ScoreModel
from models.runtime.signature import TrustedKey

MANIFEST = "model.toml"
CARD_SOURCE = "attributes.toml"
CARD = "evidence/card.html"
_SHOWN = 3


class State(StrEnum):
    """How a check came out. Only a fault counts against a model."""

    HOLDS = "holds"
    FAULT = "fault"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Check:
    """One line."""

    name: str
    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A model's folder and what was found. `id` and `version` are empty where the manifest cannot be read."""

    folder: str
    id: str
    version: str
    kind: str
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether there is no fault."""
        return all(check.state is not State.FAULT for check in self.checks)


def examine(folder: Path, keys: Sequence[TrustedKey]) -> Examined:
    """Everything that can be checked of one folder."""
    document = parse(folder / MANIFEST, [])
    score = document.get("kind") == KIND
    return Examined(
        folder=folder.name,
        id=str(document.get("id", "")),
        version=str(document.get("version", "")),
        kind="score" if score else "trees",
        checks=tuple(_score(folder) if score else _Trees(folder, keys).checks()),
    )


def _score(folder: Path) -> Iterator[Check]:
    """A published score: nothing was learnt, so nothing is signed; its digest is that of its arithmetic."""

    def opened() -> str:
        manifest = read_score_manifest(folder / MANIFEST)
        ScoreModel(manifest)
        return f"holds together, and its arithmetic can be loaded (SHA-256 {manifest.info.digest[:16]}…)"

    yield _check("manifest", opened)
    if (folder / PROVENANCE_FILE).exists():
        yield Check("signature", State.FAULT, f"a score has no {PROVENANCE_FILE}: was this a model of trees?")


class _Trees:
    """The checks of a model that was trained."""

    def __init__(self, folder: Path, keys: Sequence[TrustedKey]) -> None:
        """Hold the folder and the keys that are trusted."""
        self._folder = folder
        self._keys = keys
        self._provenance: Provenance | None = None

    def checks(self) -> Iterator[Check]:
        """One after the other; the model is opened last, and only if its files are those that were signed."""
        signature = _check("signature", self._signature)
        yield signature
        files = _check("files", self._files)
        yield files
        yield _check("manifest", self._manifest)
        yield _check("recipe", self._recipe)
        yield _check("artefact", self._artefact)
        yield from self._evidence()
        yield from self._card()
        if {signature.state, files.state} == {State.HOLDS}:
            yield _check("explanation", self._explanation)
            yield from self._code()
        else:
            yield Check("explanation", State.NOTE, "not looked at: what is not signed is not opened")

    def _signature(self) -> str:
        """By a key that is trusted here."""
        self._provenance = signed(self._folder, self._keys)
        signer = self._provenance.signer
        return f"by the key {signer.words}" if signer else ""

    def _files(self) -> str:
        """As they were signed."""
        if self._provenance is None:
            raise _Doubt("nobody vouches for them")
        found = differences(self._folder, self._provenance)
        if found:
            raise _Doubt("; ".join(found))
        return f"{len(self._provenance.bound)} files are those that were signed, and there are no others"

    def _manifest(self) -> str:
        """It holds together by itself."""
        info = read_untrained(self._folder / MANIFEST).info
        found = self._provenance
        if found is not None and (found.model, found.version) != (info.id, info.version):
            raise _Doubt(f"{PROVENANCE_FILE} is that of {found.model} {found.version}")
        return f"{info.id} {info.version} holds together"

    def _recipe(self) -> str:
        """The features that the manifest declares are those that the artefact was trained with."""
        if self._entry("recipe") != read_untrained(self._folder / MANIFEST).recipe:
            raise _Doubt(f"that of {MANIFEST} differs from the one the artefact was trained with; train again")
        return "the features are those that the artefact was trained with"

    def _artefact(self) -> str:
        """The file that the entry names."""
        name = self._entry("file")
        if name != Path(name).name:
            raise _Doubt(f"{ARTEFACT_ENTRY} names a path, and not a file beside it")
        if file_digest(self._folder / name) != self._entry("sha256"):
            raise _Doubt(f"{name} is not the file that {ARTEFACT_ENTRY} names (SHA-256 differs)")
        return f"{name} (SHA-256 {self._entry('sha256')[:16]}…)"

    def _evidence(self) -> Iterator[Check]:
        """The evaluation is of this artefact."""
        path = self._folder / EVALUATION_FILE
        if not path.exists():
            yield Check("evidence", State.NOTE, f"there is no {EVALUATION_FILE}: nobody can see how good the model is")
            return

        def belongs() -> str:
            found: Any = strict_json.loads(path.read_bytes())
            if found["artefact_sha256"] != self._entry("sha256"):
                raise _Doubt(f"{EVALUATION_FILE} is the evaluation of another artefact; train again")
            return f"{EVALUATION_FILE} is the evaluation of this artefact"

        yield _check("evidence", belongs)

    def _card(self) -> Iterator[Check]:
        """All source attributes of the model card are spoken to, where there are any."""
        if not (self._folder / CARD_SOURCE).exists():
            yield Check("card", State.NOTE, f"there is no {CARD_SOURCE}: the model has no card by attributes")
        elif not (self._folder / CARD).exists():
            text = "it has no card of its own, as a version fitted to a site has none: that of the version before holds"
            yield Check("card", State.NOTE, text)
        else:
            yield _check("card", self._attributes)
            yield from self._pages()

    def _attributes(self) -> str:
        """Each of them."""
        from models.training.model_card.attributes import ATTRIBUTES  # noqa: PLC0415
        from models.training.model_card.read import check_source  # noqa: PLC0415

        found = check_source(self._folder)
        if found:
            raise _Doubt("; ".join(found))
        return f"{len(ATTRIBUTES)} of {len(ATTRIBUTES)} source attributes (45 CFR 170.315(b)(11))"

    def _pages(self) -> Iterator[Check]:
        """Whether this release makes the same pages of the figures: no fault, for an earlier one may have made them."""
        from models.training.evidence.check import check_card  # noqa: PLC0415

        found = check_card(self._folder)
        if found:
            yield Check("pages", State.NOTE, "; ".join(found))

    def _explanation(self) -> str:
        """Opening a model explains an empty chart, and raises where the reasons do not add up to the risk."""
        model = TreeRiskModel.load(self._folder / MANIFEST)
        return f"opened; the reasons of an empty chart add up to its risk (base rate {model.info.base_rate:.3f})"

    def _code(self) -> Iterator[Check]:
        """Whether the code is that of training: no fault, for a release may serve what an earlier one trained."""
        if self._provenance is None or not self._provenance.code:
            yield Check("code", State.NOTE, f"{PROVENANCE_FILE} does not say with which code it was trained")
            return
        found = code_changes(self._folder, self._provenance)
        if not any((found.changed, found.gone, found.new)):
            yield Check("code", State.HOLDS, "trained with the code that is here")
            return
        counts = f"{len(found.changed)} files changed, {len(found.new)} new, {len(found.gone)} not here"
        names = (*found.changed, *found.new, *found.gone)
        listed = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        yield Check("code", State.NOTE, f"trained with other code than this: {counts} ({listed})")

    def _entry(self, key: str) -> str:
        """A value of `artefact.toml`."""
        faults: list[str] = []
        found = parse(self._folder / ARTEFACT_ENTRY, faults).get(key)
        if faults or not isinstance(found, str):
            raise _Doubt("; ".join(faults) or f"{ARTEFACT_ENTRY} has no {key}")
        return found


class _Doubt(ChartsideError):
    """A check that does not hold."""


def _check(name: str, look: Callable[[], str]) -> Check:
    """The line of one check: what it says, or why it does not hold."""
    try:
        return Check(name, State.HOLDS, look())
    except ChartsideError as fault:
        return Check(name, State.FAULT, fault.message)
    except (OSError, KeyError, TypeError) as fault:
        return Check(name, State.FAULT, f"cannot be read ({type(fault).__name__})")
