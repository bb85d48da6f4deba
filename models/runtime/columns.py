"""Numbers that a `model.toml` only names and the `features.py` beside it works out: what TOML cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from clinical.assessment import Basis
from clinical.errors import ChartsideError, ManifestInvalid, ModelFault
from clinical.record import Observation, PatientRecord
from models.runtime.folder_code import folder_module
from models.runtime.gather import Series
from models.runtime.placed import Placed
from models.runtime.whereabouts import Refusal

CODE_FILE = "features.py"


@dataclass(frozen=True, slots=True)
class Value:
    """A number (NaN: unknown) with the facts that it rests on; `basis` are those that are no measured numbers."""

    number: float = nan
    facts: tuple[Observation, ...] = ()
    basis: tuple[Basis, ...] = ()


Given = Mapping[str, Value]
_Columns = Callable[[PatientRecord, Placed, Mapping[str, Series]], Given]
_Refuses = Callable[[PatientRecord, Placed, Mapping[str, Series]], Refusal | None]


def _no_columns(_record: PatientRecord, _placed: Placed, _series: Mapping[str, Series]) -> Given:
    return {}


def _no_refusal(_record: PatientRecord, _placed: Placed, _series: Mapping[str, Series]) -> Refusal | None:
    return None


@dataclass(frozen=True, slots=True)
class Code:
    """The two functions of a `features.py`.

    `columns(record, placed, series)` gives the declared columns by name; one that it leaves out is unknown.
    `refusal(record, placed, series)` says why the model is not for this patient, or lacks what it cannot do without.
    """

    columns: _Columns = _no_columns
    refusal: _Refuses = _no_refusal

    @property
    def gives_columns(self) -> bool:
        """Whether there are columns of its own."""
        return self.columns is not _no_columns


def load_code(folder: Path) -> Code:
    """The code of a folder; without a `features.py` there is none of its own. Raises `ManifestInvalid`."""
    path = folder / CODE_FILE
    if not path.is_file():
        return Code()
    try:
        module: Any = folder_module(path)
    except Exception as error:  # whatever a file does when it is run, it keeps the service from starting
        raise ManifestInvalid(f"{path}: cannot be loaded ({type(error).__name__}: {error})") from error
    columns, refusal = getattr(module, "columns", _no_columns), getattr(module, "refusal", _no_refusal)
    if not (callable(columns) and callable(refusal)):
        raise ManifestInvalid(f"{path}: columns and refusal must be functions")
    return Code(columns if columns is _no_columns else _sure(columns, _are_columns), _sure(refusal, _is_refusal))


def _sure(function: Callable[..., Any], is_right: Callable[[Any], bool]) -> Callable[..., Any]:
    """The function, whose own mistakes are `ModelFault`s: nothing that went wrong may look like an answer."""

    def asked(record: PatientRecord, placed: Placed, series: Mapping[str, Series]) -> Any:
        try:
            found = function(record, placed, series)
        except ChartsideError:
            raise
        except Exception as error:  # whatever the code of a folder does
            name = f"{CODE_FILE} failed ({type(error).__name__})"
            raise ModelFault(f"The model's {name}; no answer is given.") from error
        if not is_right(found):
            raise ModelFault(f"The model's {CODE_FILE} gave something else than it should; no answer is given.")
        return found

    return asked


def _are_columns(found: object) -> bool:
    return isinstance(found, Mapping) and all(isinstance(value, Value) for value in found.values())


def _is_refusal(found: object) -> bool:
    return found is None or isinstance(found, Refusal)
