"""Headers of every answer: nothing is stored, sniffed, framed by strangers, or passed on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, g

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; {}form-action 'self'{}; base-uri 'none'; frame-ancestors "
)
_SCRIPT = "script-src 'self'; connect-src 'self'; "


@dataclass(frozen=True, slots=True)
class Exemption:
    """What one answer needs beyond the rule: a form that a script sends to origins, a script, or leave to be kept."""

    form_targets: tuple[str, ...] = ()
    cache: str = "no-store"
    script: bool = False


def allow(exemption: Exemption) -> None:
    """Grant an exemption to the answer to this request."""
    g.smart_exemption = exemption


def protect(response: Response, frame_origins: Iterable[str]) -> Response:
    """Set them. No X-Frame-Options: it knows no list, and would override what the EHR needs in old browsers."""
    made: Exemption = g.get("smart_exemption", Exemption())
    targets = "".join(f" {target}" for target in made.form_targets)
    policy = _POLICY.format(_SCRIPT if made.script or targets else "", targets)
    response.headers["Content-Security-Policy"] = policy + (" ".join(sorted(set(frame_origins))) or "'none'")
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = made.cache
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    return response
