"""Where a launch may call: the registered FHIR server, and from there in public or in the same kind of network."""

import socket
import threading

import pytest
from flask import Flask, Response
from smart_peer import REDIRECT, AuthorizationServer, running

from clinical.errors import LaunchFailed
from fhir_adapters.http.addresses import Kind, Reach, kind_of
from fhir_adapters.http.transport import Bounds, Deadline, FetchFailed, Limits, TooManyRequests, Transport


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", Kind.PUBLIC), ("2600::1", Kind.PUBLIC), ("10.1.2.3", Kind.PRIVATE), ("172.16.0.1", Kind.PRIVATE),
        ("192.168.1.1", Kind.PRIVATE), ("100.64.0.1", Kind.PRIVATE), ("fd00:ec2::254", Kind.PRIVATE),
        ("127.0.0.1", Kind.LOOPBACK), ("127.8.8.8", Kind.LOOPBACK), ("::1", Kind.LOOPBACK),
        ("::ffff:127.0.0.1", Kind.LOOPBACK), ("::ffff:10.0.0.1", Kind.PRIVATE), ("64:ff9b::7f00:1", Kind.LOOPBACK),
        ("2002:7f00:1::", Kind.LOOPBACK), ("169.254.169.254", Kind.CLOSED), ("fe80::1%eth0", Kind.CLOSED),
        ("0.0.0.0", Kind.CLOSED), ("::", Kind.CLOSED), ("224.0.0.1", Kind.CLOSED), ("255.255.255.255", Kind.CLOSED),
        ("240.0.0.1", Kind.CLOSED), ("::ffff:169.254.169.254", Kind.CLOSED), ("not an address", Kind.CLOSED),
    ],
)  # fmt: skip
def test_addresses_have_a_kind(address, kind) -> None:
    """Also where an IPv6 address stands for an IPv4 one."""
    assert kind_of(address) is kind


@pytest.mark.parametrize(
    ("base", "host", "address", "admitted"),
    [
        ("https://ehr.example/fhir", "ehr.example", "10.0.0.1", True),
        ("https://ehr.example/fhir", "ehr.example", "169.254.169.254", False),
        ("https://93.184.216.34/fhir", "as.example", "93.184.216.35", True),
        ("https://93.184.216.34/fhir", "as.example", "10.0.0.1", False),
        ("https://93.184.216.34/fhir", "as.example", "127.0.0.1", False),
        ("https://10.0.0.1/fhir", "as.example", "10.0.0.2", True),
        ("https://10.0.0.1/fhir", "as.example", "127.0.0.1", False),
        ("http://127.0.0.1:1/fhir", "as.example", "127.0.0.1", True),
        ("http://127.0.0.1:1/fhir", "as.example", "10.0.0.1", False),
        ("http://127.0.0.1:1/fhir", "as.example", "169.254.169.254", False),
    ],
)
def test_an_endpoint_may_lie_in_public_or_where_the_ehr_is(base, host, address, admitted) -> None:
    """The registry vouches for the FHIR base; what that server names is its word alone."""
    assert Reach.around(base).admits(host, address) is admitted


@pytest.fixture
def listener():
    """A port of this machine that counts what it receives."""
    server, received = socket.create_server(("127.0.0.1", 0)), []
    server.settimeout(0.05)
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            try:
                peer, _ = server.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(0.2)
                try:
                    received.append(peer.recv(1000))
                except TimeoutError:
                    received.append(b"")

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", received
    over.set()
    thread.join(5)
    server.close()


def test_nothing_is_sent_to_an_address_out_of_reach(listener, transport) -> None:
    """The connection is closed before a byte of the request, also for a form with a code."""
    origin, received = listener
    away = Bounds(Reach.around("https://93.184.216.34/fhir"))
    for call in (
        lambda: transport.get_json(f"{origin}/x", token="secret", deadline=Deadline.after(60), bounds=away),
        lambda: transport.post_form(f"{origin}/x", {"code": "c"}, deadline=Deadline.after(60), bounds=away),
        lambda: transport.post_json(f"{origin}/x", b"{}", deadline=Deadline.after(60), bounds=away),
    ):
        with pytest.raises(FetchFailed, match="not one that may be called"):
            call()
    assert b"".join(received) == b""


def test_a_kept_connection_is_checked_again(server, transport) -> None:
    """A connection that was opened for one EHR is not a way in for another."""
    url, near = f"{server.iss}/Patient/p1", Bounds(Reach.around(server.iss))
    assert transport.get_json(url, deadline=Deadline.after(60), bounds=near)
    with pytest.raises(FetchFailed, match="not one that may be called"):
        transport.get_json(url, deadline=Deadline.after(60), bounds=Bounds(Reach.around("https://93.184.216.34/f")))
    assert transport.get_json(url, deadline=Deadline.after(60))


@pytest.mark.parametrize("key", ["token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "http://0.0.0.0/", "http://[fe80::1]/"])
def test_a_discovery_document_cannot_point_inwards(sessions, server, ehr, key, url) -> None:
    """The launch fails in words, without a call to the metadata address."""
    server.discovery[key] = url
    begun = sessions.begin(ehr, "L1", REDIRECT)
    with pytest.raises(LaunchFailed, match=r"could not be reached|may be called|in time"):
        sessions.complete(begun.pending, server.authorize(begun.authorize_url))


@pytest.mark.parametrize("size", [600_000])
def test_a_huge_discovery_document_ends_the_launch(sessions, server, ehr, size) -> None:
    """The size is bounded far below that of a record."""
    server.discovery["x"] = "x" * size
    with pytest.raises(LaunchFailed, match="larger than the limit"):
        sessions.begin(ehr, "L1", REDIRECT)


def test_a_redirecting_discovery_is_not_followed(sessions, server, ehr) -> None:
    """Neither to another host nor to another path."""
    server.well_known = 302
    with pytest.raises(LaunchFailed, match="302"):
        sessions.begin(ehr, "L1", REDIRECT)


def test_a_busy_server_that_names_a_wait_is_known() -> None:
    """503 with Retry-After is a wish to wait, like 429; without it, it is a failure."""

    class Busy(AuthorizationServer):
        def app(self) -> Flask:
            app = Flask("busy")
            app.add_url_rule("/wait", "wait", lambda: Response("", 503, {"Retry-After": "2"}))
            app.add_url_rule("/fail", "fail", lambda: Response("", 503))
            return app

    transport = Transport(Limits())
    with running(Busy()) as made:
        with pytest.raises(TooManyRequests, match="503") as caught:
            transport.get_json(f"{made.origin}/wait", deadline=Deadline.after(60))
        assert (caught.value.seconds, caught.value.status) == (2.0, 503)
        with pytest.raises(FetchFailed, match="503") as plain:
            transport.get_json(f"{made.origin}/fail", deadline=Deadline.after(60))
        assert not isinstance(plain.value, TooManyRequests)
    transport._http.close()
