"""The one entry for JSON from outside, used at the hook's door and for the answers of an EHR.

The standard library keeps the last of two equal keys, takes NaN, and turns 1e999 into infinity, all in silence.
Here each of them is refused (RFC 8259 section 4 and 6 leave them "unpredictable"). No message quotes the input.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import Never

from clinical.errors import BodyTooLarge, MalformedRequest

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_NUMBER_LENGTH = 40

# Possessive, so that a string that never ends costs one pass and not one for each of its quotes.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NOT_BRACKETS_OR_QUOTES = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(data: bytes, *, max_bytes: int = MAX_BYTES) -> object:
    """Decode one JSON text in UTF-8. Raises `BodyTooLarge` or `MalformedRequest`."""
    if len(data) > max_bytes:
        raise BodyTooLarge(f"The body is larger than {max_bytes} bytes.")
    _check_depth(data)
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


def _check_depth(data: bytes) -> None:
    """Refuse deep nesting before the parser sees it."""
    if max(accumulate(map(_STEP.__getitem__, _brackets(data))), default=0) > MAX_DEPTH:
        raise MalformedRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _brackets(data: bytes) -> bytes:
    """The brackets outside strings. Without an escape in the text, every second part between quotes is outside."""
    if b"\\" in data:
        return _STRINGS.sub(b"", data).translate(None, _NOT_BRACKETS)
    return b"".join(data.translate(None, _NOT_BRACKETS_OR_QUOTES).split(b'"')[::2])


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
