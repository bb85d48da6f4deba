"""The one strict entry for request bodies: content type, encoding, size, then strict JSON."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from clinical import strict_json
from clinical.errors import BodyTooLarge, MalformedRequest, UnsupportedMediaType

MAX_BYTES = 4_000_000


def read_object(request: Request) -> Mapping[str, object]:
    """The body as a JSON object. Raises `UnsupportedMediaType`, `BodyTooLarge` or `MalformedRequest`."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The content type must be application/json.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("The character set must be UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("An encoded body is not taken.")
    value = strict_json.loads(_bytes(request), max_bytes=MAX_BYTES)
    if not isinstance(value, Mapping):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def _bytes(request: Request) -> bytes:
    """The raw body, never more than the limit."""
    if (request.content_length or 0) > MAX_BYTES:
        raise BodyTooLarge(f"The body is larger than {MAX_BYTES} bytes.")
    request.max_content_length = MAX_BYTES
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise BodyTooLarge(f"The body is larger than {MAX_BYTES} bytes.") from None
    except (ClientDisconnected, OSError):  # the server's parser raises OSError for a chunk that is none
        raise MalformedRequest("The body broke off.") from None
