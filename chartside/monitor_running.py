"""What the monitors need to run, by hand or on a schedule: the ledger, its mart brought up, and the thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from chartside.settings import Settings
from clinical.audit import AuditEvent, AuditKind

if TYPE_CHECKING:
    from oversight.mart.mart import Mart
    from oversight.monitors.thresholds import Thresholds

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The ledger for keeping what was found, and its mart for the questions.

    The mart is opened for no longer than it takes: parts that others take the place of lie there for minutes only.
    """

    engine: Engine
    mart: Mart


@contextmanager
def opened(settings: Settings, folder: Path | None, now: datetime, who: str) -> Iterator[Opened]:
    """Note who reads, and bring the mart up. Raises `ChartsideError`."""
    from chartside.factory import mart_folder  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.audit import SqlAudit  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415

    where = folder or mart_folder(settings)
    engine = open_engine(settings.database_url, create=False, patience=PATIENCE_S)
    try:
        SqlAudit(engine).note(AuditEvent(now, AuditKind.LEDGER_READ, detail=f"monitors, {who}"))
        bring_up(engine, where)
        yield Opened(engine, Mart(where))
    finally:
        engine.dispose()


def thresholds_of(settings: Settings) -> Callable[[str], Thresholds]:
    """The usual thresholds, changed by the manifest of the service's model, where there is one.

    Artefacts are not opened. Raises `ManifestInvalid`.
    """
    from models.runtime.catalogue import read_manifests  # noqa: PLC0415 (imports of seconds, needed here only)
    from models.runtime.manifest_monitoring import monitoring_of  # noqa: PLC0415
    from oversight.monitors.thresholds import USUAL  # noqa: PLC0415

    changes: Mapping[str, Mapping[str, Any]] = {
        name: monitoring_of(manifest.folder / "model.toml")
        for name, manifest in read_manifests(local=settings.local_models).items()
    }
    return lambda service: USUAL.changed(changes.get(service, {}))
