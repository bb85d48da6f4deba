"""Authlib's server with our grants, for requests of Flask and for those that our own pages kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from ehr_simulator.authorization.client_assertion import AssertionCheck
from ehr_simulator.authorization.clients import RegisteredClient
from ehr_simulator.authorization.grant import SmartCodeGrant
from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.authorization.library import AuthorizationServer, BasicOAuth2Payload, OAuth2Request
from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.refresh import SmartRefreshGrant
from ehr_simulator.authorization.rules import RequiredS256, SmartRules
from ehr_simulator.authorization.token_answer import TokenAnswers
from ehr_simulator.settings import EhrSettings


class SmartServer(AuthorizationServer):  # type: ignore[misc]
    """Takes a request that was made by `kept_request` as it is."""

    def create_oauth2_request(self, request: Any) -> Any:
        """The given request, or the one that Flask has at hand."""
        return request if isinstance(request, OAuth2Request) else super().create_oauth2_request(request)


def kept_request(settings: EhrSettings, parameters: Mapping[str, str]) -> Any:
    """An authorization request from its parameters."""
    made = OAuth2Request("GET", f"{settings.base_url}/oauth/authorize")
    made.payload = BasicOAuth2Payload(dict(parameters))
    return made


def make_server(
    app: Flask, settings: EhrSettings, store: GrantsStore, keys: LoginKeys, clients: Mapping[str, RegisteredClient]
) -> SmartServer:
    """The server with the code grant, the refresh grant, and private_key_jwt."""
    server = SmartServer(app, query_client=clients.get, save_token=lambda _token, _request: None)
    members = {"settings": settings, "store": store, "answers": TokenAnswers(settings, store, keys)}
    server.register_grant(
        type("BoundCodeGrant", (SmartCodeGrant,), members), [RequiredS256(required=True), SmartRules(settings, store)]
    )
    server.register_grant(type("BoundRefreshGrant", (SmartRefreshGrant,), members))
    server.register_client_auth_method("private_key_jwt", AssertionCheck(settings))
    return server
