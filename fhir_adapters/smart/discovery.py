"""What an EHR says about its authorization server (SMART App Launch 2.2.0, "Conformance").

`.well-known/smart-configuration` is what counts. A server that answers 404 there may still name its two endpoints in
the `oauth-uris` extension of its CapabilityStatement (deprecated); that names neither issuer nor keys, so an id_token
cannot be proved by it, and such an EHR is refused unless its registry entry takes that on (`smart_unproved_user`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from clinical.errors import LaunchFailed

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
_DOCUMENT = "The EHR's smart-configuration"
_STATEMENT = "The EHR's CapabilityStatement"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Endpoints, checked. `issuer` and `jwks` are empty where an id_token cannot be proved; `revoke` if not offered.

    `legacy` says that it was read from a CapabilityStatement, which tells no capabilities.
    """

    issuer: str
    authorize: str
    token: str
    jwks: str
    names_issuer: bool
    revoke: str = ""
    capabilities: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    signing: tuple[str, ...] = ()
    legacy: bool = False

    @classmethod
    def read(cls, document: object, iss: str, *, unproved_user: bool = False, what: str = _DOCUMENT) -> Discovery:
        """Check a smart-configuration, or `what` else is of its form. Raises `LaunchFailed`, naming the field."""
        if not isinstance(document, Mapping):
            raise LaunchFailed(f"{what} is not a JSON object.")
        methods = document.get("code_challenge_methods_supported")
        # A server that lists no methods may still check S256 (seen in the field); one that lists others does not.
        if methods is not None and not (isinstance(methods, list) and "S256" in methods):
            raise LaunchFailed("The EHR does not offer PKCE with S256, so the launch would not be protected.")
        issuer = document.get("issuer")
        if not (isinstance(issuer, str) and issuer):
            issuer = ""
        if not issuer and not unproved_user:
            raise LaunchFailed(f"{what} lacks 'issuer'.")
        optional = unproved_user and not (issuer and document.get("jwks_uri"))
        return cls(
            issuer,
            _endpoint(document, "authorization_endpoint", iss, what),
            _endpoint(document, "token_endpoint", iss, what),
            "" if optional else _endpoint(document, "jwks_uri", iss, what),
            document.get("authorization_response_iss_parameter_supported") is True,
            _endpoint(document, "revocation_endpoint", iss, what) if document.get("revocation_endpoint") else "",
            _texts(document, "capabilities"),
            _texts(document, "scopes_supported"),
            _texts(document, "token_endpoint_auth_signing_alg_values_supported"),
        )

    @classmethod
    def from_capability(cls, statement: object, iss: str) -> Discovery:
        """Read the `oauth-uris` extension of a CapabilityStatement. Raises `LaunchFailed`."""
        found = dict(_oauth_uris(statement))
        return cls(
            "",
            _endpoint(found, "authorize", iss, _STATEMENT),
            _endpoint(found, "token", iss, _STATEMENT),
            "",
            False,
            _endpoint(found, "revoke", iss, _STATEMENT) if found.get("revoke") else "",
            legacy=True,
        )

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Discovery:
        """From what `dataclasses.asdict` made, after JSON."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()
        }
        return cls(**values)

    @property
    def provable(self) -> bool:
        """Whether an id_token can be proved by issuer and signature."""
        return bool(self.issuer and self.jwks)


def end_session(document: object, issuer: str) -> str:
    """Where a browser goes to sign out at the server itself (OpenID Connect RP-Initiated Logout 1.0), or nothing."""
    with suppress(LaunchFailed):
        return _endpoint(document, "end_session_endpoint", issuer) if isinstance(document, Mapping) else ""
    return ""


def _oauth_uris(statement: object) -> Sequence[tuple[str, object]]:
    """The inner extensions of `rest[0].security`, as (url, valueUri)."""
    rest = _items(statement, "rest")
    security = rest[0].get("security") if rest else None
    return [
        (str(inner.get("url")), inner.get("valueUri"))
        for extension in _items(security, "extension")
        if extension.get("url") == OAUTH_URIS
        for inner in _items(extension, "extension")
    ]


def _items(holder: object, key: str) -> list[Mapping[str, Any]]:
    """The objects in a list of an object; nothing where the shape is another."""
    listed = holder.get(key) if isinstance(holder, Mapping) else None
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []


def _texts(document: Mapping[str, object], key: str) -> tuple[str, ...]:
    """A list of texts, or nothing."""
    listed = document.get(key)
    return tuple(item for item in listed[:500] if isinstance(item, str)) if isinstance(listed, list) else ()


def _endpoint(document: Mapping[str, object], key: str, iss: str, what: str = _DOCUMENT) -> str:
    """An endpoint's URL, resolved against the FHIR base; plain http only where the FHIR base is plain http itself."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise LaunchFailed(f"{what} lacks '{key}'.")
    try:
        url = urljoin(iss.rstrip("/") + "/", value)
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise LaunchFailed(f"{what} holds an unusable '{key}'.") from None
    # The host and port become part of a header (Content-Security-Policy), so nothing else may stand there.
    if parts.scheme not in {"https", urlsplit(iss).scheme} or not _HOST.fullmatch(parts.netloc) or parts.fragment:
        raise LaunchFailed(f"{what} holds an unusable '{key}'.")
    return url
