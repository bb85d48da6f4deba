"""`chartside doctor URL`. Exit codes: 0 no SHALL rule broken, 1 one was, 2 wrong usage or not to be examined."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from chartside.doctor.report import Report
    from chartside.doctor.signing import Identity
    from chartside.doctor.visit import Options, Persons

Command = TypeVar("Command", bound=Callable[..., Any])
QUIET_S, PROGRESS_S = 3.0, 5.0
MAX_PREFETCH = 20_000_000

HELP = """Test any CDS Hooks service from outside and print a report that you can send to its vendor.

URL is the base of the service; /cds-services is appended where it is missing. The doctor lists the services, lints
their prefetch templates, calls each of them with draft resources and an invented adult patient, lints every card, sends
wrong requests, feedback, CORS preflights and (with --key) wrong tokens, and measures ten calls.

Use a test system: the service gets several dozen calls, and feedback for the cards that it gave.

\b
Examples:
  chartside doctor https://cds.example.org
  chartside doctor https://cds.example.org --key ehr.jwk --issuer https://ehr.example.org --kid k1
  chartside doctor http://127.0.0.1:8100 --prefetch sepsis.json --service sepsis-risk --json > report.json

\b
Marks: PASS; FAIL (a SHALL rule is broken); WARN (a SHOULD or MAY rule is broken, or it could not be
decided); SKIP (with the reason).
Exit codes: 0 no SHALL rule was broken; 1 one was (with --strict: or a SHOULD rule);
2 wrong usage, not reachable, or authentication is required and no usable key was given.
"""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.argument("url"),
    click.option("--json", "as_data", is_flag=True, help="Print the report as JSON."),
    click.option("--service", default="", metavar="ID", help="Examine only this service."),
    click.option("--key", type=_FILE, help="Private key (JWK) to sign a JWT for every call. Needs --issuer."),
    click.option("--issuer", default="", help="The JWT's iss, as the service has it registered."),
    click.option("--kid", default="", help="The JWT's kid. Default: the key's own."),
    click.option("--jku", default="", metavar="URL", help="The JWT's jku, where the service expects one."),
    click.option("--alg", type=click.Choice(["ES384", "RS384"]), default="ES384", show_default=True),
    click.option("--claim", "claims", multiple=True, metavar="NAME=VALUE", help="One more claim, such as sub=… or "
                 "tenant=…; may be repeated."),
    click.option("--origin", default="", metavar="URL", help="The EHR's web origin, for the CORS checks."),
    click.option("--patient", default="", metavar="ID", help="Patient id for the calls. Default: the Patient of "
                 "--prefetch, else a new one for each call."),
    click.option("--encounter", default="", metavar="ID", help="Encounter id for the calls. Default as for --patient."),
    click.option("--user", default="", metavar="REF", help="Who calls, such as Practitioner/123. Default: a new one "
                 "for each call."),
    click.option("--prefetch", type=_FILE, help="JSON object, prefetch key → FHIR resource or Bundle, in place of the "
                 "invented record. Use synthetic data."),
    click.option("--discovery", default="", metavar="URL", help="Where discovery is, if not at URL/cds-services. The "
                 "path is judged all the same."),
    click.option("--no-feedback", is_flag=True, help="Send no feedback."),
    click.option("--timeout", type=click.FloatRange(0.5, 120), default=10.0, show_default=True,
                 help="Seconds for one call."),
    click.option("--deadline-ms", type=click.FloatRange(min=1), default=500.0, show_default=True,
                 help="What a call should take at most (row 42)."),
    click.option("--ca-file", type=_FILE, help="PEM file of the certificate authorities to trust."),
    click.option("--level", type=click.Choice(["shall", "should", "may"]), default="may", show_default=True,
                 help="Report only rules of this level and more binding ones."),
    click.option("--strict", is_flag=True, help="Exit with 1 for broken SHOULD rules too."),
)  # fmt: skip


def _with_options(command: Command) -> Command:
    """Attach the options, in the order of the help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(help=HELP)
@_with_options
@click.pass_context
def doctor(context: click.Context, /, **given: Any) -> None:
    """Examine, print, and end with the exit code."""
    from chartside.doctor.checks import Level  # noqa: PLC0415 (needed here only, as below)
    from chartside.doctor.machine import as_json  # noqa: PLC0415
    from chartside.doctor.text import render  # noqa: PLC0415

    report = _examine(given)
    code = report.exit_code(strict=given["strict"])
    shown = report.down_to(Level[given["level"].upper()])
    click.echo(json.dumps(as_json(shown, code), indent=2) if given["as_data"] else render(shown), nl=given["as_data"])
    context.exit(code)


def _examine(given: Mapping[str, Any]) -> Report:
    """Put the parts together and run."""
    from chartside.clock import SystemClock  # noqa: PLC0415
    from chartside.doctor.caller import Caller  # noqa: PLC0415
    from chartside.doctor.examination import examine  # noqa: PLC0415
    from chartside.doctor.signing import Signer  # noqa: PLC0415
    from chartside.doctor.wire import Limits, Wire  # noqa: PLC0415

    clock, release = SystemClock(), _release()
    options = _options(given)
    identity = _identity(given)
    persons = _persons(given, options.prefetch or {})
    limits = Limits(seconds=given["timeout"], ca_file=str(given["ca_file"] or ""))
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # what the other side does wrong stands in the report
    wire = Wire(limits, f"chartside-doctor/{release}", _progress())
    caller = Caller(wire, Signer(identity, clock) if identity else None)
    return examine(options, caller, clock, persons=persons, version=release)


def _options(given: Mapping[str, Any]) -> Options:
    """What was asked for, checked."""
    from chartside.doctor.visit import Options  # noqa: PLC0415

    base = _url(given["url"], "URL").removesuffix("/cds-services").rstrip("/")
    return Options(
        base=base,
        discovery=_url(given["discovery"], "--discovery") if given["discovery"] else "",
        service=given["service"],
        prefetch=_prefetch(given["prefetch"]) if given["prefetch"] else None,
        origin=given["origin"].rstrip("/"),
        deadline_ms=given["deadline_ms"],
        feedback=not given["no_feedback"],
    )


def _url(value: str, name: str) -> str:
    """An http(s) URL with nothing but host, port and path."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise click.UsageError(f"{name} is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"{name} must begin with http:// or https:// and name a host.")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise click.UsageError(f"{name} must not hold a query, a fragment or a password.")
    return value.rstrip("/")


def _prefetch(path: Path) -> dict[str, object]:
    """The prefetch file."""
    from clinical import strict_json  # noqa: PLC0415
    from clinical.errors import ChartsideError  # noqa: PLC0415

    try:
        value = strict_json.loads(path.read_bytes(), max_bytes=MAX_PREFETCH)
    except (OSError, ChartsideError) as fault:
        raise click.UsageError(f"The prefetch file cannot be read: {getattr(fault, 'message', 'no access')}") from None
    if not isinstance(value, dict) or not value:
        raise click.UsageError("The prefetch file must hold a JSON object: prefetch key → resource.")
    return value


def _persons(given: Mapping[str, Any], prefetch: Mapping[str, object]) -> Persons:
    """The ids for the calls; those of the prefetch file unless named."""
    from chartside.doctor.visit import Persons  # noqa: PLC0415

    found = {
        str(value.get("resourceType")): str(value.get("id", ""))
        for value in prefetch.values()
        if isinstance(value, dict)
    }
    return Persons(
        patient=(given["patient"] or found.get("Patient", "")).removeprefix("Patient/"),
        encounter=(given["encounter"] or found.get("Encounter", "")).removeprefix("Encounter/"),
        user=given["user"],
    )


def _identity(given: Mapping[str, Any]) -> Identity | None:
    """Who the doctor says it is, or None without a key."""
    from chartside.doctor.signing import Identity, fits, read_key  # noqa: PLC0415
    from clinical.errors import SettingsInvalid  # noqa: PLC0415

    if given["key"] is None:
        return None
    try:
        key, kid = read_key(given["key"])
    except SettingsInvalid as fault:
        raise click.UsageError(fault.message) from None
    if not fits(key, given["alg"]):
        raise click.UsageError("The key does not fit --alg: ES384 needs an EC key on P-384, RS384 an RSA key.")
    if not given["issuer"] or not (given["kid"] or kid):
        raise click.UsageError("--key needs --issuer, and --kid unless the key has one.")
    pairs = [claim.partition("=") for claim in given["claims"]]
    if not all(name and sign for name, sign, _ in pairs):
        raise click.UsageError("--claim must be NAME=VALUE.")
    claims = {name: value for name, _, value in pairs}
    return Identity(key, given["alg"], given["issuer"], given["kid"] or kid, given["jku"], claims)


def _progress() -> Callable[[int], None]:
    """A line on standard error now and then, once it takes long."""
    began = time.monotonic()
    next_line = began + QUIET_S

    def tell(calls: int) -> None:
        nonlocal next_line
        now = time.monotonic()
        if now >= next_line:
            next_line = now + PROGRESS_S
            click.echo(f"chartside doctor: call {calls}, {now - began:.0f} s so far", err=True)

    return tell


def _release() -> str:
    """The version of Chartside."""
    try:
        return version("chartside")
    except PackageNotFoundError:
        return "(not installed)"
