"""Rows put into groups of ascending risk, so that a figure is sums over groups and not loops over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import FloatArray, IntArray

MOST = 2000
"""Enough groups that ties inside one move an area by less than 1e-6; used for intervals only."""


@dataclass(frozen=True, slots=True)
class RiskGroups:
    """`code`: the group of each row, from 0 (lowest risk); `risk`: the mean risk of each group, ascending."""

    code: IntArray
    risk: FloatArray

    def sums(self, weight: FloatArray) -> FloatArray:
        """The weights added up by group."""
        return np.bincount(self.code, weight, len(self.risk)).astype(np.float64)


def distinct_risks(risk: FloatArray) -> RiskGroups:
    """One group for each different risk: sums over these groups are exact."""
    risks, code = np.unique(risk, return_inverse=True)
    return RiskGroups(code.astype(np.int64), risks)


def coarse_risks(risk: FloatArray, most: int = MOST, weight: FloatArray | None = None) -> RiskGroups:
    """At most `most` groups of about equal weight; equal risks stay together. Every risk its own group if so few."""
    each = distinct_risks(risk)
    if len(each.risk) <= most and weight is None:
        return each
    mass = each.sums(np.ones_like(risk) if weight is None else weight)
    middle = np.cumsum(mass) - mass / 2
    coarse = np.minimum((most * middle / mass.sum()).astype(np.int64), most - 1)
    _, code = np.unique(coarse, return_inverse=True)
    members = code.astype(np.int64)
    mean = np.bincount(members, mass * each.risk) / np.bincount(members, mass)
    return RiskGroups(members[each.code], mean)
