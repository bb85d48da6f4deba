"""Reading the `[needs.KEY]` tables of a tree model's manifest: what must be read for it, by prefetch key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from clinical.need import DataNeed, Importance
from clinical.record import Coding
from models.runtime.code_list import codings
from models.runtime.manifest import Kind, Population, Signal
from models.runtime.manifest_parts import PATIENT, loinc, read_importance, stays_need
from models.runtime.toml_table import TomlTable

_TYPES = ("Observation", "Condition", "Encounter", "MedicationRequest", "MedicationStatement", "Procedure")


def read_needs(doc: TomlTable, signals: Mapping[str, Signal], population: Population) -> tuple[DataNeed, ...]:
    """Patient, stays, and per group of data its panels, its codes and those of its signals."""
    needs = [PATIENT, _stays(population)]
    for key, table in doc.tables("needs") if doc.has("needs") else iter(()):
        needs.append(_need(key, table, [s for s in signals.values() if s.need == key], population))
        table.close()
    return tuple(needs)


def _stays(population: Population) -> DataNeed:
    """The stays. Outside hospital it is good to know of one; somebody may well have none."""
    importance = Importance.OPTIONAL if population.kind is Kind.OUTPATIENT else Importance.REQUIRED
    return stays_need(importance, leaving=population.kind is Kind.DISCHARGE)


def _need(key: str, table: TomlTable, signals: list[Signal], population: Population) -> DataNeed:
    resource_type = table.choice("type", _TYPES, default="Observation")
    codes = (*loinc(table.texts_or_none("panels")), *(code for s in signals for code in s.codes), *_codes(table))
    return DataNeed(
        key,
        resource_type,
        codes=tuple(dict.fromkeys(codes)),
        count=table.integer("count"),
        importance=read_importance(table),
        look_back=_look_back(table, signals, population),
        statuses=table.texts_or_none("statuses"),
    )


def _codes(table: TomlTable) -> Iterator[Coding]:
    """Codes by system."""
    if table.has("codes"):
        inner = table.table("codes")
        try:
            yield from codings({system: inner.texts(system) for system in inner.names()})
        except ValueError as error:
            inner.fault(str(error))


def _look_back(table: TomlTable, signals: list[Signal], population: Population) -> timedelta | None:
    """As declared; else, for what is measured, as far back as anything is looked at.

    What was measured before the longest stay that is answered began is never looked at, so it is not searched either.
    """
    if table.has("look_back_days"):
        return timedelta(days=table.number("look_back_days"))
    if not signals:
        return None
    if population.kind is Kind.INTENSIVE_CARE:
        return timedelta(hours=population.to_hour) + population.allowance
    return population.look_back or None
