"""AUROC of many groups at once, with DeLong's variance: one sort, then only the rarer class is looked up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


def delong(scores: Floats, events: Flags, groups: Integers | None = None, number: int = 1) -> tuple[Floats, Floats]:
    """Area and variance for each group, shape (number,) each; `groups` are codes 0 to number − 1.

    Ties count half. DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837-845). The area is NaN where a class is
    absent and the variance NaN where a class has fewer than two members: the caller refuses there.
    """
    order = np.argsort(scores, kind="stable")
    sizes = np.array([len(scores)])
    if groups is not None:
        # Small whole numbers sort by radix, in one pass.
        small = groups[order].astype(np.int32 if number > 32_000 else np.int16)
        order = order[np.argsort(small, kind="stable")]
        sizes = np.bincount(groups, minlength=number)
    ends = np.cumsum(sizes)
    score, event = scores[order], events[order]
    results = [_one(score[end - size : end], event[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
    return np.array([area for area, _ in results]), np.array([variance for _, variance in results])


def _one(scores: Floats, events: Flags) -> tuple[float, float]:
    """Area and variance of one group, scores ascending."""
    with_event, without = scores[events], scores[~events]
    if not len(with_event) or not len(without):
        return np.nan, np.nan
    if len(with_event) <= len(without):
        return _areas(with_event, without)
    area, variance = _areas(without, with_event)
    return 1 - area, variance


def _areas(few: Floats, many: Floats) -> tuple[float, float]:
    """P(a score of `few` is above one of `many`), both sorted, and its variance from the placements of both.

    Between two neighbours of `few` all of `many` have the same placement, so only their number is needed.
    """
    last = np.flatnonzero(np.append(few[1:] != few[:-1], True))
    distinct, until = few[last], last + 1.0
    times = np.diff(until, prepend=0.0)
    left, right = np.searchsorted(many, distinct, "left"), np.searchsorted(many, distinct, "right")
    area, own = _moments((left + right) / 2 / len(many), times)
    between = np.append(left, len(many)) - np.append(0, right)
    placements = np.concatenate([np.append(0.0, until), until - times / 2]) / len(few)
    _, others = _moments(placements, np.concatenate([between, right - left]).astype(np.float64))
    return area, own + others


def _moments(values: Floats, times: Floats) -> tuple[float, float]:
    """Mean of values that occur so many times, and the variance of that mean (NaN for a single one)."""
    number = float(times.sum())
    mean = float(np.dot(values, times)) / number
    return mean, float(np.dot((values - mean) ** 2, times)) / (number - 1) / number if number > 1 else np.nan
