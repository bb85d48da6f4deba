"""Who asks for the quality team's pages in a bench: the team's password, or a visit in another role."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from flask import Flask

from chartside.house import House, derive_key
from oversight.pages.door.roles import Role
from oversight.pages.door.visits import Limits, Visits

PASSWORD = "word"  # noqa: S105 (nobody else can reach the bench)
# No server listens there: the visits are handed out by the bench.
SIGN_IN = """
kind = "oidc"
label = "Bench"
issuer = "http://127.0.0.1:9"
client_id = "bench"
[people]
admin = ["nobody"]
"""


def headers_of(house: House, app: Flask, role: Role) -> Mapping[str, str]:
    """The headers of a request by somebody with this role alone; of the quality team those of its password."""
    if role is Role.QUALITY:
        return {"Authorization": "Basic " + base64.b64encode(f"quality:{PASSWORD}".encode()).decode()}
    if house.sign_in is None:
        raise ValueError("the house has no sign-in, so nobody has another role")
    secret = derive_key(house.settings.secret, "quality pages")
    visits = Visits(secret, Limits(), house.used_tokens, house.clock, edition=house.sign_in.edition)
    with app.test_request_context():
        response = app.make_response("")
        visits.hand_out(response, visits.begin("0" * 16, "somebody", frozenset({role})))
    return {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}
