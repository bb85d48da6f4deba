"""Connections that can be ended from outside at a deadline, and that mind which address they may reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from fhir_adapters.http.addresses import Reach
from fhir_adapters.http.deadline import TOO_LATE, Deadline, FetchFailed, NoAnswer

_CALL = threading.local()


class _Traceable:
    """Notes which connection a call uses, so that the call can be ended from outside; minds how far it may reach."""

    host: str
    sock: Any

    def _new_conn(self) -> socket.socket:
        """Connect, and hang up before TLS or a request where the address may not be called."""
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        try:
            _check_reach(self.host, made)
        except FetchFailed:
            made.close()
            raise
        return made

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """Begin a request; a kept connection may have been opened for another EHR."""
        call: _Call | None = getattr(_CALL, "call", None)
        if call is not None:
            call.use(self)
        if self.sock is not None:
            _check_reach(self.host, self.sock)
        super().putrequest(*arguments, **options)  # type: ignore[misc]


def _check_reach(host: str, connection: socket.socket) -> None:
    """Raise `FetchFailed` where the call of this thread may not go."""
    reach: Reach | None = getattr(_CALL, "reach", None)
    if reach is not None and not reach.admits(host, str(connection.getpeername()[0])):
        raise FetchFailed("its address is not one that may be called")


class _Connection(_Traceable, HTTPConnection):
    """A plain connection."""


class _SecureConnection(_Traceable, HTTPSConnection):
    """A TLS connection."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class BoundedAdapter(HTTPAdapter):
    """requests' adapter over traceable connections."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Use our pools."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Call:
    """One call, which may be ended from outside for as long as it lasts.

    Its connection may serve another call a moment later, so to end it and to leave it exclude each other.
    """

    def __init__(self) -> None:
        self.ended = False
        self._over = False
        self._connection: _Traceable | None = None
        self._lock = threading.Lock()

    def use(self, connection: _Traceable) -> None:
        """Note the connection. Raises `NoAnswer` where the call was ended before it had one."""
        with self._lock:
            if self.ended:
                raise NoAnswer(TOO_LATE)
            self._connection = connection

    def end(self) -> None:
        """Hang up, unless the call is over."""
        with self._lock:
            if self._over:
                return
            self.ended = True
            sock = getattr(self._connection, "sock", None)
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """From here on it is not ended any more."""
        with self._lock:
            self._over = True


@contextmanager
def ended_at(deadline: Deadline) -> Iterator[None]:
    """End the call of this thread at the deadline.

    A time limit on each read does not bound a server that sends a header byte by byte; closing its socket does.
    """
    call = _CALL.call = _Call()
    watch = threading.Timer(deadline.remaining(), call.end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        call.leave()
        watch.cancel()
        _CALL.call = None
    if call.ended:
        raise NoAnswer(TOO_LATE)


@contextmanager
def reaching(reach: Reach | None) -> Iterator[None]:
    """How far the calls of this thread may go."""
    _CALL.reach = reach
    try:
        yield
    finally:
        _CALL.reach = None
