"""An app that gives each answer whole: the development server forgets to close a file whose browser has left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def whole(app: Any) -> Callable[[Any, Any], list[bytes]]:
    """The same app, whose answers are bytes and closed."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        """One answer."""
        parts = app(environ, start_response)
        try:
            return [b"".join(parts)]
        finally:
            getattr(parts, "close", lambda: None)()

    return answer
