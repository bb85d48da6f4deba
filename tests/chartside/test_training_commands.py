"""`chartside train`, `evaluate`, `evidence` and `recalibrate`, on the model of docs/adding-a-model.md."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartside.cli import cli
from chartside.factory import create_app, open_house
from chartside.settings import Settings
from clinical.assessment import RiskAssessment
from clinical.errors import ArtefactRejected
from models.runtime.catalogue import AnyModel, load_models, read_manifests
from models.runtime.signature import trusted_keys
from models.training.load_recipe import load_recipe
from models.training.signing import PRIVATE_FILE, PUBLIC_FILE, new_key

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-model.md"
FILE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ID = "hyperkalaemia-30d"
NUMBER = re.compile(r"(\w+) (-?\d+\.\d{3}) \((-?\d+\.\d{3}) to (-?\d+\.\d{3})\)")


def run(*words: str | Path) -> Result:
    """`chartside …`."""
    return CliRunner().invoke(cli, [str(word) for word in words])


def done(*words: str | Path) -> Result:
    """A command that must work."""
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by name; what the interpreter leaves behind is none."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def make_data(home: Path, name: str, seed: int) -> Path:
    """Visits by the script of the page, drawn anew."""
    source = (home / "make_data.py").read_text("utf-8").replace("Random(2024)", f"Random({seed})")
    subprocess.run([sys.executable, "-c", source.replace("visits.csv", name)], cwd=home, check=True)
    return home / "data" / name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the page, trained and signed; `keys` and `data` lie beside `models`."""
    home = tmp_path_factory.mktemp("team")
    for name, content in FILE.findall(PAGE.read_text("utf-8")):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content, "utf-8")
    new_key(home / "keys", "team")
    make_data(home, "visits.csv", 2024)
    make_data(home, "site.csv", 7)
    done("train", folder_in(home), "--data", home / "data", "--key", home / "keys" / PRIVATE_FILE)
    return home


def folder_in(home: Path) -> Path:
    """The model's folder."""
    return home / "models" / "hyperkalaemia_30d"


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may spoil, whose key is trusted."""
    own = Path(shutil.copytree(made, tmp_path / "own"))
    monkeypatch.setenv("CHARTSIDE_MODEL_KEYS", str(own / "keys" / PUBLIC_FILE))
    return own


def opened(home: Path, local: Path | None = None) -> AnyModel:
    """The model as the service would open it."""
    return load_models(home / "models", local, trusted_keys(home / "keys" / PUBLIC_FILE))[ID]


@pytest.mark.parametrize("page", ["adding-a-model.md", "training.md", "local-fit.md"])
def test_options_on_pages_exist(page: str) -> None:
    """What people are told to type is taken."""
    typed = re.findall(
        r"^chartside (train|evaluate|evidence|recalibrate) (.*)$", PAGE.with_name(page).read_text(), re.M
    )
    assert typed
    for command, words in typed:
        assert set(re.findall(r"--[a-z-]+", words)) <= options(command), words


def test_every_option_of_training_is_explained() -> None:
    """One row for each."""
    rows = re.findall(r"^\| `(--[a-z-]+)` \|", PAGE.with_name("training.md").read_text(), re.MULTILINE)
    assert set(rows) == options("train")


def options(command: str) -> set[str]:
    """The long options of a command."""
    return {name for one in cli.commands[command].params for name in one.opts if name.startswith("--")}


def test_the_same_training_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """In every file, signature and evidence among them, also where members are fitted two at a time."""
    words = ("train", folder_in(made), "--data", made / "data", "--trial", "500")
    key = ("--key", made / "keys" / PRIVATE_FILE)
    for name, more in (("a", ()), ("b", ()), ("c", ("--at-once", "2", "--threads", "2"))):
        done(*words, *key, "--out", tmp_path / name, *more)
    first = files_of(tmp_path / "a")
    assert {"model.npz", "artefact.toml", "evaluation.json", "provenance.json", "provenance.sig"} <= first.keys()
    assert {"evidence/card.html", "evidence/card.xml", "evidence/report.html", "out_of_fold.f32"} <= first.keys()
    assert files_of(tmp_path / "b") == first
    assert files_of(tmp_path / "c") == first
    assert b'"trial": 500' in first["provenance.json"]
    assert first["model.npz"] != (folder_in(made) / "model.npz").read_bytes()


def test_training_anew_in_its_place_keeps_a_signature_that_fits(home: Path) -> None:
    """Nothing changed, so the key is not asked for."""
    before = files_of(folder_in(home))
    assert "still fits and is kept" in done("train", folder_in(home), "--data", home / "data").output
    assert files_of(folder_in(home)) == before


def test_a_trial_does_not_replace_a_trained_model(home: Path) -> None:
    """It asks for a folder of its own."""
    assert run("train", folder_in(home), "--data", home / "data", "--trial", "500").exit_code == 2


def test_other_data_than_the_recipe_names_are_not_learnt_from(home: Path) -> None:
    """In a sentence, before anything is written."""
    before = files_of(folder_in(home))
    (home / "data" / "visits.csv").write_text("patient\n1\n")
    result = run("train", folder_in(home), "--data", home / "data")
    assert_refused(result, "SHA-256 differs")
    assert files_of(folder_in(home)) == before


def test_a_card_that_is_not_whole_is_refused_before_the_work(home: Path) -> None:
    """With its faults, and no line of progress."""
    path = folder_in(home) / "attributes.toml"
    path.write_text(path.read_text().replace('funding = "', 'funding_ = "'))
    result = run("train", folder_in(home), "--data", home / "data")
    assert_refused(result, "attributes.funding is missing")


def test_without_the_words_of_a_card_there_are_figures_only(home: Path, tmp_path: Path) -> None:
    """The model is trained and signed all the same, and the check says what is not there."""
    (folder_in(home) / "attributes.toml").unlink()
    shutil.rmtree(folder_in(home) / "evidence")
    done("train", folder_in(home), "--data", home / "data", "--key", home / "keys" / PRIVATE_FILE)
    names = files_of(folder_in(home)).keys()
    assert "evaluation.json" in names
    assert not [name for name in names if name.startswith("evidence/")]
    said = done("models", "verify", ID, "--models", home / "models").output
    assert "the model has no card by attributes" in said


def assert_refused(result: Result, words: str) -> None:
    """Exit code 1, one line, no trace."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert words in result.stderr
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_figures_in_words_are_those_for_machines(home: Path) -> None:
    """Every measure with its interval, of rows that the model has not seen."""
    words = ("evaluate", folder_in(home), home / "data" / "site.csv")
    found = json.loads(done(*words, "--json").stdout)
    assert (found["model"], found["rows"], found["answered"]) == (ID, 900, 900)
    assert list(found["files"]) == ["site.csv"]
    said = done(*words).stdout
    assert f"{found['events']} with the outcome" in said
    (line,) = [line for line in said.splitlines() if line.startswith("  every row: ")]
    told = {name: [float(number) for number in numbers] for name, *numbers in NUMBER.findall(line)}
    measured = found["slices"]["every row"]
    assert told.keys() == {name for name, value in measured.items() if isinstance(value, list)}
    assert told.keys() >= {"auroc", "auprc", "slope", "ece", "observed_per_expected"}
    for name, numbers in told.items():
        assert numbers == pytest.approx(measured[name], abs=0.00051)
    assert measured["auroc"][0] > 0.75


def test_rows_of_the_training_are_named_as_such(home: Path) -> None:
    """On standard error and for machines; and so is a doubt about the model, which is empty where there is none."""
    result = done("evaluate", folder_in(home), home / "data" / "visits.csv", "--json")
    assert "the model was trained on visits.csv: these figures are too good" in result.stderr
    found = json.loads(result.stdout)
    assert (found["seen_in_training"], found["doubt"]) == (["visits.csv"], "")
    new = done("evaluate", folder_in(home), home / "data" / "site.csv", "--json")
    assert "too good" not in new.stderr


def test_a_place_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    """Before the work, and without a trace."""
    (home / "taken").write_text("")
    result = run("train", folder_in(home), "--data", home / "data", "--out", home / "taken")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "rows of" not in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"who,what\n1,2\n", "is no table of visits"),
        (b"\x00\xff\xfe" * 50, "cannot be used"),
        (b"", "is no table of visits"),
        (b"HEADER\n1,male,50,,,secret,1.0,0\n", "could not convert"),
        (b"HEADER\n1,male,9,,,4.0,1.0,0\n", "no patient of these files is in the population"),
        (b"HEADER\n1,male,50,,,,1.0,0\n", "cannot be judged"),
    ],
)
def test_a_wrong_file_is_one_clear_sentence(home: Path, content: bytes, words: str) -> None:
    """Exit code 1, and never what stood in the file."""
    header = (home / "data" / "visits.csv").read_bytes().partition(b"\n")[0]
    path = home / "wrong.csv"
    path.write_bytes(content.replace(b"HEADER", header))
    result = run("evaluate", folder_in(home), path)
    assert result.exit_code == 1, result.output
    assert words in result.stderr
    assert "secret" not in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("command", ["evaluate", "train", "evidence", "recalibrate"])
def test_a_model_that_does_not_exist_is_exit_code_3(home: Path, command: str) -> None:
    """As for every manifest that does not hold; a score learns nothing."""
    data = home / "data"
    more = {
        "evaluate": (data / "site.csv",),
        "train": ("--data", data),
        "evidence": ("--data", data),
        "recalibrate": (data / "site.csv", "--out", home / "new"),
    }[command]
    result = run(command, "no-such-model", *more)
    assert (result.exit_code, "is no model" in result.stderr) == (3, True), result.output
    assert run(command, "news2", *more).exit_code == 3


def test_wrong_usage_is_exit_code_2(home: Path) -> None:
    """No file, and one that is not there."""
    assert run("evaluate", folder_in(home)).exit_code == 2
    assert run("evaluate", folder_in(home), home / "absent.csv").exit_code == 2
    assert run("recalibrate", folder_in(home), home / "data" / "site.csv").exit_code == 2


def test_a_changed_artefact_is_not_judged(home: Path) -> None:
    """In a sentence."""
    path = folder_in(home) / "model.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert_refused(run("evaluate", folder_in(home), home / "data" / "site.csv"), "SHA-256 differs")


def test_a_model_in_doubt_is_judged_only_where_that_is_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and the reason; with --unsigned the figures, and the reason beside them."""
    monkeypatch.delenv("CHARTSIDE_MODEL_KEYS")
    words = ("evaluate", folder_in(home), home / "data" / "site.csv")
    result = run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not trusted here" in result.stderr
    assert "add --unsigned" in result.stderr
    asked = done(*words, "--unsigned")
    assert "nobody vouches for" in asked.stderr
    assert asked.stdout == done(*words, "--keys", home / "keys" / PUBLIC_FILE).stdout


def test_a_version_of_the_site_is_judged_in_place_of_the_shipped_one(home: Path) -> None:
    """As it is served."""
    shutil.copytree(folder_in(home), home / "local" / "ours")
    data = home / "data" / "site.csv"
    assert json.loads(done("evaluate", ID, data, "--local", home / "local", "--json").stdout)["model"] == ID
    assert run("evaluate", ID, data).exit_code == 3


def test_a_trial_on_too_few_is_one_clear_sentence(home: Path, tmp_path: Path) -> None:
    """In words of the matter, and nothing is written."""
    path = home / "models" / "hyperkalaemia_30d" / "train.py"
    out = tmp_path / "trial"
    rows = (home / "data" / "visits.csv").read_text().splitlines(keepends=True)
    healthy = [row for row in rows[1:] if row.rstrip().endswith(",0")]
    (home / "data" / "visits.csv").write_text("".join([rows[0], *healthy]))
    digest = hashlib.sha256((home / "data" / "visits.csv").read_bytes()).hexdigest()
    data = path.with_name("training") / "data.py"
    for file in (path, data):
        if file.is_file():
            file.write_text(re.sub(r"[0-9a-f]{64}", digest, file.read_text()))
    result = run("train", folder_in(home), "--data", home / "data", "--trial", "60", "--out", out)
    assert result.exit_code == 1, result.output
    assert "there are too few patients" in result.stderr
    assert not (out / "model.npz").exists()


def test_evidence_made_anew_is_the_same(home: Path) -> None:
    """Byte for byte, and the signature stays; in another folder too."""
    before = files_of(folder_in(home))
    done("evidence", folder_in(home), "--data", home / "data")
    assert files_of(folder_in(home)) == before
    done("evidence", folder_in(home), "--data", home / "data", "--out", home / "elsewhere")
    assert files_of(home / "elsewhere" / "hyperkalaemia_30d") == before


def test_evidence_that_is_not_as_signed_is_named(home: Path) -> None:
    """Exit code 1 until somebody signs it; what changed is told."""
    path = folder_in(home) / "attributes.toml"
    path.write_text(path.read_text().replace("Nobody paid for it", "Nobody at all paid for it"))
    result = run("evidence", folder_in(home), "--data", home / "data")
    assert result.exit_code == 1
    assert "Not as signed: hyperkalaemia_30d" in result.stderr
    assert re.search(r"changed: attributes\.toml, .*evidence/card\.html", result.stderr)
    with pytest.raises(ArtefactRejected, match="not signed"):
        opened(home)
    done("evidence", folder_in(home), "--data", home / "data", "--key", home / "keys" / PRIVATE_FILE)
    assert "Nobody at all paid" in (folder_in(home) / "evidence" / "card.md").read_text()
    assert opened(home).info.id == ID


def test_changed_code_means_training_again(home: Path) -> None:
    """Evidence of other features would be a lie."""
    path = folder_in(home) / "features.py"
    path.write_text(path.read_text() + "\n# another word\n")
    result = run("evidence", folder_in(home), "--data", home / "data")
    assert (result.exit_code, "train again" in result.stderr) == (3, True)
    assert "Traceback" not in result.output


def table_of(home: Path, path: Path, *, rows: int = 900) -> Path:
    """What the model said of the visits of the site, and what came of them, as a site keeps it; two rows a patient."""
    model = opened(home)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", "probability", "outcome"])
        for case in islice(cases_of(home), rows):
            finding = model.assess(case.record, case.moments[0].as_of)
            assert isinstance(finding, RiskAssessment)
            writer.writerow([case.patient // 2, repr(finding.probability), int(case.moments[0].outcome)])
    return path


def cases_of(home: Path) -> Iterator[Any]:
    """The patients of the site."""
    return load_recipe(folder_in(home)).source.cases([home / "data" / "site.csv"])


@pytest.fixture(params=["rows", "table"])
def site_file(home: Path, request: pytest.FixtureRequest) -> Path:
    """The site's outcomes in both forms."""
    return home / "data" / "site.csv" if request.param == "rows" else table_of(home, home / "outcomes.csv")


def recalibrated(home: Path, file: Path, *more: str | Path) -> Any:
    """The report of a local fit into `local/ours`."""
    out = home / "local" / "ours"
    return json.loads(done("recalibrate", folder_in(home), file, "--out", out, "--json", *more).stdout)


def test_a_local_fit_is_a_new_version_beside_the_old_one(home: Path, site_file: Path) -> None:
    """It loads, says what it is, has the step that it reports, and the old folder stays as it was."""
    before = files_of(folder_in(home))
    report = recalibrated(home, site_file, "--key", home / "keys" / PRIVATE_FILE)
    assert files_of(folder_in(home)) == before
    assert (report["model"], report["version"]) == (ID, "0.1.0+local.1")
    assert report["before"].keys() == report["after"].keys() >= {"auroc", "slope", "observed_per_expected"}
    old, new = opened(home), opened(home, home / "local")
    assert (old.info.version, new.info.version) == ("0.1.0", "0.1.0+local.1")
    assert "at this site" in new.info.validation
    for case in islice(cases_of(home), 50):
        was, now = (model.assess(case.record, case.moments[0].as_of) for model in (old, new))
        assert isinstance(was, RiskAssessment)
        assert isinstance(now, RiskAssessment)
        expected = report["slope"] * was.explanation.log_odds + report["intercept"]
        assert now.explanation.log_odds == pytest.approx(expected, abs=1e-12)
        assert now.probability == pytest.approx(1 / (1 + math.exp(-expected)), abs=1e-12)
        assert now.interval == ()


def test_what_a_local_fit_leaves_behind(home: Path) -> None:
    """Figures and a report of the site, no card with figures of others; every file is bound, and the check holds."""
    recalibrated(home, home / "data" / "site.csv", "--key", home / "keys" / PRIVATE_FILE)
    files = files_of(home / "local" / "ours")
    assert {name for name in files if name.startswith("evidence/")} == {"evidence/report.html"}
    provenance = json.loads(files["provenance.json"])
    assert provenance["inputs"].keys() == {"hyperkalaemia_30d/artefact.toml", "site.csv"}
    assert provenance["parameters"].keys() == {"slope", "intercept"}
    assert files.keys() - {"train.py", "provenance.json", "provenance.sig", "words/es.po"} == (
        provenance["outputs"].keys() | provenance["decisions"].keys()
    )
    checked = done("models", "verify", "--models", home / "models", "--local", home / "local")
    assert re.search(r"note +card +it has no card of its own", checked.output)
    assert os.listdir(home / "local") == ["ours"]


def test_a_local_fit_tells_before_and_after_in_words(home: Path) -> None:
    """With the step, and where it lies."""
    out = home / "local" / "ours"
    said = done("recalibrate", folder_in(home), home / "data" / "site.csv", "--out", out).stdout
    assert f"{ID} 0.1.0+local.1 in {out}" in said
    assert "900 rows of 900 patients" in said
    assert "few outcomes" in said
    assert re.search(r"log-odds' = \d\.\d{4} x log-odds \+ -?\d\.\d{4}", said)
    assert re.search(r"auroc: 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\) -> 0\.\d{4} \(", said)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--out", "taken"), "nothing is overwritten"),
        (("--out", "local/few"), "at least 50 patients"),
        (("--out", "local/ours", "--label", "Local 1"), "a label is made of"),
        (("--out", "local/turned"), "does not go with more outcomes"),
    ],
)
def test_what_cannot_be_fitted_is_refused_and_leaves_nothing(home: Path, change: tuple[str, ...], words: str) -> None:
    """In one sentence."""
    (home / "taken").mkdir()
    table = table_of(home, home / "outcomes.csv", rows=200 if "few" in change[1] else 900)
    if "turned" in change[1]:
        lines = table.read_text().splitlines()
        table.write_text("\n".join([lines[0], *(line[:-1] + str(1 - int(line[-1])) for line in lines[1:])]))
    before = files_of(home)
    result = run("recalibrate", folder_in(home), table, change[0], home / change[1], *change[2:])
    assert_refused(result, words)
    assert files_of(home) == before
    assert not (home / change[1]).exists() or not os.listdir(home / change[1])


def test_many_rows_of_one_patient_are_one_patient(home: Path) -> None:
    """Hours of one stay carry no fit, however many they are."""
    table = home / "outcomes.csv"
    rows = [f"{'one' if number % 2 else number},{0.1 + number % 79 / 100},{number % 2}" for number in range(1_000)]
    table.write_text("\n".join(["patient,probability,outcome", *rows]))
    result = run("recalibrate", folder_in(home), table, "--out", home / "new")
    assert_refused(result, "500 of 1000 rows had the outcome; at least 50 patients with it")


def test_a_second_local_fit_needs_another_name(home: Path) -> None:
    """Two versions with one name could not be told apart in the ledger."""
    recalibrated(home, home / "data" / "site.csv", "--key", home / "keys" / PRIVATE_FILE)
    words = ("recalibrate", home / "local" / "ours", home / "data" / "site.csv", "--out", home / "local" / "again")
    assert_refused(run(*words), "another label")
    assert "0.1.0+local.2" in done(*words, "--label", "local.2").stdout


def test_an_unsigned_local_version_stops_the_start(home: Path) -> None:
    """It is listed, and not opened; so is one whose key nobody named."""
    recalibrated(home, home / "data" / "site.csv")
    assert read_manifests(home / "models", home / "local")[ID].info.version == "0.1.0+local.1"
    with pytest.raises(ArtefactRejected, match="not signed"):
        opened(home, home / "local")
    done("models", "sign", home / "local" / "ours", "--key", home / "keys" / PRIVATE_FILE)
    assert opened(home, home / "local").info.version == "0.1.0+local.1"
    with pytest.raises(ArtefactRejected, match="not trusted here"):
        load_models(home / "models", home / "local", trusted_keys())


def test_a_local_version_is_served_in_place_of_the_shipped_one(
    home: Path, make_settings: Callable[..., Settings], ill: dict[str, Any], tmp_path: Path
) -> None:
    """By the service itself, where the settings name its folder and its key; without them the shipped one answers."""
    table = tmp_path / "outcomes.csv"
    rows = [f"{0.02 + number % 97 / 100},{int(number * 7919 % 97 < number % 97)}" for number in range(2_000)]
    table.write_text("\n".join(["probability,outcome", *rows]))
    out = home / "local" / "icu_mortality"
    words = ("recalibrate", "icu-mortality", table, "--out", out, "--label", "ward.9", "--json")
    report = json.loads(done(*words, "--key", home / "keys" / PRIVATE_FILE).stdout)
    settings = make_settings(tmp_path)
    shipped = answered(settings, ill)
    own = answered(
        replace(settings, local_models=home / "local", model_keys_file=home / "keys" / PUBLIC_FILE),
        ill | {"hookInstance": "5bd2d3f8-3b0c-4a36-9f93-0d2f8ed8a0c1"},
    )
    assert own["version"] == f"{shipped['version']}+ward.9"
    log_odds = [math.log(found["probability"] / (1 - found["probability"])) for found in (shipped, own)]
    assert log_odds[1] == pytest.approx(report["slope"] * log_odds[0] + report["intercept"], abs=1e-9)
    (out / "provenance.sig").unlink()
    with pytest.raises(ArtefactRejected, match="not signed"):
        open_house(replace(settings, local_models=home / "local", model_keys_file=home / "keys" / PUBLIC_FILE))


class StandingClock:
    """The time at which the patient is very ill."""

    def now(self) -> datetime:
        """Always the same."""
        return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def answered(settings: Settings, call: dict[str, Any]) -> dict[str, Any]:
    """What the service says of the patient who is very ill."""
    with closing(open_house(settings, clock=StandingClock())) as house:
        answer = create_app(house).test_client().post("/cds-services/icu-mortality", json=call)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()["extension"]["org.chartside.outcome"]
    return found
