"""How the page proves to a token endpoint which app it is: public, by a secret, by a key; and its key set."""

import base64
import json
from datetime import UTC, datetime

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from smart_peer import REDIRECT

from clinical.errors import LaunchFailed, SettingsInvalid
from fhir_adapters.smart.client_authentication import Basic, PrivateKeyJwt, Public, TokenCall
from fhir_adapters.smart.client_keys import published, read_client_keys, signer_of
from fhir_adapters.smart.session import Registration

ES = ECKey.generate_key("P-384", {"kid": "es-1"}).as_dict(private=True)
RS = RSAKey.generate_key(2048, {"kid": "rs-1"}).as_dict(private=True)
ES_NEXT = ECKey.generate_key("P-384", {"kid": "es-2"}).as_dict(private=True)
CALL = TokenCall("app", "https://as.example/token", (), datetime(2026, 3, 2, 8, 0, tzinfo=UTC))


def test_a_public_client_says_who_it_is_and_proves_nothing(launch, server) -> None:
    """The client_id stands in the form, and neither a secret nor an assertion anywhere."""
    launch()
    (form,) = server.token_forms
    assert form["client_id"] == "chartside-app"
    assert server.headers == [None]
    assert "state" not in form


@pytest.mark.parametrize("secret", ["plain-secret", "with:colon & space + ü%"])
def test_a_secret_goes_into_a_header_alone(sessions_for, launch_with, server, secret) -> None:
    """HTTP Basic, form-encoded before it is joined; no client_id in the body."""
    server.secret = secret
    assert launch_with(sessions_for(Registration(Basic(secret)))).patient_id == "p1"
    (form,) = server.token_forms
    assert set(form) == {"code", "grant_type", "redirect_uri", "code_verifier"}
    assert secret not in repr(Basic(secret))
    with pytest.raises(LaunchFailed, match="401") as caught:
        launch_with(sessions_for(Registration(Basic("wrong-secret"))))
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(("own", "algorithm"), [(ES, "ES384"), (RS, "RS384")])
def test_a_signed_assertion_passes_a_strict_server(sessions_for, launch_with, server, own, algorithm) -> None:
    """ES384 and RS384; a second launch has an assertion of its own."""
    keys = read_client_keys(own)
    server.client_keys = lambda: published(keys)
    sessions = sessions_for(Registration(PrivateKeyJwt(keys)))
    assert launch_with(sessions).patient_id == "p1"
    assert launch_with(sessions).patient_id == "p1"
    assert len(server.jtis) == 2
    header = json.loads(base64.urlsafe_b64decode(server.token_forms[0]["client_assertion"].split(".")[0] + "=="))
    assert header == {"alg": algorithm, "kid": own["kid"], "typ": "JWT"}


def test_a_server_that_wants_an_assertion_refuses_anything_else(sessions_for, launch_with, server) -> None:
    """A public client, and one whose key is not registered."""
    server.client_keys = lambda: published(read_client_keys(ES))
    for authentication in (Public(), Basic("x")):
        with pytest.raises(LaunchFailed, match="401"):
            launch_with(sessions_for(Registration(authentication)))
    with pytest.raises(LaunchFailed):
        launch_with(sessions_for(Registration(PrivateKeyJwt(read_client_keys(ES_NEXT)))))


def test_an_assertion_has_the_claims_of_smart() -> None:
    """Client_id as iss and sub, the token URL as aud, 240 s, a new uuid each time."""
    keys = read_client_keys(ES)
    made = [PrivateKeyJwt(keys).apply({"code": "c", "client_id": "app"}, CALL)[0] for _ in range(2)]
    assert "client_id" not in made[0]
    public = KeySet.import_key_set(published(keys))
    first, second = (jwt.decode(form["client_assertion"], public, algorithms=["ES384"]).claims for form in made)
    issued = int(CALL.now.timestamp())
    assert (first["iss"], first["sub"], first["aud"]) == ("app", "app", "https://as.example/token")
    assert (first["iat"], first["exp"]) == (issued, issued + 240)
    assert len(first["jti"]) == 36
    assert first["jti"] != second["jti"]


def test_keys_rotate_with_overlap(sessions_for, launch_with, server) -> None:
    """Both keys are published; before and after the change of order an EHR that knows the set takes the assertion."""
    before, after = read_client_keys({"keys": [ES, ES_NEXT]}), read_client_keys({"keys": [ES_NEXT, ES]})
    server.client_keys = lambda: published(before)
    for keys, kid in ((before, "es-1"), (after, "es-2")):
        assert launch_with(sessions_for(Registration(PrivateKeyJwt(keys)))).patient_id == "p1"
        assert keys[0].kid == kid
    assert {key["kid"] for key in published(before)["keys"]} == {"es-1", "es-2"}


def test_the_key_set_holds_bare_public_keys_only() -> None:
    """No private member, whatever the file holds; each key once."""
    noted = {**ES, "key_ops": ["sign"], "note": "d", "x5c": ["MIIB"]}
    found = published([*read_client_keys({"keys": [noted, RS]}), *read_client_keys(ES)])["keys"]
    assert [set(key) for key in found] == [
        {"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"},
        {"kty", "n", "e", "kid", "use", "alg", "key_ops"},
    ]
    assert {key["key_ops"][0] for key in found} == {"verify"}
    with pytest.raises(SettingsInvalid, match="es-1"):
        published([*read_client_keys(ES), *read_client_keys({**ES_NEXT, "kid": "es-1"})])


def test_the_first_key_that_the_ehr_can_check_signs() -> None:
    """The first key, unless the EHR lists algorithms and another key fits them."""
    keys = read_client_keys({"keys": [ES, RS]})
    assert [signer_of(keys, known).kid for known in ((), ("RS384",), ("ES384", "RS384"), ("PS512",))] == [
        "es-1", "rs-1", "es-1", "es-1",
    ]  # fmt: skip


PUBLIC = {key: value for key, value in ES.items() if key != "d"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "no private JWK"),
        ({"keys": []}, "no private JWK"),
        ({"keys": [ES, ES]}, "same 'kid'"),
        ({"kty": "EC"}, "cannot be read"),
        (["x"], "no private JWK"),
        ({"keys": ["x"]}, "cannot be read"),
        (PUBLIC, "is public"),
        ({**ES, "kid": ""}, "without a 'kid'"),
        ({key: value for key, value in ES.items() if key != "kid"}, "without a 'kid'"),
        ({**ES, "alg": "ES256"}, "neither ES384"),
        ({**ES, "use": "enc"}, "neither ES384"),
        (ECKey.generate_key("P-256", {"kid": "p256"}).as_dict(private=True), "neither ES384"),
        (OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True), "neither ES384"),
    ],
)
def test_unusable_keys_are_named_at_start(document, words) -> None:
    """What is wrong is said, and no part of a key is."""
    with pytest.raises(SettingsInvalid, match=words) as caught:
        read_client_keys(document)
    assert ES["d"] not in str(caught.value)


def test_the_code_is_bound_to_redirect_and_verifier(sessions, server, ehr) -> None:
    """A code that came with another launch's seal is refused by the server: the verifier is another."""
    first, second = (sessions.begin(ehr, "L1", REDIRECT) for _ in range(2))
    stolen = server.authorize(first.authorize_url)
    with pytest.raises(LaunchFailed):
        sessions.complete(second.pending, {**stolen, "state": second.state})


def test_two_ehrs_cannot_be_mixed_up(sessions, server, ehr) -> None:
    """The code of one EHR goes to the token endpoint of the launch it belongs to, and to no other (row 29)."""
    begun = sessions.begin(ehr, "L1", REDIRECT)
    callback = server.authorize(begun.authorize_url)
    server.discovery["token_endpoint"] = "https://evil.example/token"
    assert sessions.complete(begun.pending, callback).client == "general"
