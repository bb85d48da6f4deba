"""The Python files of a model's folder, in this package or in a folder elsewhere.

A file of a folder elsewhere may import the files beside it (`from .groups import GROUPS`), and gets those of its own
folder, never those of an installed one from which it was copied.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

MODELS = Path(__file__).resolve().parent.parent
TRAINING_FILE = "train.py"
PACKAGE_FILE = "__init__.py"
# Beside a model and not what it computes with: how it is trained, and that the folder is a package.
NOT_BOUND = (TRAINING_FILE, PACKAGE_FILE)


def folder_module(path: Path) -> ModuleType:
    """The module of a file `models/<risk>/<name>.py`, or of one in a folder elsewhere. Raises what running it does."""
    if path.parent.parent == MODELS:
        return import_module(f"{MODELS.name}.{path.parent.name}.{path.stem}")
    package = f"model_{hashlib.sha256(str(path.parent.resolve()).encode()).hexdigest()[:16]}"
    shell = ModuleType(package)
    # Nothing is looked for on the disk: what a file imports from beside it has been run before.
    shell.__path__ = []
    sys.modules[package] = shell
    return _run(path, package, set())


def holds_code(path: Path) -> bool:
    """Whether a file holds more than a docstring; one that is not there holds nothing. Raises OSError."""
    try:
        body = ast.parse(path.read_bytes()).body
    except FileNotFoundError:
        return False
    except (SyntaxError, ValueError):
        return True
    return any(not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)) for one in body)


def update_with(digest: hashlib._Hash, paths: Iterable[Path]) -> None:
    """Add files to a digest; the name and the length keep one from running into the next. Raises OSError."""
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)


def _run(path: Path, package: str, running: set[Path]) -> ModuleType:
    """Run a file of a folder elsewhere, after the files beside it that it imports."""
    running.add(path)
    # From the source and never from a cache beside it: what was signed is the source.
    source = path.read_bytes()
    for beside in _imported(ast.parse(source), path):
        if beside not in running:
            _run(beside, package, running)
    module = ModuleType(f"{package}.{path.stem}")
    module.__file__, module.__package__ = str(path), package
    sys.modules[module.__name__] = module
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 (the code of a model)
    return module


def _imported(tree: ast.Module, path: Path) -> Iterator[Path]:
    """The files beside one that it imports. Raises ImportError where it means them and names an installed folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            files = (path.with_name(f"{name}.py") for name in names)
            yield from (file for file in files if file.is_file())
        elif path.name != TRAINING_FILE:
            for module in _absolute(node):
                _check_own(module, path)


def _absolute(node: ast.AST) -> Iterator[str]:
    """The modules that a statement imports by their whole names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _check_own(module: str, path: Path) -> None:
    """A copied folder must not compute with the code of the one that it was copied from."""
    top, _, rest = module.partition(".")
    folder, _, name = rest.partition(".")
    if top == MODELS.name and name and path.with_name(f"{name}.py").is_file() and (MODELS / folder).is_dir():
        raise ImportError(f"imports {module}, and not the {name}.py beside it: write 'from .{name} import …'")
