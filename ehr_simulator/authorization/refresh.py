"""Renewal: each refresh token is good once, and using it twice ends the whole consent (RFC 9700 section 4.14.2)."""

from __future__ import annotations

from flask import g

from ehr_simulator.authorization.clients import METHODS
from ehr_simulator.authorization.grants_store import GrantsStore, RefreshToken
from ehr_simulator.authorization.library import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    RefreshTokenGrant,
)
from ehr_simulator.authorization.token_answer import Body, TokenAnswers
from ehr_simulator.authorization.token_rules import check_client_id
from ehr_simulator.settings import EhrSettings


class SmartRefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """Rotation in our store. Subclassed once per app."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    settings: EhrSettings
    store: GrantsStore
    answers: TokenAnswers

    def validate_token_request(self) -> None:
        """Authenticate the client, check the scope, then spend the refresh token."""
        client = self.authenticate_token_endpoint_client()
        check_client_id(self.request, client)
        value = self.request.form.get("refresh_token")
        if not value:
            raise InvalidRequestError("Missing 'refresh_token' in request.")
        self.request.client = client
        self.request.refresh_token = self._spent(value, client.client_id)

    def _spent(self, value: str, client_id: str) -> RefreshToken:
        """The refresh token, spent unless it is to stay. Raises `InvalidGrantError` or `InvalidScopeError`."""
        now = self.settings.clock()
        kept = self.store.refresh(value, now)
        if kept is None or kept.consent.client_id != client_id:
            self.store.spend_refresh(value, client_id, now)  # ends the consent where it was spent before
            raise InvalidGrantError()
        if not set(self._scope(kept).split()) <= set(kept.consent.scope.split()):
            raise InvalidScopeError()
        if self.settings.mischief.on("refresh_refused", kept.consent.who):
            raise InvalidGrantError()
        self.same = self.settings.mischief.on("same_refresh_token", kept.consent.who)
        spent = kept if self.same else self.store.spend_refresh(value, client_id, now)
        if spent is None:
            raise InvalidGrantError()
        return spent

    def _scope(self, kept: RefreshToken) -> str:
        """What is asked for now; without a word, all that was granted."""
        return self.request.payload.scope or kept.consent.scope

    def create_token_response(self) -> tuple[int, Body, list[tuple[str, str]]]:
        """A new pair of tokens with the context of the first."""
        spent: RefreshToken = self.request.refresh_token
        g.consent = spent.consent
        body = self.answers.renewed(spent, self._scope(spent), same=self.same)
        return 200, body, list(self.TOKEN_RESPONSE_HEADER)
