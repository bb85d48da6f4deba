"""docs/smart.md and docs/smart-checklist.md say what is there: entries, scopes, words, keys, pictures, tests."""

from __future__ import annotations

import ast
import json
import re
import stat
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chartside.cli import cli
from chartside.clients.client import Client
from chartside.clients.read import read_clients
from chartside.clients.review import holds
from chartside.clients.sheet import Offered, registration_sheet
from chartside.clients.smart_entry import WRITTEN, registration_of
from clinical.need import smart_scopes
from fhir_adapters.smart.client_authentication import METHODS
from fhir_adapters.smart.smart_scopes import V1, V2, asked, asked_writes
from models.runtime.catalogue import read_manifests

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/smart.md").read_text("utf-8")
CHECKLIST = (ROOT / "docs/smart-checklist.md").read_text("utf-8")
ENTRIES = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
BASE = "https://chartside.hospital.example"
ROWS = 38
NOT_KEPT = ("**Not done.**", "**Not used.**", "**Not used**:")
WIDTH, MOST_BYTES = 1280, 150_000


def run(*words: str) -> Result:
    """A command of the house."""
    return CliRunner().invoke(cli, words)


def cells(text: str) -> Iterator[list[str]]:
    """The rows of the tables of a page."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the entries of the page name, made as the page says."""
    (tmp_path / "general-hospital.secret").write_text("s3cret\n")
    run("clients", "smart-key", str(tmp_path / "general-hospital.jwks"), "--kid", "chartside-2026")
    return tmp_path


@pytest.fixture
def clients(folder: Path) -> list[Client]:
    """The entries of the page, read as the service reads them."""
    return [read_clients(entry, "clients.toml", folder)[0] for entry in ENTRIES]


def test_each_entry_of_the_page_is_read(clients: list[Client]) -> None:
    """One for each client type, and each opens the page for its EHR's frame."""
    assert [client.smart_authentication for client in clients] == list(METHODS)
    assert all(client.smart_client_id and client.origins for client in clients)
    assert registration_of(clients[2]).writes == WRITTEN


def test_the_page_lists_the_scopes_that_are_asked_for() -> None:
    """In both forms, those of the models that are offered and those of write-back; no more and no fewer."""
    reads = smart_scopes([need for one in read_manifests().values() if one.served for need in one.needs])
    listed = {form: [] for form in (V2, V1)}
    for row in cells(PAGE.partition("<!-- scopes")[2].partition("\n## ")[0]):
        for form, cell in zip(listed, row[1:], strict=False):
            listed[form] += re.findall(r"`(patient/[^`]+)`", cell)
    for form, scopes in listed.items():
        assert sorted(scopes) == sorted((*asked(reads, form), *asked_writes(WRITTEN, form)))


def test_what_the_page_shows_is_what_is_printed(clients: list[Client]) -> None:
    """Addresses and lines of the third entry, as `clients check` prints them."""
    client, shelf = clients[2], read_manifests().values()
    offered = [Offered(one.info, one.needs, one.code_labels) for one in shelf if one.served]
    printed = "\n".join([*(f"  holds     {line}" for line in holds(client)), registration_sheet(client, BASE, offered)])
    blocks = re.findall(r"```\n((?:  holds|client_id:).+?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    assert [line for block in blocks for line in block.splitlines() if line not in printed.splitlines()] == []
    addresses = set(re.findall(rf"`({BASE}/[^`]+)`", PAGE))
    assert len(addresses) == 4
    assert [address for address in addresses if address not in printed] == []


def test_a_key_is_changed_without_a_gap(folder: Path) -> None:
    """The steps of the page: published first, then it signs, then the old one goes; only the owner reads the file."""
    path = folder / "general-hospital.jwks"
    command = ("clients", "smart-key", str(path))

    def kids() -> list[str]:
        """The keys, the one that signs first."""
        return [key["kid"] for key in json.loads(path.read_text())["keys"]]

    added = run(*command, "--add", "--kid", "chartside-2027", "--algorithm", "RS384")
    assert kids() == ["chartside-2026", "chartside-2027"]
    assert [(key["alg"], "d" in key) for key in json.loads(added.output)["keys"]] == [
        ("ES384", False), ("RS384", False),
    ]  # fmt: skip
    run(*command, "--sign-with", "chartside-2027")
    assert kids() == ["chartside-2027", "chartside-2026"]
    assert run(*command, "--drop", "chartside-2026").exit_code == 0
    assert kids() == ["chartside-2027"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in folder.iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "is there already"),
        (("--add", "--kid", "chartside-2026"), "same 'kid'"),
        (("--add", "--kid", "two words"), "without a 'kid'"),
        (("--sign-with", "none"), "no key 'none'"),
        (("--drop", "none"), "no key 'none'"),
        (("--drop", "chartside-2026"), "is the one that signs"),
        (("--add", "--drop", "chartside-2026"), "Give one of"),
    ],
)
def test_a_key_file_is_not_spoilt(folder: Path, words: tuple[str, ...], said: str) -> None:
    """The command says what is wrong, and leaves the file as it was."""
    path = folder / "general-hospital.jwks"
    before = path.read_bytes()
    answer = run("clients", "smart-key", str(path), *words)
    assert answer.exit_code == 2
    assert said in " ".join(answer.output.split())
    assert path.read_bytes() == before


@pytest.mark.parametrize("words", [("--add",), ("--drop", "a"), ("--sign-with", "a")])
def test_a_file_that_holds_no_key_is_left_alone(folder: Path, words: tuple[str, ...]) -> None:
    """A secret, or nothing at all."""
    for name in ("general-hospital.secret", "none"):
        assert run("clients", "smart-key", str(folder / name), *words).exit_code == 2
    assert run("clients", "smart-key", str(folder / "no-folder" / "keys")).exit_code == 2
    assert (folder / "general-hospital.secret").read_text() == "s3cret\n"


def test_without_a_name_a_key_is_named_by_its_thumbprint(tmp_path: Path) -> None:
    """So that two keys have two names."""
    made = [json.loads(run("clients", "smart-key", str(tmp_path / name)).output)["keys"][0]["kid"] for name in "ab"]
    assert len(set(made)) == 2
    assert all(re.fullmatch(r"[\w-]{43}", kid) for kid in made)


@cache
def texts() -> list[str]:
    """What the code can say: string literals, and the words of templates, with single blanks."""
    found = []
    for folder in ("smart_app", "fhir_adapters"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.walk(ast.parse(path.read_text("utf-8")))
            found += [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        for path in (ROOT / folder).rglob("*.html"):
            found.append(path.read_text("utf-8"))
    return [" ".join(text.split()) for text in found]


def test_the_words_of_troubleshooting_are_the_pages_own() -> None:
    """Each part between dots stands in the source as it is quoted."""
    rows = [row[0] for row in cells(PAGE.partition("<!-- words")[2]) if row[0].startswith('"')]
    assert len(rows) > 20
    parts = [part.strip() for row in rows for words in re.findall(r'"([^"]+)"', row) for part in words.split("…")]
    assert [part for part in parts if not any(part in text for text in texts())] == []


def test_pictures_are_small_and_used() -> None:
    """Of one width, light, each on the page, with words for those who do not see it."""
    pictures = sorted((ROOT / "docs/images").glob("smart-*.png"))
    shown = re.findall(r"!\[([^\]]{20,})\]\(images/(smart-[\w-]+\.png)\)", PAGE)
    assert sorted(name for _, name in shown) == [path.name for path in pictures]
    assert len(pictures) >= 8
    for path in pictures:
        content = path.read_bytes()
        assert len(content) < MOST_BYTES, path.name
        assert struct.unpack(">I", content[16:20]) == (WIDTH,), path.name


def test_the_checklist_has_every_row() -> None:
    """One each, in order; a row has tests, or says that it is not kept."""
    rows = [row for row in cells(CHECKLIST) if row[0].isdigit()]
    assert [int(row[0]) for row in rows] == list(range(1, ROWS + 1))
    assert [row[0] for row in rows if (row[4] == "–") != row[3].startswith(NOT_KEPT)] == []


def test_the_checklist_names_tests_that_exist() -> None:
    """As file and function."""
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", CHECKLIST)
    assert len(named) > 100
    assert CHECKLIST.count("::") == len(named)
    functions = {file: _tests(ROOT / "tests" / file) for file, _ in named}
    assert [(file, name) for file, name in named if name not in functions[file]] == []


def _tests(path: Path) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse(path.read_text("utf-8")).body if path.exists() else []
    return {node.name for node in tree if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
