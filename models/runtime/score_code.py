"""The `score.py` of a model: finding its `answer`, and a digest that changes when any of its arithmetic does."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from clinical.errors import ManifestInvalid
from models.runtime.folder_code import MODELS, folder_module, update_with
from models.runtime.score_answer import Work

CODE_FILE = "score.py"
FORMULAE = "models.formulae"


def load_answer(folder: Path) -> Work:
    """The function `answer` of a folder's `score.py`. Raises `ManifestInvalid`."""
    path = folder / CODE_FILE
    try:
        found = getattr(folder_module(path), "answer", None)
    except Exception as error:  # whatever a file does when it is run, it keeps the service from starting
        raise ManifestInvalid(f"{path}: cannot be loaded ({type(error).__name__}: {error})") from error
    if not callable(found):
        raise ManifestInvalid(f"{path}: has no function 'answer'")
    answer: Work = found
    return answer


def code_digest(manifest: Path) -> str:
    """SHA-256 over `model.toml`, `score.py` and every formula that it rests on, with their coefficients.

    Raises `ManifestInvalid` if one of them cannot be read.
    """
    digest = hashlib.sha256()
    code = manifest.with_name(CODE_FILE)
    try:
        update_with(digest, (manifest, code, *sorted(_formulae(code))))
    except (OSError, SyntaxError, ValueError) as error:
        raise ManifestInvalid(f"{code}: cannot be read ({type(error).__name__})") from error
    return digest.hexdigest()


def _formulae(code: Path) -> set[Path]:
    """Files of `models/formulae` that a file imports, those that they import, and data that carry their name."""
    found: set[Path] = set()
    waiting = [code]
    while waiting:
        for name in _imported(waiting.pop()):
            files = set((MODELS / "formulae").glob(f"{name}[._]*")) - found
            found |= files
            waiting += [path for path in files if path.stem == name and path.suffix == ".py"]
    return {path for path in found if path.is_file()}


def _imported(path: Path) -> Iterator[str]:
    """Names of modules of `models/formulae` that a file imports."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from _names(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _names([node.module])
            if node.module == FORMULAE:
                yield from (alias.name for alias in node.names)


def _names(modules: Iterable[str]) -> Iterator[str]:
    """The first step below `models.formulae`."""
    for module in modules:
        if module.startswith(f"{FORMULAE}."):
            yield module.removeprefix(f"{FORMULAE}.").partition(".")[0]
