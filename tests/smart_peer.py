"""A strict little authorization server with a FHIR server, for launches of the SMART page: real HTTP on 127.0.0.1."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server

SCOPES = ("patient/Encounter.rs", "patient/Observation.rs", "patient/Patient.rs")
REDIRECT = "https://chartside.example/smart/callback"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig"})
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


class RealClock:
    """The time, moved by `ahead`."""

    ahead = timedelta()

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self.ahead


@dataclass
class AuthorizationServer:
    """Strict: exact redirect_uri and aud, PKCE S256, each code and refresh token once, client authentication.

    What a test sets plays one fault, or one kind of EHR, at a time.
    """

    origin: str = ""
    redirect_uri: str = REDIRECT
    sign_in: str = ""
    methods: list[str] = field(default_factory=list)
    well_known: int = 200
    discovery: dict[str, object] = field(default_factory=dict)
    token: dict[str, object] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    header: dict[str, object] = field(default_factory=lambda: {"alg": "RS256", "kid": "rsa-1"})
    key: Any = field(default_factory=lambda: RSA)
    keys: list[Any] = field(default_factory=lambda: [RSA, EC])
    sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    token_answer: Callable[[], Response] | None = None
    scope: str = f"launch openid fhirUser {' '.join(SCOPES)}"
    secret: str = ""
    client_keys: Callable[[], dict[str, object]] | None = None
    lives: int = 3600
    refreshes: bool = False
    refreshed: dict[str, object] = field(default_factory=dict)
    slow_refresh: float = 0.0
    slow_revoke: float = 0.0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    token_forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    jtis: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=set)
    spent: list[str] = field(default_factory=list)
    revoked: list[dict[str, str]] = field(default_factory=list)
    bearers: list[str | None] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    styles: list[str] = field(default_factory=list)
    style: object = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def iss(self) -> str:
        """The FHIR base."""
        return f"{self.origin}/tenant/fhir"

    def smart_configuration(self) -> Response:
        """Discovery."""
        if self.well_known != 200:
            return Response("{}", self.well_known, {"Location": "/elsewhere"})
        document = {
            "issuer": self.iss,
            "jwks_uri": f"{self.origin}/keys",
            "authorization_endpoint": f"{self.origin}/authorize?tenant=1",
            "token_endpoint": f"{self.origin}/token",
            "code_challenge_methods_supported": ["S256"],
            **self.discovery,
        }
        return jsonify({key: value for key, value in document.items() if value is not None})

    def metadata(self) -> Response:
        """The CapabilityStatement with the deprecated extension."""
        uris = {"authorize": f"{self.origin}/authorize?tenant=1", "token": f"{self.origin}/token"}
        inner = [{"url": key, "valueUri": value} for key, value in uris.items()]
        security = {"extension": [{"url": OAUTH_URIS, "extension": inner}]}
        return jsonify({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "security": security}]})

    def key_set(self) -> Response:
        """Public keys."""
        return jsonify({"keys": [key.as_dict(private=False) for key in self.keys]})

    def authorize(self, url: str, form: dict[str, str] | None = None) -> dict[str, str]:
        """Play the browser and the user at the authorize endpoint; gives the callback's parameters."""
        sent = {key: values[0] for key, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
        sent |= form or {}
        assert url.startswith(f"{self.origin}/authorize?")
        assert sent["tenant"] == "1"
        assert (sent["response_type"], sent["client_id"]) == ("code", "chartside-app")
        assert (sent["redirect_uri"], sent["aud"].removesuffix("/")) == (self.redirect_uri, self.iss)
        assert sent["code_challenge_method"] == "S256"
        assert sent["scope"] == self.scope
        assert ("launch" in sent) == ("launch" in sent["scope"].split())
        code = secrets.token_urlsafe(16)
        self.codes[code] = sent
        return {"code": code, "state": sent["state"]}

    def desk(self) -> Response:
        """The authorize endpoint for a real browser: the user agrees at once."""
        url = f"{self.origin}{request.full_path.removesuffix('?')}"
        callback = self.authorize(url, request.form.to_dict())
        self.methods.append(request.method)
        where = self.sign_in or self.redirect_uri  # a page on which the user signs in sends the browser on
        answer: Response = redirect(f"{where}?{urlencode(callback)}", 303)  # type: ignore[assignment]
        return answer

    def exchange(self) -> Response:
        """The token endpoint."""
        form = request.form.to_dict()
        self.token_forms.append(form)
        self.headers.append(request.headers.get("Authorization"))
        if self.token_answer is not None:
            return self.token_answer()
        if not self._knows(form):
            return Response('{"error":"invalid_client"}', 401, content_type="application/json")
        if form["grant_type"] == "refresh_token":
            return self._refresh(form["refresh_token"])
        begun = self.codes.pop(form.get("code", ""), None)
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
        if begun is None or begun["code_challenge"] != challenge or form["redirect_uri"] != begun["redirect_uri"]:
            return _invalid_grant()
        answer = {
            "access_token": "secret-access-token",
            "token_type": "Bearer",
            "expires_in": self.lives,
            "scope": begun["scope"],
            "patient": "p1",
            "encounter": "e1",
            "need_patient_banner": False,
            "appContext": "abc",
            "id_token": self.id_token(begun["nonce"]),
            **({"refresh_token": self._new_refresh_token()} if self.refreshes else {}),
            **self.token,
        }
        return jsonify({key: value for key, value in answer.items() if value is not None})

    def _knows(self, form: dict[str, str]) -> bool:
        """Client authentication: of exactly the kind that is registered."""
        header = request.headers.get("Authorization")
        if self.secret:
            pair = base64.b64decode((header or "").removeprefix("Basic ")).decode()
            right = [unquote_plus(part) for part in pair.split(":")] == ["chartside-app", self.secret]
            return right and "client_id" not in form and "client_assertion" not in form
        if self.client_keys is not None:
            return "client_id" not in form and header is None and self._proves(form)
        return form.get("client_id") == "chartside-app" and header is None and "client_assertion" not in form

    def _proves(self, form: dict[str, str]) -> bool:
        """A client assertion by the rules of SMART: typ, kid, alg, iss = sub, aud, at most five minutes, a new jti."""
        assert self.client_keys is not None
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        keys = KeySet.import_key_set(self.client_keys())  # type: ignore[arg-type]
        token = jwt.decode(form["client_assertion"], keys, algorithms=["ES384", "RS384"])
        claims, now = token.claims, int(time.time())
        fresh = claims["jti"] not in self.jtis
        self.jtis.add(claims["jti"])
        return (
            fresh
            and token.header["typ"] == "JWT"
            and "kid" in token.header
            and claims["iss"] == claims["sub"] == "chartside-app"
            and claims["aud"] == f"{self.origin}/token"
            and now < claims["exp"] <= now + 300
        )

    def _new_refresh_token(self) -> str:
        """Rotated with every use."""
        token = f"refresh-{secrets.token_urlsafe(8)}"
        self.refresh_tokens.add(token)
        return token

    def _refresh(self, token: str) -> Response:
        """A refresh token counts once; using a spent one ends them all."""
        with self._lock:
            if token not in self.refresh_tokens:
                self.refresh_tokens.clear()
                return _invalid_grant()
            self.refresh_tokens.discard(token)
            self.spent.append(token)
        time.sleep(self.slow_refresh)
        answer = {
            "access_token": f"renewed-token-{len(self.spent)}",
            "token_type": "Bearer",
            "expires_in": self.lives,
            "refresh_token": self._new_refresh_token(),
            **self.refreshed,
        }
        return jsonify({key: value for key, value in answer.items() if value is not None})

    def revoke(self) -> Response:
        """RFC 7009."""
        form = request.form.to_dict()
        self.revoked.append(form)
        time.sleep(self.slow_revoke)
        return Response("", 200 if self._knows(form) else 401)

    def id_token(self, nonce: str) -> str:
        """Who is there."""
        now = int(time.time())
        claims = {"iss": self.iss, "aud": "chartside-app", "sub": "u1", "iat": now, "exp": now + 300, "nonce": nonce}
        claims |= {"fhirUser": f"{self.iss}/Practitioner/7", **self.claims}
        claims = {key: value for key, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(self.header, claims)
        algorithms = [str(self.header["alg"])]
        return jws.serialize_compact(dict(self.header), json.dumps(claims), self.key, algorithms)

    def record(self, path: str) -> Response:
        """The FHIR server: notes who asks with which token."""
        bearer = request.headers.get("Authorization")
        self.bearers.append(bearer)
        if (bearer or "").removeprefix("Bearer ") in self.refused:
            return Response("", 401)
        return jsonify({"resourceType": "Patient", "id": path})

    def search(self, kind: str) -> Response:
        """Nothing is found."""
        bearer = request.headers.get("Authorization")
        self.bearers.append(bearer)
        if (bearer or "").removeprefix("Bearer ") in self.refused:
            return Response("", 401)
        return jsonify({"resourceType": "Bundle", "type": "searchset", "entry": [], "total": 0})

    def style_document(self, path: str) -> Response:
        """A SMART style."""
        self.styles.append(path)
        return jsonify(self.style)

    def app(self) -> Flask:
        """Its routes."""
        app = Flask("authorization_server")
        app.add_url_rule("/tenant/fhir/.well-known/smart-configuration", "wk", self.smart_configuration)
        app.add_url_rule("/tenant/fhir/metadata", "metadata", self.metadata)
        app.add_url_rule("/authorize", "authorize", self.desk, methods=["GET", "POST"])
        app.add_url_rule("/keys", "keys", self.key_set)
        app.add_url_rule("/token", "token", self.exchange, methods=["POST"])
        app.add_url_rule("/revoke", "revoke", self.revoke, methods=["POST"])
        app.add_url_rule("/style/<path>", "style", self.style_document)
        app.add_url_rule("/tenant/fhir/Patient/<path>", "record", self.record, methods=["GET", "POST"])
        app.add_url_rule("/tenant/fhir/<kind>", "search", self.search)
        app.add_url_rule("/elsewhere/Patient/<path>", "foreign", self.record)
        return app


def _invalid_grant() -> Response:
    """RFC 6749 section 5.2."""
    return Response('{"error":"invalid_grant"}', 400, content_type="application/json")


@contextmanager
def running(made: AuthorizationServer) -> Iterator[AuthorizationServer]:
    """Serve on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, made.app(), threaded=True)
    made.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join(5)
    server.server_close()
