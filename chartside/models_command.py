"""`chartside models`: which risk models there are, whether they are what was signed, and signing them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chartside.model_options import keys_option, local_option, offer, training_installed
from clinical.errors import ArtefactRejected, ManifestInvalid, SettingsInvalid

if TYPE_CHECKING:
    from chartside.model_checks import Examined
    from models.runtime.catalogue import AnyManifest
    from models.runtime.manifest import Manifest

# \b keeps click from joining the lines of the paragraph that follows.
GROUP_HELP = """List the risk models, check them, sign them. Without a command: list.

A model that was trained is opened only if a trusted key has signed it and every file is as it was signed. The
project's public keys stand in models/trusted_keys.toml; a site names its own in the file of CHARTSIDE_MODEL_KEYS.

\b
A model of your own goes:
  1. chartside models new-key ~/chartside-keys
  2. train it; training leaves provenance.json beside the artefact
  3. chartside models sign MODEL --key ~/chartside-keys/model-signing.key
  4. set CHARTSIDE_MODEL_KEYS to ~/chartside-keys/model-signing.public.toml
  5. chartside models verify

Exit codes: 0 done, 1 a model does not hold, 2 wrong usage, 3 the file of keys does not hold together.
"""
VERIFY_HELP = """Check models, all of them or those named: one line for each check.

\b
signature    a trusted key signed provenance.json
files        every file is the one that was signed, and there is no other
manifest     model.toml holds together
recipe       features are those that the artefact was trained with
artefact     the file is the one that artefact.toml names
evidence     evaluation.json is the evaluation of this artefact
card         all source attributes are spoken to
explanation  the model opens, and its reasons add up
code         a note where it was trained with other code than this

Exit code 1 where one does not hold. A published score is not trained and not signed; its arithmetic is loaded.
"""
SIGN_HELP = """Sign a model: you vouch for its files as they are now.

MODEL is an id, or a folder. What training wrote must be as it was written. What people decided since (model.toml,
attributes.toml) is taken over, and named here; read it before you sign. Report and cards are written anew with it.
"""
NEW_KEY_HELP = """Make a key pair that signs models, in FOLDER, which only you can read.

The private key is written to model-signing.key, is never printed and has no passphrase: keep it on a machine that
signs, not on one that serves. The public key is written to model-signing.public.toml, to be named in
CHARTSIDE_MODEL_KEYS.
"""

_folder = click.option(
    "--models",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another folder of models than the one that is served.",
)
_json = click.option("--json", "as_data", is_flag=True, help="Print JSON.")


@click.group("models", help=GROUP_HELP, invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """Group the commands."""
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@models.command("list", help="List the models by their manifests; no artefact is opened.")
@_json
@_folder
@local_option
def list_models(as_data: bool = False, folder: Path | None = None, local: Path | None = None) -> None:
    """List them."""
    from models.runtime.catalogue import MODELS_FOLDER, read_manifests  # noqa: PLC0415 (imports of seconds)

    manifests = read_manifests(folder or MODELS_FOLDER, local).values()
    if as_data:
        click.echo(json.dumps([_row(manifest) for manifest in manifests], indent=2, ensure_ascii=False))
        return
    for manifest in manifests:
        row = _row(manifest)
        click.echo(f"{row['id']} {row['version']} ({row['kind']}): {row['title']}")
        click.echo(f"  {row['offered']}; hooks {', '.join(manifest.info.hooks)}; SHA-256 {manifest.info.digest[:16]}…")
        if manifest.info.validation:
            click.echo(f"  {manifest.info.validation}")


@models.command(help=VERIFY_HELP)
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@_json
@keys_option
@_folder
@local_option
def verify(
    names: Sequence[str], as_data: bool, keys_file: Path | None, folder: Path | None, local: Path | None
) -> None:
    """Check them."""
    from chartside.model_checks import examine  # noqa: PLC0415 (imports of seconds, needed here only)
    from models.runtime.signature import trusted_keys  # noqa: PLC0415

    keys = trusted_keys(keys_file)
    found = [examine(path, keys) for path in _chosen(names, folder, local)]
    together = "" if names else _together(folder, local)
    holds = all(one.holds for one in found) and not together
    if as_data:
        rows = [_examined_row(one) for one in found]
        click.echo(json.dumps({"holds": holds, "together": together, "models": rows}, indent=2, ensure_ascii=False))
    else:
        _report(found, together)
    if not holds:
        raise click.exceptions.Exit(1)


@models.command("sign", help=SIGN_HELP)
@click.argument("name", metavar="MODEL")
@click.option(
    "--key",
    "private_key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The private key that 'new-key' made.",
)
@keys_option
@_folder
@local_option
def sign_model(name: str, private_key: Path, keys_file: Path | None, folder: Path | None, local: Path | None) -> None:
    """Sign one."""
    with training_installed():
        _sign(name, private_key, keys_file, folder, local)


def _sign(name: str, private_key: Path, keys_file: Path | None, folder: Path | None, local: Path | None) -> None:
    """Take over what people decided, and sign. Raises ModuleNotFoundError."""
    from models.runtime.provenance import differences, read_provenance  # noqa: PLC0415
    from models.runtime.read_manifest import read_manifest  # noqa: PLC0415
    from models.runtime.signature import read_signature, trusted_keys  # noqa: PLC0415
    from models.training import provenance  # noqa: PLC0415

    keys = trusted_keys(keys_file)
    path, *others = _chosen([name], folder, local)
    if others:
        raise click.UsageError(f"There is more than one {name}: give the path of its folder.")
    try:
        manifest = read_manifest(path / "model.toml")
        for changed in provenance.renew(path, _reworded(path, manifest), version=manifest.info.version):
            click.echo(f"{path.name}: {changed} was changed since the provenance was written, and is taken over")
        spoilt = differences(path, read_provenance(path))
        if spoilt:
            raise ArtefactRejected(f"{path.name}: " + "; ".join(spoilt) + ". Train the model anew.")
        provenance.sign(path, private_key, say=click.echo)
        key = read_signature(path / "provenance.sig").key
    except (ArtefactRejected, ManifestInvalid, SettingsInvalid) as fault:
        raise click.ClickException(f"Not signed. {fault.message}") from None
    if key not in {known.id for known in keys}:
        click.echo(f"The key {key} is not trusted here yet: name its public half in CHARTSIDE_MODEL_KEYS.", err=True)


def _reworded(path: Path, manifest: Manifest) -> list[str]:
    """Write report and cards anew, which say what people decided; the figures stay as training wrote them."""
    from models.training.evidence.files import EVIDENCE, evidence_files, write  # noqa: PLC0415
    from models.training.model_card.card import CardInvalid  # noqa: PLC0415

    if not (path / EVIDENCE).is_dir():
        return []
    try:
        made = evidence_files(path, manifest)
        return list(write(path, {name: made[name] for name in made if name.startswith(f"{EVIDENCE}/")}))
    except CardInvalid as fault:
        raise ArtefactRejected(f"{path.name}: {fault}") from None


@models.command("new-key", help=NEW_KEY_HELP)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", default="own", show_default=True, help="What the key is called in the file of trusted keys.")
def make_key(folder: Path, name: str) -> None:
    """Make a key pair."""
    from models.training.signing import PRIVATE_FILE, PUBLIC_FILE, new_key  # noqa: PLC0415

    if not name.replace("-", "").isalnum() or not name.isascii():
        raise click.BadParameter("a name is letters, digits and dashes.", param_hint="--name")
    try:
        key = new_key(folder, name)
    except SettingsInvalid as fault:
        raise click.ClickException(fault.message) from None
    click.echo(f"The key {key.words} is in {folder / PRIVATE_FILE}; only you can read it. Keep a copy in a safe place.")
    click.echo(f"Its public half is in {folder / PUBLIC_FILE}: name that file in CHARTSIDE_MODEL_KEYS.")


def _row(manifest: AnyManifest) -> dict[str, object]:
    """A model for machines."""
    from models.runtime.score_manifest import ScoreManifest  # noqa: PLC0415

    info, score = manifest.info, isinstance(manifest, ScoreManifest)
    return {
        "id": info.id,
        "version": info.version,
        "kind": "score" if score else "trees",
        "title": info.title,
        "hooks": list(info.hooks),
        "offered": offer(getattr(manifest, "draft", ""), served=manifest.served),
        "sha256": info.digest,
        "validation": info.validation,
    }


def _examined_row(found: Examined) -> dict[str, object]:
    """What was found, for machines."""
    return {
        "folder": found.folder,
        "id": found.id,
        "version": found.version,
        "kind": found.kind,
        "holds": found.holds,
        "checks": [{"check": one.name, "state": one.state.value, "text": one.text} for one in found.checks],
    }


def _report(found: Sequence[Examined], together: str) -> None:
    """What was found, for people."""
    for one in found:
        click.echo(f"{one.id or one.folder} {one.version} ({one.kind})")
        for check in one.checks:
            state = "FAULT" if check.state.value == "fault" else check.state.value
            click.echo(f"  {state:<6} {check.name:<12} {check.text}")
    if together:
        click.echo(f"all models\n  FAULT  together     {together}")
    faulty = sum(not one.holds for one in found)
    click.echo(f"{len(found)} models, {faulty or 'none'} with a fault.")


def _together(folder: Path | None, local: Path | None) -> str:
    """What keeps the models from standing beside each other (one id twice, an unknown comparator), or nothing."""
    from models.runtime.catalogue import MODELS_FOLDER, read_manifests  # noqa: PLC0415

    try:
        read_manifests(folder or MODELS_FOLDER, local)
    except ManifestInvalid as fault:
        return fault.message
    return ""


def _chosen(names: Sequence[str], folder: Path | None, local: Path | None) -> list[Path]:
    """The folders of models that are meant, by id, by folder name, or by path; all where none is named."""
    from models.runtime.catalogue import MODELS_FOLDER  # noqa: PLC0415
    from models.runtime.find_folder import every_folder, folders_of  # noqa: PLC0415

    tops = [folder or MODELS_FOLDER, *([local] if local else [])]
    try:
        return [path for name in names for path in folders_of(name, tops)] if names else every_folder(tops)
    except ManifestInvalid as fault:
        # A model whose manifest cannot be read has no id to be found by.
        unreadable = _unreadable(every_folder(tops))
        said = f"{fault.message.partition(': ')[0]}, or its manifest cannot be read." if unreadable else fault.message
        raise click.UsageError(" ".join([said, *unreadable])) from None


def _unreadable(folders: Sequence[Path]) -> list[str]:
    """What keeps manifests from being read at all, a sentence each."""
    from models.runtime.manifest_parts import parse  # noqa: PLC0415

    found: list[str] = []
    for path in folders:
        faults: list[str] = []
        parse(path / "model.toml", faults)
        found += [f"In the folder {path.name}, {fault}." for fault in faults]
    return found
