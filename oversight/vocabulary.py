"""The words that all findings of one model share: who the model is, and what its features are called.

They are two thirds of a finding and change only with the model, so they stand in a table of their own, and a finding
says which row and which places in it. A finding with a feature that the row does not have makes a new, longer row.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, select

from clinical.assessment import Attribution, FeatureWords, ModelInfo
from clinical.errors import LedgerUnavailable
from oversight import chain, tables
from oversight.column_types import AnyRow
from oversight.database import reading, writing
from oversight.dataclass_json import from_tree, names, to_tree

# What a feature is worth for one patient; everything else about it is a word.
WORTH = ("log_odds", "value", "facts", "basis")
FIELDS = tuple(name for name in names(Attribution) if name not in WORTH)
Word = tuple[Any, ...]

# A model has some hundreds of features; whatever makes more words than this makes them up as it goes.
_MOST_WORDS = 5_000
_MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One row. `sequence` is None until it is stored. `fields` says what the members of a word are."""

    sequence: int | None
    model: ModelInfo
    words: tuple[Word, ...]
    fields: tuple[str, ...] = FIELDS
    places: Mapping[Word, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Number the words."""
        object.__setattr__(self, "places", {word: place for place, word in enumerate(self.words)})

    def with_words(self, more: Iterable[Word]) -> Vocabulary:
        """A vocabulary that has these words too, or only them where it would grow too long."""
        new = tuple(dict.fromkeys(more))
        every = tuple(dict.fromkeys((*self.words, *new)))
        return Vocabulary(None, self.model, every if len(every) <= _MOST_WORDS else new)

    def content(self) -> bytes:
        """As it is stored: compressed ASCII JSON. Raises ValueError or TypeError for what JSON does not know."""
        tree = {"model": to_tree(self.model), "fields": self.fields, "words": self.words}
        return zlib.compress(_JSON.encode(tree).encode("ascii"), 9)


def model_key(model: ModelInfo) -> str:
    """The same 64 hex digits for the same model. Raises ValueError or TypeError for what JSON does not know."""
    return hashlib.sha256(_JSON.encode(to_tree(model)).encode("ascii")).hexdigest()


class Vocabularies:
    """The vocabularies of one database, each read once. One object serves all threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._current: dict[ModelInfo, Vocabulary] = {}
        self._known: dict[int, Vocabulary] = {}

    def with_words(self, model: ModelInfo, said: Iterable[FeatureWords]) -> tuple[Vocabulary, Sequence[int]]:
        """A vocabulary of this model with all these words, and their places; perhaps a new one, for `store`.

        Raises `LedgerUnavailable`, and ValueError or TypeError for words that cannot be stored.
        """
        mine = self._current.get(model) or self._newest(model)
        words = tuple(said)
        if words == mine.words:  # nearly always, and sooner seen than looked up
            return mine, range(len(words))
        places = list(map(mine.places.get, words))
        if None in places:
            mine = mine.with_words(words)
            places = list(map(mine.places.get, words))
        return mine, places  # type: ignore[return-value]

    def stored(self, new: Vocabulary) -> Vocabulary:
        """Store a new vocabulary before the entry that needs it, and use it from now on. Raises `LedgerUnavailable`."""
        with writing(self._engine, one_at_a_time=True) as connection:
            stored = self.store(connection, new)
        self.keep(stored)
        return stored

    def store(self, connection: Connection, new: Vocabulary) -> Vocabulary:
        """Store a new vocabulary, in a transaction that keeps other writers out; use `keep` after its commit."""
        row = {"model_key": model_key(new.model), "content": new.content()}
        found = connection.execute(_SAME, row).first()
        stored = found[0] if found else chain.append(connection, tables.vocabulary, row)["sequence"]
        return Vocabulary(stored, new.model, new.words)

    def keep(self, stored: Vocabulary) -> None:
        """Use a stored vocabulary for the findings to come."""
        if len(self._current) >= _MOST_KEPT:
            self._current.clear()
        self._current[stored.model] = stored

    def read(self, sequence: int) -> Vocabulary:
        """A stored vocabulary. Raises `LedgerUnavailable` where it is missing or cannot be read."""
        known = self._known.get(sequence)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[sequence] = self._fetch(sequence)
        return known

    def _fetch(self, sequence: int) -> Vocabulary:
        """Read one row."""
        with reading(self._engine) as connection:
            row = connection.execute(_ONE, {"sequence": sequence}).first()
        if row is None:
            raise LedgerUnavailable("The words of an entry of the ledger are missing.")
        return from_row(row)

    def _newest(self, model: ModelInfo) -> Vocabulary:
        """The longest vocabulary of a model, or an empty one."""
        with reading(self._engine) as connection:
            row = connection.execute(_LONGEST, {"model_key": model_key(model)}).first()
        if row is None:
            return Vocabulary(None, model, ())
        stored = from_row(row)
        if stored.fields != FIELDS or stored.model != model:  # written by another version
            return Vocabulary(None, model, ())
        self.keep(stored)
        return stored


def from_row(row: AnyRow) -> Vocabulary:
    """A vocabulary out of the database."""
    try:
        tree = json.loads(zlib.decompress(row.content))  # noqa: TID251 (our own text)
        words = tuple(map(tuple, tree["words"]))
        return Vocabulary(row.sequence, from_tree(ModelInfo, tree["model"]), words, tuple(tree["fields"]))
    except (TypeError, ValueError, LookupError, zlib.error):
        raise LedgerUnavailable("Words of the ledger are not in a form that this version reads.") from None


_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_TABLE = tables.vocabulary
_COLUMNS = select(_TABLE.c.sequence, _TABLE.c.content)
_ONE = _COLUMNS.where(_TABLE.c.sequence == bindparam("sequence"))
_OF_MODEL = _COLUMNS.where(_TABLE.c.model_key == bindparam("model_key"))
_LONGEST = _OF_MODEL.order_by(func.length(_TABLE.c.content).desc(), _TABLE.c.sequence.desc()).limit(1)
_SAME = select(_TABLE.c.sequence).where(
    _TABLE.c.model_key == bindparam("model_key"), _TABLE.c.content == bindparam("content")
)
