"""Answers as a whole. Werkzeug's server leaves a file open whose reader has hung up before it was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def whole(app: Any) -> Callable[[Any, Any], list[bytes]]:
    """The same WSGI app, whose answers are bytes and closed."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        """One answer."""
        parts = app(environ, start_response)
        try:
            return [b"".join(parts)]
        finally:
            getattr(parts, "close", lambda: None)()

    return answer
