"""The `evaluation.json` of a model: all figures, whose they are, and the one sentence that cards show."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clinical.wording import percent
from models.runtime.evidence import HOUR
from models.training.rows import EVERY_ROW

FORMAT = 2
EVALUATION_FILE = "evaluation.json"
# A list of plain values goes on one line.
_FLAT = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")


@dataclass(frozen=True, slots=True)
class Run:
    """How the predictions came about.

    `how` opens the sentence ("Cross-validated"), `method` says it in full. `data` are the files by name with their
    SHA-256, `facts` what the texts of the card refer to beside what the manifest says, `settings` the parameters.
    `leaning` is {"by_concept": {label: share}, "not_measured": share}. `measures` are further figures of the main slice
    by name: a number or [value, low, high]. The notes are sentences for the report: about the groups, and about what
    the periods are. `site` marks figures of a hospital's own patients: they make a report and no card, whose words
    would be about the data of the training. `local_fit` says what a local fit changed: `slope`, `intercept`, and each
    measure `before` and `after`.
    """

    how: str
    method: str
    data: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    leaning: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, Any] = field(default_factory=dict)
    groups_note: str = ""
    periods_note: str = ""
    site: bool = False
    local_fit: Mapping[str, Any] = field(default_factory=dict)


def evaluation(figures: Mapping[str, Any], run: Run, digest: str, rows: str) -> dict[str, Any]:
    """The whole document. `digest` is the SHA-256 of the artefact, `rows` what a row is, in the plural ("stays")."""
    head = {
        "format": FORMAT,
        "artefact_sha256": digest,
        "site": run.site,
        "method": run.method,
        "data": dict(run.data),
        "settings": dict(run.settings),
        "facts": dict(run.facts),
        "notes": {"groups": run.groups_note, "periods": run.periods_note},
        "summary": summary(figures, run.how, rows),
        "counted": counted(figures, rows),
        "local_fit": dict(run.local_fit),
    }
    return head | dict(figures) | {"measures": dict(run.measures), "leaning": dict(run.leaning)}


def counted(figures: Mapping[str, Any], rows: str) -> str:
    """What the bins of `reliability` count, in the plural, where people are shown them beside a risk.

    Patients, where each has one row in every slice that is shown; else what a row is (`rows`: "hours").
    """
    main = next(iter(figures["slices"]))
    by_hour = main.startswith(HOUR)
    shown = [one for name, one in figures["slices"].items() if name == main or (by_hour and name.startswith(HOUR))]
    return "patients" if all(one["n"] == one["patients"] for one in shown) else rows


def summary(figures: Mapping[str, Any], how: str, rows: str) -> dict[str, str]:
    """Discrimination of the main slice, and what followed at the lowest threshold, in one sentence.

    Of too few events it says no more than that.
    """
    name, one = next(iter(figures["slices"].items()))
    opening = f"{how} on {one['n']:,} {rows}{where(name)}"
    if "too_few" in one:
        return {"how": how, "slice": name, "sentence": f"{opening}: too few outcomes to judge."}
    sentence = f"{opening}: AUROC {_short(one['auroc'])}"
    tiers = sorted(figures["thresholds"].items(), key=lambda item: float(item[1]))
    if tiers:
        tier, limit = tiers[0]
        followed = figures["by_threshold"][tier][name].get("positive_predictive_value")
        if followed is not None:
            sentence += f"; of the {rows} given {percent(limit)} or more, {percent(followed)} had the outcome"
    return {"how": how, "slice": name, "sentence": f"{sentence}."}


def where(name: str) -> str:
    """A slice in a sentence: ` at hour 24`; nothing where it is all rows."""
    if name == EVERY_ROW:
        return ""
    return f" at {name}" if name.startswith(("hour ", "day ")) else f" ({name})"


def _short(figure: list[float]) -> str:
    """`.84 (.83 to .86)`."""
    value, low, high = (f"{part:.2f}".removeprefix("0") for part in figure)
    return f"{value} ({low} to {high})"


def written(document: Mapping[str, Any]) -> bytes:
    """The bytes of the file: the same for the same document, and readable by people."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    flat = _FLAT.sub(lambda found: "[" + re.sub(r"\n\s*", " ", found[1]) + "]", text)
    return f"{flat}\n".encode()
