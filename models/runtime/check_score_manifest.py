"""What must hold across the parts of a score's manifest. Every check gives a list of faults in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from models.runtime.manifest import OLDEST
from models.runtime.manifest_parts import audit_faults, code_faults, id_faults
from models.runtime.score_inputs import Diagnosed, Measured, Paired, Performed, Personal, Stayed
from models.runtime.score_manifest import Answers, ScoreManifest


def check_score_manifest(manifest: ScoreManifest) -> list[str]:
    """All faults; an empty list if the manifest holds together."""
    checks = (_identity, _population, _minimum, _names, _measured, _paired, _windows, _codes, _scale, _tiers)
    return [fault for check in checks for fault in check(manifest)]


def _identity(m: ScoreManifest) -> Iterator[str]:
    yield from id_faults(m.info)


def _population(m: ScoreManifest) -> Iterator[str]:
    p = m.population
    if not 0 <= p.minimum_age <= p.maximum_age <= OLDEST:
        yield f"population: minimum_age and maximum_age must rise within 0 to {OLDEST}"
    for name in (*p.only_with, *p.not_with, *p.not_with_recorded, *p.in_doubt_with):
        if not isinstance(m.inputs.get(name), Diagnosed):
            yield f"population: {name!r} is not an input of the kind condition"


def _minimum(m: ScoreManifest) -> Iterator[str]:
    """Without a least, a score of an empty record would be 0, which reads as "well"."""
    if not 1 <= m.least.items <= len(m.labels):
        yield "minimum: items must lie between 1 and the number of items"


def _names(m: ScoreManifest) -> Iterator[str]:
    for name in set(m.items) - set(m.labels):
        yield f"items: {name!r} is fed by no input"
    for one in m.inputs.values():
        if one.unless and (one.unless not in m.inputs or m.inputs[one.unless].unless):
            yield f"inputs.{one.name}: unless must name an input that is used beside any other"
        other = m.inputs.get(one.together_with)
        if one.together_with and (other is None or other.together_with or not one.unless or other.unless != one.unless):
            yield f"inputs.{one.name}: together_with must name an input that stands in for the same one"
        if one.same_within < timedelta() or (one.same_within and not one.unless):
            yield f"inputs.{one.name}: same_within_hours must be positive, beside unless"
        if one.helper and (one.required or one.item != one.name):
            yield f"inputs.{one.name}: a helper feeds no item and cannot be required"
        yield from audit_faults(f"inputs.{one.name}", f"{one.name} {one.item} {one.label}")


def _measured(m: ScoreManifest) -> Iterator[str]:
    for name, s in m.signals.items():
        if not s.low < s.high:
            yield f"inputs.{name}: range must rise"
        one = m.inputs[name]
        domain = one.domain if isinstance(one, Measured) else None
        if domain is not None and not domain[0] < domain[1]:
            yield f"inputs.{name}: domain must rise"


def _paired(m: ScoreManifest) -> Iterator[str]:
    for one in m.inputs.values():
        if isinstance(one, Paired):
            for part in (one.top, one.bottom):
                if part not in m.signals:
                    yield f"inputs.{one.name}: {part!r} is not measured"
            if one.bottom in m.signals and m.signals[one.bottom].low <= 0:
                yield f"inputs.{one.name}: the range of {one.bottom!r} must lie above 0"


def _windows(m: ScoreManifest) -> Iterator[str]:
    for one in m.inputs.values():
        if isinstance(one, Paired | Stayed | Personal):
            continue
        if one.window is not None and one.window <= timedelta():
            yield f"inputs.{one.name}: the time to look back must be positive"
        if isinstance(one, Performed) and one.until and one.until not in m.signals:
            yield f"inputs.{one.name}: until must name what is measured"


def _codes(m: ScoreManifest) -> Iterator[str]:
    yield from code_faults(m.needs)
    counts = Counter(coding.token for s in m.signals.values() for coding in s.codes)
    for token, count in counts.items():
        if count > 1:
            yield f"inputs: {token} stands for {count} measured inputs"


def _scale(m: ScoreManifest) -> Iterator[str]:
    if m.scale.answers is Answers.PROBABILITY and (m.scale.falling or m.scale.by_band):
        yield "a probability neither falls nor has bands of its own"


def _tiers(m: ScoreManifest) -> Iterator[str]:
    levels = [tier.at_least for tier in m.tiers]
    if m.scale.falling:
        if not levels or levels[0] >= 0:
            yield "tiers: the first tier of a falling score must start at its highest value, with the sign turned"
    elif not levels or levels[0] != 0:
        yield "tiers: the first tier must start at 0"
    if any(low >= high for low, high in pairwise(levels)):
        yield "tiers: at_least must rise from tier to tier"
    if m.scale.answers is Answers.PROBABILITY and any(not 0 <= level < 1 for level in levels):
        yield "tiers: at_least must lie in [0, 1)"
    if len({tier.name for tier in m.tiers}) < len(levels):
        yield "tiers: each must have a name of its own"
