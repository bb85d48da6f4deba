"""Calls to the service under test, signed where a key was given."""

from __future__ import annotations

import json
from collections.abc import Mapping

from chartside.doctor.signing import Signer
from chartside.doctor.wire import Answer, Wire

JSON = {"Content-Type": "application/json"}


class Caller:
    """GET, POST and OPTIONS with a fresh token each."""

    def __init__(self, wire: Wire, signer: Signer | None) -> None:
        """Keep both."""
        self.wire = wire
        self.signer = signer

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """A signed GET."""
        return self.wire.send("GET", url, {**self._signed(url), **(headers or {})}, None)

    def post(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """A signed POST. Bytes are sent as they are, anything else as JSON."""
        return self.wire.send("POST", url, {**JSON, **self._signed(url), **(headers or {})}, encoded(body))

    def bare(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A call without a token of its own; `headers` may hold one."""
        sent = None if body is None else encoded(body)
        return self.wire.send(method, url, {**(JSON if sent is not None else {}), **(headers or {})}, sent)

    def _signed(self, url: str) -> dict[str, str]:
        """The Authorization header, if there is a key."""
        return {} if self.signer is None else bearer(self.signer.token(url))


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def encoded(body: object) -> bytes:
    """The bytes of a body."""
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
