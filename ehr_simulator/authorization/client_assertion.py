"""private_key_jwt as SMART App Launch 2.2 asks for it ("Client Authentication: Asymmetric")."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from ehr_simulator.authorization.client_keys import ClientKeys
from ehr_simulator.authorization.kept import Kept
from ehr_simulator.authorization.library import InvalidClientError
from ehr_simulator.settings import EhrSettings, OAuthClient

ALGORITHMS = ("RS384", "ES384")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 300


class AssertionCheck:
    """Checks one assertion at a time; remembers the newest five thousand jti, far more than five minutes hold."""

    def __init__(self, settings: EhrSettings) -> None:
        """Keep the settings and the registered apps."""
        self._settings = settings
        self._clients = {client.client_id: client for client in settings.clients}
        self._keys = ClientKeys(settings.keys_timeout)
        self._seen: Kept[str] = Kept()

    def __call__(self, query_client: Callable[[str], Any], request: Any) -> Any:
        """The client, None where the request carries no assertion. Raises `InvalidClientError` for a wrong one."""
        assertion = request.form.get("client_assertion")
        if not assertion:
            return None
        if request.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _refused("client_assertion_type is not jwt-bearer")
        return query_client(self._checked(assertion))

    def _checked(self, assertion: str) -> str:
        """The client id that a correct assertion proves."""
        try:
            header = dict(jws.extract_compact(assertion.encode()).headers())
        except (JoseError, ValueError):
            raise _refused("not a JWT") from None
        claims = self._verified(assertion, header)
        self._check_times(claims)
        if not self._seen.put_new(f"{claims['iss']} {claims['jti']}", "seen"):
            raise _refused("jti was used before")
        return str(claims["iss"])

    def _verified(self, assertion: str, header: Mapping[str, Any]) -> dict[str, Any]:
        """The claims, once header, issuer, key and signature are right."""
        unchecked = _unchecked_claims(assertion)
        client = self._clients.get(str(unchecked.get("iss", "")))
        if client is None or client.authentication != "private_key_jwt":
            raise _refused("iss is not an app with a registered key")
        _check_header(header, client)
        key = self._keys.find(client, str(header["kid"]), self._settings.clock())
        if key is None:
            raise _refused("kid is not in the key set of the app")
        try:
            claims = jwt.decode(assertion, key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError):
            raise _refused("the signature is wrong") from None
        _check_names(claims, self._settings.token_url)
        return dict(claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        """The exp lies in the future, at most five minutes ahead."""
        now = self._settings.clock().timestamp()
        ends = claims.get("exp")
        if isinstance(ends, bool) or not isinstance(ends, int | float) or ends <= now:
            raise _refused("exp is missing or has passed")
        if ends > now + LONGEST_LIFE:
            raise _refused("exp is more than five minutes ahead")


def _unchecked_claims(assertion: str) -> dict[str, Any]:
    """The claims before any check, for finding the key only."""
    try:
        claims = json.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError):
        raise _refused("not a JWT") from None
    if not isinstance(claims, dict):
        raise _refused("not a JWT")
    return claims


def _check_header(header: Mapping[str, Any], client: OAuthClient) -> None:
    """alg, kid and typ are required; jku, where sent, is the registered URL."""
    if header.get("alg") not in ALGORITHMS:
        raise _refused("alg is neither RS384 nor ES384")
    if not isinstance(header.get("kid"), str) or header.get("typ") != "JWT":
        raise _refused("kid and typ JWT are required")
    if "jku" in header and header["jku"] != client.jwks_url:
        raise _refused("jku is not the registered URL")


def _check_names(claims: Mapping[str, Any], token_url: str) -> None:
    """That iss = sub, aud = the token endpoint, a jti."""
    if claims.get("iss") != claims.get("sub"):
        raise _refused("iss and sub differ")
    if claims.get("aud") not in (token_url, [token_url]):
        raise _refused("aud is not the token endpoint")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise _refused("jti is missing")


def _refused(why: str) -> Exception:
    """The OAuth error with its reason."""
    fault: Exception = InvalidClientError(description=f"client_assertion: {why}.", status_code=401)
    return fault
