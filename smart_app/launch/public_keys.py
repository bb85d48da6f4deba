"""`/smart/jwks.json`: the public keys that EHRs prove our signed assertions with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Response, jsonify

from smart_app.headers import Exemption, allow

# As long as an EHR may keep the set: a new key is published at least this long before it signs alone.
CACHE = "public, max-age=300"


def key_route(keys: Mapping[str, object]) -> Callable[[], Response]:
    """A route that serves the set; it holds no secret, and every EHR gets the same."""

    def serve() -> Response:
        """The set."""
        allow(Exemption(cache=CACHE))
        return jsonify(keys)

    return serve
