"""Tokens of a launch that is refused after the exchange of the code: they are revoked, whatever was wrong."""

from __future__ import annotations

from typing import Any

import pytest

from smart_hostile.person import Person
from smart_hostile.ward import Ward


@pytest.mark.parametrize(
    ("mischief", "value"),
    [("wrong_nonce", None), ("foreign_key", None), ("no_patient", None), ("fhir_user", "none"), ("token_type", "mac")],
)
def test_a_refused_launch_leaves_no_token_behind(ward: Ward, person: Person, mischief: str, value: Any) -> None:
    """The EHR gave an access token and a refresh token; neither is good for anything afterwards."""
    for kept in (ward.ehr.grants._tokens, ward.ehr.grants._refresh):
        kept.drop(lambda _: True)
    ward.ehr.settings.mischief.arm(mischief, value=value)
    _, answer = person.launch()
    assert answer.status_code == 502
    assert len(ward.ehr.tokens_asked) == 1
    assert (list(ward.ehr.grants._tokens._items), list(ward.ehr.grants._refresh._items)) == ([], [])
