"""A registered app in the shape that Authlib asks for."""

from __future__ import annotations

import hmac

from ehr_simulator.authorization.library import ClientMixin
from ehr_simulator.authorization.scopes import grantable
from ehr_simulator.settings import OAuthClient


class RegisteredClient(ClientMixin):  # type: ignore[misc]
    """Public with PKCE, or confidential with `client_secret_basic`; authorization_code only."""

    def __init__(self, client: OAuthClient) -> None:
        """Wrap the settings of one app."""
        self._client = client
        self.client_id = client.client_id

    def get_client_id(self) -> str:
        """The id."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """There is none: every request names its redirect_uri."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """What is granted of the requested scope."""
        return grantable(scope or "")

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact string comparison."""
        return redirect_uri in self._client.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time; a public client has no secret that could be right."""
        own = self._client.secret
        return own is not None and hmac.compare_digest(own.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A public client authenticates by `none`, a confidential one by HTTP Basic, and by nothing else."""
        del endpoint
        return method == ("none" if self._client.secret is None else "client_secret_basic")

    def check_response_type(self, response_type: str) -> bool:
        """Only the code flow."""
        return bool(response_type == "code")

    def check_grant_type(self, grant_type: str) -> bool:
        """Only the code grant; no refresh tokens."""
        return bool(grant_type == "authorization_code")
