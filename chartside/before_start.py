"""What is checked before the ledger and the port are opened: by `chartside serve`, and by `chartside check` alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import clinical
import fhir_adapters
import models.runtime
from cds_hooks.services import Services
from chartside.clients import Client, asked_services, check_services, load_clients
from chartside.clients.keys import level_fault
from chartside.clients.smart_entry import registration_of
from chartside.settings import LOOPBACK, Settings
from chartside.sign_in import SignInEntry, load_sign_in
from clinical.errors import ManifestInvalid, NotStarted, SettingsInvalid
from fhir_adapters.smart.client_keys import published
from fhir_adapters.smart.session import Registration
from fhir_adapters.units import Analytes, load_analytes
from models.runtime.catalogue import MODELS_FOLDER, AnyModel, load_models
from models.runtime.find_folder import every_folder
from models.runtime.score_answer import Worked
from models.runtime.score_code import load_answer
from models.runtime.score_manifest import Answers, ScoreManifest
from models.runtime.score_model import ScoreModel
from models.runtime.signature import trusted_keys
from oversight.database import check_url
from smart_app.language.language import Language
from smart_app.language.shelf import load_languages

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the settings name, read and found to hold together. `known` are all models, `models` those on offer."""

    settings: Settings
    clients: Mapping[str, Client]
    known: Mapping[str, AnyModel]
    models: Mapping[str, AnyModel]
    analytes: Analytes
    registrations: Mapping[str, Registration]
    sign_in: SignInEntry | None
    languages: Mapping[str, Language]


def checked(settings: Settings) -> Checked:
    """Read everything that the settings name. Raises a `NotStarted` fault that tells whatever can be told at once."""
    told = _Told()
    told.step(lambda: check_url(settings.database_url), None)
    told.step(lambda: check_host(settings.host), None)
    sign_in = told.step(lambda: load_sign_in(settings.sign_in_file), None)
    clients: Mapping[str, Client] = told.step(
        lambda: {client.id: client for client in load_clients(settings.clients_file)}, {}
    )
    told.step(lambda: _check_certificates(settings, clients), None)
    told.step(lambda: _check_loopback(settings, clients), None)
    registrations: Mapping[str, Registration] = told.step(
        lambda: {client.id: registration_of(client) for client in clients.values()}, {}
    )
    told.step(lambda: _check_keys(clients), None)
    languages: Mapping[str, Language] = told.step(lambda: load_languages(_with_words(settings)), {})
    analytes = load_analytes()
    known: Mapping[str, AnyModel] = told.step(lambda: _models(settings), {})
    if known:  # without them every service of the registry would look mistyped
        told.step(lambda: check_units(known, analytes), None)
        told.step(lambda: check_services(clients.values(), known), None)
    offer: Mapping[str, AnyModel] = told.step(lambda: offered(known, clients.values()), {})
    told.step(lambda: Services(offer.values()), None)
    told.end()
    return Checked(settings, clients, known, offer, analytes, registrations, sign_in, languages)


class _Told:
    """Goes on after a fault, so that whoever mends the settings hears of the next one too."""

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        self._faults: list[NotStarted] = []

    def step(self, work: Callable[[], _Found], otherwise: _Found) -> _Found:
        """What one step gives, or `otherwise` where it has a fault, which is kept."""
        try:
            return work()
        except NotStarted as fault:
            self._faults.append(fault)
            return otherwise

    def end(self) -> None:
        """Raise the fault, or all of them as one."""
        if len(self._faults) == 1:
            raise self._faults[0]
        if self._faults:
            raise SettingsInvalid("\n".join(fault.message for fault in self._faults))


def check_host(host: str) -> None:
    """Raise `SettingsInvalid` unless the name or address can be listened on; nothing is opened.

    In the family that the server listens in; no name is every address of this machine.
    """
    try:
        socket.getaddrinfo(host or None, 0, socket.AF_INET, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise SettingsInvalid("CHARTSIDE_HOST is no IPv4 address and no name of one.") from None


def _models(settings: Settings) -> Mapping[str, AnyModel]:
    """Every model, shipped and of the site, as a trusted key signed it."""
    return load_models(local=settings.local_models, keys=trusted_keys(settings.model_keys_file))


def _with_words(settings: Settings) -> list[Path]:
    """The folders that may bring words of other languages: rooms whose sentences a page shows, and models."""
    rooms = [Path(package.__path__[0]) for package in (clinical, fhir_adapters, models.runtime)]
    return [*rooms, *every_folder([top for top in (MODELS_FOLDER, settings.local_models) if top])]


def offered(models: Mapping[str, AnyModel], clients: Iterable[Client]) -> Mapping[str, AnyModel]:
    """The models whose manifest says that they are served, and those that a client has a table for.

    Raises `SettingsInvalid` where a client asks for a draft, or for a threshold that the model's level cannot reach.
    """
    clients = tuple(clients)
    asked = asked_services(clients)
    _check_levels(models, clients)
    for name, model in models.items():
        if name in asked and isinstance(model, ScoreModel) and model.draft:
            raise SettingsInvalid(f"The service {name} is a draft and is not offered: {model.draft}.")
    return {name: model for name, model in models.items() if model.served or name in asked}


def _check_levels(models: Mapping[str, AnyModel], clients: Iterable[Client]) -> None:
    """A threshold of 7 at a model of probabilities would silence it for good."""
    faults = [
        f"[clients.{client.id}.services.{name}] {fault}"
        for client in clients
        for name, own in client.services.items()
        if name in models and (fault := level_fault(own.get("show_from"), *_levels(models[name])))
    ]
    if faults:
        raise SettingsInvalid("The client registry does not hold together:\n  " + "\n  ".join(faults))


def _levels(model: AnyModel) -> tuple[float, float]:
    """The lowest and the highest level of a model's answers."""
    if not isinstance(model, ScoreModel):
        return 0.0, 1.0
    lowest, highest = model.levels
    return (lowest, highest) if model.manifest.scale.falling else (lowest, min(highest, _most_points(model.manifest)))


def _most_points(manifest: ScoreManifest) -> float:
    """The maximum that a score declares, or infinity.

    Only an answer declares it, and it is the same in each; what nothing suffices for is asked with some number.
    """
    if manifest.scale.answers is Answers.PROBABILITY:
        return float("inf")
    work = load_answer(manifest.folder)
    for value in (None, 50.0):
        try:
            answer = work(dict.fromkeys(manifest.inputs, value))
        except Exception:  # noqa: S112 (arithmetic of any folder, on numbers that nobody measured)
            continue
        if isinstance(answer, Worked) and answer.maximum is not None:
            return answer.maximum
    return float("inf")


def check_units(models: Mapping[str, AnyModel], analytes: Analytes) -> None:
    """Every code that a model reads must have an allow-list of units that ends in the model's unit.

    Otherwise all its values would be set aside, one by one, for ever. Raises `ManifestInvalid`.
    """
    faults = [
        f"{model.info.id}: {coding.token} is not in the table of analytes with the unit {signal.unit}"
        for model in models.values()
        for signal in model.manifest.signals.values()
        for coding in signal.codes
        if (analyte := analytes.of([coding])) is None or analyte.unit != signal.unit
    ]
    if faults:
        raise ManifestInvalid("Models and units do not fit together:\n  " + "\n  ".join(faults))


def _check_keys(clients: Mapping[str, Client]) -> None:
    """One kid, one key: the page publishes those of all clients together. Raises `SettingsInvalid`."""
    published(key for client in clients.values() for key in client.smart_keys)


def _check_certificates(settings: Settings, clients: Mapping[str, Client]) -> None:
    """A client that must show a certificate needs a header to show it in. Raises `SettingsInvalid`."""
    asked = [client.id for client in clients.values() if client.certificates]
    if asked and not settings.certificate_header:
        raise SettingsInvalid(
            f"[clients.{asked[0]}] has 'certificates', but CHARTSIDE_CERTIFICATE_HEADER is not set: every call of it "
            "would be refused."
        )


def _check_loopback(settings: Settings, clients: Mapping[str, Client]) -> None:
    """Calls without a token are for trying out. Behind a proxy every caller seems to come from this machine.

    Raises `SettingsInvalid` where the service is reached by another name than this machine's.
    """
    found = [client.id for client in clients.values() if client.authentication == "loopback"]
    if found and urlsplit(settings.base_url).hostname not in LOOPBACK:
        raise SettingsInvalid(
            f"[clients.{found[0]}] has authentication 'loopback', and CHARTSIDE_BASE_URL is not this machine: behind a "
            "proxy anybody could call without a token."
        )
