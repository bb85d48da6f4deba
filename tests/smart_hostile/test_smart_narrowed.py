"""A renewal that permits less than the launch did: the page, and what it offers, go by what holds now."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from smart_hostile.person import Person, text_of
from smart_hostile.ward import TOKEN_SECONDS, Ward

LATER = timedelta(seconds=TOKEN_SECONDS + 1)
NOTICE = "The EHR did not give leave to read all of the procedures."


@pytest.mark.parametrize(
    ("kept_back", "noticed", "offered"),
    [("patient/Procedure", True, True), ("patient/Provenance", False, False)],
)
def test_a_narrower_renewal_is_what_the_page_says(
    ward: Ward, person: Person, kept_back: str, noticed: bool, offered: bool
) -> None:
    """Before: nothing is missing, and writing is offered. Afterwards: what is missing is named, or writing is gone."""
    _, page = person.launch(ward.other)
    address = re.search(r'action="(/smart/page/[\w-]+/write)"', page.text)
    assert address is not None
    assert NOTICE not in text_of(page)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text[address.end() :].partition("</form>")[0]))
    ward.other.settings.mischief.arm("narrower_renewal", value=kept_back)
    ward.clock.ahead += LATER
    page = person.again(page)
    assert (page.status_code, ward.other.renewals) == (200, 1)
    assert (NOTICE in text_of(page)) == noticed
    assert ("/write" in page.text) == offered
    if not offered:
        assessed = re.search(r'name="advice" value="([^"]+)"', page.text)
        assert assessed is not None
        answer = person.post(address[1], {**fields, "advice": assessed[1]})
        assert answer.status_code == 403
        assert "may not be written" in text_of(answer)
