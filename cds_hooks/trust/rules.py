"""The rules about a token that need no key. Each raises `NotAuthenticated` with its reason, which stays inside."""

from __future__ import annotations

from cds_hooks.trust.caller import Caller
from cds_hooks.trust.certificate import fingerprint
from cds_hooks.trust.token import Token
from clinical.errors import NotAuthenticated

LEEWAY_S = 60
MAX_ID_LENGTH = 256
# Members that would choose a key, change how the token is read, or need an extension that we do not have.
_REFUSED_MEMBERS = frozenset({"zip", "crit", "b64", "jwk", "x5u", "x5c"})


def check_header(token: Token, caller: Caller) -> None:
    """Algorithm, type and key id; a `jku` must be the registered URL and never chooses where keys come from."""
    if token.header.get("alg") not in caller.algorithms:
        raise NotAuthenticated("algorithm")
    if token.header.get("typ") != "JWT":
        raise NotAuthenticated("type")
    if not token.heading("kid"):
        raise NotAuthenticated("no key id")
    if _REFUSED_MEMBERS & token.header.keys():
        raise NotAuthenticated("header member")
    if "jku" in token.header and token.header["jku"] != (caller.jku or caller.keys):
        raise NotAuthenticated("jku")


def check_audience(token: Token, caller: Caller, url: str) -> None:
    """The token is meant for the called URL, or for a value that the registry lists."""
    audience = token.claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if not {url, *caller.audiences} & {name for name in named if isinstance(name, str)}:
        raise NotAuthenticated("audience")


def check_times(token: Token, caller: Caller, now: float) -> None:
    """Issued, valid and not expired, give or take the leeway, and never valid for longer than the registry allows."""
    issued, expires = token.moment("iat"), token.moment("exp")
    if not 0 < expires - issued <= caller.max_lifetime_s:
        raise NotAuthenticated("lifetime")
    if now > expires + LEEWAY_S:
        raise NotAuthenticated("expired")
    if now < issued - LEEWAY_S or ("nbf" in token.claims and now < token.moment("nbf") - LEEWAY_S):
        raise NotAuthenticated("not yet valid")


def check_identity(token: Token, caller: Caller) -> None:
    """Subject, where the registry lists them, and a token id that can be remembered. Tenants choose the caller."""
    if caller.subjects and token.string("sub") not in caller.subjects:
        raise NotAuthenticated("subject")
    if not 0 < len(token.string("jti")) <= MAX_ID_LENGTH:
        raise NotAuthenticated("token id")


def check_certificate(sent: str | None, caller: Caller) -> None:
    """The client certificate that the proxy saw, where the registry lists some."""
    if caller.certificates and (sent is None or fingerprint(sent) not in caller.certificates):
        raise NotAuthenticated("certificate")
