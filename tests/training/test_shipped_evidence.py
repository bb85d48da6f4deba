"""What is shipped holds together: ranges by group, thresholds and their budgets, and the figures on pages of words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.read_manifest import read_untrained
from models.sepsis_6h.train import RAISED
from models.training.load_recipe import load_recipe
from models.training.shipped_figures import BLOCK, refreshed

DOCS = MODELS_FOLDER.parent / "docs"
SHIPPED = sorted(path.parent.name for path in MODELS_FOLDER.glob("*/out_of_fold.f32"))
# Groups whose mean range does not meet what happened, and the words in which the card's limits say so.
EXCEPTIONS = {
    (
        "mortality_10y",
        "income to poverty line",
        "4 and above",
    ): "four times the poverty line or more by about a quarter",
}
# Of ten tenths, each with a 95 % interval, two or three fail by chance in some of dozens of groups; four do not.
FEWEST_TENTHS = 7
# A tier may spend so much more or less than its budget: a threshold is rounded to four digits and set by hand.
LEEWAY = 0.02
FIGURE = re.compile(r"(AUROC|AUPRC|utility|slope) (\d?\.\d+)(?: at (\d+) h)?|, (\d?\.\d+) at (\d+) h")
NAMES = {"AUROC": "auroc", "AUPRC": "auprc", "slope": "slope"}


def evaluation(model: str) -> Any:
    """The figures of a shipped model."""
    return json.loads((MODELS_FOLDER / model / "evaluation.json").read_bytes())


def limits(model: str) -> str:
    """The source of a card, on one line."""
    return " ".join((MODELS_FOLDER / model / "attributes.toml").read_text("utf-8").split())


@pytest.mark.parametrize("model", SHIPPED)
def test_ranges_hold_in_every_group(model: str) -> None:
    """What happened meets the mean range; where it does not, the card names the group."""
    apart = set()
    for attribute, members in evaluation(model)["coverage"].items():
        for name, one in members.items():
            if one.get("too_few"):
                continue
            assert one["parts_agreeing"] >= FEWEST_TENTHS, (attribute, name)
            if not one["agrees"]:
                apart.add((model, attribute, name))
    assert apart <= EXCEPTIONS.keys()
    for exception, words in EXCEPTIONS.items():
        if exception[0] == model:
            assert words in limits(model), exception


@pytest.mark.parametrize("model", SHIPPED)
def test_a_tier_spends_its_budget(model: str) -> None:
    """The share that a tier flags in cross-validation is the share that the recipe allows."""
    found, budgets = evaluation(model), load_recipe(MODELS_FOLDER / model).budgets
    main = found["summary"]["slice"]
    for tier, budget in budgets.items():
        assert found["by_threshold"][tier][main]["flagged"] == pytest.approx(budget, rel=LEEWAY), tier


@pytest.mark.parametrize("model", ["sepsis_6h", "sepsis_6h_physiology"])
def test_alerts_that_hold_are_judged_at_the_threshold_of_the_manifest(model: str) -> None:
    """The number stands in one place."""
    (tier,) = (tier for tier in read_untrained(MODELS_FOLDER / model / "model.toml").tiers if tier.name == RAISED)
    for name in ("utility_held", "alerts_a_day", "septic_of_alerted", "caught_before_onset"):
        measure: Any = load_recipe(MODELS_FOLDER / model).measures[name]
        assert measure.keywords == {"threshold": tier.at_least}
    for path in ("sepsis_6h/train.py", "sepsis_6h_physiology/train.py"):
        assert f"{tier.at_least:g}" not in (MODELS_FOLDER / path).read_text("utf-8")


def test_the_figures_of_the_recipes_are_those_of_the_models() -> None:
    """Every shipped model has its table. Mend it: python -m models.training.shipped_figures docs/recipes.md"""
    page = (DOCS / "recipes.md").read_text("utf-8")
    assert sorted(name for _, name, _ in BLOCK.findall(page)) == SHIPPED
    assert refreshed(page) == page


def test_a_figure_typed_into_a_table_does_not_stay(tmp_path: Path) -> None:
    """Whatever stands between the marks is made anew; all else stays as it is."""
    page = "a .123 b\n<!-- figures of mortality_10y -->\nAUROC .98765\n<!-- end of figures -->\nc\n"
    made = refreshed(page)
    assert ".98765" not in made
    assert made.startswith("a .123 b\n<!-- figures of mortality_10y -->\n")
    value = evaluation("mortality_10y")["slices"]["every row"]["auroc"][0]
    assert f"{value:.3f}".removeprefix("0") in made
    assert refreshed(made) == made


@pytest.mark.parametrize("model", [name for name in SHIPPED if name != "sepsis_6h_physiology"])
def test_the_figures_of_the_first_page_are_those_of_the_models(model: str) -> None:
    """The table of the README, to the digits that it gives."""
    found, readme = evaluation(model), (DOCS.parent / "README.md").read_text("utf-8")
    (line,) = (line for line in readme.splitlines() if line.startswith(f"| `{model.replace('_', '-')}` |"))
    hits = FIGURE.findall(line)
    assert hits, line
    for name, value, hour, value_later, later in hits:
        at = f"hour {hour or later}" if hour or later else found["summary"]["slice"]
        told, figure = value or value_later, found["slices"][at].get(NAMES.get(name or "AUROC", ""))
        exact = figure[0] if figure else found["measures"][name]
        assert float(told) == pytest.approx(exact, abs=0.51 * 10.0 ** -len(told.partition(".")[2])), line
