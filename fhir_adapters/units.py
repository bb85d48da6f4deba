"""Units, by an allow-list per analyte (`analytes.toml`). What the list does not name is refused, never guessed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from clinical.record import LOINC, Coding

UCUM = "http://unitsofmeasure.org"


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
    """One analyte: its codes, its canonical unit, the units that may become it, and spellings of units."""

    name: str
    loinc: frozenset[str]
    unit: str
    accept: Mapping[str, Conversion]
    text: Mapping[str, str]

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
        known = {self._by_code[coding.code].name: coding.code for coding in codings if self._knows(coding)}
        return self._by_code[next(iter(known.values()))] if len(known) == 1 else None

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
        )
        for name, row in table.items()
    )
