"""What the stand-in EHR needs to know: where it lives, where the others live, and who may ask it for tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ehr_simulator.authorization.extras import Extras
from ehr_simulator.authorization.mischief.board import Mischief
from ehr_simulator.authorization.offers import Offers

Clock = Callable[[], datetime]

CLINICIAN = "Practitioner/dr-demo"
CLINICIAN_NAME = "Dr Dana Demo"
# What an app may write back; everything else stays read-only.
WRITABLE = ("RiskAssessment", "Provenance")


def system_clock() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A registered app, with at most one way to prove who it is; without any it is public.

    `redirect_uris` are compared as exact strings (RFC 9700 section 2.1). `secret`: HTTP Basic at the token endpoint.
    `jwks_url` or inline `jwks`: private_key_jwt (RS384, ES384). `writes`: types whose writing scopes are granted; "*"
    grants wildcard writing scopes as they are asked. `token_lifetime` in seconds overrides that of the EHR.
    `staff`: the app opens no chart and is for everybody who works here; `signed_out_uris` are where a browser may go
    after sign-out.
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    jwks_url: str | None = None
    jwks: Mapping[str, Any] | None = None
    writes: tuple[str, ...] = WRITABLE
    token_lifetime: int | None = None
    staff: bool = False
    signed_out_uris: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a client with two kinds of proof."""
        if sum(proof is not None for proof in (self.secret, self.jwks_url, self.jwks)) > 1:
            raise ValueError("An app has a secret, a jwks_url or a jwks, not two of them.")

    @property
    def authentication(self) -> str:
        """Its one method at the token endpoint (RFC 7591 names)."""
        if self.secret is not None:
            return "client_secret_basic"
        return "private_key_jwt" if self.jwks_url or self.jwks else "none"


@dataclass(frozen=True, slots=True)
class EhrSettings:
    """Base URLs have no trailing slash. Times are in seconds.

    `extras` go with every launch that names none of its own; `style` is the document behind smart_style_url.
    `mischief` is how tests make the server misbehave; it does nothing unless a test arms it.
    """

    base_url: str
    fhir_server: str
    chartside: str
    clients: tuple[OAuthClient, ...]
    clock: Clock = system_clock
    code_lifetime: int = 60
    launch_lifetime: int = 300
    sign_in_lifetime: int = 600
    token_lifetime: int = 3600
    online_lifetime: int = 8 * 3600
    offline_lifetime: int = 90 * 24 * 3600
    hook_token_lifetime: int = 300
    fhir_timeout: float = 20.0
    hook_timeout: float = 15.0
    keys_timeout: float = 5.0
    hospital: str = "Demo hospital"
    id_token_algorithm: str = "ES384"
    extras: Extras = field(default_factory=Extras)
    offers: Offers = field(default_factory=Offers)
    style: Mapping[str, str] | None = None
    mischief: Mischief = field(default_factory=Mischief, repr=False, compare=False)

    @property
    def fhir_base(self) -> str:
        """The FHIR base that apps see: the guarded one."""
        return f"{self.base_url}/fhir"

    @property
    def token_url(self) -> str:
        """The token endpoint, which is also the audience of client assertions."""
        return f"{self.base_url}/oauth/token"

    @property
    def hook_keys_url(self) -> str:
        """Where the public keys of hook calls are (`jku`)."""
        return f"{self.base_url}/.well-known/jwks.json"

    @property
    def login_keys_url(self) -> str:
        """Where the public keys of id_tokens are (`jwks_uri`)."""
        return f"{self.base_url}/oauth/jwks.json"
