"""Reading the `[inputs.NAME]` tables of a score's manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from models.runtime.code_list import SYSTEMS, CodeList, code_list, codings
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
_AGES = {"age": "a", "sex": "1"}


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
    )


def _diagnosed(table: TomlTable, common: dict[str, Any]) -> Diagnosed:
    need, active_only = table.text_or("need", "conditions"), table.flag("active_only", default=False)
    return Diagnosed(**common, need=need, codes=_tried(table, code_list, CodeList()), active_only=active_only)


def _medicated(table: TomlTable, common: dict[str, Any]) -> Medicated:
    names = frozenset(name.lower() for name in table.texts_or_none("names"))
    need, in_stay = table.text_or("need", "medications"), table.flag("in_stay", default=False)
    codes = _tried(table, code_list, CodeList())
    return Medicated(**common, need=need, codes=codes, names=names, in_stay=in_stay)


def _performed(table: TomlTable, common: dict[str, Any]) -> Performed:
    codes = _tried(table, code_list, CodeList())
    return Performed(
        **common, need=table.text_or("need", "procedures"), unit="{count}", codes=codes, window=_window(table)
    )


def _visits(table: TomlTable, common: dict[str, Any]) -> Visits:
    return Visits(
        **common,
        need=table.text_or("need", "encounters"),
        unit="{count}",
        classes=frozenset(table.texts("classes")),
        window=timedelta(days=table.number("within_days")),
        skip=timedelta(hours=table.number("skip_hours")),
    )


def _stayed(table: TomlTable, common: dict[str, Any]) -> Stayed:
    what = table.choice("take", STAYED)
    values = {} if what == "days" else _values(table)
    return Stayed(**common, unit="d" if what == "days" else "1", what=what, values=values)


def _personal(table: TomlTable, common: dict[str, Any]) -> Personal:
    what = table.choice("take", PERSONAL)
    return Personal(**common, unit=_AGES[what], what=what)


def _window(table: TomlTable) -> timedelta:
    """How far back a fact may lie: hours or days, one of the two."""
    if table.has("within_hours") == table.has("within_days"):
        table.fault("either within_hours or within_days must be there")
    if table.has("within_hours"):
        return timedelta(hours=table.number("within_hours"))
    return timedelta(days=table.number("within_days")) if table.has("within_days") else timedelta()


def _tried(table: TomlTable, read: Callable[[Mapping[str, tuple[str, ...]]], _T], nothing: _T) -> _T:
    """Codes by system, as `read` makes them; a fault is noted."""
    inner = table.table("codes")
    written = {system: inner.texts(system) for system in inner.names()}
    if not written:
        table.fault("codes must name a code")
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
