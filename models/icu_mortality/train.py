"""Train the model, judge it by cross-validation and write what the service and its readers need.

    python -m models.icu_mortality.train --data FOLDER [--out FOLDER] [--threads 1]

Writes `model.skops`, `artefact.toml`, `evaluation.json` and `card.md`. Thresholds in `model.toml` are a decision
and are not touched: compare them with "thresholds" in `evaluation.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from models.icu_mortality.training import evaluate
from models.icu_mortality.training.card import card
from models.icu_mortality.training.cross_validate import FOLDS, CrossValidated, cross_validate
from models.icu_mortality.training.data import SHA256, check_files, read_stays
from models.icu_mortality.training.drivers import leaning
from models.icu_mortality.training.rows import RowMaker, Rows
from models.runtime.artefact import Artefact
from models.runtime.features import Feature, FeaturePlan
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_untrained
from models.training.fit import Settings, fit_members, fit_platt
from models.training.store import artefact_bytes

FOLDER = Path(__file__).resolve().parent
ARTEFACT_FILE = "model.skops"
# What was tried and kept.
SETTINGS = Settings(
    seeds=(1, 2, 3),
    learning_rate=0.03,
    max_iter=700,
    max_leaf_nodes=8,
    min_samples_leaf=400,
    l2_regularization=10.0,
    max_features=0.15,
)
_BEGUN = time.monotonic()
_EVERY = 1000


def main() -> None:
    """Parse the command line and train with a bounded number of threads."""
    parser = argparse.ArgumentParser(description="Train and judge the icu-mortality model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the CinC 2012 files")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to (default: the model's own)")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    check_files(arguments.data)
    with threadpool_limits(arguments.threads):
        train(arguments.data, arguments.out)


def train(data: Path, out: Path) -> None:
    """The whole job: rows, cross-validation, final fit, files."""
    manifest, settings = read_untrained(FOLDER / "model.toml"), SETTINGS
    rows = RowMaker(manifest).rows(read_stays(data, manifest.signals), _stays_done)
    _say(f"{len(rows.died)} rows of {rows.features.shape[1]} features")
    features = FeaturePlan(manifest).features
    directions = [feature.direction for feature in features]
    validated = cross_validate(rows, directions, settings, _say)
    artefact = _final(rows, validated, features, settings)
    _say("final fit done")
    digest = _write_artefact(artefact, manifest, _base_rate(rows), out)
    figures = _figures(rows, validated, artefact, manifest, settings) | {"artefact_sha256": digest}
    (out / "evaluation.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "card.md").write_text(card(figures, manifest), encoding="utf-8")
    _say(f"written to {out}; thresholds {figures['thresholds']}")


def _final(rows: Rows, validated: CrossValidated, features: Sequence[Feature], settings: Settings) -> Artefact:
    """Members fitted on all rows; the Platt step fitted on all out-of-fold margins."""
    slope, intercept = fit_platt(validated.margins, rows.died)
    members = fit_members(rows.features, rows.died, [feature.direction for feature in features], settings)
    return Artefact(tuple(members), slope, intercept, tuple(feature.name for feature in features))


def _write_artefact(artefact: Artefact, manifest: Manifest, base_rate: float, out: Path) -> str:
    content = artefact_bytes(
        {
            "members": list(artefact.members),
            "slope": artefact.slope,
            "intercept": artefact.intercept,
            "features": list(artefact.features),
        }
    )
    digest = hashlib.sha256(content).hexdigest()
    (out / ARTEFACT_FILE).write_bytes(content)
    entry = [
        "# Written by train.py: the trained file, its SHA-256, the digest of the feature recipe it was trained with,",
        "# and the share of the training stays with the outcome.",
        f'file = "{ARTEFACT_FILE}"',
        f'sha256 = "{digest}"',
        f'recipe = "{manifest.recipe}"',
        f"base_rate = {base_rate:.4f}",
    ]
    (out / "artefact.toml").write_text("\n".join(entry) + "\n", encoding="utf-8")
    return digest


def _base_rate(rows: Rows) -> float:
    """Share of the stays with the outcome (every stay has the same number of rows)."""
    return float(rows.died.mean())


def _figures(
    rows: Rows, validated: CrossValidated, artefact: Artefact, manifest: Manifest, settings: Settings
) -> dict[str, Any]:
    p = validated.probabilities
    return {
        "command": "python -m models.icu_mortality.train --data FOLDER",
        "method": f"{FOLDS}-fold cross-validation by stay; Platt step fitted on out-of-fold margins of the other folds",
        "data": SHA256,
        "versions": {name: version(name) for name in ("numpy", "scikit-learn", "shap", "skops")}
        | {"python": platform.python_version()},
        "settings": asdict(settings) | {"features": len(artefact.features)},
        "stays": len(set(rows.stay.tolist())),
        "base_rate": round(_base_rate(rows), 4),
        "calibration": {"slope": artefact.slope, "intercept": artefact.intercept},
        "by_hour": evaluate.by_hour(rows, p),
        "every_row": evaluate.every_row(rows, p),
        "thresholds": evaluate.thresholds(rows, p),
        "by_budget": evaluate.by_budget(rows, p),
        "by_group": evaluate.by_group(rows, p),
        "summary": {"how": "Cross-validated", "hour": f"{evaluate.BUDGET_HOUR:g}"},
        "reliability": evaluate.reliability(rows, p),
        "leaning": asdict(leaning(artefact, FeaturePlan(manifest).features, rows)),
    }


def _stays_done(number: int) -> None:
    if number % _EVERY == 0:
        _say(f"{number} stays read")


def _say(text: str) -> None:
    print(f"[{time.monotonic() - _BEGUN:6.0f} s] {text}", flush=True)


if __name__ == "__main__":
    main()
