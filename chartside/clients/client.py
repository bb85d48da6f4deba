"""`Client`: one EHR as the registry describes it, and `ServiceRules`: what it wishes of one service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cds_hooks.trust import ALGORITHMS
from clinical.policy import LAYPEOPLE
from fhir_adapters.smart.client_keys import ClientKey


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """When one client shows the cards of one service: the client's values, with the service's own in their place.

    With `shadow`, everything is assessed and nothing is shown; `shadow_share` is the share of users, from 0 to 1, for
    whom that holds (0 where `shadow` says it for all).
    """

    show_from: float | None
    shadow: bool
    shadow_share: float
    repeat_within: timedelta


@dataclass(frozen=True, slots=True)
class Client:
    """One EHR. `keys` is a JWK Set or the URL of one; `smart_client_id` is empty where the SMART app is not used.

    `jku` is the URL that tokens may name as the place of their keys, where that is not `keys` itself. `services` holds
    the values that differ for a service, by its id. `smart_secret` and `smart_keys` come from the files that the entry
    names; the first key signs. The other fields are the keys of the registry.
    """

    id: str
    name: str
    authentication: str
    fhir_base: str
    issuer: str = ""
    keys: Mapping[str, object] | str = ""
    jku: str = ""
    audiences: tuple[str, ...] = ()
    max_token_seconds: int = 300
    algorithms: tuple[str, ...] = ALGORITHMS
    tenants: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    fhir_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    smart_client_id: str = ""
    smart_redirect: str = "shared"
    smart_authentication: str = "public"
    smart_secret: str = field(default="", repr=False)
    smart_keys: tuple[ClientKey, ...] = ()
    smart_scopes: str = "auto"
    smart_refresh: str = "none"
    smart_write_back: bool = False
    smart_sign_in_origins: tuple[str, ...] = ()
    smart_style_origins: tuple[str, ...] = ()
    smart_unproved_user: bool = False
    intensive_care_locations: tuple[str, ...] = ()
    encounter_classes: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    on_error: str = "outcome"
    deadline_ms: int = 450
    show_from: float | None = None
    shadow: bool = False
    shadow_share: float = 0.0
    hidden_from: tuple[str, ...] = LAYPEOPLE
    repeat_hours: float = 0.0
    snooze_hours: Mapping[str, float] = field(default_factory=dict)
    cards_per_clinician_day: int | None = None
    cards_per_encounter: int | None = None
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def smart_callback(self) -> str:
        """The path of the redirect URI that is registered at this EHR."""
        return f"/smart/callback/{self.id}" if self.smart_redirect == "own" else "/smart/callback"

    def rules(self, service_id: str, *, is_risk: bool = True) -> ServiceRules:
        """What this client wishes of one service. Its own `show_from` is a probability, so it is for risks alone."""
        own = self.services.get(service_id, {})
        # `shadow` and `shadow_share` say one thing in two ways: who says either has said all about it.
        shadow, share = self.shadow, self.shadow_share
        if {"shadow", "shadow_share"} & own.keys():
            shadow, share = own.get("shadow", False), own.get("shadow_share", 0.0)
        return ServiceRules(
            show_from=own.get("show_from", self.show_from if is_risk else None),
            shadow=shadow,
            shadow_share=float(share),
            repeat_within=timedelta(hours=own.get("repeat_hours", self.repeat_hours)),
        )

    @property
    def snooze(self) -> Mapping[str, timedelta]:
        """For how long an overridden card stays away, by code of the override reason."""
        return {code: timedelta(hours=hours) for code, hours in self.snooze_hours.items()}
