"""Figures as they are printed in a card, and the filters that a reference may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from clinical.wording import MINUS, of_hundred

LABELS = {"auroc": "AUROC", "observed_per_expected": "observed/expected", "ece": "ECE"}
INTERVAL_PARTS = 3


class Unprintable(Exception):
    """A value cannot be printed this way. Its message is read after the reference."""


def printed(value: object) -> str:
    """A value as it is: text, a count, a figure with three decimals, or a figure with its interval."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return f"{value:,}" if isinstance(value, int) else decimal(value)
    if is_interval(value):
        figure, low, high = (decimal(part) for part in value)
        return f"{figure} (95 % interval {low} to {high})"
    raise Unprintable("names no single figure; add a filter or go on to one")


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_interval(value: object) -> TypeGuard[list[float]]:
    """Whether it is [value, low, high]."""
    return isinstance(value, list) and len(value) == INTERVAL_PARTS and all(is_number(part) for part in value)


def decimal(value: float) -> str:
    """Three decimals, with a real minus."""
    return f"{value:.3f}".replace("-", MINUS)


def percent(share: float) -> str:
    """`20.0 %`."""
    return f"{100 * share:.1f} %".replace("-", MINUS)


def span(figure: list[float]) -> str:
    """`0.844 (0.833 to 0.855)`, where it has been said what the brackets hold."""
    value, low, high = (decimal(part) for part in figure)
    return f"{value} ({low} to {high})"


def _percent(value: object, argument: str) -> str:
    """A share, or a share with its interval, in percent."""
    if argument:
        raise Unprintable("gives the filter percent a word that it does not know")
    if is_interval(value):
        figure, low, high = (percent(part) for part in value)
        return f"{figure} (95 % interval {low} to {high})"
    return percent(_number(value))


def _hundred(value: object, argument: str) -> str:
    """`about 20 of 100`."""
    if argument:
        raise Unprintable("gives the filter hundred a word that it does not know")
    return of_hundred(_number(value))


def _number(value: object) -> float:
    """A number, or a fault."""
    if not is_number(value):
        raise Unprintable("names no number")
    return float(value)


def _members(value: object) -> Mapping[str, Mapping[str, Any]]:
    """The members of one attribute that groups are formed by, at least one."""
    if not isinstance(value, Mapping) or not all(isinstance(one, Mapping) and "rows" in one for one in value.values()):
        raise Unprintable("names no groups")
    if not value:
        raise Unprintable("names groups without a member")
    return value


def _groups(value: object, argument: str) -> str:
    """Every member with its counts and figures, one after the other."""
    if argument:
        raise Unprintable("gives the filter groups a word that it does not know")
    return "; ".join(f"{_counted(name, one)} {_judged(one)}" for name, one in _members(value).items())


def _counts(value: object, argument: str) -> str:
    """Every member with its counts alone."""
    if argument:
        raise Unprintable("gives the filter counts a word that it does not know")
    return "; ".join(_counted(name, one) for name, one in _members(value).items())


def _counted(name: str, one: Mapping[str, Any]) -> str:
    """`female (3,414 rows, 502 with the outcome)`."""
    return f"{name} ({one['rows']:,} rows, {one['events']:,} with the outcome)"


def _judged(one: Mapping[str, Any]) -> str:
    """`AUROC 0.828 (0.806 to 0.845), …`, or that there are too few."""
    if one.get("too_few"):
        return "too few to judge"
    return ", ".join(f"{label} {span(one[name])}" for name, label in LABELS.items())


def _range(value: object, argument: str) -> str:
    """`0.755 (cardiac surgery) to 1.129 (surgical)`: lowest and highest of a measure among the judged members."""
    judged = {name: one[argument] for name, one in _members(value).items() if is_interval(one.get(argument))}
    if not judged:
        raise Unprintable(f"names groups without the measure {argument or '(none named)'}")
    ranked = sorted((figure[0], name) for name, figure in judged.items())
    (low, first), (high, last) = ranked[0], ranked[-1]
    return f"{decimal(low)} ({first}) to {decimal(high)} ({last})"


FILTERS: Mapping[str, Callable[[object, str], str]] = {
    "percent": _percent,
    "hundred": _hundred,
    "groups": _groups,
    "counts": _counts,
    "range": _range,
}
