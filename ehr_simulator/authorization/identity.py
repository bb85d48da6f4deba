"""The id_token: who is signed in (OpenID Connect Core section 2; SMART's fhirUser claim)."""

from __future__ import annotations

from datetime import timedelta

from ehr_simulator.authorization.issued import Consent
from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.mischief import identity as mischief
from ehr_simulator.settings import CLINICIAN, EhrSettings

ID_TOKEN_LIFE = timedelta(minutes=5)
SUBJECT = "dr-demo"


def id_token(consent: Consent, nonce: str | None, settings: EhrSettings, keys: LoginKeys) -> str:
    """The signed token about the one simulated clinician."""
    now = settings.clock()
    claims: dict[str, object] = {
        "iss": settings.base_url,
        "sub": SUBJECT,
        "aud": consent.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + ID_TOKEN_LIFE).timestamp()),
    }
    if nonce:
        claims["nonce"] = nonce
    if {"fhirUser", "profile"} & set(consent.scope.split()):
        claims["fhirUser"] = f"{settings.fhir_base}/{CLINICIAN}"
    locale = (consent.launch.extras or settings.extras).locale
    if locale:
        claims["locale"] = locale
    twisted = mischief.twist_claims(claims, settings.mischief, consent.who)
    return mischief.sign(twisted, keys, settings.mischief, consent.who)
