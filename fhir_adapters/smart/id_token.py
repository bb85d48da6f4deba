"""Who opened the page: the OpenID Connect id_token of a SMART launch, verified (fhirclient ignores it).

SMART App Launch 2.2.0 "Scopes for requesting identity data"; OpenID Connect Core 1.0 section 3.1.3.7.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jwt import JWTClaimsRegistry

from clinical import strict_json
from clinical.errors import ChartsideError, LaunchFailed
from fhir_adapters.http.transport import same_base
from fhir_adapters.ids import ID

# Asymmetric only: with HS256 in the list, anyone could sign with the public key.
ALGORITHMS = ("RS256", "RS384", "ES256", "ES384")
LEEWAY_SECONDS = 60
MAX_BYTES = 16_000
MAX_KEYS = 20

_REFUSALS = (JoseError, ChartsideError, ValueError, TypeError, KeyError, AttributeError)
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_USER = re.compile(rf"(?:Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/{ID}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the id_token of this launch must say. `fhir_base` is the FHIR server of the launch, for `fhirUser`.

    `issuer` is empty where the EHR names none (and its registry entry allows that); then it is not compared.
    """

    issuer: str
    client_id: str
    fhir_base: str
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opener:
    """Who opened the page: a reference such as `Practitioner/7`, and a language (BCP 47) or an empty string."""

    user: str
    locale: str = ""


def who_opened(id_token: object, key_set: object | None, expected: Expected, now: datetime) -> Opener:
    """The clinician. Raises `LaunchFailed`.

    An absolute reference below the FHIR base becomes relative; one to another server stays absolute. `key_set` is None
    only where the EHR publishes no keys and its registry entry allows that: then the token counts because it came
    straight from the token endpoint (OpenID Connect Core 3.1.3.7, item 6), and all its claims are checked as ever.
    """
    claims = proved_claims(id_token, key_set, expected, now)
    return Opener(fhir_user(claims, expected.fhir_base), locale_of(claims.get("locale")))


def proved_claims(id_token: object, key_set: object | None, expected: Expected, now: datetime) -> dict[str, object]:
    """All claims of an id_token that is signed, in time, ours and of this launch. Raises `LaunchFailed`."""
    claims = _claims(id_token, key_set)
    try:
        _rules(expected, now).validate(claims)
    except JoseError as fault:
        raise LaunchFailed(f"The EHR's id_token does not belong to this launch ({_claim(fault)}).") from None
    _check_party(claims, expected.client_id)
    if not hmac.compare_digest(str(claims["nonce"]).encode(), expected.nonce.encode()):
        raise LaunchFailed("The EHR's id_token does not belong to this launch (nonce).")
    return claims


def locale_of(value: object) -> str:
    """A language tag, or an empty string for anything else."""
    return value.replace("_", "-") if isinstance(value, str) and _LOCALE.fullmatch(value) else ""


def _claims(id_token: object, key_set: object | None) -> dict[str, object]:
    """The claims of a token that one of the EHR's published keys has signed."""
    if not isinstance(id_token, str) or len(id_token) > MAX_BYTES:
        raise LaunchFailed("The EHR sent no usable id_token, so it is not known who opened the page.")
    try:
        payload = _unproved(id_token) if key_set is None else _proved(id_token, _keys(key_set))
        claims = strict_json.loads(payload, max_bytes=MAX_BYTES)
    except _REFUSALS as fault:
        # Hostile input reaches library code here, so its plain errors count as a refusal as well.
        raise LaunchFailed(f"The EHR's id_token could not be verified ({type(fault).__name__}).") from None
    if not isinstance(claims, dict):
        raise LaunchFailed("The EHR's id_token holds no claims.")
    return claims


def _unproved(id_token: str) -> bytes:
    """The payload of a token whose signature nobody can check."""
    return jws.extract_compact(id_token.encode()).payload or b""


def _proved(id_token: str, keys: KeySet) -> bytes:
    """The payload, if a key of the set has signed it. A token that names no key may be any key's."""
    if "kid" in jws.extract_compact(id_token.encode()).headers():
        return jws.deserialize_compact(id_token, keys, list(ALGORITHMS)).payload or b""
    for key in keys.keys[:MAX_KEYS]:
        with suppress(*_REFUSALS):
            return jws.deserialize_compact(id_token, key, list(ALGORITHMS)).payload or b""
    raise BadSignatureError()


def _keys(key_set: object) -> KeySet:
    """The public signing keys of a JWK set; keys for encryption, shared secrets and broken keys are left out."""
    listed = key_set.get("keys") if isinstance(key_set, Mapping) else None
    if not isinstance(listed, list):
        raise LaunchFailed("The EHR's key set (jwks_uri) is not a JWK set.")
    found = []
    for row in listed:
        if isinstance(row, dict) and row.get("kty") in ("RSA", "EC") and row.get("use") != "enc":
            with suppress(*_REFUSALS):
                found.append(JWKRegistry.import_key(row))
    return KeySet(found)


def _rules(expected: Expected, now: datetime) -> JWTClaimsRegistry:
    """The claims that must be there, and what they must be."""
    return JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": expected.issuer} if expected.issuer else {"essential": True},
        aud={"essential": True, "value": expected.client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        nonce={"essential": True},
    )


def _claim(fault: JoseError) -> str:
    """The name of the claim that did not hold."""
    return str(getattr(fault, "claim", None) or type(fault).__name__)


def _check_party(claims: Mapping[str, object], client_id: str) -> None:
    """With several audiences, the token must have been issued to us (azp)."""
    audience, party = claims["aud"], claims.get("azp")
    if party not in (None, client_id) or (isinstance(audience, list) and len(audience) > 1 and party is None):
        raise LaunchFailed("The EHR's id_token was issued to another app (azp).")


def fhir_user(claims: Mapping[str, object], fhir_base: str) -> str:
    """`fhirUser`, or the older `profile` claim. Raises `LaunchFailed`."""
    named = claims.get("fhirUser") or claims.get("profile")
    user = named if isinstance(named, str) else ""
    if same_base(user, fhir_base):
        user = urlsplit(user).path.removeprefix(urlsplit(fhir_base).path.rstrip("/") + "/")
    tail = "/".join(user.split("/")[-2:])
    relative = _USER.fullmatch(user) is not None
    absolute = user.startswith(("http://", "https://")) and _USER.fullmatch(tail) is not None
    if not (relative or absolute):
        raise LaunchFailed("The EHR did not say which clinician opened the page (fhirUser).")
    return user
