"""Fills references in texts: what is generated is never typed, so it cannot go stale.

`{version}` is a fact, `{slices[hour 24].auroc}` a figure, `{thresholds.high.alerted|percent}` a figure through a
filter, `{groups[unit]|range auroc}` one through a filter with a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.training.model_card.formats import FILTERS, Unprintable, printed

REFERENCE = re.compile(r"\{([^{}]*)\}")
_WHOLE = re.compile(r"([^|]+?)\s*(?:\|\s*(\w+)(?:\s+(\w+))?\s*)?")
_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[([^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where references lead: a fact of that name first, else a path through the figures."""

    facts: Mapping[str, str]
    figures: Mapping[str, Any]

    def fill(self, text: str, where: str, faults: list[str]) -> str:
        """The text with every reference filled in; one that leads nowhere is a fault and stays as it is."""

        def one(found: re.Match[str]) -> str:
            try:
                return self._printed(found[1])
            except Unprintable as fault:
                faults.append(f"{where}: {found[0]} {fault}")
                return found[0]

        if re.search(r"[{}]", REFERENCE.sub("", text)):
            faults.append(f"{where}: a brace has no partner")
        return REFERENCE.sub(one, text)

    def _printed(self, reference: str) -> str:
        """One reference in print."""
        parts = _WHOLE.fullmatch(reference.strip())
        if parts is None:
            raise Unprintable("is no reference")
        path, name, argument = parts[1], parts[2], parts[3] or ""
        value = self._value(path)
        if name is None:
            return printed(value)
        if name not in FILTERS:
            raise Unprintable(f"names the filter {name}; there are {', '.join(FILTERS)}")
        return FILTERS[name](value, argument)

    def _value(self, path: str) -> object:
        """What a path leads to."""
        if path in self.facts:
            return self.facts[path]
        value: object = self.figures
        for step in _steps(path):
            if not isinstance(value, Mapping) or step not in value:
                raise Unprintable("leads nowhere, neither among the facts nor in the figures")
            value = value[step]
        return value


def _steps(path: str) -> list[str]:
    """The names along a path; they must make up all of it."""
    found = list(_STEP.finditer(path))
    if "".join(step[0] for step in found) != path:
        raise Unprintable("is no reference")
    return [step[1] or step[2] for step in found]
