"""Which columns moved: one family of tests over all columns, and an alarm only where the move is also large.

With a million rows every harmless wobble is "significant", with few rows large effects come by chance. So a column is
watched or raises the alarm only if its p-value survives false-discovery control over the whole family *and* its effect
size passes the threshold. Of a PSI only what is beyond that which chance alone brings to samples of these sizes counts.
A missing share raises the alarm only if the near end of its interval passes the threshold to watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from oversight.statistics.discovery import benjamini_hochberg
from oversight.statistics.drift_categories import CategoryDrift
from oversight.statistics.drift_numeric import MissingChange, NumericDrift
from oversight.statistics.refused import Refused
from oversight.statistics.two_sample import JointDrift

FALSE_DISCOVERIES = 0.05
JOINT = "all columns together"


class Level(StrEnum):
    """How loud a finding is."""

    NONE = "none"
    WATCH = "watch"
    ALARM = "alarm"


class Measure(StrEnum):
    """What moved."""

    DISTRIBUTION = "distribution"
    MISSING = "missing share"
    NOVELTY = "new categories"
    JOINT = "joint distribution"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which effect on to watch, and from which to raise the alarm: (watch, alarm).

    PSI .1 and .25 are convention, from credit scoring; no study shows that they are right for a clinical feature. The
    others are ours: the absolute change of the missing share, the share of values in new categories, the AUROC with
    which a classifier tells the two periods apart.
    """

    distribution: tuple[float, float] = (0.1, 0.25)
    missing: tuple[float, float] = (0.05, 0.1)
    novelty: tuple[float, float] = (0.01, 0.05)
    joint: tuple[float, float] = (0.55, 0.6)


USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class Finding:
    """One test of the family: its effect with both thresholds, its p and that adjusted for the family."""

    column: str
    measure: Measure
    effect: float
    thresholds: tuple[float, float]
    p: float
    adjusted_p: float
    level: Level


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A test that could not be made, and why."""

    column: str
    measure: Measure
    reason: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All findings, the loudest first (alarm, watch, none; then effect in units of its alarm threshold)."""

    findings: tuple[Finding, ...]
    not_compared: tuple[NotCompared, ...]

    @property
    def raised(self) -> tuple[Finding, ...]:
        """Those to watch or to act on."""
        return tuple(finding for finding in self.findings if finding.level is not Level.NONE)

    def of(self, column: Callable[[str], bool]) -> DriftReport:
        """The part about some columns, judged among all."""
        return DriftReport(
            tuple(each for each in self.findings if column(each.column)),
            tuple(each for each in self.not_compared if column(each.column)),
        )


@dataclass(frozen=True, slots=True)
class _Test:
    """One member of the family before it is judged; `sure` is what of the effect is held against the thresholds."""

    column: str
    measure: Measure
    effect: float
    sure: float
    thresholds: tuple[float, float]
    p: float


def drift_report(
    columns: Iterable[NumericDrift | CategoryDrift],
    joint: JointDrift | Refused | None = None,
    thresholds: Thresholds = USUAL,
    false_discoveries: float = FALSE_DISCOVERIES,
) -> DriftReport:
    """Judge all columns, and the joint test if it was made, as one family."""
    everything = [*(test for column in columns for test in _tests(column, thresholds)), *_joint(joint, thresholds)]
    tests = [each for each in everything if isinstance(each, _Test)]
    missed = [each for each in everything if isinstance(each, NotCompared)]
    adjusted = benjamini_hochberg([test.p for test in tests])
    findings = [_judged(test, float(p), false_discoveries) for test, p in zip(tests, adjusted, strict=True)]
    return DriftReport(tuple(sorted(findings, key=_loudness)), tuple(missed))


def _tests(column: NumericDrift | CategoryDrift, thresholds: Thresholds) -> Iterator[_Test | NotCompared]:
    """What one column contributes."""
    name, missing = column.column, column.missing
    shape = column.shape if isinstance(column, NumericDrift) else column.mix
    if isinstance(shape, Refused):
        yield NotCompared(name, Measure.DISTRIBUTION, shape.reason)
    else:
        yield _Test(name, Measure.DISTRIBUTION, shape.psi, shape.psi - shape.chance, thresholds.distribution, shape.p)
    yield _missing(name, missing, thresholds.missing)
    if isinstance(column, CategoryDrift):
        new = column.novelty
        if isinstance(new, Refused):
            yield NotCompared(name, Measure.NOVELTY, new.reason)
        else:
            yield _Test(name, Measure.NOVELTY, new.share.value, new.share.value, thresholds.novelty, new.p)


def _missing(name: str, missing: MissingChange, thresholds: tuple[float, float]) -> _Test:
    """The test of a missing share: no alarm while the interval reaches below the threshold to watch."""
    effect, near = abs(missing.change.value), max(missing.change.low, -missing.change.high)
    sure = effect if near >= thresholds[0] else min(effect, thresholds[0])
    return _Test(name, Measure.MISSING, effect, sure, thresholds, missing.p)


def _joint(joint: JointDrift | Refused | None, thresholds: Thresholds) -> Iterator[_Test | NotCompared]:
    """What the joint test contributes."""
    if isinstance(joint, Refused):
        yield NotCompared(JOINT, Measure.JOINT, joint.reason)
    elif joint is not None:
        yield _Test(JOINT, Measure.JOINT, joint.auroc.value, joint.auroc.value, thresholds.joint, joint.p)


def _judged(test: _Test, adjusted: float, false_discoveries: float) -> Finding:
    """Loud only if both the family's test and the effect say so."""
    level = Level.NONE
    if adjusted <= false_discoveries:
        watch, alarm = test.thresholds
        level = Level.ALARM if test.sure >= alarm else Level.WATCH if test.sure >= watch else Level.NONE
    return Finding(test.column, test.measure, test.effect, test.thresholds, test.p, adjusted, level)


def _loudness(finding: Finding) -> tuple[int, bool, float, str]:
    """Sorts the loudest first. The joint test follows the columns of its level: it names nobody."""
    place = (Level.ALARM, Level.WATCH, Level.NONE).index(finding.level)
    return place, finding.measure is Measure.JOINT, -finding.effect / finding.thresholds[1], finding.column
