"""Sends cases to the application and remembers what their good requests were answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from flask import Flask

from hostile import good, tokens
from hostile.corpus import Case, Request, World, build, reference
from hostile.judge import Answer

Send = Callable[[Request], Answer]


def in_process(app: Flask) -> Send:
    """Sends without a wire."""
    client = app.test_client()

    def send(request: Request) -> Answer:
        started = time.monotonic()
        response = client.open(
            request.path, method=request.method, data=request.body, headers=list(request.headers.items())
        )
        return Answer(response.status_code, dict(response.headers), response.data, time.monotonic() - started)

    return send


@dataclass(slots=True)
class Bench:
    """Runs cases against one door and remembers what their good requests were answered."""

    send: Send
    strict: Send | None
    world: World
    _known: dict[str, Answer] = field(default_factory=dict)
    _run: dict[tuple[str, str], tuple[Answer, Answer | None]] = field(default_factory=dict)

    def run(self, case: Case) -> tuple[Answer, Answer | None]:
        """The answer to a case, and to the good request that it is compared with. Each case is sent once."""
        key = (case.group, case.name)
        if key not in self._run:
            self._run[key] = self._sent(case)
        return self._run[key]

    def _sent(self, case: Case) -> tuple[Answer, Answer | None]:
        """Send a case, and what it is compared with."""
        compared = self._reference(case) if case.door == "call" else None
        send = self.strict if _needs_a_token(case) else self.send
        assert send is not None
        request = build(case, self.world)
        if "token" in case.spec:
            request.headers["Authorization"] = tokens.authorization(case.spec["token"], self.world, request.path)
        if "authorization" in case.spec:
            request.headers["Authorization"] = case.spec["authorization"]
        for _ in range(1 if not case.spec.get("twice") else 2):
            answer = send(request)
        return answer, compared

    def _reference(self, case: Case) -> Answer:
        """What the good request is answered; asked once."""
        key = repr((case.hook, case.spec.get("fact"), case.spec.get("without")))
        if key not in self._known:
            self._known[key] = self.send(reference(case, self.world))
        return self._known[key]


def _needs_a_token(case: Case) -> bool:
    """Whether a case is about tokens, which a client on this machine does not need."""
    return case.group == "jwt" or bool({"token", "authorization"} & case.spec.keys())


def issued(send: Send, world: World) -> World:
    """The world with a card in it that was really given out."""
    sent = Request("POST", f"/cds-services/{world.service}", {"Content-Type": "application/json"}, b"")
    sent.body = json.dumps(good.call(world.now)).encode()
    answer = send(sent)
    assert answer.status == 200, answer.body
    card = answer.cards[0]
    return replace(world, card=card["uuid"], suggestion=card["suggestions"][0]["uuid"])
