"""Whose is a Provenance? R4 gives it no patient of its own: it belongs to the owner of all its targets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ehr_simulator.fhir_proxy.isolation import SUBJECT_FIELD, Foreign, Params, check_resource
from ehr_simulator.fhir_store import FhirStore

MOST_TARGETS = 20
_REFERENCE = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.\-]{1,64})(/_history/[A-Za-z0-9.\-]{1,64})?")


def check_targets(resource: Mapping[str, Any], patient: str, store: FhirStore) -> None:
    """Raise `Foreign` unless every target exists here and is the patient's. Raises `FhirStoreFault`."""
    targets = resource.get("target")
    if not isinstance(targets, list) or not targets or len(targets) > MOST_TARGETS:
        raise Foreign("A Provenance here names the resources that it is about.")
    check_references((str(one.get("reference", "")) if isinstance(one, Mapping) else "" for one in targets),
                     patient, store)  # fmt: skip


def check_references(references: Iterable[str], patient: str, store: FhirStore) -> None:
    """Raise `Foreign` unless each is the patient or a resource of the patient."""
    for reference in references:
        if reference == f"Patient/{patient}":
            continue
        found = _REFERENCE.fullmatch(reference)
        if found is None or found["type"] not in SUBJECT_FIELD:
            raise Foreign("The reference is not to a resource of the patient.")
        held = store.read(f"{found['type']}/{found['id']}")
        if held is None:
            raise Foreign("The reference is not to a resource of the patient.")
        check_resource(held, patient)


def limited_search(params: Params, patient: str, store: FhirStore) -> Params:
    """The search, which must name targets, all of them the patient's. Raises `Foreign`."""
    named = [part for name, value in params if name == "target" for part in value.split(",")]
    others = {name for name, _ in params if name not in {"target", "_id", "_count", "_sort", "_total", "_offset"}}
    if not named or others:
        raise Foreign("Provenance is searched by target here.")
    check_references(named, patient, store)
    return params
