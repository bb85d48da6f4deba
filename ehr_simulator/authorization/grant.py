"""The authorization code grant with the rules of SMART App Launch 2.2 on top of Authlib's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ehr_simulator.authorization.grants_store import AccessToken, Code, GrantsStore
from ehr_simulator.authorization.library import (
    AuthorizationCodeGrant,
    CodeChallenge,
    InvalidRequestError,
    InvalidScopeError,
)
from ehr_simulator.settings import CLINICIAN, EhrSettings
from ehr_simulator.signing import SigningKey

ID_TOKEN_LIFE = timedelta(minutes=5)


class SmartRules:
    """What SMART demands of an authorization request: state, the right `aud`, and a launch that we issued."""

    def __init__(self, settings: EhrSettings, store: GrantsStore) -> None:
        """Keep what the checks need."""
        self._settings = settings
        self._store = store

    def __call__(self, grant: Any) -> None:
        """Called by Authlib for every new grant."""
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, _redirect_uri: str) -> None:
        """Raise the OAuth error that names the first broken rule."""
        asked = grant.request.payload.data
        if not asked.get("state"):
            raise InvalidRequestError("state is required.")
        if asked.get("aud") != self._settings.fhir_base:
            raise InvalidRequestError("aud is not the FHIR base of this server.")
        if "launch" not in grant.request.scope.split():
            raise InvalidScopeError("The scope launch is required for a launch from the EHR.")
        if self._store.launch(asked.get("launch", ""), self._settings.clock()) is None:
            raise InvalidRequestError("launch was not issued here, or is used or expired.")


class RequiredS256(CodeChallenge):  # type: ignore[misc]
    """PKCE for every client, S256 only (SMART App Launch 2.2: plain SHALL NOT be supported)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without a challenge or with another method, then check as Authlib does."""
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with code_challenge_method S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class SmartCodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes and tokens in our store; launch context and id_token in the answer. Subclassed once per app."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic")

    settings: EhrSettings
    store: GrantsStore
    login_key: SigningKey

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Bind the code to client, redirect, challenge and launch, and use up the launch."""
        now = self.settings.clock()
        asked = request.payload.data
        launch = self.store.launch(asked["launch"], now)
        if launch is None:
            raise InvalidRequestError("launch was used in the meantime.")
        self.store.create_code(
            Code(
                value=code,
                client_id=request.client.client_id,
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                nonce=asked.get("nonce"),
                code_challenge=asked["code_challenge"],
                launch=launch,
                expires=now + timedelta(seconds=self.settings.code_lifetime),
            )
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        """Take the code. It is spent from here on, whatever the rest of the request turns out to be."""
        return self.store.spend_code(code, client.client_id, self.settings.clock())

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It was spent when it was taken."""

    def authenticate_user(self, authorization_code: Code) -> str:
        """The one simulated clinician."""
        del authorization_code
        return CLINICIAN

    def create_token_response(self) -> tuple[int, dict[str, object], list[tuple[str, str]]]:
        """The token with launch context ("Launch context arrives with your access_token") and id_token."""
        code: Code = self.request.authorization_code
        token = self._new_token(code)
        body: dict[str, object] = {
            "access_token": token.value,
            "token_type": "Bearer",
            "expires_in": self.settings.token_lifetime,
            "scope": code.scope,
            "patient": code.launch.patient,
            "need_patient_banner": False,
        }
        if code.launch.encounter is not None:
            body["encounter"] = code.launch.encounter
        if code.launch.app_context is not None:
            body["appContext"] = code.launch.app_context
        if "openid" in code.scope.split():
            body["id_token"] = self._id_token(code)
        return 200, body, list(self.TOKEN_RESPONSE_HEADER)

    def _new_token(self, code: Code) -> AccessToken:
        """A token that remembers its code."""
        expires = self.settings.clock() + timedelta(seconds=self.settings.token_lifetime)
        return self.store.create_token(AccessToken("", code.scope, code.launch.patient, expires, code.value))

    def _id_token(self, code: Code) -> str:
        """Who is signed in (OpenID Connect Core section 2; SMART's fhirUser claim)."""
        now = self.settings.clock()
        claims: dict[str, object] = {
            "iss": self.settings.base_url,
            "sub": "dr-demo",
            "aud": code.client_id,
            "iat": int(now.timestamp()),
            "exp": int((now + ID_TOKEN_LIFE).timestamp()),
        }
        if code.nonce:
            claims["nonce"] = code.nonce
        if {"fhirUser", "profile"} & set(code.scope.split()):
            claims["fhirUser"] = f"{self.settings.fhir_base}/{CLINICIAN}"
        return self.login_key.sign(claims)
