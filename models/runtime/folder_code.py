"""The Python files of a model's folder, in this package or in a folder elsewhere."""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
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
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
