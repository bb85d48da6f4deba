"""docs/oversight.md has every page, and a picture of each that exists and is light; the README names every command."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from oversight_analytics.oversight_pictures import MOST_BYTES, SHOTS, WIDTH

from chartside.cli import cli
from oversight.pages.frame import PAGES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/oversight.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n)+)", PAGE, re.MULTILINE))


@pytest.mark.parametrize(("name", "label"), PAGES)
def test_every_page_has_a_section_with_its_picture(name: str, label: str) -> None:
    """The question, the trap and what to do, and a picture with words for those who do not see it."""
    text = SECTIONS[label]
    assert re.search(rf"!\[[^\]]{{20,}}\]\(images/oversight-{name}\.png\)", text)
    for word in ("**Question:**", "**The trap", "**Next:**"):
        assert word in text


# A second picture of a page.
SECOND = {"service-weeks"}


def test_every_page_is_photographed() -> None:
    """By `make screenshots-oversight`."""
    assert {shot.name for shot in SHOTS} == {name for name, _ in PAGES} | SECOND


def test_the_pictures_are_there_of_one_width_and_light() -> None:
    """No other picture of these pages lies about."""
    pictures = sorted((ROOT / "docs/images").glob("oversight-*.png"))
    assert {path.stem for path in pictures} == {f"oversight-{name}" for name in {name for name, _ in PAGES} | SECOND}
    for path in pictures:
        content = path.read_bytes()
        assert len(content) < MOST_BYTES, path.name
        assert struct.unpack(">I", content[16:20]) == (WIDTH,), path.name


def test_its_links_lead_somewhere() -> None:
    """To other pages of the documentation."""
    links = set(re.findall(r"\]\(([\w./-]+)\)", PAGE))
    assert [link for link in sorted(links) if not (ROOT / "docs" / link).exists()] == []


def test_the_readme_names_every_command() -> None:
    """As `chartside --help` lists them, and no other."""
    text = (ROOT / "README.md").read_text("utf-8").partition("The command line: ")[2]
    assert set(re.findall(r"`chartside ([a-z0-9-]+)`", text)) == set(cli.commands)
