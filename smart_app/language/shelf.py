"""The languages that there are: the catalogues of the page, and the words that rooms and models bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from smart_app.language.catalogue import read_catalogue
from smart_app.language.language import Language

OWN = Path(__file__).parent / "catalogues"
# Where a room or a model keeps the words for its own sentences: `words/es.po`.
WORDS = "words"


def load_languages(beside: Iterable[Path] = ()) -> Mapping[str, Language]:
    """Each language that the page has catalogues for, by its tag, with what the folders beside it bring.

    Raises `SettingsInvalid`.
    """
    folders = tuple(beside)
    return {own.name: _language(own, folders) for own in sorted(OWN.iterdir()) if own.is_dir()}


def _language(own: Path, folders: tuple[Path, ...]) -> Language:
    """One language."""
    brought = [folder / WORDS / f"{own.name}.po" for folder in folders]
    files = [*sorted(own.glob("*.po")), *filter(Path.is_file, brought)]
    return Language(own.name, read_catalogue(files, own.name))
