"""The command: its options, its two forms of report, its exit codes."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import make_server

from chartside.doctor.command import doctor


def run(*arguments: str) -> Any:
    """The command's result."""
    return CliRunner().invoke(doctor, list(arguments))


@pytest.fixture
def key_file(key: ECKey, tmp_path: Path) -> Path:
    """The private key as a file."""
    path = tmp_path / "ehr.jwk"
    path.write_text(json.dumps(key.as_dict(private=True)))
    return path


def test_help_teaches() -> None:
    """Examples, marks and exit codes stand in the help."""
    shown = run("--help").output
    for words in ("Examples:", "--key", "Exit codes:", "Use a test system", "--prefetch"):
        assert words in shown


@pytest.mark.parametrize("ending", ["", "/", "/cds-services", "/cds-services/"])
def test_both_forms_of_the_address(ending: str, make_service: Any, serve: Any) -> None:
    """The base, or the discovery address."""
    with serve(make_service().app) as base:
        result = run(base + ending, "--no-feedback")
    assert result.exit_code == 0
    assert f"service    {base}/cds-services\n" in result.output
    assert "why:    --no-feedback" in result.output or "checks: --no-feedback" in result.output


def test_json_has_a_stable_structure(make_service: Any, serve: Any, jwks: Any, key_file: Path) -> None:
    """Members that machines may rely on."""
    with serve(make_service(None, jwks).app) as base:
        result = run(base, "--key", str(key_file), "--issuer", "https://ehr.test", "--json", "--strict")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert set(report) == {
        "report", "format", "version", "service", "time", "services", "signed", "calls", "seconds", "blocked",
        "counts", "exitCode", "checks",
    }  # fmt: skip
    assert (report["report"], report["format"], report["signed"]) == ("chartside-doctor", 1, "ES384")
    assert report["services"] == ["good-patient-view (patient-view)"]
    assert sum(report["counts"].values()) == len(report["checks"])
    for check in report["checks"]:
        assert {"id", "area", "rows", "level", "title", "outcome", "advice", "observations"} <= set(check)
        assert ("reason" in check) == (check["outcome"] == "skip")


def test_broken_shall_rules_set_the_exit_code(plant: Any, make_service: Any, serve: Any) -> None:
    """1 for a SHALL rule, 0 for warnings, 1 for warnings when strict."""
    with serve(make_service(plant(lax=("wrong-hook",))).app) as base:
        assert run(base).exit_code == 1
    with serve(make_service(plant(lax=("nan",))).app) as base:
        assert run(base, "--level", "shall").exit_code == 0
        assert run(base, "--strict").exit_code == 1


def test_unreachable_is_two() -> None:
    """Nothing could be examined."""
    result = run("http://127.0.0.1:9", "--timeout", "1")
    assert result.exit_code == 2
    assert "NOT EXAMINED IN FULL" in result.output


def test_long_examinations_say_that_they_go_on(make_service: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, so that the report stays clean."""
    monkeypatch.setattr("chartside.doctor.command.QUIET_S", 0.0)
    with serve(make_service().app) as base:
        result = run(base, "--json")
    assert "chartside doctor: call 1, 0 s so far" in result.stderr
    json.loads(result.stdout)


def test_tls_is_checked(make_service: Any, tmp_path: Path) -> None:
    """An unknown certificate ends the examination; with --ca-file the service is examined over https."""
    certificate = self_signed(tmp_path)
    server = make_server("127.0.0.1", 0, make_service().app, threaded=True, ssl_context=certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    base = f"https://127.0.0.1:{server.server_port}"
    try:
        refused, trusted = run(base), run(base, "--ca-file", certificate[0])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
    assert refused.exit_code == 2
    assert "did not pass the check of its TLS certificate" in refused.output
    assert "PASS  SHALL  The service is reached over https (row 1)" in trusted.output


def self_signed(folder: Path) -> tuple[str, str]:
    """A certificate for this machine and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "doctor test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return str(paths[0]), str(paths[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ftp://x"], "must begin with http"),
        (["http://u:p@x"], "must not hold a query"),
        (["http://x?y=1"], "must not hold a query"),
        (["http://[::1"], "is not a URL"),
        (["http://x", "--discovery", "x"], "must begin with http"),
        (["http://x", "--key", "{key}"], "needs --issuer"),
        (["http://x", "--key", "{key}", "--issuer", "i", "--alg", "RS384"], "does not fit"),
        (["http://x", "--key", "{key}", "--issuer", "i", "--claim", "sub"], "NAME=VALUE"),
        (["http://x", "--key", "{public}", "--issuer", "i"], "private EC"),
        (["http://x", "--key", "{junk}", "--issuer", "i"], "cannot be read"),
        (["http://x", "--prefetch", "{junk}"], "cannot be read"),
        (["http://x", "--prefetch", "{list}"], "must hold a JSON object"),
    ],
)
def test_wrong_usage_is_two_and_says_why(
    arguments: list[str], words: str, key: ECKey, key_file: Path, tmp_path: Path
) -> None:
    """Before anything is sent."""
    for name, content in (("public", json.dumps(key.as_dict())), ("junk", "{"), ("list", "[1]")):
        (tmp_path / name).write_text(content)
    files = {name: str(tmp_path / name) for name in ("public", "junk", "list")} | {"key": str(key_file)}
    result = run(*(argument.format(**files) for argument in arguments))
    assert result.exit_code == 2
    assert words in result.output


def test_an_rsa_key_signs_rs384(serve: Any, make_service: Any, tmp_path: Path) -> None:
    """The other algorithm of the recommendation; claims are added; a JWK Set with one key is read too."""
    from flask import request
    from joserfc import jwt

    rsa, seen = RSAKey.generate_key(2048, {"kid": "r1"}), []
    (tmp_path / "rsa.json").write_text(json.dumps({"keys": [rsa.as_dict(private=True)]}))
    service = make_service()
    service.app.before_request(lambda: seen.append(request.headers.get("Authorization")))  # type: ignore[func-returns-value]
    with serve(service.app) as base:
        run(base, "--key", str(tmp_path / "rsa.json"), "--issuer", "i", "--alg", "RS384", "--claim", "sub=me",
            "--jku", "https://ehr.test/jwks")  # fmt: skip
    token = jwt.decode(seen[0].removeprefix("Bearer "), rsa, algorithms=["RS384"])
    assert token.header == {"alg": "RS384", "typ": "JWT", "kid": "r1", "jku": "https://ehr.test/jwks"}
    assert token.claims["sub"] == "me"
    assert token.claims["exp"] - token.claims["iat"] == 300


def test_the_patient_of_the_prefetch_file_is_the_patient_of_the_call(
    make_service: Any, serve: Any, tmp_path: Path
) -> None:
    """Ids come from the file unless they are named."""
    own = {"patient": {"resourceType": "Patient", "id": "p7"}, "labs": {"resourceType": "Bundle", "type": "searchset"}}
    (tmp_path / "own.json").write_text(json.dumps(own))
    service = make_service()
    with serve(service.app) as base:
        run(base, "--prefetch", str(tmp_path / "own.json"))
    assert service.seen[0]["context"]["patientId"] == "p7"


def test_a_service_that_is_not_listed(make_service: Any, serve: Any) -> None:
    """--service names one that is there, or nothing is examined."""
    with serve(make_service().app) as base:
        assert run(base, "--service", "good-patient-view").exit_code == 0
        result = run(base, "--service", "other")
    assert result.exit_code == 2
    assert "no service with the id" in result.output
