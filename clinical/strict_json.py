"""The one entry for JSON from outside, used at the hook's door and for the answers of an EHR.

The standard library keeps the last of two equal keys, takes NaN, and turns 1e999 into infinity, all in silence.
Here each of them is refused (RFC 8259 section 4 and 6 leave them "unpredictable"). No message quotes the input.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Never

from clinical.errors import BodyTooLarge, MalformedRequest

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_NUMBER_LENGTH = 40

# Possessive, so that a string that never ends costs one pass and not one for each of its quotes.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_NUMBER = b"0" * (MAX_NUMBER_LENGTH + 1)
# Every character of a number to "0", every other one to a blank.
_NUMBERS = bytes(ord("0") if byte in b"0123456789+-.eE" else ord(" ") for byte in range(256))
_UNSURE = object()

Decode = Callable[[bytes], object]


def loads(data: bytes, *, max_bytes: int = MAX_BYTES, decode: Decode | None = None) -> object:
    """Decode one JSON text in UTF-8. Raises `BodyTooLarge` or `MalformedRequest`.

    `decode` is a quicker decoder that may be less strict. Its answer is taken only where it is proved to be the one
    that would be given without it; whatever is in doubt is decoded here.
    """
    if len(data) > max_bytes:
        raise BodyTooLarge(f"The body is larger than {max_bytes} bytes.")
    outside = _outside_strings(data)
    _check_depth(outside)
    quick = _UNSURE if decode is None else _decoded(data, outside, decode)
    return _slowly(data) if quick is _UNSURE else quick


def _decoded(data: bytes, outside: bytes, decode: Decode) -> object:
    """The quick decoder's answer, or `_UNSURE`.

    Outside strings each member of an object has one colon, so a key that was given twice shows in the number of
    members. What the decoder itself refuses, and what it might read otherwise, is left to the strict way.
    """
    if _SURROGATE.search(data) or _LONG_NUMBER in outside.translate(_NUMBERS):
        return _UNSURE
    try:
        value = decode(data)
    except Exception:  # each decoder has errors of its own; the strict way says what is wrong
        return _UNSURE
    return value if _members(value) == outside.count(b":") else _UNSURE


def _members(value: object) -> int:
    """How many members all objects have together."""
    number = 0
    rest: list[Any] = [value] if isinstance(value, dict | list) else []
    pop, push = rest.pop, rest.append
    while rest:
        each = pop()
        if type(each) is dict:
            number += len(each)
            each = each.values()
        for member in each:
            kind = type(member)  # a decoder makes these two and no subclasses
            if kind is dict or kind is list:
                push(member)
    return number


def _slowly(data: bytes) -> object:
    """The strict way, by the standard library alone."""
    try:
        value: object = json.loads(  # noqa: TID251 (the one place)
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_float,
            parse_int=_int,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8.") from None
    except json.JSONDecodeError as fault:
        raise MalformedRequest(f"The body is not JSON (line {fault.lineno}, column {fault.colno}).") from None
    if _SURROGATE.search(data):
        _refuse_lone_surrogates(value)
    return value


def _check_depth(outside: bytes) -> None:
    """Refuse deep nesting before the parser sees it."""
    brackets = outside.translate(None, _NOT_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise MalformedRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _outside_strings(data: bytes) -> bytes:
    """What stands outside strings. Without an escape in the text, that is every second part between quotes."""
    return _STRINGS.sub(b"", data) if b"\\" in data else b"".join(data.split(b'"')[::2])


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are unique."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedRequest("An object in the body has the same key twice.")
    return members


def _float(text: str) -> float:
    """A finite number of bounded length."""
    value = float(text) if len(text) <= MAX_NUMBER_LENGTH else math.inf
    if not math.isfinite(value):
        raise MalformedRequest("A number in the body is too long or too large.")
    return value


def _int(text: str) -> int:
    """A whole number of bounded length."""
    if len(text) > MAX_NUMBER_LENGTH:
        raise MalformedRequest("A number in the body is too long or too large.")
    return int(text)


def _constant(_: str) -> Never:
    """NaN and the infinities are not JSON."""
    raise MalformedRequest("The body holds NaN or Infinity, which JSON does not know.")


def _refuse_lone_surrogates(value: object) -> None:
    """Half a surrogate pair cannot be written as UTF-8, so it could be neither stored nor answered."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedRequest("A string in the body holds half a surrogate pair.") from None
