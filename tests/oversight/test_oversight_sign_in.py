"""In and out of the quality team's pages by a real sign-in server: the stand-in hospital, over real HTTP."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from open_ports import free_port
from sqlalchemy import Engine

from chartside.quality_sign_in import sign_in_deps
from chartside.sign_in import SignInEntry
from clinical.audit import AuditKind
from clinical.errors import LedgerUnavailable
from ehr_simulator.demo.quality_sign_in import CLIENT_ID
from ehr_simulator.demo.quality_sign_in import client as registered
from ehr_simulator.ehr_server import running_ehr
from ehr_simulator.settings import EhrSettings
from fhir_adapters.http.transport import Transport
from fhir_adapters.smart.client_authentication import Public
from oversight.database import open_engine
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.begins import MOST
from oversight.pages.door.roles import Role
from oversight.pages.door.sign_in import PENDING
from oversight.pages.door.visits import COOKIE
from oversight.schema import upgrade
from oversight.used_tokens import SqlUsedTokens

PAGE = "/oversight/override-rates"
FIRST = "/oversight/"
CHANGE = "/oversight/change"
HERE = "http://localhost"
SECRET = b"a secret of all processes, 32 bytes or more"
NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
PASSWORD = {"Authorization": "Basic " + base64.b64encode(b"quality:word").decode()}
GROUPS = {
    Role.QUALITY: frozenset({"chartside-quality"}),
    Role.MODELLER: frozenset({"chartside-modellers"}),
    Role.INTEGRATOR: frozenset({"chartside-integrators"}),
    Role.AUDITOR: frozenset({"chartside-auditors"}),
    Role.ADMIN: frozenset({"chartside-admins"}),
    Role.CLINICIAN: frozenset({"clinicians"}),
}


class MovedClock:
    """The time of the pages and of the hospital."""

    time = NOW

    def now(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


CLOCK = MovedClock()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for all tests: nothing here is about what it holds."""
    made = open_engine(f"sqlite:///{tmp_path_factory.mktemp('sign-in') / 'ledger.db'}")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> Iterator[MovedClock]:
    """At noon."""
    CLOCK.time = NOW
    return CLOCK


@pytest.fixture(scope="module")
def running_hospital() -> Iterator[EhrSettings]:
    """The stand-in hospital, served."""
    base = f"http://127.0.0.1:{free_port()}"
    settings = EhrSettings(base, "http://127.0.0.1:9/fhir", HERE, (registered(HERE),), clock=CLOCK.now)
    with running_ehr(settings):
        yield settings


@pytest.fixture
def hospital(running_hospital: EhrSettings) -> Iterator[EhrSettings]:
    """The same, honest again after each test."""
    yield running_hospital
    running_hospital.mischief.disarm()


@pytest.fixture
def entry(hospital: EhrSettings) -> SignInEntry:
    """How people sign in."""
    return SignInEntry(
        kind="oidc",
        base=hospital.base_url,
        client_id=CLIENT_ID,
        label="Demo hospital",
        scopes=("openid", "profile"),
        authentication=Public(),
        roles_claim=("groups",),
        groups=GROUPS,
        people={},
        name_claim="",
        idle=timedelta(minutes=15),
        longest=timedelta(hours=8),
        max_age=None,
    )


@dataclass
class Place:
    """One process of the service, and one browser at it."""

    browser: FlaskClient

    def begin(self, to: str = PAGE, **more: Any) -> str:
        """From the button to the hospital's address."""
        return self.browser.get("/oversight/sign-in/begin", query_string={"to": to}, **more).headers["Location"]

    def answer(self, url: str, user: str = "ann") -> dict[str, str]:
        """Sign in at the hospital: what it sends back."""
        with requests.Session() as session:
            session.trust_env = False
            page = session.get(url, timeout=60)
            hidden = dict(re.findall(r'name="(request|step)" value="([^"]+)"', page.text))
            sent = {**hidden, "user": user}
            where = f"{url.partition('/oauth')[0]}/oauth/continue"
            back = session.post(where, data=sent, timeout=60, allow_redirects=False).headers["Location"]
        assert back.startswith(f"{HERE}/oversight/callback?")
        return dict(parse_qsl(urlsplit(back).query))

    def callback(self, answer: dict[str, str]) -> Any:
        """Back from the hospital."""
        return self.browser.get("/oversight/callback", query_string=answer)

    def sign_in(self, user: str = "ann", to: str = PAGE) -> Any:
        """The whole way."""
        return self.callback(self.answer(self.begin(to), user))

    def cookie(self, name: str = COOKIE) -> str | None:
        """What the browser holds."""
        held = self.browser.get_cookie(name, domain="localhost")
        return None if held is None else held.value

    def hold(self, value: str, name: str = COOKIE) -> None:
        """Put a cookie into the browser."""
        self.browser.set_cookie(name, value, domain="localhost")

    def forget(self, name: str = COOKIE) -> None:
        """Take it out."""
        self.browser.delete_cookie(name, domain="localhost")

    def form(self) -> str:
        """The token of the header's form."""
        found = re.search(r'name="form" value="([0-9a-f]{64})"><button>Sign out', self.browser.get(PAGE).text)
        assert found is not None
        return found[1]


@pytest.fixture
def place_with(page_mart: Any, notes: Any, engine: Any, clock: MovedClock, entry: SignInEntry) -> Any:
    """Call it for a process with a browser; keywords change the entry, `password` opens the other way."""

    def make(*, password: str | None = None, secret: bytes = SECRET, used: Any = None, **changes: Any) -> Place:
        deps = sign_in_deps(
            replace(entry, **changes),
            transport=Transport(),
            clock=clock,
            used=used or SqlUsedTokens(engine, clock),
            base_url=HERE,
            seal_key=b"k" * 32,
        )
        app = Flask("test")
        pages = create_blueprint(PageDeps(clock, notes, password, mart=page_mart, sign_in=deps, secret=secret))
        pages.post(CHANGE)(lambda: "changed")
        app.register_blueprint(pages)
        return Place(app.test_client())

    return make


@pytest.fixture
def place(place_with: Any) -> Place:
    """A process with the usual settings."""
    made: Place = place_with()
    return made


def details(notes: Any) -> list[str]:
    """What the audit says about the sign-in."""
    return [event.detail for event in notes.events if event.kind is AuditKind.SIGN_IN]


def test_a_stranger_is_led_to_the_button_and_back(place: Place) -> None:
    """GET leads to a page with a button that keeps the address; nothing is read before."""
    asked = f"{PAGE}?service=sepsis-6h&by=month"
    led = place.browser.get(asked)
    assert led.status_code == 303
    assert parse_qs(urlsplit(led.headers["Location"]).query) == {"to": [asked]}
    page = place.browser.get(led.headers["Location"])
    assert page.status_code == 200
    assert "Sign in with Demo hospital" in page.text
    assert "password" not in page.text
    assert urlencode({"to": asked}) in page.text.replace("&amp;", "&")
    assert place.sign_in(to=asked).headers["Location"] == asked


def test_a_form_of_a_stranger_changes_nothing(place: Place, notes: Any) -> None:
    """POST is 401 with a page, not a way round through the hospital."""
    for address in (CHANGE, "/oversight/sign-out"):
        refused = place.browser.post(address)
        assert refused.status_code == 401
        assert "Nothing was changed" in refused.text
    assert notes.events == []
    place.sign_in()
    assert place.browser.post(CHANGE).text == "changed"


@pytest.mark.parametrize(
    ("user", "role"),
    [("ann", "quality"), ("mo", "modeller"), ("ines", "integrator"), ("olu", "auditor"), ("ada", "admin"),
     ("dr-demo", "clinician")],
)  # fmt: skip
def test_everybody_gets_the_role_of_their_group(place: Place, notes: Any, user: str, role: str) -> None:
    """Name and role stand in the header of every page, and in the audit."""
    answer = place.sign_in(user)
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert f"Signed in as <strong>{user}</strong> ({role})" in place.browser.get(PAGE).text
    assert re.fullmatch(rf"signed in: {user} \(person [0-9a-f]{{16}}\) as {role}", details(notes)[0])
    assert notes.events[-1].detail.endswith(f"by {user}")


def test_nobody_gets_a_role_by_default(place: Place, notes: Any) -> None:
    """Who has no role is told so, gets no visit, and stands in the audit."""
    answer = place.sign_in("pat")
    assert answer.status_code == 403
    assert "You have no role here" in answer.text
    assert "pat" in answer.text
    assert place.cookie() is None
    assert re.fullmatch(r"sign-in refused: pat \(person [0-9a-f]{16}\) has no role", details(notes)[0])
    assert place.browser.get(PAGE).status_code == 303


def test_the_request_is_one_that_cannot_be_used_by_others(place: Place, hospital: EhrSettings) -> None:
    """S256, a new state and nonce each time, only the scopes of identity, no secret in the address."""
    first, second = (dict(parse_qsl(urlsplit(place.begin()).query)) for _ in range(2))
    assert first["code_challenge_method"] == "S256"
    assert first["scope"] == "openid profile"
    assert first["redirect_uri"] == f"{HERE}/oversight/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert first["state"] not in str(place.cookie(PENDING))
    assert len(str(place.cookie(PENDING))) < 2_000  # browsers keep 4,096 bytes


def test_a_cookie_is_for_this_host_only_and_not_for_scripts(place: Place) -> None:
    """`__Host-`, Secure, HttpOnly, Lax, Path=/; the pending one is gone after the answer."""
    begun = place.browser.get("/oversight/sign-in/begin")
    done = place.callback(place.answer(begun.headers["Location"]))
    for answer, name in ((begun, PENDING), (done, COOKIE)):
        (line,) = [text for text in answer.headers.getlist("Set-Cookie") if text.startswith(name + "=")]
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(line.split("; "))
        assert "Domain" not in line
    assert place.cookie(PENDING) is None


@pytest.mark.parametrize("state", ["", "x", "a" * 5_000, "\ufffd", None])
def test_another_state_is_refused(place: Place, state: str | None) -> None:
    """Also a missing one; the right answer still counts afterwards."""
    right = place.answer(place.begin())
    wrong = {**right, "state": state} if state is not None else {"code": right["code"], "iss": right["iss"]}
    refused = place.callback(wrong)
    assert refused.status_code == 400
    assert "not begun in this browser" in refused.text
    assert place.cookie() is None
    assert place.callback(right).status_code == 303


def test_a_state_sent_twice_is_refused(place: Place) -> None:
    """Two values of one parameter are none."""
    answer = place.answer(place.begin())
    twice = [*answer.items(), ("state", answer["state"])]
    assert place.browser.get("/oversight/callback", query_string=urlencode(twice)).status_code == 400


def test_an_answer_counts_once_in_all_processes(place: Place, place_with: Any, notes: Any) -> None:
    """The same answer with the same pending cookie, at another process."""
    answer = place.answer(place.begin())
    pending = place.cookie(PENDING)
    assert place.callback(answer).status_code == 303
    other = place_with()
    other.hold(str(pending), PENDING)
    again = other.callback(answer)
    assert again.status_code == 400
    assert "used already" in again.text
    assert other.cookie() is None
    assert details(notes)[-1] == "sign-in refused: used before"


def test_an_answer_to_another_browser_is_refused(place: Place, place_with: Any) -> None:
    """Without the cookie, and with that of another sign-in: nobody can be signed in as somebody else."""
    answer = place.answer(place.begin(), "mo")
    other = place_with()
    assert other.callback(answer).status_code == 400
    other.begin()
    assert other.callback(answer).status_code == 400
    assert other.cookie() is None


def test_only_the_last_begun_sign_in_counts(place: Place) -> None:
    """One at a time in a browser."""
    first = place.answer(place.begin())
    place.begin()
    assert place.callback(first).status_code == 400


def test_an_answer_may_take_ten_minutes(place: Place, clock: MovedClock, notes: Any) -> None:
    """Not longer."""
    answer = place.answer(place.begin())
    clock.forward(minutes=10)
    late = place.callback(answer)
    assert (late.status_code, place.cookie()) == (400, None)
    assert "more than ten minutes" in late.text
    assert details(notes) == ["sign-in refused: too late"]


@pytest.mark.parametrize(
    "mischief",
    ["wrong_nonce", "no_nonce", "alg_none", "hs256_public_key", "bad_signature", "foreign_key", "retired_key",
     "expired_id_token", "future_id_token", "foreign_audience", "extra_audience", "foreign_issuer", "no_id_token",
     "other_issuer", "no_issuer"],
)  # fmt: skip
def test_an_identity_that_is_not_proved_opens_nothing(
    place: Place, hospital: EhrSettings, notes: Any, mischief: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every fault of the id_token, and the answer of another server; neither page, audit nor log holds a token."""
    hospital.mischief.arm(mischief)
    with caplog.at_level(logging.INFO):
        refused = place.sign_in()
    assert refused.status_code == 403
    assert "did not prove who you are" in refused.text
    assert place.cookie() is None
    assert details(notes) == ["sign-in refused: identity not proved"]
    assert any("fault" in vars(record) for record in caplog.records)
    everything = refused.text + str(notes.events) + str([vars(record) for record in caplog.records])
    assert "eyJ" not in everything


@pytest.mark.parametrize(
    ("mischief", "value"), [("token_status", 503), ("not_json", None), ("token_redirect", "http://127.0.0.1:9/")]
)
def test_a_server_that_does_not_answer_is_said(
    place: Place, hospital: EhrSettings, notes: Any, mischief: str, value: Any
) -> None:
    """503 and words; a token never follows a redirect."""
    hospital.mischief.arm(mischief, value=value)
    refused = place.sign_in()
    assert (refused.status_code, place.cookie()) == (503, None)
    assert details(notes) == ["sign-in refused: the sign-in server could not be used"]


def test_a_hospital_that_is_not_there_is_said(place_with: Any) -> None:
    """At the button, with words."""
    refused = place_with(base="http://127.0.0.1:9").browser.get("/oversight/sign-in/begin")
    assert refused.status_code == 503
    assert "did not answer as it should" in refused.text


def test_another_issuer_than_that_of_the_settings_is_refused(place_with: Any, hospital: EhrSettings) -> None:
    """To the last letter (OpenID Connect Discovery 4.3)."""
    assert place_with(base=f"{hospital.base_url}/").browser.get("/oversight/sign-in/begin").status_code == 503


def test_who_declines_is_told_so(place: Place, hospital: EhrSettings, notes: Any) -> None:
    """access_denied; the description is not repeated."""
    state = dict(parse_qsl(urlsplit(place.begin()).query))["state"]
    answer = {"error": "access_denied", "error_description": "<b>no</b>", "state": state, "iss": hospital.base_url}
    refused = place.callback(answer)
    assert refused.status_code == 403
    assert "declined" in refused.text
    assert "<b>" not in refused.text
    assert details(notes) == ["sign-in refused: declined at the sign-in server"]


def test_a_changed_cookie_is_none(place: Place, place_with: Any) -> None:
    """Any letter, another secret, other rules of roles, another longest time."""
    place.sign_in("mo")
    good = str(place.cookie())
    text, _, mark = good.rpartition(".")
    quality = base64.urlsafe_b64encode(base64.urlsafe_b64decode(text).replace(b'"modeller"', b'"quality"')).decode()
    for bad in (f"{quality}.{mark}", text, f"{text}.", f".{mark}", good[:-1], good + "0", good.upper(), "x" * 4_000):
        place.hold(bad)
        assert place.browser.get(PAGE).status_code == 303, bad[:20]
    for other in (
        place_with(secret=b"another"),
        place_with(groups={}),
        place_with(people={Role.ADMIN: frozenset("x")}),
        place_with(longest=timedelta(hours=24)),  # the id of a visit that was ended is forgotten by then
    ):
        other.hold(good)
        assert other.browser.get(PAGE).status_code == 303
    again = place_with()
    again.hold(good)
    assert again.browser.get(PAGE).status_code == 200


def test_the_pending_cookie_is_no_visit(place: Place) -> None:
    """Each text is signed for its own purpose."""
    place.begin()
    place.hold(str(place.cookie(PENDING)))
    assert place.browser.get(PAGE).status_code == 303


def test_sign_out_ends_every_copy_of_the_cookie(place: Place, place_with: Any, notes: Any) -> None:
    """In this process and in the others; the page offers to sign out at the hospital too."""
    place.sign_in()
    copy = str(place.cookie())
    out = place.browser.post("/oversight/sign-out", data={"form": place.form()}, headers={"Origin": HERE})
    assert out.status_code == 303
    assert place.cookie() is None
    assert details(notes)[-1].startswith("signed out: ann (person ")
    page = place.browser.get(out.headers["Location"])
    assert "You are signed out of these pages" in page.text
    assert "/oauth/sign-out?client_id=chartside-quality&amp;post_logout_redirect_uri=" in page.text
    for anywhere in (place, place_with()):
        anywhere.hold(copy)
        assert anywhere.browser.get(PAGE).status_code == 303


def test_sign_out_needs_the_form_of_this_person(place: Place, place_with: Any) -> None:
    """No token, another's token, another site, no site at all: the visit goes on."""
    other = place_with()
    other.sign_in("mo")
    place.sign_in()
    own = place.form()
    for data, origin in (
        ({}, None),
        ({"form": "0" * 64}, None),
        ({"form": other.form()}, None),
        ({"form": [own, own]}, None),
        ({"form": own}, "https://evil.example"),
        ({"form": own}, "null"),
        ({"form": own}, "http://[::1"),
    ):
        headers = {"Origin": origin} if origin else {}
        assert place.browser.post("/oversight/sign-out", data=data, headers=headers).status_code == 403
    assert place.browser.get(PAGE).status_code == 200


def test_without_use_a_visit_ends_after_fifteen_minutes(place: Place, clock: MovedClock) -> None:
    """Use renews it; afterwards the page says why, and the way leads back."""
    place.sign_in()
    for _ in range(3):
        clock.forward(minutes=14)
        assert place.browser.get(PAGE).status_code == 200
    stale = str(place.cookie())
    clock.forward(minutes=15)
    led = place.browser.get(f"{PAGE}?by=month")
    assert led.status_code == 303
    assert place.cookie() is None
    page = place.browser.get(led.headers["Location"])
    assert "You were signed out after 15 minutes without use" in page.text
    assert urlencode({"to": f"{PAGE}?by=month"}) in page.text
    place.hold(stale)
    form = place.browser.post(CHANGE, headers={"Referer": f"{HERE}{PAGE}?by=day"})
    assert form.status_code == 401
    assert "15 minutes without use" in form.text
    assert "Nothing was changed" in form.text
    assert urlencode({"to": f"{PAGE}?by=day"}) in form.text
    place.hold(stale)
    out = place.browser.post("/oversight/sign-out")
    assert "You are signed out of these pages" in place.browser.get(out.headers["Location"]).text


def test_an_old_page_of_a_sign_out_does_not_say_so_to_who_is_in(place: Place) -> None:
    """On a shared computer that would be a trap."""
    place.sign_in()
    assert place.browser.get("/oversight/sign-in?why=out").headers["Location"] == FIRST


def test_use_is_noted_at_most_once_a_minute(place: Place, clock: MovedClock) -> None:
    """So that not every page brings a cookie."""
    place.sign_in()
    before = place.cookie()
    clock.forward(seconds=59)
    place.browser.get(PAGE)
    assert place.cookie() == before
    clock.forward(seconds=1)
    place.browser.get(PAGE)
    assert place.cookie() != before


def test_a_visit_ends_after_eight_hours_of_use(place: Place, clock: MovedClock) -> None:
    """However often it is used."""
    place.sign_in()
    for _ in range(47):
        clock.forward(minutes=10)
        assert place.browser.get(PAGE).status_code == 200
    clock.forward(minutes=10)
    led = place.browser.get(PAGE)
    assert "a visit ends after 8 hours" in place.browser.get(led.headers["Location"]).text


def test_a_visit_gets_a_new_id_at_every_sign_in(place: Place, place_with: Any) -> None:
    """A cookie that was there before, of whoever, is not taken up, and ends."""
    place.sign_in("mo")
    before = str(place.cookie())
    place.sign_in("ann")
    assert place.cookie() != before
    assert "<strong>ann</strong>" in place.browser.get(PAGE).text
    place.hold(before)
    assert place.browser.get(PAGE).status_code == 303


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example/oversight/", "/\\evil.example", "/oversight/..//evil.example", "/smart/x",
     "/oversight/../smart/launch", "/oversight/%2e%2e/smart", "javascript:alert(1)", "/oversight/\nx", "/oversightful",
     "/oversight/sign-in", "/oversight/sign-out", "/oversight/callback?x=1", "/oversight/" + "x" * 600, "",
     "/oversight/?a=\\b"],
)  # fmt: skip
def test_the_way_back_leads_to_these_pages_only(place: Place, to: str) -> None:
    """No open redirect: everything else leads to the first page."""
    assert place.sign_in(to=to).headers["Location"] == FIRST
    assert place.browser.get("/oversight/sign-in", query_string={"to": to}).headers["Location"] == FIRST


def test_another_site_begins_nothing(place: Place) -> None:
    """Its link or image leads to the page with the button."""
    shown = place.browser.get("/oversight/sign-in/begin", headers={"Sec-Fetch-Site": "cross-site"})
    assert shown.status_code == 200
    assert place.cookie(PENDING) is None


def test_a_flood_of_begun_sign_ins_is_stopped(place: Place, clock: MovedClock) -> None:
    """By address and minute."""
    statuses = [place.browser.get("/oversight/sign-in/begin").status_code for _ in range(MOST + 1)]
    assert statuses == [303] * MOST + [429]
    stopped = place.browser.get("/oversight/sign-in/begin")
    assert stopped.headers["Retry-After"] == "60"
    other = {"REMOTE_ADDR": "10.0.0.2"}
    assert place.browser.get("/oversight/sign-in/begin", environ_base=other).status_code == 303
    clock.forward(minutes=1)
    assert place.browser.get("/oversight/sign-in/begin").status_code == 303


def test_the_password_stays_a_way_in_where_it_is_set(place_with: Any, notes: Any) -> None:
    """For tools by its header, for a browser by a link; a visit comes first."""
    place = place_with(password="word")
    assert place.browser.get(PAGE, headers=PASSWORD).status_code == 200
    assert "Sign out" not in place.browser.get(PAGE, headers=PASSWORD).text
    wrong = {"Authorization": "Basic " + base64.b64encode(b"quality:wrong").decode()}
    assert place.browser.get(PAGE, headers=wrong).status_code == 401
    assert place.browser.get(PAGE).status_code == 303
    assert "Use the team's password instead" in place.browser.get("/oversight/sign-in").text.replace("&#39;", "'")
    asked = place.browser.get("/oversight/password")
    assert (asked.status_code, asked.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    given = place.browser.get(f"/oversight/password?to={PAGE}?by=month", headers=PASSWORD)
    assert (given.status_code, given.headers["Location"]) == (303, f"{PAGE}?by=month")
    place.sign_in("mo")
    assert "<strong>mo</strong> (modeller)" in place.browser.get(PAGE, headers=PASSWORD).text


def test_without_a_password_none_opens(place: Place) -> None:
    """A header alone is no way in, and its link is none."""
    assert place.browser.get(PAGE, headers=PASSWORD).status_code == 303
    assert place.browser.get("/oversight/password", headers=PASSWORD).status_code == 303


def test_a_sign_in_that_cannot_be_noted_is_none(place: Place, notes: Any) -> None:
    """503, and no visit."""
    answer = place.answer(place.begin())
    notes.fault = LedgerUnavailable("gone")
    refused = place.callback(answer)
    assert (refused.status_code, place.cookie()) == (503, None)


class Gone:
    """A memory that cannot be reached."""

    def claim(self, client: str, token_id: str, expires: float) -> bool:
        raise LedgerUnavailable("gone")

    def was_used(self, client: str, token_id: str) -> bool:
        raise LedgerUnavailable("gone")


def test_without_the_memory_of_what_was_used_nothing_opens(place: Place, place_with: Any) -> None:
    """Neither a visit, which might have ended, nor a sign-in, which might be a second one: 503."""
    place.sign_in()
    other = place_with(used=Gone())
    other.hold(str(place.cookie()))
    assert other.browser.get(PAGE).status_code == 503
    fresh = place_with(used=Gone())
    assert fresh.sign_in().status_code == 503
    assert fresh.cookie() is None


def test_every_answer_of_the_sign_in_has_the_safe_headers(place: Place) -> None:
    """No cache, no frame, no script, no code in a referrer to others."""
    answers = [place.browser.get("/oversight/sign-in"), place.browser.get("/oversight/sign-in/begin"), place.sign_in()]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_an_ehr_signs_people_in_by_smart(place_with: Any, hospital: EhrSettings, notes: Any) -> None:
    """A standalone launch with `openid fhirUser` and the EHR as audience; roles by the user's reference."""
    people = {Role.AUDITOR: frozenset({"Practitioner/olu"}), Role.QUALITY: frozenset({"ann"})}
    place = place_with(
        kind="smart", base=hospital.fhir_base, scopes=("openid", "fhirUser"), roles_claim=(), groups={}, people=people
    )
    assert dict(parse_qsl(urlsplit(place.begin()).query))["aud"] == hospital.fhir_base
    place.sign_in("olu")
    assert "<strong>Practitioner/olu</strong> (auditor)" in place.browser.get(PAGE).text
    assert place.sign_in("ann").status_code == 303
    assert place.sign_in("mo").status_code == 403


def test_the_server_may_be_told_to_ask_again(place_with: Any, hospital: EhrSettings) -> None:
    """`max_age` goes along, and the answer must say when the person signed in there."""
    place = place_with(max_age=timedelta())
    assert dict(parse_qsl(urlsplit(place.begin()).query))["max_age"] == "0"
    assert place.sign_in().headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "7", "preferred_username": "ann"}, "ann"),
        ({"sub": "7", "fhirUser": "Practitioner/ann"}, "Practitioner/ann"),
        ({"sub": "7", "preferred_username": ["ann"]}, "7"),
        ({"sub": "7", "preferred_username": "a\nb"}, "7"),
        ({"sub": "7", "preferred_username": "x" * 81}, "7"),
        ({"sub": "7", "preferred_username": "Quality"}, "7"),
        ({"sub": "7", "preferred_username": "Command line"}, "7"),
        ({"sub": "quality"}, "person 2f9d0aa2f3c0"),
    ],
)
def test_a_name_is_one_line_and_not_that_of_the_password(entry: SignInEntry, claims: Any, name: str) -> None:
    """Whatever the server sends."""
    assert entry.name_of(claims)[:6] == name[:6]


@pytest.mark.parametrize(
    ("way", "claims", "roles"),
    [
        (("groups",), {"groups": ["other", "chartside-quality"]}, {Role.QUALITY}),
        (("groups",), {"groups": "chartside-admins"}, {Role.ADMIN}),
        (("groups",), {"groups": "chartside-admins chartside-quality"}, set()),
        (("groups",), {"groups": ["Chartside-Quality", 7, None, ["chartside-quality"]]}, set()),
        (("groups",), {"groups": {"chartside-quality": True}}, set()),
        (("groups",), {"roles": ["chartside-quality"]}, set()),
        (("realm", "roles"), {"realm": {"roles": ["chartside-quality", "clinicians"]}}, {Role.QUALITY, Role.CLINICIAN}),
        (("realm", "roles"), {"realm": ["chartside-quality"]}, set()),
        ((), {"groups": ["chartside-quality"]}, set()),
    ],
)
def test_roles_come_from_whole_values_of_the_one_claim(
    entry: SignInEntry, way: tuple[str, ...], claims: Any, roles: set[Role]
) -> None:
    """Nothing is guessed."""
    assert replace(entry, roles_claim=way).roles_of(claims, "7", "") == roles


def test_an_empty_reference_is_nobody(entry: SignInEntry) -> None:
    """A server that names no fhirUser gives nobody the role of an empty text."""
    assert replace(entry, people={Role.ADMIN: frozenset({""})}).roles_of({}, "7", "") == frozenset()
