"""Reading and checking a `model.toml`: every fault at once, in one `ManifestInvalid`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from clinical.errors import ManifestInvalid
from clinical.need import DataNeed
from models.runtime.aggregate import Take
from models.runtime.check_manifest import check_manifest
from models.runtime.evidence import EVALUATION_FILE, read_evidence
from models.runtime.manifest import ANY_RECIPE, ArtefactEntry, Derived, Manifest, Minimum, Population, Signal
from models.runtime.manifest_parts import ENCOUNTER, PATIENT, loinc, parse, read_info, read_outcome, read_tier
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
    signals = {name: _signal(name, table) for name, table in doc.tables("signals")}
    population = _population(doc.table("population"))
    manifest = Manifest(
        info=read_info(doc, digest=entry.text("sha256"), base_rate=entry.number("base_rate")),
        outcome=read_outcome(doc.table("outcome")),
        population=population,
        minimum=_minimum(doc.table("minimum")),
        signals=signals,
        derived={name: _derived(name, table) for name, table in doc.tables("derived")},
        tiers=tuple(read_tier(row) for row in doc.rows("tiers")),
        needs=_needs(doc, signals, population),
        comparators=doc.texts_or_none("comparators"),
        served=doc.flag("served", default=True),
        artefact=ArtefactEntry(folder, entry.text("file"), entry.text("sha256"), entry.text("recipe")),
    )
    doc.close()
    entry.close()
    return manifest


def _population(table: TomlTable) -> Population:
    population = Population(
        minimum_age=table.integer("minimum_age"),
        age_cap=table.integer("age_cap"),
        from_hour=table.number("from_hour"),
        to_hour=table.number("to_hour"),
        landmarks=table.numbers("landmarks"),
        allowance=timedelta(hours=table.number("allowance_hours")),
    )
    table.close()
    return population


def _minimum(table: TomlTable) -> Minimum:
    minimum = Minimum(
        table.integer("signals"), table.texts("any_of"), table.number("any_of_within_hours"), table.text("source")
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
    )
    if signal.show is not None and signal.show not in signal.take:
        table.fault("show must be one of take")
    table.close()
    return signal


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


def _needs(doc: TomlTable, signals: Mapping[str, Signal], population: Population) -> tuple[DataNeed, ...]:
    """Patient, stays, and per group of observations its panels and the codes of its signals.

    What was measured before the longest stay that is answered began is never looked at, so it is not searched either.
    """
    look_back = timedelta(hours=population.to_hour) + population.allowance
    needs = [PATIENT, ENCOUNTER]
    for key, table in doc.tables("needs"):
        panels = loinc(table.texts_or_none("panels"))
        codes = dict.fromkeys(code for signal in signals.values() if signal.need == key for code in signal.codes)
        needs.append(DataNeed(key, "Observation", (*panels, *codes), table.integer("count"), look_back=look_back))
        table.close()
    return tuple(needs)
