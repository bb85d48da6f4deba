"""Addresses in answers, rewritten from the hidden FHIR server to the public FHIR base."""

from __future__ import annotations

from typing import Any


def publish(resource: dict[str, Any], hidden: str, public: str) -> dict[str, Any]:
    """The resource with `link.url` and `entry.fullUrl` of a bundle on the public base. Changes it in place."""
    if resource.get("resourceType") == "CapabilityStatement":
        resource["implementation"] = {"description": "Stand-in EHR, guarded by SMART scopes", "url": public}
    if resource.get("resourceType") != "Bundle":
        return resource
    for holder, name in [
        *((link, "url") for link in resource.get("link", [])),
        *((entry, "fullUrl") for entry in resource.get("entry", [])),
    ]:
        value = holder.get(name)
        if isinstance(value, str) and value.startswith(f"{hidden}/"):
            holder[name] = public + value.removeprefix(hidden)
    return resource
