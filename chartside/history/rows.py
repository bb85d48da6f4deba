"""The entries of a history as one structured array."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from clinical.advice import WithheldReason

Rows = npt.NDArray[Any]

# Whether a card went out, or why not. Places in this tuple are the codes of `state`.
STATES: tuple[str, ...] = ("shown", *(reason.value for reason in WithheldReason))
SHOWN = 0
# From these probabilities on a risk is raised (a card), and high (a critical card, which no rule withholds).
RAISED, HIGH = 0.25, 0.5

# `time` and `seconds` (from card to answer): days from the start, seconds. `stay`, `service`, `unit`, `clinician`:
# codes. `first`: the first assessment of the stay by the service. `extra`: log-odds that no concept explains; `factor`:
# what glucose was multiplied by. `acted`: the card was acted on; `answer`: what was said, empty for nothing;
# `withdrawn`: and taken back; `reversed`: the opposite was said before. `on_page`: answered there. `reason`: place in
# OVERRIDE_REASONS, -1 for none; `comment`: place in SOUND, from 100 on in BROKEN, -1 for none.
ENTRY = np.dtype(
    [
        ("time", "f8"), ("stay", "i8"), ("service", "i8"), ("unit", "i8"), ("clinician", "i8"), ("version", "i8"),
        ("night", "?"), ("broken", "?"), ("first", "?"), ("page", "?"), ("abstained", "?"), ("state", "i8"),
        ("log_odds", "f8"), ("extra", "f8"), ("factor", "f8"), ("acted", "?"), ("answer", "U10"), ("seconds", "f8"),
        ("withdrawn", "?"), ("reversed", "?"), ("on_page", "?"), ("reason", "i8"), ("comment", "i8"),
    ]
)  # fmt: skip
FIRST_BROKEN_COMMENT = 100


def new_rows(number: int) -> Rows:
    """Entries that nobody answered."""
    rows = np.zeros(number, dtype=ENTRY)
    rows["factor"], rows["seconds"], rows["reason"], rows["comment"] = 1.0, np.nan, -1, -1
    return rows
