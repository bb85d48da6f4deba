"""Mischief in the id_token and in the keys that check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.mischief.board import Mischief
from ehr_simulator.signing import SigningKey

Who = tuple[str, ...]


def twist_claims(claims: Mapping[str, object], mischief: Mischief, who: Who) -> dict[str, object]:
    """The claims with what is armed."""
    twisted = _shift_times(dict(claims), mischief, who)
    for claim, name, default in (
        ("nonce", "wrong_nonce", "another-nonce"),
        ("aud", "foreign_audience", "another-app"),
        ("iss", "foreign_issuer", "https://other-ehr.example"),
    ):
        value = mischief.value(name, who, default=default)
        if value is not None:
            twisted[claim] = value
    if mischief.on("no_nonce", who):
        twisted.pop("nonce", None)
    if mischief.on("extra_audience", who):
        twisted["aud"] = [twisted["aud"], "another-app"]
    if "fhirUser" in twisted:
        twisted |= _user(twisted, mischief, who)
    return {name: value for name, value in twisted.items() if value is not None}


def _shift_times(claims: dict[str, Any], mischief: Mischief, who: Who) -> dict[str, object]:
    """Move iat and exp."""
    past = mischief.value("expired_id_token", who, default=3600) or 0
    future = mischief.value("future_id_token", who, default=3600) or 0
    by = future - past
    return claims | {"iat": claims["iat"] + by, "exp": claims["exp"] + by}


def _user(claims: Mapping[str, object], mischief: Mischief, who: Who) -> dict[str, object]:
    """The claim fhirUser in the form that is armed; absolute otherwise."""
    absolute = str(claims["fhirUser"])
    relative = "/".join(absolute.split("/")[-2:])
    forms: Mapping[str, dict[str, object]] = {
        "absolute": {},
        "relative": {"fhirUser": relative},
        "profile": {"fhirUser": None, "profile": relative},
        "none": {"fhirUser": None},
        "patient": {"fhirUser": absolute.removesuffix(relative) + "Patient/sim-02"},
        "foreign": {"fhirUser": f"https://other-ehr.example/fhir/{relative}"},
    }
    return forms[mischief.value("fhir_user", who, default="relative") or "absolute"]


def sign(claims: Mapping[str, object], keys: LoginKeys, mischief: Mischief, who: Who) -> str:
    """The id_token, signed as it should be or as is armed."""
    if mischief.on("alg_none", who):
        return _assemble({"alg": "none", "typ": "JWT"}, claims, b"")
    if mischief.on("hs256_public_key", who):
        return _hmac_signed(claims, keys.current)
    if mischief.on("foreign_key", who):
        return SigningKey(keys.current.algorithm).sign(claims, {"kid": keys.current.kid})
    if mischief.on("retired_key", who):
        old = keys.current
        keys.rotate()
        return old.sign(claims)
    if mischief.on("rotated_key", who):
        keys.rotate()
    token = keys.current.sign(claims, name=not mischief.on("no_kid", who))
    return _spoiled(token) if mischief.on("bad_signature", who) else token


def twist_keys(published: dict[str, Any], mischief: Mischief) -> dict[str, Any]:
    """The key set with what is armed for everybody."""
    keys = list(published["keys"])
    if mischief.on("two_keys"):
        keys = [*SigningKey().public_keys()["keys"], *keys]
    if mischief.on("keys_without_kid"):
        keys = [{name: value for name, value in key.items() if name != "kid"} for key in keys]
    return {"keys": keys}


def _hmac_signed(claims: Mapping[str, object], key: SigningKey) -> str:
    """The confusion attack: the public key as an HMAC secret."""
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    message = _assemble(header, claims, b"").rstrip(".").encode()
    return _assemble(header, claims, hmac.digest(key.public_pem(), message, hashlib.sha256))


def _spoiled(token: str) -> str:
    """The token with another first character of its signature."""
    body, _, signature = token.rpartition(".")
    return f"{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _assemble(header: Mapping[str, object], claims: Mapping[str, object], signature: bytes) -> str:
    """A compact JWS from its parts."""
    return ".".join(map(_base64, (json.dumps(header).encode(), json.dumps(claims).encode(), signature)))


def _base64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
