"""The token response with the launch context (SMART App Launch 2.2, "Scopes and Launch Context")."""

from __future__ import annotations

from datetime import datetime, timedelta

from ehr_simulator.authorization.grants_store import AccessToken, Code, Consent, GrantsStore, RefreshToken
from ehr_simulator.authorization.identity import id_token
from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.mischief import context as context_mischief
from ehr_simulator.authorization.mischief import scopes, tokens
from ehr_simulator.settings import EhrSettings

Body = dict[str, object]


class TokenAnswers:
    """Makes tokens and the body that carries them."""

    def __init__(self, settings: EhrSettings, store: GrantsStore, keys: LoginKeys) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._store = store
        self._keys = keys
        self._lifetimes = {one.client_id: one.token_lifetime or settings.token_lifetime for one in settings.clients}

    def first(self, code: Code) -> Body:
        """The answer to a code."""
        consent, mischief = code.consent, self._settings.mischief
        body = self._body(consent, consent.scope)
        ends = self._refresh_ends(consent)
        if ends is not None:
            body["refresh_token"] = self._store.create_refresh(consent, ends).value
        if "openid" in consent.scope.split() and not mischief.on("no_id_token", consent.who):
            body["id_token"] = id_token(consent, code.nonce, self._settings, self._keys)
        return self._twisted(body, consent)

    def renewed(self, spent: RefreshToken, scope: str, *, same: bool) -> Body:
        """The answer to a refresh token: a new pair, which ends when the old one would have. `same` rotates nothing."""
        body = self._body(spent.consent, scopes.renewed(scope, self._settings.mischief, spent.consent.who))
        body["refresh_token"] = spent.value if same else self._store.create_refresh(spent.consent, spent.expires).value
        return self._twisted(body, spent.consent)

    def _body(self, consent: Consent, scope: str) -> Body:
        """Access token and context."""
        seconds = self._lifetimes[consent.client_id]
        dead = self._settings.mischief.on("dead_token", consent.who)
        expires = self._settings.clock() + timedelta(seconds=0 if dead else seconds)
        token = self._store.create_token(AccessToken("", scope, consent.launch.patient, expires, consent))
        return {
            "access_token": token.value,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": scope,
            **launch_context(consent, self._settings),
        }

    def _refresh_ends(self, consent: Consent) -> datetime | None:
        """How long renewal is possible; None without a scope for it."""
        granted = consent.scope.split()
        if "offline_access" in granted:
            return self._settings.clock() + timedelta(seconds=self._settings.offline_lifetime)
        if "online_access" in granted:
            return self._settings.clock() + timedelta(seconds=self._settings.online_lifetime)
        return None

    def _twisted(self, body: Body, consent: Consent) -> Body:
        """The body with what is armed."""
        mischief = self._settings.mischief
        for twist in (context_mischief.twist, scopes.twist, tokens.twist):
            body = twist(body, mischief, consent.who)
        return body


def launch_context(consent: Consent, settings: EhrSettings) -> Body:
    """The context members; what is empty is left out."""
    launch = consent.launch
    extras = launch.extras or settings.extras
    context: Body = {
        "patient": launch.patient,
        "encounter": launch.encounter,
        "appContext": launch.app_context,
        "intent": extras.intent or None,
        "tenant": extras.tenant or None,
        "fhirContext": list(extras.fhir_context) or None,
        "smart_style_url": _style_url(settings, consent, wanted=extras.style),
        "need_patient_banner": extras.need_patient_banner if launch.patient else None,
    }
    return {name: value for name, value in context.items() if value is not None}


def _style_url(settings: EhrSettings, consent: Consent, *, wanted: bool) -> str | None:
    """Where the style document is."""
    if settings.mischief.on("hostile_style", consent.who):
        return f"{settings.base_url}/smart-style/hostile.json"
    return f"{settings.base_url}/smart-style/v1.json" if wanted else None
