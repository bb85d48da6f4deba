"""What shipped models may cost, without a clock: memory of a worker, what it has loaded, how much a call adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import every_service
from bench.every_service import Service
from bench.goals import Goal
from bench.predictions import MEMORY
from bench.side_by_side import ROOT, free_port
from models.runtime.catalogue import MODELS_FOLDER, read_manifests, trained_folders
from models.runtime.manifest_parts import parse
from models.runtime.model import TreeRiskModel

# Of what only training needs. Each has compiled code, so a process that has imported it shows its files.
OF_TRAINING = {"sklearn", "shap", "lightgbm", "numba", "llvmlite", "scipy", "pandas", "pyarrow", "skops", "matplotlib"}
# With these an explanation stays well below 4 ms; the largest shipped model takes half to two thirds of each.
MOST_TREES, MOST_LEAVES = 6_000, 60_000
# Numbers that one explanation looks up and adds up, and those that it works out anew for leaves on very long paths.
MOST_LOOKED_UP, MOST_WORKED_OUT = 80_000, 250_000
MOST_TABLE_MB, MOST_TABLES_MB = 60, 120


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The shipped server after every model has answered."""
    return every_service.measure(ROOT, tmp_path_factory.mktemp("every-service"), free_port(), times=1)


@pytest.fixture(scope="module", params=trained_folders(), ids=lambda folder: folder.name)
def model(request: pytest.FixtureRequest) -> TreeRiskModel:
    """Each model that was trained."""
    return TreeRiskModel.load(request.param / "model.toml")


def test_every_model_has_worked_before_memory_is_read(service: Service) -> None:
    """All services answer, and every trained model gives a risk."""
    assert service.answered == frozenset(read_manifests())
    assert service.assessed >= {
        str(parse(folder / "model.toml", [])["id"]) for folder in trained_folders(MODELS_FOLDER)
    }


def test_one_worker_with_all_models_stays_within_its_memory(service: Service) -> None:
    """Resident, with all that it shares; and with its master, what both share counted once."""
    assert 0 < service.worker_mb < MEMORY.most
    assert 0 < service.memory_mb < MEMORY.most


def test_a_service_that_has_answered_has_loaded_nothing_of_training(service: Service) -> None:
    """Not at the start, and not at the first call either, where somebody would wait for it."""
    assert "numpy" in service.compiled
    assert service.compiled.isdisjoint(OF_TRAINING)


def test_an_explanation_has_so_much_to_add_up_at_most(model: TreeRiskModel) -> None:
    """The time of an explanation goes with these numbers; a model that needs more is too large to be shipped."""
    shapley = model._explainer._shapley
    trees = [tree for member in model._artefact.members for tree in member.trees]
    pieces, width = len(shapley._tables._first_line), shapley._tables.table.shape[1]
    assert len(trees) <= MOST_TREES
    assert sum(int(tree["is_leaf"].sum()) for tree in trees) <= MOST_LEAVES
    assert pieces * width <= MOST_LOOKED_UP
    assert sum(len(deep._factor) * len(deep._leaf) for deep in shapley._deep) <= MOST_WORKED_OUT
    assert shapley._tables.table.nbytes <= MOST_TABLE_MB * 1e6


def test_the_tables_of_all_models_leave_room_in_a_worker() -> None:
    """They are the largest thing that a model holds."""
    models = [TreeRiskModel.load(folder / "model.toml") for folder in trained_folders()]
    assert sum(one._explainer._shapley._tables.table.nbytes for one in models) <= MOST_TABLES_MB * 1e6


def test_a_goal_says_whether_it_is_met() -> None:
    """At the limit it is; a figure that is no number never is."""
    goal = Goal("memory", 400.0, "MB", 0)
    assert goal.line(400.0) == "memory: 400 MB. Goal at most 400 MB: met."
    assert goal.line(400.1).endswith("MISSED.")
    assert not goal.met(float("nan"))


def test_the_command_of_the_bench_has_an_end_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missed goal makes the exit code 1, so that a script notices."""
    from click.testing import CliRunner

    from bench import predictions

    monkeypatch.setattr(predictions, "trained_folders", lambda _: ())
    for verdict, code in (([True, True], 0), ([True, False], 1)):
        monkeypatch.setattr(predictions, "_service", lambda verdict=verdict: verdict)
        assert CliRunner().invoke(predictions.main, ["--data", str(tmp_path)]).exit_code == code
