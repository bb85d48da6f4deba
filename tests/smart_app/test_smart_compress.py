"""Answers go compressed to browsers that take it, and are the same."""

from __future__ import annotations

import gzip

import pytest


def test_a_page_is_the_same_compressed(house, doctor, browser, make) -> None:
    """Byte for byte, at a third of its length or less."""
    url = doctor.open(browser)
    plain = browser.get(url, base_url=make.base_url)
    packed = browser.get(url, base_url=make.base_url, headers={"Accept-Encoding": "gzip, deflate"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert len(packed.data) * 3 < len(plain.data)
    unpacked = gzip.decompress(packed.data).decode().splitlines()
    different = [one for one, other in zip(unpacked, plain.text.splitlines(), strict=True) if one != other]
    assert all('name="once"' in line for line in different)


@pytest.mark.parametrize("asked", ["", "identity", "gzip;q=0", "br"])
def test_what_a_browser_does_not_take_is_not_sent(doctor, browser, make, asked: str) -> None:
    """Such as an old proxy's."""
    url = doctor.open(browser)
    answer = browser.get(url, base_url=make.base_url, headers={"Accept-Encoding": asked})
    assert "Content-Encoding" not in answer.headers
    assert "</html>" in answer.text


def test_a_file_is_compressed_and_known_again(browser, make) -> None:
    """By its own ETag, so that no browser gets the one form for the other."""
    asked = {"Accept-Encoding": "gzip"}
    path = "/smart/static/page.css"
    with (
        browser.get(path, base_url=make.base_url, headers=asked) as packed,
        browser.get(path, base_url=make.base_url) as plain,
    ):
        _are_one_file(packed, plain)


def _are_one_file(packed, plain) -> None:
    assert gzip.decompress(packed.data) == plain.data
    assert packed.get_etag()[0] != plain.get_etag()[0]


def test_what_is_short_or_no_text_is_left_as_it_is(browser, make) -> None:
    """A picture of a few bytes, and a redirect."""
    asked = {"Accept-Encoding": "gzip"}
    for path in ("/smart/static/icon.svg", "/smart/page/none"):
        with browser.get(path, base_url=make.base_url, headers=asked) as answer:
            assert "Content-Encoding" not in answer.headers
