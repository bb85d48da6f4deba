"""Launch and callback: whose launch it is, once, in time."""

from datetime import timedelta

import pytest
from flask import Flask

from clinical.errors import LaunchFailed, SettingsInvalid
from smart_app import cookies
from smart_app.blueprint import create_blueprint
from smart_app.deps import Deps
from smart_app.launch.launching import MAX_LAUNCHES
from smart_app.ports.ehr import Ehr
from smart_app.sessions import MemorySessions, Stores, memory_stores


def state_of(answer) -> str:
    """The state in a redirect to the authorization server."""
    return answer.location.split("state=")[1].split("&")[0]


def come_back(browser, make, **query):
    """The EHR's answer."""
    return browser.get("/smart/callback", query_string=query, base_url=make.base_url)


def test_a_launch_leads_to_the_page(house, doctor, browser, make) -> None:
    """Launch, callback, page, with a cookie that no script, no other host and no other frame can use."""
    begun = doctor.begin(browser)
    assert (begun.status_code, begun.location.split("?")[0]) == (303, "https://as.example/authorize")
    assert "redirect_uri=https://chartside.example/smart/callback" in begun.location
    cookie = begun.headers["Set-Cookie"]
    assert cookie.startswith("__Host-chartside-")
    for attribute in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"):
        assert attribute in cookie.split("; ")
    assert "Domain" not in cookie
    landed = come_back(browser, make, code="c", state=state_of(begun))
    assert landed.status_code == 303
    assert landed.location.startswith("/smart/page/")
    assert house.sessions.completed == [{"code": "c", "state": state_of(begun)}]


@pytest.mark.parametrize(
    "query",
    [
        "iss=https://evil.example/fhir&launch=1",
        "iss=https://ehr.example/fhir//&launch=1",
        "iss=https://ehr.example/fhir/x&launch=1",
        "iss=http://ehr.example/fhir&launch=1",
        "iss=https://ehr.example:443/fhir&launch=1",
        "iss=https://ehr.example/fhir?x&launch=1",
        "iss=https://ehr.example/fhir/..&launch=1",
        "iss=https://169.254.169.254/fhir&launch=1",
        "iss=/&launch=1",
        "iss=https://ehr.example/fhir%00&launch=1",
        "iss=https://EHR.example/fhir&launch=1",
    ],
)
def test_an_unknown_iss_is_asked_nothing(house, browser, make, query) -> None:
    """Exactly a registered issuer, or no request leaves the house."""
    answer = browser.get(f"/smart/launch?{query}", base_url=make.base_url)
    assert answer.status_code == 403
    assert "not registered" in answer.text
    assert "evil" not in answer.text
    assert house.sessions.begun == []


@pytest.mark.parametrize(
    "query",
    ["", "iss=https://ehr.example/fhir", "launch=1", "launch=&iss=https://ehr.example/fhir",
     "launch=1&launch=2&iss=https://ehr.example/fhir", f"iss=https://ehr.example/fhir&launch={'x' * 5000}"],
)  # fmt: skip
def test_a_malformed_launch_is_refused(house, browser, make, query) -> None:
    """Each parameter exactly once, not empty, not endless."""
    assert browser.get(f"/smart/launch?{query}", base_url=make.base_url).status_code == 400
    assert house.sessions.begun == []


def test_iss_may_arrive_unescaped_after_launch(house, browser, make) -> None:
    """As the public CDS Hooks sandbox sends it."""
    answer = browser.get("/smart/launch?launch=L1&iss=https://ehr.example/fhir", base_url=make.base_url)
    assert answer.status_code == 303


def test_a_callback_works_once(house, doctor, browser, make) -> None:
    """A replay exchanges nothing."""
    state = state_of(doctor.begin(browser))
    assert come_back(browser, make, code="c", state=state).status_code == 303
    assert come_back(browser, make, code="c", state=state).status_code == 403
    assert len(house.sessions.completed) == 1


def test_a_callback_in_another_browser_is_refused(house, doctor, browser, make) -> None:
    """A state is worth nothing without its cookie, with another launch's cookie, or with a changed one."""
    state = state_of(doctor.begin(browser))
    stranger = house.browser()
    assert come_back(stranger, make, code="c", state=state).status_code == 403
    doctor.begin(stranger)
    assert come_back(stranger, make, code="c", state=state).status_code == 403
    assert house.sessions.completed == []
    assert come_back(browser, make, code="c", state=state).status_code == 303


def test_a_callback_that_comes_too_late_is_refused(house, doctor, browser, make) -> None:
    """Ten minutes."""
    state = state_of(doctor.begin(browser))
    house.clock.pass_(timedelta(minutes=10))
    assert come_back(browser, make, code="c", state=state).status_code == 403
    assert house.sessions.completed == []


def test_an_authorization_error_is_words(house, doctor, browser, make) -> None:
    """The server's description is shown as text, its code in our words, and the launch is over."""
    state = state_of(doctor.begin(browser))
    evil = "<img src=x onerror=alert(1)>" + "z" * 400
    answer = come_back(browser, make, error="access_denied", error_description=evil, state=state)
    assert answer.status_code == 502
    assert "declined" in answer.text
    assert "<img" not in answer.text
    assert "&lt;img" in answer.text
    assert "z" * 201 not in answer.text
    assert state not in answer.text
    assert come_back(browser, make, code="c", state=state).status_code == 403
    unknown = state_of(doctor.begin(browser))
    assert "<b>" not in come_back(browser, make, error="<b>x</b>", state=unknown).text


def test_a_stranger_cannot_put_words_on_our_page(browser, make) -> None:
    """Without a launch of this browser, an error description is not shown."""
    answer = come_back(browser, make, error="access_denied", error_description="Call the helpline", state="x")
    assert answer.status_code == 403
    assert "helpline" not in answer.text


def test_a_failed_exchange_is_a_page(house, doctor, browser, make) -> None:
    """The fault says what happened, and neither code nor state."""

    def fail(pending, callback):
        raise LaunchFailed("The EHR did not exchange the code: the server answered 400.")

    house.sessions.complete = fail
    state = state_of(doctor.begin(browser))
    answer = come_back(browser, make, code="the-code", state=state)
    assert answer.status_code == 502
    assert "answered 400" in answer.text
    assert "the-code" not in answer.text
    assert state not in answer.text


def test_the_answer_of_another_ehr_is_refused(house, doctor, browser, make) -> None:
    """A visit that belongs to another client of the registry opens no page (mix-up)."""
    house.sessions.visit = make.visit(client="other")
    state = state_of(doctor.begin(browser))
    assert come_back(browser, make, code="c", state=state).status_code == 502
    assert house.sessions.ended == ["handle-of-the-tokens"]


def test_two_patients_in_two_tabs_stay_apart(house, doctor, browser, make) -> None:
    """Each launch shows its own patient, also when the launches cross, and knows only its own advice."""
    first, second = doctor.begin(browser), doctor.begin(browser, "https://other.example/fhir")
    house.sessions.visit = make.visit(patient_id="p2", client="other")
    two = come_back(browser, make, code="c", state=state_of(second)).location
    house.sessions.visit = make.visit(patient_id="p1")
    one = come_back(browser, make, code="c", state=state_of(first)).location
    pages = {url: browser.get(url, base_url=make.base_url) for url in (one, two, one)}
    assert "Ada P1" in pages[one].text
    assert "Ada P2" not in pages[one].text
    assert "Ada P2" in pages[two].text
    assert pages[two].headers["Content-Security-Policy"].endswith("frame-ancestors https://other.example")
    assert len(house.ledger.advice) == 2


@pytest.mark.parametrize("with_own_launch", [True, False])
def test_a_page_opens_in_its_browser_only(house, doctor, browser, make, with_own_launch) -> None:
    """Another browser gets the same answer for a page that exists and one that does not."""
    url, _ = doctor.see(browser)
    stranger = house.browser()
    if with_own_launch:
        doctor.see(stranger)
    answers = [stranger.get(path, base_url=make.base_url) for path in (url, "/smart/page/nothing")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Ada" not in answers[0].text


def test_a_page_ends(house, doctor, browser, make) -> None:
    """After an hour the page has to be opened again from the chart."""
    url, _ = doctor.see(browser)
    house.clock.pass_(timedelta(hours=1))
    answer = browser.get(url, base_url=make.base_url)
    assert answer.status_code == 403
    assert "its time is over" in answer.text


def test_every_launch_has_a_new_id(house, doctor, browser) -> None:
    """Neither the secret nor the page's address is ever used for a second launch."""
    seen = {doctor.begin(browser).headers["Set-Cookie"].split(";")[0] for _ in range(5)}
    assert len(seen) == 5
    assert len({value.split("=")[1] for value in seen}) == 5


def test_cookies_do_not_pile_up(house, doctor, browser) -> None:
    """Ended launches and the oldest of many lose their cookies."""
    for _ in range(MAX_LAUNCHES + 5):
        house.clock.pass_(timedelta(seconds=1))
        doctor.begin(browser)
    assert len(browser._cookies) == MAX_LAUNCHES
    house.clock.pass_(timedelta(hours=2))
    doctor.begin(browser)
    assert len(browser._cookies) == 1


def test_errors_may_be_framed_by_every_registered_ehr(browser, make) -> None:
    """So that a refused launch is readable inside the EHR."""
    policy = browser.get("/smart/launch", base_url=make.base_url).headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://ehr.example https://other.example")


def test_settings_that_would_open_the_door_are_refused(house, make) -> None:
    """A short secret, an EHR under another key, and an origin that is more than that."""
    given = {"sessions": house.sessions, "assess": house.assess, "banner": house.banner, "ledger": house.ledger}
    given |= {"clock": house.clock, "contexts": make.contexts, "base_url": "https://x"}
    with pytest.raises(SettingsInvalid):
        Deps(ehrs={}, secret=b"short", **given)
    with pytest.raises(SettingsInvalid):
        Deps(ehrs={"https://a": Ehr("c", "https://b", "id")}, secret=b"s" * 32, **given)
    for origin in ("*", "https://a.example/path", "https://a.example; script-src *", "'self'"):
        with pytest.raises(SettingsInvalid):
            Ehr("c", "https://a", "id", (origin,))


def test_the_store_is_bounded_and_forgets(house) -> None:
    """The oldest gives way, what is over is gone, a key is taken once, and `new` keeps the first."""
    store = MemorySessions[int](house.clock, max_size=2)
    until = house.clock.now() + timedelta(minutes=1)
    assert store.put("a", 1, until)
    assert not store.put("a", 2, until, new=True)
    assert store.get("a") == 1
    store.put("b", 2, until)
    store.put("c", 3, until)
    assert [store.get(key) for key in "abc"] == [None, 2, 3]
    assert (store.take("b"), store.take("b")) == (2, None)
    house.clock.pass_(timedelta(minutes=1))
    assert store.get("c") is None
    assert store.put("c", 4, house.clock.now() + timedelta(minutes=1), new=True)


@pytest.mark.parametrize("url", ["/smart/standalone/general", "/smart/launch?iss=https://ehr.example/fhir&launch=1"])
def test_a_flood_of_launches_pushes_nobody_out(house, doctor, make, url) -> None:
    """Strangers fill the places of one EHR: a new launch is told so and may come again, those on their way go on."""
    app = Flask("few")
    stores = Stores(
        MemorySessions(house.clock, 3, group=lambda launch: launch.iss),
        *(MemorySessions(house.clock) for _ in range(3)),
    )
    app.register_blueprint(create_blueprint(house.deps, stores))
    house.app, clinician = app, app.test_client()
    state = state_of(doctor.begin(clinician))
    floods = [app.test_client().get(url, base_url=make.base_url) for _ in range(6)]
    assert [answer.status_code for answer in floods] == [303] * 2 + [503] * 4
    assert floods[-1].headers["Retry-After"]
    assert "wait for its answer" in floods[-1].text
    assert "Set-Cookie" not in floods[-1].headers
    assert len(house.sessions.begun) == 3, "the EHR is asked nothing for a launch that has no place"
    assert doctor.begin(app.test_client(), "https://other.example/fhir").status_code == 303
    assert come_back(clinician, make, code="c", state=state).status_code == 303
    assert doctor.begin(app.test_client()).status_code == 303, "a launch that has ended gives its place back"
    house.clock.pass_(timedelta(minutes=10))
    assert doctor.begin(app.test_client()).status_code == 303


def test_a_launch_that_does_not_begin_holds_no_place(house, doctor, browser, make) -> None:
    """An EHR that cannot be reached fills nothing up."""
    stores = memory_stores(house.clock)
    app = Flask("fails")
    app.register_blueprint(create_blueprint(house.deps, stores))
    house.app, begin = app, house.sessions.begin

    def fail(*_):
        raise LaunchFailed("The EHR's smart-configuration could not be read: the server answered 500.")

    house.sessions.begin = fail
    assert doctor.begin(app.test_client()).status_code == 502
    assert stores.pending._kept == {}
    house.sessions.begin = begin
    assert doctor.begin(app.test_client()).status_code == 303


def test_other_cookies_are_not_ours() -> None:
    """Only cookies with the prefix count."""
    assert cookies.held({"session": "x", "__Host-chartside-abc": "y"}) == {"abc": "y"}


def test_a_slash_at_the_end_of_iss_is_the_same_ehr(house, doctor, browser, make) -> None:
    """It goes out as it came in; the page is that of the registered EHR."""
    begun = doctor.begin(browser, make.iss + "/")
    assert begun.status_code == 303
    assert house.sessions.asked == [make.iss + "/"]
    landed = come_back(browser, make, code="c", state=state_of(begun))
    assert browser.get(landed.location, base_url=make.base_url).status_code == 200


def test_a_standalone_launch_begins_without_the_ehr(house, browser, make) -> None:
    """One registered EHR by its id, no launch id; the rest is as ever."""
    begun = browser.get("/smart/standalone/other", base_url=make.base_url)
    assert (begun.status_code, house.sessions.begun, house.sessions.asked) == (
        303,
        [None],
        ["https://other.example/fhir"],
    )
    assert begun.headers["Set-Cookie"].startswith("__Host-chartside-")
    house.sessions.visit = make.visit(client="other")
    landed = come_back(browser, make, code="c", state=state_of(begun))
    assert "Ada P1" in browser.get(landed.location, base_url=make.base_url).text


@pytest.mark.parametrize("client", ["nobody", "https:%2f%2fehr.example%2ffhir", "%3Cscript%3E", "General"])
def test_a_standalone_launch_at_an_unknown_ehr_asks_nobody(house, browser, make, client) -> None:
    """Only ids of the registry."""
    answer = browser.get(f"/smart/standalone/{client}", base_url=make.base_url)
    assert answer.status_code in (403, 404)
    assert "<script>" not in answer.text
    assert house.sessions.begun == []


def test_a_long_request_is_a_form_that_goes_to_that_ehr_alone(house, doctor, browser, make) -> None:
    """The policy names the authorization server's origin; values are escaped; a button works without JavaScript."""
    house.sessions.by_post = True
    answer = doctor.begin(browser)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "form-action 'self' https://as.example;" in policy
    assert "script-src 'self';" in policy
    assert 'action="https://as.example/authorize?tenant=1"' in answer.text
    assert "<button>" in answer.text
    assert "<script>alert" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    state = answer.text.split('name="state" value="')[1].split('"')[0]
    assert come_back(browser, make, code="c", state=state).status_code == 303
    other = browser.get("/smart/launch", base_url=make.base_url).headers["Content-Security-Policy"]
    assert "as.example" not in other
    assert "script-src" not in other


def csrf_of(text: str) -> str:
    """The form token of a page."""
    return text.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]


def test_leaving_closes_the_page(house, doctor, browser, make) -> None:
    """Tokens ended, cookie gone, page closed, and the answer says so."""
    url, text = doctor.see(browser)
    answer = doctor.post(browser, f"{url}/leave", {"csrf_token": csrf_of(text)})
    assert answer.status_code == 200
    assert "Signed out" in answer.text
    assert house.sessions.ended == ["handle-of-the-tokens"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert not browser._cookies
    assert browser.get(url, base_url=make.base_url).status_code == 403


def test_nobody_else_can_close_a_page(house, doctor, browser, make) -> None:
    """Not without the form token, not with another page's, not from another browser, not by a link."""
    url, text = doctor.see(browser)
    _, other = doctor.see(browser, make.visit(patient_id="p2"))
    own, foreign = {"csrf_token": csrf_of(text)}, {"csrf_token": csrf_of(other)}
    for who, form in ((browser, {}), (browser, foreign), (house.browser(), own)):
        assert doctor.post(who, f"{url}/leave", form).status_code == 403
    assert browser.get(f"{url}/leave", base_url=make.base_url).status_code == 405
    assert house.sessions.ended == []
    assert browser.get(url, base_url=make.base_url).status_code == 200


def test_leaving_one_page_leaves_the_other_open(house, doctor, browser, make) -> None:
    """Two charts in two tabs."""
    url, text = doctor.see(browser)
    other, _ = doctor.see(browser, make.visit(patient_id="p2", handle="second"))
    doctor.post(browser, f"{url}/leave", {"csrf_token": csrf_of(text)})
    assert house.sessions.ended == ["handle-of-the-tokens"]
    assert "Ada P2" in browser.get(other, base_url=make.base_url).text


def test_the_key_set_is_public_and_may_be_kept(browser, make) -> None:
    """A JWK Set for every EHR, for five minutes; nothing else of this room may be kept."""
    answer = browser.get("/smart/jwks.json", base_url=make.base_url)
    assert answer.get_json() == {"keys": []}
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in answer.headers
    assert browser.get("/smart/launch", base_url=make.base_url).headers["Cache-Control"] == "no-store"


def test_a_token_of_the_visit_reaches_no_page(house, doctor, browser, make) -> None:
    """Neither token nor handle nor state is on the page, in its address or in its headers."""
    url, text = doctor.see(browser)
    answer = browser.get(url, base_url=make.base_url)
    for secret in ("the-access-token", "handle-of-the-tokens", "state-"):
        assert secret not in text + url + str(answer.headers)


def test_a_standalone_page_says_who_it_is_about(house, doctor, browser, make) -> None:
    """Whatever the EHR says of its own banner: none stands around the page."""
    for path, named in (("/smart/standalone/general", True), ("/smart/launch?iss=" + make.iss + "&launch=L", False)):
        house.sessions.visit = make.visit(need_patient_banner=False)
        begun = browser.get(path, base_url=make.base_url)
        state = begun.location.split("state=")[1].split("&")[0]
        back = browser.get("/smart/callback", query_string={"code": "c", "state": state}, base_url=make.base_url)
        assert ("Ada P1" in browser.get(back.location, base_url=make.base_url).text) is named
