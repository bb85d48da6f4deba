"""`data_dictionary.csv`: every column of every table that leaves the house."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oversight.exports.columns import Column, Kind, Table

_T = Kind.TEXT
DICTIONARY = Table(
    "data_dictionary.csv",
    (
        Column("file", _T, "", "The file", "this dictionary"),
        Column("position", Kind.INTEGER, "", "Place of the column in the file, from 1", "this dictionary"),
        Column("column", _T, "", "The column's name in the first line of the file", "this dictionary"),
        Column(
            "type",
            _T,
            "",
            "text, integer, number, day, time, or yes or no; a hidden count stands as text. Within a text "
            "an apostrophe stands before each part that a spreadsheet could take for a formula",
            "this dictionary",
        ),
        Column("unit", _T, "", "What a number counts or measures", "this dictionary"),
        Column("meaning", _T, "", "What the column says", "this dictionary"),
        Column("source", _T, "", "The columns of the ledger that it comes from, or how it is made", "this dictionary"),
    ),
)


def dictionary_rows(tables: Iterable[Table]) -> Iterator[tuple[object, ...]]:
    """The columns of these tables and of the dictionary itself."""
    for table in (*tables, DICTIONARY):
        for place, each in enumerate(table.columns, 1):
            yield table.file, place, each.name, each.kind.value, each.unit, each.meaning, each.source
