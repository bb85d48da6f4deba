"""The whole road over real HTTP, with Authlib as an independent client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from ehr_simulator.authorization.extras import Extras
from ehr_simulator.ehr_server import running_ehr
from ehr_simulator.settings import EhrSettings, system_clock

VERIFIER = "authlib-verifier-" + "v" * 40
SCOPE = "openid fhirUser launch patient/Patient.rs online_access"


@pytest.fixture
def served(ehr_settings: EhrSettings, free_ports: Any) -> Iterator[EhrSettings]:
    """The EHR on a free port."""
    base = f"http://127.0.0.1:{free_ports(1)[0]}"
    settings = replace(ehr_settings, base_url=base, clock=system_clock, extras=Extras(tenant="ward-7"))
    with running_ehr(settings):
        yield settings


@pytest.mark.parametrize(
    ("client", "secret", "method"),
    [("chartside", None, "none"), ("confidential", "a secret of some length", "client_secret_basic")],
)
def test_authlib_walks_the_road(
    served: EhrSettings, redirect_uri: str, client: str, secret: str | None, method: str
) -> None:
    """Discovery, launch, code with PKCE, context, FHIR call, refresh, revocation."""
    found = requests.get(f"{served.fhir_base}/.well-known/smart-configuration", timeout=60).json()
    asked = {"launchUrl": redirect_uri, "parameters": {"patient": "sim-02"}}
    launch = requests.post(f"{served.fhir_base}/_services/smart/Launch", json=asked, timeout=60).json()["launch_id"]
    with OAuth2Session(
        client,
        secret,
        scope=SCOPE,
        redirect_uri=redirect_uri,
        token_endpoint_auth_method=method,
        code_challenge_method="S256",
        token_endpoint=found["token_endpoint"],
        revocation_endpoint_auth_method=method,
    ) as session:
        url, state = session.create_authorization_url(
            found["authorization_endpoint"], code_verifier=VERIFIER, aud=served.fhir_base, launch=launch, nonce="n"
        )
        answer = requests.get(url, allow_redirects=False, timeout=60)
        back = answer.headers["Location"]
        assert parse_qs(urlsplit(back).query)["iss"] == [found["issuer"]]
        token = session.fetch_token(
            found["token_endpoint"], authorization_response=back, state=state, code_verifier=VERIFIER
        )
        assert (token["patient"], token["tenant"]) == ("sim-02", "ward-7")
        assert session.get(f"{served.fhir_base}/Patient/sim-02", timeout=60).json()["id"] == "sim-02"
        renewed = session.refresh_token(found["token_endpoint"], refresh_token=token["refresh_token"])
        assert renewed["access_token"] != token["access_token"]
        gone = session.revoke_token(found["revocation_endpoint"], token=renewed["refresh_token"])
        assert gone.status_code == 200
        assert session.get(f"{served.fhir_base}/Patient/sim-02", timeout=60).status_code == 401
