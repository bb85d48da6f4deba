"""The services on offer: one for each model on each of its hooks, keyed by (id, hook).

A key by hook alone would let two services on one hook answer for each other; a key by id alone could not tell two hooks
of one service apart.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from cds_hooks import hooks
from cds_hooks.context import Hook
from clinical.assessment import ModelInfo
from clinical.errors import MalformedRequest, SettingsInvalid, UnknownService
from clinical.need import DataNeed
from clinical.ports import RiskModel


@dataclass(frozen=True, slots=True)
class Service:
    """One model on one hook."""

    hook: Hook
    info: ModelInfo
    needs: tuple[DataNeed, ...]

    def discovery(self) -> dict[str, object]:
        """The entry of `GET /cds-services` (CDS Hooks 2.0.1, "Discovery")."""
        return {
            "hook": self.hook.name,
            "id": self.info.id,
            "title": self.info.title,
            "description": self.info.description,
            "usageRequirements": self.info.intended_use,
            "prefetch": {
                need.key: need.prefetch_template(encounter_always_known=self.hook.encounter_always_known)
                for need in self.needs
            },
        }


class Services:
    """The registry."""

    def __init__(self, models: Iterable[RiskModel]) -> None:
        """Make the services. Raises `SettingsInvalid` for an unknown hook or a second service under one key."""
        known = known_hooks()
        self._services: dict[tuple[str, str], Service] = {}
        for model in models:
            for name in model.info.hooks:
                if name not in known:
                    raise SettingsInvalid(f"Model '{model.info.id}' names the hook '{name}', which is not known.")
                if (model.info.id, name) in self._services:
                    raise SettingsInvalid(f"Two services have the id '{model.info.id}' on the hook '{name}'.")
                self._services[model.info.id, name] = Service(known[name], model.info, model.needs)

    def discovery(self) -> dict[str, object]:
        """The whole discovery answer."""
        return {"services": [service.discovery() for service in self._services.values()]}

    def require_id(self, service_id: str) -> None:
        """Raise `UnknownService` (404) unless some service has this id."""
        if not any(known == service_id for known, _ in self._services):
            raise UnknownService("There is no service with this id. GET /cds-services lists them.")

    def find(self, service_id: str, hook: object) -> Service:
        """The service for an id and the hook that the body names."""
        self.require_id(service_id)
        service = self._services.get((service_id, hook)) if isinstance(hook, str) else None
        if service is None:
            raise MalformedRequest("'hook' is missing or is not a hook that this service is listed for.")
        return service


def known_hooks() -> Mapping[str, Hook]:
    """Every hook that has a file in `cds_hooks/hooks`."""
    names = (module.name for module in pkgutil.iter_modules(hooks.__path__))
    found: list[Hook] = [import_module(f"{hooks.__name__}.{name}").HOOK for name in names]
    return {hook.name: hook for hook in found}
