"""JWTs of a client, good ones and bad ones. `corpus/README.md` has the language."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from hostile import good
from hostile.corpus import World, filled


@cache
def key(name: str) -> Any:
    """A key by its name in the corpus; `own` and `rsa` are the ones that the registry knows."""
    if name in ("rsa", "rsa-stranger"):
        return RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})
    if name == "hmac-public":  # key confusion: the public key as a shared secret
        return OctKey.import_key(json.dumps(key("own").as_dict(private=False)).encode())
    if name == "hmac-short":
        return OctKey.import_key(b"secret-secret-secret-secret-secret-secret-secret")
    curve = {"p256": "P-256", "p521": "P-521"}.get(name, "P-384")
    return ECKey.generate_key(curve, {"kid": "k1", "use": "sig"})


def key_set() -> dict[str, Any]:
    """The JWK Set of the registry."""
    return {"keys": [key(name).as_dict(private=False) for name in ("own", "rsa")]}


def authorization(spec: Mapping[str, Any], world: World, path: str) -> str:
    """The header for one case."""
    token = _token(spec, world, path)
    return f"{spec.get('scheme', 'Bearer')} {token}"


def _token(spec: Mapping[str, Any], world: World, path: str) -> str:
    """A token with the case's changes."""
    header, claims = _header(spec, world), _claims(spec, world, path)
    signer = key(spec.get("key", "own"))
    token = _signed(spec, header, claims, signer, world)
    head, body, signature = token.split(".")
    good_head = _part(json.dumps(_header({}, world)))
    pieces = {"h": head, "c": body, "s": signature, "x": _part("{}"), "g": good_head}
    return str(spec.get("pieces", "{h}.{c}.{s}")).format(**pieces)


def _header(spec: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The JOSE header."""
    members = {"alg": "ES384", "kid": "k1", "typ": "JWT", **filled(spec.get("header", {}), world)}
    if spec.get("embed"):
        members["jwk"] = key(spec.get("key", "own")).as_dict(private=False)
    return {name: value for name, value in members.items() if name not in spec.get("drop_header", ())}


def _claims(spec: Mapping[str, Any], world: World, path: str) -> dict[str, Any]:
    """The claims; `at` holds times in seconds from now."""
    now = int(world.now.timestamp())
    members: dict[str, Any] = {
        "iss": good.ISSUER,
        "aud": good.BASE_URL + path,
        "iat": now,
        "exp": now + 300,
        "jti": f"{good.MARK}-{uuid.uuid4()}",
        **filled(spec.get("claims", {}), world),
        **{name: now + offset for name, offset in spec.get("at", {}).items()},
    }
    members |= {name: str(members[name]) for name in spec.get("as_text", ())}
    return {name: value for name, value in members.items() if name not in spec.get("drop", ())}


def _signed(spec: Mapping[str, Any], header: Any, claims: Any, signer: Any, world: World) -> str:
    """A correct signature over whatever header and claims; joserfc's own encoder would refuse most of them."""
    head = _with_raw(header, filled(spec.get("raw_header", ""), world))
    body = _with_raw(claims, filled(spec.get("raw_claims", ""), world))
    signing_input = f"{_part(head)}.{_part(body)}"
    name = header.get("alg")
    algorithm = jws.JWSRegistry.algorithms.get(name) if isinstance(name, str) else None
    signature = algorithm.sign(signing_input.encode(), signer) if algorithm and name != "none" else b""
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _with_raw(members: Mapping[str, Any], raw: str) -> str:
    """An object with one more member, as text."""
    return json.dumps(members)[:-1] + (f",{raw}" if raw else "") + "}"


def _part(text: str) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
