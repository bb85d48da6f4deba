"""The EHR's style (`smart_style_url`, experimental in SMART App Launch 2.2.0), fetched by the server and sanitised.

It is decoration: whatever is wrong with it leaves the page in its own colours, and never ends a launch. A style is
fetched from the origin of the EHR's FHIR base or from one that the registry names, nowhere else. Its URL is its
version (the specification's word), so it is kept by URL.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from urllib.parse import urljoin, urlsplit

from clinical.errors import LaunchFailed
from fhir_adapters.smart.ehr_line import EhrLine

MAX_BYTES = 20_000
MAX_KEPT = 64
MAX_URL = 1_000

_COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})")
_LENGTH = re.compile(r"(?:[0-9]|[1-5][0-9])(?:\.[0-9]{1,2})?px")
_FONT = r"(?:'[A-Za-z][A-Za-z0-9 \-]{0,40}'|[A-Za-z][A-Za-z0-9 \-]{0,40})"
_FONTS = re.compile(rf"{_FONT}(?:, ?{_FONT}){{0,7}}")

KEYS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(
        (
            "color_background",
            "color_error",
            "color_highlight",
            "color_modal_backdrop",
            "color_success",
            "color_text",
        ),
        _COLOUR,
    ),
    **dict.fromkeys(("dim_border_radius", "dim_font_size", "dim_spacing_size"), _LENGTH),
    **dict.fromkeys(("font_family_body", "font_family_heading"), _FONTS),
}


class EhrStyles:
    """Fetches styles, each URL once. Safe between threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._kept: dict[str, Mapping[str, str]] = {}

    def get(self, named: object, iss: str, also: Collection[str], line: EhrLine) -> Mapping[str, str]:
        """The checked values of the style that a token response names; empty where there is none to be had."""
        url = _allowed(named, iss, also)
        if not url:
            return {}
        with self._lock:
            if url in self._kept:
                return self._kept[url]
        try:
            found = sanitised(line.read("The EHR's style", url, max_bytes=MAX_BYTES))
        except LaunchFailed:
            return {}
        with self._lock:
            if len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[url] = found
        return found


def sanitised(document: object) -> dict[str, str]:
    """The known keys whose values are a colour, a length in px, or names of fonts. Nothing else passes."""
    if not isinstance(document, Mapping):
        return {}
    return {
        key: value
        for key, form in KEYS.items()
        if isinstance(value := document.get(key), str) and form.fullmatch(value)
    }


def _allowed(named: object, iss: str, also: Collection[str]) -> str:
    """The URL of a style, if it lies where one may."""
    if not isinstance(named, str) or not 0 < len(named) <= MAX_URL:
        return ""
    try:
        url = urljoin(iss.rstrip("/") + "/", named)
        parts, _ = urlsplit(url), urlsplit(url).port
    except ValueError:
        return ""
    allowed = {_origin(iss), *also}
    return url if _origin(url) in allowed and not parts.username and not parts.fragment else ""


def _origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
