"""Opening tables of people's own files: what a file is says its content, whatever it is called."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow.parquet as pq

from models.training.cases import WrongData

_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"
Choose = Callable[[Sequence[str]], Sequence[str]]


def everything(columns: Sequence[str]) -> Sequence[str]:
    """All columns of a file."""
    return columns


def open_table(
    path: Path, choose: Choose = everything, *, text: Mapping[str, Any] | type[str] | None = None, bars: bool = False
) -> pd.DataFrame:
    """A table in Parquet or CSV, packed with gzip or not.

    `choose` is told the names of the columns and says which to read; what it raises goes on. `text` are the types of
    columns of a CSV; with `str` every cell is read as it stands, an empty one as an empty text. With `bars` the columns
    of a CSV may also be parted by bars. Raises `WrongData` for a file that is not there or is no table.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_PARQUET))
        if start == _PARQUET:
            return pd.read_parquet(path, columns=list(choose(list(pq.read_schema(path).names))))
        return _csv(path, choose, text, "gzip" if start.startswith(_GZIP) else None, bars=bars)
    except FileNotFoundError as error:
        raise WrongData(f"{path.name} cannot be read: it is missing") from error
    except (OSError, ValueError, EOFError, zlib.error) as error:  # pandas' and pyarrow's own errors are ValueErrors
        raise WrongData(f"{path.name} cannot be read as Parquet or CSV ({type(error).__name__})") from error


def _csv(path: Path, choose: Choose, text: Any, packed: Literal["gzip"] | None, *, bars: bool) -> pd.DataFrame:
    """A table of text."""
    header = list(pd.read_csv(path, nrows=0, compression=packed).columns)
    parted_by_bars = bars and len(header) == 1 and "|" in header[0]
    columns = list(choose(header[0].split("|") if parted_by_bars else header))
    types = {name: kind for name, kind in text.items() if name in columns} if isinstance(text, Mapping) else text
    return pd.read_csv(
        path,
        usecols=columns,
        sep="|" if parted_by_bars else ",",
        dtype=types,
        compression=packed,
        keep_default_na=text is not str,
        low_memory=False,
    )
