"""The WSGI server: gunicorn with threads, one process (page sessions live in its memory).

gunicorn's threads wait for a slow client as long as it likes; sixteen of those would stop the service. Here a
connection that does not get its request through in time is closed. A proxy in front should do the same, earlier.
"""

from __future__ import annotations

import gc
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from clinical.errors import SettingsInvalid

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 16
# Container objects made, net, before a young, a middle and an old collection; Python's own are 700, 10, 10. One call
# makes some ten thousand, nearly all of them gone at its end.
GC_THRESHOLDS = (50_000, 20, 50)
TIMEOUT_S = 30
# From the first byte of a request to the last of its answer. A page reads in the background and may take longer.
REQUEST_S = 10
# Where the application finds a function that gives its answer so many seconds more.
PATIENCE = "chartside.patience"
# How long a thread stays with a connection whose next request may follow at once, and how many threads may.
LINGER_MS = 5
LINGERERS = THREADS // 4
# How often the watchdog looks.
LOOK_S = 0.25
# What a peer hears whose request line or headers cannot be read. gunicorn's own page would repeat them.
_PLAIN = b"Connection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\n" + _PLAIN
FAILED = b"HTTP/1.1 500 Internal Server Error\r\n" + _PLAIN


class Watchdog(threading.Thread):
    """Hangs up on connections whose request takes too long. One thread for all; a timer for each would cost more."""

    def __init__(self) -> None:
        """Nothing is watched yet."""
        super().__init__(name="watchdog", daemon=True)
        self._until: dict[int, tuple[float, socket.socket]] = {}

    @contextmanager
    def watching(self, connection: socket.socket) -> Iterator[None]:
        """Watch a connection during the block."""
        key = id(connection)
        self._until[key] = (time.monotonic() + REQUEST_S, connection)
        try:
            yield
        finally:
            self._until.pop(key, None)

    def wait_longer(self, connection: socket.socket, seconds: float) -> None:
        """Hang up on a connection that is watched only after so many seconds from now."""
        if (key := id(connection)) in self._until:
            self._until[key] = (time.monotonic() + seconds, connection)

    def run(self) -> None:
        """Look, until the process ends."""
        while True:
            time.sleep(LOOK_S)
            now = time.monotonic()
            for until, connection in list(self._until.values()):
                if until < now:
                    _hang_up(connection)


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """Threads, each request with an end."""

    def init_process(self) -> None:
        """Begin to watch, in the process that serves."""
        self._watchdog = Watchdog()
        self._watchdog.start()
        self._lingering = threading.BoundedSemaphore(LINGERERS)
        super().init_process()

    def load_wsgi(self) -> None:
        """Let the application ask for more time: for a long answer to somebody whom it has let in."""
        super().load_wsgi()
        app: WSGIApplication = vars(self)["wsgi"]

        def patient(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            connection = environ["gunicorn.socket"]
            environ[PATIENCE] = lambda seconds: self._watchdog.wait_longer(connection, seconds)
            return app(environ, start_response)

        self.wsgi = patient

    def handle(self, conn: Any) -> Any:
        """Handle requests, each with an end, for as long as the next one follows at once.

        To hand a connection back to the thread that waits for all of them, and to be woken again, costs 0.3 ms.
        """
        while True:
            with self._watchdog.watching(conn.sock):
                reusable = super().handle(conn)
            if reusable is not True or not self.alive or not self._goes_on(conn):
                return reusable

    def _goes_on(self, conn: Any) -> bool:
        """Whether the next request begins to come within a moment. What was read ahead is left to gunicorn.

        Never while others wait for a thread: as many busy connections as there are threads would keep them for good.
        """
        if self.tpool._work_queue.qsize():
            return False
        if conn.is_http2 or conn.parser.unreader.buf.getvalue() or not self._lingering.acquire(blocking=False):
            return False
        try:
            waiting = select.poll()
            waiting.register(conn.sock, select.POLLIN)
            return bool(waiting.poll(LINGER_MS))
        finally:
            self._lingering.release()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what cannot be read, or what failed before the application, in fixed words."""
        with suppress(OSError):
            client.sendall(UNREADABLE if isinstance(exc, ParseException) else FAILED)


def _settle() -> None:
    """Take what was loaded at the start out of the garbage collector's sight.

    A full collection would walk through models and libraries (0.2 s, in the middle of somebody's call) to free nothing.
    A call leaves hardly any cycles, so young objects are looked at less often, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _hang_up(connection: socket.socket) -> None:
    """End a connection so that whoever waits on it goes on."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Server(BaseApplication):  # type: ignore[misc]
    """Serves one application until it is told to stop."""

    def __init__(
        self, app: Flask, host: str, port: int, ready: Callable[[], None], begun: Callable[[], None] = lambda: None
    ) -> None:
        """Take what to serve, and where. Raises `SettingsInvalid`.

        `ready` is called when the port is open, `begun` in the process that serves, once it does.
        """
        _check_port(host, port)
        self._app = app
        self._ready = ready
        self._begun = begun
        self._bind = f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options in code; it reads no file and no environment."""
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": BoundedWorker,
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
            "post_worker_init": lambda _: self._begin(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def _begin(self) -> None:
        """In the process that serves, before its first request."""
        _settle()
        self._begun()

    def load(self) -> WSGIApplication:
        """The application, which is already open."""
        return with_host(self._app)


def with_host(app: WSGIApplication) -> WSGIApplication:
    """Refuse an HTTP/1.1 request without Host (RFC 9112 section 3.2), which gunicorn lets through."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and not environ.get("HTTP_HOST"):
            start_response("400 Bad Request", [("Content-Length", "0"), ("Cache-Control", "no-store"),
                                               ("X-Content-Type-Options", "nosniff")])  # fmt: skip
            return []
        return app(environ, start_response)

    return guarded


def _check_port(host: str, port: int) -> None:
    """Say in words what the server would only say in its own log."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as fault:
        raise SettingsInvalid(f"{host}:{port} cannot be listened on ({fault.strerror}); see CHARTSIDE_PORT.") from None
