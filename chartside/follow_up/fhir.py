"""FHIR NDJSON (one resource a line, as Bulk Data exports it) → outcomes."""

from __future__ import annotations

from chartside.follow_up.reading import BadLine, Read, each, lines
from clinical import strict_json
from clinical.errors import BodyTooLarge, MalformedRequest
from clinical.follow_up import ObservedOutcome
from clinical.record import Coding
from fhir_adapters.outcomes import READERS, Resources, coded


def read_outcomes(text: str, *, client: str, name: str, code: Coding | None) -> Read[ObservedOutcome]:
    """All resources of a file together: a stay is judged with its patient. Without `code`, `name` is of `READERS`."""
    resources = Resources()

    def understand(line: str) -> None:
        try:
            document = strict_json.loads(line.encode("utf-8"))
        except (MalformedRequest, BodyTooLarge):
            raise BadLine("it is not one JSON object a line, or has a key twice, or is too large") from None
        if not isinstance(document, dict) or not resources.add(document):
            raise BadLine("it is no FHIR resource with resourceType and id")

    bad = each(lines(text), understand).bad
    found = coded(resources, client, name, code) if code else READERS[name](resources, client, name)
    return Read(found.outcomes, bad, found.left_out)
