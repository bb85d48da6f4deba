"""A new version of a model, fitted to a site, in a new folder. The old one stays as it is."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.runtime.folder_code import TRAINING_FILE
from models.runtime.manifest import Manifest
from models.runtime.manifest_parts import parse
from models.runtime.provenance import decision_files, file_digest
from models.runtime.read_manifest import ARTEFACT_ENTRY, read_untrained
from models.training.assemble import recalibrated
from models.training.cases import WrongData
from models.training.cross_validate import Say
from models.training.evaluate import Opened
from models.training.evidence.evaluation import Run
from models.training.evidence.publish import publish
from models.training.evidence.scored import Scored
from models.training.fit import Flags
from models.training.load_recipe import load_recipe
from models.training.local_fit import FEWEST, LocalFit, fit_locally
from models.training.outcomes_table import is_outcomes_table, read_outcomes
from models.training.provenance import sign, write_provenance
from models.training.rows import EVERY_ROW
from models.training.store import artefact_bytes
from models.training.words import copy_words

_LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
_VERSION = re.compile(r'^version = "(.+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Order:
    """The model's folder, the site's files, the folder to make, what goes behind the version, and a key for it."""

    folder: Path
    files: tuple[Path, ...]
    out: Path
    label: str
    key: Path | None = None


def recalibrate(order: Order, say: Say) -> dict[str, Any]:
    """Fit, report and write. Raises `WrongData`, `TooFewOutcomes` or `NoCalibration`; then nothing is written."""
    opened = Opened.at(order.folder)
    version = _version(opened.manifest, order)
    site = _site(opened, order, say)
    fit = fit_locally(site.probability, site.outcome, site.patient)
    with _in_one_go(order.out) as folder:
        _write(opened, order, folder, fit, version)
        _write_evidence(order, folder, site, fit, version)
        sign(folder, order.key, say=say)
    return _report(opened.manifest, order, site, fit, version)


def _version(manifest: Manifest, order: Order) -> str:
    """What the new version is called, if it can be made."""
    if order.out.exists():
        raise WrongData(f"{order.out} is there already; nothing is overwritten")
    if not _LABEL.fullmatch(order.label):
        raise WrongData("a label is made of lower-case letters, digits and dots, such as local.1")
    version = f"{manifest.info.version.partition('+')[0]}+{order.label}"
    if version == manifest.info.version:
        raise WrongData(f"{order.folder} is version {version} already; give the new one another label")
    return version


def _site(opened: Opened, order: Order, say: Say) -> Scored:
    """What the model said at the site, and what came of it. Rows that it would not answer do not count."""
    if len(order.files) == 1 and is_outcomes_table(order.files[0]):
        table = read_outcomes(order.files[0])
        everybody: Flags = np.ones(len(table.outcome), dtype=np.bool_)
        return Scored(table.outcome, table.probability, table.patient, {EVERY_ROW: everybody})
    recipe = load_recipe(order.folder)
    rows = opened.rows(recipe.source.cases(order.files), say)
    return opened.judged(rows.take(rows.answered), recipe)


@contextmanager
def _in_one_go(out: Path) -> Iterator[Path]:
    """A folder beside the place of the new one, which takes that place when all is well, and else is gone."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as beside:
        folder = Path(beside) / out.name
        folder.mkdir()
        yield folder
        folder.rename(out)


def _write(opened: Opened, order: Order, folder: Path, fit: LocalFit, version: str) -> None:
    """What people decided is copied; the artefact gets the new step. Raises `WrongData` for an unusual manifest."""
    for name in (*decision_files(order.folder, (ARTEFACT_ENTRY,)), TRAINING_FILE):
        if (order.folder / name).is_file():
            shutil.copyfile(order.folder / name, folder / name)
    copy_words(order.folder, folder)
    manifest = folder / "model.toml"
    manifest.write_text(_VERSION.sub(f'version = "{version}"', manifest.read_text("utf-8"), count=1), "utf-8")
    if read_untrained(manifest).info.version != version:
        raise WrongData(f'{order.folder / "model.toml"} must have a line of its own that reads: version = "…"')
    content = artefact_bytes(recalibrated(opened.artefact, fit.slope, fit.intercept))
    (folder / opened.manifest.artefact.file).write_bytes(content)
    entry = (order.folder / ARTEFACT_ENTRY).read_text("utf-8")
    digest = hashlib.sha256(content).hexdigest()
    (folder / ARTEFACT_ENTRY).write_text(entry.replace(opened.manifest.artefact.sha256, digest), "utf-8")


def _write_evidence(order: Order, folder: Path, site: Scored, fit: LocalFit, version: str) -> None:
    """The figures at this site, a report of them, and where it is all from."""
    untrained = read_untrained(folder / "model.toml")
    entry = parse(folder / ARTEFACT_ENTRY, [])
    info = replace(untrained.info, digest=str(entry["sha256"]), base_rate=float(str(entry["base_rate"])))
    after = replace(site, probability=fit.probabilities)
    files = publish(folder, after, replace(untrained, info=info), _run(order, site, fit))
    write_provenance(
        folder,
        model=info.id,
        version=version,
        inputs=_inputs(order),
        parameters={"slope": fit.slope, "intercept": fit.intercept},
        seeds=(),
        outputs=[*files, str(entry["file"]), ARTEFACT_ENTRY],
        source=order.folder,
    )


def _run(order: Order, site: Scored, fit: LocalFit) -> Run:
    """How the figures came about."""
    return Run(
        how="Fitted and cross-validated at this site",
        method=f"slope and intercept fitted on {fit.rows:,} rows of this site; figures by 5-fold cross-validation",
        data=_inputs(order),
        facts={"rows": f"{fit.rows:,}", "patients": f"{_patients(site):,}"},
        settings={"slope": fit.slope, "intercept": fit.intercept},
        site=True,
        local_fit={"slope": fit.slope, "intercept": fit.intercept} | _both(fit),
    )


def _both(fit: LocalFit) -> dict[str, dict[str, list[float]]]:
    """Every measure before and after, as [value, low, high]."""
    return {
        "before": {name: interval.rounded() for name, interval in fit.before.items()},
        "after": {name: interval.rounded() for name, interval in fit.after.items()},
    }


def _patients(site: Scored) -> int:
    return len(np.unique(site.patient))


def _report(manifest: Manifest, order: Order, site: Scored, fit: LocalFit, version: str) -> dict[str, Any]:
    notes = [f"{fit.rows:,} rows of {_patients(site):,} patients, {fit.events:,} rows with the outcome"]
    if fit.few:
        notes.append("few outcomes: look at the intervals before you use this version (docs/local-fit.md)")
    return {
        "model": manifest.info.id,
        "version": version,
        "folder": str(order.out),
        "slope": fit.slope,
        "intercept": fit.intercept,
        "fewest": FEWEST,
        "notes": notes,
        **_both(fit),
    }


def _inputs(order: Order) -> Mapping[str, str]:
    """What the new version was made from: the site's files, and the version before."""
    before = {f"{order.folder.name}/{ARTEFACT_ENTRY}": file_digest(order.folder / ARTEFACT_ENTRY)}
    return before | {path.name: file_digest(path) for path in order.files}
