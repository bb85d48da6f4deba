"""What must hold across the parts of a manifest. Every check gives a list of faults in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from models.runtime.derive import KINDS, PAIRED
from models.runtime.features import EVERY_PERSON, feature_names
from models.runtime.manifest import ANY_RECIPE, Derived, Kind, Manifest, PerHour
from models.runtime.manifest_parts import audit_faults, code_faults, id_faults

_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_manifest(manifest: Manifest) -> list[str]:
    """All faults; an empty list if the manifest holds together."""
    checks = (_identity, _population, _minimum, _signals, _codes, _derived, _columns, _tiers, _artefact)
    return [fault for check in checks for fault in check(manifest)]


def _identity(m: Manifest) -> Iterator[str]:
    yield from id_faults(m.info)
    if not 0 < m.info.base_rate < 1:
        yield "artefact.toml: base_rate must lie between 0 and 1"


def _population(m: Manifest) -> Iterator[str]:
    p = m.population
    if p.kind is Kind.INTENSIVE_CARE and not 0 <= p.from_hour < p.to_hour:
        yield "population: from_hour must lie below to_hour"
    if p.kind is Kind.OUTPATIENT and p.look_back.total_seconds() <= 0:
        yield "population: look_back_days must be more than 0"
    if not p.minimum_age <= p.maximum_age:
        yield "population: maximum_age must not lie below minimum_age"
    if not 0 <= p.minimum_age < p.age_cap:
        yield "population: minimum_age must lie below age_cap"
    if any(not p.from_hour <= hour <= p.to_hour for hour in p.landmarks):
        yield "population: landmarks must lie between from_hour and to_hour"
    if p.allowance.total_seconds() < 0:
        yield "population: allowance_hours must not be negative"


def _minimum(m: Manifest) -> Iterator[str]:
    for name in m.minimum.any_of:
        if name not in m.signals:
            yield f"minimum: any_of names {name!r}, which is not a signal"
    for name in m.minimum.required:
        if name not in m.signals:
            yield f"minimum: required names {name!r}, which is not a signal"
    if not min(1, len(m.signals)) <= m.minimum.signals <= len(m.signals):
        yield "minimum: signals must lie between 1 and the number of signals"


def _signals(m: Manifest) -> Iterator[str]:
    keys = {need.key for need in m.needs if need.resource_type == "Observation"}
    for s in m.signals.values():
        if not s.low < s.high:
            yield f"signals.{s.name}: range must rise"
        if s.need not in keys:
            yield f"signals.{s.name}: need {s.need!r} is not declared under needs"
        if len(set(s.take)) != len(s.take):
            yield f"signals.{s.name}: take lists a statistic twice"
        if s.unless and s.unless not in m.signals:
            yield f"signals.{s.name}: unless names {s.unless!r}, which is not a signal"
        if s.per_hour is not PerHour.NEWEST and not m.population.hourly:
            yield f"signals.{s.name}: per_hour needs hourly = true under population"
        yield from audit_faults(f"signals.{s.name}", f"{s.name} {s.label}")


def _codes(m: Manifest) -> Iterator[str]:
    yield from code_faults(m.needs)
    counts = Counter(coding.token for s in m.signals.values() for coding in s.codes)
    for token, count in counts.items():
        if count > 1:
            yield f"signals: {token} stands for {count} signals"


def _derived(m: Manifest) -> Iterator[str]:
    known = set(feature_names(m.signals, {}))
    for d in m.derived.values():
        if d.kind not in KINDS:
            yield f"derived.{d.name}: kind must be one of {', '.join(KINDS)}"
        for operand in (d.top, d.bottom):
            if operand not in (m.signals if d.kind in PAIRED else known):
                yield f"derived.{d.name}: {operand!r} is not known"
        if d.concept not in m.signals and d.concept not in m.derived:
            yield f"derived.{d.name}: concept must be a signal or a derived feature"
        elif d.concept in m.signals and not _of_one_signal(d, m):
            yield f"derived.{d.name}: it rests on more than {d.concept}, so it needs a concept of its own"
        if d.name in m.signals:
            yield f"derived.{d.name}: the name is taken by a signal"


def _of_one_signal(d: Derived, m: Manifest) -> bool:
    """Whether every fact behind it is of its concept; else a value of one signal would be shown as another's."""
    behind = {operand.partition(".")[0] for operand in (d.top, d.bottom)}
    return behind & set(m.signals) == {d.concept}


def _columns(m: Manifest) -> Iterator[str]:
    wrong = set(m.person) - set(EVERY_PERSON)
    if wrong or len(set(m.person)) != len(m.person):
        yield f"person: columns must be some of {', '.join(EVERY_PERSON)}, each once"
    if m.columns and not m.code_digest:
        yield "columns: there must be a features.py that gives them"
    taken = {*feature_names(m.signals, m.derived), *m.signals}
    for c in m.columns.values():
        if c.name in taken:
            yield f"columns.{c.name}: the name is taken"
        yield from audit_faults(f"columns.{c.name}", f"{c.name} {c.label}")


def _tiers(m: Manifest) -> Iterator[str]:
    if not m.tiers or m.tiers[0].at_least != 0:
        yield "tiers: the first tier must start at 0"
    if any(low.at_least >= high.at_least for low, high in pairwise(m.tiers)):
        yield "tiers: at_least must rise from tier to tier"
    if any(not 0 <= tier.at_least < 1 for tier in m.tiers):
        yield "tiers: at_least must lie in [0, 1)"


def _artefact(m: Manifest) -> Iterator[str]:
    if not _SHA256.fullmatch(m.artefact.sha256):
        yield "artefact.toml: sha256 must be 64 hexadecimal digits"
    if not m.artefact_beside_manifest:
        yield "artefact.toml: file must be a plain name, beside model.toml"
    if m.artefact.recipe not in (m.recipe, ANY_RECIPE):
        yield "the feature recipe differs from the one the artefact was trained with; train again"
