"""Serve the EHR from a thread of this process. Requests are not logged: their addresses hold codes and launch ids."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from ehr_simulator.app import create_app
from ehr_simulator.settings import EhrSettings
from ehr_simulator.whole_answers import whole


class SilentHandler(WSGIRequestHandler):
    """Writes no access log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def running_ehr(settings: EhrSettings) -> Iterator[Flask]:
    """The app, served at its base URL until the block ends."""
    parts = urlsplit(settings.base_url)
    app = create_app(settings)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    server = make_server(host, port, whole(app), True, request_handler=SilentHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
