"""What only training imports. A serving installation has this code, and none of these."""

from __future__ import annotations

# By the names under which they are imported.
LIBRARIES = frozenset({"lightgbm", "pandas", "pyarrow", "scipy", "sklearn", "shap", "threadpoolctl"})


def is_missing(error: BaseException) -> bool:
    """Whether an error says that one of them is not installed."""
    return isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in LIBRARIES
