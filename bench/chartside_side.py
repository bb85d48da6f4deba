"""Our side: the shipped service with tokens required and a durable ledger, and what its answers must say."""

from __future__ import annotations

import json
import secrets
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from bench.calls import Call, WrongAnswer
from bench.processes import Server, running

SERVICE = "icu-mortality"
PATH = f"/cds-services/{SERVICE}"
CLIENT = "bench"
ISSUER = "https://ehr.bench.example"
OUTCOME = "org.chartside.outcome"
REGISTRY = f"""
[clients.{CLIENT}]
name = "Bench"
authentication = "jwt"
issuer = "{ISSUER}"
jwks_file = "jwks.json"
fhir_base = "http://127.0.0.1:9/fhir"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""


class Chartside:
    """Files, key and tokens of one deployment in a folder of its own."""

    def __init__(self, folder: Path, port: int, services: Iterable[str] = ()) -> None:
        """Write registry, key set and secret. `services` are asked for by name, as a site asks for a score."""
        self._folder = folder
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self._keys: dict[str, ECKey | RSAKey] = {
            "ES384": ECKey.generate_key("P-384", {"kid": "ES384", "use": "sig", "alg": "ES384"}),
            "RS384": RSAKey.generate_key(2048, {"kid": "RS384", "use": "sig", "alg": "RS384"}),
        }
        public = [key.as_dict(private=False) for key in self._keys.values()]
        (folder / "jwks.json").write_text(json.dumps({"keys": public}), encoding="utf-8")
        asked = "".join(f"[clients.{CLIENT}.services.{name}]\n" for name in services)
        (folder / "clients.toml").write_text(REGISTRY + asked, encoding="utf-8")
        (folder / "secret").write_text(secrets.token_hex(32), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the service."""
        return {
            "OMP_NUM_THREADS": "1",
            "CHARTSIDE_BASE_URL": self.base_url,
            "CHARTSIDE_PORT": str(self.port),
            "CHARTSIDE_DATABASE_URL": f"sqlite:///{self._folder}/ledger.db",
            "CHARTSIDE_CLIENTS_FILE": str(self._folder / "clients.toml"),
            "CHARTSIDE_SECRET_FILE": str(self._folder / "secret"),
        }

    @contextmanager
    def serving(self, root: Path) -> Iterator[Server]:
        """The real server."""
        command = [sys.executable, "-m", "chartside", "serve"]
        log = self._folder / "chartside.log"
        with running(command, self.environment, root=root, log=log, port=self.port, ready="/health") as server:
            yield server

    def call(self, body: bytes, path: str = PATH, algorithm: str = "ES384") -> Call:
        """A body with a token that is used once."""
        return Call(body, {"Authorization": f"Bearer {self.token(path, algorithm)}"})

    def token(self, path: str = PATH, algorithm: str = "ES384") -> str:
        """A JWT as CDS Hooks 2.0.1 asks for, signed in one of the two ways that it recommends."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": self.base_url + path, "iat": now, "exp": now + 240, "jti": str(uuid.uuid4())}
        header = {"alg": algorithm, "typ": "JWT", "kid": algorithm}
        return jwt.encode(header, claims, self._keys[algorithm], algorithms=[algorithm])


class Answers:
    """What an answer must be: one risk card that was not given before. Keeps each probability and its moment."""

    def __init__(self) -> None:
        """Nothing answered yet."""
        self._cards: set[str] = set()
        self.said: list[tuple[float, datetime]] = []

    def check(self, answer: Mapping[str, Any]) -> None:
        """Raise `WrongAnswer`, or keep what was said."""
        cards = answer.get("cards", [])
        found = answer.get("extension", {}).get(OUTCOME, {})
        probability = found.get("probability")
        if len(cards) != 1 or found.get("status") != "assessed" or not isinstance(probability, float):
            raise WrongAnswer(f"not one risk card: {json.dumps(answer)[:300]}")
        if cards[0]["uuid"] in self._cards:
            raise WrongAnswer("the same card twice: the call counted as a retry")
        self._cards.add(cards[0]["uuid"])
        self.said.append((probability, datetime.fromisoformat(found["asOf"]).astimezone(UTC)))
