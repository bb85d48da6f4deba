"""The house keeps its shape: rooms, imports, tests with words, nothing in the tree that must not be there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = ("chartside", "clinical", "cds_hooks", "smart_app", "fhir_adapters", "models", "oversight")


def tracked() -> list[Path]:
    """The files that git knows, or would know."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file names in an import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset(found)


def test_every_package_stands_under_the_import_contracts() -> None:
    """A new top-level package must be placed in the house."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(PYPROJECT["tool"]["importlinter"]["root_packages"])
    assert packages - {"ehr_simulator"} == set(ROOMS)
    assert set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(ROOMS)


def test_clinical_imports_the_standard_library_only() -> None:
    """The words know nothing that must be installed."""
    for path in (ROOT / "clinical").glob("*.py"):
        tops = {name.partition(".")[0] for name in imports(path)}
        assert tops <= sys.stdlib_module_names | {"clinical"}, path.name


@pytest.mark.parametrize("room", [*ROOMS, "ehr_simulator"])
def test_a_room_says_what_it_is_for(room: str) -> None:
    """The docstring of a room opens with its one question."""
    docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text("utf-8"))) or ""
    assert "? " in f"{docstring.splitlines()[0]} ", docstring


def test_every_test_says_what_it_shows() -> None:
    """A test without words cannot be judged."""
    silent = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_fhir_resources_is_used_by_its_r4b_classes_only() -> None:
    """The default classes are R5 and reject R4 data."""
    for path in tracked():
        if path.suffix == ".py":
            bare = {name for name in imports(path) if name.startswith("fhir.resources.") and ".R4B" not in name}
            assert not bare, path


def test_nothing_is_pickled() -> None:
    """Opening a pickle runs whatever is in it."""
    for path in tracked():
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".npy"), path
        if path.suffix == ".py":
            assert not {"pickle", "joblib", "cloudpickle", "dill"} & imports(path), path


def test_no_file_names_a_machine_or_a_registry() -> None:
    """Neither a home folder nor an index host stands in a file."""
    marks = re.compile(r"/(?:home|root)/[a-z]|pypi\.org|files\.pythonhosted|--(?:extra-)?index-url|registry\.npmjs")
    this = Path(__file__)
    for path in tracked():
        if path != this and path.suffix in (".py", ".md", ".toml", ".txt", ".in", ".html", ".css", ".json", "", ".cfg"):
            content = path.read_text("utf-8", errors="replace")
            assert str(ROOT) not in content, path
            found = marks.search(content)
            assert found is None, f"{path}: {found and found[0]}"


def test_every_locked_requirement_has_a_hash() -> None:
    """`pip --require-hashes` takes nothing else."""
    for path in (ROOT / "requirements").glob("*.txt"):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", path.read_text())
        pinned = [block for block in blocks if re.match(r"[A-Za-z0-9._\[\]-]+==", block)]
        assert pinned
        assert all("--hash=sha256:" in block for block in pinned), path.name


def test_every_extra_that_is_asked_for_stands_in_the_lock() -> None:
    """Where the lock says `coverage`, older pips (23.2 comes with Python 3.11) ask the index anew for `coverage[toml]`.

    They then refuse the whole install on the day on which the index has a newer coverage.
    """
    pins = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?==", (ROOT / "requirements/dev.txt").read_text())
    locked = {canonicalize_name(name): set(extras.split(",")) - {""} for name, extras in pins}
    asked = [Requirement(text) for package in distributions() for text in package.requires or ()]
    asked = [wish for wish in asked if wish.extras and (wish.marker is None or wish.marker.evaluate({"extra": ""}))]
    assert asked, "pytest-cov asks for coverage[toml]"
    assert not [str(wish) for wish in asked if not wish.extras <= locked.get(canonicalize_name(wish.name), wish.extras)]


def test_no_secret_stands_in_the_tree() -> None:
    """Private keys and bearer tokens."""
    marks = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]|eyJhbGciOi[A-Za-z0-9_-]{20,}\.eyJ")
    for path in tracked():
        assert not marks.search(path.read_bytes()), path
