"""What holds for a client, and what is doubtful: rules that a registry may break without being wrong."""

from __future__ import annotations

from collections.abc import Iterator

from cds_hooks.trust import ALGORITHMS
from chartside.clients.client import Client
from chartside.clients.smart_review import smart_doubts, smart_holds
from clinical.advice import OVERRIDE_REASONS
from clinical.policy import LAYPEOPLE

LONG_TOKEN_S = 900
LONG_WAIT_MS = 1000


def holds(client: Client) -> Iterator[str]:
    """What is in force, in plain words."""
    if client.authentication == "loopback":
        yield "Calls without a token are taken from this machine, and not through a proxy."
    else:
        keys = f"the keys at {client.keys}" if isinstance(client.keys, str) else "the keys in its file"
        yield f"Each call carries a JWT ({' or '.join(client.algorithms)}) of {client.issuer}, checked with {keys}."
        yield f"A token counts once and lives for at most {client.max_token_seconds} s."
        yield from _lists(client)
    yield f"Records are read from {', '.join((client.fhir_base, *client.fhir_hosts))} and nowhere else."
    fault = "an empty list" if client.on_error == "empty" else "a status of its own and an OperationOutcome"
    yield f"Reads for a call end in time for {client.deadline_ms} ms; a fault is answered with {fault}."
    yield from smart_holds(client)
    yield from _shown(client)


def _lists(client: Client) -> Iterator[str]:
    """Which values of a token are taken."""
    yield f"aud must be the called URL{''.join(f' or {value}' for value in client.audiences)}."
    for words, values in (("tenant", client.tenants), ("sub", client.subjects)):
        if values:
            yield f"{words} must be {' or '.join(values)}."
    if client.certificates:
        yield f"A client certificate is checked beside the token ({len(client.certificates)} fingerprints)."


def _shown(client: Client) -> Iterator[str]:
    """Who sees what."""
    if client.shadow:
        yield "Shadow: everything is assessed and stored, nothing is shown."
    elif client.shadow_share:
        yield f"Shadow for {client.shadow_share:.0%} of its users."
    if client.show_from is not None:
        yield f"Cards are shown from a probability of {client.show_from:g}."
    for service, own in client.services.items():
        yield f"For {service}: " + ", ".join(f"{key} = {value}" for key, value in own.items()) + "."


def doubts(client: Client) -> Iterator[str]:
    """What a person should look at, each with what to do."""
    yield from _trust_doubts(client)
    yield from _reach_doubts(client)
    yield from _policy_doubts(client)


def _trust_doubts(client: Client) -> Iterator[str]:
    """How it proves who it is."""
    if client.authentication == "loopback":
        yield "loopback proves nothing about who calls; it is for trying out."
        return
    if not client.tenants and not client.subjects and not client.certificates:
        yield "Whoever the issuer signs for is let in: set tenants, subjects or certificates if it serves others, too."
    if client.max_token_seconds > LONG_TOKEN_S:
        yield f"max_token_seconds is above {LONG_TOKEN_S}: a stolen unused token stays good for that long."
    if weaker := [name for name in client.algorithms if name not in ALGORITHMS]:
        yield f"{' and '.join(weaker)} are not what CDS Hooks recommends (ES384 or RS384)."
    if not isinstance(client.keys, str):
        yield "Keys come from a file: when the EHR changes its keys, somebody must change the file."
    elif client.keys.startswith("http:"):
        yield "Keys come over plain http."
    if client.certificates:
        yield "certificates need CHARTSIDE_CERTIFICATE_HEADER and a proxy that sets it; without them every call is 401."


def _reach_doubts(client: Client) -> Iterator[str]:
    """Browsers and the page."""
    if not client.origins:
        yield "No origins: no browser can call, and the SMART page is not shown in a frame of the EHR."
    yield from smart_doubts(client)
    if client.on_error == "empty":
        yield 'on_error = "empty": a fault looks like an empty list to the clinician. It is in the audit only.'
    if client.deadline_ms > LONG_WAIT_MS:
        yield f"deadline_ms is {client.deadline_ms}: the clinician waits that long, if the EHR does."


def _policy_doubts(client: Client) -> Iterator[str]:
    """What is shown, and how often."""
    limits = (client.repeat_hours, client.snooze_hours, client.cards_per_clinician_day, client.cards_per_encounter)
    if not client.shadow and client.show_from is None and not any(limits):
        yield "Cards are shown without a threshold of the site and without any limit on repeats and numbers."
    if shown := [kind for kind in LAYPEOPLE if kind not in client.hidden_from]:
        yield f"Cards are shown to {' and '.join(shown)}; they are written for clinicians."
    known = {reason.code for reason in OVERRIDE_REASONS}
    if strange := [code for code in client.snooze_hours if code not in known]:
        yield f"snooze_hours names {', '.join(strange)}, which no card of ours offers as a reason."
