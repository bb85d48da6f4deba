"""Units, by an allow-list per analyte (`analytes.toml`). What the list does not name is refused, never guessed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

from clinical.record import LOINC, Coding

UCUM = "http://unitsofmeasure.org"
# A collection or a mean over a day is the longest that laboratories and monitors mean by one result; what was measured
# over more says little of any moment in it.
LONGEST_HOURS = 24


@dataclass(frozen=True, slots=True)
class Conversion:
    """`canonical = (value - subtract) * multiply / divide`."""

    multiply: float = 1.0
    divide: float = 1.0
    subtract: float = 0.0

    def __call__(self, value: float) -> float:
        """Convert one value."""
        return (value - self.subtract) * self.multiply / self.divide


@dataclass(frozen=True, slots=True)
class Analyte:
    """One analyte: its codes, its canonical unit, the units that may become it, and spellings of units.

    `gives_way_to` names an analyte that a result is where codes of both stand on it. `longest` is how long a value may
    have been measured over.
    """

    name: str
    loinc: frozenset[str]
    unit: str
    accept: Mapping[str, Conversion]
    text: Mapping[str, str]
    gives_way_to: str = ""
    longest: timedelta = timedelta(hours=LONGEST_HOURS)

    def conversion(self, *, code: str | None, system: str | None, text: str | None) -> Conversion | None:
        """How a reported unit becomes the canonical one, or None where that is not allowed.

        A coded unit is taken by its UCUM code alone; text only where no system is given; another system never.
        """
        if system not in (None, "", UCUM):
            return None
        unit = code if system == UCUM else self.text.get((code or text or "").strip())
        return self.accept.get(unit) if unit is not None else None


class Analytes:
    """The allow-list, by LOINC code."""

    def __init__(self, analytes: Iterable[Analyte]) -> None:
        """Index by code. Raises `ValueError` if two analytes claim one code."""
        self._by_code: dict[str, Analyte] = {}
        for analyte in analytes:
            for code in analyte.loinc:
                if code in self._by_code:
                    raise ValueError(f"LOINC {code} belongs to two analytes")
                self._by_code[code] = analyte

    def of(self, codings: Iterable[Coding]) -> Analyte | None:
        """The one analyte that the codings name; None where they name none, or two. Code and system count together."""
        named = {coding.code for coding in codings if self._knows(coding)}
        known = {self._by_code[code].name: self._by_code[code] for code in named}
        left = [analyte for analyte in known.values() if analyte.gives_way_to not in known]
        return left[0] if len(left) == 1 else None

    def kept(self, codings: tuple[Coding, ...]) -> tuple[Coding, ...]:
        """The codings without those of an analyte that gives way: nobody may read a result under two names."""
        analyte = self.of(codings)
        if analyte is None:
            return codings
        return tuple(coding for coding in codings if not self._knows(coding) or coding.code in analyte.loinc)

    def _knows(self, coding: Coding) -> bool:
        """Whether a coding is a LOINC code of the table."""
        return coding.system == LOINC and coding.code in self._by_code

    def __iter__(self) -> Iterator[Analyte]:
        """Each analyte once."""
        return iter({analyte.name: analyte for analyte in self._by_code.values()}.values())


def load_analytes() -> Analytes:
    """Read the table that ships with this room."""
    table = tomllib.loads(files("fhir_adapters").joinpath("analytes.toml").read_text("utf-8"))
    return Analytes(
        Analyte(
            name=name,
            loinc=frozenset(row["loinc"]),
            unit=row["unit"],
            accept={row["unit"]: Conversion()}
            | {unit: Conversion(**how) for unit, how in row.get("accept", {}).items()},
            text=row.get("text", {}),
            gives_way_to=row.get("gives_way_to", ""),
            longest=timedelta(hours=row.get("longest_hours", LONGEST_HOURS)),
        )
        for name, row in table.items()
    )
