"""Any JSON at any place of a good request: an answer that holds together, or a refusal; never a fault of ours."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile import good, pointer
from hostile.corpus import Request
from hostile.house import SetClock
from hostile.judge import Answer, always, card_faults

NOW = SetClock().now()
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["", " ", "\u0000", "<script>alert(1)</script>", "![x](http://e.test/x)", "[a](javascript:b)", "http://e.test",
     "Patient/other", good.PATIENT, f"Patient/{good.PATIENT}", "final", "mmol/L", "NaN", "9999-12-31T23:59:59-14:00",
     "2026-02-30", good.stamp(NOW), "Bundle", "Observation", "OperationOutcome", "\u202e", "x" * 3000, "2524-7"]
)  # fmt: skip
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
NAMES = st.sampled_from(
    ["resourceType", "id", "status", "subject", "reference", "code", "coding", "system", "value", "unit", "entry",
     "resource", "link", "relation", "url", "extension", "valueQuantity", "period", "start", "end", "location", "meta"]
) | st.text(max_size=12)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
# Most places lie in the results; the few of the envelope are drawn as often as those of one resource.
BASE = good.call(NOW)
ENVELOPE = [place for place in pointer.places(BASE) if place and not place.startswith("/prefetch/")]
PERSON = [place for place in pointer.places(BASE) if place.startswith(("/prefetch/patient", "/prefetch/encounter"))]
RESULTS = [place for place in pointer.places(BASE) if place.startswith(("/prefetch/labs", "/prefetch/vitals"))]
PLACES = st.one_of(*(st.sampled_from(group) for group in (ENVELOPE, PERSON, RESULTS[:80], RESULTS)))
ALLOWED = {400, 403, 412, 413, 422}


def ask(bench: Any, document: Any) -> Answer:
    """Send a document to the service."""
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    answer = bench.send(Request("POST", f"/cds-services/{good.SERVICE}", {"Content-Type": "application/json"}, body))
    assert isinstance(answer, Answer)
    return answer


def spliced(changes: list[tuple[str, Any]], cuts: list[str]) -> dict[str, Any]:
    """A good request with values at places and places cut out; what is no longer there stays as it is."""
    document = copy.deepcopy(BASE)
    for place, value in changes:
        try:
            pointer.put(document, place, value)
        except (KeyError, IndexError, TypeError, ValueError):
            continue
    for place in cuts:
        try:
            pointer.cut(document, place)
        except (KeyError, IndexError, TypeError, ValueError):
            continue
    return document


@given(
    changes=st.lists(st.tuples(PLACES, VALUES), min_size=1, max_size=3),
    cuts=st.lists(PLACES, max_size=1),
)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_at_any_place_is_answered_or_refused(
    bench: Any, changes: list[tuple[str, Any]], cuts: list[str]
) -> None:
    """200 or 4xx; what is served passes a check of its own, what is refused quotes nothing."""
    answer = ask(bench, spliced(changes, cuts))
    assert answer.status == 200 or answer.status in ALLOWED, (answer.status, answer.body)
    assert list(always(answer)) == []
    if answer.status == 200:
        assert list(card_faults(answer.json)) == []


@given(document=VALUES)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_document_is_refused(bench: Any, document: Any) -> None:
    """Nothing that is not a request is taken for one."""
    answer = ask(bench, document)
    assert answer.status in ALLOWED
    assert list(always(answer)) == []


@given(value=VALUES, fact=st.sampled_from(["lactate", "creatinine", "heart_rate", "platelets"]), data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_spoilt_number_never_counts(bench: Any, value: Any, fact: str, data: st.DataObject) -> None:
    """Anything but a number in place of the value: the risk is that of the request without this fact."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    place = good.aliases()["@" + fact]
    spoilt = data.draw(st.sampled_from(["/valueQuantity/value", "/valueQuantity"]))
    answer = ask(bench, spliced([(place + spoilt, value)], []))
    if answer.status != 200:
        assert answer.status in ALLOWED
        return
    without = _without(bench, place.removesuffix("/resource"))
    assert answer.outcome["probability"] == without.outcome["probability"]
    assert answer.rows == without.rows


_KNOWN: dict[str, Answer] = {}


def _without(bench: Any, place: str) -> Answer:
    """The answer to the good request without one fact."""
    if place not in _KNOWN:
        _KNOWN[place] = ask(bench, spliced([], [place]))
    return _KNOWN[place]


@given(patient=TEXTS | st.from_regex(r"[A-Za-z0-9\-.]{1,70}", fullmatch=True))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_only_the_patient_of_the_data_is_assessed(bench: Any, patient: str) -> None:
    """Any other id in the context stops the call."""
    answer = ask(bench, spliced([("/context/patientId", patient)], []))
    if patient.removeprefix("Patient/") == good.PATIENT:
        assert answer.status == 200
    else:
        assert answer.status in {400, 422}


LACTATE = [place for place in RESULTS if place.startswith(good.aliases()["@lactate"])]


@pytest.mark.parametrize("place", ENVELOPE + PERSON + LACTATE + ["/prefetch/labs", "/prefetch/labs/entry"])
def test_each_place_takes_each_type(bench: Any, place: str) -> None:
    """At each place of envelope, patient, stay and one result, so that none is left to chance."""
    for value in (None, 0, -1.5, "", "x" * 70, [], {}, [[]], [{}], {"a": {}}, True):
        answer = ask(bench, spliced([(place, value)], []))
        assert answer.status == 200 or answer.status in ALLOWED, (value, answer.body)
        assert list(always(answer)) == [], value
