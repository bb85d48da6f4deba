"""The id_token: who is signed in (OpenID Connect Core section 2; SMART's fhirUser claim)."""

from __future__ import annotations

from datetime import timedelta

from ehr_simulator.authorization.issued import Consent
from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.mischief import identity as mischief
from ehr_simulator.authorization.staff import member
from ehr_simulator.settings import EhrSettings

ID_TOKEN_LIFE = timedelta(minutes=5)


def id_token(consent: Consent, nonce: str | None, settings: EhrSettings, keys: LoginKeys) -> str:
    """The signed token about who signed in."""
    now, who = settings.clock(), member(consent.launch.user)
    claims: dict[str, object] = {
        "iss": settings.base_url,
        "sub": who.user,
        "aud": consent.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + ID_TOKEN_LIFE).timestamp()),
    }
    if nonce:
        claims["nonce"] = nonce
    scopes = set(consent.scope.split())
    if {"fhirUser", "profile"} & scopes:
        claims["fhirUser"] = f"{settings.fhir_base}/Practitioner/{who.user}"
    if "profile" in scopes:
        claims |= {"name": who.name, "preferred_username": who.user, "groups": list(who.groups)}
    claims["auth_time"] = int(now.timestamp())  # everybody signs in anew for every app
    locale = (consent.launch.extras or settings.extras).locale
    if locale:
        claims["locale"] = locale
    twisted = mischief.twist_claims(claims, settings.mischief, consent.who)
    return mischief.sign(twisted, keys, settings.mischief, consent.who)
