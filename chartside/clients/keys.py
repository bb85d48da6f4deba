"""The keys that an entry may have, and what each value must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.trust import KNOWN_ALGORITHMS
from chartside.settings import is_web_url
from fhir_adapters.smart.client_authentication import METHODS
from fhir_adapters.smart.smart_scopes import FORMS, REFRESHES
from models.runtime.encounter_class import CLASSES

# The id of an entry stands in logs, in the ledger and in URLs.
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
CLIENT_ID_WORDS = "1 to 64 letters, digits, hyphens or underscores"
MAX_TEXT = 2000
HOURS_PER_YEAR = 8760
AUTHENTICATIONS = ("jwt", "loopback")
FLAGS = ("cds-hooks-3",)
ERROR_POLICIES = ("outcome", "empty")
REDIRECTS = ("shared", "own")
USER_TYPES = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: the types that TOML may give for it, what it must be in words, and the test of that."""

    types: tuple[type, ...]
    says: str
    holds: Callable[[Any], bool]

    def fault(self, name: str, value: object) -> str:
        """What is wrong with a value, or an empty string."""
        if type(value) not in self.types:
            return f"has a '{name}' of the wrong type: it must be {self.says}."
        return "" if self.holds(value) else f"has a '{name}' other than {self.says}."


def _is_text(value: object) -> bool:
    """One line of text that is not empty."""
    return isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= MAX_TEXT


def _is_url(value: object) -> bool:
    """A base URL or the URL of a document."""
    return _is_text(value) and is_web_url(str(value))


def _is_origin(value: object) -> bool:
    """Scheme, host and port as a browser sends them (RFC 6454 section 6.2): lower case, nothing behind."""
    if not _is_url(value) or re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", str(value), re.ASCII) is None:
        return False  # it is written into a header
    parts = urlsplit(str(value))
    return value == f"{parts.scheme}://{parts.netloc}"


def _is_fingerprint(value: object) -> bool:
    """A SHA-256 fingerprint in hex; colons are passed over."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{64}", value.replace(":", "")) is not None


def _list(says: str, holds: Callable[[object], bool], *, may_be_empty: bool = True) -> Key:
    """A list of values without repeats."""

    def all_hold(values: list[object]) -> bool:
        return (may_be_empty or bool(values)) and all(map(holds, values)) and len(set(map(str, values))) == len(values)

    return _Texts((list,), f"a list of {says}, each once", all_hold)


class _Texts(Key):
    """A list of texts: an element that is no text is a wrong type, too."""

    def fault(self, name: str, value: object) -> str:
        """What is wrong with a value, or an empty string."""
        if isinstance(value, list) and not all(isinstance(element, str) for element in value):
            return f"has a '{name}' of the wrong type: it must be {self.says}."
        return Key.fault(self, name, value)


def _chosen(names: tuple[str, ...], *, may_be_empty: bool = True) -> Key:
    """A list out of a closed set."""
    return _list(
        f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0],
        names.__contains__,
        may_be_empty=may_be_empty,
    )


def _one_of(names: tuple[str, ...]) -> Key:
    """One of a closed set."""
    return Key((str,), " or ".join(names), names.__contains__)


def _number(low: float, high: float) -> Key:
    """A number within bounds."""
    return Key((int, float), f"a number from {low:g} to {high:g}", lambda value: low <= value <= high)


def _whole(low: int, high: int) -> Key:
    """A whole number within bounds."""
    return Key((int,), f"a whole number from {low} to {high}", lambda value: low <= value <= high)


def _is_snooze(table: dict[str, object]) -> bool:
    """Codes with hours."""
    hours = _number(0, HOURS_PER_YEAR)
    return all(_is_text(code) and not hours.fault(code, value) for code, value in table.items())


def _are_classes(table: dict[str, object]) -> bool:
    """Classes of the site's own, by system and code, with the ones that they mean."""
    return all(
        _is_text(token) and all(token.rpartition("|")[::2]) and meant in CLASSES for token, meant in table.items()
    )


_CLASSES = Key((dict,), f"a table of system|code with one of {', '.join(sorted(CLASSES))}", _are_classes)
_TEXT = Key((str,), "one line of text", _is_text)
_URL = Key((str,), "an https URL (http only on this machine)", _is_url)
_FLAG = Key((bool,), "true or false", lambda _: True)
_SHARE = _number(0, 1)
# From which level on a card of one service is shown: a probability, points of a score, or of a score that falls the
# value with its sign turned (-15 for an eGFR of 15). Which of them it is, `level_fault` says.
_LEVEL = _number(-1000, 1000)
_HOURS = _number(0, HOURS_PER_YEAR)
_CARDS = _whole(1, 1000)

# What an entry may say about one service, in `[clients.<id>.services.<service-id>]`.
SERVICE_KEYS: Mapping[str, Key] = {"show_from": _LEVEL, "shadow": _FLAG, "shadow_share": _SHARE, "repeat_hours": _HOURS}


def level_fault(show_from: float | None, lowest: float, highest: float) -> str:
    """What is wrong with the `show_from` of a service whose model knows levels from `lowest` to `highest`, or nothing.

    A 7 that was meant as 7 % would silence a model of probabilities for good; so would a 15 that was meant as an eGFR.
    """
    if show_from is None or lowest <= show_from <= highest:
        return ""
    return f"has a 'show_from' other than a number from {lowest:g} to {highest:g}, the levels of this service."


# What only a caller with a JWT can have. Beside "loopback" such a key would look like a protection and be none.
JWT_KEYS: Mapping[str, Key] = {
    "issuer": _TEXT,
    "jwks_url": _URL,
    "jwks_file": _TEXT,
    "audiences": _list("texts", _is_text),
    "max_token_seconds": _whole(1, 3600),
    "algorithms": _chosen(KNOWN_ALGORITHMS, may_be_empty=False),
    "tenants": _list("texts", _is_text),
    "subjects": _list("texts", _is_text),
    "certificates": _list("SHA-256 fingerprints in hex", _is_fingerprint),
}

# What concerns the SMART page. Without `smart_client_id` there is none, and none of the others has an effect.
SMART_KEYS: Mapping[str, Key] = {
    "smart_client_id": _TEXT,
    "smart_redirect": _one_of(REDIRECTS),
    "smart_authentication": _one_of(METHODS),
    "smart_client_secret_file": _TEXT,
    "smart_key_file": _TEXT,
    "smart_scopes": _one_of(FORMS),
    "smart_refresh": _one_of(tuple(REFRESHES)),
    "smart_write_back": _FLAG,
    "smart_sign_in_origins": _list("origins such as https://login.hospital.example", _is_origin),
    "smart_style_origins": _list("origins such as https://ehr.hospital.example", _is_origin),
    "smart_unproved_user": _FLAG,
}

KEYS: Mapping[str, Key] = {
    "name": _TEXT,
    "authentication": _one_of(AUTHENTICATIONS),
    **JWT_KEYS,
    "fhir_base": _URL,
    "fhir_hosts": _list("https URLs (http only on this machine)", _is_url),
    "origins": _list("origins such as https://ehr.hospital.example", _is_origin),
    **SMART_KEYS,
    "intensive_care_locations": _list("texts", _is_text),
    "encounter_classes": _CLASSES,
    "flags": _chosen(FLAGS),
    "on_error": _one_of(ERROR_POLICIES),
    "deadline_ms": _whole(100, 4500),
    **SERVICE_KEYS,
    # A client's own holds for all models of probabilities, and for them alone.
    "show_from": _SHARE,
    "hidden_from": _chosen(USER_TYPES),
    "snooze_hours": Key((dict,), f"a table of override reason codes with hours from 0 to {HOURS_PER_YEAR}", _is_snooze),
    "cards_per_clinician_day": _CARDS,
    "cards_per_encounter": _CARDS,
    "services": Key((dict,), "a table of tables by service id", lambda _: True),
}
