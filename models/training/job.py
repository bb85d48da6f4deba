"""The whole of a training: load, split, features, fit, calibrate, evaluate, write, sign."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from models.runtime.artefact import Artefact
from models.runtime.folder_code import MODELS, TRAINING_FILE
from models.runtime.manifest import Manifest
from models.runtime.provenance import PROVENANCE_FILE, decision_files
from models.runtime.read_manifest import ARTEFACT_ENTRY, read_untrained
from models.runtime.sight import TreeSight
from models.runtime.signature import SIGNATURE_FILE, TrustedKey
from models.training.assemble import assemble
from models.training.cases import Case, WrongData, check_files, remarks_of
from models.training.check_with_shap import check_with_shap
from models.training.cross_validate import CrossValidated, Effort, Say, cross_calibrate, cross_validate
from models.training.folds import Numbers, alike_across, folds_by_patient
from models.training.margins import MARGINS_FILE, as_kept, read_margins, write_margins
from models.training.model_card.card import CardInvalid
from models.training.model_card.read import SOURCE_FILE, check_source
from models.training.provenance import renew, sign, write_provenance
from models.training.read_rows import read_rows
from models.training.recipe import Recipe
from models.training.rows import Rows
from models.training.signing import read_private_key
from models.training.store import artefact_bytes
from models.training.words import copy_words
from models.training.write_evidence import MODEL_FILE, Judged, base_rate, write_evidence


@dataclass(frozen=True, slots=True)
class Work:
    """What a training needs beside its recipe: the model's folder, the data's, and where to write.

    `first` bounds the patients: a trial, to see that everything holds together. `key` is a private key to sign with;
    without one, an earlier signature by one of `keys` (default: the project's) is kept where it still fits.
    """

    folder: Path
    data: Path
    out: Path
    effort: Effort = field(default_factory=Effort)
    first: int | None = None
    key: Path | None = None
    keys: Sequence[TrustedKey] | None = None


def train(recipe: Recipe, work: Work, say: Say) -> None:
    """Train, judge and write. Raises `WrongData`, `LeakingSplit`, `NoCalibration`, `ReasonsDiffer` or `CardInvalid`.

    Where the result cannot be written or signed, that is said before the work and not after it (`SettingsInvalid`,
    OSError).
    """
    work = _ready(work)
    manifest = read_untrained(work.folder / "model.toml")
    _check_card(work.folder)
    sight = TreeSight(manifest)
    rows = training_rows(recipe, sight, work, say)
    fold = folds_by_patient(rows.patient, recipe.folds, recipe.fold_seed)
    directions = [feature.direction for feature in sight.features]
    validated = _rounded(rows, _validated(rows, fold, directions, recipe, say, work.effort), fold, recipe)
    say(f"cross-validated; {validated.alike} rows look like a row of another patient in another fold")
    artefact = assemble(rows, validated, recipe, tuple(feature.name for feature in sight.features))
    worst = check_with_shap(artefact, rows.features)
    say(f"assembled; Shapley values are those of shap to {worst:.1g}")
    _copy_decisions(work)
    _write_artefact(artefact, manifest, rows, work.out)
    write_margins(work.out, validated.margins, rows.features)
    write_provenance(
        work.out,
        model=manifest.info.id,
        version=manifest.info.version,
        inputs=recipe.source.sha256,
        parameters=recipe.parameters() | ({"trial": work.first} if work.first else {}),
        seeds=recipe.seeds,
        outputs=[MODEL_FILE, ARTEFACT_ENTRY, MARGINS_FILE],
        source=work.folder,
    )
    # From here on nothing is lost: the evidence can be worked out again without fitting.
    judged = Judged(rows, validated.probabilities, fold, validated.alike)
    renew(work.out, write_evidence(work.out, judged, artefact, recipe, say))
    sign(work.out, work.key, keys=work.keys, say=say)


def training_rows(recipe: Recipe, sight: TreeSight, work: Work, say: Say) -> Rows:
    """The rows of the files that the recipe names."""
    files = check_files(work.data, recipe.source.sha256)
    for remark in remarks_of(recipe.source, files):
        say(remark)
    rows = read_rows(_first(recipe.source.cases(files), work.first), sight, say)
    say(f"{len(rows):,} rows of {rows.features.shape[1]} columns, {int(rows.outcome.sum()):,} with the outcome")
    return rows


def renew_evidence(recipe: Recipe, work: Work, artefact: Artefact, say: Say) -> bool:
    """Work out every report anew from the open rows and the margins that the training kept.

    Whether the folder is as it was signed. Raises `WrongData` where the features are not those of training any more, or
    `ArtefactRejected` where code of the folder changed.
    """
    work = _ready(work)
    sight = TreeSight(read_untrained(work.folder / "model.toml"))
    rows = training_rows(recipe, sight, work, say)
    fold = folds_by_patient(rows.patient, recipe.folds, recipe.fold_seed)
    margins = read_margins(work.folder, rows.features)
    probabilities = cross_calibrate(rows, margins, fold, by_day=recipe.by_day)
    _copy_decisions(work)
    for name in (MODEL_FILE, ARTEFACT_ENTRY, MARGINS_FILE, PROVENANCE_FILE, SIGNATURE_FILE):
        _copy(work, name)
    judged = Judged(rows, probabilities, fold, alike_across(rows.features, rows.patient, fold))
    changed = renew(work.out, write_evidence(work.out, judged, artefact, recipe, say))
    say(f"changed: {', '.join(changed)}" if changed else "every file is as it was")
    return sign(work.out, work.key, keys=work.keys, say=say)


def _ready(work: Work) -> Work:
    """The same with whole paths, a folder to write into, and a key that can be read: faults are found before the work.

    Raises `WrongData` for a trial that would replace a model, `SettingsInvalid` for a key, OSError for a folder.
    """
    folder, out = work.folder.resolve(), work.out.resolve()
    if work.first and (out == folder or out.is_relative_to(MODELS)):
        raise WrongData("a trial does not replace a model; give it a folder of its own (--out)")
    if work.key is not None:
        read_private_key(work.key)
    out.mkdir(parents=True, exist_ok=True)
    return replace(work, folder=folder, out=out)


def _check_card(folder: Path) -> None:
    """A card that is not whole is found before the work, not after it. Raises `CardInvalid`."""
    faults = check_source(folder) if (folder / SOURCE_FILE).exists() else ()
    if faults:
        raise CardInvalid(SOURCE_FILE, faults)


def _validated(
    rows: Rows, fold: Numbers, directions: Sequence[int], recipe: Recipe, say: Say, effort: Effort
) -> CrossValidated:
    """Cross-validation. Raises `WrongData` where there is nothing to learn."""
    try:
        return cross_validate(rows, fold, directions, recipe, say, effort)
    except ValueError as error:
        raise WrongData(f"these {len(rows):,} rows cannot be learnt from: {error}") from error


def _rounded(rows: Rows, validated: CrossValidated, fold: Numbers, recipe: Recipe) -> CrossValidated:
    """The same with the margins as they are kept: figures made from the kept ones must not differ in a digit."""
    margins = as_kept(validated.margins)
    probabilities = cross_calibrate(rows, margins, fold, by_day=recipe.by_day)
    return replace(validated, margins=margins, probabilities=probabilities)


def _write_artefact(artefact: Artefact, manifest: Manifest, rows: Rows, out: Path) -> None:
    content = artefact_bytes(artefact)
    (out / MODEL_FILE).write_bytes(content)
    entry = [
        "# Written by training: the trained file, its SHA-256, the digest of the feature recipe it was trained with,",
        "# and the share of the training rows with the outcome.",
        f'file = "{MODEL_FILE}"',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        f'recipe = "{manifest.recipe}"',
        f"base_rate = {base_rate(rows):.4f}",
    ]
    (out / ARTEFACT_ENTRY).write_text("\n".join(entry) + "\n", encoding="utf-8")


def _copy_decisions(work: Work) -> None:
    """What people decided goes along, where the result is written elsewhere."""
    work.out.mkdir(parents=True, exist_ok=True)
    for name in (*decision_files(work.folder, (ARTEFACT_ENTRY,)), TRAINING_FILE):
        _copy(work, name)
    if work.out != work.folder:
        copy_words(work.folder, work.out)


def _copy(work: Work, name: str) -> None:
    if work.out != work.folder and (work.folder / name).is_file():
        shutil.copyfile(work.folder / name, work.out / name)


def _first(cases: Iterable[Case], number: int | None) -> Iterator[Case]:
    return islice(iter(cases), number)
