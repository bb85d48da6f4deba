"""A made-up model: figures of drawn predictions, facts, and a source that says something to everything."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.training import measures
from models.training.evidence.evaluation import Run, evaluation
from models.training.evidence.figures import figures as all_figures
from models.training.evidence.scored import Scored
from models.training.model_card.attributes import ATTRIBUTES, SENSITIVE
from models.training.model_card.notes import NOTES
from models.training.model_card.read import read_card
from models.training.model_card.view import view


@pytest.fixture(scope="session")
def evaluated():
    """The evaluation of 600 patients whose outcomes were drawn from their predictions; one group is too small to judge.

    Few resamples: what the intervals are is shown elsewhere.
    """
    rng = np.random.default_rng(3)
    p = rng.beta(1.2, 6.0, 600)
    number = np.arange(600)
    scored = Scored(
        rng.random(600) < p,
        p,
        number,
        slices={"hour 24": number >= 0, "hour 48": number < 400},
        groups={"sex": {"female": number % 2 == 0, "male": number % 2 == 1, "other <x>": number < 4}},
        comparators={"NEWS2": p + rng.normal(0, 0.2, 600)},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "RESAMPLES", 20)
        found = all_figures(scored, {"raised": 0.2, "high": 0.4})
    run = Run("Drawn", "Outcomes drawn from predictions.", facts={"members": "3"})
    return evaluation(found, run, "ab" * 32, "stays")


@pytest.fixture(scope="session")
def figures(evaluated):
    """Its figures in the words of a card."""
    return view(evaluated)


@pytest.fixture
def facts():
    """What a manifest would say, some of it hard to print."""
    return {
        "id": "made-up",
        "title": "Risk of <b>something</b> & more | pipes",
        "version": "1.2.3",
        "digest": "ab" * 32,
        "description": "Estimates a made-up risk.",
        "intended_use": "Supports clinical judgement, does not replace it.",
        "outcome": "something",
        "base_rate": "16.7 %",
    }


@pytest.fixture
def source():
    """The tables of a whole source."""
    attributes = {one.id: f"Words enough to answer {one.id} in full." for one in ATTRIBUTES}
    attributes["sensitive-inputs"] = f"Speaks of {', '.join(SENSITIVE)}."
    attributes["validity-same-source"] = (
        "AUROC {slices[hour 24].auroc} on {slices[hour 24].rows} rows.\n\n- first <i>item</i>\n- second\n  item"
    )
    attributes["training-representativeness"] = "All of {groups.sex|counts}."
    attributes["fairness-same-source"] = (
        "{groups.sex|groups}. Ratios run from {groups.sex|range observed_per_expected}."
    )
    missing = {"external-data": attributes.pop("external-data").replace("Words", "No words")}
    card = {name: f"Words enough about {name}, version {{version}}." for name in NOTES}
    card["how_to_use"] = "First run `chartside &c` now, then look."
    card |= {"rows": "stays", "keywords": ["risk", "made-up"], "bibliography": "@misc{made2026, title={{Made up}}}"}
    return {"attributes": attributes, "not_available": missing, "card": card}


@pytest.fixture
def folder(tmp_path):
    """Writes a source into a folder and gives the folder."""

    def write(source):
        lines = []
        for table, members in source.items():
            lines.append(f"[{table}]")
            lines += [f"{name} = {_toml(value)}" for name, value in members.items()]
        (tmp_path / "attributes.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def card(folder, source, figures, facts):
    """The card of the made-up model."""
    return read_card(folder(source), figures, facts)


def _toml(value):
    """A value as TOML; JSON's strings and lists are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
