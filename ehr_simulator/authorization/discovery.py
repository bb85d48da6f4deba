"""What the EHR says about itself: SMART configuration and OpenID configuration."""

from __future__ import annotations

from ehr_simulator.settings import EhrSettings
from ehr_simulator.signing import ALGORITHM

CAPABILITIES = (
    "launch-ehr",
    "client-public",
    "client-confidential-symmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-ehr-encounter",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def smart_configuration(settings: EhrSettings) -> dict[str, object]:
    """The document at `[base]/.well-known/smart-configuration` (SMART App Launch 2.2, "Conformance")."""
    return {
        "issuer": settings.base_url,
        "jwks_uri": settings.login_keys_url,
        "authorization_endpoint": f"{settings.base_url}/oauth/authorize",
        "token_endpoint": f"{settings.base_url}/oauth/token",
        "revocation_endpoint": f"{settings.base_url}/oauth/revoke",
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "grant_types_supported": ["authorization_code"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "fhirUser", "profile", "launch", "patient/*.rs", "user/*.rs"],
        "capabilities": list(CAPABILITIES),
    }
