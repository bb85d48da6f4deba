"""The one entry for JSON from outside, used at the hook's door and for the answers of an EHR.

The standard library keeps the last of two equal keys, takes NaN, and turns 1e999 into infinity, all in silence.
Here each of them is refused (RFC 8259 section 4 and 6 leave them "unpredictable"). No message quotes the input.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Never

from clinical.errors import BodyTooLarge, MalformedRequest

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_NUMBER_LENGTH = 40

_NOT_SKELETON = bytes(byte for byte in range(256) if byte not in b'"[]{}')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_NUMBER = b"0" * (MAX_NUMBER_LENGTH + 1)
# Every character of a number to "0", every other one to a blank.
_NUMBERS = bytes(ord("0") if byte in b"0123456789+-.eE" else ord(" ") for byte in range(256))
_AFTER_NUMBER = b",]} \t\r\n"
_UNSURE = object()


@dataclass(frozen=True, slots=True)
class Codec:
    """A quicker decoder, which may be less strict, and the encoder that undoes it.

    `decode` refuses what is nested deeper than `MAX_DEPTH`, while it reads. It may refuse more, which is then decoded
    here. In what `encode` makes of its answers no number is longer than `MAX_NUMBER_LENGTH`.
    """

    decode: Callable[[bytes], object]
    encode: Callable[[object], bytes]


def loads(data: bytes, *, max_bytes: int = MAX_BYTES, codec: Codec | None = None) -> object:
    """Decode one JSON text in UTF-8. Raises `BodyTooLarge` or `MalformedRequest`.

    What `codec` answers is taken only where it is proved to be what would be given without it; whatever is in doubt is
    decoded here.
    """
    if len(data) > max_bytes:
        raise BodyTooLarge(f"The body is larger than {max_bytes} bytes.")
    quick = _UNSURE if codec is None else _decoded(data, codec)
    return _slowly(data) if quick is _UNSURE else quick


def _decoded(data: bytes, codec: Codec) -> object:
    """The quick decoder's answer, or `_UNSURE`.

    It keeps the last of two equal keys. Then the quotes of the first are missing when the answer is written out again,
    and the skeletons differ. What the decoder itself refuses, and what it might read otherwise, is left to the strict
    way; so is a bracket that was spelt with an escape.

    Most senders write as the encoder does. Where every byte is the same, so is the skeleton, and there is no number
    that the encoder would not write. Nor need the depth be looked at, which the decoder bounds.
    """
    if b"\\" in data and _SURROGATE.search(data):
        return _UNSURE
    try:
        value = codec.decode(data)
        again = codec.encode(value)
    except Exception:  # each codec has errors of its own; the strict way says what is wrong
        return _UNSURE
    if again == data:
        return value
    return _UNSURE if _has_long_number(data) or _skeleton(again) != _skeleton(data) else value


def _has_long_number(data: bytes) -> bool:
    """Whether there may be a number that is too long. Object identifiers in strings look like one until they end."""
    marked = data.translate(_NUMBERS)
    end = 0
    while (start := marked.find(_LONG_NUMBER, end)) >= 0:
        end = marked.find(b" ", start)
        if end < 0 or data[end] in _AFTER_NUMBER:
            return True
    return False


def _slowly(data: bytes) -> object:
    """The strict way, by the standard library alone."""
    _check_depth(_skeleton(data))
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


def _skeleton(data: bytes) -> bytes:
    """Brackets and the quotes around strings, in order. An escaped quote is none of these."""
    if b"\\" in data:
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    return data.translate(None, _NOT_SKELETON)


def _check_depth(skeleton: bytes) -> None:
    """Refuse deep nesting before the parser sees it."""
    # To take out quotes by twos leaves the number before a bracket odd (within a string) or even, as it was.
    brackets = skeleton.replace(b'""', b"")
    if b'"' in brackets:  # brackets within strings, or a string without an end
        brackets = b"".join(brackets.split(b'"')[::2])
    if _is_flat(brackets):
        return
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise MalformedRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _is_flat(brackets: bytes) -> bool:
    """Whether the depth is surely within bounds: each round takes away two levels at the most."""
    for _ in range(MAX_DEPTH // 2):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


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
