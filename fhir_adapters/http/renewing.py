"""A transport that, when a FHIR server no longer takes a token (401), asks once for a new one and tries once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from clinical.errors import NotAllowed
from fhir_adapters.http.transport import OPEN, Bounds, Deadline, FetchFailed, Limits, Posted, Transport

A = TypeVar("A")
# From the token that was refused to the one to use instead; None for one that is not known, `NotAllowed` for one that
# is known and cannot be renewed.
Renew = Callable[[str], str | None]


class RenewingTransport(Transport):
    """Only calls with a token that the vault knows are tried again: a 401 says that nothing was done."""

    def __init__(self, renew: Renew, limits: Limits | None = None) -> None:
        """`renew` lets one caller at a time refresh, and gives the others its result."""
        super().__init__(limits)
        self._renew = renew

    def get_json(self, url: str, *, token: str | None = None, deadline: Deadline, bounds: Bounds = OPEN) -> object:
        """GET a JSON document. Raises `FetchFailed`."""
        get = super().get_json
        return self._twice(lambda current: get(url, token=current, deadline=deadline, bounds=bounds), token)

    def post_json(
        self,
        url: str,
        body: bytes,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline,
        bounds: Bounds = OPEN,
    ) -> Posted:
        """POST a FHIR resource. Raises `FetchFailed`."""
        post = super().post_json
        return self._twice(
            lambda current: post(url, body, token=current, headers=headers, deadline=deadline, bounds=bounds), token
        )

    def _twice(self, call: Callable[[str | None], A], token: str | None) -> A:
        """Call, and once more with another token."""
        try:
            return call(token)
        except FetchFailed as fault:
            instead = self._instead_of(token) if token is not None and fault.status == 401 else None
            if instead is None:
                raise
        return _once_more(call, instead)

    def _instead_of(self, token: str) -> str | None:
        """Another token. Raises `FetchFailed` in words for the reader's list of what is missing."""
        try:
            return self._renew(token)
        except NotAllowed:
            raise FetchFailed("the EHR's permission to read the record has run out", 401) from None


def _once_more(call: Callable[[str], A], token: str) -> A:
    """Call with a token that is new. Raises `FetchFailed`; a second 401 is not the reader's to understand."""
    try:
        return call(token)
    except FetchFailed as fault:
        if fault.status != 401:
            raise
    raise FetchFailed("the EHR refused (401) the permission that it had just renewed", 401)
