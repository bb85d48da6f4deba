"""Reading and checking a `model.toml`: every fault at once, in one `ManifestInvalid`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from clinical.errors import ManifestInvalid
from models.runtime.aggregate import Take
from models.runtime.check_manifest import check_manifest
from models.runtime.columns import CODE_FILE
from models.runtime.evidence import EVALUATION_FILE, read_evidence
from models.runtime.folder_code import NOT_BOUND, update_with
from models.runtime.manifest import (
    ANY_RECIPE,
    OLDEST,
    PERSON,
    ArtefactEntry,
    Column,
    Derived,
    Kind,
    Manifest,
    Minimum,
    Modifiable,
    PerHour,
    Population,
    Signal,
)
from models.runtime.manifest_parts import loinc, parse, read_info, read_outcome, read_tier
from models.runtime.read_needs import read_needs
from models.runtime.toml_table import TomlTable

DIRECTIONS = {"up": 1, "down": -1}
ARTEFACT_ENTRY = "artefact.toml"


def read_manifest(path: Path) -> Manifest:
    """Read `model.toml` and what training wrote beside it: `artefact.toml` and, if it is there, `evaluation.json`.

    Raises `ManifestInvalid`.
    """
    unreadable: list[str] = []
    entry = parse(path.with_name(ARTEFACT_ENTRY), unreadable)
    contradictions: list[str] = []
    evidence = read_evidence(path.with_name(EVALUATION_FILE), entry.get("sha256"), contradictions)
    manifest = _checked(path, entry, unreadable, contradictions)
    if evidence is None:
        return manifest
    return replace(manifest, evidence=evidence, info=replace(manifest.info, validation=evidence.validation))


def read_untrained(path: Path) -> Manifest:
    """Read `model.toml` before there is an artefact: everything is checked but the artefact. For training only."""
    entry = {"file": "untrained", "sha256": "0" * 64, "recipe": ANY_RECIPE, "base_rate": 0.5}
    return _checked(path, entry, [], [])


def _checked(path: Path, entry: Mapping[str, object], unreadable: list[str], contradictions: list[str]) -> Manifest:
    """The manifest, if nothing is wrong. What is in a file is looked at only if both files could be read."""
    faults = list(unreadable)
    document = parse(path, faults)
    if not faults:
        manifest = _manifest(TomlTable(document, "", faults), TomlTable(entry, ARTEFACT_ENTRY, faults), path.parent)
        faults += check_manifest(manifest)
    faults += contradictions
    if faults:
        raise ManifestInvalid(f"{path}: " + "; ".join(faults))
    return manifest


def _manifest(doc: TomlTable, entry: TomlTable, folder: Path) -> Manifest:
    signals = {name: _signal(name, table) for name, table in _tables(doc, "signals")}
    population = _population(doc.table("population"))
    manifest = Manifest(
        info=read_info(doc, digest=entry.text("sha256"), base_rate=entry.number("base_rate")),
        outcome=read_outcome(doc.table("outcome")),
        population=population,
        minimum=_minimum(doc.table("minimum")),
        signals=signals,
        derived={name: _derived(name, table) for name, table in _tables(doc, "derived")},
        tiers=tuple(read_tier(row) for row in doc.rows("tiers")),
        needs=read_needs(doc, signals, population),
        comparators=doc.texts_or_none("comparators"),
        served=doc.flag("served", default=True),
        artefact=ArtefactEntry(folder, entry.text("file"), entry.text("sha256"), entry.text("recipe")),
        person=_person(doc),
        columns={name: _column(name, table) for name, table in _tables(doc, "columns")},
        code_digest=_code_digest(folder),
    )
    doc.close()
    entry.close()
    return manifest


def _tables(doc: TomlTable, key: str) -> Iterator[tuple[str, TomlTable]]:
    """Tables within a table that need not be there."""
    return doc.tables(key) if doc.has(key) else iter(())


def _person(doc: TomlTable) -> tuple[str, ...]:
    if not doc.has("person"):
        return PERSON
    table = doc.table("person")
    columns = table.texts("columns")
    table.close()
    return columns


def _column(name: str, table: TomlTable) -> Column:
    label = table.text("label")
    column = Column(
        name=name,
        label=label,
        concept=table.text_or("concept", name),
        concept_label=table.text_or("concept_label", label),
        unit=table.text("unit"),
        direction=_direction(table),
        rests_on=_rests_on(table),
    )
    table.close()
    return column


def _code_digest(folder: Path) -> str:
    """SHA-256 of `features.py` and of the code beside it that it may import; empty without a `features.py`."""
    if not (folder / CODE_FILE).is_file():
        return ""
    digest = hashlib.sha256()
    update_with(digest, (path for path in sorted(folder.glob("*.py")) if path.name not in NOT_BOUND))
    return digest.hexdigest()


def _population(table: TomlTable) -> Population:
    kind = Kind(table.choice("kind", [one.value for one in Kind], default=Kind.INTENSIVE_CARE.value))
    staying = kind is Kind.INTENSIVE_CARE
    population = Population(
        minimum_age=table.integer("minimum_age"),
        age_cap=table.integer("age_cap"),
        maximum_age=table.integer("maximum_age") if table.has("maximum_age") else OLDEST,
        kind=kind,
        from_hour=table.number("from_hour") if staying else 0.0,
        to_hour=table.number("to_hour") if staying else 0.0,
        landmarks=table.numbers("landmarks") if staying and table.has("landmarks") else (),
        allowance=timedelta(hours=table.number("allowance_hours") if kind is not Kind.OUTPATIENT else 0.0),
        look_back=timedelta(days=table.number("look_back_days") if kind is Kind.OUTPATIENT else 0.0),
        hourly=table.flag("hourly", default=False),
    )
    table.close()
    return population


def _minimum(table: TomlTable) -> Minimum:
    minimum = Minimum(
        signals=table.integer("signals"),
        any_of=table.texts_or_none("any_of") if table.has("any_of") else (),
        hours=table.number("any_of_within_hours") if table.has("any_of_within_hours") else 0.0,
        source=table.text("source"),
        required=table.texts_or_none("required"),
    )
    table.close()
    return minimum


def _signal(name: str, table: TomlTable) -> Signal:
    low, high = table.span("range")
    signal = Signal(
        name=name,
        label=table.text("label"),
        need=table.text("need"),
        codes=loinc(table.texts("codes")),
        unit=table.text("unit"),
        low=low,
        high=high,
        source=table.text("source"),
        take=_takes(table),
        direction=_direction(table),
        show=_show(table),
        show_unit=table.text_or("show_unit", ""),
        unless=table.text_or("unless", ""),
        per_hour=PerHour(table.choice("per_hour", [one.value for one in PerHour], default=PerHour.NEWEST.value)),
        modifiable=_modifiable(table),
    )
    if signal.modifiable is not None and signal.per_hour is PerHour.SUM:
        table.fault("the latest value of a signal that is added up by the hour says nothing, so it is not modifiable")
    if signal.show is not None and signal.show not in signal.take:
        table.fault("show must be one of take")
    table.close()
    return signal


def _modifiable(table: TomlTable) -> Modifiable | None:
    """`{ low, high, step }` within the plausible range, where treatment changes the signal."""
    if not table.has("modifiable"):
        return None
    own = table.table("modifiable")
    found = Modifiable(own.number("low"), own.number("high"), own.number("step"))
    own.close()
    lowest, highest = table.span("range")
    if not lowest <= found.low < found.high <= highest:
        table.fault("modifiable must rise, within range")
    if not 0 < found.step <= found.high - found.low:
        table.fault("the step of modifiable must be more than 0 and no longer than its way")
    return found


def _rests_on(table: TomlTable) -> tuple[str, ...] | None:
    """Names of signals, `["nothing"]` for none of them, and None where the key is not there."""
    if not table.has("rests_on"):
        return None
    names = table.texts("rests_on")
    return () if names == ("nothing",) else names


def _direction(table: TomlTable) -> int:
    """1, -1, or 0 where none is declared."""
    if not table.has("direction"):
        return 0
    text = table.text("direction")
    if text not in DIRECTIONS:
        table.fault(f"direction must be one of {', '.join(DIRECTIONS)}")
    return DIRECTIONS.get(text, 0)


def _show(table: TomlTable) -> Take | None:
    """The statistic to show, if one is declared."""
    if not table.has("show"):
        return None
    try:
        return Take.parse(table.text("show"))
    except ValueError as error:
        table.fault(str(error))
        return None


def _takes(table: TomlTable) -> tuple[Take, ...]:
    takes = []
    for text in table.texts("take"):
        try:
            takes.append(Take.parse(text))
        except ValueError as error:
            table.fault(str(error))
    return tuple(takes)


def _derived(name: str, table: TomlTable) -> Derived:
    derived = Derived(
        name=name,
        label=table.text("label"),
        concept=table.text("concept"),
        kind=table.text("kind"),
        top=table.text("top"),
        bottom=table.text("bottom"),
        scale=table.number("scale"),
        unit=table.text("unit"),
        direction=_direction(table),
    )
    table.close()
    return derived
