"""The table of conformance is whole: every row has its test, every mark its row, and the page says the same."""

from __future__ import annotations

import re

import pytest

from conformance_plugin import PAGE, Row, checklist, page, result, scan

AREAS, ROWS = checklist()
TESTS = scan()
BY_NUMBER = {row.number: row for row in ROWS}


def test_the_checklist_is_whole() -> None:
    """Rows 1 to 112, each with a level and an area; only what a service may leave out is left out."""
    assert [row.number for row in ROWS] == list(range(1, 113))
    for row in ROWS:
        assert row.level in ("SHALL", "SHOULD", "MAY")
        assert row.area in AREAS
        assert row.text
        assert row.source
        assert row.level == "MAY" or not row.left_out
        assert row.by in ("", "deployment")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_every_row_has_a_test(row: Row) -> None:
    """Unless it is left out, and then it has none."""
    assert bool(TESTS.get(row.number)) != bool(row.left_out)


def test_every_mark_names_a_row() -> None:
    """A number that is in no list is a mistake."""
    assert set(TESTS) <= set(BY_NUMBER)


def test_the_page_says_the_same() -> None:
    """Same rows, same tests; `make conformance` writes it anew."""
    content = PAGE.read_text("utf-8")
    results = {
        name: "passed" if line.endswith("| passed |") else "failed"
        for line in content.splitlines()
        if line.startswith("| ")
        for name in re.findall(r"`([^`]+::[^`]+)`", line)
    }
    assert set(results.values()) == {"passed"}
    assert content == page(results), "run make conformance"


def test_the_worst_result_of_a_row_counts() -> None:
    """A row is shown only if all of its tests passed."""
    assert result(["a", "b"], {"a": "passed", "b": "passed"}) == "passed"
    assert result(["a", "b"], {"a": "passed", "b": "skipped"}) == "skipped"
    assert result(["a", "b"], {"a": "passed"}) == "not run"
    assert result(["a", "b"], {"a": "failed", "b": "skipped"}) == "failed"
    assert result([], {}) == "no test"
