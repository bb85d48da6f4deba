"""What validation found, read from the evaluation beside the manifest."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clinical.assessment import RiskAssessment
from clinical.errors import ManifestInvalid
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.read_manifest import read_manifest, read_untrained

FOLDER = MODELS_FOLDER / "icu_mortality"
Change = Callable[[dict[str, Any]], object]


def copied(folder: Path, change: Change = lambda _: None) -> Path:
    """A copy of the shipped manifest with a changed evaluation; the path of its `model.toml`."""
    for name in ("model.toml", "artefact.toml", "features.py"):
        shutil.copy(FOLDER / name, folder / name)
    evaluation = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    change(evaluation)
    (folder / "evaluation.json").write_text(json.dumps(evaluation), encoding="utf-8")
    return folder / "model.toml"


def test_the_sentence_is_that_of_the_evaluation(tmp_path: Path) -> None:
    """It was made with the figures, and is shown as it stands."""
    path = copied(tmp_path, lambda e: e["summary"].update(sentence="Judged on 12 stays: AUROC .71 (.71 to .73)."))
    assert read_manifest(path).info.validation == "Judged on 12 stays: AUROC .71 (.71 to .73)."


def test_an_answer_comes_with_what_happened_at_such_a_risk(chart: Any) -> None:
    """The bin that holds the probability, of the landmark that has been reached; and how many signals there are."""
    bins = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["reliability"]
    for hours, landmark in ((6, "hour 6"), (11.9, "hour 6"), (12, "hour 12")):
        found = chart.model.assess(chart.record(*chart.ordinary()), chart.at(hours))
        assert isinstance(found, RiskAssessment)
        expected = next(b for b in bins[landmark] if b["low"] <= found.probability < b["high"])
        assert found.observed is not None
        assert {name: getattr(found.observed, name) for name in expected} == expected
        assert found.signals >= len(chart.model.manifest.signals)
        assert len(found.missing) < found.signals


def test_a_model_that_was_not_judged_by_hour_has_the_bins_of_its_main_slice(tmp_path: Path) -> None:
    """At every hour the same; other slices are for the report."""

    def change(evaluation: dict[str, Any]) -> None:
        evaluation["summary"]["slice"] = "discharges"
        evaluation["reliability"] = {
            "first visits": evaluation["reliability"]["hour 48"],
            "discharges": evaluation["reliability"]["hour 24"],
        }

    evidence = read_manifest(copied(tmp_path, change)).evidence
    assert evidence is not None
    assert [hour for hour, _ in evidence.reliability] == [0.0]
    shipped = read_manifest(FOLDER / "model.toml").evidence
    assert shipped is not None
    assert evidence.observed(0.3, 0.0) == evidence.observed(0.3, 99.0) == shipped.observed(0.3, 24.0)


def test_every_risk_at_every_hour_has_a_bin(model: Any) -> None:
    """The ends and the edges included; an edge belongs to the bin above it."""
    evidence = model.manifest.evidence
    assert evidence is not None
    for hours in (0.0, 6.0, 23.9, 24.0, 48.0, 99.0):
        for p in (0.0, 1e-9, 0.05, 0.4, 0.5, 0.999, 1.0):
            found = evidence.observed(p, hours)
            assert found.low <= p
            assert p < found.high or found.high == 1
            assert found.lower <= found.share <= found.upper


def test_a_model_without_an_evaluation_has_no_evidence(tmp_path: Path) -> None:
    """It says nothing rather than something made up."""
    path = copied(tmp_path)
    path.with_name("evaluation.json").unlink()
    manifest = read_manifest(path)
    assert (manifest.evidence, manifest.info.validation) == (None, "")


def test_training_does_not_read_the_evaluation_of_the_model_before(tmp_path: Path) -> None:
    """A new artefact has no evidence yet, and an old evaluation does not stop its training."""
    assert read_untrained(copied(tmp_path, lambda e: e.clear())).evidence is None


def bins_of(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    """The bins at hour 24."""
    bins: list[dict[str, Any]] = evaluation["reliability"]["hour 24"]
    return bins


CHANGES: dict[str, Change] = {
    "artefact_sha256 is not that of artefact.toml": lambda e: e.update(artefact_sha256="0" * 64),
    "artefact_sha256 is missing": lambda e: e.pop("artefact_sha256"),
    "format is missing": lambda e: e.pop("format"),
    "format must be 2": lambda e: e.update(format=3),
    "summary is missing": lambda e: e.pop("summary"),
    "sentence is blank": lambda e: e["summary"].update(sentence=" "),
    "slice is missing": lambda e: e["summary"].pop("slice"),
    "week 1 is missing": lambda e: e["summary"].update(slice="week 1"),
    "reliability is missing": lambda e: e.pop("reliability"),
    "reliability: there is no hour": lambda e: e.update(reliability={}),
    "hour one is not an hour": lambda e: e["reliability"].update({"hour one": bins_of(e)}),
    "must be a list of tables and not empty": lambda e: e["reliability"].update({"hour 24": []}),
    "unknown key deaths": lambda e: bins_of(e)[0].update(deaths=1),
    "events must be a whole number": lambda e: bins_of(e)[0].update(events=True),
    "do not fit together": lambda e: bins_of(e)[3].update(events=10_000),
    "reliability.hour 24[2]: patients, events and interval do not fit": lambda e: bins_of(e)[1].update(
        patients=0, events=0
    ),
    "must rise from 0 to 1 without a gap": lambda e: bins_of(e).pop(2),
    "the bins of hour 24 must rise": lambda e: bins_of(e)[-1].update(high=0.99),
}


@pytest.mark.parametrize("fault", CHANGES)
def test_an_evaluation_that_does_not_hold_together_is_named(tmp_path: Path, fault: str) -> None:
    """It stops the start: wrong evidence on a card is worse than none."""
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(copied(tmp_path, CHANGES[fault]))
    assert fault in caught.value.message


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff"])
def test_an_evaluation_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes) -> None:
    """Beside the faults of the manifest itself, all in one message."""
    path = copied(tmp_path)
    path.with_name("evaluation.json").write_bytes(content)
    said = re.sub(r'^version = ".*"$', "version = 1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(said, encoding="utf-8")
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(path)
    assert "evaluation.json" in caught.value.message
    assert "version must be a text" in caught.value.message


def test_rows_of_which_a_patient_may_have_several_are_not_called_patients(tmp_path: Path) -> None:
    """The figures say what they count; those of before counted patients."""
    for changes, noun in (({}, "patients"), ({"counted": "hours"}, "hours")):
        folder = tmp_path / noun
        folder.mkdir()

        def change(evaluation: dict[str, Any], changes: dict[str, str] = changes) -> None:
            evaluation.pop("counted", None)
            evaluation.update(changes)

        evidence = read_manifest(copied(folder, change)).evidence
        assert evidence is not None
        assert evidence.observed(0.3, 24.0).noun == noun
