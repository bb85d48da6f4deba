"""Which entries a figure is about, and how they may be grouped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from oversight.tallies import Period

_FIRST_DAY = date(1970, 1, 1)


class By(StrEnum):
    """What entries may be grouped by. The value is the question's column."""

    SERVICE = "service"
    MODEL = "model_id || ' ' || model_version"
    VERSION = "model_version"
    HOOK = "hook"
    TIER = "coalesce(tier, '')"
    CLIENT = "client"
    UNIT = "unit_name"
    ROLE = "role"
    CLINICIAN = "clinician"
    REASON = "coalesce(reason, '')"
    DAY = "strftime(date, '%Y-%m-%d')"
    WEEK = "strftime(date_trunc('week', date), '%Y-%m-%d')"
    MONTH = "strftime(date_trunc('month', date), '%Y-%m-%d')"
    HOUR = "lpad(CAST((time // 3600000000) % 24 AS VARCHAR), 2, '0')"


@dataclass(frozen=True, slots=True)
class Selection:
    """Entries of whole UTC days; what is None is not asked for."""

    period: Period
    service: str | None = None
    client: str | None = None
    model_id: str | None = None
    hook: str | None = None
    unit_name: str | None = None
    role: str | None = None
    tier: str | None = None
    model_version: str | None = None

    def where(self, days_before: int = 0) -> tuple[str, dict[str, Any]]:
        """The condition, and its values as parameters; with so many days before the first one as well.

        `$first` stays the first day of the period.
        """
        named = {name: getattr(self, name) for name in _NAMES}
        asked = {name: value for name, value in named.items() if value is not None}
        days = {"first": (self.period.first - _FIRST_DAY).days, "last": (self.period.last - _FIRST_DAY).days}
        first = f"$first - {days_before}" if days_before else "$first"
        conditions = [f"day BETWEEN {first} AND $last", *(f"{name} = ${name}" for name in asked)]
        return " AND ".join(conditions), days | asked


_NAMES = ("service", "client", "model_id", "hook", "unit_name", "role", "tier", "model_version")
