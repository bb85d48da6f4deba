"""Mischief at the token endpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ehr_simulator.authorization.mischief.board import Mischief

Answer = tuple[int, bytes, dict[str, str]]
Who = tuple[str, ...]
LONGEST_WAIT = 120.0
_MISSING = {
    "no_refresh_token": "refresh_token",
    "no_token_type": "token_type",
    "no_access_token": "access_token",
    "no_expiry": "expires_in",
}


def twist(body: Mapping[str, object], mischief: Mischief, who: Who) -> dict[str, object]:
    """The members of a token response."""
    twisted = dict(body)
    for name, member in _MISSING.items():
        if member in twisted and mischief.on(name, who):
            del twisted[member]
    kind = mischief.value("token_type", who, default="mac")
    if kind is not None:
        twisted["token_type"] = kind
    if "expires_in" in twisted and mischief.on("expiry_as_text", who):
        twisted["expires_in"] = str(twisted["expires_in"])
    return twisted


def instead(mischief: Mischief, who: Who) -> Answer | None:
    """Another answer than a token response: status, body, headers. Waits first where that is armed."""
    time.sleep(min(float(mischief.value("slow_token", who, default=5.0) or 0.0), LONGEST_WAIT))
    status = mischief.value("token_status", who, default=503)
    if status is not None:
        return int(status), b"", {"Retry-After": "1"}
    if mischief.on("not_json", who):
        return 200, b"<!doctype html><title>Gateway</title>", {"Content-Type": "text/html"}
    size = mischief.value("huge_answer", who, default=20_000_000)
    if size is not None:
        return 200, b'{"access_token": "' + b"x" * int(size) + b'"}', {"Content-Type": "application/json"}
    target = mischief.value("token_redirect", who, default="https://other-ehr.example/oauth/token")
    if target is not None:
        return 307, b"", {"Location": str(target)}
    return None
