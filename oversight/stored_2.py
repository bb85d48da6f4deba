"""Findings in the second form, which is read and no longer written.

    zlib( ASCII JSON, line break, times of facts, values of features, values of facts, reported values ), log-odds

The JSON has `rest`, what belongs neither to the model nor to the explanation, and the columns of `stored_parts.Reasons`
that are no numbers; `words` are differences, each from the one before. Times are 64-bit differences in microseconds,
all other numbers are doubles, both little-endian. NaN is None.
"""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import Any

from clinical.assessment import Finding
from oversight import stored_parts
from oversight.veil import unveil
from oversight.vocabulary import Vocabulary

FORMAT = 2


def read_finding(content: bytes, vocabulary: Vocabulary, *, patient_id: str, encounter: str | None) -> Finding:
    """The finding of an entry; `encounter` is its id or pseudonym. Raises `LedgerUnavailable` if it cannot be read."""
    return stored_parts.read(content, columns_of, vocabulary, unveil(patient_id, encounter))


def columns_of(head: Any, numbers: bytes, outside: bytes) -> stored_parts.Reasons:
    """The columns of an entry that `stored_parts.apart` took apart."""
    log_odds = struct.unpack(f"<{len(outside) // 8}d", outside)
    facts, reasons = len(head["references"]), len(log_odds)
    columns = struct.unpack(f"<{facts}q{len(numbers) // 8 - facts}d", numbers)
    measured = facts + reasons
    return stored_parts.Reasons(
        words=list(accumulate(head["words"], initial=-1))[1:],
        values=columns[facts:measured],
        log_odds=log_odds,
        times=list(accumulate(columns[:facts])),
        measured=columns[measured : measured + facts],
        reported=columns[measured + facts :],
        **{name: head[name] for name in ("sets", "sizes", "members", "fields", "shared", "kinds", "references")},
    )
