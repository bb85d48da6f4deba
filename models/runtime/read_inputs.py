"""Reading the `[inputs.NAME]` tables of a score's manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from models.runtime.code_list import SYSTEMS, CodeList, code_list, codings, open_branches
from models.runtime.manifest import Signal
from models.runtime.manifest_parts import loinc
from models.runtime.score_inputs import (
    PERSONAL,
    PICKS,
    STAYED,
    Answered,
    AnyInput,
    Diagnosed,
    Measured,
    Medicated,
    Paired,
    Performed,
    Personal,
    Stayed,
    Visits,
)
from models.runtime.toml_table import TomlTable

_T = TypeVar("_T")
_UNITS = {"age": "a", "sex": "1"}


def read_input(name: str, table: TomlTable) -> AnyInput:
    """One input of the kind that it names; faults go to the table."""
    kind = table.choice("kind", tuple(_READERS))
    one = _READERS[kind](table, _common(name, table))
    table.close()
    return one


def _common(name: str, table: TomlTable) -> dict[str, Any]:
    """What inputs of all kinds have."""
    return {
        "name": name,
        "label": table.text("label"),
        "item": table.text_or("item", name),
        "required": table.flag("required", default=False),
        "unless": table.text_or("unless", ""),
        "together_with": table.text_or("together_with", ""),
        "same_within": timedelta(hours=table.number("same_within_hours") if table.has("same_within_hours") else 0),
        "helper": table.flag("helper", default=False),
    }


def _measured(table: TomlTable, common: dict[str, Any]) -> Measured:
    low, high = table.span("range")
    signal = Signal(
        name=common["name"],
        label=common["label"],
        need=table.text("need"),
        codes=loinc(table.texts("codes")),
        unit=table.text("unit"),
        low=low,
        high=high,
        source=table.text("source"),
        take=(),
    )
    return Measured(
        **common,
        need=signal.need,
        unit=signal.unit,
        signal=signal,
        window=_window(table),
        pick=table.choice("take", PICKS),
        domain=table.span("domain") if table.has("domain") else None,
    )


def _paired(table: TomlTable, common: dict[str, Any]) -> Paired:
    return Paired(
        **common,
        unit=table.text("unit"),
        top=table.text("top"),
        bottom=table.text("bottom"),
        scale=table.number("scale"),
        pick=table.choice("take", PICKS[:2]),
    )


def _answered(table: TomlTable, common: dict[str, Any]) -> Answered:
    return Answered(
        **common,
        need=table.text_or("need", "answers"),
        codes=_tried(table, codings, ()),
        values=_values(table),
        window=_window(table),
        otherwise=table.number("otherwise") if table.has("otherwise") else None,
        holds=timedelta(days=table.number("holds_days")) if table.has("holds_days") else None,
    )


def _diagnosed(table: TomlTable, common: dict[str, Any]) -> Diagnosed:
    none: Mapping[str, tuple[str, ...]] = {}
    left_open = _tried(table, open_branches, none, "open_codes") if table.has("open_codes") else none
    return Diagnosed(
        **common,
        need=table.text_or("need", "conditions"),
        codes=replace(_tried(table, code_list, CodeList()), open=left_open),
        active_only=table.flag("active_only", default=False),
        window=_window(table) if _has_window(table) else None,
        female_until=table.integer("female_until") if table.has("female_until") else None,
    )


def _medicated(table: TomlTable, common: dict[str, Any]) -> Medicated:
    return Medicated(
        **common,
        need=table.text_or("need", "medications"),
        codes=_tried(table, code_list, CodeList()),
        names=_words(table, "names"),
        except_words=_words(table, "except_words"),
        all_names=table.flag("all_names", default=False),
        in_stay=table.flag("in_stay", default=False),
        window=_window(table) if _has_window(table) else None,
    )


def _performed(table: TomlTable, common: dict[str, Any]) -> Performed:
    hours = table.choice("take", ("count", "hours"), default="count") == "hours"
    return Performed(
        **common,
        need=table.text_or("need", "procedures"),
        unit="h" if hours else "{count}",
        codes=_tried(table, code_list, CodeList()),
        window=_window(table),
        takes_hours=hours,
        until=table.text_or("until", ""),
        names=_words(table, "names"),
        enough=table.number("enough") if table.has("enough") else None,
        others=_tried(table, code_list, CodeList(), "other_codes") if table.has("other_codes") else CodeList(),
    )


def _words(table: TomlTable, key: str) -> frozenset[str]:
    """Words, or parts of words, in small letters."""
    return frozenset(word.lower() for word in table.texts_or_none(key))


def _visits(table: TomlTable, common: dict[str, Any]) -> Visits:
    return Visits(
        **common,
        need=table.text_or("need", "encounters"),
        unit="{count}",
        classes=frozenset(table.texts("classes")),
        window=timedelta(days=table.number("within_days")),
        skip=timedelta(hours=table.number("skip_hours")),
        most=table.choice("take", ("least", "most"), default="least") == "most",
    )


def _stayed(table: TomlTable, common: dict[str, Any]) -> Stayed:
    what = table.choice("take", STAYED)
    days = what.startswith("days")
    return Stayed(**common, unit="d" if days else "1", what=what, values={} if days else _values(table))


def _personal(table: TomlTable, common: dict[str, Any]) -> Personal:
    what = table.choice("take", PERSONAL)
    return Personal(**common, unit=_UNITS[what], what=what)


def _has_window(table: TomlTable) -> bool:
    """Whether it says how far back a fact may lie."""
    return table.has("within_hours") or table.has("within_days")


def _window(table: TomlTable) -> timedelta:
    """How far back a fact may lie: hours or days, one of the two."""
    if table.has("within_hours") == table.has("within_days"):
        table.fault("either within_hours or within_days must be there")
    if table.has("within_hours"):
        return timedelta(hours=table.number("within_hours"))
    return timedelta(days=table.number("within_days")) if table.has("within_days") else timedelta()


def _tried(
    table: TomlTable, read: Callable[[Mapping[str, tuple[str, ...]]], _T], nothing: _T, key: str = "codes"
) -> _T:
    """Codes by system, as `read` makes them; a fault is noted."""
    inner = table.table(key)
    written = {system: inner.texts(system) for system in inner.names()}
    if not written:
        table.fault(f"{key} must name a code")
    try:
        return read(written)
    except ValueError as error:
        inner.fault(str(error))
        return nothing


def _values(table: TomlTable) -> dict[tuple[str, str], float]:
    """The table from codes to numbers: `"snomed|266919005" = 0`."""
    inner = table.table("values")
    found: dict[tuple[str, str], float] = {}
    for token in inner.names():
        system, bar, code = token.rpartition("|")
        if not bar:
            inner.fault(f"{token} must read system|code")
        for name in SYSTEMS.get(system, (system,)):
            found[name, code] = inner.number(token)
    if not found:
        inner.fault("there is none")
    return found


_READERS: dict[str, Callable[[TomlTable, dict[str, Any]], AnyInput]] = {
    "measured": _measured,
    "paired": _paired,
    "answer": _answered,
    "condition": _diagnosed,
    "medicine": _medicated,
    "procedure": _performed,
    "encounters": _visits,
    "stay": _stayed,
    "person": _personal,
}
