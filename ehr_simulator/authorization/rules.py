"""What SMART demands of an authorization request, on top of Authlib's checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.authorization.library import CodeChallenge, InvalidRequestError, InvalidScopeError
from ehr_simulator.settings import EhrSettings


class SmartRules:
    """state, the right `aud`, and for a launch from the EHR a launch that we issued."""

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
        if asked.get("aud") != self._settings.fhir_base and not self._is_plain_sign_in(grant, asked):
            raise InvalidRequestError("aud is not the FHIR base of this server.")
        if "launch" in grant.request.scope.split():
            self._check_launch(asked.get("launch", ""))
        elif "launch" in asked:
            raise InvalidScopeError("The scope launch is required for a launch from the EHR.")
        elif not grant.request.scope:
            raise InvalidScopeError("None of the scopes can be granted.")

    def _is_plain_sign_in(self, grant: Any, asked: Mapping[str, str]) -> bool:
        """OpenID Connect knows no `aud`; only SMART asks for it. An app for the staff reads no record."""
        return grant.request.client.settings.staff and "aud" not in asked

    def _check_launch(self, launch_id: str) -> None:
        """The launch is ours, unused and in time."""
        if self._store.launch(launch_id, self._settings.clock()) is None:
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
