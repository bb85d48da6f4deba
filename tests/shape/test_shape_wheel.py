"""What is shipped: the wheel holds the rooms with their data, and runs from an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        ".",
    ]
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("chartside-*.whl")
    return built


def test_the_wheel_holds_the_rooms_and_their_data_and_nothing_else(wheel: Path) -> None:
    """Data files and the code of training are there; tests, simulator and training data are not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "fhir_adapters/analytes.toml",
        "models/icu_mortality/model.toml",
        "models/icu_mortality/artefact.toml",
        "models/icu_mortality/model.npz",
        "chartside/presets.toml",
        "chartside/openapi/surface.json",
        "models/icu_mortality/train.py",
        "models/icu_mortality/provenance.sig",
        "models/icu_mortality/evidence/card.html",
        "models/trusted_keys.toml",
        "smart_app/static/page.css",
        "oversight/migrations/versions/r0001_ledger.py",
        "chartside/cli.py",
    ):
        assert needed in names
    assert any(name.startswith("smart_app/templates/") for name in names)
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"chartside", "clinical", "cds_hooks", "smart_app", "fhir_adapters", "models", "oversight"}
    assert not [name for name in names if name.endswith((".parquet", ".csv", ".csv.gz", ".psv", ".pkl"))]


def test_the_wheel_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Unpacked, away from the tree: the command line finds its rooms, its manifest and its artefact."""
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    (tmp_path / "secret").write_text("s" * 64)
    registry = '[clients.a]\nname = "A"\nauthentication = "loopback"\nfhir_base = "https://ehr.test/fhir"\n'
    (tmp_path / "clients.toml").write_text(registry)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site),
        "CHARTSIDE_BASE_URL": "http://127.0.0.1:8100",
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{tmp_path}/ledger.db",
        "CHARTSIDE_CLIENTS_FILE": str(tmp_path / "clients.toml"),
        "CHARTSIDE_SECRET_FILE": str(tmp_path / "secret"),
    }
    code = "import chartside.cli, clinical; print(clinical.__file__); chartside.cli.main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "check"],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout
    assert "model icu-mortality" in done.stdout
