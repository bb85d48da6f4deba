"""The client registry and `chartside clients`: what an entry may say, what is refused, how one is added and checked."""

from __future__ import annotations

import json
import os
import stat
import threading
import tomllib
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from chartside.clients import KEYS, Client, check_services, load_clients
from chartside.clients.entry import render_entry
from chartside.clients.keys import SMART_KEYS, level_fault
from chartside.clients.presets import load_presets
from chartside.clients.read import read_clients
from chartside.clients.review import doubts, holds
from chartside.clients_command import clients
from clinical.errors import SettingsInvalid
from models.runtime.catalogue import read_manifests

WHOLE = """
[clients.whole]
name = "Whole"
authentication = "jwt"
issuer = "https://ehr.test"
jwks_url = "https://ehr.test/jwks"
audiences = ["urn:a", "urn:b"]
max_token_seconds = 900
algorithms = ["RS384", "ES256"]
tenants = ["north"]
subjects = ["app"]
certificates = ["{mark}"]
fhir_base = "https://ehr.test/fhir/"
fhir_hosts = ["https://other.test/fhir/"]
origins = ["https://ehr.test", "http://127.0.0.1:8000"]
smart_client_id = "chartside"
intensive_care_locations = ["Medical ICU"]
encounter_classes = {{ "urn:oid:1.2.3|5" = "AMB", "urn:oid:1.2.3|7" = "IMP" }}
flags = ["cds-hooks-3"]
on_error = "empty"
deadline_ms = 1000
show_from = 0.2
shadow_share = 0.25
hidden_from = ["Patient"]
repeat_hours = 12
snooze_hours = {{ action-completed = 24, "site/own" = 0.5 }}
cards_per_clinician_day = 20
cards_per_encounter = 5

[clients.whole.services.icu-mortality]
show_from = 0.5
repeat_hours = 6
shadow = true
""".format(mark=":".join(["AB"] * 32))
LEAST = '[clients.least]\nname = "Least"\nauthentication = "loopback"\nfhir_base = "https://ehr.test/fhir"\n'


def read(text: str, folder: Path = Path()) -> tuple[Client, ...]:
    """A registry from its text."""
    return read_clients(text, "clients.toml", folder)


def test_an_entry_is_read_whole() -> None:
    """Every key arrives where it belongs."""
    (client,) = read(WHOLE)
    assert (client.audiences, client.max_token_seconds) == (("urn:a", "urn:b"), 900)
    assert (client.algorithms, client.tenants, client.subjects) == (("RS384", "ES256"), ("north",), ("app",))
    assert client.certificates == ("ab" * 32,)
    assert (client.keys, client.jku) == ("https://ehr.test/jwks", "https://ehr.test/jwks")
    assert (client.fhir_base, client.fhir_hosts) == ("https://ehr.test/fhir", ("https://other.test/fhir",))
    assert (client.origins, client.flags) == (("https://ehr.test", "http://127.0.0.1:8000"), ("cds-hooks-3",))
    assert (client.on_error, client.deadline_ms, client.hidden_from) == ("empty", 1000, ("Patient",))
    assert client.snooze == {"action-completed": timedelta(hours=24), "site/own": timedelta(minutes=30)}
    assert (client.cards_per_clinician_day, client.cards_per_encounter) == (20, 5)
    apart = {"jwks_file", "shadow"} | (SMART_KEYS.keys() - {"smart_client_id"})  # test_chartside_smart_entry.py
    assert tomllib.loads(WHOLE)["clients"]["whole"].keys() == KEYS.keys() - apart


def test_what_is_not_said_is_the_careful_choice() -> None:
    """No weak algorithm, no origin, no flag, no limit that nobody asked for; laypeople see no card."""
    (client,) = read(LEAST)
    assert (client.algorithms, client.max_token_seconds) == (("ES384", "RS384"), 300)
    assert (client.origins, client.flags, client.fhir_hosts, client.tenants) == ((), (), (), ())
    assert (client.on_error, client.deadline_ms) == ("outcome", 450)
    assert client.hidden_from == ("Patient", "RelatedPerson")
    assert (client.repeat_hours, client.snooze, client.cards_per_clinician_day) == (0, {}, None)
    rules = client.rules("any")
    assert (rules.show_from, rules.shadow, rules.shadow_share, rules.repeat_within) == (None, False, 0, timedelta(0))


@pytest.mark.parametrize(
    ("own", "shadow", "share"),
    [
        ("", False, 0.25),
        ("shadow = true", True, 0.0),
        ("shadow = false", False, 0.0),
        ("shadow_share = 0.5", False, 0.5),
        ("shadow_share = 0", False, 0.0),
    ],
)
def test_a_service_overrides_its_client(own: str, shadow: bool, share: float) -> None:
    """Key by key; but who says anything about shadow has said all about it."""
    table = "[clients.least.services.x]\nshow_from = 0.5\n" + own
    (client,) = read(LEAST + "show_from = 0.1\nrepeat_hours = 3\nshadow_share = 0.25\n" + table)
    rules = client.rules("x")
    assert (rules.show_from, rules.repeat_within) == (0.5, timedelta(hours=3))
    assert (rules.shadow, rules.shadow_share) == (shadow, share)
    assert (client.rules("y").show_from, client.rules("y").shadow_share) == (0.1, 0.25)


def test_a_service_leaves_the_shadow_of_its_client() -> None:
    """Also from a client that is wholly in it."""
    (client,) = read(LEAST + "shadow = true\n[clients.least.services.x]\nshadow_share = 0.5\n")
    assert (client.rules("x").shadow, client.rules("x").shadow_share) == (False, 0.5)
    assert client.rules("y").shadow


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nmae = 1", "unknown key 'nmae'"),
        ('name = ""', "'name' other than one line"),
        ('name = "a\\nb"', "'name' other than one line"),
        ('authentication = "basic"', "other than jwt or loopback"),
        ('issuer = " https://ehr.test"', "'issuer' other"),
        ('jwks_url = "http://ehr.test/jwks"', "'jwks_url' other than an https URL"),
        ('jwks_url = "https://user@ehr.test/jwks"', "'jwks_url'"),
        ("max_token_seconds = 3601", "'max_token_seconds' other than a whole number from 1 to 3600"),
        ("max_token_seconds = 0", "'max_token_seconds'"),
        ("max_token_seconds = 300.0", "'max_token_seconds' of the wrong type"),
        ("max_token_seconds = true", "'max_token_seconds' of the wrong type"),
        ("algorithms = []", "'algorithms'"),
        ('algorithms = ["HS256"]', "'algorithms' other than a list of ES384, RS384, ES256 or RS256"),
        ('algorithms = ["none"]', "'algorithms'"),
        ('algorithms = "ES384"', "'algorithms' of the wrong type"),
        ('algorithms = ["ES384", "ES384"]', "each once"),
        ('tenants = ["a", 1]', "'tenants' of the wrong type"),
        ('subjects = [""]', "'subjects'"),
        ('certificates = ["ab"]', "'certificates' other than a list of SHA-256"),
        ("audiences = {}", "'audiences' of the wrong type"),
        ('fhir_hosts = ["http://other.test/fhir"]', "'fhir_hosts'"),
        ('origins = ["*"]', "'origins'"),
        ('origins = ["https://ehr.test/"]', "'origins'"),
        ('origins = ["https://EHR.test"]', "'origins'"),
        ('origins = ["http://ehr.test"]', "'origins'"),
        ('origins = ["null"]', "'origins'"),
        ('flags = ["cds-hooks-4"]', "'flags' other than a list of cds-hooks-3"),
        ('on_error = "silent"', "'on_error' other than outcome or empty"),
        ("deadline_ms = 99", "'deadline_ms'"),
        ("deadline_ms = 4501", "'deadline_ms'"),
        ("show_from = 1.1", "'show_from' other than a number from 0 to 1"),
        ("show_from = nan", "'show_from' other"),
        ("shadow = 1", "'shadow' of the wrong type"),
        ("shadow_share = -0.1", "'shadow_share'"),
        ("shadow = true\nshadow_share = 0.5", "say one of them"),
        ('hidden_from = ["Device"]', "'hidden_from'"),
        ("repeat_hours = -1", "'repeat_hours'"),
        ("repeat_hours = inf", "'repeat_hours'"),
        ("snooze_hours = 4", "'snooze_hours' of the wrong type"),
        ("snooze_hours = {action-completed = -1}", "'snooze_hours'"),
        ('snooze_hours = {action-completed = "4"}', "'snooze_hours'"),
        ("encounter_classes = 5", "'encounter_classes' of the wrong type"),
        ('encounter_classes = {"urn:oid:1.2.3|5" = "visit"}', "'encounter_classes' other than a table of system|code"),
        ('encounter_classes = {"5" = "AMB"}', "'encounter_classes'"),
        ('encounter_classes = {"urn:oid:1.2.3|" = "AMB"}', "'encounter_classes'"),
        ("cards_per_clinician_day = 0", "'cards_per_clinician_day'"),
        ("cards_per_encounter = 2.5", "'cards_per_encounter' of the wrong type"),
        ("services = 1", "'services' of the wrong type"),
        ("services = {x = 1}", "services.x. is not a table"),
        ("services = {x = {deadline_ms = 500}}", "services.x. has the unknown key 'deadline_ms'"),
        ("services = {x = {show_from = 2000}}", "services.x. has a 'show_from'"),
        ("services = {x = {shadow = true, shadow_share = 0.1}}", "services.x. has 'shadow = true'"),
    ],
)
def test_a_wrong_value_stops_the_start(line: str, words: str) -> None:
    """A typo, a value out of bounds, a wrong type: each is named with its key."""
    keys = {part.partition(" = ")[0] for part in line.splitlines()}
    base = [kept for kept in WHOLE.splitlines() if kept.partition(" = ")[0] not in keys | {"shadow_share"}]
    cut = base.index("[clients.whole.services.icu-mortality]")
    with pytest.raises(SettingsInvalid, match=words) as fault:
        read("\n".join([*base[:cut], line]))
    assert "[clients.whole]" in fault.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no \\[clients"),
        ("clients = 1", "no \\[clients"),
        ("[clients]", "no \\[clients"),
        ("[clients]\na = 1", "\\[clients.a\\] is not a table"),
        (LEAST + "[client.b]\nx = 1", "holds 'client' beside"),
        (LEAST.replace("clients.least", 'clients."a b"'), "has an id other than"),
        (LEAST.replace("clients.least", f"clients.{'a' * 65}"), "has an id other than"),
        (LEAST + LEAST, "cannot be read"),
        ("[clients.x]", "lacks 'fhir_base'"),
    ],
)
def test_a_file_that_is_no_registry_stops_the_start(text: str, words: str) -> None:
    """Not TOML, no entry, something else beside the entries, an id that cannot stand in a URL."""
    with pytest.raises(SettingsInvalid, match=words):
        read(text)


def test_every_fault_is_told_at_once() -> None:
    """One run names everything that is wrong with all entries."""
    text = '[clients.a]\nx = 1\n[clients.b]\nname = 1\nauthentication = "jwt"\n' + LEAST + "show_from = 7\n"
    with pytest.raises(SettingsInvalid) as fault:
        read(text)
    for words in (
        "[clients.a] has the unknown key 'x'.",
        "[clients.a] lacks 'name'.",
        "[clients.a] lacks 'authentication'.",
        "[clients.b] has a 'name' of the wrong type",
        "[clients.b] lacks 'issuer'.",
        "[clients.b] needs either 'jwks_url' or 'jwks_file'.",
        "[clients.least] has a 'show_from' other",
    ):
        assert words in fault.value.message


@pytest.mark.parametrize("line", ['subjects = ["a"]', 'certificates = ["' + "ab" * 32 + '"]', "max_token_seconds = 60"])
def test_a_protection_that_would_not_be_checked_is_refused(line: str) -> None:
    """Beside loopback it would look like a protection and be none."""
    with pytest.raises(SettingsInvalid, match="which is checked with authentication 'jwt' only"):
        read(LEAST + line)


JWT = (
    '[clients.{id}]\nname = "N"\nauthentication = "jwt"\nissuer = "https://vendor.test"\n'
    'jwks_url = "https://vendor.test/k"\nfhir_base = "https://{id}.test/fhir"\n'
)


def test_an_issuer_may_serve_several_only_by_tenant() -> None:
    """Otherwise one hospital's calls could count as another's."""
    north, south = JWT.format(id="north"), JWT.format(id="south")
    assert len(read(north + 'tenants = ["n"]\n' + south + 'tenants = ["s"]\n')) == 2
    for first, second in (("", ""), ('tenants = ["n"]\n', ""), ('tenants = ["n", "s"]\n', 'tenants = ["s"]\n')):
        with pytest.raises(SettingsInvalid, match="Two entries have the issuer"):
            read(north + first + south + second)


def test_a_launch_must_mean_one_entry() -> None:
    """The SMART page knows an EHR by its FHIR base."""
    other = LEAST.replace("clients.least", "clients.b").replace("loopback", "jwt")
    other += 'issuer = "https://b.test"\njwks_url = "https://b.test/k"\n'
    assert len(read(LEAST + 'smart_client_id = "a"\n' + other)) == 2
    with pytest.raises(SettingsInvalid, match="a launch could mean either"):
        read(LEAST + 'smart_client_id = "a"\n' + other + 'smart_client_id = "b"\n')


def test_a_key_file_holds_public_keys_only(tmp_path: Path) -> None:
    """Private and symmetric keys do not belong there; a URL beside it is only what a jku may say."""
    text = JWT.format(id="a").replace('jwks_url = "https://vendor.test/k"', 'jwks_file = "keys.json"')
    key = ECKey.generate_key("P-384", {"kid": "k"})
    for content in (None, "[]", '{"keys": 1}', "{"):
        if content is not None:
            (tmp_path / "keys.json").write_text(content)
        with pytest.raises(SettingsInvalid, match="cannot be read or is not a JWK Set"):
            read(text, tmp_path)
    for secret in (key.as_dict(private=True), OctKey.generate_key(256).as_dict(private=True)):
        (tmp_path / "keys.json").write_text(json.dumps({"keys": [secret]}))
        with pytest.raises(SettingsInvalid, match="private or symmetric"):
            read(text, tmp_path)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (client,) = read(text + 'jwks_url = "https://vendor.test/k"\n', tmp_path)
    assert (client.keys, client.jku) == ({"keys": [key.as_dict(private=False)]}, "https://vendor.test/k")
    assert read(text, tmp_path)[0].jku == ""


def test_rules_for_no_service_are_refused() -> None:
    """A typo in a service id would silently leave the service without its rules."""
    check_services(read(WHOLE), {"icu-mortality", "sepsis"})
    with pytest.raises(SettingsInvalid, match=r"services\.icu-mortality\] is for no service; there are: sepsis"):
        check_services(read(WHOLE), {"sepsis"})


GIVEN = {
    "issuer": "https://ehr.test/issuer",
    "jwks_url": "https://ehr.test/jwks",
    "fhir_base": "https://ehr.test/fhir",
}
ARGUMENTS = ["--issuer", GIVEN["issuer"], "--jwks-url", GIVEN["jwks_url"], "--fhir-base", GIVEN["fhir_base"]]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Run `chartside clients …` on a registry in an empty folder; faults of ours come out as exceptions."""

    def invoke(*arguments: str) -> Result:
        environment = {"CHARTSIDE_CLIENTS_FILE": str(tmp_path / "clients.toml"), "CHARTSIDE_BASE_URL": None}
        return CliRunner().invoke(clients, arguments, env=environment)

    return invoke


@pytest.mark.parametrize("name", list(load_presets()))
def test_every_preset_makes_an_entry_that_loads(name: str, run: Callable[..., Result], tmp_path: Path) -> None:
    """With the least that must be given, and told what is missing."""
    done = run("add", "site", "--preset", name, "--name", "Site", *ARGUMENTS)
    assert done.exit_code == 0, done.output
    (client,) = load_clients(tmp_path / "clients.toml")
    assert (client.id, client.name, client.authentication) == ("site", "Site", "jwt")
    assert (client.issuer, client.keys, client.fhir_base) == tuple(GIVEN.values())
    preset = load_presets()[name]
    for key, value in {**preset.advised.values, **preset.policy.values}.items():
        kept = getattr(client, key)
        assert kept == (tuple(value) if isinstance(value, list) else value)
    for key in preset.wanted:
        assert f"Still missing: {key}:" in done.output
    text = (tmp_path / "clients.toml").read_text()
    assert preset.source.split()[0] in text
    assert max(map(len, text.splitlines())) < 200


def test_presets_say_where_their_facts_are_from() -> None:
    """A source and a status for each, a reason for each value, and only keys that exist."""
    for preset in load_presets().values():
        assert preset.source
        assert preset.status
        for advised in (preset.advised, preset.policy):
            assert advised.values.keys() == advised.why.keys() <= KEYS.keys()
        assert preset.wanted.keys() | preset.defaults.keys() <= KEYS.keys()
        assert "verif" in preset.status or "read in its source" in preset.status


def test_hospital_presets_begin_in_the_shadow() -> None:
    """Nothing is shown on the first day, and repeats and numbers are bounded from the first day on."""
    for name in ("epic", "oracle-health", "athenahealth"):
        values = load_presets()[name].policy.values
        assert values["shadow"] is True
        assert values["repeat_hours"] == 12
        assert {"snooze_hours", "cards_per_clinician_day", "cards_per_encounter"} <= values.keys()
    assert load_presets()["epic"].advised.values == {"algorithms": ["RS384"], "max_token_seconds": 900}


def test_a_preset_fills_in_what_it_knows(run: Callable[..., Result], tmp_path: Path) -> None:
    """The sandbox needs a FHIR base only, Inferno its issuer only."""
    base = ["--fhir-base", "https://fhir.test/r4"]
    assert run("add", "trial", "--preset", "sandbox", "--name", "Sandbox", *base).exit_code == 0
    suite = "https://inferno.test/custom/crd_server"
    assert run("add", "kit", "--preset", "inferno", "--name", "Kit", "--issuer", suite).exit_code == 0
    trial, kit = load_clients(tmp_path / "clients.toml")
    assert (trial.issuer, trial.algorithms) == ("https://sandbox.cds-hooks.org", ("ES384",))
    assert trial.keys == "https://sandbox.cds-hooks.org/.well-known/jwks.json"
    assert trial.origins == ("https://sandbox.cds-hooks.org",)
    assert (kit.keys, kit.fhir_base) == (f"{suite}/jwks.json", f"{suite}/fhir")


def test_what_is_given_is_written(run: Callable[..., Result], tmp_path: Path) -> None:
    """Every option arrives, repeated ones in their order, and replaces the preset's own."""
    more = ["--audience", "urn:a", "--audience", "urn:b", "--origin", "https://ehr.test", "--subject", "app"]
    more += ["--tenant", "north", "--smart-client-id", "chartside"]
    done = run("add", "site", "--preset", "sandbox", "--name", 'St "Mary" \\ Ä', *ARGUMENTS, *more)
    assert "missing" not in done.output
    (client,) = load_clients(tmp_path / "clients.toml")
    assert client.name == 'St "Mary" \\ Ä'
    assert (client.audiences, client.origins) == (("urn:a", "urn:b"), ("https://ehr.test",))
    assert (client.subjects, client.tenants, client.smart_client_id) == (("app",), ("north",), "chartside")


NAMES = st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable() and text == text.strip())


@given(name=NAMES, audience=NAMES)
def test_any_text_survives_the_way_into_the_file(name: str, audience: str) -> None:
    """Quotes, backslashes and hash marks are no way out of a value."""
    text = render_entry("site", name, load_presets()["epic"], {**GIVEN, "audiences": (audience,)})
    (client,) = read(text)
    assert (client.name, client.audiences) == (name, (audience,))


def test_the_rest_of_the_file_is_left_as_it_is(run: Callable[..., Result], tmp_path: Path) -> None:
    """Comments, order, line ends and mode of what was there stay; a link stays a link; nothing is left lying about."""
    real = tmp_path / "elsewhere.toml"
    before = f"# kept\r\n{LEAST}\n# also kept, without a line end".encode()
    real.write_bytes(before)
    real.chmod(0o640)
    (tmp_path / "clients.toml").symlink_to(real)
    assert run("add", "site", "--preset", "epic", "--name", "Site", *ARGUMENTS).exit_code == 0
    assert real.read_bytes().startswith(before + b"\n\n")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (tmp_path / "clients.toml").is_symlink()
    assert [client.id for client in load_clients(real)] == ["least", "site"]
    assert sorted(os.listdir(tmp_path)) == ["clients.toml", "elsewhere.toml"]


def test_a_dry_run_writes_nothing(run: Callable[..., Result], tmp_path: Path) -> None:
    """It prints the entry as it would stand in the file."""
    done = run("add", "site", "--preset", "epic", "--name", "Site", *ARGUMENTS, "--dry-run")
    assert read(done.output)[0].id == "site"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["least", "--preset", "epic", "--name", "N", *ARGUMENTS], "has an entry 'least' already"),
        (["a b", "--preset", "epic", "--name", "N", *ARGUMENTS], "an ID is 1 to 64"),
        (["x]", "--preset", "epic", "--name", "N", *ARGUMENTS], "an ID is 1 to 64"),
        (["site", "--preset", "epic", "--name", "N"], "--issuer, the exact iss"),
        (["site", "--preset", "epic", "--name", "N"], "--fhir-base, its FHIR R4 base URL"),
        (["site", "--preset", "oracle-health", "--name", "N"], "--jwks-url, where its public keys are"),
        (["site", "--preset", "nobody", "--name", "N"], "Invalid value for '--preset'"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], words: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    """Told in words, with nothing written."""
    (tmp_path / "clients.toml").write_text(LEAST)
    done = run("add", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert (tmp_path / "clients.toml").read_text() == LEAST


@pytest.mark.parametrize(
    ("before", "arguments"),
    [
        (LEAST, ["--fhir-base", "http://ehr.test/fhir"]),
        (LEAST, ["--origin", "*"]),
        (LEAST, ["--jwks-file", "absent.json"]),
        (LEAST + 'broken = "yes"\n', []),
        ("not TOML", []),
        (JWT.format(id="a").replace("https://vendor.test", GIVEN["issuer"]), []),
    ],
)
def test_a_result_that_would_not_load_is_not_written(
    before: str, arguments: list[str], run: Callable[..., Result], tmp_path: Path
) -> None:
    """A wrong value, or a file that was wrong before: the file stays, and the fault is a fault of the settings (3)."""
    (tmp_path / "clients.toml").write_text(before)
    done = run("add", "site", "--preset", "epic", "--name", "N", *ARGUMENTS, *arguments)
    assert isinstance(done.exception, SettingsInvalid)
    assert (tmp_path / "clients.toml").read_text() == before
    assert os.listdir(tmp_path) == ["clients.toml"]


def test_a_folder_that_is_not_there_is_told(run: Callable[..., Result], tmp_path: Path) -> None:
    """As a fault of the settings, not as a traceback."""
    arguments = ["--preset", "epic", "--name", "N", *ARGUMENTS, "--file", str(tmp_path / "no" / "c.toml")]
    done = run("add", "site", *arguments)
    assert isinstance(done.exception, SettingsInvalid)
    assert "cannot be written" in done.exception.message


def test_a_full_disk_leaves_the_file_as_it_was(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file is given up, the old one stands."""

    def full(_: int) -> None:
        raise OSError("no space left")

    (tmp_path / "clients.toml").write_text(LEAST)
    monkeypatch.setattr(os, "fsync", full)
    done = run("add", "site", "--preset", "epic", "--name", "N", *ARGUMENTS)
    assert isinstance(done.exception, SettingsInvalid)
    assert (tmp_path / "clients.toml").read_text() == LEAST
    assert os.listdir(tmp_path) == ["clients.toml"]


def test_clients_are_listed_for_people_and_machines(run: Callable[..., Result], tmp_path: Path) -> None:
    """One line each; JSON with the same."""
    (tmp_path / "clients.toml").write_text(WHOLE + LEAST + "shadow = true\n")
    lines = run("list").output.splitlines()
    assert lines[0] == "whole: Whole, jwt, cards, https://ehr.test/fhir"
    assert lines[1] == "least: Least, loopback, nothing (shadow), https://ehr.test/fhir"
    rows = json.loads(run("list", "--json").output)
    assert [row["id"] for row in rows] == ["whole", "least"]
    assert rows[0]["services"] == {"icu-mortality": {"show_from": 0.5, "repeat_hours": 6, "shadow": True}}


def test_the_doubtful_is_named() -> None:
    """What a registry may say without being wrong, and a person should look at."""
    local, whole = read(LEAST)[0], read(WHOLE)[0]
    open_door = read(JWT.format(id="a") + 'hidden_from = []\nalgorithms = ["RS256"]\nmax_token_seconds = 3600\n')[0]
    found = {client.id: " ".join(doubts(client)) for client in (local, whole, open_door)}
    assert "loopback proves nothing" in found["least"]
    assert "No origins" in found["least"]
    assert "without a threshold" in found["least"]
    assert "ES256 are not what" in found["whole"]
    assert "certificates need CHARTSIDE_CERTIFICATE_HEADER" in found["whole"]
    assert "a fault looks like an empty list" in found["whole"]
    assert "site/own, which no card of ours offers" in found["whole"]
    assert "without a threshold" not in found["whole"]
    assert "Whoever the issuer signs for" in found["a"]
    assert "Whoever the issuer signs for" not in found["whole"]
    assert "shown to Patient and RelatedPerson" in found["a"]
    assert "above 900" in found["a"]


def test_keys_and_waits_may_be_doubtful(tmp_path: Path) -> None:
    """Keys that nobody rotates, keys over plain http, a clinician who waits."""
    (tmp_path / "keys.json").write_text('{"keys": []}')
    url = 'jwks_url = "https://vendor.test/k"'
    (filed,) = read(JWT.format(id="a").replace(url, 'jwks_file = "keys.json"') + "deadline_ms = 3000\n", tmp_path)
    assert "Keys come from a file" in " ".join(doubts(filed))
    assert "deadline_ms is 3000" in " ".join(doubts(filed))
    assert "the keys in its file" in " ".join(holds(filed))
    (plain,) = read(JWT.format(id="a").replace(url, 'jwks_url = "http://127.0.0.1:9/k"') + "shadow = true\n")
    assert "Keys come over plain http" in " ".join(doubts(plain))
    assert "nothing is shown" in " ".join(holds(plain))


def test_what_holds_is_named() -> None:
    """In words that a security team can read."""
    found = " ".join(holds(read(WHOLE)[0]))
    for words in (
        "JWT (RS384 or ES256) of https://ehr.test",
        "lives for at most 900 s",
        "called URL or urn:a or urn:b",
        "tenant must be north",
        "sub must be app",
        "1 fingerprints",
        "https://other.test/fhir and nowhere else",
        "Shadow for 25%",
        "from a probability of 0.2",
        "For icu-mortality: show_from = 0.5",
    ):
        assert words in found


class KeyServer(BaseHTTPRequestHandler):
    """Serves one key set under /good, an answer that is none under /text, and nothing else."""

    answers: dict[str, Any]

    def do_GET(self) -> None:
        found = self.answers.get(self.path)
        body = json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def key_base() -> Iterator[str]:
    """The URL of a real key server on this machine."""
    good = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig"}).as_dict(private=False)
    other = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "enc"}).as_dict(private=False)
    answers = {"/good": {"keys": [good, other]}, "/useless": {"keys": [other]}, "/text": "no key set"}
    handler = type("Handler", (KeyServer,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/good", 0, "key 'ec-1': ES384."),
        ("/good", 0, "key 'rsa-1': not usable for the algorithms of this entry."),
        ("/useless", 1, "None of its 1 keys can verify a token"),
        ("/text", 1, "the answer is not a JWK Set"),
        ("/absent", 1, "the server answered 404"),
    ],
)
def test_keys_are_fetched_on_demand(
    path: str, code: int, words: str, key_base: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    """Which key ids and algorithms there are; exit code 1 where no token could be verified."""
    entry = JWT.format(id="a").replace("https://vendor.test/k", key_base + path)
    (tmp_path / "clients.toml").write_text(LEAST + entry)
    done = run("check", "--fetch-keys")
    assert done.exit_code == code, done.output
    assert words in done.output
    assert run("check").exit_code == 0


def test_the_sheet_says_what_a_vendor_asks(run: Callable[..., Result], tmp_path: Path) -> None:
    """Addresses, token, services with hooks and prefetch, scopes, data: all from registry and manifests."""
    (tmp_path / "clients.toml").write_text(WHOLE)
    assert "set CHARTSIDE_BASE_URL or give --base-url" in run("check", "whole").output
    done = run("check", "whole", "--base-url", "https://chartside.test/")
    assert done.exit_code == 0
    for words in (
        "GET https://chartside.test/cds-services\n",
        "https://chartside.test/smart/launch",
        "https://chartside.test/smart/callback",
        "exactly https://ehr.test/jwks",
        "or urn:a; or urn:b",
        "exp - iat at most 900 s",
        "SHA-256 " + "ab" * 32,
        "https://ehr.test, http://127.0.0.1:8000",
        "Minimum necessary data",
        "client_id chartside",
    ):
        assert words in done.output, words
    for manifest in read_manifests().values():
        assert (f"https://chartside.test/cds-services/{manifest.info.id}/feedback" in done.output) == manifest.served
        if not manifest.served:
            continue
        for need in manifest.needs:
            assert f"prefetch {need.key}:" in done.output
        for signal in manifest.signals.values():
            assert signal.codes[0].code in done.output


def test_the_sheet_for_this_machine_and_for_keys_by_hand(run: Callable[..., Result], tmp_path: Path) -> None:
    """No token for the one; the keys as a file, and no jku, for the other."""
    (tmp_path / "keys.json").write_text('{"keys": []}')
    filed = JWT.format(id="a").replace('jwks_url = "https://vendor.test/k"', 'jwks_file = "keys.json"')
    (tmp_path / "clients.toml").write_text(LEAST + filed)
    assert "calls from the machine of Chartside only" in run("check", "least", "--base-url", "http://127.0.0.1").output
    sheet = run("check", "a", "--base-url", "https://chartside.test").output
    assert "handed over as a file" in sheet
    assert "jku:                  left out\n" in sheet


def test_a_check_for_nobody_is_wrong_usage(run: Callable[..., Result], tmp_path: Path) -> None:
    """2, and the ids that there are; 3 for rules of a service that is not there."""
    (tmp_path / "clients.toml").write_text(LEAST)
    done = run("check", "nobody")
    assert done.exit_code == 2
    assert "there are: least" in done.output
    (tmp_path / "clients.toml").write_text(LEAST + "[clients.least.services.typo]\nshow_from = 0.5\n")
    assert isinstance(run("check").exception, SettingsInvalid)


def test_help_teaches(run: Callable[..., Result]) -> None:
    """The steps of a first connection, an example, the exit codes."""
    text = run("--help").output
    for words in ("1. chartside clients add", "check st-mary --fetch-keys", "Exit codes: 0", "shadow = true"):
        assert words in text
    assert "Example:" in run("add", "--help").output
    assert "registration sheet" in run("check", "--help").output
    assert run("list", "--help").exit_code == 0


@pytest.mark.parametrize(
    ("show_from", "lowest", "highest", "wrong"),
    [
        (None, 0, 1, False),
        (0.2, 0, 1, False),
        (7, 0, 1, True),
        (7, 0, 1000, False),
        (-15, -250, 0, False),
        (15, -250, 0, True),
        (0, 0, 1000, False),
    ],
)
def test_a_threshold_is_on_the_scale_of_its_service(
    show_from: float | None, lowest: float, highest: float, wrong: bool
) -> None:
    """A probability, points, or a falling value with its sign turned: another number would silence it for good."""
    assert bool(level_fault(show_from, lowest, highest)) == wrong
    text = "[clients.least.services.x]\nshow_from = -15\n[clients.least.services.y]\nshow_from = 7\n"
    (client,) = read(LEAST + text)
    assert (client.rules("x").show_from, client.rules("y").show_from) == (-15, 7)
