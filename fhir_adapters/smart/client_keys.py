"""Our own keys for `private_key_jwt`: read from a file at start, and published as a JWK Set.

SMART App Launch 2.2.0, "Client authentication: asymmetric": ES384 and RS384, bare JWKs, each with a unique `kid`.
Several keys are a rotation: the first signs, all are published, so an EHR that has cached the set knows both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from clinical.errors import SettingsInvalid

MIN_RSA_BITS = 2048
MAX_KEYS = 8
# What of a key is public. Nothing else of the file is published, whatever it holds.
_PUBLIC = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}
_KID = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One private key with its id and its algorithm (`ES384` or `RS384`)."""

    kid: str
    algorithm: str
    key: ECKey | RSAKey = field(repr=False)

    @property
    def public(self) -> Mapping[str, Any]:
        """The bare public JWK."""
        members = self.key.as_dict(private=False)
        bare = {name: members[name] for name in _PUBLIC[self.key.key_type]}
        return {**bare, "kid": self.kid, "use": "sig", "alg": self.algorithm, "key_ops": ["verify"]}


def read_client_keys(document: object) -> tuple[ClientKey, ...]:
    """Read a private JWK or JWK Set. Raises `SettingsInvalid` in words that follow "the key file x"."""
    rows = document.get("keys", [document]) if isinstance(document, Mapping) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_KEYS:
        raise SettingsInvalid(f"which cannot be read or is no private JWK and no set of 1 to {MAX_KEYS} of them")
    keys = tuple(map(_key, rows))
    if len({key.kid for key in keys}) < len(keys):
        raise SettingsInvalid("in which two keys have the same 'kid'")
    return keys


def published(keys: Iterable[ClientKey]) -> dict[str, object]:
    """The JWK Set of public keys, each once. Raises `SettingsInvalid` where one `kid` names two keys."""
    found: dict[str, Mapping[str, Any]] = {}
    for key in keys:
        if found.setdefault(key.kid, key.public) != key.public:
            raise SettingsInvalid(f"Two different keys of the SMART page have the 'kid' {key.kid!a}.")
    return {"keys": list(found.values())}


def signer_of(keys: Sequence[ClientKey], known: Sequence[str]) -> ClientKey:
    """The first key, or the first whose algorithm the EHR lists, if it lists any that we have."""
    return next((key for key in keys if key.algorithm in known), keys[0])


def _key(row: object) -> ClientKey:
    """One key of the file."""
    try:
        key = JWKRegistry.import_key(dict(row))  # type: ignore[call-overload]
    except (JoseError, ValueError, TypeError, KeyError):
        raise SettingsInvalid("which holds a key that cannot be read") from None
    kid = row.get("kid") if isinstance(row, Mapping) else None
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise SettingsInvalid("which holds a key without a 'kid' of 1 to 200 visible characters")
    algorithm = _algorithm(key)
    if (
        not isinstance(key, ECKey | RSAKey)
        or not algorithm
        or key.get("alg", algorithm) != algorithm
        or key.get("use", "sig") != "sig"
    ):
        raise SettingsInvalid(
            f"whose key {kid!a} is for neither ES384 (EC, P-384) nor RS384 (RSA of {MIN_RSA_BITS} bits or more)"
        )
    if not key.is_private:
        raise SettingsInvalid(f"whose key {kid!a} is public; the private one is needed")
    return ClientKey(kid, algorithm, key)


def _algorithm(key: object) -> str:
    """What a key signs with, or nothing."""
    if isinstance(key, ECKey) and key.curve_name == "P-384":
        return "ES384"
    if isinstance(key, RSAKey) and key.raw_value.key_size >= MIN_RSA_BITS:
        return "RS384"
    return ""
