"""The services on offer: one for each model on each of its hooks, keyed by (id, hook).

A key by hook alone would let two services on one hook answer for each other; a key by id alone could not tell two hooks
of one service apart.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from cds_hooks import hooks
from cds_hooks.context import Hook
from cds_hooks.templates import faults_in_template
from clinical.assessment import ModelInfo
from clinical.errors import MalformedRequest, SettingsInvalid, UnknownService
from clinical.need import DataNeed
from clinical.ports import RiskModel

# Members that the 3.0 ballot adds are sent only to clients with this capability flag. The version that is stated is
# the one that is implemented whole.
VERSION_3 = "cds-hooks-3"
SPECIFICATION = "2.0.1"
# An id is one segment of a URL as it stands (RFC 3986, unreserved characters).
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Service:
    """One model on one hook."""

    hook: Hook
    info: ModelInfo
    needs: tuple[DataNeed, ...]

    @property
    def prefetch(self) -> dict[str, str]:
        """The prefetch templates, by key."""
        always = self.hook.encounter_always_known
        return {need.key: need.prefetch_template(encounter_always_known=always) for need in self.needs}

    def discovery(self, flags: frozenset[str] = frozenset()) -> dict[str, object]:
        """The entry of `GET /cds-services` (CDS Hooks 2.0.1, "Discovery"). What has no value is left out."""
        entry: dict[str, object] = {
            "hook": self.hook.name,
            "id": self.info.id,
            "title": self.info.title,
            "description": self.info.description,
            "usageRequirements": self.info.intended_use,
            "prefetch": self.prefetch,
        }
        if VERSION_3 in flags:
            entry |= {"version": SPECIFICATION, "hookVersion": self.hook.version}
        return {name: value for name, value in entry.items() if value}

    def faults(self) -> list[str]:
        """What is wrong with how this service would present itself."""
        keys = [need.key for need in self.needs]
        found = [f"'{self.info.id}' is no part of a URL."] if not ID.fullmatch(self.info.id) else []
        found += [f"The prefetch key '{key}' is used twice." for key in sorted(set(keys)) if keys.count(key) > 1]
        for key, template in self.prefetch.items():
            found += [f"Prefetch template '{key}' {fault}." for fault in faults_in_template(template, self.hook)]
        return [f"Model '{self.info.id}' on the hook '{self.hook.name}': {fault}" for fault in found]


class Services:
    """The registry."""

    def __init__(self, models: Iterable[RiskModel]) -> None:
        """Make the services. Raises `SettingsInvalid` that lists every fault of every service."""
        known = known_hooks()
        self._services: dict[tuple[str, str], Service] = {}
        faults: list[str] = []
        for model in models:
            for name in model.info.hooks:
                if name not in known:
                    faults.append(f"Model '{model.info.id}' names the hook '{name}', which is not known.")
                elif (model.info.id, name) in self._services:
                    faults.append(f"Two services have the id '{model.info.id}' on the hook '{name}'.")
                else:
                    service = Service(known[name], model.info, model.needs)
                    faults += service.faults()
                    self._services[model.info.id, name] = service
        if faults:
            raise SettingsInvalid("The services do not hold together:\n  " + "\n  ".join(faults))

    def discovery(self, flags: frozenset[str] = frozenset()) -> dict[str, object]:
        """The whole discovery answer, for a client with these capability flags."""
        return {"services": [service.discovery(flags) for service in self._services.values()]}

    def has(self, service_id: str) -> bool:
        """Whether some service has this id."""
        return any(known == service_id for known, _ in self._services)

    def require_id(self, service_id: str) -> None:
        """Raise `UnknownService` (404) unless some service has this id."""
        if not self.has(service_id):
            raise UnknownService("There is no service with this id. GET /cds-services lists them.")

    def find(self, service_id: str, hook: object) -> Service:
        """The service for an id and the hook that the body names."""
        self.require_id(service_id)
        service = self._services.get((service_id, hook)) if isinstance(hook, str) else None
        if service is None:
            raise MalformedRequest("'hook' is missing or is not a hook that this service is listed for.")
        return service


def known_hooks() -> Mapping[str, Hook]:
    """Every hook that has a file in `cds_hooks/hooks`. Raises `SettingsInvalid` for a file that is none."""
    found = [_hook(module.name) for module in pkgutil.iter_modules(hooks.__path__)]
    return {hook.name: hook for hook in found}


def _hook(name: str) -> Hook:
    """What one file says. Raises `SettingsInvalid` that names it."""
    try:
        found = getattr(import_module(f"{hooks.__name__}.{name}"), "HOOK", None)
    except SyntaxError as fault:
        raise SettingsInvalid(f"The hook file {name}.py cannot be loaded (line {fault.lineno}: {fault.msg}).") from None
    except Exception as fault:  # whatever a file does when it is run, it keeps the service from starting
        raise SettingsInvalid(f"The hook file {name}.py cannot be loaded ({type(fault).__name__}: {fault}).") from fault
    if not isinstance(found, Hook):
        raise SettingsInvalid(f"The hook file {name}.py says no HOOK.")
    return found
