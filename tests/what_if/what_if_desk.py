"""A server of the modules, of one model file and of pages, which counts what it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "smart_app" / "static"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'"
)
HARNESS = b"""
import { readArchive, WrongFile } from "/static/what_if/archive.js";
import { changedRow, evaluate } from "/static/what_if/program.js";
import { Model } from "/static/what_if/model.js";
window.chartside = { readArchive, WrongFile, changedRow, evaluate, Model };
"""
PAGE = b'<!doctype html><html lang="en"><title>t</title><script type="module" src="/harness.js"></script></html>'
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass
class Desk:
    """What is served beside the modules, by path, and every path that was asked for."""

    url: str = ""
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def find(self, path: str) -> tuple[str, bytes] | None:
        """Type and content."""
        if path in self.files:
            return self.files[path]
        file = STATIC / path.removeprefix("/static/")
        if path.startswith("/static/") and ".." not in path and file.is_file():
            return _TYPES[file.suffix], file.read_bytes()
        return None


@contextmanager
def served() -> Iterator[Desk]:
    """A desk on a free port of this machine."""
    desk = Desk(files={"/": ("text/html", PAGE), "/harness.js": ("text/javascript", HARNESS)})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            desk.asked.append(self.path)
            found = desk.find(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "text/plain" if found is None else found[0])
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(0 if found is None else len(found[1])))
            self.end_headers()
            self.wfile.write(b"" if found is None else found[1])

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    desk.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
