"""Our signed assertions at an authorization server that others wrote: sekmet-fhir in its strict mode."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey
from open_ports import free_port

from fhir_adapters.http.transport import Deadline, FetchFailed, Limits, Transport
from fhir_adapters.smart.client_authentication import PrivateKeyJwt, TokenCall
from fhir_adapters.smart.client_keys import read_client_keys

KEYS = {"RS384": RSAKey.generate_key(2048, {"kid": "rs-1"}), "ES384": ECKey.generate_key("P-384", {"kid": "es-1"})}
SETTINGS = """
base_url: http://127.0.0.1:{port}/fhir
host: 127.0.0.1
port: {port}
data_dir: {folder}/data
log_inbound: false
simulator: {{enabled: false}}
server_auth: {{types: [smart], token_lifetime: 300, smart_clients: [
  {{client_id: app-RS384, public_key_path: {folder}/RS384.pem, scopes: "system/Patient.rs"}},
  {{client_id: app-ES384, public_key_path: {folder}/ES384.pem, scopes: "system/Patient.rs"}}]}}
"""
FORM = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}


@pytest.fixture(scope="module")
def sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server; gives its origin."""
    program = shutil.which("sekmet", path=str(Path(sys.executable).parent))
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("sekmet-fhir is missing, and CI may not skip")
        pytest.skip("sekmet-fhir is missing")
    folder = tmp_path_factory.mktemp("sekmet")
    port = free_port()
    for name, key in KEYS.items():
        (folder / f"{name}.pem").write_bytes(key.as_pem(private=False))
    (folder / "settings.yaml").write_text(SETTINGS.format(port=port, folder=folder))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve"],
            cwd=folder,
            env={**os.environ, "SEKMET_CONFIG": str(folder / "settings.yaml")},
            stdout=log,
            stderr=log,
        )
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it takes connections."""
    for _ in range(1200):
        assert process.poll() is None, "sekmet ended"
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("sekmet did not start")


@pytest.fixture
def transport() -> Iterator[Transport]:
    """With more patience than for the peer in this process."""
    made = Transport(Limits(connect=60, read=60))
    yield made
    made._http.close()


@pytest.fixture
def ask(sekmet: str, transport):
    """Asks for a token with an assertion of ours; `changes` are those of the call."""

    def ask_(algorithm: str = "RS384", form: dict[str, str] | None = None, **changes) -> tuple[dict, dict]:
        keys = read_client_keys(KEYS[algorithm].as_dict(private=True))
        url = f"{sekmet}/auth/token"
        call = replace(TokenCall(f"app-{algorithm}", url, (), datetime.now(UTC)), **changes)
        sent, headers = PrivateKeyJwt(keys).apply(FORM, call)
        answer = transport.post_form(url, form or sent, headers=headers, deadline=Deadline.after(60))
        return sent, answer

    return ask_


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_both_algorithms_are_taken(ask, sekmet: str, transport, algorithm: str) -> None:
    """A token that reads what was granted, and nothing else."""
    _, answer = ask(algorithm)
    token, later = answer["access_token"], Deadline.after(60)
    assert transport.get_json(f"{sekmet}/fhir/Patient", token=token, deadline=later)["resourceType"] == "Bundle"
    for path, sent, status in (("Observation", token, 403), ("Patient", None, 401), ("Patient", "made-up", 401)):
        with pytest.raises(FetchFailed) as caught:
            transport.get_json(f"{sekmet}/fhir/{path}", token=sent, deadline=later)
        assert caught.value.status == status


def test_an_assertion_counts_once(ask) -> None:
    """The same form again is refused: the jti is known."""
    sent, _ = ask()
    with pytest.raises(FetchFailed, match="401"):
        ask(form=sent)


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": "https://another.example/token"},
        {"client_id": "nobody"},
        {"now": datetime(2020, 1, 1, tzinfo=UTC)},
        {"now": datetime.now(UTC) + timedelta(days=1)},
    ],
    ids=["audience", "unknown client", "expired", "too long"],
)
def test_a_wrong_assertion_is_refused(ask, changes) -> None:
    """So what passed above was checked."""
    with pytest.raises(FetchFailed, match=r"40[01]"):
        ask(**changes)
