"""Bundles that are not whole, or that cannot be read to their end: each is said to have a gap."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from clinical.invocation import FhirAccess
from fhir_adapters.prefetch import Page, page_of
from fhir_adapters.resource_types import RESOURCE_TYPES

Make = Callable[..., dict[str, Any]]
CONDITION = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/pat-1"}}
UNKNOWN_TYPE = ("it holds an entry of a type that FHIR does not know",)
ERROR = ("it holds a report of an error",)
MAY_LACK = ("it holds a report that data may be missing",)
MORE = ("it says that there is more than it holds",)
UNREADABLE = ("it says how much there is in a way that cannot be read",)


def page(*resources: object, before: int = 0, **changes: Any) -> Page:
    """A searchset as it is read."""
    rows = [{"resource": resource} for resource in resources]
    found = page_of({"resourceType": "Bundle", "type": "searchset", "entry": rows, **changes}, "Condition", before)
    assert isinstance(found, Page)
    return found


def outcome(*issues: object) -> dict[str, object]:
    """An OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


@pytest.mark.parametrize(
    "kind", ["condition", "CONDITION", "Conditions", "Condition ", "", "Problem", [1], ["Condition"], {}, 7, True]
)
def test_an_entry_of_no_known_type_is_a_gap(kind: object) -> None:
    """It may be the very disease that was asked for, misspelt."""
    assert page({**CONDITION, "resourceType": kind}, CONDITION).gaps == UNKNOWN_TYPE


@pytest.mark.parametrize("kind", ["Practitioner", "Organization", "Location", "Medication", "Parameters", "TestScript"])
def test_what_a_server_adds_is_no_gap(kind: str) -> None:
    """Resources of another type that FHIR knows, marked as included or not."""
    assert page(CONDITION, {"resourceType": kind, "id": "x"}).gaps == ()
    marked = [{"resource": CONDITION}, {"resource": {"resourceType": kind}, "search": {"mode": "include"}}]
    assert page(entry=marked).gaps == ()


def test_the_types_are_those_of_the_library() -> None:
    """Every type of R4B is a class of fhir.resources; some of R4 are no more."""
    gone = {kind for kind in RESOURCE_TYPES if not _is_in_library(kind)}
    assert len(RESOURCE_TYPES) == 159
    assert all(kind.startswith(("MedicinalProduct", "Substance", "EffectEvidence", "RiskEvidence")) for kind in gone)
    assert len(gone) == 18


def _is_in_library(kind: str) -> bool:
    """Whether fhir.resources has a type."""
    try:
        return hasattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    "code",
    """security login unknown expired forbidden suppressed transient lock-error no-store exception timeout incomplete
    throttled too-costly""".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("severity", ["warning", "information"])
def test_a_report_that_data_may_be_missing_is_a_gap(code: str, severity: str) -> None:
    """By the definitions of FHIR's issue types; also beside remarks."""
    remark = {"severity": "information", "code": "informational"}
    assert page(CONDITION, outcome(remark, {"severity": severity, "code": code})).gaps == MAY_LACK


@pytest.mark.parametrize(
    "code",
    """informational invalid structure required value invariant processing not-supported duplicate multiple-matches
    not-found deleted too-long code-invalid extension business-rule conflict""".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("severity", ["warning", "information"])
def test_a_remark_is_no_gap(code: str, severity: str) -> None:
    """Such as a search parameter that was not understood: what comes is more than was asked for, not less."""
    assert page(CONDITION, outcome({"severity": severity, "code": code})).gaps == ()


@pytest.mark.parametrize(
    "issues",
    [
        [{"severity": "error", "code": "informational"}], [{"severity": "fatal"}], [{"severity": "Error"}],
        [{"code": "exception"}], [{"severity": ["error"]}], [], {"severity": "error"}, None, ["error"],
    ],
)  # fmt: skip
def test_a_report_that_is_no_remark_is_that_of_an_error(issues: object) -> None:
    """Also one whose issues or severity cannot be read."""
    assert page(CONDITION, {"resourceType": "OperationOutcome", "issue": issues}).gaps == ERROR


@pytest.mark.parametrize(
    ("total", "gaps"),
    [
        (1, ()), (1.0, ()), ("1", ()), (0, ()), (None, ()), (-1, ()),
        (9, MORE), ("9", MORE), (500.0, MORE), (1e9, MORE), (1.5, MORE), ("9" * 5000, MORE),
        ("", UNREADABLE), ("many", UNREADABLE), ("-9", UNREADABLE), ("\u0669", UNREADABLE), (True, UNREADABLE),
        ([9], UNREADABLE), ({}, UNREADABLE),
    ],
)  # fmt: skip
def test_a_total_beyond_the_entries_is_a_gap_however_it_is_written(total: object, gaps: tuple[str, ...]) -> None:
    """A number, or a number in quotes; one that cannot be read may be any."""
    assert page(CONDITION, total=total).gaps == gaps


def test_a_total_counts_matches_alone() -> None:
    """FHIR R4 Bundle.total: not what the server included, and not its remarks."""
    marks = [("Condition", "match"), ("Patient", "include"), ("OperationOutcome", "outcome")]
    rows: list[object] = [
        {"resource": {"resourceType": kind, "issue": [{"severity": "information"}]}, "search": {"mode": mode}}
        for kind, mode in marks
    ]
    assert page(entry=rows, total=1).gaps == ()
    assert page(entry=rows, total=2).gaps == MORE
    assert page(entry=rows, total=1).matches == 1
    assert page(CONDITION, {"resourceType": "Patient", "id": "pat-1"}, total=2).gaps == MORE
    odd = [{"resource": CONDITION, "search": mark} for mark in (None, 7, {}, {"mode": "match"})]
    assert page(entry=odd, total=4).gaps == ()


@pytest.mark.parametrize("following", [False, True])
def test_a_total_is_that_of_all_pages(
    following: bool, reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """A server may repeat it on each; it is held against all of them together."""
    first = {**make_bundle(make_lab("a"), make_lab("b"), following=f"{ehr.base}/page?2"), "total": 3}
    prefetch = reading.prefetch(labs=first)
    if following:
        del prefetch["labs"]
        ehr.json("Observation?patient=pat-1", first)
    access = FhirAccess(ehr.base, "tok", ("patient/*.rs",))
    ehr.json("page?2", {**make_bundle(make_lab("c")), "total": 3})
    record = reading.read(prefetch, access, ehr.base)
    assert (len(record.observations), record.incomplete) == (3, ())
    ehr.json("page?2", {**make_bundle(make_lab("c")), "total": 4})
    assert reading.read(prefetch, access, ehr.base).incomplete == (f"labs: {MORE[0]}",)


@pytest.mark.parametrize(
    "link", [{"relation": "next"}, ["next"], [None], [{}], [{"relation": 7}], [{"relation": "Next", "url": 7}], "next"]
)
def test_links_that_cannot_be_read_may_lead_on(link: object) -> None:
    """So that the bundle is taken for a first page."""
    assert page(CONDITION, link=link).next_url == "unusable:"
    assert page(CONDITION, link=[{"relation": "self", "url": "x"}]).next_url == ""
    assert page(CONDITION, link=[{"relation": "NEXT", "url": "x"}]).next_url == "x"


@pytest.mark.parametrize("entry", [{"resourceType": "labs"}, outcome({"severity": "warning", "code": "incomplete"})])
def test_the_record_names_the_gap(entry: dict[str, Any], reading: Any, make_lab: Make, make_bundle: Make) -> None:
    """From the prefetch, under the key of the need."""
    record = reading.read(reading.prefetch(labs=make_bundle(make_lab(), entry)))
    assert len(record.observations) == 1
    assert [gap.partition(":")[0] for gap in record.incomplete] == ["labs"]
