"""The one strict entry for request bodies: content type, encoding, size; then `clinical.strict_json`."""

from __future__ import annotations

from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any

import msgspec
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from clinical import strict_json
from clinical.errors import BodyTooLarge, MalformedRequest, UnsupportedMediaType

# The transfer codings that leave the body as it is; servers undo `chunked`, and let others pass that nobody has undone.
_PLAIN = frozenset({"chunked", "identity", ""})
# A resource in a bundle in a prefetch stands at level 6 and has seldom more than eight below. What is nested deeper, up
# to the limit of `strict_json`, is decoded there. Each level makes the type below half as large again, so not all 40.
_QUICK_LEVELS = 14


def _json(levels: int) -> Any:
    """The type of JSON values nested no deeper than this, so that the decoder itself bounds the depth.

    As in FHIR, no list holds a list. Whole numbers have 64 bits, and so no more than 20 characters.
    """
    scalar: Any = str | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | float | bool | None
    value = in_list = scalar
    for _ in range(levels):
        item = scalar | GenericAlias(dict, (str, value))
        value, in_list = item | GenericAlias(list, (in_list,)), item
    return value


QUICK = strict_json.Codec(msgspec.json.Decoder(_json(_QUICK_LEVELS)).decode, msgspec.json.Encoder().encode)


def read_bytes(request: Request, max_bytes: int) -> bytes:
    """The body as it came. Raises `UnsupportedMediaType`, `BodyTooLarge` or `MalformedRequest`."""
    _check_form(request)
    if (request.content_length or 0) > max_bytes:
        raise BodyTooLarge(f"The body is larger than {max_bytes} bytes.")
    request.max_content_length = max_bytes + 1  # one more, so that a body in chunks shows that it goes on
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise BodyTooLarge(f"The body is larger than {max_bytes} bytes.") from None
    except Exception:  # each server has errors of its own for chunks that are none
        raise MalformedRequest("The body broke off.") from None
    if len(raw) > max_bytes:
        raise BodyTooLarge(f"The body is larger than {max_bytes} bytes.")
    return raw


def _check_form(request: Request) -> None:
    """That the body is plain JSON by what its headers say. Raises `UnsupportedMediaType` or `MalformedRequest`."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The content type must be application/json.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("The character set must be UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("An encoded body is not taken.")
    codings = request.headers.get("Transfer-Encoding", "").lower().split(",")
    if not _PLAIN.issuperset(coding.strip() for coding in codings):  # RFC 9112 section 6.1
        raise MalformedRequest("A transfer coding other than chunked is not taken.")


def read_object(raw: bytes, max_bytes: int) -> Mapping[str, object]:
    """The body as a JSON object. Raises `BodyTooLarge` or `MalformedRequest`."""
    value = strict_json.loads(raw, max_bytes=max_bytes, codec=QUICK)
    if not isinstance(value, Mapping):
        raise MalformedRequest("The body must be a JSON object.")
    return value
