"""How the values of Observations of one shape are read: worked out once, then used for each of them.

Resources of one shape are equal but for leaves that passed their checks (see `shapes`): codes, units and status are
the same, so a plan keeps what follows from these, and only times, numbers and coded answers are read anew. A plan
serves the plain case alone. Whatever departs from it is read the long way (`observations.reported`, `facts.judged`),
which alone sets a fact aside; `tests/fhir_adapters/test_fhir_plans.py` holds the two ways equal.

A plan holds codes, units, a status and the laboratory's reference range, which stand in the shape as they came; never
an id, a time, a measured number, an answer or a reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from clinical.record import Answer, Coding, Observation, Source
from fhir_adapters import decode, observations
from fhir_adapters.facts import Reported, accept, answered
from fhir_adapters.shapes import is_number
from fhir_adapters.times import checked_moment, is_moment
from fhir_adapters.units import Analytes, Conversion

# Plans are kept for as long as their shapes, by the thousand. A panel of three pressures takes some 2 500 bytes; what
# would take more than this is read the long way.
MAX_BYTES = 5_000
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class _Draft:
    """An Observation that can still be written to, as in `models.runtime.attributions`.

    A frozen dataclass sets every field by `object.__setattr__`, which takes four times as long.
    """

    __slots__ = Observation.__slots__


@dataclass(frozen=True, slots=True)
class Number:
    """One value of an Observation: its own (`place` None), or that of a component.

    `convert` is None for a code (`coded`), and for what the rules set aside.
    """

    place: int | None
    suffix: str
    codings: tuple[Coding, ...]
    pairs: frozenset[tuple[str, str]]
    convert: Conversion | None
    unit: str
    reported_unit: str
    reference_range: str = ""
    coded: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How Observations of one shape are read. `when` is the member that holds their time."""

    when: str
    status: str
    numbers: tuple[Number, ...]

    def read(
        self, resource: Mapping[str, Any], name: str, source: Source, wanted: frozenset[tuple[str, str]], now: datetime
    ) -> list[Observation | Answer] | None:
        """The facts with a wanted code, or None if not all of them can be used. `name` is the resource's reference."""
        time = checked_moment(resource[self.when])
        if time is None or time > now:
            return None
        facts: list[Observation | Answer] = []
        for number in self.numbers:
            if wanted.isdisjoint(number.pairs):
                continue
            part = resource if number.place is None else resource["component"][number.place]
            convert = number.convert
            if convert is None:
                answer = self._answer(part, number, name, source, time)
                if answer is None:
                    return None
                facts.append(answer)
                continue
            sent = float(part["valueQuantity"]["value"])
            value = convert(sent)
            if not isfinite(value):
                return None
            draft: Any = _Draft()
            # Every field. Set here and not in a method, which would take half as long again.
            draft.reference = name + number.suffix
            draft.codings = number.codings
            draft.value = value
            draft.unit = number.unit
            draft.time = time
            draft.status = self.status
            draft.source = source
            draft.reported_value = sent
            draft.reported_unit = number.reported_unit
            draft.reference_range = number.reference_range
            draft.__class__ = Observation
            facts.append(draft)
        return facts

    def _answer(
        self, part: Mapping[str, Any], number: Number, name: str, source: Source, time: datetime
    ) -> Answer | None:
        """A coded value, or None for what the rules set aside."""
        said = observations.said(part) if number.coded else None
        if said is None:
            return None
        return Answer(name + number.suffix, number.codings, said.values, said.text, time, self.status, source)


def plan_of(resource: Mapping[str, Any], analytes: Analytes) -> Plan | None:
    """The plan for all valid Observations of this one's shape, or None where there is nothing plain to plan."""
    when = "effectiveInstant" if resource.get("effectiveDateTime") is None else "effectiveDateTime"
    if resource.get("effectivePeriod") is not None or not is_moment(resource.get(when)):
        return None
    if decode.members(resource, "component") != resource.get("component", []):
        return None
    reports = list(observations.reported(resource, "", Source.PREFETCH))
    numbers = tuple(_numbers(resource, reports, analytes))
    if sum(map(_bytes, numbers)) > MAX_BYTES:
        return None
    return Plan(when, decode.text(resource.get("status")), numbers)


def _numbers(resource: Mapping[str, Any], reports: list[Reported], analytes: Analytes) -> Iterator[Number]:
    """What is reported, each with where it stands."""
    for report in reports:
        place = int(report.reference.rpartition("-")[2]) if report.reference else None
        part = resource if place is None else resource["component"][place]
        convert, unit, reported_unit = _conversion(report, part, analytes)
        pairs = frozenset((coding.system, coding.code) for coding in report.codings)
        codings = report.codings if convert is None else analytes.kept(report.codings)
        usual = report.reference_range if convert is not None else ""
        coded = _coded(report, analytes)
        yield Number(place, report.reference, codings, pairs, convert, unit, reported_unit, usual, coded)


def _coded(report: Reported, analytes: Analytes) -> bool:
    """Whether a value here is an answer, and nothing is to be set aside beside it."""
    if report.said is None or analytes.of(report.codings) is not None:
        return False
    return isinstance(answered(replace(report, time=_ANY_TIME), report.said, _ANY_TIME), Answer)


def _conversion(report: Reported, part: Mapping[str, object], analytes: Analytes) -> tuple[Conversion | None, str, str]:
    """How any number here is converted, its unit and the reported unit; none where the rules refuse every number."""
    plain = report.value is not None and is_number(decode.member(part, "valueQuantity", "value"))
    trial = accept(replace(report, value=0.0, time=_ANY_TIME), analytes, _ANY_TIME)
    analyte = analytes.of(report.codings)
    if not plain or analyte is None or not isinstance(trial, Observation):
        return None, "", ""
    convert = analyte.conversion(code=report.unit_code, system=report.unit_system, text=report.unit_text)
    return convert, trial.unit, trial.reported_unit


def _bytes(number: Number) -> int:
    """About how much memory a number takes: its objects, and the text that a sender may make as long as he likes."""
    texts = (
        number.reported_unit,
        number.reference_range,
        *(word for coding in number.codings for word in _words(coding)),
    )
    return 300 + 200 * len(number.codings) + sum(map(len, texts))


def _words(coding: Coding) -> tuple[str, str, str]:
    """The strings of a coding."""
    return coding.system, coding.code, coding.display
