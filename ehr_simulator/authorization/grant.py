"""The authorization code grant with the rules of SMART App Launch 2.2 on top of Authlib's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import g

from ehr_simulator.authorization.clients import METHODS
from ehr_simulator.authorization.grants_store import Code, Consent, GrantsStore, Launch, secret
from ehr_simulator.authorization.library import AuthorizationCodeGrant, InvalidRequestError
from ehr_simulator.authorization.mischief import scopes
from ehr_simulator.authorization.token_answer import Body, TokenAnswers
from ehr_simulator.authorization.token_rules import check_client_id
from ehr_simulator.settings import CLINICIAN, EhrSettings


class SmartCodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes and tokens in our store; launch context and id_token in the answer. Subclassed once per app."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    settings: EhrSettings
    store: GrantsStore
    answers: TokenAnswers

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Bind the code to client, redirect, challenge and launch, and use up the launch."""
        now = self.settings.clock()
        asked = request.payload.data
        launch, scope = self._chosen(request)
        who = (request.client.client_id, launch.id)
        granted = scopes.granted(scope, self.settings.mischief, who)
        self.store.create_code(
            Code(
                value=code,
                consent=Consent(secret(), request.client.client_id, granted, launch),
                redirect_uri=request.payload.redirect_uri,
                nonce=asked.get("nonce"),
                code_challenge=asked["code_challenge"],
                expires=now + timedelta(seconds=self.settings.code_lifetime),
            )
        )

    def _chosen(self, request: Any) -> tuple[Launch, str]:
        """Launch and scope: what the user chose on our pages, or what the EHR prepared."""
        chosen: tuple[Launch, str] | None = getattr(request, "chosen", None)
        if chosen is not None:
            return chosen
        launch = self.store.launch(request.payload.data.get("launch", ""), self.settings.clock())
        if launch is None:
            raise InvalidRequestError("launch was used in the meantime.")
        return launch, request.scope

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        """Take the code. It is spent from here on, whatever the rest of the request turns out to be."""
        check_client_id(self.request, client)
        return self.store.spend_code(code, client.client_id, self.settings.clock())

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It was spent when it was taken."""

    def authenticate_user(self, authorization_code: Code) -> str:
        """The one simulated clinician."""
        del authorization_code
        return CLINICIAN

    def create_token_response(self) -> tuple[int, Body, list[tuple[str, str]]]:
        """The token with launch context and id_token."""
        code: Code = self.request.authorization_code
        g.consent = code.consent
        return 200, self.answers.first(code), list(self.TOKEN_RESPONSE_HEADER)
