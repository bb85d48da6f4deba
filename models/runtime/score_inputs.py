"""The words of the inputs of a score: what may be asked of a record, as frozen dataclasses.

An input gives one number, or None where nobody can say. `item` is the line of the score that it feeds (two inputs may
feed one line: an answer on a scale, or else the coma score), `required` that there is no answer without that line.
`unless` names an input beside which this one is not used; `together_with` another such, without which this one says
nothing (height, without weight). `same_within` is how far apart the two may be timed that say one thing of one sample
(a creatinine and its eGFR), so that neither is newer than the other. A `helper` is used by another input only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from clinical.record import Coding
from models.runtime.code_list import CodeList
from models.runtime.manifest import Signal

PICKS = ("latest", "lowest", "highest")
# Days: the least that they can be. Where the hospital's clock is not told, there may have been one more midnight.
STAYED = ("days", "days_most", "priority", "admit_source", "disposition")
PERSONAL = ("age", "sex")
# Names of inputs that are one way together to know a thing, the one whose time is that of the way first.
Way = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What all inputs have. `need` is the key of the data need that brings it; the person and the stay need none."""

    name: str
    label: str
    item: str
    need: str = ""
    required: bool = False
    unless: str = ""
    together_with: str = ""
    same_within: timedelta = timedelta()
    helper: bool = False
    unit: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Input):
    """A number that was measured within a time: the latest, lowest or highest.

    `domain` are the values for which the score was made: outside of it there is no answer, while a value outside the
    signal's plausible range is taken for a fault and not used.
    """

    signal: Signal
    window: timedelta
    pick: str
    domain: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired(Input):
    """`scale * top / bottom`, where `bottom` was in force when `top` was measured: the latest or the lowest ratio."""

    top: str
    bottom: str
    scale: float
    pick: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Input):
    """The latest answer within a time, as the number that the table gives its code (by token).

    `otherwise` stands where nothing was answered and the record could be read; None: then nobody can say. `holds` is
    for how long an answer surely holds (None: for the whole time); after that nobody can say either.
    """

    codes: tuple[Coding, ...]
    values: Mapping[tuple[str, str], float]
    window: timedelta
    otherwise: float | None = None
    holds: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed(Input):
    """1 if the record holds one of some diagnoses, 0 if it was read and every diagnosis in it is another.

    With a `window` only what began or was written down within it counts. What befalls women up to an age only
    (`female_until`) is 0 for all others, unasked.
    """

    codes: CodeList
    active_only: bool
    window: timedelta | None = None
    female_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Medicated(Input):
    """1 if one of some medicines is in use, 0 if the record was read and all in use are others.

    `names` are ingredients, `except_words` words by which a medicine is not meant all the same (an anaesthetic with
    epinephrine). `all_names`: they are all names under which it goes, so that another name is another medicine.
    `in_stay` counts only what was begun in the current stay: a drip, and not what somebody carries for an
    emergency; with a `window` also what ran within it and has ended.
    """

    codes: CodeList
    in_stay: bool = False
    names: frozenset[str] = field(default_factory=frozenset)
    except_words: frozenset[str] = field(default_factory=frozenset)
    all_names: bool = False
    window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed(Input):
    """How many procedures with one of some codes were done within a time, or for how many hours (`takes_hours`).

    0 if the record was read and none was. `until` names what was measured at the end of the time (else it ends now);
    `names` are parts of words by which a procedure without a listed code may be meant, `others` codes that are known to
    be something else; from `enough` on, more do not matter.
    """

    codes: CodeList
    window: timedelta
    takes_hours: bool = False
    until: str = ""
    names: frozenset[str] = field(default_factory=frozenset)
    enough: float | None = None
    others: CodeList = field(default_factory=CodeList)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits(Input):
    """How many stays of some classes (ActCodes) began within a time before the current stay: surely, or at the `most`.

    One that began within `skip` before it led to it, and does not count.
    """

    classes: frozenset[str]
    window: timedelta
    skip: timedelta
    most: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stayed(Input):
    """Of the current stay: its calendar days so far, or the number that a table gives one of its codes."""

    what: str
    values: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal(Input):
    """The age in completed years, or the sex: 1 male, 0 female."""

    what: str


AnyInput = Measured | Paired | Answered | Diagnosed | Medicated | Performed | Visits | Stayed | Personal
