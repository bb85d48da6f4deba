"""What the stand-in EHR needs to know: where it lives, where the others live, and who may ask it for tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

Clock = Callable[[], datetime]

CLINICIAN = "Practitioner/dr-demo"
CLINICIAN_NAME = "Dr Dana Demo"


def system_clock() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A registered app. Without a secret it is public; with one it must use HTTP Basic at the token endpoint.

    `redirect_uris` are compared as exact strings (RFC 9700 section 2.1).
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EhrSettings:
    """Base URLs have no trailing slash. Times are in seconds."""

    base_url: str
    fhir_server: str
    chartside: str
    clients: tuple[OAuthClient, ...]
    clock: Clock = system_clock
    code_lifetime: int = 60
    launch_lifetime: int = 300
    token_lifetime: int = 3600
    hook_token_lifetime: int = 300
    fhir_timeout: float = 20.0
    hook_timeout: float = 15.0
    hospital: str = "Demo hospital"

    @property
    def fhir_base(self) -> str:
        """The FHIR base that apps see: the guarded one."""
        return f"{self.base_url}/fhir"

    @property
    def hook_keys_url(self) -> str:
        """Where the public keys of hook calls are (`jku`)."""
        return f"{self.base_url}/.well-known/jwks.json"

    @property
    def login_keys_url(self) -> str:
        """Where the public keys of id_tokens are (`jwks_uri`)."""
        return f"{self.base_url}/oauth/jwks.json"
