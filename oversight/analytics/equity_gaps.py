"""Which groups are served otherwise than the largest one, beyond what chance brings among so many comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from oversight.analytics.equity import Answers, Judgement
from oversight.analytics.equity_rates import SELECTION
from oversight.proportions import CONFIDENCE, Proportion
from oversight.statistics.equity import EquityReport
from oversight.statistics.equity_groups import Group
from oversight.statistics.equity_responses import GroupMedian, Standardised
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.familywise import holm, simes
from oversight.statistics.refused import Refused
from oversight.statistics.two_proportions import equal_shares_p

CERTAIN = 0.05
# Smaller differences are not named, however certain: points of a share, and factors. Ours.
LEAST_POINTS = 0.05
LEAST_FACTOR = 1.2


class Kind(StrEnum):
    """What is compared."""

    OVERRIDE = "override rate at equal risk"
    SILENCE = "no-answer share at equal risk"
    SECONDS = "time to an answer"
    SENSITIVITY = "sensitivity"
    FALSE_ALARMS = "false-positive rate"
    CALIBRATION = "observed over expected events"


@dataclass(frozen=True, slots=True)
class Gap:
    """A group beside the largest group of the same attribute. `effect` is a difference of shares, or a factor.

    `p` is two-sided and of no difference, `adjusted_p` that among all groups and the group's measures.
    """

    kind: Kind
    group: Group
    value: float
    reference: float
    effect: Estimate
    factor: bool
    p: float
    adjusted_p: float = 1.0

    @property
    def large(self) -> bool:
        """Whether somebody should care, if it is so."""
        size = abs(self.effect.value)
        if not self.factor:
            return size >= LEAST_POINTS
        return size > 0 and max(size, 1 / size) >= LEAST_FACTOR

    @property
    def named(self) -> bool:
        """Large, and beyond chance among all comparisons."""
        return self.large and self.adjusted_p <= CERTAIN


def gaps(answered: Sequence[Answers], judged: Sequence[Judgement]) -> tuple[Gap, ...]:
    """All comparisons of several attributes, those that are named first.

    First groups: one p for all that is compared of a group (Simes), held against that of all other groups (Holm), so
    that the chance of naming any group wrongly is at most 5 %. Then, within a group, its measures (Holm).
    """
    every = [gap for each in answered for gap in _of_answers(each)]
    every += [gap for each in judged for gap in _of_model(each)]
    of_group: dict[Group, list[Gap]] = {}
    for gap in every:
        of_group.setdefault(gap.group, []).append(gap)
    between = holm([simes([gap.p for gap in each]) for each in of_group.values()])
    done = [
        replace(gap, adjusted_p=max(float(whole), float(own)))
        for whole, each in zip(between, of_group.values(), strict=True)
        for gap, own in zip(each, holm([gap.p for gap in each]), strict=True)
    ]
    return tuple(sorted(done, key=lambda each: (not each.named, each.adjusted_p, each.group)))


def _of_answers(found: Answers) -> Iterator[Gap]:
    """Overrides, silence and time."""
    for kind, rows, tests in (
        (Kind.OVERRIDE, found.override, found.override_p),
        (Kind.SILENCE, found.silence, found.silence_p),
    ):
        if not isinstance(rows, Refused):
            yield from (gap for each in rows if (gap := _standardised(kind, each, tests)) is not None)
    if not isinstance(found.seconds, Refused):
        yield from _times(found.seconds, _reference(found.report(SELECTION)), found.seconds_p)


def _reference(report: EquityReport) -> Group | None:
    """The group that others are compared with."""
    return next((each.group for each in report.groups if each.reference), None)


def _standardised(kind: Kind, each: Standardised, tests: Mapping[Group, float]) -> Gap | None:
    """A difference at equal risk; its p is of the same unit too, where rates differ most."""
    if isinstance(each.rate, Refused) or each.reference is None or each.difference is None or not each.group:
        return None
    p = tests.get(each.group, 1.0)
    return Gap(kind, each.group, each.rate.value, each.reference.value, each.difference, False, p)


def _times(found: Sequence[GroupMedian], reference: Group | None, tests: Mapping[Group, float]) -> Iterator[Gap]:
    """Medians against that of the reference group; the p is that of the ranks at the same unit, risk and answer."""
    usual = next((each.median for each in found if each.group == reference), None)
    if not isinstance(usual, Estimate) or usual.low <= 0:
        return
    for each in found:
        if not each.group or each.group == reference or isinstance(each.median, Refused) or each.median.low <= 0:
            continue
        error = math.hypot(*(math.log(it.high / it.low) / 2 / z_value(CONFIDENCE) for it in (each.median, usual)))
        move = math.log(each.median.value / usual.value)
        reach = z_value(CONFIDENCE) * error
        effect = Estimate(math.exp(move), math.exp(move - reach), math.exp(move + reach))
        yield Gap(Kind.SECONDS, each.group, each.median.value, usual.value, effect, True, tests.get(each.group, 1.0))


def _of_model(judged: Judgement) -> Iterator[Gap]:
    """Sensitivity, false alarms and calibration."""
    if isinstance(judged.found, Refused):
        return
    reports = {each.name: each for each in judged.found.rates}
    for kind, name in ((Kind.SENSITIVITY, "TPR"), (Kind.FALSE_ALARMS, "FPR")):
        yield from _shares(kind, reports[name])
    figures = judged.found.observed_expected
    usual = next(
        (each for each in figures if each.group and each.compared is None and isinstance(each.figure, Estimate)), None
    )
    for each in figures:
        if each.group and isinstance(each.compared, Estimate) and isinstance(each.figure, Estimate) and usual:
            error = math.log(each.compared.high / each.compared.low) / 2 / z_value(CONFIDENCE)
            p = _p(math.log(each.compared.value), error)
            other = usual.figure.value if isinstance(usual.figure, Estimate) else math.nan
            yield Gap(Kind.CALIBRATION, each.group, each.figure.value, other, each.compared, True, p)


def _shares(kind: Kind, report: EquityReport) -> Iterator[Gap]:
    """Differences of shares."""
    usual = next((each.rate for each in report.groups if each.reference), None)
    for each in report.groups:
        if (
            isinstance(each.rate, Proportion)
            and isinstance(usual, Proportion)
            and isinstance(each.difference, Estimate)
        ):
            p = equal_shares_p(each.rate, usual)
            yield Gap(kind, each.group, each.rate.value, usual.value, each.difference, False, p)


def _p(value: float, error: float) -> float:
    """Two-sided, normal."""
    return math.erfc(abs(value) / error / math.sqrt(2)) if error > 0 else float(value == 0)
