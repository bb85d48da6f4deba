"""The figures of the shipped models in a page of words: tables between two marks, made from `evaluation.json`.

`python -m models.training.shipped_figures docs/recipes.md` makes all tables of a page anew. A mark names the folder of
a model: `<!-- figures of icu_mortality -->`; the table ends at `<!-- end of figures -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from clinical import strict_json
from models.runtime.evidence import EVALUATION_FILE
from models.runtime.folder_code import MODELS
from models.training.evidence.cells import MEASURES, NONE, TOO_FEW, decimal, percent

BLOCK = re.compile(r"(<!-- figures of (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
Figures = Mapping[str, Any]


def refreshed(page: str, models: Path = MODELS) -> str:
    """The page with every table made anew. Raises OSError for a model that was not judged."""
    return BLOCK.sub(lambda found: f"{found[1]}{_table(_figures(models / found[2]))}\n{found[3]}", page)


def _figures(folder: Path) -> Any:
    """What training wrote."""
    return strict_json.loads((folder / EVALUATION_FILE).read_bytes())


def _table(found: Figures) -> str:
    """One model: its slices, then what else was measured."""
    head = ["Rows that the model answers", "Rows", *MEASURES.values()]
    lines = [_line(head), _line(["---"] * len(head))]
    for name, one in found["slices"].items():
        figures = [TOO_FEW] if one.get("too_few") else [_span(one.get(measure)) for measure in MEASURES]
        lines.append(_line([name, f"{one['n']:,}", *figures]))
    return "\n".join(["", *lines, "", *(f"- {line}" for line in _further(found)), ""])


def _further(found: Figures) -> Iterator[str]:
    """Every row, tiers, other scores, and the measures that only this model has."""
    main = found["summary"]["slice"]
    for name, one in found["every_row"].items():
        if name == main and not one.get("too_few"):
            yield f"Answered or not, {name}: AUROC {_span(one['auroc'])}, AUPRC {_span(one['auprc'])}."
    for tier, limit in found["thresholds"].items():
        at = found["by_threshold"][tier][main]
        rates = [
            percent(at[key]) if key in at else NONE for key in ("flagged", "sensitivity", "positive_predictive_value")
        ]
        yield f"“{tier}” from {percent(limit)}: {rates[0]} flagged, sensitivity {rates[1]}, PPV {rates[2]}."
    for name, other in found["comparators"].items():
        if not other.get("too_few"):
            its, mine = decimal(other["auroc"][0]), decimal(other["auroc_model"][0])
            yield f"{name}: AUROC {its}, the model on the same rows {mine}."
    if found["measures"]:
        yield "; ".join(f"{name.replace('_', ' ')} {_span(value)}" for name, value in found["measures"].items()) + "."


def _span(figure: Any) -> str:
    """`.849 (.838 to .861)`, `.421`, or a dash."""
    if figure is None:
        return NONE
    if isinstance(figure, int | float):
        return decimal(figure)
    value, low, high = map(decimal, figure)
    return f"{value} ({low} to {high})"


def _line(cells: list[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


@click.command()
@click.argument("pages", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(pages: tuple[Path, ...]) -> None:
    """Make the tables of PAGES anew."""
    for page in pages:
        text = page.read_text("utf-8")
        page.write_text(refreshed(text), "utf-8")
        click.echo(f"{page}: {len(BLOCK.findall(text))} tables")


if __name__ == "__main__":
    main()
