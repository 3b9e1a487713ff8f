"""The recipes are the notebook's nets; its figures are compared with ours by a rule worked out by hand."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.data.choice import form_of
from mnist_bench.experiments.notebook import NOTEBOOK, PUBLISHED, remarkable
from mnist_bench.experiments.scored_recipes import Epoch, ScoredRecipe
from mnist_bench.nets.planner import plan_layers
from mnist_bench.result_table import markdown
from mnist_bench.space_files import space_sources
from support.experiments import epoch, result, scored
from support.paths import ROOT

KERAS = AugmentConfig(
    rotation_degrees=10, zoom=0.1, zoom_per_axis=True, shear_radians=0.1, interpolation="nearest", fill="edge"
)
COUNTS = {
    "linear": (7_850, 7_850),
    "hidden": (79_510, 79_510),
    "vgg": (98_354, 98_354),
    "vgg_as_written": (161_830, 161_830),
    "vgg_augmented": (161_830, 161_830),
    "dropout": (336_940, 336_940),
    "batchnorm": (340_700, 338_820),
    "batchnorm_2": (340_700, 338_820),
    "lr_drop": (340_700, 338_820),
    "three_channels": (340_880, 339_000),
}


@cache
def recipe(name: str) -> TrainConfig:
    return space_sources.recipe(space_sources.load(f"notebook/{name}"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_notebooks(name: str) -> None:
    form = form_of(space_sources.dataset_of(space_sources.load(f"notebook/{name}")))
    net = plan_layers(recipe(name).model, form)
    assert (net.parameters, net.trainable) == COUNTS[name]
    assert PUBLISHED[name].parameters in (None, net.parameters)


@pytest.mark.parametrize("name", PUBLISHED)
def test_all_are_trained_as_keras_did_in_portable_precision(name: str) -> None:
    config = recipe(name)
    assert space_sources.load(f"notebook/{name}").settings["precision"] == "portable"
    assert config.optim == OptimConfig(
        lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, batch_size=32, keep_last_batch=True
    )
    assert config.model.initialisation == "glorot_uniform"
    if config.model.batchnorm != "none":
        assert (config.model.batchnorm, config.model.hidden_batchnorm) == ("after_activation",) * 2
        assert (config.model.batchnorm_momentum, config.model.batchnorm_epsilon) == (0.01, 1e-3)


def test_three_channels_are_trained_on_as_one_is() -> None:
    assert recipe("three_channels") == recipe("batchnorm")
    assert space_sources.dataset_of(space_sources.load("notebook/three_channels")) == "mnist-red"


def test_which_epochs_are_augmented_and_how_fast_they_learn() -> None:
    assert recipe("vgg_augmented").phases == (Phase(epochs=1), Phase(epochs=1, augment=KERAS))
    assert recipe("vgg_augmented").augment == recipe("vgg").augment == AugmentConfig()
    assert {recipe(name).augment for name in ("dropout", "batchnorm", "batchnorm_2", "lr_drop")} == {KERAS}
    assert recipe("batchnorm_2").phases == (Phase(epochs=1), Phase(epochs=1))
    assert recipe("lr_drop").phases == (Phase(epochs=1), Phase(epochs=1, lr=1e-4))
    assert [recipe(name).epochs for name in PUBLISHED] == [10, 10, 1, 1, 2, 1, 1, 2, 2, 1]
    assert [published.epochs for published in PUBLISHED.values()] == [10, 10, *[1] * 8]


def test_the_published_table_is_made_of_the_published_runs() -> None:
    folder = ROOT / "results" / "published"
    rows = [published_row(row) for row in json.loads((folder / "notebook.json").read_text())["rows"]]
    page = (folder / "notebook.md").read_text().splitlines()
    printed = markdown(result(NOTEBOOK, *rows).table()).splitlines()
    assert page[-len(printed) :] == printed


def published_row(row: dict[str, Any]) -> ScoredRecipe:
    runs = tuple(tuple(Epoch(**epoch) for epoch in run) for run in row["runs"])
    names = ("recipe", "precision", "epochs", "parameters", "training_flop", "unended")
    return ScoredRecipe(**{name: row[name] for name in names}, seeds=tuple(row["seeds"]), runs=runs)


@pytest.mark.parametrize(
    ("accuracies", "is_far"), [((0.8953, 0.92, 0.94), False), ((0.93, 0.931), True), ((0.923, 0.9232), False)]
)
def test_a_figure_is_remarkable_beyond_three_deviations_of_the_difference(
    accuracies: tuple[float, ...], is_far: bool
) -> None:
    # Two runs that differ by d deviate by d / sqrt(2); their reach is 3 * sqrt(1 + 1/2) times that: 2.6 d.
    # The notebook's 0.9231 is 0.0074 from the mean of 0.93 and 0.931, whose reach is 0.0026.
    assert ("accuracy" in remarkable(scored("linear", *accuracies))) == is_far


def test_the_training_loss_is_compared_too_and_one_seed_has_no_spread() -> None:
    alike = scored("linear", runs=tuple((epoch(0.92, train_loss=loss),) for loss in (0.2660, 0.2661)))
    apart = scored("linear", runs=tuple((epoch(0.92, train_loss=loss),) for loss in (0.2670, 0.2671)))
    assert ("train_loss" in remarkable(alike), "train_loss" in remarkable(apart)) == (False, True)
    assert remarkable(scored("linear", 0.5)) == []


def test_cells_of_one_seed_and_of_runs_that_did_not_finish() -> None:
    rows = scored("linear", 0.92, unended=1), scored("vgg", unended=2)
    table = result(NOTEBOOK, *rows).table()
    assert table.columns[2].heading == "ours (2 seeds)"
    one, none = table.texts()
    # Of linear's ten epochs the notebook timed all; here there are two, of two seconds each.
    assert one[2:-1] == [
        "92.00% (1 did not finish)", "7,850 =", "31 → 4", "0.2871 → 0.2000", "0.2660 → 0.1000",
    ]  # fmt: skip
    assert none[1:] == ["–", "– (2 did not finish)", "7,850  ", "–", "–", "–", "–"]


def test_the_precision_is_told_and_what_portable_promises() -> None:
    portable = (
        "Trained in portable precision: all figures but the seconds are the same on every x86-64 processor with AVX2."
    )
    kept = scored("dropout", precision="portable")
    assert result(NOTEBOOK, kept, scored("vgg")).table().footnotes == [portable, "Trained in fp32 precision."]
