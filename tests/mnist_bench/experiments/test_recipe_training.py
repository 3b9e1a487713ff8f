"""Several seeds of a recipe, in this process or in others: the same bits, and heard of by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.experiments import recipe_training
from mnist_bench.experiments.recipe_training import Options, RecipeTraining
from search.errors import SpaceError
from support import own_nets
from support.own_data import arrays, write_npz

SMALL = {"epochs": 2, "subset": 1200, "model": {"blocks": 1, "filters": 4, "hidden_layers": 0}}
SEEDS = (7, 3, 5)


def bits(training: RecipeTraining, workers: int) -> list[tuple[bytes, list[tuple[float | None, str]]]]:
    """Return each seed's last state, and the accuracies and weights of its periods."""
    heard: dict[int, list[tuple[float | None, str]]] = {seed: [] for seed in SEEDS}
    results = training.fit_seeds(
        SEEDS, workers, lambda seed, report: heard[seed].append((report.value, report.weights))
    )
    found = [[(report.value, report.weights) for report in result.reports] for result in results]
    assert found == [heard[seed] for seed in SEEDS]
    return [(result.state, reports) for result, reports in zip(results, found, strict=True)]


@pytest.mark.slow
def test_seeds_that_train_at_once_come_to_the_bits_of_one_after_the_other() -> None:
    training = recipe_training.of_recipe(SMALL, Options())
    alone = bits(training, 1)
    assert bits(training, 2) == alone
    assert [len(reports) for _, reports in alone] == [2, 2, 2]
    assert len({state for state, _ in alone}) == 3


def test_a_subset_that_the_data_do_not_hold_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mine = write_npz(tmp_path / "mine.npz", arrays(classes=10, side=28))
    with pytest.raises(SpaceError, match="subset: 1200 is more than there are: 400 images;"):
        recipe_training.of_recipe(SMALL, Options(data_dir=mine))


@pytest.mark.slow
def test_other_processes_build_a_net_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_nets.py").write_text(own_nets.GOOD)
    monkeypatch.chdir(tmp_path)
    training = recipe_training.of_recipe({"epochs": 1, "subset": 1200}, Options(net="my_nets.py:build"))
    assert bits(training, 2) == bits(training, 1)
