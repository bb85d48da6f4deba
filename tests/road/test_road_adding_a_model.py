"""docs/adding-a-model.md, run from top to bottom: files are written, commands typed, a service started and called."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from open_ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-a-model.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIMIT_S = 240
ID = "hyperkalaemia-30d"


def tools(folder: Path) -> Path:
    """The two commands that the page expects, of this interpreter and this tree."""
    folder.mkdir()
    for name, words in (("chartside", f'"{sys.executable}" -m chartside'), ("python3", f'"{sys.executable}"')):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        path.chmod(0o755)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """That of the caller, without its settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CHARTSIDE_")}
    return own | {
        "PATH": f"{tools(folder)}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which everything on the page was done."""
    for command in ("bash", "curl", "sha256sum"):
        if shutil.which(command) is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{command} is missing")
    home = tmp_path_factory.mktemp("own")
    script = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for language, name, content in BLOCK.findall(PAGE.read_text("utf-8")):
        if language == "sh":
            script.append(content)
            continue
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    text = "\n".join(script).replace("8100", str(free_port()))
    with (home / "output").open("wb") as out:
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=home,
            env=environment(home.parent / f"{home.name}-bin"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        )
    logged = [home / name for name in ("output", "serve.log") if (home / name).is_file()]
    assert done.returncode == 0, "\n".join(path.read_text("utf-8", "replace")[-4000:] for path in logged)
    return home


def document(walked: Path, name: str) -> Any:
    """JSON that a command of the page left behind."""
    return json.loads((walked / name).read_bytes())


def test_every_block_of_the_page_is_used() -> None:
    """A file says its name, and everything else is typed; the file of data is the one that the page names."""
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    assert all((language == "sh") != bool(name) for language, name, _ in blocks)
    assert PAGE.read_text("utf-8").count("\n```") == 2 * len(blocks)


def test_the_data_are_those_that_the_recipe_names(walked: Path) -> None:
    """The same on every machine and interpreter."""
    assert hashlib.sha256((walked / "data" / "visits.csv").read_bytes()).hexdigest() in PAGE.read_text("utf-8")


def test_the_service_is_offered_with_its_prefetch(walked: Path) -> None:
    """It follows from the manifest, and those that ship are offered beside it."""
    services = document(walked, "discovery.json")["services"]
    (own,) = [service for service in services if service["id"] == ID]
    assert own["hook"] == "patient-view"
    assert own["prefetch"]["patient"] == "Patient/{{context.patientId}}"
    for code in ("2823-3", "6298-4", "2160-0", "38483-4"):
        assert f"http://loinc.org|{code}" in own["prefetch"]["labs"]
    assert len(services) > 1


def test_its_scopes_stand_in_the_registration_sheet(walked: Path) -> None:
    """So that an EHR grants what it reads."""
    sheet = (walked / "sheet.txt").read_text("utf-8")
    assert f"Service {ID}" in sheet
    for scope in ("patient/Patient.rs", "patient/Encounter.rs", "patient/Observation.rs"):
        assert scope in sheet


def test_it_answers_with_a_card_and_its_reasons(walked: Path) -> None:
    """A high potassium that rose, and kidneys that hardly work."""
    answer = document(walked, "answer.json")
    found = answer["extension"]["org.chartside.outcome"]
    assert (found["status"], found["tier"]) == ("assessed", "high")
    assert 0.5 < found["probability"] < 1
    (card,) = answer["cards"]
    assert card["indicator"] == "critical"
    assert "Potassium" in card["detail"]
    assert "Look at medicines that raise potassium" in json.dumps(card)


def test_it_has_a_page_and_its_evidence(walked: Path) -> None:
    """The page that is served, and in the folder the card with all attributes and the report."""
    assert "Risk of a high potassium within 30 days" in (walked / "page.html").read_text("utf-8")
    evidence = walked / "models" / "hyperkalaemia_30d" / "evidence"
    assert "invented" in (evidence / "card.html").read_text("utf-8")
    assert "<svg" in (evidence / "report.html").read_text("utf-8")
    attributes = document(evidence, "attributes.json")
    assert len(re.findall(r"\(iv\)\(B\)\(\d\)\(", json.dumps(attributes))) == 31


def test_it_is_signed_and_holds(walked: Path) -> None:
    """Each check of the command, among them the reasons of an empty chart."""
    said = (walked / "output").read_text("utf-8")
    assert "by the key my-team" in said
    assert "31 of 31 source attributes" in said
    assert "1 models, none with a fault" in said
    assert f"model {ID} 0.1.0" in said
