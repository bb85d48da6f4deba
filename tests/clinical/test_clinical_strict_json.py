"""JSON from outside is taken strictly or not at all."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical import strict_json
from clinical.errors import BodyTooLarge, ChartsideError, MalformedRequest

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_plain_json_comes_back_unchanged(value: object) -> None:
    """What the standard library writes is read back equal."""
    assert strict_json.loads(json.dumps(value).encode()) == value
    assert strict_json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_value_or_in_our_error(data: bytes) -> None:
    """No other exception ever leaves the loader, and its words do not repeat the input."""
    messages = []
    try:
        strict_json.loads(data)
    except ChartsideError as fault:
        messages.append(fault.message.encode())
    # Short bytes may stand in our own words: "NaN" does.
    assert len(data) < 9 or not any(data in message for message in messages)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"// c\n{}",
        b'{"a":1,"a":2}',
        b'[{"x":{"a":1,"a":1}}]',
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[-1e400]",
        b"[" + b"9" * 41 + b"]",
        b"[0." + b"1" * 60 + b"]",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'["\xc3\x28"]',
        b'["\\ud800"]',
        b'{"\\udc00": 1}',
        b"[" * 41 + b"]" * 41,
        b'{"a":' * 41 + b"1" + b"}" * 41,
    ],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    """Repeated keys, non-finite numbers, deep nesting, bad text: all refused, none repaired."""
    with pytest.raises(MalformedRequest):
        strict_json.loads(data)


def test_nesting_up_to_the_limit_passes() -> None:
    """Brackets inside strings do not count."""
    assert strict_json.loads(b"[" * 40 + b"]" * 40)
    assert strict_json.loads(b'["' + b"[" * 100 + b'"]') == ["[" * 100]
    assert strict_json.loads(b'["\\"[[[[[", 1]') == ['"[[[[[', 1]


def test_a_surrogate_pair_passes() -> None:
    """A whole pair is a character."""
    assert strict_json.loads(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_size_is_bounded() -> None:
    """More bytes than the limit are refused before they are parsed."""
    with pytest.raises(BodyTooLarge):
        strict_json.loads(b"[" + b" " * 100 + b"]", max_bytes=50)


@given(JSON, st.sampled_from(["", '"', "[[{", "\\", '\\"[', '"]']), st.booleans())
def test_the_skeleton_has_the_brackets_that_count(value: object, text: str, ascii_only: bool) -> None:
    """Every second part between quotes is what stands outside strings; there all brackets are."""
    data = json.dumps({"a": value, "b": text, text: 1}, ensure_ascii=ascii_only).encode()
    outside = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", data)
    brackets = bytes(byte for byte in outside if byte in b"[]{}")
    assert b"".join(strict_json._skeleton(data).split(b'"')[::2]) == brackets


@pytest.mark.parametrize("depth", [1, 20, 21, 39, 40])
@pytest.mark.parametrize("text", ["", "[", '\\"]', "}}"])
def test_the_depth_is_exact(depth: int, text: str) -> None:
    """Whatever brackets stand in strings, and of whatever kind the levels are."""
    for opening, closing in (("[", "]"), ('[{"a":', "}]"), ('{"a":', "}")):
        levels = len(opening.replace('"a":', ""))
        inner = json.dumps(text)
        written = opening * (depth // levels) + inner + closing * (depth // levels)
        strict_json.loads(written.encode())
        beyond = 41 // levels + 1
        with pytest.raises(MalformedRequest, match="deeper"):
            strict_json.loads((opening * beyond + inner + closing * beyond).encode())


def careless(data: bytes) -> object:
    """A decoder that keeps the last of two equal keys, takes NaN and rounds long numbers, as decoders do."""
    return json.loads(data, parse_int=lambda text: int(text) if len(text) <= 20 else float(text))


CODEC = strict_json.Codec(careless, lambda value: json.dumps(value, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        (b'{"a":[1,{"b":2.5}],"c":{}}', True),
        (b'{"a":1,"a":1}', False),
        (b'[{"x":{"a":1,"a":{"b":1}}}]', False),
        (b"[" + b"9" * 41 + b"]", False),
        (b'["' + b"9" * 41 + b'", "urn:oid:' + b"1." * 30 + b'9"]', True),
        (b'["urn:oid:' + b"1." * 30 + b'9", ' + b"9" * 41 + b" ]", False),
        (b'{"a":' + b"9" * 41 + b"}", False),
        (b"9" * 41, False),
        (b'["\\u0041"]', True),
        (b'["\\u0022\\"\\\\"]', True),
        (b'["\\u005b"]', False),
        (b'["\\ud83d\\ude00"]', False),
        (b'{"a":1,"\\u0061":1}', False),
        (b"{", False),
    ],
)
def test_a_quicker_decoder_is_believed_only_where_it_cannot_be_wrong(data: bytes, taken: bool) -> None:
    """Repeated keys, long numbers, surrogates and faults are left to the strict way."""
    found = strict_json._decoded(data, CODEC)
    assert (found is not strict_json._UNSURE) == taken
    if taken:
        assert found == strict_json.loads(data) == strict_json.loads(data, codec=CODEC)
