"""The recipe of a model's folder: `RECIPE` in its `train.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clinical.errors import ManifestInvalid
from models.runtime.folder_code import TRAINING_FILE, folder_module
from models.training.libraries import is_missing
from models.training.recipe import Recipe


def load_recipe(folder: Path) -> Recipe:
    """The recipe. Raises `ManifestInvalid` where there is none, ModuleNotFoundError where a library is missing."""
    path = folder / TRAINING_FILE
    if not path.is_file():
        raise ManifestInvalid(f"{path} is missing: the model says nothing about its training (scores learn nothing)")
    try:
        module: Any = folder_module(path)
    except Exception as error:  # whatever a file does when it is run, it cannot be trained with
        if is_missing(error):
            raise
        raise ManifestInvalid(f"{path}: cannot be loaded ({type(error).__name__}: {error})") from error
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise ManifestInvalid(f"{path}: has no RECIPE")
    return recipe
