"""One assessment, put together again: its row, and the columns that change with the latest values of some signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import floor, isnan, nan

import numpy as np

from clinical.assessment import RiskAssessment
from clinical.what_if import ModifiableInput, Withheld
from models.runtime.artefact import Artefact
from models.runtime.features import Vector
from models.runtime.manifest import Manifest, Signal
from models.runtime.what_if_columns import Columns
from models.runtime.what_if_program import Expression
from models.runtime.what_if_series import Entry, Knowledge

# How far a program may miss a column at the values that were measured: a digit or two of a float32.
CLOSE = 1e-6
_NOT_NEWEST = "the model was not told when it was last measured"
_UNUSUAL = "the latest value lies outside what the model saw in training"
_NOT_EXPRESSED = "what the model would see cannot be worked out from what was stored"


@dataclass(frozen=True, slots=True)
class Case:
    """`row` (n,) is what the model saw; `program` has the columns, by place, that change with the `inputs`."""

    row: Vector
    knowledge: Knowledge
    inputs: Mapping[str, ModifiableInput]
    program: Mapping[int, Expression]
    withheld: tuple[Withheld, ...]

    def changed(self, values: Mapping[str, float]) -> tuple[Vector, frozenset[int]]:
        """The row if some inputs had other latest values, rounded like every row, and the places that it touches.

        What is as it was measured touches nothing.
        """
        others = {name: value for name, value in values.items() if value != self.inputs[name].value}
        latest = {name: others.get(name, one.value) for name, one in self.inputs.items()}
        touched = {place: one for place, one in self.program.items() if one.signals & others.keys()}
        return _filled(self.row, touched, latest), frozenset(touched)


def _filled(row: Vector, program: Mapping[int, Expression], latest: Mapping[str, float]) -> Vector:
    found = row.copy()
    for place, expression in program.items():
        found[place] = expression.value(latest)
    return found


def row_of(finding: RiskAssessment, features: Iterable[str], used: frozenset[str]) -> Vector | None:
    """The row out of the attributions. Those without any effect were left out: none of them may be one of `used`."""
    values = {a.feature: nan if a.value is None else a.value for a in finding.explanation.attributions}
    names = tuple(features)
    if not used <= values.keys() or not values.keys() <= set(names):
        return None
    return np.array([values.get(name, nan) for name in names], dtype=np.float32)


def case_of(finding: RiskAssessment, manifest: Manifest, artefact: Artefact, row: Vector, used: frozenset[str]) -> Case:
    """What may be asked about an assessment; an input of which a column cannot be told is withheld."""
    knowledge = Knowledge(manifest, finding)
    place = {name: i for i, name in enumerate(artefact.features)}
    by_name = dict(zip(artefact.features, row.tolist(), strict=True))
    columns = Columns(manifest, knowledge, by_name, appended=False)
    inputs: dict[str, ModifiableInput] = {}
    withheld: list[Withheld] = []
    for signal in manifest.signals.values():
        known = knowledge.known[signal.name]
        if signal.modifiable is None or not known.entries:
            continue
        newest = known.newest
        offered = None if newest is None else _input(signal, newest, artefact, place, used)
        if newest is None or offered is None:
            withheld.append(Withheld(signal.label, _NOT_NEWEST if newest is None else _UNUSUAL))
            continue
        own = {n: one for n, one in columns.all(frozenset({signal.name})) if n in used}
        if all(_gives(one, by_name[n], {signal.name: newest.value}) for n, one in own.items()):
            inputs[signal.name] = offered
        else:
            withheld.append(Withheld(signal.label, _NOT_EXPRESSED))
    together = columns.all(frozenset(inputs))
    program = {place[n]: one for n, one in together if n in used and one is not None and one.signals}
    return Case(row, knowledge, inputs, program, tuple(withheld))


def _gives(expression: Expression | None, stored: float, latest: Mapping[str, float]) -> bool:
    """Whether a program gives what was stored at the value that was measured."""
    if expression is None:
        return False
    found = expression.value(latest)
    return (isnan(found) and isnan(stored)) or abs(found - stored) <= CLOSE * max(1.0, abs(stored))


def _input(
    signal: Signal, newest: Entry, artefact: Artefact, place: Mapping[str, int], used: frozenset[str]
) -> ModifiableInput | None:
    """Within what training saw of every level of the signal; None where the latest value is not."""
    asked = signal.modifiable
    names = [f"{signal.name}.{take.statistic}" for take in signal.take if take.hours is None]
    levels = [place[n] for n in names if n in used and n.rpartition(".")[2] in ("last", "min", "max", "mean")]
    if asked is None or not levels:
        return None
    lowest, highest = float(artefact.lowest[levels].min()), float(artefact.highest[levels].max())
    if not lowest <= newest.value <= highest:
        return None
    low, high = min(max(asked.low, lowest), newest.value), max(min(asked.high, highest), newest.value)
    # A whole number of steps from the latest value: a slider knows no other.
    down, up = floor((newest.value - low) / asked.step + 1e-9), floor((high - newest.value) / asked.step + 1e-9)
    return ModifiableInput(
        name=signal.name,
        label=signal.label,
        unit=signal.unit,
        value=newest.value,
        time=newest.fact.time,
        low=round(newest.value - down * asked.step, 9),
        high=round(newest.value + up * asked.step, 9),
        step=asked.step,
    )
