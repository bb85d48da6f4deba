"""Writing down where a model is from, and signing it: the last steps of every training.

The same training gives the same bytes: no clock, no path of the machine, keys in order. (Ed25519 has no random part
either, RFC 8032 section 5.1.6, so that the signature is the same too.)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clinical.errors import ArtefactRejected
from models.runtime.folder_code import MODELS
from models.runtime.provenance import (
    FORMAT,
    PROVENANCE_FILE,
    Provenance,
    code_digests,
    decision_files,
    file_digest,
    read_provenance,
)
from models.runtime.signature import SIGNATURE_FILE, TrustedKey, fits, read_signature, trusted_keys
from models.training.signing import read_private_key, signature_of

LOCK_FILE = MODELS.parent / "requirements" / "dev.txt"


def write_provenance(
    folder: Path,
    *,
    model: str,
    version: str,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Any],
    seeds: Sequence[int],
    outputs: Iterable[str],
    source: Path | None = None,
    lock: Path = LOCK_FILE,
) -> None:
    """Write `provenance.json` beside what training wrote.

    `inputs` gives the SHA-256 of each file of data by its name; `outputs` are the names of the files that training
    wrote into `folder`, all of which become binding, as do the manifest and the code that stand there. `parameters`
    are whatever JSON can hold. `source` is the model's own folder, where `folder` is another one: its code is noted. An
    earlier signature is left for `sign` to judge. Raises OSError for an output that is not there.
    """
    names = sorted(outputs)
    _write(
        folder,
        Provenance(
            model=model,
            version=version,
            inputs=inputs,
            code=code_digests(source or folder, model),
            parameters=parameters,
            lock=file_digest(lock) if lock.is_file() else None,
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            seeds=tuple(seeds),
            outputs={name: file_digest(folder / name) for name in names},
            decisions={name: file_digest(folder / name) for name in decision_files(folder, names)},
        ),
    )


def renew(folder: Path, outputs: Iterable[str] = (), *, version: str = "") -> tuple[str, ...]:
    """Take over what people decided since training (the tables, not the code), and the named outputs written anew.

    Thresholds are set after the evaluation was seen, so a manifest may change after training; `read_manifest` sees to
    it that the recipe of the features does not. `version` is that of the manifest now (default: as it was). Gives the
    names of what changed. Raises `ArtefactRejected` where code of the folder changed: then the artefact may not follow
    from it any more, and training has to run again.
    """
    earlier = read_provenance(folder)
    names = decision_files(folder, earlier.outputs)
    decisions = {name: file_digest(folder / name) for name in names}
    written = {**earlier.outputs, **{name: file_digest(folder / name) for name in outputs}}
    before, after = earlier.bound, {**written, **decisions}
    changed = tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))
    code = [name for name in changed if name.endswith(".py")]
    if code:
        raise ArtefactRejected(f"{folder.name}: {', '.join(code)} changed since training. Train the model anew.")
    if changed:
        _write(folder, replace(earlier, outputs=written, decisions=decisions, version=version or earlier.version))
    return changed


def sign(
    folder: Path,
    private_key: Path | None,
    *,
    keys: Sequence[TrustedKey] | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> bool:
    """Sign the provenance; whether the folder has a signature that fits it afterwards.

    Without a key, a signature of one of `keys` (default: the project's) that still fits is kept, and any other one is
    removed: a signature that does not fit only misleads. `say` is told what was done. Raises `SettingsInvalid` for a
    key that cannot be used, `ArtefactRejected` where there is no provenance.
    """
    read_provenance(folder)
    content = (folder / PROVENANCE_FILE).read_bytes()
    path = folder / SIGNATURE_FILE
    if private_key is not None:
        signature = signature_of(content, read_private_key(private_key))
        path.write_bytes(signature.written())
        say(f"{folder.name}: signed with the key {signature.key}")
        return True
    if not path.exists():
        say(f"{folder.name}: not signed; sign it with 'chartside models sign'")
        return False
    if _still_fits(path, content, trusted_keys() if keys is None else keys):
        say(f"{folder.name}: the signature still fits and is kept")
        return True
    path.unlink()
    say(f"{folder.name}: the earlier signature does not fit any more and was removed; sign the model anew")
    return False


def _still_fits(path: Path, content: bytes, keys: Sequence[TrustedKey]) -> bool:
    """Whether a signature file is whole and is one of these bytes."""
    try:
        return fits(content, read_signature(path), keys)
    except ArtefactRejected:
        return False


def _write(folder: Path, found: Provenance) -> None:
    """The file, with sorted keys. Floats are written so that they read back the same."""
    content = {
        "format": FORMAT,
        "model": found.model,
        "version": found.version,
        "inputs": dict(found.inputs),
        "code": dict(found.code),
        "parameters": dict(found.parameters),
        "lock": found.lock,
        "python": found.python,
        "seeds": list(found.seeds),
        "outputs": dict(found.outputs),
        "decisions": dict(found.decisions),
    }
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / PROVENANCE_FILE).write_bytes(text.encode())
