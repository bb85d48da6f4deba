"""What the server hands out: launches, codes, tokens, and the consent they all hang on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ehr_simulator.authorization.extras import Extras


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch in preparation. `app_context` is handed to the app as it was given.

    `extras` None stands for those of the settings. `patient` is None only in a standalone launch that asked for none.
    `user` is who signed in (`staff.py`), which in a launch from the chart is the clinician.
    """

    id: str = field(repr=False)
    patient: str | None
    encounter: str | None
    app_context: str | None
    expires: datetime
    extras: Extras | None = None
    standalone: bool = False
    user: str = "dr-demo"


@dataclass(frozen=True, slots=True)
class Consent:
    """One permission of one user to one app. All tokens of a launch, renewed ones too, share its id."""

    id: str = field(repr=False)
    client_id: str
    scope: str
    launch: Launch

    @property
    def who(self) -> tuple[str, str]:
        """The names under which a test may have armed a mischief."""
        return self.client_id, self.launch.id


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code with everything that it is bound to (RFC 6749 section 4.1.2, RFC 7636)."""

    value: str = field(repr=False)
    consent: Consent
    redirect_uri: str
    nonce: str | None
    code_challenge: str
    expires: datetime
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """Authlib asks for it under this name."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Authlib asks for it under this name."""
        return self.consent.scope


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Leave to read and write. `patient` limits every `patient/` scope; `consent` is where it came from.

    A token of a hook call has no consent.
    """

    value: str = field(repr=False)
    scope: str
    patient: str | None
    expires: datetime
    consent: Consent | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Leave to get one new access token and one new refresh token."""

    value: str = field(repr=False)
    consent: Consent
    expires: datetime
