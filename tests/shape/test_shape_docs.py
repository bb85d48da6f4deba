"""The docs say what is there: settings, registry keys, commands, routes, make targets, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chartside.cli import cli
from chartside.clients import KEYS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def text(name: str) -> str:
    """A page."""
    return (ROOT / name).read_text("utf-8")


def test_every_setting_has_a_heading() -> None:
    """And every heading is a setting."""
    used = set(re.findall(r'"([A-Z_]{4,})"', text("chartside/settings.py"))) - {"LOOPBACK"}
    headings = set(re.findall(r"^### CHARTSIDE_([A-Z_]+)$", text("docs/settings.md"), re.MULTILINE))
    assert headings == used


def test_every_registry_key_is_explained() -> None:
    """One row per key."""
    rows = set(re.findall(r"^\| `([a-z_]+)` \|", text("docs/settings.md"), re.MULTILINE))
    assert rows == set(KEYS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_targets_exist(page: Path) -> None:
    """What a page tells people to type is there."""
    content = page.read_text("utf-8")
    commands = set(re.findall(r"(?:^|`)chartside ([a-z][a-z0-9-]+)", content, re.MULTILINE))
    assert commands <= set(cli.commands), commands - set(cli.commands)
    targets = set(re.findall(r"`make ([a-z-]+)", content))
    known = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    assert targets <= known, targets - known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and pictures exist."""
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("**/*.md")), ids=lambda page: page.name)
def test_a_page_names_its_reader(page: Path) -> None:
    """In its first line under the title."""
    lines = [line for line in page.read_text("utf-8").splitlines() if line]
    assert lines[0].startswith("# ")
    assert lines[1].startswith("Reader: ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_claims_what_only_others_can_say(page: Path) -> None:
    """Neither a regulator's nor an auditor's words."""
    assert not re.search(
        r"\b(?:HIPAA[- ]compliant|compliant|FDA[- ]approved|approved)\b", page.read_text("utf-8"), re.I
    )
