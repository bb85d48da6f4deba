"""The strict JSON loader against any bytes: good JSON as the standard library reads it, the rest by its two errors."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cds_hooks.body import QUICK
from clinical import strict_json
from clinical.errors import BodyTooLarge, MalformedRequest
from clinical.strict_json import MAX_DEPTH, MAX_NUMBER_LENGTH

NUMBERS = st.integers(-(10**38), 10**38) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=40
)
# Bytes that come close to JSON find more than random ones.
TOKENS = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"d83d", b"0", b"-", b"1e9", b".", b"e", b"true", b"null",
     b"NaN", b"Infinity", b" ", b"\n", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"a"', b"/", b"*"]
)  # fmt: skip
NEARLY = st.lists(TOKENS | st.binary(max_size=3), max_size=30).map(b"".join)


def loads(data: bytes, **options: Any) -> Any:
    """The value or the error, which must be the same with the service's quicker decoder and without one."""
    ends = []
    for codec in (None, QUICK):
        try:
            ends.append(("value", strict_json.loads(data, codec=codec, **options)))
        except (BodyTooLarge, MalformedRequest) as fault:
            ends.append((type(fault).__name__, fault))
    assert repr(ends[0]) == repr(ends[1])
    if isinstance(ends[0][1], Exception):
        raise ends[0][1]
    return ends[0][1]


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_good_json_is_read_as_the_standard_library_reads_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Any value, written in any of the usual ways."""
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert loads(written) == value
    assert repr(loads(written)) == repr(json.loads(written))


@given(NEARLY)
@settings(max_examples=1500, deadline=None)
@example(b'{"a":1,"a":1}')
@example(b"[" * 100_000)
@example(b'"' * 100_001)
@example(b"\\" * 100_000)
@example(b"1" * 5_000)
@example(b'["\\ud800"]')
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_end_in_a_value_or_in_the_two_errors(data: bytes) -> None:
    """Nothing else is raised, and what is taken is what the standard library takes too."""
    try:
        value = loads(data)
    except (BodyTooLarge, MalformedRequest):
        return
    assert json.loads(data) == value


@given(VALUES, st.text(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_repeated_key_is_refused_wherever_it_stands(value: Any, key: str, data: st.DataObject) -> None:
    """At any depth, in any spelling of the key."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in key if ord(char) < 0xD800)
    spelt = json.dumps(key)[1:-1] if data.draw(st.booleans()) else escaped
    plain = json.loads(f'"{spelt}"')
    written = f'{{"{spelt}":{json.dumps(value)},{json.dumps(plain)}:0}}'
    for _ in range(data.draw(st.integers(0, 5))):
        written = f'{{"x":[{written}]}}' if data.draw(st.booleans()) else f"[{written}]"
    with pytest.raises(MalformedRequest):
        loads(written.encode())


@given(st.integers(1, 400), st.sampled_from(["[", '{"a":']))
@settings(max_examples=100, deadline=None)
def test_depth_ends_where_it_says(depth: int, opening: str) -> None:
    """At 40 levels, however they are made."""
    closing = "]" if opening == "[" else "}"
    written = (opening * depth + "0" + closing * depth).encode()
    if depth <= MAX_DEPTH:
        assert loads(written) == json.loads(written)
    else:
        with pytest.raises(MalformedRequest):
            loads(written)


@given(st.text(st.sampled_from('[]{}"\\a'), max_size=60))
@settings(max_examples=300, deadline=None)
def test_brackets_inside_texts_are_no_depth(text: str) -> None:
    """However they are escaped."""
    assert loads(json.dumps([text * 20]).encode()) == [text * 20]


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,8})?", fullmatch=True))
@settings(max_examples=400, deadline=None)
def test_a_number_is_finite_and_short_or_refused(text: str) -> None:
    """Infinity never comes out, and nothing longer than the limit goes in."""
    try:
        value = loads(text.encode())
    except MalformedRequest:
        return
    assert len(text) <= MAX_NUMBER_LENGTH
    assert isinstance(value, int | float)
    assert math.isfinite(value)
    assert value == json.loads(text)


@given(st.binary(max_size=200), st.integers(0, 100))
def test_size_comes_first(data: bytes, limit: int) -> None:
    """Whatever the bytes are."""
    if len(data) > limit:
        with pytest.raises(BodyTooLarge):
            loads(data, max_bytes=limit)


@given(st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"]), VALUES)
def test_another_encoding_is_not_guessed(encoding: str, value: Any) -> None:
    """RFC 8259 section 8.1: UTF-8, and no byte order mark."""
    written = json.dumps({"a": value}, ensure_ascii=False).encode(encoding, "replace")
    with pytest.raises(MalformedRequest):
        loads(written)
