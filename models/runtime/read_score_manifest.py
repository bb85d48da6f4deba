"""Reading and checking a `model.toml` of the kind "score": every fault at once, in one `ManifestInvalid`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from clinical.errors import ManifestInvalid
from clinical.need import DataNeed, Importance
from clinical.record import Coding
from models.runtime.check_score_manifest import check_score_manifest
from models.runtime.manifest import OLDEST
from models.runtime.manifest_parts import (
    PATIENT,
    loinc,
    parse,
    read_importance,
    read_info,
    read_outcome,
    read_tier,
    stays_need,
)
from models.runtime.read_inputs import read_input
from models.runtime.score_code import code_digest
from models.runtime.score_inputs import Answered, AnyInput, Diagnosed, Measured, Medicated, Performed, Stayed, Visits
from models.runtime.score_manifest import Answers, Least, Scale, ScoreManifest, ScorePopulation, Setting
from models.runtime.toml_table import TomlTable

KIND = "score"
# What an input of each kind looks for.
_TYPES: dict[type, str] = {
    Measured: "Observation",
    Answered: "Observation",
    Diagnosed: "Condition",
    Medicated: "MedicationRequest",
    Performed: "Procedure",
    Visits: "Encounter",
}
# An order on hold, or of unknown state, may be in use; without it nobody would know that nobody can say.
_IN_USE = ("active", "on-hold", "unknown")
_LONG_STAY = timedelta(days=90)


def read_score_manifest(path: Path) -> ScoreManifest:
    """Read `model.toml`. Raises `ManifestInvalid`, also where `score.py` or a formula cannot be read."""
    faults: list[str] = []
    document = parse(path, faults)
    if not faults:
        manifest = _manifest(TomlTable(document, "", faults), path)
        faults += check_score_manifest(manifest)
    if faults:
        raise ManifestInvalid(f"{path}: " + "; ".join(faults))
    return manifest


def _manifest(doc: TomlTable, path: Path) -> ScoreManifest:
    doc.choice("kind", (KIND,))
    inputs = {name: read_input(name, table) for name, table in doc.tables("inputs")}
    population = _population(doc.table("population"))
    manifest = ScoreManifest(
        info=read_info(doc, digest=code_digest(path), base_rate=0.0, validation=doc.text("source")),
        outcome=read_outcome(doc.table("outcome")),
        population=population,
        least=_least(doc.table("minimum")),
        scale=_scale(doc),
        inputs=inputs,
        items=_items(doc),
        tiers=tuple(read_tier(row) for row in doc.rows("tiers")),
        needs=_needs(doc, inputs, population),
        served=doc.flag("served"),
        folder=path.parent,
        draft=doc.text("draft") if doc.has("draft") else "",
    )
    doc.close()
    return manifest


def _population(table: TomlTable) -> ScorePopulation:
    population = ScorePopulation(
        minimum_age=table.integer("minimum_age"),
        maximum_age=table.integer("maximum_age") if table.has("maximum_age") else OLDEST,
        setting=Setting(table.choice("setting", [one.value for one in Setting])),
        only_with=table.texts_or_none("only_with"),
        not_with=table.texts_or_none("not_with"),
        not_with_recorded=table.texts_or_none("not_with_recorded"),
        in_doubt_with=table.texts_or_none("in_doubt_with"),
    )
    table.close()
    return population


def _items(doc: TomlTable) -> Mapping[str, str]:
    table = doc.table("items") if doc.has("items") else None
    return {} if table is None else {name: table.text(name) for name in table.names()}


def _least(table: TomlTable) -> Least:
    least = Least(table.integer("items"), table.text("source"))
    table.close()
    return least


def _scale(doc: TomlTable) -> Scale:
    return Scale(
        answers=Answers(doc.choice("answers", [one.value for one in Answers])),
        unit=doc.text("unit"),
        falling=doc.flag("falling", default=False),
        decimals=doc.integer("decimals") if doc.has("decimals") else None,
        by_band=doc.choice("tiers_by", ("level", "band"), default="level") == "band",
    )


def _needs(doc: TomlTable, inputs: Mapping[str, AnyInput], population: ScorePopulation) -> tuple[DataNeed, ...]:
    """The patient; the stays under way where they matter; and what the inputs look for, by key."""
    here = population.setting is not Setting.ANY or any(isinstance(one, Stayed | Visits) for one in inputs.values())
    needs = [PATIENT, _place_need(population)] if here else [PATIENT]
    tables = dict(doc.tables("needs")) if doc.has("needs") else {}
    for key, table in tables.items():
        needs.append(_need(key, table, [one for one in inputs.values() if one.need == key]))
        table.close()
    for key in sorted({one.need for one in inputs.values()} - {"", *tables}):
        doc.fault(f"needs: {key} is used by an input and not declared")
    return tuple(needs)


def _place_need(population: ScorePopulation) -> DataNeed:
    """Without the stays nobody can say that somebody is in hospital; that somebody is not, is taken in doubt."""
    anywhere = population.setting in (Setting.ANY, Setting.OUTPATIENT)
    importance = Importance.OPTIONAL if anywhere else Importance.REQUIRED
    return stays_need(importance, leaving=population.setting is Setting.DISCHARGE)


def _need(key: str, table: TomlTable, inputs: list[AnyInput]) -> DataNeed:
    """One need: its panels, the codes of its inputs, and as far back as the input that looks back furthest."""
    types = {_TYPES[type(one)] for one in inputs} or {""}
    if len(types) != 1 or not inputs:
        table.fault("it must be used by inputs, all of which look for the same kind of data")
    resource_type = min(types)
    return DataNeed(
        key,
        resource_type,
        codes=tuple(dict.fromkeys((*loinc(table.texts_or_none("panels")), *_codes(inputs)))),
        count=table.integer("count"),
        importance=read_importance(table),
        look_back=timedelta(days=table.number("look_back_days")) if table.has("look_back_days") else _look_back(inputs),
        statuses=table.texts_or_none("statuses") or (_IN_USE if resource_type == "MedicationRequest" else ()),
    )


def _codes(inputs: Iterable[AnyInput]) -> Iterable[Coding]:
    """Diagnoses and medicines are read whole: FHIR cannot search for branches, nor for names."""
    for one in inputs:
        if isinstance(one, Measured):
            yield from one.signal.codes
        elif isinstance(one, Answered):
            yield from one.codes


def _look_back(inputs: Iterable[AnyInput]) -> timedelta | None:
    """None where all of the past counts. Visits are counted back from the start of the stay, not from now."""
    spans = [one.window for one in inputs if isinstance(one, Measured | Answered | Performed)]
    spans += [one.window + _LONG_STAY for one in inputs if isinstance(one, Visits)]
    return max(spans, default=None)
