"""What holds for the SMART page of a client, and what is doubtful."""

from __future__ import annotations

from collections.abc import Iterator

from chartside.clients.client import Client

PROOFS = {
    "public": "no proof of its own (public client)",
    "basic": "the secret in its file (HTTP Basic)",
    "private_key_jwt": "a signed assertion",
}


def smart_holds(client: Client) -> Iterator[str]:
    """What is in force, in plain words."""
    if not client.smart_client_id:
        return
    keys = ", then ".join(f"{key.kid} ({key.algorithm})" for key in client.smart_keys)
    proof = PROOFS[client.smart_authentication] + (f" by the key {keys}" if keys else "")
    yield f"The SMART page is the client {client.smart_client_id} with {proof}, and PKCE always."
    if client.smart_redirect == "own":
        yield f"The EHR's answers come to an address of its own, {client.smart_callback}."
    if client.smart_sign_in_origins:
        yield f"A launch may lead over the sign-in pages of {', '.join(client.smart_sign_in_origins)}."
    if client.smart_refresh != "none":
        yield f"Its permission is renewed while the page is open ({client.smart_refresh}_access)."
    if client.smart_write_back:
        yield "It asks for leave to write RiskAssessment and Provenance."


def smart_doubts(client: Client) -> Iterator[str]:
    """What a person should look at, each with what to do."""
    if not client.smart_client_id:
        yield "No smart_client_id: the SMART page is off for this client."
        return
    if client.smart_authentication == "public":
        yield "The SMART page is a public client; private_key_jwt is better where the EHR takes it."
    if client.smart_authentication == "basic":
        yield "The SMART page shares a secret with the EHR; private_key_jwt is better where the EHR takes it."
    if client.smart_redirect == "shared":
        yield (
            f"The EHR's answers come to {client.smart_callback}, as those of every EHR without an address of its own: "
            f'register /smart/callback/{client.id} there, then set smart_redirect = "own".'
        )
    if client.smart_unproved_user:
        yield "smart_unproved_user: who opened the page is taken from an id_token whose signature nobody checks."
    if client.smart_refresh == "offline":
        yield "smart_refresh = offline: some EHRs keep such a permission after the user has left; online is enough."
