"""What a token response says about the launch, what discovery says about the server, and which scopes are granted."""

from __future__ import annotations

from typing import Any

import pytest

from ehr_simulator.authorization.extras import Extras
from ehr_simulator.authorization.offers import Offers
from ehr_simulator.authorization.scopes import grantable, needs_patient, standalone_part
from ehr_simulator.settings import OAuthClient

WELL_KNOWN = "/fhir/.well-known/smart-configuration"
FULL = Extras(
    intent="reconcile-medications",
    tenant="ward-7",
    fhir_context=({"reference": "ServiceRequest/1"}, {"canonical": "https://x.example/q|1", "type": "Questionnaire"}),
    need_patient_banner=True,
    style=True,
    locale="de-DE",
)


def test_every_context_member_can_be_sent(road_with: Any) -> None:
    """Intent, tenant, fhirContext, banner flag, style; the locale is a claim of the id_token."""
    road = road_with(extras=FULL)
    body = road.token()
    assert (body["intent"], body["tenant"]) == ("reconcile-medications", "ward-7")
    assert body["fhirContext"] == list(FULL.fhir_context)
    assert body["need_patient_banner"] is True
    assert body["smart_style_url"] == "http://127.0.0.1:8101/smart-style/v1.json"
    _, claims = road.claims(body["id_token"], "/oauth/jwks.json")
    assert claims["locale"] == "de-DE"


def test_a_launch_may_say_it_for_itself(road: Any) -> None:
    """The launch endpoint takes the members too; flags may be text."""
    launch = road.launch(intent="x", tenant="t", locale="fr", need_patient_banner="true", style=True,
                         fhirContext=[{"reference": "Observation/1"}])  # fmt: skip
    body = road.token(launch=launch)
    assert (body["intent"], body["tenant"], body["need_patient_banner"]) == ("x", "t", True)
    assert body["fhirContext"] == [{"reference": "Observation/1"}]
    assert "smart_style_url" in body


def test_nothing_is_said_that_was_not_set(road: Any) -> None:
    """By default there is no intent, tenant, fhirContext, style or locale."""
    body = road.token()
    assert not {"intent", "tenant", "fhirContext", "smart_style_url", "encounter", "refresh_token"} & body.keys()
    assert "locale" not in road.claims(body["id_token"], "/oauth/jwks.json")[1]


@pytest.mark.parametrize(
    "wrong", [{"intent": 7}, {"need_patient_banner": "perhaps"}, {"fhirContext": "x"}, {"fhirContext": ["x"]}]
)
def test_a_launch_of_the_wrong_shape_is_refused(road: Any, wrong: dict[str, Any]) -> None:
    """Wrong types give 400."""
    body = {"parameters": {"patient": "sim-02", **wrong}}
    assert road.client.post("/fhir/_services/smart/Launch", json=body).status_code == 400


def test_the_style_document(road: Any, road_with: Any) -> None:
    """The names of the specification, cacheable; the settings may replace it; no other name exists."""
    answer = road.client.get("/smart-style/v1.json")
    assert answer.get_json()["color_background"].startswith("#")
    assert "public" in answer.headers["Cache-Control"]
    assert road.client.get("/smart-style/hostile.json").status_code == 404
    own = road_with(style={"color_text": "#000000"})
    assert own.client.get("/smart-style/v1.json").get_json() == {"color_text": "#000000"}


def test_discovery_names_everything_that_is_offered(road: Any) -> None:
    """Capabilities, endpoints, methods."""
    document = road.client.get(WELL_KNOWN).get_json()
    for capability in ("launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric",
                       "client-confidential-asymmetric", "authorize-post", "context-style", "permission-v1",
                       "permission-v2", "permission-online", "permission-offline"):  # fmt: skip
        assert capability in document["capabilities"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert set(document["token_endpoint_auth_signing_alg_values_supported"]) == {"RS384", "ES384"}
    assert document["introspection_endpoint"].endswith("/oauth/introspect")
    assert road.client.get("/.well-known/openid-configuration").get_json() == document


def test_the_older_extension_names_the_same_endpoints(road: Any) -> None:
    """CapabilityStatement.rest.security with oauth-uris, also where .well-known is missing."""
    rest = road.client.get("/fhir/metadata").get_json()["rest"][0]["security"]
    uris = {one["url"]: one["valueUri"] for one in rest["extension"][0]["extension"]}
    document = road.client.get(WELL_KNOWN).get_json()
    assert uris == {
        "authorize": document["authorization_endpoint"],
        "token": document["token_endpoint"],
        "revoke": document["revocation_endpoint"],
        "introspect": document["introspection_endpoint"],
    }


def test_each_way_of_discovery_can_be_missing(road_with: Any) -> None:
    """Either document, or single members."""
    bare = road_with(offers=Offers(well_known=False))
    assert bare.client.get(WELL_KNOWN).status_code == 404
    assert "security" in bare.client.get("/fhir/metadata").get_json()["rest"][0]
    modern = road_with(offers=Offers(capability_extension=False))
    security = modern.client.get("/fhir/metadata").get_json()["rest"][0].get("security", {})
    assert "extension" not in security
    silent = road_with(offers=Offers(challenge_methods=None, response_issuer=False))
    document = silent.client.get(WELL_KNOWN).get_json()
    assert "code_challenge_methods_supported" not in document
    assert "authorization_response_iss_parameter_supported" not in document
    assert "iss" not in silent.returned(silent.authorize())


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "ES256", "ES384"])
def test_the_algorithm_of_the_id_token_is_a_setting(road_with: Any, algorithm: str) -> None:
    """RS256 is what most servers use."""
    road = road_with(id_token_algorithm=algorithm)
    header, claims = road.claims(road.token()["id_token"], "/oauth/jwks.json", algorithm)
    assert header["alg"] == algorithm
    assert claims["aud"] == "chartside"
    assert road.client.get(WELL_KNOWN).get_json()["id_token_signing_alg_values_supported"] == [algorithm]


@pytest.mark.parametrize(
    ("forms", "left"), [(("v1",), "launch patient/Patient.read"), (("v2",), "launch patient/Encounter.rs")]
)
def test_a_server_may_know_one_form_of_scopes_only(road_with: Any, forms: tuple[str, ...], left: str) -> None:
    """Scopes of the other form are not granted, and discovery does not name it."""
    road = road_with(offers=Offers(scope_forms=forms))
    assert road.token(scope="launch patient/Patient.read patient/Encounter.rs")["scope"] == left
    named = road.client.get(WELL_KNOWN).get_json()["capabilities"]
    assert {one for one in named if one in {"permission-v1", "permission-v2"}} == {f"permission-{forms[0]}"}


WRITES = ("RiskAssessment", "Provenance")


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("patient/RiskAssessment.cuds", "patient/RiskAssessment.cus"),
        ("patient/RiskAssessment.cruds", "patient/RiskAssessment.crus"),
        ("patient/RiskAssessment.write", "patient/RiskAssessment.write"),
        ("patient/RiskAssessment.*", "patient/RiskAssessment.*"),
        ("patient/RiskAssessment.d", ""),
        ("patient/Observation.cud", ""),
        ("patient/Observation.write", ""),
        ("patient/*.write", "patient/RiskAssessment.write patient/Provenance.write"),
        ("patient/*.cruds", "patient/*.rs patient/RiskAssessment.cu patient/Provenance.cu"),
        ("patient/*.*", "patient/*.read patient/RiskAssessment.write patient/Provenance.write"),
        ("user/*.cruds", "user/*.rs"),
        ("user/RiskAssessment.c", ""),
    ],
)
def test_writing_scopes_are_granted_for_what_may_be_written(asked: str, granted: str) -> None:
    """Each in the form it was asked for, wildcards type by type, deleting never."""
    assert grantable(asked, WRITES) == granted


def test_a_wildcard_for_writing_may_be_granted_as_it_is(road_with: Any, redirect_uri: str) -> None:
    """Where the app's registration says so."""
    road = road_with(clients=(OAuthClient("chartside", (redirect_uri,), writes=("*",)),))
    asked = "launch patient/*.read patient/*.write"
    assert road.token(scope=asked)["scope"] == asked
    assert grantable("patient/*.cruds", ("*",)) == "patient/*.crus"


def test_launch_scopes() -> None:
    """What remains standalone, and when a patient must be chosen."""
    assert standalone_part("openid launch launch/patient online_access offline_access") == (
        "openid launch/patient offline_access"
    )
    assert needs_patient("launch/encounter")
    assert needs_patient("patient/Patient.rs")
    assert not needs_patient("openid user/Patient.rs")
