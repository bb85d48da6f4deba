"""What the server has handed out. In memory, bounded, safe for threads."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from ehr_simulator.authorization.extras import Extras
from ehr_simulator.authorization.issued import AccessToken, Code, Consent, Launch, RefreshToken
from ehr_simulator.authorization.kept import Kept

__all__ = ["AccessToken", "Code", "Consent", "GrantsStore", "Launch", "RefreshToken", "secret"]


class GrantsStore:
    """Launches, codes and tokens. Every read checks the expiry against the given time, and revocation."""

    def __init__(self) -> None:
        """Start empty."""
        self._launches: Kept[Launch] = Kept()
        self._codes: Kept[Code] = Kept()
        self._tokens: Kept[AccessToken] = Kept()
        self._refresh: Kept[RefreshToken] = Kept()
        self._spent: Kept[str] = Kept()  # spent code or refresh token -> consent id
        self._revoked: Kept[str] = Kept()  # consent ids

    def create_launch(
        self,
        patient: str,
        encounter: str | None,
        app_context: str | None,
        *,
        now: datetime,
        seconds: int,
        extras: Extras | None = None,
    ) -> Launch:
        """A new launch id."""
        launch = Launch(secret(), patient, encounter, app_context, now + timedelta(seconds=seconds), extras)
        self._launches.put(launch.id, launch)
        return launch

    def launch(self, launch_id: str, now: datetime) -> Launch | None:
        """A launch that we issued and that has neither been used nor expired."""
        return _unexpired(self._launches.get(launch_id), now)

    def create_code(self, code: Code) -> None:
        """Keep a code and use up its launch."""
        self._launches.take(code.consent.launch.id)
        self._codes.put(code.value, code)

    def spend_code(self, value: str, client_id: str, now: datetime) -> Code | None:
        """The code, once. A second use revokes what the first one gave (RFC 6749 section 4.1.2)."""
        if self._used_before(value):
            return None
        code = self._codes.get(value)
        if code is None or code.consent.client_id != client_id or self._codes.take(value) is None:
            return None
        self._spent.put(value, code.consent.id)
        return _unexpired(code, now)

    def create_token(self, token: AccessToken) -> AccessToken:
        """Keep a token, with a new value if it has none yet."""
        kept = token if token.value else replace(token, value=secret())
        self._tokens.put(kept.value, kept)
        return kept

    def token(self, value: str, now: datetime) -> AccessToken | None:
        """A valid token."""
        token = _unexpired(self._tokens.get(value), now)
        return None if token is None or self._is_revoked(token.consent) else token

    def create_refresh(self, consent: Consent, expires: datetime) -> RefreshToken:
        """A new refresh token."""
        made = RefreshToken(secret(), consent, expires)
        self._refresh.put(made.value, made)
        return made

    def refresh(self, value: str, now: datetime) -> RefreshToken | None:
        """A valid refresh token, still unspent."""
        kept = _unexpired(self._refresh.get(value), now)
        return None if kept is None or self._is_revoked(kept.consent) else kept

    def spend_refresh(self, value: str, client_id: str, now: datetime) -> RefreshToken | None:
        """The refresh token, once. A second use revokes the whole consent (RFC 9700 section 4.14.2)."""
        if self._used_before(value):
            return None
        kept = self.refresh(value, now)
        if kept is None or kept.consent.client_id != client_id:
            return None
        self._spent.put(value, kept.consent.id)  # before it is taken: a second caller finds it in one or the other
        if self._refresh.take(value) is None:
            self.revoke_consent(kept.consent)
            return None
        return kept

    def revoke(self, value: str) -> None:
        """Forget an access token."""
        self._tokens.take(value)

    def revoke_consent(self, consent: Consent) -> None:
        """Forget all tokens of a consent, also those that are being made at this moment."""
        self._revoke_id(consent.id)

    def _used_before(self, value: str) -> bool:
        """Whether a code or refresh token was spent; if so, its consent ends."""
        consent_id = self._spent.get(value)
        if consent_id is not None:
            self._revoke_id(consent_id)
        return consent_id is not None

    def _revoke_id(self, consent_id: str) -> None:
        """End a consent."""
        self._revoked.put(consent_id, consent_id)
        self._tokens.drop(lambda token: token.consent is not None and token.consent.id == consent_id)
        self._refresh.drop(lambda token: token.consent.id == consent_id)

    def _is_revoked(self, consent: Consent | None) -> bool:
        """Whether the consent has ended."""
        return consent is not None and self._revoked.get(consent.id) is not None


Dated = TypeVar("Dated", Launch, Code, AccessToken, RefreshToken)


def _unexpired(item: Dated | None, now: datetime) -> Dated | None:
    """The item, unless its time is over."""
    return item if item is not None and item.expires > now else None


def secret() -> str:
    """192 bits of randomness, safe in a URL."""
    return secrets.token_urlsafe(24)
