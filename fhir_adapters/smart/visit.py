"""What a launch is made of: the EHR it goes to, how we are registered there, the launch on its way, and the visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fhir_adapters.smart.client_authentication import ClientAuthentication, Public
from fhir_adapters.smart.launch_context import ContextItem


class Ehr(Protocol):
    """What the launch needs of a registry entry: our id of the client, its issuer, and our client_id there."""

    @property
    def client(self) -> str:
        """The id in the client registry."""
        ...

    @property
    def iss(self) -> str:
        """The FHIR base URL, exactly as the EHR sends it."""
        ...

    @property
    def smart_client_id(self) -> str:
        """Our client_id at this EHR's authorization server."""
        ...


@dataclass(frozen=True, slots=True)
class Registration:
    """How the page is registered at an EHR.

    `scopes` is `auto`, `v1` or `v2`; `refresh` is `none`, `online` or `offline`; `writes` are the types of resources
    that it may create; `unproved_user` takes an EHR without published keys; `style_origins` are the origins beside the
    EHR's own that a style may come from.
    """

    authentication: ClientAuthentication = field(default_factory=Public)
    scopes: str = "auto"
    refresh: str = "none"
    writes: tuple[str, ...] = ()
    unproved_user: bool = False
    style_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A launch on its way: where to send the browser, the state to expect back, and what `complete` will need.

    With a `form`, the browser posts it to `authorize_url`; without one it follows `authorize_url`.
    """

    authorize_url: str = field(repr=False)
    state: str = field(repr=False)
    pending: str = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """What an EHR permits in a visit at this moment.

    `not_granted` are the scopes to read that were asked for and do not hold, `can_write` the types that were asked for
    and may be created and read back.
    """

    scopes: tuple[str, ...] = ()
    not_granted: tuple[str, ...] = ()
    can_write: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """A completed launch. It holds no token and no scope: those lie in the vault, under `handle`, and change.

    `user` is a reference. `need_patient_banner` is True unless the EHR says that it shows one itself. `style` holds
    checked values of the EHR's style, `locale` is a language tag; what the EHR did not say is empty.
    """

    client: str
    handle: str = field(repr=False)
    patient_id: str
    encounter_id: str | None
    user: str
    app_context: str | None
    need_patient_banner: bool
    intent: str = ""
    tenant: str = ""
    fhir_context: tuple[ContextItem, ...] = ()
    style: Mapping[str, str] = field(default_factory=dict)
    locale: str = ""
