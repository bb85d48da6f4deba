"""What the quick decoder of bodies promises to `clinical.strict_json`: a bounded depth, and no long numbers."""

from __future__ import annotations

import json
import re
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.body import QUICK
from clinical import strict_json
from clinical.errors import MalformedRequest

LEVELS = 14
PAIRS = {"{": ('{"a":', "}"), "[": ("[", "]"), "{[": ('{"a":[', "]}")}


def nested(kinds: tuple[str, ...], inside: str = "1") -> bytes:
    """A value within objects and lists, from the outermost to the innermost."""
    opening = "".join(PAIRS[kind][0] for kind in kinds)
    return (opening + inside + "".join(PAIRS[kind][1] for kind in reversed(kinds))).encode()


@pytest.mark.parametrize("inside", ["1", '"[[[["', "{}", "[]", "null"])
def test_what_is_nested_as_fhir_nests_is_decoded_quickly_up_to_its_bound(inside: str) -> None:
    """Objects in objects, and in lists, in whatever order."""
    for kinds in product(("{", "{["), repeat=6):
        data = nested(kinds, inside)
        assert QUICK.decode(data) == json.loads(data) if inside != "[]" or kinds[-1] == "{" else True


@pytest.mark.parametrize("kind", ["{", "{[", "["])
def test_the_quick_decoder_never_reads_deeper_than_is_allowed(kind: str) -> None:
    """It refuses long before the limit; up to it the strict way answers, beyond it nobody does."""
    step = len(kind)
    for depth in range(step, 60, step):
        data = nested((kind,) * (depth // step))
        if depth > LEVELS + 1:
            with pytest.raises(msgspec.ValidationError):
                QUICK.decode(data)
        if depth > strict_json.MAX_DEPTH:
            with pytest.raises(MalformedRequest, match="deeper"):
                strict_json.loads(data, codec=QUICK)
        else:
            assert strict_json.loads(data, codec=QUICK) == json.loads(data)


@given(st.lists(st.sampled_from(["{", "[", "{["]), max_size=25), st.sampled_from(["1", "[]", "{}", "[[1]]"]))
def test_any_nesting_is_read_as_the_strict_way_reads_it(kinds: list[str], inside: str) -> None:
    """Lists in lists too, which FHIR does not know."""
    data = nested(tuple(kinds), inside)
    ends = []
    for codec in (None, QUICK):
        try:
            ends.append(repr(strict_json.loads(data, codec=codec)))
        except MalformedRequest as fault:
            ends.append(fault.message)
    assert ends[0] == ends[1]


@given(
    st.integers(-(10**60), 10**60).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(
        re.compile(r"-?(0|[1-9][0-9]{0,45})(\.[0-9]{1,45})?([eE][+-]?[0-9]{1,3})?", re.ASCII), fullmatch=True
    )
)
def test_no_number_is_written_longer_than_is_allowed(text: str) -> None:
    """So what comes back byte for byte holds no long number; each is read as the strict way reads it."""
    data = f'{{"a":{text}}}'.encode()
    try:
        written = QUICK.encode(QUICK.decode(data))
    except msgspec.MsgspecError:
        return
    assert len(written) - len(b'{"a":}') <= strict_json.MAX_NUMBER_LENGTH
    if len(text) <= strict_json.MAX_NUMBER_LENGTH:
        assert repr(strict_json.loads(data, codec=QUICK)) == repr(strict_json.loads(data))
    else:
        with pytest.raises(MalformedRequest, match="too long"):
            strict_json.loads(data, codec=QUICK)
