"""A FHIR server that misbehaves in one way at a time: sockets on 127.0.0.1, one thread for each connection.

`plan` says for a resource type how its answers are spoilt; the rest of the record is good. Everything that is asked
is kept, with the token that came along.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

FHIR_JSON = "application/fhir+json"
PATIENT = "evil-1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    path: str
    token: str

    @property
    def kind(self) -> str:
        """The type of resource."""
        return self.path.removeprefix("/fhir/").partition("?")[0].partition("/")[0]


@dataclass
class Wire:
    """One connection, with the good answer that was due. `sent` counts the bytes that the other side took."""

    server: EvilFhir
    connection: socket.socket
    asked: Asked
    good: dict[str, Any]

    def send(self, data: bytes) -> None:
        """Some bytes; raises `OSError` when the other side has hung up."""
        self.connection.sendall(data)
        self.server.sent += len(data)

    def answer(self, body: bytes | object = b"", status: int = 200, *headers: str, length: int | None = None) -> None:
        """A whole answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = headers or (f"Content-Type: {FHIR_JSON}",)
        size = len(raw) if length is None else length
        head = "\r\n".join([f"HTTP/1.1 {status} X", *lines, f"Content-Length: {size}", "Connection: close"])
        self.send(head.encode() + b"\r\n\r\n" + raw)


Way = Callable[[Wire], None]


@dataclass
class EvilFhir:
    """`record` holds the good resources by type; `documents` what else is served, by path."""

    record: Mapping[str, list[dict[str, Any]]]
    documents: dict[str, Callable[[], dict[str, Any]]] = field(default_factory=dict)
    plan: dict[str, Way] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    origin: str = ""
    sent: int = 0
    held: list[socket.socket] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        """The FHIR base."""
        return f"{self.origin}/fhir"

    def fresh(self) -> None:
        """Good again, and nothing was asked."""
        self.plan.clear()
        self.asked.clear()
        self.sent = 0

    def talk(self, connection: socket.socket) -> None:
        """One request and its answer. While it lasts, the connection stands in `held`."""
        self.held.append(connection)
        with connection, suppress(OSError):
            connection.settimeout(60)
            head = b""
            while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
                head += part
            lines = head.decode("latin-1").split("\r\n")
            token = next((line[22:] for line in lines if line.lower().startswith("authorization: bearer ")), "")
            asked = Asked(lines[0].split(" ")[1], token)
            self.asked.append(asked)
            self._answer(Wire(self, connection, asked, {}))
        self.held.remove(connection)

    def _answer(self, wire: Wire) -> None:
        """The good answer, or what is planned in its place."""
        document = self.documents.get(wire.asked.path)
        wire.good = self._good(wire.asked) if document is None else document()
        way = self.plan.get(wire.asked.kind) or (self.plan.get("*") if document is None else None)
        if way is None:
            wire.answer(wire.good)
        else:
            way(wire)

    def _good(self, asked: Asked) -> dict[str, Any]:
        """A resource by id, or a searchset."""
        found, name = self.record.get(asked.kind, []), asked.path.partition("?")[0].removeprefix(f"/fhir/{asked.kind}")
        if name:
            return next((one for one in found if one["id"] == name[1:]), {"resourceType": "OperationOutcome"})
        entries = [{"fullUrl": f"{self.base}/{asked.kind}/{one['id']}", "resource": one} for one in found]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


@contextmanager
def running_evil(made: EvilFhir) -> Iterator[EvilFhir]:
    """Listen on a free port."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        made.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=made.talk, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield made
        made.over.set()
        listener.shutdown(socket.SHUT_RDWR)


# --- ways to misbehave -------------------------------------------------------------------------------------------


def drip(wire: Wire) -> None:
    """One byte every 0.2 s: minutes for the whole."""
    wire.send(f"HTTP/1.1 200 OK\r\nContent-Type: {FHIR_JSON}\r\nContent-Length: 100000\r\n\r\n".encode())
    while not wire.server.over.is_set():
        wire.send(b" ")
        time.sleep(0.2)


def drip_headers(wire: Wire) -> None:
    """Even the header comes byte by byte."""
    wire.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not wire.server.over.is_set():
        wire.send(b"x")
        time.sleep(0.2)


def silence(wire: Wire) -> None:
    """Takes the request and says nothing, until the other side hangs up."""
    wire.connection.recv(1)


def endless_pages(wire: Wire) -> None:
    """Each page names another one, on this server; only the first holds something, so that time is not what ends it."""
    number = len(wire.server.asked)
    link = f"{wire.server.base}/{wire.asked.kind}?page={number}"
    page = {**wire.good, "entry": []} if "?page=" in wire.asked.path else wire.good
    wire.answer(page | {"link": [{"relation": "next", "url": link}]})


def same_page(wire: Wire) -> None:
    """The next page is this page."""
    wire.answer(wire.good | {"link": [{"relation": "next", "url": f"{wire.server.origin}{wire.asked.path}"}]})


def next_at(url: str) -> Way:
    """The next page is elsewhere."""
    return lambda wire: wire.answer(wire.good | {"link": [{"relation": "next", "url": url}]})


def redirect_to(url: str, status: int = 302) -> Way:
    """The answer is elsewhere."""
    return lambda wire: wire.answer(b"", status, f"Location: {url}")


def large(size: int) -> Way:
    """A body of a size, valid JSON up to its end."""

    def answer(wire: Wire) -> None:
        wire.send(f"HTTP/1.1 200 OK\r\nContent-Type: {FHIR_JSON}\r\nContent-Length: {size}\r\n\r\n".encode())
        wire.send(b'{"resourceType": "Bundle", "note": "')
        for _ in range(size // 65536):
            wire.send(b"x" * 65536)

    return answer


def encoded(body: bytes) -> Way:
    """A body in an encoding that was not asked for."""
    return lambda wire: wire.answer(body, 200, f"Content-Type: {FHIR_JSON}", "Content-Encoding: gzip")


def raw(body: bytes, status: int = 200, *headers: str) -> Way:
    """These bytes."""
    return lambda wire: wire.answer(body, status, *headers)


def cut_off(wire: Wire) -> None:
    """A body that is whole JSON, and not as long as was said: something is missing."""
    body = json.dumps(wire.good).encode()
    wire.answer(body, length=len(body) + 500)


def cut_in_half(wire: Wire) -> None:
    """The connection ends in the middle of the body."""
    body = json.dumps(wire.good).encode()
    wire.answer(body[: len(body) // 2], length=len(body))


def _chunks(wire: Wire) -> None:
    """Whole JSON as one chunk, without the chunk that ends it."""
    body = json.dumps(wire.good).encode()
    wire.send(f"HTTP/1.1 200 OK\r\nContent-Type: {FHIR_JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    wire.send(f"{len(body):x}\r\n".encode() + body + b"\r\n")


def chunks_cut_off(wire: Wire) -> None:
    """Chunked, and closed before the end."""
    _chunks(wire)


def chunks_without_end(wire: Wire) -> None:
    """Chunked, and then nothing more."""
    _chunks(wire)
    wire.connection.recv(1)


def chunk_of_any_size(wire: Wire) -> None:
    """A chunk that says it is huge."""
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.send(b"7fffffffffffffff\r\n{}")


def changed(change: Callable[[dict[str, Any]], None]) -> Way:
    """The good answer with every resource changed."""

    def answer(wire: Wire) -> None:
        copy = json.loads(json.dumps(wire.good))
        for resource in [entry["resource"] for entry in copy.get("entry", [])] or [copy]:
            change(resource)
        wire.answer(copy)

    return answer


def repeated_keys(wire: Wire) -> None:
    """The good answer, whose first object says one thing twice."""
    body = json.dumps(wire.good).encode()
    wire.answer(body.replace(b"{", b'{"x": 1, "x": 2, ', 1))


def with_headers(*headers: str) -> Way:
    """The good body under these headers."""
    return lambda wire: wire.answer(wire.good, 200, f"Content-Type: {FHIR_JSON}", *headers)
