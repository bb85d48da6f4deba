"""Headers of every answer: nothing is stored, sniffed, framed by strangers, or passed on."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response

_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "


def protect(response: Response, frame_origins: Iterable[str]) -> Response:
    """Set them. No X-Frame-Options: it knows no list, and would override what the EHR needs in old browsers."""
    response.headers["Content-Security-Policy"] = _POLICY + (" ".join(sorted(set(frame_origins))) or "'none'")
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    return response
