"""What each mischief has to lead to. `None` as a value arms the default of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEDS = ("did not give leave to read all of the orders of medicines", "all of the procedures")
NOT_OURS = "does not belong to this launch"
NOT_PROVED = "could not be verified"
NO_EXCHANGE = "The EHR did not exchange the code"
OTHER_SERVER = "The answer came from another authorization server."
NO_TOKEN = "The EHR's token response"
# Stands for the address of a listener that nobody may call.
NOBODY = "the listener"
NO_USER = "The EHR did not say which clinician opened the page"


@dataclass(frozen=True, slots=True)
class Opens:
    """A page with the patient's data; `partly` where it says that not all could be read."""

    words: tuple[str, ...] = ()
    partly: bool = False
    status: int = 200


@dataclass(frozen=True, slots=True)
class Refused:
    """A page without any, which says why."""

    words: tuple[str, ...]
    status: int = 502


def refused(*words: str, status: int = 502) -> list[tuple[object, Opens | Refused]]:
    """Armed by its default."""
    return [(None, Refused(words, status))]


def opens(*words: str, partly: bool = False) -> list[tuple[object, Opens | Refused]]:
    """Armed by its default."""
    return [(None, Opens(words, partly))]


EXPECTED: Mapping[str, list[tuple[object, Opens | Refused]]] = {
    # the answer of the authorization endpoint
    "other_issuer": refused(OTHER_SERVER),
    "no_issuer": refused(OTHER_SERVER),
    "wrong_state": refused("This launch is not known in this browser", status=403),
    "no_state": refused("the parameter 'state' exactly once", status=400),
    "replayed_code": refused(NO_EXCHANGE),
    "hostile_error": refused("declined to give this page access", "document.title='stolen'"),
    # the id_token and its keys
    "no_id_token": refused("no usable id_token"),
    "wrong_nonce": refused(NOT_OURS, "nonce"),
    "no_nonce": refused(NOT_OURS, "nonce"),
    "alg_none": refused(NOT_PROVED),
    "hs256_public_key": refused(NOT_PROVED),
    "bad_signature": refused(NOT_PROVED),
    "foreign_key": refused(NOT_PROVED),
    "rotated_key": opens(),
    "retired_key": refused(NOT_PROVED),
    "no_kid": opens(),
    "keys_without_kid": opens(),
    "two_keys": opens(),
    "expired_id_token": refused(NOT_OURS, "exp"),
    "future_id_token": refused(NOT_OURS, "iat"),
    "foreign_audience": refused(NOT_OURS, "aud"),
    "extra_audience": refused("issued to another app"),
    "foreign_issuer": refused(NOT_OURS, "iss"),
    "fhir_user": [
        ("absolute", Opens()),
        ("relative", Opens()),
        ("profile", Opens()),
        ("none", Refused((NO_USER,))),
        ("patient", Opens()),
        ("foreign", Opens()),
    ],
    # the token endpoint
    "no_refresh_token": opens(),
    "same_refresh_token": opens(),
    "refresh_refused": opens(),
    "token_type": refused(NO_TOKEN),
    "no_token_type": refused(NO_TOKEN),
    "no_access_token": refused(NO_TOKEN),
    "no_expiry": opens(),
    "expiry_as_text": opens(),
    "dead_token": refused("the EHR refused (401) the permission that it had just renewed", status=503),
    "slow_token": [(3.0, Refused((NO_EXCHANGE, "did not answer in time")))],
    "token_status": refused(NO_EXCHANGE, "503"),
    "not_json": refused(NO_EXCHANGE, "not usable JSON"),
    "huge_answer": refused(NO_EXCHANGE, "larger than the limit"),
    "token_redirect": [(NOBODY, Refused((NO_EXCHANGE, "307")))],
    # what is granted
    "narrower_scope": [
        (("patient/MedicationRequest", "patient/Procedure"), Opens(MEDS, True)),
        (("patient/Observation",), Opens(("Not assessed", "the granted scopes do not cover Observation"), True)),
    ],
    "narrower_renewal": opens(),
    "other_form": opens(),
    "exact_scope": [
        ("openid fhirUser launch patient/*.rs", Opens()),
        ("openid fhirUser launch patient/Patient.rs", Opens(("Not assessed", "the granted scopes do not cover"), True)),
        ("", Refused(("no usable id_token",))),
    ],
    "no_scope": opens(),
    "empty_scope": refused("the granted scopes do not cover Patient", status=502),
    # the context
    "no_patient": refused("patient"),
    "other_patient": refused("another patient", status=409),
    "no_encounter": opens(),
    "no_banner_flag": opens(),
    "wrong_types": refused("patient"),
    "extra_context": opens(),
    "unknown_intent": opens(),
    "hostile_style": opens(),
    "foreign_style": [(NOBODY, Opens())],
}
