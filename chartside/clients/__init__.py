"""The client registry: one TOML entry for each EHR that may call. docs/settings.md explains each key."""

from chartside.clients.client import Client, ServiceRules
from chartside.clients.keys import KEYS
from chartside.clients.read import asked_services, check_services, load_clients

__all__ = ["KEYS", "Client", "ServiceRules", "asked_services", "check_services", "load_clients"]
