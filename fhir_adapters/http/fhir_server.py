"""One GET from a FHIR server: behind its circuit breaker, and once more where the server asks for patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from clinical.invocation import FhirAccess
from fhir_adapters.http.breaker import Breaker
from fhir_adapters.http.transport import Deadline, FetchFailed, NoAnswer, TooManyRequests, Transport

LEFT_ALONE = "the server failed several times in a row and is left alone for a moment"
# A call that was given less than this, in seconds, and got no answer says nothing about the server.
FAIR_CHANCE = 0.2


class FhirServers:
    """Reads from the FHIR servers that the registry names. Safe to share between threads."""

    def __init__(self, transport: Transport, breakers: Mapping[str, Breaker]) -> None:
        """Take one breaker for each base URL, without a slash at its end."""
        self._transport = transport
        self._breakers = breakers

    def get(self, url: str, access: FhirAccess, deadline: Deadline) -> object:
        """The JSON behind a URL. Raises `FetchFailed`; at once while the server's breaker is open.

        A read may be repeated (it is idempotent), so a 429 is obeyed once if its Retry-After ends before the deadline.
        """
        breaker = self._breakers[access.base_url.rstrip("/")]
        try:
            return self._once(url, access, deadline, breaker)
        except TooManyRequests as fault:
            if fault.seconds is None or fault.seconds >= deadline.left():
                raise
            time.sleep(fault.seconds)
            return self._once(url, access, deadline, breaker)

    def _once(self, url: str, access: FhirAccess, deadline: Deadline, breaker: Breaker) -> object:
        """One call, and what it says about the server."""
        given = deadline.remaining()
        if not breaker.admits():
            raise FetchFailed(LEFT_ALONE)
        return _watched(lambda: self._transport.get_json(url, token=access.token, deadline=deadline), breaker, given)


def _watched(call: Callable[[], object], breaker: Breaker, given: float) -> object:
    """Make a call and tell the breaker. Timeouts, connection faults and 5xx are failures; 4xx is an answer."""
    try:
        answer = call()
    except NoAnswer:
        if given >= FAIR_CHANCE:
            breaker.failed()
        raise
    except FetchFailed as fault:
        (breaker.failed if fault.status >= 500 else breaker.succeeded)()
        raise
    breaker.succeeded()
    return answer
