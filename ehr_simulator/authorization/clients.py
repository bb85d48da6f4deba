"""A registered app in the shape that Authlib asks for."""

from __future__ import annotations

import hmac

from ehr_simulator.authorization.library import ClientMixin
from ehr_simulator.authorization.offers import Offers
from ehr_simulator.authorization.scopes import grantable, only_identity
from ehr_simulator.settings import OAuthClient

METHODS = ("none", "client_secret_basic", "private_key_jwt")


class RegisteredClient(ClientMixin):  # type: ignore[misc]
    """Public with PKCE, or confidential with `client_secret_basic` or `private_key_jwt`; code and refresh only."""

    def __init__(self, client: OAuthClient, offers: Offers) -> None:
        """Wrap the settings of one app."""
        self.settings = client
        self._offers = offers
        self.client_id = client.client_id

    @property
    def is_public(self) -> bool:
        """Whether it has no way to prove who it is."""
        return self.settings.authentication == "none"

    def get_client_id(self) -> str:
        """The id."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """There is none: every request names its redirect_uri."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """What is granted of the requested scope."""
        granted = grantable(scope or "", self.settings.writes, self._offers.scope_forms)
        return only_identity(granted) if self.settings.staff else granted

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact string comparison."""
        return redirect_uri in self.settings.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time; a client without a secret has none that could be right."""
        own = self.settings.secret
        return own is not None and hmac.compare_digest(own.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Each client authenticates by its one method and by nothing else."""
        del endpoint
        return method == self.settings.authentication

    def check_response_type(self, response_type: str) -> bool:
        """Only the code flow."""
        return bool(response_type == "code")

    def check_grant_type(self, grant_type: str) -> bool:
        """The code grant and its renewal."""
        return grant_type in {"authorization_code", "refresh_token"}
