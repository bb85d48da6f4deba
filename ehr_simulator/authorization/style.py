"""The style document behind smart_style_url (SMART App Launch 2.2, "Styling", experimental)."""

from __future__ import annotations

from collections.abc import Mapping

from ehr_simulator.authorization.mischief.context import HOSTILE_STYLE
from ehr_simulator.settings import EhrSettings

STYLE: Mapping[str, str] = {
    "color_background": "#eef1f4",
    "color_error": "#a3161f",
    "color_highlight": "#0b4f7d",
    "color_modal_backdrop": "#56636f",
    "color_success": "#1d6b33",
    "color_text": "#1b2733",
    "dim_border_radius": "6px",
    "dim_font_size": "15px",
    "dim_spacing_size": "16px",
    "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}


def style_document(name: str, settings: EhrSettings) -> Mapping[str, object] | None:
    """The document of a name; the hostile one exists only where a test has armed it."""
    if name == "v1":
        return settings.style if settings.style is not None else STYLE
    return HOSTILE_STYLE if name == "hostile" and settings.mischief.was_armed("hostile_style") else None
