"""The HSPC convention: a CDS client asks for a launch id before it opens a SMART link."""

from __future__ import annotations

from flask import Response, jsonify, make_response, request

from ehr_simulator.authorization.extras import NotAnExtra, extras_of
from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.settings import EhrSettings

MAX_TEXT = 2000
PATH = "/fhir/_services/smart/Launch"


def answer(settings: EhrSettings, store: GrantsStore) -> Response:
    """The answer to POST and to the preflight, open to every origin."""
    made = make_response("", 204) if request.method == "OPTIONS" else _launch(settings, store)
    made.headers["Access-Control-Allow-Origin"] = "*"
    made.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    made.headers["Access-Control-Allow-Headers"] = "authorization, content-type"
    return made


def _launch(settings: EhrSettings, store: GrantsStore) -> Response:
    """A launch id for the patient in the body, or 400.

    Beside the parameters of the convention it takes those of `extras_of`: intent, tenant, locale,
    need_patient_banner, style, fhirContext.
    """
    body = request.get_json(silent=True)
    parameters = body.get("parameters") if isinstance(body, dict) else None
    wanted = parameters if isinstance(parameters, dict) else {}
    patient, encounter, context = (wanted.get(name) for name in ("patient", "encounter", "appContext"))
    if not isinstance(patient, str) or not patient or not all(map(_short_text, (patient, encounter, context))):
        return make_response(jsonify(error="parameters.patient is required; all parameters are short strings"), 400)
    try:
        extras = extras_of(wanted, settings.extras)
    except NotAnExtra as fault:
        return make_response(jsonify(error=str(fault)), 400)
    made = store.create_launch(
        patient, encounter, context, now=settings.clock(), seconds=settings.launch_lifetime, extras=extras
    )
    return jsonify(launch_id=made.id)


def _short_text(value: object) -> bool:
    """Absent, or a string that is not unreasonably long."""
    return value is None or (isinstance(value, str) and len(value) <= MAX_TEXT)
