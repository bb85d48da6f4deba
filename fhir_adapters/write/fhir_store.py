"""What writing needs of one FHIR server within one visit: find, create, read. Faults become words for the clinician."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from clinical.invocation import FhirAccess
from fhir_adapters.http.transport import Deadline, FetchFailed, Posted, Transport
from fhir_adapters.http.transport_post import bounds_of, post_resource
from fhir_adapters.ids import FHIR_ID, ID
from fhir_adapters.write.write_errors import WriteFailed

_PLACE = re.compile(rf"(?:.*/)?(?P<type>[A-Za-z]{{1,40}})/(?P<id>{ID})(?:/_history/(?P<version>{ID}))?", re.ASCII)
# A server or a scope without this search; the condition of the create has to do.
_NO_SEARCH = (400, 403, 404, 405, 501)
# A server that does not know this condition (FHIR R4 leaves open how it says so). 412 says that it matched several.
_NO_CONDITION = (400, 405, 501)
_REFUSALS = {
    401: "the permission of this visit has run out",
    403: "it does not allow it",
    412: "it has more than one copy already",
    429: "it is busy; try again in a minute",
}


class _ConditionUnknown(Exception):
    """The server refused a create, perhaps only for its condition; nothing was made."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands. `made` is False where it stood there before; `version` is empty where it is unknown."""

    reference: str
    version: str
    made: bool

    @property
    def versioned(self) -> str:
        """The reference to exactly this version, where it is known."""
        return f"{self.reference}/_history/{self.version}" if self.version else self.reference


@dataclass(frozen=True, slots=True)
class FhirStore:
    """One server, one token, one deadline. Nothing is asked of any other server."""

    transport: Transport
    access: FhirAccess = field(repr=False)
    deadline: Deadline

    @property
    def base(self) -> str:
        """The FHIR base, without a slash at its end."""
        return self.access.base_url.rstrip("/")

    def search(self, resource_type: str, **wanted: str) -> list[dict[str, object]]:
        """Resources of a type, of the first page; none where the server does not let us search."""
        url = f"{self.base}/{resource_type}?{urlencode(wanted)}"
        try:
            bundle = self._get(url)
        except FetchFailed as fault:
            if fault.status in _NO_SEARCH:
                return []
            words = f"The EHR could not say what it has already: {_words(fault)}. Trying again is safe."
            raise WriteFailed(words, fault.status) from None
        entries = bundle.get("entry") if isinstance(bundle, dict) else None
        found = (
            [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        )
        return [one for one in found if isinstance(one, dict) and one.get("resourceType") == resource_type]

    def create(self, resource: Mapping[str, object], conditions: Sequence[str] = ()) -> Place | None:
        """Create under the first condition that the server knows, or under none where it knows none of them.

        None where the server took it and does not say where it stands. Raises `WriteFailed`.
        """
        resource_type = str(resource["resourceType"])
        for condition in conditions:
            with suppress(_ConditionUnknown):
                return self._create(resource, resource_type, condition)
        return self._create(resource, resource_type, "")

    def _create(self, resource: Mapping[str, object], resource_type: str, condition: str) -> Place | None:
        """One create. Raises `_ConditionUnknown` where another condition may do."""
        url, token = f"{self.base}/{resource_type}", self.access.token
        try:
            posted = post_resource(
                self.transport,
                url,
                resource,
                base=self.base,
                token=token,
                deadline=self.deadline,
                if_none_exist=condition,
            )
        except FetchFailed as fault:
            if condition and fault.status in _NO_CONDITION:
                raise _ConditionUnknown from None
            raise WriteFailed(_refused(fault, resource_type), fault.status) from None
        return _place(posted, resource_type)

    def read(self, reference: str) -> object:
        """What stands at a reference. Raises `WriteFailed`: it was written, and nobody can say how it stands there."""
        try:
            return self._get(f"{self.base}/{reference}")
        except FetchFailed as fault:
            raise WriteFailed(f"It was written, but could not be read back: {_words(fault)}.", fault.status) from None

    def _get(self, url: str) -> object:
        """One read, within the bounds of a write."""
        token, bounds = self.access.token, bounds_of(self.base)
        return self.transport.get_json(url, token=token, deadline=self.deadline, bounds=bounds)


def place_of(resource: Mapping[str, object]) -> Place | None:
    """Where a resource that the server sent stands; `search` and `create` have looked at its type."""
    meta = resource.get("meta")
    name, version = _id(resource.get("id")), _id(meta.get("versionId") if isinstance(meta, dict) else None)
    return Place(f"{resource['resourceType']}/{name}", version, made=False) if name else None


def _id(value: object) -> str:
    """A FHIR id, or an empty string: it becomes part of a URL."""
    return value if isinstance(value, str) and FHIR_ID.fullmatch(value) else ""


def _place(posted: Posted, resource_type: str) -> Place | None:
    """Where it stands: by the resource that came back, else by the Location, whose host does not matter."""
    made = posted.status == 201
    if isinstance(posted.document, dict) and posted.document.get("resourceType") == resource_type:
        told = place_of(posted.document)
        if told is not None:
            return replace(told, made=made)
    match = _PLACE.fullmatch(posted.location)
    if match is None or match["type"] != resource_type:
        return None
    return Place(f"{resource_type}/{match['id']}", match["version"] or "", made)


def _refused(fault: FetchFailed, resource_type: str) -> str:
    """What became of a create."""
    if 300 <= fault.status < 500:
        return f"The EHR did not take the {resource_type}: {_words(fault)}."
    return f"Nobody knows whether the {resource_type} was written: {_words(fault)}. Trying again is safe."


def _words(fault: FetchFailed) -> str:
    """Why, for a clinician."""
    return _REFUSALS.get(fault.status, fault.message)
