"""`chartside clients`: add an EHR to the registry, check what stands there, list it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from chartside.clients import Client, asked_services, check_services, load_clients
from chartside.clients.entry import append_entry, render_entry
from chartside.clients.keys import CLIENT_ID, CLIENT_ID_WORDS
from chartside.clients.presets import Preset, load_presets
from chartside.clients.review import doubts, holds
from chartside.model_options import local_option
from clinical.errors import SettingsInvalid

NEEDED = {
    "issuer": "--issuer, the exact iss of its tokens",
    "jwks": "--jwks-url, where its public keys are (or --jwks-file)",
    "fhir_base": "--fhir-base, its FHIR R4 base URL",
}
FETCH_SECONDS = 5.0
# \b keeps click from joining the lines of the paragraph that follows.
GROUP_HELP = """Add, check and list the EHRs that may call.

The registry is one TOML file (docs/settings.md explains each key). A first connection goes:

\b
  1. chartside clients add st-mary --preset epic --name "St Mary" \\
       --issuer … --jwks-url … --fhir-base …
  2. fill in what it says is missing; comments in the entry say what to ask
  3. chartside clients check st-mary --fetch-keys
     says what holds and what is doubtful, and prints the sheet for the vendor
  4. restart Chartside; with shadow = true it assesses and shows nothing yet

Exit codes: 0 done, 1 keys could not be fetched or used, 2 wrong usage, 3 the registry does not hold together.
"""
ADD_HELP = """Append an entry for an EHR to the registry.

A preset brings what is known of that kind of EHR, with its source, and start values against alert fatigue. The rest of
the file is left as it is, and the whole is checked before it is replaced in one step.

\b
Example:
  chartside clients add trial --preset sandbox --name "Public sandbox" \\
    --fhir-base https://fhir.example/r4
"""
KEY_HELP = """Make a private key that the SMART page signs with (private_key_jwt), in FILE, which only you can read.

FILE stands beside the registry, and smart_key_file names it. What is printed is the public JWK Set: it holds no secret,
and a running Chartside publishes it at /smart/jwks.json. The first key of a file signs. To rotate without a gap:

\b
  1. chartside clients smart-key FILE --add          publish a second key; restart
  2. wait until the EHR has read the set again (at least five minutes)
  3. chartside clients smart-key FILE --sign-with KID   sign with it; restart
  4. a day later: chartside clients smart-key FILE --drop OLD-KID; restart
"""
CHECK_HELP = """Say for each client, or for one, what holds and what is doubtful.

For one client it also prints the registration sheet that a vendor asks for: addresses, what a token must be like,
services with their hooks and prefetch, scopes, and the list of data that is asked for. Nothing but --fetch-keys opens a
connection.
"""

_registry = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CHARTSIDE_CLIENTS_FILE",
    required=True,
    show_envvar=True,
    help="The registry file.",
)


@click.group("clients", help=GROUP_HELP)
def clients() -> None:
    """Group the commands."""


@clients.command(help=ADD_HELP)
@click.argument("client_id", metavar="ID")
@click.option(
    "--preset", "preset_name", required=True, type=click.Choice(list(load_presets())), help="The kind of EHR."
)
@click.option("--name", required=True, help="What people call it.")
@click.option("--issuer", help="The exact iss of its tokens.")
@click.option("--jwks-url", help="Where its public keys are (JWK Set).")
@click.option("--jwks-file", help="Its public keys in a file beside the registry.")
@click.option("--fhir-base", help="Its FHIR R4 base URL.")
@click.option(
    "--audience", "audiences", multiple=True, help="A value of aud to take besides the called URL. Repeatable."
)
@click.option(
    "--origin", "origins", multiple=True, help="A browser origin that may call or frame the page. Repeatable."
)
@click.option("--subject", "subjects", multiple=True, help="A value of sub to take; others are refused. Repeatable.")
@click.option("--tenant", "tenants", multiple=True, help="A value of tenant to take; others are refused. Repeatable.")
@click.option("--smart-client-id", help="Chartside's client id at its authorization server, for the SMART page.")
@click.option("--dry-run", is_flag=True, help="Print the entry and write nothing.")
@_registry
def add(client_id: str, preset_name: str, name: str, path: Path, dry_run: bool, **given: Any) -> None:
    """Add one EHR."""
    if not CLIENT_ID.fullmatch(client_id):
        raise click.BadParameter(f"an ID is {CLIENT_ID_WORDS}.")
    preset = load_presets()[preset_name]
    values = preset.filled(given)
    _require(values, preset)
    if path.exists() and path.read_bytes().strip() and client_id in {client.id for client in load_clients(path)}:
        raise click.UsageError(f"The registry has an entry '{client_id}' already; change it with an editor.")
    text = render_entry(client_id, name, preset, values)
    if dry_run:
        click.echo(text, nl=False)
        return
    append_entry(path, text)
    click.echo(f"Added [clients.{client_id}] to {path}.")
    for key, why in preset.wanted.items():
        if key not in values:
            click.echo(f"Still missing: {key}: {why}.")
    click.echo(f"Next: chartside clients check {client_id} --fetch-keys")


@clients.command(help=CHECK_HELP)
@click.argument("client_id", metavar="[ID]", required=False)
@click.option("--fetch-keys", is_flag=True, help="Fetch each JWK Set and say which keys and algorithms it holds.")
@click.option("--base-url", envvar="CHARTSIDE_BASE_URL", show_envvar=True, help="Chartside's own URL, for the sheet.")
@local_option
@_registry
def check(client_id: str | None, fetch_keys: bool, base_url: str | None, local: Path | None, path: Path) -> None:
    """Check one EHR or all."""
    registered = load_clients(path)
    chosen = _chosen(registered, client_id)
    known = _known_services(local)
    check_services(registered, {service.info.id for service in known})
    asked = asked_services(registered)
    offered = [service for service in known if service.served or service.info.id in asked]
    unsound = [client.id for client in chosen if not _report(client, fetch_keys)]
    if client_id is not None and base_url:
        from chartside.clients.sheet import registration_sheet  # noqa: PLC0415 (with the models, only when asked for)

        click.echo("\n" + registration_sheet(chosen[0], base_url, offered), nl=False)
    elif client_id is not None:
        click.echo("\nFor the registration sheet, set CHARTSIDE_BASE_URL or give --base-url.")
    if unsound:
        raise click.exceptions.Exit(1)


@clients.command("smart-key", help=KEY_HELP)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--algorithm", type=click.Choice(["ES384", "RS384"]), default="ES384", show_default=True)
@click.option("--kid", default="", help="The id of the new key; left out, its thumbprint.")
@click.option("--add", "adds", is_flag=True, help="Add the new key to FILE, as the last.")
@click.option("--sign-with", metavar="KID", help="Make no key; put this one first.")
@click.option("--drop", metavar="KID", help="Make no key; remove this one.")
def smart_key(path: Path, algorithm: str, kid: str, adds: bool, sign_with: str | None, drop: str | None) -> None:
    """Make, order or remove keys."""
    from chartside.clients import smart_keys  # noqa: PLC0415 (cryptography, only when asked for)

    if sum((adds, sign_with is not None, drop is not None)) > 1:
        raise click.UsageError("Give one of --add, --sign-with and --drop.")
    try:
        if sign_with is not None:
            keys = smart_keys.sign_with(path, sign_with)
        elif drop is not None:
            keys = smart_keys.drop(path, drop)
        else:
            keys = (smart_keys.add if adds else smart_keys.begin)(path, smart_keys.new_row(algorithm, kid))
    except SettingsInvalid as fault:
        raise click.UsageError(fault.message) from None
    click.echo(json.dumps(keys, indent=2))


@clients.command("list")
@click.option("--json", "as_data", is_flag=True, help="Print JSON.")
@_registry
def list_clients(as_data: bool, path: Path) -> None:
    """List the clients: one line each, or JSON for machines."""
    rows = [_row(client) for client in load_clients(path)]
    if as_data:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['id']}: {row['name']}, {row['authentication']}, {row['shows']}, {row['fhir_base']}")


def _require(values: dict[str, Any], preset: Preset) -> None:
    """Refuse an entry that could not be loaded, naming everything that it lacks."""
    have = values.keys() | ({"jwks"} if {"jwks_url", "jwks_file"} & values.keys() else set())
    missing = [words for key, words in NEEDED.items() if key not in have]
    if missing:
        raise click.UsageError(f"For {preset.title} this is still missing:\n  " + "\n  ".join(missing))


def _chosen(known: Sequence[Client], client_id: str | None) -> list[Client]:
    """All clients, or the one that is meant."""
    chosen = [client for client in known if client_id in (None, client.id)]
    if not chosen:
        raise click.BadParameter(f"there is no such client; there are: {', '.join(client.id for client in known)}.")
    return chosen


def _report(client: Client, fetch_keys: bool) -> bool:
    """Print what holds and what is doubtful; whether its keys are usable, as far as that was asked."""
    click.echo(f"{client.id}: {client.name}")
    for line in holds(client):
        click.echo(f"  holds     {line}")
    for line in doubts(client):
        click.echo(f"  doubtful  {line}")
    if not fetch_keys or client.authentication != "jwt":
        return True
    from chartside.clients.key_check import check_keys  # noqa: PLC0415
    from fhir_adapters.http.transport import Deadline, Transport  # noqa: PLC0415

    transport = Transport()
    found = check_keys(client, lambda url: transport.get_json(url, deadline=Deadline.after(FETCH_SECONDS)))
    for line in found.lines:
        click.echo(f"  keys      {line}")
    return found.usable


def _known_services(local: Path | None) -> list[Any]:
    """The services of all models, asked for or not, from their manifests alone; no artefact is opened."""
    from chartside.clients.sheet import Offered  # noqa: PLC0415
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415 (imports of seconds)

    return [
        Offered(manifest.info, manifest.needs, manifest.code_labels, manifest.served)
        for manifest in read_manifests(local=local).values()
    ]


def _row(client: Client) -> dict[str, object]:
    """A client for machines."""
    return {
        "id": client.id,
        "name": client.name,
        "authentication": client.authentication,
        "issuer": client.issuer,
        "jwks_url": client.jku,
        "fhir_base": client.fhir_base,
        "smart": bool(client.smart_client_id),
        "shows": "nothing (shadow)" if client.shadow else "cards",
        "shadow_share": client.shadow_share,
        "show_from": client.show_from,
        "services": {name: dict(own) for name, own in client.services.items()},
    }
