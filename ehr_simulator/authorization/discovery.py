"""What the EHR says about itself: SMART configuration, OpenID configuration, and the older extension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ehr_simulator.authorization.client_assertion import ALGORITHMS
from ehr_simulator.authorization.clients import METHODS
from ehr_simulator.settings import EhrSettings

CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-patient",
    "permission-user",
    "permission-online",
    "permission-offline",
)
SIGN_OUT = "/oauth/sign-out"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def smart_configuration(settings: EhrSettings) -> dict[str, object]:
    """The document at `[base]/.well-known/smart-configuration` (SMART App Launch 2.2, "Conformance")."""
    offers = settings.offers
    return {
        "issuer": settings.base_url,
        "jwks_uri": settings.login_keys_url,
        **{f"{name}_endpoint": url for name, url in endpoints(settings)},
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        **({"code_challenge_methods_supported": list(offers.challenge_methods)} if offers.challenge_methods else {}),
        **({"authorization_response_iss_parameter_supported": True} if offers.response_issuer else {}),
        "id_token_signing_alg_values_supported": [settings.id_token_algorithm],
        "subject_types_supported": ["public"],
        "claims_supported": ["iss", "sub", "auth_time", "name", "preferred_username", "groups", "fhirUser", "locale"],
        "scopes_supported": list(_scopes(settings)),
        "capabilities": [
            *CAPABILITIES,
            *(f"permission-{form}" for form in offers.scope_forms),
            *(["authorize-post"] if offers.post else []),
        ],
    }


def endpoints(settings: EhrSettings) -> Iterator[tuple[str, str]]:
    """The endpoints that are offered, by the first word of their member in discovery."""
    yield "authorization", f"{settings.base_url}/oauth/authorize"
    yield "token", settings.token_url
    if settings.offers.revocation:
        yield "revocation", f"{settings.base_url}/oauth/revoke"
    if settings.offers.introspection:
        yield "introspection", f"{settings.base_url}/oauth/introspect"
    yield "end_session", f"{settings.base_url}{SIGN_OUT}"


def _scopes(settings: EhrSettings) -> Iterator[str]:
    """Some of the scopes that can be granted, in the forms that are offered."""
    yield from ("openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter")
    yield from ("online_access", "offline_access")
    if "v1" in settings.offers.scope_forms:
        yield from ("patient/*.read", "user/*.read", "patient/RiskAssessment.write", "patient/Provenance.write")
    if "v2" in settings.offers.scope_forms:
        yield from ("patient/*.rs", "user/*.rs", "patient/RiskAssessment.cu", "patient/Provenance.cu")


def security(settings: EhrSettings) -> dict[str, Any]:
    """`CapabilityStatement.rest.security` with the older way to name the endpoints."""
    words = {"authorization": "authorize", "token": "token", "revocation": "revoke", "introspection": "introspect"}
    uris = [{"url": words[name], "valueUri": url} for name, url in endpoints(settings) if name in words]
    return {
        "extension": [{"url": OAUTH_URIS, "extension": uris}],
        "service": [{"coding": [{"system": SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
    }
