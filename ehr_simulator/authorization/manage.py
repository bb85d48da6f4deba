"""Revocation (RFC 7009) and introspection (RFC 7662), for the app that a token was given to."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, make_response, request

from ehr_simulator.authorization.clients import METHODS
from ehr_simulator.authorization.grants_store import AccessToken, Consent, GrantsStore, RefreshToken
from ehr_simulator.authorization.library import InvalidClientError, InvalidGrantError, InvalidRequestError
from ehr_simulator.authorization.token_answer import launch_context
from ehr_simulator.settings import EhrSettings

Token = AccessToken | RefreshToken


class TokenManagement:
    """Both endpoints. Holds no request state."""

    def __init__(self, settings: EhrSettings, store: GrantsStore, server: Any) -> None:
        """`server` authenticates the client."""
        self._settings = settings
        self._store = store
        self._server = server

    def revoke(self) -> Response:
        """Forget a token; with a refresh token everything of its consent. An unknown token is no error."""
        client = self._server.authenticate_client(self._server.create_oauth2_request(None), METHODS, "revocation")
        token, consent = self._find(_wanted())
        if consent is not None and consent.client_id != client.client_id:
            raise InvalidGrantError("The token was given to another client.")
        if isinstance(token, RefreshToken):
            self._store.revoke_consent(token.consent)
        elif token is not None and consent is not None:
            self._store.revoke(token.value)
        return make_response("", 200)

    def introspect(self) -> Response:
        """What a token stands for, with its launch context; `active` false for anything that is not the caller's."""
        asks = self._who_asks()
        token, consent = self._find(_wanted())
        if token is None or consent is None or consent.client_id != asks:
            return jsonify(active=False)
        body: dict[str, object] = {
            "active": True,
            "client_id": consent.client_id,
            "iss": self._settings.base_url,
            "scope": token.scope if isinstance(token, AccessToken) else consent.scope,
            "exp": int(token.expires.timestamp()),
            **launch_context(consent, self._settings),
        }
        granted = consent.scope.split()
        if "openid" in granted:
            body["sub"] = consent.launch.user
        if "fhirUser" in granted:
            body["fhirUser"] = f"{self._settings.fhir_base}/Practitioner/{consent.launch.user}"
        return jsonify(body)

    def _who_asks(self) -> str:
        """The client, by its own authentication, or a public one by a valid token of its own."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            token = self._store.token(value.strip(), self._settings.clock())
            if token is not None and token.consent is not None:
                return token.consent.client_id
            raise InvalidClientError(status_code=401)
        asked = self._server.create_oauth2_request(None)
        client = self._server.authenticate_client(asked, METHODS[1:], "introspection")
        return str(client.client_id)

    def _find(self, value: str) -> tuple[Token | None, Consent | None]:
        """An access or refresh token, and the consent it hangs on."""
        now = self._settings.clock()
        token: Token | None = self._store.token(value, now) or self._store.refresh(value, now)
        return token, None if token is None else token.consent


def _wanted() -> str:
    """The token in the form."""
    value = request.form.get("token", "")
    if not value:
        raise InvalidRequestError("Missing 'token' in request.")
    return value
