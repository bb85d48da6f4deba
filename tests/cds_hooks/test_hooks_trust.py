"""Who may call: every rule about the JWT has a case that breaks it, and all refusals look the same.

The numbers of rows are those of the conformance checklist, section K (88 to 101).
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from cds_hooks.trust import Caller, Presented, Trust
from cds_hooks.trust.certificate import fingerprint
from cds_hooks.trust.keys import PublicKeys
from clinical.errors import ChartsideError, LedgerUnavailable, NotAuthenticated
from fhir_adapters.http.transport import Deadline, Transport

PATH = "/cds-services"
ISSUER = "https://ehr.test"
JKU = "https://ehr.test/.well-known/jwks.json"
URL = "https://chartside.test/cds-services"
EVERY_ALGORITHM = ["ES384", "RS384", "ES256", "RS256", "HS256"]


def get(door: Any, token: str | None, scheme: str = "Bearer") -> Any:
    """Discovery with a token."""
    headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
    return door.http.get(PATH, headers=headers)


def encoded(members: str) -> str:
    """A part of a token, as it is."""
    return base64.urlsafe_b64encode(members.encode()).rstrip(b"=").decode()


def heading(algorithm: Any) -> str:
    """A header that names an algorithm, whatever the signature is."""
    return encoded(json.dumps({"alg": algorithm, "kid": "k1", "typ": "JWT"}))


def row(key: Any, **changes: Any) -> dict[str, Any]:
    """The public row of a key in a JWK Set."""
    return {**key.as_dict(private=False), **changes}


@pytest.fixture(scope="module")
def rsa_key() -> RSAKey:
    """One RSA key for all: making one takes long."""
    return RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})


class Store:
    """Used ids, as a ledger keeps them."""

    def __init__(self) -> None:
        self.until: dict[tuple[str, str], float] = {}

    def claim(self, client: str, token_id: str, expires: float) -> bool:
        new = (client, token_id) not in self.until
        self.until.setdefault((client, token_id), expires)
        return new


class Ehr:
    """One caller, its key, and a `Trust` with a short way to ask it."""

    def __init__(self, clock: Any, **caller: Any) -> None:
        self.clock = clock
        self.key = ECKey.generate_key("P-384", {"kid": "k1", "use": "sig", "alg": "ES384"})
        self.key_set: Any = {"keys": [row(self.key)]}
        self.store = Store()
        self.fetched: list[str] = []
        self.caller = Caller(**{"id": "ehr", "authentication": "jwt", "issuer": ISSUER, "keys": JKU, **caller})
        self.trust = self.another()

    def another(self, *more: Caller) -> Trust:
        """A `Trust` over the same store, as another process has it."""
        return Trust([self.caller, *more], fetch_keys=self._fetch, used=self.store, clock=self.clock)

    def _fetch(self, url: str) -> object:
        self.fetched.append(url)
        if isinstance(self.key_set, Exception):
            raise self.key_set
        return self.key_set

    def token(self, *, key: Any = None, header: Any = None, **claims: Any) -> str:
        """A token that holds, with changes; a claim or header member set to None is left out."""
        now = int(self.clock.now().timestamp())
        content = {
            "iss": ISSUER,
            "aud": URL,
            "iat": now,
            "exp": now + 300,
            "jti": f"id-{time.monotonic_ns()}",
            **claims,
        }
        head = {"alg": "ES384", "kid": "k1", "typ": "JWT", **(header or {})}
        return jwt.encode(
            {name: value for name, value in head.items() if value is not None},
            {name: value for name, value in content.items() if value is not None},
            key or self.key,
            algorithms=EVERY_ALGORITHM,
        )

    def ask(self, token: str, certificate: str | None = None, trust: Trust | None = None) -> str:
        """Who presents this token? Empty for a refusal."""
        presented = Presented(f"Bearer {token}", URL, "10.0.0.9", True, certificate)
        try:
            return (trust or self.trust).identify(presented)
        except NotAuthenticated:
            return ""


@pytest.fixture
def make_ehr(clock: Any) -> Callable[..., Ehr]:
    """A factory of EHRs."""
    return lambda **caller: Ehr(clock, **caller)


@pytest.mark.conforms(89, 91, 92, 93, 94)
def test_a_signed_call_is_let_in(guarded: Any) -> None:
    """Rows 89, 91 to 94: ES384 by the registered key set; the audience may be one of a list."""
    assert get(guarded, guarded.token()).status_code == 200
    assert get(guarded, guarded.token(aud=["https://other", "https://chartside.test/cds-services"])).status_code == 200
    assert get(guarded, guarded.token(), "bearer").status_code == 200
    assert guarded.fetched == [JKU]


@pytest.mark.conforms(91)
def test_rs384_is_let_in(make_ehr: Callable[..., Ehr], rsa_key: RSAKey) -> None:
    """Row 91: the other algorithm of the specification."""
    ehr = make_ehr()
    ehr.key_set = {"keys": [row(rsa_key)]}
    assert ehr.ask(ehr.token(key=rsa_key, header={"alg": "RS384", "kid": "r1"})) == "ehr"


def test_what_we_do_not_know_is_passed_over(make_ehr: Callable[..., Ehr]) -> None:
    """Unknown claims and header members (RFC 7515 section 4, RFC 7519 section 4), a long jku, an early nbf."""
    long = "https://ehr.test/" + "k" * 900
    ehr = make_ehr(keys=long)
    now = int(ehr.clock.now().timestamp())
    assert ehr.ask(ehr.token(header={"jku": long}, nbf=now - 300, vendor={"a": [1]}, sub="x", tenant="t")) == "ehr"
    header = encoded(json.dumps({"alg": "ES384", "kid": "k1", "typ": "JWT", "vendor": 7}))
    signed = ehr.token()
    assert ehr.ask(f"{header}.{signed.partition('.')[2]}") == ""  # the header is signed, too


def bad_tokens(door: Any) -> dict[str, str]:
    """One token per broken rule."""
    now = int(door.clock.now().timestamp())
    stranger = ECKey.generate_key("P-384", {"kid": "k1"})
    p256 = ECKey.generate_key("P-256", {"kid": "k1"})
    public = json.dumps(door.key.as_dict(private=False)).encode()
    good = door.token()
    head, claims, signature = good.split(".")
    twice = encoded('{"iss":"https://ehr.test","iss":"https://ehr.test"}')
    not_a_number = encoded('{"iss":"https://ehr.test","exp":NaN}')
    return {
        "another key under the same id": door.token(key=stranger),
        "ES256": door.token(key=p256, header={"alg": "ES256"}),
        "RS384 by an EC key": f"{heading('RS384')}.{claims}.{signature}",
        "HMAC with the public key": door.token(key=OctKey.import_key(public), header={"alg": "HS256"}),
        "alg none": f"{heading('none')}.{claims}.",
        "alg None": f"{heading('None')}.{claims}.",
        "alg a list": f"{heading(['ES384'])}.{claims}.{signature}",
        "signature cut": f"{head}.{claims}.",
        "signature of zeros": f"{head}.{claims}.{'A' * 128}",
        "claims changed": f"{head}.{claims[:-2]}AA.{signature}",
        "repeated claim": f"{head}.{twice}.{signature}",
        "claims no object": f"{head}.{encoded('[]')}.{signature}",
        "NaN": f"{head}.{not_a_number}.{signature}",
        "deep": f"{head}.{encoded('[' * 2000)}.{signature}",
        "no kid": door.token(header={"kid": None}),
        "unknown kid": door.token(header={"kid": "k2"}),
        "kid a path": door.token(header={"kid": "../../dev/null"}),
        "another typ": door.token(header={"typ": "at+jwt"}),
        "foreign jku": door.token(header={"jku": "https://evil.test/jwks"}),
        "jku with a suffix": door.token(header={"jku": JKU + "/"}),
        "embedded key": door.token(header={"jwk": stranger.as_dict(private=False)}),
        "certificate chain": door.token(header={"x5c": ["AAAA"]}),
        "certificate URL": door.token(header={"x5u": "https://evil.test/c.pem"}),
        "no iss": door.token(iss=None),
        "foreign iss": door.token(iss="https://ehr.test.evil.test"),
        "iss with a slash": door.token(iss="https://ehr.test/"),
        "iss a list": door.token(iss=["https://ehr.test"]),
        "no aud": door.token(aud=None),
        "empty aud": door.token(aud=[]),
        "aud of another endpoint": door.token("/cds-services/icu-mortality"),
        "aud as prefix": door.token(aud="https://chartside.test/"),
        "aud an object": door.token(aud={"https://chartside.test/cds-services": 1}),
        "no exp": door.token(exp=None),
        "expired": door.token(iat=now - 600, exp=now - 300),
        "text exp": door.token(exp=str(now + 300)),
        "no iat": door.token(iat=None),
        "iat in the future": door.token(iat=now + 200, exp=now + 400),
        "too long a life": door.token(exp=now + 3600),
        "exp before iat": door.token(iat=now + 30, exp=now + 10),
        "nbf in the future": door.token(nbf=now + 200),
        "nbf a truth value": door.token(nbf=True),
        "no jti": door.token(jti=None),
        "empty jti": door.token(jti=""),
        "long jti": door.token(jti="x" * 257),
        "numeric jti": door.token(jti=7),
        "not a token": "a.b.c",
        "two parts": f"{head}.{claims}",
        "four parts": f"{good}.x",
        "not base64": f"{head}.{claims}!.{signature}",
        "too long": "x" * 9000,
        "empty": "",
    }


@pytest.mark.conforms(90, 92, 93, 94, 95, 97, 98, 99)
def test_every_broken_rule_gets_the_same_answer(guarded: Any) -> None:
    """Rows 90 to 99: one and the same 401 for all; no request to a URL that the registry does not name."""
    answers = {name: get(guarded, token) for name, token in bad_tokens(guarded).items()}
    answers["no token"] = get(guarded, None)
    answers["another scheme"] = get(guarded, guarded.token(), "Basic")
    assert {name for name, answer in answers.items() if answer.status_code != 401} == set()
    seen = set()
    for answer in answers.values():
        body = answer.get_json()
        body["issue"][0].pop("diagnostics", None)  # an incident id, where there is one, says nothing
        headers = {name: value for name, value in answer.headers.items() if name != "Date"}
        seen.add((json.dumps(body, sort_keys=True), json.dumps(headers, sort_keys=True), len(answer.data)))
    assert len(seen) == 1
    assert "WWW-Authenticate" in answers["no token"].headers
    assert set(guarded.fetched) <= {JKU}


@pytest.mark.conforms(99, 100)
def test_the_reason_is_logged_and_the_token_is_not(make_ehr: Callable[..., Ehr], caplog: Any) -> None:
    """Rows 99 and 100: whoever runs the service learns the rule; no part of the token is in the log."""
    ehr = make_ehr()
    with caplog.at_level(logging.DEBUG):
        ehr.ask(ehr.token(aud="https://elsewhere.test/SECRET", jti="SECRET"))
        ehr.ask(ehr.token())
    (line,) = [record for record in caplog.records if record.name.startswith("chartside")]
    assert line.outcome == "audience"
    whole = repr([record.__dict__ for record in caplog.records])
    assert "SECRET" not in whole
    assert "eyJ" not in whole
    assert "eyJ" not in repr(Presented(f"Bearer {ehr.token()}", URL, "", False))


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"iat": 0, "exp": 300}, True),
        ({"iat": 59, "exp": 300}, True),
        ({"iat": 61, "exp": 300}, False),
        ({"iat": -300, "exp": -59}, True),
        ({"iat": -300, "exp": -61}, False),
        ({"iat": 0, "exp": 301}, False),
        ({"iat": 0, "exp": 0}, False),
        ({"iat": 0, "exp": 300, "nbf": 59}, True),
        ({"iat": 0, "exp": 300, "nbf": 61}, False),
        ({"iat": -0.5, "exp": 299.5}, True),
    ],
)
def test_time_is_bounded_with_a_minute_of_leeway(
    claims: dict[str, float], good: bool, make_ehr: Callable[..., Ehr]
) -> None:
    """Row 93: iat, exp and nbf, and exp - iat at most what the registry allows."""
    ehr = make_ehr()
    now = int(ehr.clock.now().timestamp())
    assert bool(ehr.ask(ehr.token(**{name: now + value for name, value in claims.items()}))) == good


def test_a_longer_life_needs_a_word_in_the_registry(make_ehr: Callable[..., Ehr]) -> None:
    """Epic's sample lives for 900 s."""
    ehr = make_ehr(max_lifetime_s=900)
    now = int(ehr.clock.now().timestamp())
    assert ehr.ask(ehr.token(exp=now + 900)) == "ehr"
    assert ehr.ask(ehr.token(exp=now + 901)) == ""


@pytest.mark.conforms(91)
def test_weaker_algorithms_count_only_where_they_are_named(make_ehr: Callable[..., Ehr], rsa_key: RSAKey) -> None:
    """Row 91: ES256 and RS256 by an entry that names them; then nothing else."""
    p256 = ECKey.generate_key("P-256", {"kid": "k2"})
    for algorithm, key, kid in (("ES256", p256, "k2"), ("RS256", rsa_key, "r1")):
        usual, named = make_ehr(), make_ehr(algorithms=(algorithm,))
        for ehr in (usual, named):
            ehr.key_set = {"keys": [row(key), row(ehr.key)]}
        header = {"alg": algorithm, "kid": kid}
        assert usual.ask(usual.token(key=key, header=header)) == ""
        assert named.ask(named.token(key=key, header=header)) == "ehr"
        assert named.ask(named.token()) == ""


@pytest.mark.conforms(98)
@pytest.mark.parametrize(("claim", "field"), [("tenant", "tenants"), ("sub", "subjects")])
def test_listed_claims_must_be_there_and_listed(claim: str, field: str, make_ehr: Callable[..., Ehr]) -> None:
    """Row 98, and Epic's sub: an allow-list, exact; without a list the claim is free."""
    ehr = make_ehr(**{field: ("one", "two")})
    assert ehr.ask(ehr.token(**{claim: "two"})) == "ehr"
    for value in (None, "", "three", "one ", "ONE", ["one"], 1):
        assert ehr.ask(ehr.token(**{claim: value})) == "", value
    free = make_ehr()
    assert free.ask(free.token(**{claim: "anything"})) == "ehr"


@pytest.mark.conforms(98)
def test_tenants_of_one_issuer_are_told_apart(make_ehr: Callable[..., Ehr]) -> None:
    """A vendor's cloud signs for all its hospitals with one issuer."""
    ehr = make_ehr(tenants=("north",))
    trust = ehr.another(Caller("south", "jwt", ISSUER, JKU, tenants=("south",), subjects=("app",)))
    assert ehr.ask(ehr.token(tenant="north"), trust=trust) == "ehr"
    assert ehr.ask(ehr.token(tenant="south", sub="app"), trust=trust) == "south"
    assert ehr.ask(ehr.token(tenant="south"), trust=trust) == ""
    assert ehr.ask(ehr.token(tenant="west", sub="app"), trust=trust) == ""
    assert ehr.fetched == [JKU]


@pytest.mark.conforms(94)
def test_listed_audiences_are_taken_besides_the_url(make_ehr: Callable[..., Ehr]) -> None:
    """Row 94 and section 7: some EHRs send one fixed value."""
    ehr = make_ehr(audiences=("urn:site:cds",))
    assert ehr.ask(ehr.token(aud="urn:site:cds")) == "ehr"
    assert ehr.ask(ehr.token(aud=["x", "urn:site:cds"])) == "ehr"
    assert ehr.ask(ehr.token(aud="urn:site")) == ""


DER = b"\x30\x03\x02\x01\x07" * 40
MARK = hashlib.sha256(DER).hexdigest()
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(DER).decode()}-----END CERTIFICATE-----\n"
FORMS = {
    "hex": MARK,
    "upper case with colons": ":".join(MARK[place : place + 2] for place in range(0, 64, 2)).upper(),
    "PEM, URL-encoded": quote(PEM),
    "RFC 9440": f":{base64.b64encode(DER).decode()}:",
}


@pytest.mark.conforms(6)
@pytest.mark.parametrize("form", FORMS)
def test_a_listed_certificate_is_needed_beside_the_token(form: str, make_ehr: Callable[..., Ehr]) -> None:
    """Row 6: mutual TLS as the proxy reports it, never instead of the token."""
    ehr = make_ehr(certificates=(MARK,))
    assert ehr.ask(ehr.token(), FORMS[form]) == "ehr"
    assert ehr.ask(ehr.token(exp=1), FORMS[form]) == ""


@pytest.mark.conforms(6)
@pytest.mark.parametrize(
    "sent",
    [None, "", MARK[:-1], "0" * 64, hashlib.sha1(DER).hexdigest(), ":!!:", ":AAA:", "x" * 20_000, f"{MARK}, {MARK}"],
)
def test_any_other_certificate_is_refused(sent: str | None, make_ehr: Callable[..., Ehr]) -> None:
    """Absent, foreign, SHA-1, broken, joined from two headers."""
    ehr = make_ehr(certificates=(MARK,))
    assert ehr.ask(ehr.token(), sent) == ""


@given(st.text(max_size=300))
def test_a_certificate_header_is_read_or_is_nothing(sent: str) -> None:
    """64 hex digits or an empty string, whatever comes."""
    assert fingerprint(MARK + MARK) == ""
    assert len(fingerprint(sent)) in (0, 64)


@pytest.mark.conforms(97)
def test_a_token_counts_once_in_all_processes(make_ehr: Callable[..., Ehr]) -> None:
    """Row 97: the second use is refused, also by another process or after a restart, until it has expired anyway."""
    ehr = make_ehr()
    token = ehr.token(jti="once")
    assert ehr.ask(token) == "ehr"
    assert ehr.ask(token) == ""
    assert ehr.ask(token, trust=ehr.another()) == ""
    assert ehr.store.until == {("ehr", "once"): ehr.clock.now().timestamp() + 360}
    ehr.clock.time += timedelta(seconds=361)
    ehr.store.until.clear()
    assert ehr.ask(token) == ""


def test_only_a_token_that_holds_uses_up_its_id(make_ehr: Callable[..., Ehr]) -> None:
    """Nobody can fill the store, or burn somebody's id, without the key."""
    ehr = make_ehr(subjects=("app",))
    stranger = ECKey.generate_key("P-384", {"kid": "k1"})
    for changes in ({"key": stranger}, {"aud": "x"}, {"sub": "other"}, {"header": {"jku": "https://evil.test"}}):
        assert ehr.ask(ehr.token(**{"sub": "app", "jti": "mine", **changes})) == ""
    assert ehr.store.until == {}
    assert ehr.ask(ehr.token(sub="app", jti="mine")) == "ehr"


def test_a_store_that_is_away_is_503_and_not_401(guarded: Any) -> None:
    """The caller did nothing wrong; nothing is answered either."""
    guarded.used.fault = LedgerUnavailable("The store is away.")
    assert get(guarded, guarded.token()).status_code == 503
    guarded.used.fault = None
    assert get(guarded, guarded.token()).status_code == 200


def test_authentication_comes_before_the_body(guarded: Any) -> None:
    """A stranger's body is not parsed, and a stranger does not learn which services there are."""
    response = guarded.http.post("/cds-services/nobody", data=b"{", content_type="application/json")
    assert response.status_code == 401


@pytest.mark.conforms(96)
def test_keys_of_a_file_are_not_fetched(make_ehr: Callable[..., Ehr]) -> None:
    """Row 96: keys handed over out of band; a jku is refused unless the registry names it, and never called."""
    ehr = make_ehr()
    ehr.caller = Caller("ehr", "jwt", ISSUER, ehr.key_set)
    named = Trust(
        [Caller("ehr", "jwt", ISSUER, ehr.key_set, jku=JKU)], fetch_keys=ehr._fetch, used=Store(), clock=ehr.clock
    )
    plain = ehr.another()
    assert ehr.ask(ehr.token(), trust=plain) == "ehr"
    assert ehr.ask(ehr.token(header={"jku": JKU}), trust=plain) == ""
    assert ehr.ask(ehr.token(header={"jku": JKU}), trust=named) == "ehr"
    assert ehr.ask(ehr.token(header={"jku": JKU + "2"}), trust=named) == ""
    assert ehr.fetched == []


def small_rsa() -> dict[str, Any]:
    """A row with 1024 bits, which the library would take with a warning."""
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = base64.urlsafe_b64encode(numbers.n.to_bytes(128)).rstrip(b"=").decode()
    return {"kty": "RSA", "kid": "k1", "n": modulus, "e": "AQAB"}


def test_rows_that_are_not_meant_for_this_do_not_count(make_ehr: Callable[..., Ehr]) -> None:
    """Another use, another algorithm, another operation, symmetric, too short, broken, on another curve."""
    good = make_ehr()
    usable = row(good.key)
    unusable: list[dict[str, Any]] = [
        {"use": "enc"},
        {"alg": "ES256"},
        {"alg": "HS384"},
        {"key_ops": ["encrypt"], "use": None},
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["EC"]},
        {"crv": "P-256"},
        {"crv": 7},
        {"x": "AAAA"},
        {"x": None},
        {"y": {}},
        {"kid": 7},
        {"kid": None},
    ]
    for changes in unusable:
        good.key_set = {"keys": [{**usable, **changes}]}
        assert good.ask(good.token(), trust=good.another()) == "", changes
    assert PublicKeys({"keys": [small_rsa()]}).find("k1", "RS384") == ()
    good.key_set = {"keys": [None, "x", {**usable, "x": "AAAA"}, usable]}
    assert good.ask(good.token(), trust=good.another()) == "ehr"


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=4)
ROWS = st.fixed_dictionaries(
    {"kid": st.just("k1")},
    optional={
        "kty": st.sampled_from(["EC", "RSA", "oct", "OKP"]) | JSON,
        "crv": st.sampled_from(["P-384", "P-256"]) | JSON,
        "x": st.text("AQ_-=", max_size=70) | JSON,
        "y": st.text("AQ_-", max_size=70) | JSON,
        "n": st.text("Q", min_size=340, max_size=350) | JSON,
        "e": st.just("AQAB") | JSON,
        "key_ops": JSON,
        "d": JSON,
    },
)


@settings(max_examples=200)
@given(rows=st.lists(ROWS, max_size=3) | JSON, algorithm=st.sampled_from(["ES384", "RS384", "ES256", "RS256"]))
def test_no_key_set_breaks_anything(rows: Any, algorithm: str) -> None:
    """Whatever stands behind the URL, there is a key or there is none."""
    assert len(PublicKeys({"keys": rows}).find("k1", algorithm)) <= 3


class KeyServer:
    """A real key server on this machine; it notes what it is asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                found = server.answers.get(self.path)
                body = json.dumps(found).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    """A key server that is closed in the end."""
    server = KeyServer()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.mark.conforms(101)
def test_keys_are_rotated_over_http(key_server: KeyServer, make_ehr: Callable[..., Ehr]) -> None:
    """Row 101: an unknown key id asks again, not at every call; a withdrawn key stops to count within five minutes."""
    ehr = make_ehr(keys=f"{key_server.base}/jwks")
    transport = Transport()
    trust = Trust(
        [ehr.caller],
        fetch_keys=lambda url: transport.get_json(url, deadline=Deadline.after(2)),
        used=ehr.store,
        clock=ehr.clock,
    )
    key_server.answers["/jwks"] = ehr.key_set
    assert ehr.ask(ehr.token(), trust=trust) == "ehr"
    assert ehr.ask(ehr.token(), trust=trust) == "ehr"
    assert key_server.asked == ["/jwks"]
    fresh = ECKey.generate_key("P-384", {"kid": "k9"})
    key_server.answers["/jwks"] = {"keys": [row(fresh)]}
    for _ in range(5):
        assert ehr.ask(ehr.token(key=fresh, header={"kid": "k9"}), trust=trust) == ""
    assert len(key_server.asked) == 1
    ehr.clock.time += timedelta(seconds=31)
    assert ehr.ask(ehr.token(key=fresh, header={"kid": "k9"}), trust=trust) == "ehr"
    assert ehr.ask(ehr.token(), trust=trust) == ""
    assert len(key_server.asked) == 2
    key_server.answers["/jwks"] = {"keys": [row(ehr.key)]}
    ehr.clock.time += timedelta(seconds=301)
    assert ehr.ask(ehr.token(key=fresh, header={"kid": "k9"}), trust=trust) == ""
    assert ehr.ask(ehr.token(), trust=trust) == "ehr"


@pytest.mark.conforms(95)
def test_a_jku_never_chooses_where_keys_come_from(key_server: KeyServer, make_ehr: Callable[..., Ehr]) -> None:
    """Row 95: an attacker's key set at an attacker's URL is not asked for; nor is anything for a foreign issuer."""
    evil = ECKey.generate_key("P-384", {"kid": "k1"})
    key_server.answers |= {"/jwks": make_ehr().key_set, "/evil": {"keys": [row(evil)]}}
    ehr = make_ehr(keys=f"{key_server.base}/jwks")
    transport = Transport()
    trust = Trust(
        [ehr.caller],
        fetch_keys=lambda url: transport.get_json(url, deadline=Deadline.after(2)),
        used=ehr.store,
        clock=ehr.clock,
    )
    for jku in (f"{key_server.base}/evil", f"{key_server.base}/jwks?x=/evil", f"{key_server.base}/jwks#/evil"):
        assert ehr.ask(ehr.token(key=evil, header={"jku": jku}), trust=trust) == ""
    assert ehr.ask(ehr.token(key=evil, iss=f"{key_server.base}/evil"), trust=trust) == ""
    assert key_server.asked == []


def test_a_key_server_that_is_away_is_asked_less_and_less(make_ehr: Callable[..., Ehr]) -> None:
    """No way in, no fault of ours, and no storm: waits of 1, 2, 4 … up to 300 seconds."""
    ehr = make_ehr()
    ehr.key_set = ChartsideError("away")
    asked_at = []
    for second in range(1000):
        before = len(ehr.fetched)
        assert ehr.ask(ehr.token()) == ""
        if len(ehr.fetched) > before:
            asked_at.append(second)
        ehr.clock.time += timedelta(seconds=1)
    assert asked_at == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811]
    ehr.key_set = {"keys": [row(ehr.key)]}
    ehr.clock.time += timedelta(seconds=300)
    assert ehr.ask(ehr.token()) == "ehr"


@pytest.mark.parametrize("answer", [ChartsideError("away"), None, [], {"keys": {}}, {"nokeys": []}, "x"])
def test_known_keys_count_on_for_a_day_while_their_server_is_away(answer: Any, make_ehr: Callable[..., Ehr]) -> None:
    """An outage of the key server does not stop care; but keys that nobody can confirm do not live for ever."""
    ehr = make_ehr()
    assert ehr.ask(ehr.token()) == "ehr"
    ehr.key_set = answer
    for hours in (1, 22):
        ehr.clock.time += timedelta(hours=hours)
        assert ehr.ask(ehr.token()) == "ehr"
    ehr.clock.time += timedelta(hours=1, seconds=1)
    assert ehr.ask(ehr.token()) == ""


def test_a_cold_start_asks_once_and_lets_all_in(make_ehr: Callable[..., Ehr]) -> None:
    """Calls that arrive while the first one fetches the keys wait for them."""
    ehr = make_ehr()
    slow = ehr._fetch

    def fetch(url: str) -> object:
        time.sleep(0.1)
        return slow(url)

    trust = Trust([ehr.caller], fetch_keys=fetch, used=ehr.store, clock=ehr.clock)
    tokens = [ehr.token(jti=str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda token: ehr.ask(token, trust=trust), tokens)) == {"ehr"}
    assert len(ehr.fetched) == 1


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "Via"])
def test_a_proxy_is_not_this_machine(header: str, door: Any) -> None:
    """The entry for this machine does not cover what a proxy brings in."""
    assert door.http.get(PATH).status_code == 200
    assert door.http.get(PATH, headers={header: "x"}).status_code == 401


def test_another_machine_is_not_this_machine(door: Any) -> None:
    """The peer's address decides."""
    assert door.http.get(PATH, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 401
    assert door.http.get(PATH, environ_base={"REMOTE_ADDR": "::1"}).status_code == 200
    assert door.http.get(PATH, environ_base={"REMOTE_ADDR": ""}).status_code == 401


def test_a_token_is_not_a_way_around_the_entry_for_this_machine(door: Any) -> None:
    """Who presents a token is judged by it, also on this machine; a loopback entry has no issuer to speak for."""
    assert get(door, door.token()).status_code == 401
