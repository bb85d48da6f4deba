"""Public keys out of a JWK Set (RFC 7517), imported once each: an import costs as much as a fifth of a verification."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

MIN_RSA_BITS = 2048
_KEY_CLASSES: Mapping[str, type[ECKey] | type[RSAKey]] = {"ES": ECKey, "RS": RSAKey}
_KEY_TYPES = {"ES": "EC", "RS": "RSA"}
PublicKey = ECKey | RSAKey


class KeySource(Protocol):
    """Where a caller's keys come from."""

    def find(self, kid: str, algorithm: str) -> tuple[PublicKey, ...]:
        """The keys with this id that are meant for this algorithm. Empty if there is none."""
        ...


class PublicKeys:
    """The keys of one JWK Set. Rows that are not usable are as good as absent."""

    def __init__(self, key_set: object) -> None:
        """Keep the rows that are objects with a key id; nothing is imported yet."""
        self._rows: dict[str, list[Mapping[str, object]]] = {}
        self._imported: dict[tuple[str, str], tuple[PublicKey, ...]] = {}
        for row in rows_of(key_set) or ():
            kid = row.get("kid")
            if isinstance(kid, str):
                self._rows.setdefault(kid, []).append(row)

    def __contains__(self, kid: object) -> bool:
        """Whether the set names a key id."""
        return kid in self._rows

    def find(self, kid: str, algorithm: str) -> tuple[PublicKey, ...]:
        """The keys with this id that are meant for this algorithm."""
        found = self._imported.get((kid, algorithm))
        if found is None:
            rows = self._rows.get(kid)
            if rows is None:
                return ()
            found = tuple(key for row in rows if (key := _import(row, algorithm)) is not None)
            self._imported[kid, algorithm] = found
        return found


def rows_of(key_set: object) -> list[Mapping[str, object]] | None:
    """The rows of a JWK Set that are objects, or None for what is no JWK Set."""
    rows = key_set.get("keys") if isinstance(key_set, Mapping) else None
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else None


def is_signed_by(token: str, key: PublicKey, registry: jws.JWSRegistry) -> bool:
    """Whether a token carries a valid signature of a key."""
    try:
        jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def registry_for(algorithms: tuple[str, ...]) -> jws.JWSRegistry:
    """Joserfc's settings for these algorithms only. Unknown header members are passed over (RFC 7515 section 4)."""
    registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
    registry.max_header_length = 4096  # the default of 512 would refuse a long jku; the whole token is bounded before
    return registry


def _import(row: Mapping[str, object], algorithm: str) -> PublicKey | None:
    """A row as a key for an algorithm, or None where it is for something else or broken."""
    family = algorithm[:2]
    meant = (row.get("kty"), row.get("use", "sig"), row.get("alg", algorithm))
    if meant != (_KEY_TYPES.get(family), "sig", algorithm) or "verify" not in _operations(row):
        return None
    try:
        if family == "RS" and _bits(row.get("n")) < MIN_RSA_BITS:
            return None
        return _KEY_CLASSES[family].import_key(dict(row))  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _bits(modulus: object) -> int:
    """The length of an RSA key, before the library warns about it."""
    text = modulus if isinstance(modulus, str) else ""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).bit_length()


def _operations(row: Mapping[str, object]) -> list[object]:
    """What a row says that its key is for; a row that says nothing is for verifying."""
    operations = row.get("key_ops", ["verify"])
    return operations if isinstance(operations, list) else []
