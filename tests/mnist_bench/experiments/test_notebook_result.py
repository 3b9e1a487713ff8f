"""The recipes are the notebook's nets; its figures are compared with ours by a rule worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.data.mnist import form_of
from mnist_bench.experiments.notebook import PUBLISHED, Epoch, NotebookRow, Published, plain
from mnist_bench.experiments.test_set_scores import chosen
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.space_files import space_sources
from search.errors import UsageError

KERAS = AugmentConfig(
    rotation_degrees=10, zoom=0.1, zoom_per_axis=True, shear_radians=0.1, interpolation="nearest", fill="edge"
)
WHAT = "recipe of the notebook"
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


def recipe(name: str) -> TrainConfig:
    return space_sources.recipe(space_sources.load(f"notebook/{name}"))


def test_every_shipped_recipe_is_a_row() -> None:
    shipped = {name.removeprefix("notebook/") for name in space_sources.shipped() if name.startswith("notebook/")}
    assert shipped == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_all_are_portable_and_otherwise_as_they_were(name: str) -> None:
    now, former = (space_sources.load(f"{folder}/{name}").to_spec() for folder in ("notebook", "former/0.1/notebook"))
    former["settings"]["precision"] = "portable"
    assert now == former


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_notebooks(name: str) -> None:
    form = form_of(space_sources.dataset_of(space_sources.load(f"notebook/{name}")))
    net = plan_layers(recipe(name).model, form)
    assert (net.parameters, net.trainable) == COUNTS[name]
    assert PUBLISHED[name].parameters in (None, net.parameters)


@pytest.mark.parametrize("name", PUBLISHED)
def test_all_are_trained_as_keras_did(name: str) -> None:
    config = recipe(name)
    assert config.train_on == "all"
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


def test_choosing_recipes() -> None:
    assert chosen((), PUBLISHED, WHAT) == tuple(PUBLISHED)
    assert chosen(("lr_drop", "linear"), PUBLISHED, WHAT) == ("linear", "lr_drop")
    with pytest.raises(UsageError, match=r"batchnrom: no recipe of the notebook; did you mean `batchnorm`\?"):
        chosen(("linear", "batchnrom"), PUBLISHED, WHAT)


def row(accuracies: list[float], published: Published = PUBLISHED["linear"]) -> NotebookRow:
    epochs = [
        Epoch(train_loss=0.1, test_loss=0.2, test_errors=1, test_accuracy=value, seconds=3.0, weights="00")
        for value in accuracies
    ]
    runs = tuple((replace(epoch, seconds=100.0), epoch, epoch) for epoch in epochs)
    return NotebookRow(
        recipe="linear", precision="portable", published=published, parameters=7850, trainable=7850, epochs=2, runs=runs
    )


def test_figures_of_a_row() -> None:
    shown = row([0.92, 0.93, 0.94])
    assert shown.accuracy == pytest.approx((0.93, 0.01))
    assert shown.loss == pytest.approx((0.2, 0.0))
    assert shown.seconds == 6.0
    assert shown.band("accuracy") == pytest.approx((0.93 - 0.03 * (4 / 3) ** 0.5, 0.93 + 0.03 * (4 / 3) ** 0.5))


@pytest.mark.parametrize(("accuracy", "remarkable"), [(0.8953, True), (0.8954, False), (0.9646, False), (0.9647, True)])
def test_a_figure_is_remarkable_beyond_three_deviations_of_the_difference(accuracy: float, remarkable: bool) -> None:
    shown = row([0.92, 0.93, 0.94], Published(accuracy=accuracy))
    assert shown.remarkable == (("accuracy",) if remarkable else ())


def test_the_training_loss_is_compared_too() -> None:
    assert row([0.92, 0.94], Published(train_loss=0.1)).remarkable == ()
    assert row([0.92, 0.94], Published(train_loss=0.11)).remarkable == ("train_loss",)


def test_runs_that_all_diverged_have_no_figures() -> None:
    nothing = plain(row([]))
    assert (nothing["accuracy"], nothing["seconds"], nothing["remarkable"]) == (None, None, ())
    assert nothing["digest"] is None


def test_one_seed_has_no_spread_to_judge_by() -> None:
    assert row([0.5]).band("accuracy") is None
    assert row([0.5]).remarkable == ()


def test_a_digest_is_of_all_figures_but_the_seconds() -> None:
    shown = row([0.92, 0.94])
    (first, *others), *runs = shown.runs

    def digest_with(epoch: Epoch) -> str:
        return replace(shown, runs=((epoch, *others), *runs)).digest

    assert digest_with(replace(first, seconds=1.0)) == shown.digest
    changed = (replace(first, weights="01"), replace(first, test_errors=2), replace(first, test_loss=0.3))
    assert len({shown.digest, replace(shown, diverged=1).digest, *map(digest_with, changed)}) == 5


def test_plain_values() -> None:
    values = plain(row([0.92, 0.94]))
    assert values["accuracy"] == pytest.approx(0.93)
    assert (values["precision"], len(values["digest"])) == ("portable", 64)
    assert values["published"]["accuracy"] == 0.9231
    assert [len(run) for run in values["runs"]] == [3, 3]
