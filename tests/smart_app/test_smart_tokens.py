"""Tokens of a visit: encrypted at rest, renewed once for all who wait, never beyond the grant, revoked at the end."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from smart_peer import REDIRECT

from clinical.errors import LaunchFailed, NotAllowed
from fhir_adapters.http.deadline import Deadline, FetchFailed
from fhir_adapters.http.renewing import RenewingTransport
from fhir_adapters.http.transport import Limits
from fhir_adapters.smart.client_authentication import Basic
from fhir_adapters.smart.session import Registration
from fhir_adapters.smart.token_vault import MemorySealed, TokenVault

# As long as a server holds a call that a limit of ours has to end.
HOLD_S = 60.0
ONLINE = Registration(refresh="online")
SCOPE = "launch openid fhirUser online_access patient/Encounter.rs patient/Observation.rs patient/Patient.rs"


@pytest.fixture
def online(sessions_for, server):
    """Launches at an EHR that gives refresh tokens."""
    server.refreshes, server.scope = True, SCOPE
    return sessions_for(ONLINE)


@pytest.fixture
def reader(online):
    """A transport that renews, closed at the end."""
    made = RenewingTransport(online.instead_of, Limits(connect=0.5, read=60.0))
    yield made
    made._http.close()


def test_a_token_is_given_out_while_it_holds(launch, sessions, real_clock) -> None:
    """Without refresh: until the last second, then words, and never a token."""
    visit = launch()
    access = sessions.access(visit)
    assert access.token == "secret-access-token"
    real_clock.ahead = timedelta(seconds=3590)
    assert sessions.access(visit).token == "secret-access-token"
    real_clock.ahead = timedelta(seconds=3601)
    with pytest.raises(NotAllowed, match="has run out"):
        sessions.access(visit)
    with pytest.raises(NotAllowed, match="has run out"):
        sessions.renewed(visit, access)


def test_refresh_is_asked_for_only_where_it_is_wanted(sessions_for, server, ehr) -> None:
    """None by default; online_access and offline_access by the registry."""
    for refresh, scope in (("none", ""), ("online", "online_access"), ("offline", "offline_access")):
        url = sessions_for(Registration(refresh=refresh)).begin(ehr, "L1", "https://x.example/cb").authorize_url
        assert [name for name in ("online_access", "offline_access") if name in url] == ([scope] if scope else [])


def test_a_token_is_renewed_a_minute_early_and_the_refresh_token_rotates(
    online, launch_with, server, real_clock
) -> None:
    """Each refresh token is used once; the renewed token holds for its own time."""
    visit = launch_with(online)
    real_clock.ahead = timedelta(seconds=3530)
    assert online.access(visit).token == "secret-access-token"
    real_clock.ahead = timedelta(seconds=3550)
    assert online.access(visit).token == "renewed-token-1"
    assert online.access(visit).token == "renewed-token-1"
    server.lives = 30
    assert online.renewed(visit, online.access(visit)).token == "renewed-token-2"
    assert online.access(visit).token == "renewed-token-3"
    assert len(server.spent) == len(set(server.spent)) == 3
    form = server.token_forms[-1]
    assert set(form) == {"grant_type", "refresh_token", "client_id"}


def test_many_who_wait_make_one_refresh(online, launch_with, server) -> None:
    """Eight callers with a refused token: one refresh, the same new token for all."""
    visit = launch_with(online)
    refused, server.slow_refresh = online.access(visit), 0.2
    barrier = threading.Barrier(8)

    def renew(_: int) -> str:
        barrier.wait()
        return online.renewed(visit, refused).token

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(renew, range(8))) == {"renewed-token-1"}
    assert len(server.spent) == 1


def test_a_refused_read_is_tried_once_more_with_a_new_token(online, launch_with, reader, server) -> None:
    """401, one refresh, one retry; reads side by side share the refresh."""
    visit = launch_with(online)
    token, url = online.access(visit).token, f"{server.iss}/Patient/p1"
    server.refused = {token}
    with ThreadPoolExecutor(4) as pool:
        read = lambda _: reader.get_json(url, token=token, deadline=Deadline.after(60))  # noqa: E731
        assert {answer["id"] for answer in pool.map(read, range(4))} == {"p1"}
    assert len(server.spent) == 1
    posted = reader.post_json(url, b"{}", token=token, deadline=Deadline.after(60))
    assert posted.document["id"] == "p1"
    assert len(server.spent) == 1


def test_a_read_that_is_refused_twice_stays_refused(online, launch_with, reader, server) -> None:
    """No second retry, and no refresh for a token of somebody else."""
    visit = launch_with(online)
    token, url = online.access(visit).token, f"{server.iss}/Patient/p1"
    server.refused = {token, "renewed-token-1", "foreign"}
    for sent, refreshes, calls in ((token, 1, 2), ("foreign", 1, 1)):
        server.bearers.clear()
        with pytest.raises(FetchFailed, match="401"):
            reader.get_json(url, token=sent, deadline=Deadline.after(60))
        assert (len(server.spent), len(server.bearers)) == (refreshes, calls)


def test_a_refused_refresh_is_not_tried_again(online, launch_with, server) -> None:
    """The EHR said no: the refresh token is dropped, the page says that the permission has run out."""
    visit = launch_with(online)
    access = online.access(visit)
    server.refresh_tokens.clear()
    for _ in range(3):
        with pytest.raises(NotAllowed, match="has run out"):
            online.renewed(visit, access)
    assert len(server.token_forms) == 2


def test_an_ehr_that_does_not_answer_is_left_alone_for_a_moment(online, launch_with, server, real_clock) -> None:
    """A token that still holds is used on; the next try comes after a pause."""
    visit = launch_with(online)
    server.token_answer = lambda: ("", 503)
    real_clock.ahead = timedelta(seconds=3560)
    assert online.access(visit).token == "secret-access-token"
    assert online.access(visit).token == "secret-access-token"
    assert len(server.token_forms) == 2
    server.token_answer = None
    real_clock.ahead = timedelta(seconds=3570)
    assert online.access(visit).token == "renewed-token-1"


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ("patient/*.cruds user/*.*", ()),
        ("patient/Patient.rs patient/Condition.rs", ("patient/Patient.rs",)),
        ("patient/Patient.read", ("patient/Patient.read",)),
        ("patient/Patient.crs", ()),
    ],
)
def test_scopes_do_not_grow_with_a_refresh(online, launch_with, server, scope, kept) -> None:
    """What was not granted at first is not used later; narrower is taken as it is."""
    visit = launch_with(online)
    server.refreshed = {"scope": scope}
    assert online.renewed(visit, online.access(visit)).scopes == kept


def test_a_refresh_for_another_patient_ends_the_permission(online, launch_with, server) -> None:
    """A token for another chart is never used."""
    visit = launch_with(online)
    server.refreshed = {"patient": "p2"}
    with pytest.raises(NotAllowed):
        online.renewed(visit, online.access(visit))


@pytest.mark.parametrize("secret", ["", "s3cret"])
def test_leaving_revokes_and_forgets(sessions_for, launch_with, server, secret) -> None:
    """Both tokens, as the registered client; afterwards nothing is given out."""
    server.refreshes, server.scope, server.secret = True, SCOPE, secret
    server.discovery["revocation_endpoint"] = f"{server.origin}/revoke"
    registration = Registration(Basic(secret), refresh="online") if secret else ONLINE
    sessions = sessions_for(registration)
    visit = launch_with(sessions)
    sessions.end(visit)
    assert [form["token_type_hint"] for form in server.revoked] == ["refresh_token", "access_token"]
    assert server.revoked[0]["token"] in server.refresh_tokens
    assert server.revoked[1]["token"] == "secret-access-token"
    assert sessions.instead_of("secret-access-token") is None
    with pytest.raises(NotAllowed):
        sessions.access(visit)
    sessions.end(visit)
    assert len(server.revoked) == 2


def test_leaving_during_a_refresh_revokes_the_new_tokens(online, launch_with, server) -> None:
    """No token outlives the page because two requests crossed."""
    server.discovery["revocation_endpoint"] = f"{server.origin}/revoke"
    visit = launch_with(online)
    access, server.slow_refresh = online.access(visit), 0.3
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(online.renewed, visit, access)
        while not server.spent:
            time.sleep(0.01)
        online.end(visit)
        assert renewing.result().token == "renewed-token-1"
    assert [form["token"] for form in server.revoked] == [*server.refresh_tokens, "renewed-token-1"]


@pytest.mark.parametrize(
    "broken",
    [
        {"claims": {"nonce": "another"}},
        {"token": {"id_token": None}},
        {"token": {"patient": None}},
        {"token": {"patient": "../p2"}},
        {"token": {"encounter": "a b"}},
        {"token": {"token_type": "mac"}},
    ],
    ids=str,
)
def test_what_was_given_for_a_refused_launch_goes_back(sessions_for, launch_with, server, broken) -> None:
    """The code was exchanged and the launch is refused all the same: both tokens are revoked, in the client's name."""
    server.refreshes, server.scope, server.secret = True, SCOPE, "s3cret"
    server.discovery["revocation_endpoint"] = f"{server.origin}/revoke"
    server.claims, server.token = broken.get("claims", {}), broken.get("token", {})
    sessions = sessions_for(Registration(Basic("s3cret"), refresh="online"))
    with pytest.raises(LaunchFailed):
        launch_with(sessions)
    given = [(form["token_type_hint"], form["token"]) for form in server.revoked]
    assert given == [("refresh_token", *server.refresh_tokens), ("access_token", "secret-access-token")]
    assert sessions._keeper._handles == {}


def test_nothing_is_revoked_where_nothing_was_given(sessions, server, ehr) -> None:
    """A callback that is refused before the exchange, and a code that was not exchanged."""
    server.discovery["revocation_endpoint"] = f"{server.origin}/revoke"
    begun = sessions.begin(ehr, "L1", REDIRECT)
    for callback in ({"code": "c", "state": "wrong"}, {"code": "c", "state": begun.state}):
        with pytest.raises(LaunchFailed):
            sessions.complete(begun.pending, callback)
    assert server.revoked == []


@pytest.mark.parametrize("endpoint", ["absent", "https://192.0.2.1/revoke", "slow"])
def test_a_fault_of_revoking_never_hides_why_the_launch_was_refused(
    sessions, launch_with, server, endpoint, monkeypatch
) -> None:
    """404, nobody there, no end: the words are those of the launch, and they come in time."""
    where = {"absent": f"{server.origin}/absent", "slow": f"{server.origin}/revoke"}
    server.discovery["revocation_endpoint"] = where.get(endpoint, endpoint)
    monkeypatch.setattr(server, "slow_revoke", HOLD_S if endpoint == "slow" else 0.0)
    server.token = {"patient": None}
    started = time.monotonic()
    with pytest.raises(LaunchFailed, match="did not say whose chart is open"):
        launch_with(sessions)
    assert time.monotonic() - started < HOLD_S / 2


def test_a_token_for_another_patient_is_revoked(online, launch_with, server) -> None:
    """What a refresh brought for another chart is not kept, not even unused."""
    server.discovery["revocation_endpoint"] = f"{server.origin}/revoke"
    visit = launch_with(online)
    server.refreshed = {"patient": "p2"}
    with pytest.raises(NotAllowed):
        online.renewed(visit, online.access(visit))
    assert [form["token"] for form in server.revoked] == [*server.refresh_tokens, "renewed-token-1"]


def test_what_is_granted_is_what_holds_now(sessions_for, launch_with, server) -> None:
    """At the launch all of it; after a refresh with a narrower scope what is left of it; at the end nothing."""
    writes = "patient/Provenance.crs patient/RiskAssessment.crs"
    server.refreshes, server.scope = True, f"{SCOPE} {writes}"
    sessions = sessions_for(Registration(refresh="online", writes=("Provenance", "RiskAssessment")))
    visit = launch_with(sessions)
    granted = sessions.granted(visit)
    assert (granted.not_granted, set(granted.can_write)) == ((), {"RiskAssessment", "Provenance"})
    assert granted.scopes == tuple(server.scope.split())
    server.refreshed = {"scope": "patient/Patient.rs patient/Encounter.rs patient/Provenance.crs"}
    sessions.renewed(visit, sessions.access(visit))
    granted = sessions.granted(visit)
    assert (granted.not_granted, granted.can_write) == (("patient/Observation.rs",), ("Provenance",))
    assert granted.scopes == sessions.access(visit).scopes == tuple(server.refreshed["scope"].split())
    sessions.end(visit)
    assert (sessions.granted(visit).scopes, sessions.granted(visit).can_write) == ((), ())


@pytest.mark.parametrize("endpoint", [None, "https://192.0.2.1/revoke", "absent"])
def test_leaving_works_where_the_ehr_fails(sessions, launch_with, server, endpoint) -> None:
    """Not advertised, not to be reached, 404: the tokens are forgotten all the same."""
    server.discovery["revocation_endpoint"] = f"{server.origin}/absent" if endpoint == "absent" else endpoint
    visit = launch_with(sessions)
    sessions.end(visit)
    with pytest.raises(NotAllowed):
        sessions.access(visit)


def test_the_vault_keeps_nothing_in_clear(real_clock) -> None:
    """AES-GCM: no plain text at rest, no two equal seals, nothing that can be moved, changed or read by another key."""
    store = MemorySealed(real_clock)
    vault, until = TokenVault(b"k" * 32, store), real_clock.now() + timedelta(minutes=1)
    vault.put("one", {"access": "secret-token"}, until)
    sealed, _ = store.get("one")
    assert b"secret-token" not in sealed
    vault.put("one", {"access": "secret-token"}, until)
    assert store.get("one")[0] != sealed
    assert vault.get("one")[0] == {"access": "secret-token"}
    store.put("two", sealed, until)
    store.put("changed", sealed[:-1] + bytes([sealed[-1] ^ 1]), until)
    store.put("short", b"x", until)
    assert [vault.get(handle) for handle in ("two", "changed", "short", "none")] == [None] * 4
    assert TokenVault(b"x" * 32, store).get("one") is None
    real_clock.ahead = timedelta(minutes=2)
    assert vault.get("one") is None


def test_the_vault_is_bounded(real_clock) -> None:
    """The oldest gives way."""
    store = MemorySealed(real_clock, max_size=2)
    until = real_clock.now() + timedelta(minutes=1)
    for handle in ("a", "b", "b", "c"):
        store.put(handle, b"", until)
    assert [store.get(handle) is None for handle in "abc"] == [True, False, False]


def test_no_token_is_logged_or_shown(online, launch_with, server, caplog) -> None:
    """Neither a log at debug level nor a repr of what is kept holds one."""
    caplog.set_level(logging.DEBUG)
    visit = launch_with(online)
    access = online.renewed(visit, online.access(visit))
    online.end(visit)
    said = caplog.text + repr(visit) + repr(access) + repr(online)
    for secret in ("secret-access-token", "renewed-token-1", *server.spent, *server.refresh_tokens):
        assert secret not in said
