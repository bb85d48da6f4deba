"""Whether a visit may write a risk (SMART App Launch 2.2.0, "Scopes and launch context")."""

from __future__ import annotations

from collections.abc import Iterable

from fhir_adapters.scopes import Cover, cover, of_the_launch

WRITTEN = ("RiskAssessment", "Provenance")


def can_write(scopes: Iterable[str]) -> tuple[str, ...]:
    """Those of the two types that may be created and read back. A scope with a filter gives neither.

    What is written is read back, so leave to create alone is not enough. Two scopes may give the two rights.
    """
    given = list(of_the_launch(scopes))
    return tuple(name for name in WRITTEN if cover("cr", name, given) is Cover.WHOLE)
