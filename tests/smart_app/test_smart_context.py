"""What a launch brings beside the token, and how it adapts to what an EHR offers."""

import json
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey, RSAKey
from smart_peer import EC, REDIRECT, RSA, SCOPES

from clinical.errors import LaunchFailed, NotAllowed
from fhir_adapters.smart.discovery import Discovery
from fhir_adapters.smart.ehr_style import KEYS, sanitised
from fhir_adapters.smart.session import LONG_URL, Registration
from fhir_adapters.smart.smart_scopes import form_of, not_beyond

V1 = ("patient/Encounter.read", "patient/Observation.read", "patient/Patient.read")
UNPROVED = Registration(unproved_user=True)


def scope(*names: str) -> str:
    """A scope of an EHR launch."""
    return " ".join(("launch", "openid", "fhirUser", *names))


def test_a_standalone_launch_asks_for_a_patient(sessions, launch_with, server) -> None:
    """No launch id goes out; launch/patient takes the place of launch."""
    server.scope = f"launch/patient openid fhirUser {' '.join(SCOPES)}"
    visit = launch_with(sessions, None)
    assert (visit.patient_id, visit.user) == ("p1", "Practitioner/7")


def test_a_standalone_launch_without_a_chosen_patient_is_words(sessions, launch_with, server) -> None:
    """The EHR must say whose chart it is."""
    server.scope = f"launch/patient openid fhirUser {' '.join(SCOPES)}"
    server.token["patient"] = None
    with pytest.raises(LaunchFailed, match="whose chart"):
        launch_with(sessions, None)


@pytest.mark.parametrize("slash", ["", "/"])
def test_aud_is_the_iss_as_it_was_sent(sessions, server, ehr, slash) -> None:
    """With and without a slash at its end; discovery lies at the same place."""
    begun = sessions.begin(replace(ehr, iss=server.iss + slash), "L1", REDIRECT)
    callback = server.authorize(begun.authorize_url)
    (sent,) = server.codes.values()
    assert sent["aud"] == server.iss + slash
    assert sessions.complete(begun.pending, callback).user == "Practitioner/7"


@pytest.mark.parametrize(
    ("wished", "discovery", "reads"),
    [
        ("auto", {}, SCOPES),
        ("auto", {"capabilities": ["permission-v1", "permission-v2"]}, SCOPES),
        ("auto", {"capabilities": ["permission-v1"]}, V1),
        ("auto", {"scopes_supported": ["patient/*.read", "user/*.*", "openid"]}, V1),
        ("auto", {"scopes_supported": ["patient/*.read", "patient/*.rs"]}, SCOPES),
        ("v1", {"capabilities": ["permission-v2"]}, V1),
        ("v2", {"capabilities": ["permission-v1"]}, SCOPES),
    ],
)
def test_scopes_are_asked_for_in_the_form_that_the_ehr_knows(
    sessions_for, launch_with, server, wished, discovery, reads
) -> None:
    """By capability, by what it lists, or by the registry; nothing is missing when all was granted."""
    server.discovery |= discovery
    server.scope = scope(*reads)
    sessions = sessions_for(Registration(scopes=wished))
    assert sessions.granted(launch_with(sessions)).not_granted == ()
    assert "*" not in server.scope


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (" ".join(V1), ()),
        ("patient/*.read", ()),
        ("user/*.cruds", ()),
        ("patient/Patient.rs", SCOPES[:2]),
        ("", SCOPES),
    ],
)
def test_the_grant_may_be_in_another_form_or_narrower_or_empty(sessions, launch_with, server, granted, missing) -> None:
    """The launch goes on, and says what is missing."""
    server.token["scope"] = granted
    visit = launch_with(sessions)
    assert sessions.granted(visit).not_granted == missing
    assert sessions.access(visit).scopes == tuple(granted.split())


@pytest.mark.parametrize(
    ("form", "asked", "granted", "can_write"),
    [
        ("v2", ("patient/Provenance.crs", "patient/RiskAssessment.crs"), "patient/*.cruds", ("RiskAssessment",)),
        ("v2", ("patient/Provenance.crs", "patient/RiskAssessment.crs"), "patient/RiskAssessment.rs", ()),
        (
            "v1",
            ("patient/RiskAssessment.read", "patient/RiskAssessment.write"),
            "patient/RiskAssessment.*",
            ("RiskAssessment",),
        ),
    ],
)  # fmt: skip
def test_leave_to_write_is_asked_for_where_the_registry_says_so(
    sessions_for, launch_with, server, form, asked, granted, can_write
) -> None:
    """What was not granted cannot be written; scopes to write are never reported as data that are missing."""
    types = tuple(sorted({name.split("/")[1].split(".")[0] for name in asked}))
    server.scope = scope(*(SCOPES if form == "v2" else V1), *asked)
    server.token["scope"] = f"{' '.join(SCOPES)} {granted}"
    sessions = sessions_for(Registration(scopes=form, writes=types))
    found = sessions.granted(launch_with(sessions))
    assert set(found.can_write) >= set(can_write)
    assert ("RiskAssessment" in found.can_write) == bool(can_write)
    assert found.not_granted == ()


def test_nothing_may_be_written_that_was_not_asked_for(launch, sessions, server) -> None:
    """A generous grant opens no door."""
    server.token["scope"] = "patient/*.cruds"
    assert sessions.granted(launch()).can_write == ()


def test_the_whole_context_is_read(launch, server) -> None:
    """FhirContext by role, intent, tenant; what is not of their form, or unknown, is left out."""
    server.token |= {
        "intent": "order-review",
        "tenant": "hospital-7",
        "authorization_details": [{"type": "x"}],
        "unknown": {"a": 1},
        "fhirContext": [
            {"reference": "ImagingStudy/i1"},
            {"reference": f"{server.iss}/ServiceRequest/s1", "role": "launch"},
            {"canonical": "https://forms.example/Questionnaire/q|1", "type": "Questionnaire"},
            {"reference": "Patient/p2"},
            {"reference": "Encounter/e2", "role": "launch"},
            {"reference": "Observation/o1", "role": "https://roles.example/unknown"},
            {"identifier": {"system": "urn:x", "value": "MRN 7"}},
            {"reference": "javascript:alert(1)"},
            {"reference": ["x"]},
            "ImagingStudy/i2",
        ],
    }
    visit = launch()
    assert (visit.intent, visit.tenant) == ("order-review", "hospital-7")
    assert [(item.reference.split("/")[-2], item.type, item.role) for item in visit.fhir_context] == [
        ("ImagingStudy", "ImagingStudy", "launch"),
        ("ServiceRequest", "ServiceRequest", "launch"),
        ("Questionnaire", "Questionnaire", "launch"),
    ]


@pytest.mark.parametrize("value", ["<script>", "a b", "x" * 200, 7, ["a"], "", None])
def test_what_is_no_name_is_left_out(launch, server, value) -> None:
    """Intent, tenant and fhirContext of another shape."""
    server.token |= {"intent": value, "tenant": value, "fhirContext": value}
    visit = launch()
    assert (visit.intent, visit.tenant, visit.fhir_context) == ("", "", ())


@pytest.mark.parametrize(("sent", "needed"), [(True, True), (None, True), ("false", True), (0, True), (False, False)])
def test_the_banner_is_needed_unless_the_ehr_says_false(launch, server, sent, needed) -> None:
    """Absent or unclear means: show who it is."""
    server.token["need_patient_banner"] = sent
    assert launch().need_patient_banner is needed


@pytest.mark.parametrize(
    ("claims", "token", "locale"),
    [
        ({"locale": "de-AT"}, {}, "de-AT"),
        ({"locale": "es_MX"}, {}, "es-MX"),
        ({}, {"locale": "fr"}, "fr"),
        ({"locale": "<b>"}, {"locale": 7}, ""),
        ({}, {}, ""),
    ],
)
def test_the_language_comes_from_the_id_token(launch, server, claims, token, locale) -> None:
    """Or from the token response; only a language tag counts."""
    server.claims, server.token = claims, token
    assert launch().locale == locale


# Style

GOOD = {"color_background": "#edeae3", "dim_font_size": "14px", "font_family_body": "Georgia, 'Times New Roman', serif"}
HOSTILE = {
    "color_text": "red; background: url(https://evil.example)",
    "color_error": "expression(alert(1))",
    "color_highlight": "#12345g",
    "color_success": 7,
    "dim_border_radius": "6px;}body{display:none",
    "dim_spacing_size": "9999px",
    "font_family_heading": "url('https://evil.example/f')",
    "--evil": "x",
    "script": "</style><script>",
}


def test_a_style_is_sanitised_and_kept_by_its_url(launch, server) -> None:
    """Known keys with a colour, a length, or font names; one fetch for each URL."""
    server.style = {**GOOD, **HOSTILE}
    server.token["smart_style_url"] = f"{server.origin}/style/1.json"
    assert launch().style == GOOD
    assert launch().style == GOOD
    server.token["smart_style_url"] = f"{server.origin}/style/2.json"
    launch()
    assert server.styles == ["1.json", "2.json"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/style.json", "http://user@127.0.0.1:1/s", "//evil.example/s", "javascript:alert(1)",
        "data:application/json,{}", "http://[", 7, "", "x" * 2000, "http://127.0.0.1:99999/s",
    ],
)  # fmt: skip
def test_a_style_from_elsewhere_is_not_fetched(launch, server, url) -> None:
    """Same origin as the FHIR base or the registry's list; the launch goes on without."""
    server.token["smart_style_url"] = url
    assert launch().style == {}
    assert server.styles == []


def test_a_broken_style_does_not_end_a_launch(launch, server) -> None:
    """404, another shape, too large."""
    for named, style in ((f"{server.origin}/absent", {}), (f"{server.origin}/style/a", ["x"]),
                         (f"{server.origin}/style/b", {**GOOD, "pad": "x" * 30_000})):  # fmt: skip
        server.token["smart_style_url"], server.style = named, style
        assert launch().style == {}


def test_a_style_origin_of_the_registry_counts(sessions_for, launch_with, server) -> None:
    """Another port of the same machine is another origin, unless it is named."""
    other = server.origin.replace("127.0.0.1", "localhost")
    server.style, server.token["smart_style_url"] = GOOD, f"{other}/style/1.json"
    assert launch_with(sessions_for()).style == {}
    assert launch_with(sessions_for(Registration(style_origins=(other,)))).style == GOOD


def test_no_value_of_a_style_can_leave_its_declaration() -> None:
    """Characters that end a CSS declaration pass nowhere."""
    for key in KEYS:
        for evil in ("#fff;", "1px}", "a{", "url(x)", "'a", 'a"b', "a\nb", "#fff/**/", "\\66", "@import"):
            assert sanitised({key: evil}) == {}


# POST authorization


def test_a_long_request_is_posted_where_the_ehr_takes_that(sessions_for, launch_with, server, ehr) -> None:
    """authorize-post and a URL beyond 2,000 characters; the same parameters, none in the URL."""
    many = tuple(f"patient/{'X' * 40}{letter}.rs" for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW")
    sessions = sessions_for(scopes=many)
    server.scope = scope(*many)
    by_url = sessions.begin(ehr, "L1", REDIRECT)
    assert not by_url.form
    assert len(by_url.authorize_url) > LONG_URL
    server.discovery["capabilities"] = ["authorize-post"]
    by_post = sessions.begin(ehr, "L1", REDIRECT)
    assert by_post.authorize_url == f"{server.origin}/authorize?tenant=1"
    assert by_post.form["state"] == by_post.state
    assert set(by_post.form) == {
        "response_type", "client_id", "redirect_uri", "scope", "aud", "state", "launch", "nonce",
        "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert launch_with(sessions).patient_id == "p1"


def test_a_short_request_is_not_posted(sessions, server, ehr) -> None:
    """Below the limit the browser follows a link, which needs no script and no button."""
    server.discovery["capabilities"] = ["authorize-post"]
    assert not sessions.begin(ehr, "L1", REDIRECT).form


# Discovery fallback


def test_without_a_smart_configuration_nobody_is_proved(sessions, server, ehr) -> None:
    """404: refused in words, unless the registry takes it on."""
    server.well_known = 404
    with pytest.raises(LaunchFailed, match="smart_unproved_user"):
        sessions.begin(ehr, "L1", REDIRECT)


def test_the_capability_statement_is_a_fallback(sessions_for, launch_with, server) -> None:
    """With the registry's word: endpoints from the extension, v1 scopes, PKCE all the same, the id_token's claims."""
    server.well_known, server.scope = 404, scope(*V1)
    assert launch_with(sessions_for(UNPROVED)).user == "Practitioner/7"
    assert "code_verifier" in server.token_forms[0]


@pytest.mark.parametrize(
    "claims", [{"nonce": "another"}, {"aud": "x"}, {"exp": 1_700_000_000}, {"iss": None}, {"fhirUser": None}]
)
def test_an_unproved_id_token_must_still_belong_to_the_launch(sessions_for, launch_with, server, claims) -> None:
    """Nonce, audience, times and the user are checked."""
    server.well_known, server.scope, server.claims = 404, scope(*V1), claims
    with pytest.raises(LaunchFailed):
        launch_with(sessions_for(UNPROVED))


def test_the_registrys_word_does_not_switch_off_a_proof_that_there_is(sessions_for, launch_with, server) -> None:
    """An EHR with issuer and keys is checked in full; one without them is not refused."""
    server.key = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    with pytest.raises(LaunchFailed, match="could not be verified"):
        launch_with(sessions_for(UNPROVED))
    server.discovery |= {"issuer": None, "jwks_uri": None}
    assert launch_with(sessions_for(UNPROVED)).user == "Practitioner/7"


@pytest.mark.parametrize("status", [500, 401, 403, 302])
def test_only_404_leads_to_the_fallback(sessions_for, server, ehr, status) -> None:
    """Another fault of the smart-configuration ends the launch: a downgrade must not be had by an outage."""
    server.well_known = status
    with pytest.raises(LaunchFailed, match=str(status)):
        sessions_for(UNPROVED).begin(ehr, "L1", REDIRECT)


@pytest.mark.parametrize("statement", [None, [], {}, {"rest": [{}]}, {"rest": ["x"]}, {"rest": [{"security": 7}]}])
def test_a_capability_statement_without_endpoints_is_refused(statement) -> None:
    """It never becomes "no authorization"."""
    with pytest.raises(LaunchFailed, match="lacks 'authorize'"):
        Discovery.from_capability(statement, "https://ehr.example/fhir")


def test_discovery_survives_its_seal() -> None:
    """What was read is what is used for the code."""
    document = {
        "issuer": "https://i", "jwks_uri": "keys", "authorization_endpoint": "a", "token_endpoint": "t",
        "capabilities": ["permission-v1", 7], "revocation_endpoint": "r",
    }  # fmt: skip
    found = Discovery.read(document, "https://ehr.example/fhir")
    assert Discovery.restored(json.loads(json.dumps(asdict(found)))) == found
    assert (found.token, found.revoke) == ("https://ehr.example/fhir/t", "https://ehr.example/fhir/r")
    assert form_of(found) == "v1"


# id_token: keys


def test_a_rotated_key_is_known_at_the_next_launch(launch, server) -> None:
    """The key set is read at every launch."""
    assert launch().user == "Practitioner/7"
    server.key = RSAKey.generate_key(2048, {"kid": "rsa-2", "use": "sig"})
    server.header, server.keys = {"alg": "RS256", "kid": "rsa-2"}, [server.key]
    assert launch().user == "Practitioner/7"
    server.key, server.header = RSA, {"alg": "RS256", "kid": "rsa-1"}
    with pytest.raises(LaunchFailed, match="could not be verified"):
        launch()


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "ES256", "ES384"])
def test_a_token_without_a_key_id_is_tried_with_each_key(launch, server, algorithm) -> None:
    """A set of several keys, one of them for encryption and one broken, and a token that names none."""
    p256 = ECKey.generate_key("P-256", {"kid": "p256"})
    keys = {"RS256": RSA, "RS384": RSA, "ES256": p256, "ES384": EC}
    server.header, server.key = {"alg": algorithm}, keys[algorithm]
    server.keys = [RSAKey.generate_key(2048, {"kid": "other"}), EC, RSA, p256]
    assert launch().user == "Practitioner/7"
    server.keys = [RSAKey.generate_key(2048, {"kid": "other"})]
    with pytest.raises(LaunchFailed, match="could not be verified"):
        launch()


@pytest.mark.parametrize("lifetime", ["3600", 3600.0])
def test_expires_in_may_be_text(launch, sessions, server, real_clock, lifetime) -> None:
    """Seen in the field."""
    server.token["expires_in"] = lifetime
    visit = launch()
    real_clock.ahead = timedelta(seconds=3590)
    assert sessions.access(visit).token == "secret-access-token"
    real_clock.ahead = timedelta(seconds=3601)
    with pytest.raises(NotAllowed, match="has run out"):
        sessions.access(visit)


@pytest.mark.parametrize("lifetime", ["soon", True, None, [1]])
def test_an_unclear_lifetime_is_none(launch, sessions, server, real_clock, lifetime) -> None:
    """Then a 401 is the first word on it."""
    server.token["expires_in"] = lifetime
    visit = launch()
    real_clock.ahead = timedelta(seconds=3840)
    assert sessions.access(visit).token == "secret-access-token"


def test_scopes_of_a_renewal_stay_within_the_first() -> None:
    """Whatever the form."""
    old = ("openid", "patient/*.rs", "user/Patient.cruds")
    assert not_beyond(("openid", "patient/Observation.rs", "patient/Observation.read"), old) == (
        "openid", "patient/Observation.rs", "patient/Observation.read",
    )  # fmt: skip
    assert not_beyond(("offline_access", "patient/Observation.cruds", "patient/*.crs", "user/*.rs?x=y"), old) == ()
