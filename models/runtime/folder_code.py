"""The Python files of a model's folder, in this package or in a folder elsewhere."""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

MODELS = Path(__file__).resolve().parent.parent
# Beside a model and not what it computes with: how it is trained, and that the folder is a package.
NOT_BOUND = ("train.py", "__init__.py")


def folder_module(path: Path) -> ModuleType:
    """The module of a file `models/<risk>/<name>.py`, or of one in a folder elsewhere. Raises what running it does."""
    if path.parent.parent == MODELS:
        return import_module(f"{MODELS.name}.{path.parent.name}.{path.stem}")
    name = f"{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    # From the source and never from a cache beside it: what was signed is the source.
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 (the code of a model)
    return module
