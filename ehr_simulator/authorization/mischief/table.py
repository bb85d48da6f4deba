"""Every mischief: its name, and what it does. `value` is what `arm(..., value=...)` may set."""

from __future__ import annotations

from collections.abc import Mapping

ANSWERS: Mapping[str, str] = {
    "other_issuer": "the answer names another issuer (value; RFC 9207 mix-up)",
    "no_issuer": "the answer names no issuer, though discovery promises it",
    "wrong_state": "the answer carries another state (value)",
    "no_state": "the answer carries no state",
    "replayed_code": "the answer carries the code that this app was given before",
    "hostile_error": "access_denied with a script as error_description (value)",
}
IDENTITY: Mapping[str, str] = {
    "no_id_token": "the token response has no id_token",
    "wrong_nonce": "id_token with another nonce (value)",
    "no_nonce": "id_token without nonce",
    "alg_none": "id_token with alg none and no signature",
    "hs256_public_key": "id_token signed by HMAC with the public key (PEM) as the secret",
    "bad_signature": "id_token with a changed signature",
    "foreign_key": "id_token signed by a key that was never published, under the published kid",
    "rotated_key": "a new key signs and is published, the old one is gone (a cached key set is out of date)",
    "retired_key": "the old key signs, while the key set holds the new one only",
    "no_kid": "id_token whose header names no kid",
    "keys_without_kid": "key set whose keys have no kid",
    "two_keys": "key set with a second key in first place",
    "expired_id_token": "id_token whose exp lies in the past (value: seconds, 3600)",
    "future_id_token": "id_token whose iat and exp lie in the future (value: seconds, 3600)",
    "foreign_audience": "id_token for another app (value)",
    "extra_audience": "id_token for this app and another one, without azp",
    "foreign_issuer": "id_token of another issuer (value)",
    "fhir_user": "form of fhirUser (value: absolute, relative, profile, none, patient, foreign)",
}
TOKENS: Mapping[str, str] = {
    "no_refresh_token": "no refresh token, though its scope is granted",
    "same_refresh_token": "a refresh gives no new refresh token, the old one stays good",
    "refresh_refused": "every refresh gives invalid_grant",
    "token_type": "token_type is something else (value, mac)",
    "no_token_type": "token_type is missing",
    "no_access_token": "access_token is missing",
    "no_expiry": "expires_in is missing",
    "expiry_as_text": "expires_in is a string",
    "dead_token": "the access token is refused by the FHIR API from the start",
    "slow_token": "the token endpoint waits (value: seconds, 5)",
    "token_status": "the token endpoint answers with this status (value, 503)",
    "not_json": "the token response is HTML",
    "huge_answer": "the token response is large (value: bytes, 20000000)",
    "token_redirect": "the token endpoint redirects (value: address)",
}
SCOPES: Mapping[str, str] = {
    "narrower_scope": "scopes that begin with one of these are not granted (value: tuple, patient/Observation)",
    "narrower_renewal": "a refresh leaves out scopes that begin with one of these (value: tuple, patient/Observation)",
    "other_form": "v1 scopes are granted in the v2 form and v2 ones in the v1 form",
    "exact_scope": "this scope string is granted, whatever was asked (value)",
    "no_scope": "the token response names no scope",
    "empty_scope": "the token response names an empty scope",
}
CONTEXT: Mapping[str, str] = {
    "no_patient": "no patient",
    "other_patient": "the response names another patient than the token is for (value)",
    "no_encounter": "no encounter",
    "no_banner_flag": "no need_patient_banner",
    "wrong_types": "patient is a number, encounter a list, need_patient_banner a text",
    "extra_context": "members nobody knows, and a fhirContext with an unknown role and one that names no role",
    "unknown_intent": "an intent nobody knows (value)",
    "hostile_style": "smart_style_url of a document with scripts, addresses and unknown names",
    "foreign_style": "smart_style_url at another origin (value)",
}

TABLE: Mapping[str, str] = {**ANSWERS, **IDENTITY, **TOKENS, **SCOPES, **CONTEXT}
