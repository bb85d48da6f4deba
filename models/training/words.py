"""A model's words in other languages go with its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

WORDS = "words"


def copy_words(folder: Path, out: Path) -> None:
    """Copy the catalogues of one folder of a model into another, where it has any."""
    for path in sorted((folder / WORDS).glob("*.po")):
        (out / WORDS).mkdir(exist_ok=True)
        shutil.copyfile(path, out / WORDS / path.name)
