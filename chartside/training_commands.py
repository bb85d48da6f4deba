"""`chartside train`, `evaluate`, `evidence` and `recalibrate`: what data scientists and quality teams run by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chartside.model_options import keys_option, local_option, training_installed
from clinical.errors import ArtefactRejected, ManifestInvalid, NotStarted

if TYPE_CHECKING:
    from models.training.cross_validate import Say

_EXISTING = click.Path(exists=True, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NO_SUCH_MODEL = 3

TRAIN_HELP = """Train MODEL anew on the open data: load, split, features, fit, calibrate, evaluate, write, sign.

MODEL is an id such as icu-mortality, or a folder. The files of the data must be those that the recipe (train.py in the
model's folder) names, by their SHA-256. Two runs with the same files, code and packages give the same bytes.

Writes model.npz, artefact.toml, out_of_fold.f32, evaluation.json, evidence/ and provenance.json. Thresholds in
model.toml are a decision and are not touched: compare them with "budget_thresholds" and "burden" in evaluation.json.
"""
EVALUATE_HELP = """Judge MODEL on the rows of FILES, which it must not have been trained on.

The files have the format of the open ones (recognised by their columns, in any order): for icu-mortality the table of
values and the table of outcomes of CinC 2012, for sepsis-6h the hourly table of CinC 2019, for readmission-30d Diabetes
130-US, for mortality-10y NHANES with linked mortality. Nothing is written, nothing leaves this machine.

A model that is not as a trusted key signed it is refused with exit code 1, unless --unsigned is there.
"""
EVIDENCE_HELP = """Work out the reports and cards of MODELS (default: of all) anew from the open data, without training.

Uses the out-of-fold margins that training kept; the same data and code give the same bytes. Exit code 1 where a model
is not as it was signed afterwards.
"""
RECALIBRATE_HELP = """Fit MODEL to a site: re-estimate intercept and slope on the site's own outcomes.

FILES are rows in the format that 'chartside evaluate' takes, or one CSV with the columns probability, outcome (0 or 1)
and, where people come more than once, patient. Reports every measure before and after (after: cross-validated) and
writes a new version into a new folder; nothing is overwritten. Sign it (--key, or 'chartside models sign'), then serve
it by naming the folder above it in CHARTSIDE_LOCAL_MODELS.
"""


@click.command("train", help=TRAIN_HELP)
@click.argument("model")
@click.option("--data", required=True, type=_EXISTING, help="The folder of the open data files.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write. Default: the model's own folder.")
@click.option("--at-once", type=click.IntRange(1, 64), default=1, show_default=True, help="Members fitted at a time.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of each fit.")
@click.option("--trial", type=click.IntRange(50), help="Use the first so many patients only; needs --out.")
@click.option("--key", type=_FILE, help="Sign with this private key (chartside models new-key).")
@keys_option
@training_installed()
def train(
    model: str,
    data: Path,
    out: Path | None,
    at_once: int,
    threads: int,
    trial: int | None,
    key: Path | None,
    keys_file: Path | None,
) -> None:
    """Run the job."""
    from models.runtime.signature import trusted_keys  # noqa: PLC0415 (imports of seconds, needed here only)
    from models.training.cross_validate import Effort  # noqa: PLC0415
    from models.training.job import Work  # noqa: PLC0415
    from models.training.job import train as run  # noqa: PLC0415
    from models.training.load_recipe import load_recipe  # noqa: PLC0415

    if trial and out is None:
        raise click.UsageError("--trial needs --out: a trial does not replace a trained model.")
    with _faults_as_words():
        folder = _folder(model)
        if out is not None and folder.resolve() in out.resolve().parents:
            raise click.UsageError("--out lies inside the model's own folder, whose files are signed as a whole.")
        work = Work(folder, data, out or folder, Effort(at_once, threads), trial, key, trusted_keys(keys_file))
        run(load_recipe(folder), work, _said())


@click.command("evaluate", help=EVALUATE_HELP)
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--json", "as_data", is_flag=True, help="Print all figures as JSON.")
@click.option("--unsigned", is_flag=True, help="Judge a model that is not as a trusted key signed it, and say so.")
@keys_option
@local_option
@training_installed()
def evaluate(
    model: str, files: Sequence[Path], as_data: bool, unsigned: bool, keys_file: Path | None, local: Path | None
) -> None:
    """Print figures, of a model that somebody vouches for unless it is asked for otherwise."""
    from models.training.evaluate import Opened  # noqa: PLC0415
    from models.training.evaluate import evaluate as run  # noqa: PLC0415
    from models.training.load_recipe import load_recipe  # noqa: PLC0415

    with _faults_as_words():
        folder, say = _folder(model, local), _said()
        doubt = _doubt(folder, keys_file)
        if doubt and not unsigned:
            raise click.ClickException(f"{doubt} To judge it all the same, add --unsigned.")
        recipe, opened = load_recipe(folder), Opened.at(folder)
        rows = opened.rows(recipe.source.cases(files), say)
        say(f"{len(rows):,} rows; judging")
        found = run(opened, recipe, rows, files) | {"doubt": doubt}
        for remark in found["remarks"]:
            say(remark)
        if found["seen_in_training"]:
            say(f"the model was trained on {', '.join(found['seen_in_training'])}: these figures are too good")
        if doubt:
            say(f"these are figures of a model that nobody vouches for: {doubt}")
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if as_data else "\n".join(_lines(found)))


@click.command("evidence", help=EVIDENCE_HELP)
@click.argument("models", nargs=-1)
@click.option("--data", required=True, type=_EXISTING, help="The folder of the open data files.")
@click.option("--out", type=click.Path(path_type=Path), help="Write below this folder. Default: the models' own.")
@click.option("--key", type=_FILE, help="Sign with this private key (chartside models new-key).")
@keys_option
@training_installed()
def evidence(models: Sequence[str], data: Path, out: Path | None, key: Path | None, keys_file: Path | None) -> None:
    """Renew every report."""
    from models.runtime.catalogue import trained_folders  # noqa: PLC0415
    from models.runtime.signature import trusted_keys  # noqa: PLC0415
    from models.training.evaluate import Opened  # noqa: PLC0415
    from models.training.job import Work, renew_evidence  # noqa: PLC0415
    from models.training.load_recipe import load_recipe  # noqa: PLC0415

    say, unsigned = _said(), list[str]()
    with _faults_as_words():
        keys = trusted_keys(keys_file)
        for folder in [_folder(model) for model in models] or trained_folders():
            say(f"{folder.name}:")
            work = Work(folder, data, out / folder.name if out else folder, key=key, keys=keys)
            if not renew_evidence(load_recipe(folder), work, Opened.at(folder).artefact, say):
                unsigned.append(folder.name)
    if unsigned:
        raise click.ClickException(
            f"Not as signed: {', '.join(unsigned)}. Read what changed, then sign the model anew."
        )


@click.command("recalibrate", help=RECALIBRATE_HELP)
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new folder; it must not be there yet.")
@click.option("--label", default="local.1", show_default=True, help="Goes behind the version: 2.0.0+local.1.")
@click.option("--key", type=_FILE, help="Sign with this private key (chartside models new-key).")
@click.option("--json", "as_data", is_flag=True, help="Print the report as JSON.")
@keys_option
@training_installed()
def recalibrate(
    model: str, files: Sequence[Path], out: Path, label: str, key: Path | None, as_data: bool, keys_file: Path | None
) -> None:
    """Fit locally and write a new version; one of a model that nobody vouches for is not signed."""
    from models.training.new_version import Order  # noqa: PLC0415
    from models.training.new_version import recalibrate as run  # noqa: PLC0415

    with _faults_as_words():
        folder, say = _folder(model), _said()
        doubt = _doubt(folder, keys_file)
        if doubt and key is not None:
            raise click.ClickException(f"{doubt} A version fitted from it is not signed; leave out --key to try it.")
        if doubt:
            say(doubt)
        report = run(Order(folder, tuple(files), out, label, key), say)
    click.echo(json.dumps(report, indent=1, ensure_ascii=False) if as_data else "\n".join(_before_after(report)))


def _folder(name: str, local: Path | None = None) -> Path:
    """The folder of a model; one of the site takes the place of the shipped one. Raises `ManifestInvalid`."""
    from models.runtime.catalogue import MODELS_FOLDER  # noqa: PLC0415
    from models.runtime.find_folder import folders_of  # noqa: PLC0415

    return folders_of(name, [MODELS_FOLDER, *([local] if local else [])])[-1]


def _doubt(folder: Path, keys_file: Path | None) -> str:
    """Why a model is not known to be what somebody signed; empty where it is."""
    from models.runtime.manifest_parts import parse  # noqa: PLC0415
    from models.runtime.provenance import verified  # noqa: PLC0415
    from models.runtime.read_score_manifest import KIND  # noqa: PLC0415
    from models.runtime.signature import trusted_keys  # noqa: PLC0415

    if parse(folder / "model.toml", []).get("kind") == KIND:  # a score learns nothing and is not signed
        return ""
    try:
        verified(folder, trusted_keys(keys_file))
    except ArtefactRejected as fault:
        return fault.message
    return ""


class _faults_as_words:  # noqa: N801 (used as a with-statement)
    """Turns the errors of training into a sentence and exit code 1; a model that there is not, or is none, into 3."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _trace: object) -> None:
        """Only errors that were made for people."""
        from models.training.cases import WrongData  # noqa: PLC0415
        from models.training.check_with_shap import ReasonsDiffer  # noqa: PLC0415
        from models.training.fit import NoCalibration  # noqa: PLC0415
        from models.training.folds import LeakingSplit  # noqa: PLC0415
        from models.training.local_fit import TooFewOutcomes  # noqa: PLC0415
        from models.training.model_card.card import CardInvalid  # noqa: PLC0415

        if isinstance(fault, ManifestInvalid):
            click.echo(fault.message, err=True)
            raise click.exceptions.Exit(_NO_SUCH_MODEL) from fault
        told = (WrongData, NoCalibration, LeakingSplit, TooFewOutcomes, CardInvalid, ReasonsDiffer, NotStarted)
        if isinstance(fault, told):
            raise click.ClickException(f"{fault}") from fault
        if isinstance(fault, OSError):
            reason = fault.strerror or type(fault).__name__
            raise click.ClickException(f"{fault.filename or 'A file'}: {reason}") from fault
        if isinstance(fault, ValueError):
            raise click.ClickException(f"This cannot be worked out: {fault}".splitlines()[0]) from fault


def _said() -> Say:
    """Progress goes to standard error, with the seconds since the beginning."""
    begun = time.monotonic()
    return lambda text: click.echo(f"[{time.monotonic() - begun:6.0f} s] {text}", err=True)


def _lines(found: Mapping[str, Any]) -> list[str]:
    """The main figures as a table."""
    from models.training.evidence.further import called  # noqa: PLC0415

    lines = [
        f"{found['model']} {found['version']}: {found['rows']:,} rows of {found['patients']:,} patients, "
        f"{found['events']:,} with the outcome; {found['answered']:,} answered"
    ]
    lines += [f"{called(name)}: {value}" for name, value in found["measures"].items()]
    for title, slices in (("answered", found["slices"]), ("answered or not", found["every_row"])):
        lines += [f"{title}:"] if slices else []
        lines += [f"  {name}: {_measured(figures)}" for name, figures in slices.items()]
    return lines


def _measured(figures: Mapping[str, Any]) -> str:
    """Each measure with its interval."""
    parts = [f"{name} {v[0]:.3f} ({v[1]:.3f} to {v[2]:.3f})" for name, v in figures.items() if isinstance(v, list)]
    return f"{figures['n']:,} rows, " + (", ".join(parts) or "too few events for figures")


def _before_after(report: Mapping[str, Any]) -> list[str]:
    """Each measure before and after."""
    lines = [f"{report['model']} {report['version']} in {report['folder']}", *report["notes"]]
    lines.append(f"log-odds' = {report['slope']:.4f} x log-odds + {report['intercept']:.4f}")
    for name, before in report["before"].items():
        lines.append(f"  {name}: {_spanned(before)} -> {_spanned(report['after'].get(name))}")
    return lines


def _spanned(figure: Sequence[float] | None) -> str:
    """`0.8123 (0.7910 to 0.8301)`; a dash for what could not be worked out."""
    return "–" if figure is None else f"{figure[0]:.4f} ({figure[1]:.4f} to {figure[2]:.4f})"
