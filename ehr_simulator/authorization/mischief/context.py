"""Mischief in the launch context and in the style document."""

from __future__ import annotations

from collections.abc import Mapping

from ehr_simulator.authorization.mischief.board import Mischief

Who = tuple[str, ...]
_MISSING = {"no_patient": "patient", "no_encounter": "encounter", "no_banner_flag": "need_patient_banner"}
_UNKNOWN: Mapping[str, object] = {
    "x_vendor": {"deep": [1, None, {"er": True}]},
    "fhirContext": [
        {"reference": "ImagingStudy/1", "role": "https://ehr.example/role/unknown"},
        {"canonical": "https://ehr.example/Questionnaire/q|1", "type": "Questionnaire"},
        {"identifier": {"system": "urn:x", "value": "1"}, "type": "ServiceRequest", "role": "launch"},
        {},
        "not an object",
    ],
}
HOSTILE_STYLE: Mapping[str, object] = {
    "color_background": "red;} body{display:none",
    "color_text": "</style><script>document.title='stolen'</script>",
    "color_highlight": "url(https://tracker.example/x.png)",
    "color_error": "expression(alert(1))",
    "dim_font_size": "9999999px",
    "dim_spacing_size": {"not": "text"},
    "font_family_body": "x; background: url(javascript:alert(1))",
    "--own-name": "#123456",
    "x" * 3000: "#123456",
    "color_success": "#00aa00",
}


def twist(body: Mapping[str, object], mischief: Mischief, who: Who) -> dict[str, object]:
    """The context members of a token response."""
    twisted = dict(body)
    for name, member in _MISSING.items():
        if mischief.on(name, who):
            twisted.pop(member, None)
    for member, name, default in (
        ("patient", "other_patient", "sim-04"),
        ("intent", "unknown_intent", "brew-coffee"),
        ("smart_style_url", "foreign_style", "https://other-ehr.example/style.json"),
    ):
        value = mischief.value(name, who, default=default)
        if value is not None:
            twisted[member] = value
    if mischief.on("wrong_types", who):
        twisted |= {"patient": 7, "encounter": ["x"], "need_patient_banner": "false"}
    if mischief.on("extra_context", who):
        twisted.update(_UNKNOWN)
    return twisted
