"""Create one FHIR resource over `Transport.post_json`: on the visit's server only, of bounded size, and conditionally.

FHIR R4 http.html#create and #ccreate. What a server says about a refusal (its OperationOutcome) is not repeated: it
may quote what was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from fhir_adapters.http.addresses import Reach
from fhir_adapters.http.transport import Bounds, Deadline, FetchFailed, Posted, Transport, same_base

# A risk with all its words and references takes some 20 KB.
MAX_SENT = 200_000
# What comes back: the resource, or a page of those that match.
MAX_RECEIVED = 2_000_000


def bounds_of(base: str) -> Bounds:
    """The bounds of every call of a write."""
    return Bounds(Reach.around(base), MAX_RECEIVED)


def post_resource(
    transport: Transport,
    url: str,
    resource: Mapping[str, object],
    *,
    base: str,
    token: str,
    deadline: Deadline,
    if_none_exist: str = "",
) -> Posted:
    """Create a resource. Raises `FetchFailed` with the status, `NoAnswer` where nobody knows whether it was made."""
    if not same_base(url, base):
        raise FetchFailed("the address is not on the EHR's server")
    sent = json.dumps(resource, ensure_ascii=False, allow_nan=False).encode()
    if len(sent) > MAX_SENT:
        raise FetchFailed("there is more to write than the limit allows")
    headers = {"Prefer": "return=representation", **({"If-None-Exist": if_none_exist} if if_none_exist else {})}
    return transport.post_json(url, sent, token=token, headers=headers, deadline=deadline, bounds=bounds_of(base))
