"""A listener on this machine that nobody should ever call: the bait of the foreign `jku` check."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class Bait:
    """Where the listener is, and how often it was called."""

    def __init__(self, url: str) -> None:
        """Nobody has called yet."""
        self.url = url
        self.hits = 0


@contextmanager
def listening(keys: Mapping[str, object]) -> Iterator[Bait]:
    """Serve a JWK Set on 127.0.0.1 while the block runs."""
    body = json.dumps(keys).encode()

    class Handler(BaseHTTPRequestHandler):
        """Counts and answers every GET."""

        timeout = 2

        def do_GET(self) -> None:
            """Answer with the keys."""
            bait.hits += 1
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    bait = Bait(f"http://127.0.0.1:{server.server_port}/jwks.json")
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield bait
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)
