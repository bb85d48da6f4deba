"""The EHR's style (`smart_style_url`, experimental in SMART App Launch 2.2.0), as far as the page stays readable.

It comes as a style sheet of its own, because the page's policy allows no inline style. Colours are taken only where the
contrast holds (WCAG 2.2, 1.4.3); those that mean something here (tiers, raises, lowers) never change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flask import Blueprint, Response, make_response, request, url_for

from smart_app.opening import Opening

# Backgrounds and inks of page.css that stand on each other, and the least contrast of text.
PAPERS = ("#ffffff", "#f8fafb", "#f2f4f6", "#fff4d6")
INKS = ("#1b1f24", "#4a5360", "#1d4f91")
AA = 4.5
SMALLEST, LARGEST = 14.0, 20.0
ROUNDEST = 16.0


def sheet(style: Mapping[str, str]) -> str:
    """CSS of checked values (`fhir_adapters.smart.ehr_style`); what would make the page hard to read is left out."""
    return "".join(f"{rule}\n" for rule in _rules(style))


def _rules(style: Mapping[str, str]) -> Iterator[str]:
    """One rule for each value that is taken."""
    background, text, go = (style.get(f"color_{name}", "") for name in ("background", "text", "highlight"))
    if background and all(contrast(ink, background) >= AA for ink in INKS):
        yield f"body {{ background: {background}; }}"
    if text and all(contrast(text, paper) >= AA for paper in PAPERS):
        yield f":root {{ --ink: {text}; }}"
    if go and all(contrast(go, paper) >= AA for paper in PAPERS):
        yield f":root {{ --go: {go}; }}"
    for key, selector in (("font_family_body", "body"), ("font_family_heading", "h1, h2, h3")):
        if style.get(key):
            yield f"{selector} {{ font-family: {style[key]}, system-ui, sans-serif; }}"
    if style.get("dim_font_size") and SMALLEST <= _pixels(style["dim_font_size"]) <= LARGEST:
        yield f"body {{ font-size: {style['dim_font_size']}; }}"
    if style.get("dim_border_radius") and _pixels(style["dim_border_radius"]) <= ROUNDEST:
        yield f".model, .decide, button, .button, .chip {{ border-radius: {style['dim_border_radius']}; }}"


def contrast(one: str, other: str) -> float:
    """The contrast of two opaque colours (`#rgb` or `#rrggbb`), 1 to 21; 1 where one lets another shine through."""
    if len(one) not in (4, 7) or len(other) not in (4, 7):
        return 1.0
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _pixels(length: str) -> float:
    """`12px` as a number."""
    return float(length.removesuffix("px"))


def add_look(blueprint: Blueprint, opening: Opening) -> None:
    """Register the style sheet of an open page with the room's blueprint, and let the page link to it."""

    def look(launch_id: str) -> Response:
        """The style sheet of one launch."""
        response = make_response(sheet(opening.mine(launch_id).visit.style))
        response.headers["Content-Type"] = "text/css; charset=utf-8"
        return response

    blueprint.add_url_rule("/page/<launch_id>/look.css", "look", look, methods=["GET"])
    blueprint.context_processor(lambda: {"look_link": _link})


def _link() -> str:
    """Where the style sheet of the page that is being made lies."""
    return url_for("smart_app.look", launch_id=(request.view_args or {})["launch_id"])
