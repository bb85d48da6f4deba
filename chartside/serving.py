"""The WSGI server: gunicorn with threads, one process (sessions and used token ids live in its memory)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from clinical.errors import SettingsInvalid

THREADS = 16
TIMEOUT_S = 30


class Server(BaseApplication):  # type: ignore[misc]
    """Serves one application until it is told to stop."""

    def __init__(self, app: Flask, host: str, port: int, ready: Callable[[], None]) -> None:
        """Take what to serve, and where; `ready` is called when the port is open. Raises `SettingsInvalid`."""
        _check_port(host, port)
        self._app = app
        self._ready = ready
        self._bind = f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options in code; it reads no file and no environment."""
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": TIMEOUT_S,
            "graceful_timeout": 10,
            "keepalive": 5,
            "limit_request_line": 8190,
            "limit_request_fields": 60,
            "accesslog": None,
            "errorlog": "/dev/null",
            "loglevel": "critical",
            "when_ready": lambda _: self._ready(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, which is already open."""
        return self._app


def _check_port(host: str, port: int) -> None:
    """Say in words what the server would only say in its own log."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as fault:
        raise SettingsInvalid(f"{host}:{port} cannot be listened on ({fault.strerror}); see CHARTSIDE_PORT.") from None
