"""A hostile FHIR server behind a good launch, at both doors: bounded, in words, and the token goes nowhere else."""

from __future__ import annotations

import gzip
import html
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from fhir_adapters.http.transport import Deadline, FetchFailed, Transport
from hostile.listeners import Listener
from smart_hostile import evil_fhir as evil
from smart_hostile.evil_ward import BOUND_S, NAME, EvilWard, at_both_doors, words_of

IN_TIME = "the server did not answer in time"
NO_JSON = "the answer is not usable JSON"
LEAVES = "a page link leaves the FHIR server"
BROKE = "the answer broke off"
LARGE = 50_000_000
READ_LIMIT = 8_000_000


def next_here(change: Callable[[str], str]) -> evil.Way:
    """A next link that is made from the server's own origin."""
    return lambda wire: evil.next_at(change(wire.server.origin) + "/fhir/Observation?page=2")(wire)


def interim(wire: evil.Wire) -> None:
    """100 Continue, again and again."""
    while not wire.server.over.is_set():
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)
        time.sleep(0.05)


# Nothing of the observations can be used: no number, and the reason in words.
REFUSED: dict[str, tuple[evil.Way, str]] = {
    "slow drip of the body": (evil.drip, IN_TIME),
    "slow drip of the header": (evil.drip_headers, IN_TIME),
    "silence": (evil.silence, IN_TIME),
    "chunks without end": (evil.chunks_without_end, f"{IN_TIME}|broke off"),
    "chunks, closed before the end": (evil.chunks_cut_off, BROKE),
    "a chunk of an absurd size": (evil.chunk_of_any_size, BROKE),
    "whole JSON, closed before the length": (evil.cut_off, BROKE),
    "closed in the middle": (evil.cut_in_half, BROKE),
    "50 MB": (evil.large(LARGE), "the answer is larger than the limit"),
    "gzip bomb": (evil.encoded(gzip.compress(bytes(LARGE))), "an encoding that was not asked for"),
    "a page of HTML": (evil.raw(b"<script>window.__evil=1</script>", 200, "Content-Type: text/html"), NO_JSON),
    "deep lists": (evil.raw(b"[" * 100_000 + b"]" * 100_000), NO_JSON),
    "deep objects": (evil.raw(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), NO_JSON),
    "repeated keys": (evil.repeated_keys, NO_JSON),
    "NaN": (evil.raw(b'{"resourceType": "Bundle", "total": NaN}'), NO_JSON),
    "nothing": (evil.raw(b""), NO_JSON),
    "a list": (evil.raw(b"[]"), "neither a FHIR resource nor null"),
    "401 for ever": (evil.raw(b"", 401), "401"),
    "403": (evil.raw(b"", 403), "the server answered 403"),
    "500": (evil.raw(b"", 500), "the server answered 500"),
    "429 for eleven days": (evil.raw(b"", 429, "Retry-After: 999999"), "the server answered 429"),
    "503 for eleven days": (evil.raw(b"", 503, "Retry-After: 999999"), "the server answered 503"),
    "429 for ages": (evil.raw(b"", 429, "Retry-After: " + "9" * 400), "the server answered 429"),
    "5000 header lines": (evil.with_headers(*(f"X-{n}: y" for n in range(5_000))), "could not be reached"),
    "a header of 300 kB": (evil.with_headers("X-A: " + "y" * 300_000), "could not be reached"),
    "noise": (lambda wire: wire.send(b"\x16\x03\x00\xff noise\r\n\r\n"), "could not be reached"),
    "endless interim answers": (interim, IN_TIME),
    "redirect to itself": (lambda wire: evil.redirect_to(wire.server.base + "/Observation")(wire), "answered 302"),
}
# The first page is good, what follows is not: a number, and beside it what is missing.
PARTLY: dict[str, tuple[evil.Way, str]] = {
    "endless pages": (evil.endless_pages, "the pages do not end"),
    "a page that follows itself": (evil.same_page, "the pages do not end"),
    "next on another path": (lambda wire: evil.next_at(f"{wire.server.origin}/other/Observation")(wire), LEAVES),
    "next one level up": (lambda wire: evil.next_at(f"{wire.server.base}/../Observation")(wire), LEAVES),
    "next with a user name": (next_here(lambda origin: origin.replace("//", "//x@")), LEAVES),
    "next in capitals and TLS": (next_here(lambda origin: origin.replace("http:", "HTTPS:")), LEAVES),
    "next that is no URL": (evil.next_at("http://[::1"), LEAVES),
    "next as a file": (evil.next_at("file:///etc/passwd"), LEAVES),
    "next as a script": (evil.next_at("javascript:alert(1)"), LEAVES),
}
# All good, whatever stands around it.
HARMLESS: dict[str, evil.Way] = {
    "JSON as text/html": lambda wire: wire.answer(wire.good, 200, "Content-Type: text/html"),
    "headers for a browser": evil.with_headers(
        "Set-Cookie: stolen=1; Path=/", "Refresh: 0; url=http://evil.example", "Link: <http://evil.example>; rel=next"
    ),
}


@pytest.fixture(scope="module")
def nobody() -> Iterator[Listener]:
    """Another origin."""
    with closing(Listener()) as opened:
        yield opened


def test_a_good_server_gives_the_same_risk_at_both_doors(evil_ward: EvilWard) -> None:
    """So that the other tests say something."""
    page, call = at_both_doors(evil_ward, "Nothing", evil.silence)
    assert (page.status_code, call.status_code) == (200, 200)
    assert NAME in page.text
    assert "96 %" in words_of(page)
    assert "96 %" in words_of(call)


SLOW = [name for name, (_, words) in REFUSED.items() if words.startswith(IN_TIME)]


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in REFUSED if name not in SLOW for kind in ("Observation", "Patient")]
)
def test_what_cannot_be_used_is_words_without_a_number(evil_ward: EvilWard, name: str, kind: str) -> None:
    """Whatever comes; what the server sent is not repeated."""
    _is_words_without_a_number(evil_ward, name, kind)


@pytest.mark.parametrize("name", SLOW)
def test_what_does_not_come_in_time_is_words_without_a_number(hurried_ward: EvilWard, name: str) -> None:
    """In time, from the first byte to the last."""
    _is_words_without_a_number(hurried_ward, name, "Observation")


def _is_words_without_a_number(ward: EvilWard, name: str, kind: str) -> None:
    """At both doors."""
    way, words = REFUSED[name]
    for answer in at_both_doors(ward, kind, way):
        seen = html.unescape(words_of(answer))
        if (name, kind) == ("403", "Observation") and not answer.is_json:  # not permitted: only this model goes without
            assert answer.status_code == 200
            assert "Not assessed" in seen
        else:
            assert answer.status_code in (502, 503, 412), seen
            assert answer.is_json or "Incident" in seen
        assert any(part in seen for part in words.split("|")), seen
        assert "96 %" not in seen
        assert "__evil" not in answer.text


@pytest.mark.parametrize("way", [evil.drip, evil.drip_headers, interim], ids=["body", "header", "interim"])
def test_a_slow_server_holds_nobody_up(hurried_ward: EvilWard, way: evil.Way) -> None:
    """After the deadline we hang up; otherwise a few slow answers would keep all readers busy, for every EHR."""
    hurried_ward.evil.plan["*"] = way
    for _ in range(2):
        hurried_ward.call()
    until = time.monotonic() + BOUND_S
    while hurried_ward.evil.held and time.monotonic() < until:
        time.sleep(0.05)
    assert hurried_ward.evil.held == []


@pytest.mark.parametrize("name", PARTLY)
def test_pages_that_lead_astray_are_named(evil_ward: EvilWard, name: str) -> None:
    """What was read counts, and what was not is said beside it."""
    way, words = PARTLY[name]
    for answer in at_both_doors(evil_ward, "Observation", way):
        seen = html.unescape(words_of(answer)).replace("\\", "")
        assert answer.status_code == 200, seen
        assert "96 %" in seen
        assert words in seen
    assert len(evil_ward.evil.asked) < 60


@pytest.mark.parametrize(
    "form", ["{0}/fhir/Observation?page=2", "{1}/fhir/Observation?page=2", "{2}", "{3}", "{0}\\@{4}/fhir/Observation"]
)
def test_no_other_origin_is_ever_asked(evil_ward: EvilWard, nobody: Listener, form: str) -> None:
    """Another port is another origin: no request, so no token; in every way to write it, and as a redirect."""
    here = nobody.url.partition("//")[2]
    own = evil_ward.evil.origin
    link = form.format(nobody.url, f"//{here}", f"{own}@{here}/fhir/Observation", f"{own}.{here}/x", own[7:])
    for answer in at_both_doors(evil_ward, "Observation", evil.next_at(link)):
        assert answer.status_code == 200
        assert LEAVES in html.unescape(words_of(answer)).replace("\\", "")
    for status in (301, 302, 303, 307, 308):
        for answer in at_both_doors(evil_ward, "Observation", evil.redirect_to(link, status)):
            assert answer.status_code in (503, 412)
    assert nobody.calls == 0


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stands_around_good_data_changes_nothing(evil_ward: EvilWard, name: str) -> None:
    """No header of another server reaches the browser, and none is obeyed."""
    for answer in at_both_doors(evil_ward, "*", HARMLESS[name]):
        assert "96 %" in words_of(answer)
        assert "stolen" not in str(answer.headers)
        assert "evil.example" not in str(answer.headers) + answer.text
        assert "Refresh" not in answer.headers


def test_an_endless_401_costs_one_renewal(evil_ward: EvilWard) -> None:
    """All reads of the page together ask once for a new token, and each tries once more."""
    evil_ward.evil.plan["Observation"] = evil.raw(b"", 401)
    assert evil_ward.open().status_code == 503
    assert len(evil_ward.peer.spent) == 1
    asked = [one.token for one in evil_ward.evil.asked if one.kind == "Observation"]
    assert len(asked) <= 2 * len([token for token in asked if token == "secret-access-token"])
    assert set(asked) == {"secret-access-token", "renewed-token-1"}


def test_a_refusal_to_a_hook_call_asks_for_nothing(evil_ward: EvilWard) -> None:
    """The token of a hook call is the EHR's to renew."""
    evil_ward.evil.plan["Observation"] = evil.raw(b"", 401)
    assert evil_ward.call().status_code == 412
    assert evil_ward.peer.spent == []


@pytest.mark.parametrize("kind", ["Patient", "Encounter", "Observation"])
def test_the_record_of_another_patient_is_not_shown(evil_ward: EvilWard, kind: str) -> None:
    """One resource of somebody else among the good ones is enough."""

    def other(resource: dict[str, Any]) -> None:
        name = {"id": "someone-else"} if kind == "Patient" else {"subject": {"reference": "Patient/someone-else"}}
        resource.update(name)

    for answer in at_both_doors(evil_ward, kind, evil.changed(other)):
        seen = words_of(answer)
        assert answer.status_code in (409, 422), seen
        assert "96 %" not in seen
        assert NAME not in seen
        assert "someone-else" not in answer.text


def test_a_large_body_is_not_taken_in(evil_ward: EvilWard) -> None:
    """Neither read to its end nor kept: of 50 MB, each read takes the limit and what lies in the sockets."""
    for _ in at_both_doors(evil_ward, "Observation", evil.large(LARGE)):
        reads = sum(asked.kind == "Observation" for asked in evil_ward.evil.asked)
        assert reads > 0
        assert evil_ward.evil.sent < reads * (READ_LIMIT + 8_000_000)


@pytest.mark.parametrize("way", [evil.large(LARGE), evil.encoded(gzip.compress(bytes(LARGE)))], ids=["plain", "gzip"])
def test_the_memory_of_one_read_is_bounded(evil_ward: EvilWard, way: evil.Way) -> None:
    """The way out itself holds no more than its limit, a little more than once."""
    evil_ward.evil.plan["Patient"] = way
    transport = Transport()
    tracemalloc.start()
    try:
        with pytest.raises(FetchFailed):
            transport.get_json(f"{evil_ward.evil.base}/Patient/evil-1", token="t", deadline=Deadline.after(BOUND_S))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        transport._http.close()
    assert peak < 2 * READ_LIMIT + 2_000_000


@pytest.mark.parametrize(
    "name",
    [
        "silence", "slow drip of the header", "50 MB", "gzip bomb", "deep lists", "a page of HTML", "repeated keys",
        "redirect to itself", "429 for eleven days",
    ],
)  # fmt: skip
def test_a_launch_at_a_hostile_discovery_is_words(evil_ward: EvilWard, name: str) -> None:
    """The browser is sent nowhere, and no token is asked for."""
    evil_ward.evil.plan[".well-known"] = REFUSED[name][0]
    begun = time.monotonic()
    query = {"iss": evil_ward.evil.base, "launch": "L"}
    answer = evil_ward.app.test_client().get("/smart/launch", query_string=query, base_url=evil_ward.url)
    assert time.monotonic() - begun < BOUND_S
    assert answer.status_code == 502
    assert "smart-configuration could not be read" in html.unescape(answer.text)
    assert "__evil" not in answer.text
    assert len(evil_ward.evil.asked) == 1


@pytest.mark.parametrize("way", [evil.drip, evil.large(LARGE), evil.redirect_to("http://127.0.0.1:9")])
def test_a_hostile_style_costs_the_page_nothing(evil_ward: EvilWard, way: evil.Way) -> None:
    """It is decoration: the page opens in its own colours."""
    evil_ward.peer.token["smart_style_url"] = f"{evil_ward.evil.base}/style?{id(way)}"
    evil_ward.evil.plan["style"] = way
    try:
        begun = time.monotonic()
        answer = evil_ward.open()
        assert time.monotonic() - begun < BOUND_S
    finally:
        del evil_ward.peer.token["smart_style_url"]
    assert "96 %" in words_of(answer)
    assert [asked.token for asked in evil_ward.evil.asked if asked.kind == "style"] == [""]


@pytest.mark.parametrize("way", [evil.silence, evil.drip, evil.raw(b"", 500)])
def test_leaving_does_not_wait_for_a_hostile_revocation(evil_ward: EvilWard, way: evil.Way) -> None:
    """The page is closed and its tokens are forgotten, whatever the EHR does."""
    browser = evil_ward.app.test_client()
    page = evil_ward.open(browser)
    address, token = re.search(
        r'action="(/smart/page/[\w-]+)/again".*?csrf_token" value="([^"]+)"', page.text, re.S
    ).groups()
    evil_ward.evil.plan["revoke"] = way
    begun = time.monotonic()
    left = browser.post(f"{address}/leave", data={"csrf_token": token}, base_url=evil_ward.url)
    assert time.monotonic() - begun < BOUND_S
    assert (left.status_code, "Signed out" in left.text) == (200, True)
    assert [asked.kind for asked in evil_ward.evil.asked][-1] == "revoke"
    assert browser.get(address, base_url=evil_ward.url).status_code == 403
