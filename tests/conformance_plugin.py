"""A pytest plug-in file: which test shows which row of the CDS Hooks checklist, and the page that says so.

`@pytest.mark.conforms(51, 52)` on a test names rows of tests/conformance/checklist.toml. `--conformance-page PATH`
writes the page with the results of the run.
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.services import known_hooks

TESTS = Path(__file__).resolve().parent
CHECKLIST = TESTS / "conformance" / "checklist.toml"
PAGE = TESTS.parent / "docs" / "conformance.md"
MARK = "conforms"


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement. `left_out` says why it is not kept, `by` who must see to it besides us."""

    number: int
    level: str
    area: str
    text: str
    source: str
    left_out: str = ""
    by: str = ""


def checklist() -> tuple[dict[str, str], list[Row]]:
    """The areas by letter, and the rows in order."""
    table = tomllib.loads(CHECKLIST.read_text("utf-8"))
    return table["areas"], [Row(**row) for row in table["row"]]


def scan() -> dict[int, list[str]]:
    """Tests by row, as `folder/file::name`, read off the decorators without importing anything."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in _rows_of(node):
                    found[row].append(f"{path.relative_to(TESTS).as_posix()}::{node.name}")
    return found


def _rows_of(node: ast.FunctionDef) -> Iterator[int]:
    """The numbers in a test's marks."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{MARK}":
            for argument in decorator.args:
                yield ast.literal_eval(argument)


def page(results: Mapping[str, str]) -> str:
    """The page. `results` are by test, as `scan` names them; a test that did not run has none."""
    areas, rows = checklist()
    tests = scan()
    parts = [_HEAD.format(counts=_counts(rows, tests, results)), _hooks()]
    for letter, title in areas.items():
        parts += [
            f"\n## {letter}. {title}\n",
            "| row | level | what it asks | test | result |",
            "|---|---|---|---|---|",
        ]
        parts += [_line(row, tests.get(row.number, []), results) for row in rows if row.area == letter]
    left = [f"- **{row.number}** {row.text}. {row.left_out}" for row in rows if row.left_out]
    parts += ["\n## Left out\n", "Rows that a service may leave out, and does:\n", *left]
    return "\n".join(parts) + "\n"


_HEAD = """# Conformance

Reader: the integration engineer.

What CDS Hooks asks of a service, and the test that shows it. Written by `make conformance`, from
`tests/conformance/checklist.toml` and the marks on the tests; a row that must or should be kept and has no test fails
`make test`. The published version is 2.0.1; rows of the 3.0 ballot say so in the checklist. Rows of the other documents
(Da Vinci CRD 2.0.1, the best practices of cds-hooks.org) are kept where they make sense for every client. The levels
are those of RFC 2119. This is what our own tests show, not the verdict of a certifying body.

{counts}"""


def _hooks() -> str:
    """The hooks that a model may be put on."""
    hooks = sorted(known_hooks().values(), key=lambda hook: hook.name)
    rows = [f"| {h.name} | {h.version} | {', '.join(f'`{token}`' for token in sorted(h.tokens))} |" for h in hooks]
    head = ["\n## Hooks\n", "| hook | version | context fields for prefetch |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def _counts(rows: list[Row], tests: Mapping[int, list[str]], results: Mapping[str, str]) -> str:
    """How many rows of each level are shown by tests that passed."""
    lines = ["| level | rows | shown by passing tests | left out |", "|---|---|---|---|"]
    for level in ("SHALL", "SHOULD", "MAY"):
        mine = [row for row in rows if row.level == level]
        shown = sum(result(tests.get(row.number, []), results) == "passed" for row in mine)
        lines.append(f"| {level} | {len(mine)} | {shown} | {sum(bool(row.left_out) for row in mine)} |")
    return "\n".join(lines)


def _line(row: Row, tests: list[str], results: Mapping[str, str]) -> str:
    """One line of a table."""
    asks = f"{row.text} ({row.source})" + (". Besides, who runs the service sees to it" if row.by else "")
    shown = "left out" if row.left_out and not tests else result(tests, results)
    names = "<br>".join(f"`{name}`" for name in tests) or "–"
    return f"| {row.number} | {row.level} | {asks} | {names} | {shown} |"


def result(tests: list[str], results: Mapping[str, str]) -> str:
    """The result of all tests of a row together."""
    found = {results.get(name, "not run") for name in tests} or {"no test"}
    return next(word for word in ("no test", "failed", "not run", "skipped", "passed") if word in found)


class Recorder:
    """Remembers the results of marked tests, and writes the page at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, str] = {}
        self.marked: set[str] = set()

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which tests are marked."""
        self.marked = {item.nodeid for item in items if item.get_closest_marker(MARK)}

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a result; of several cases of one test, and of its phases, the worst one stands."""
        if report.nodeid in self.marked and (report.when == "call" or report.outcome != "passed"):
            name = report.nodeid.partition("[")[0].removeprefix("tests/")
            worst = {"passed": 0, "skipped": 1, "failed": 2}
            if worst[report.outcome] >= worst[self.results.get(name, "passed")]:
                self.results[name] = report.outcome

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page."""
        self.path.write_text(page(self.results), "utf-8")


def pytest_addoption(parser: Any) -> None:
    """The option that asks for the page."""
    parser.addoption("--conformance-page", metavar="PATH", help="run marked tests only, and write their results here")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and the recorder where the page is asked for."""
    config.addinivalue_line("markers", f"{MARK}(*rows): shows rows of tests/conformance/checklist.toml")
    path = config.getoption("--conformance-page")
    if path:
        config.option.markexpr = MARK
        config.pluginmanager.register(Recorder(Path(path)))
