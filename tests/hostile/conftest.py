"""One house for the whole folder, a listener that must stay silent, and the log of everything said meanwhile."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from flask import Flask

from chartside.factory import House, create_app, open_house
from chartside.logs import JsonLines
from hostile import good
from hostile.benches import Bench, Send, in_process, issued
from hostile.corpus import World
from hostile.house import OnEveryHook, SetClock, settings_in
from hostile.listeners import Listener
from hostile.servers import Running, serving


@pytest.fixture(scope="session")
def hostile_log() -> Iterator[io.StringIO]:
    """Every line that the product logs in this process, in the form that it has in operation."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root, product = logging.getLogger(), logging.getLogger("chartside")
    before = product.level
    root.addHandler(handler)
    product.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    product.setLevel(before)


@pytest.fixture(scope="session")
def hostile_house(tmp_path_factory: pytest.TempPathFactory, hostile_log: io.StringIO) -> Iterator[House]:
    """An open house with both clients; its model answers on every hook."""
    folder = tmp_path_factory.mktemp("hostile")
    with closing(open_house(settings_in(folder), clock=SetClock())) as house:
        yield replace(house, models={name: OnEveryHook(model) for name, model in house.models.items()})


@pytest.fixture(scope="session")
def open_app(hostile_house: House) -> Flask:
    """The application as a client on this machine reaches it."""
    return create_app(hostile_house)


@pytest.fixture(scope="session")
def strict_app(hostile_house: House) -> Flask:
    """The application for clients that must present a JWT."""
    return create_app(replace(hostile_house, clients={"strict": hostile_house.clients["strict"]}))


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    """An address that only a caller's word names."""
    with closing(Listener()) as opened:
        yield opened


@pytest.fixture(scope="session")
def bench(open_app: Flask, strict_app: Flask, listener: Listener) -> Bench:
    """The real application in this process."""
    send = in_process(open_app)
    return Bench(send, in_process(strict_app), issued(send, World(SetClock().now(), listener.url)))


@pytest.fixture(scope="session")
def bench_over() -> Callable[[Send, World], Bench]:
    """A bench over any other way to send; tokens and loopback go to the same door."""
    return lambda send, world: Bench(send, send, issued(send, world))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real server on a port of its own."""
    with serving(tmp_path_factory.mktemp("hostile-server")) as running:
        yield running


@pytest.fixture
def check_log() -> Callable[[str], None]:
    """Fails if a log holds patient data, a token, a traceback, or a line that is not ours."""

    def check(text: str) -> None:
        assert good.MARK.lower() not in text.lower(), _around(text, good.MARK)
        assert not re.search(r"eyJ|Traceback|128\.71|8\.27143", text)
        for line in text.splitlines():
            if not line.startswith("Chartside is ready"):
                assert isinstance(json.loads(line), dict), line

    return check


def _around(text: str, word: str) -> str:
    """The place where a word stands."""
    at = text.lower().find(word.lower())
    return text[max(0, at - 200) : at + 100]
