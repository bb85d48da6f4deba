"""What each input of an equation adds to a log-odds, as exact Shapley values against one reference person.

For equations with few inputs whose risk is no sum on the log-odds: every set of inputs is worked out, with the values
of the person for the set and those of the reference for the rest (Shapley 1953; Lundberg & Lee 2017 with one
background row). The parts and the log-odds of the reference add up to the log-odds of the person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations

MOST = 8
# The surest that a risk may be: beyond it the last digit decides, and an equation knows no certainty.
SUREST = 1.0 - 1e-9


def exact_parts(
    probability: Callable[[Mapping[str, float]], float], person: Mapping[str, float], reference: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """The log-odds of the reference, and the part of each input. Raises ValueError for more than `MOST` inputs."""
    names = tuple(person)
    if len(names) > MOST:
        raise ValueError(f"Exact parts are worked out for at most {MOST} inputs.")
    values = {
        frozenset(chosen): log_odds(probability({**reference, **{name: person[name] for name in chosen}}))
        for size in range(len(names) + 1)
        for chosen in combinations(names, size)
    }
    return values[frozenset()], {name: _share(name, names, values) for name in names}


def capped(probability: float) -> float:
    """The probability, kept off certainty at either end."""
    return min(max(probability, 1.0 - SUREST), SUREST)


def log_odds(probability: float) -> float:
    """The log-odds of a probability strictly between 0 and 1; else ValueError."""
    if not 0 < probability < 1:
        raise ValueError("The risk is 0 or 1 to the last digit.")
    return math.log(probability) - math.log1p(-probability)


def _share(name: str, names: tuple[str, ...], values: Mapping[frozenset[str], float]) -> float:
    """The mean change that an input makes, over all orders in which inputs may come in."""
    count = len(names)
    return math.fsum(
        (values[known | {name}] - values[known])
        * math.factorial(len(known))
        * math.factorial(count - len(known) - 1)
        / math.factorial(count)
        for known in values
        if name not in known
    )
