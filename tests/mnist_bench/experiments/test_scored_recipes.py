"""The runs of a benchmark are what they are said to be: all images, fixed seeds, the test images' own figures, kept
truly; and what follows from them is worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnist_bench.config.settings import AugmentConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.data.choice import DataOptions, form_of
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.tensors import load_dataset
from mnist_bench.errors import DataError, Stopped
from mnist_bench.experiments.scored_recipes import (
    LADDER,
    NOTEBOOK,
    PUBLISHED,
    TARGETS,
    Benchmark,
    Epoch,
    ScoredRecipe,
    ScoredRecipes,
    is_met,
    remarkable,
    train,
    verdict,
)
from mnist_bench.experiments.trainings import Observer, Workplace
from mnist_bench.nets.planner import plan_layers, training_flop
from mnist_bench.numerics import device
from mnist_bench.result_table import markdown
from mnist_bench.space_files import space_sources
from mnist_bench.training.trainer import TorchTrainer, fit
from mnist_bench.training.weights import export, model_in
from search.errors import UsageError
from support import experiments
from support.experiments import epoch, result, scored
from support.own_data import write_data
from support.paths import ROOT

in_this_process = pytest.mark.usefixtures("in_this_process")


def trained(
    folder: Path,
    benchmark: Benchmark,
    *recipes: str,
    observer: Observer | None = None,
    seeds: int = 1,
    workers: int = 1,
    data: str = "data",
) -> ScoredRecipes:
    place = Workplace(observer=observer or Observer(), workers=workers, data_dir=folder / data)
    return train(benchmark, recipes, place, seeds=seeds, precision="fp32", results=folder / "results")


def evaluations(folder: Path) -> list[str]:
    log = folder / "results" / "test-openings.jsonl"
    return [json.loads(line)["purpose"] for line in log.read_text().splitlines()] if log.exists() else []


def by_hand(config: TrainConfig, seed: int, data: Path, images: slice) -> tuple[list[str], int, float]:
    """Return the weights of a run after each epoch, and the errors and loss of its net on other training images."""
    cpu, _ = device.setup("cpu")
    alone = fit(TorchTrainer(load_dataset(DataOptions(data_dir=str(data)), cpu), "fp32"), config, seed)
    pictures = load_training_set(DataOptions()).images
    pixels = pictures.images[: images.start].astype(np.float64)
    shown = (pictures.images[images].astype(np.float64) - pixels.mean()) / pixels.std()
    with torch.no_grad():
        model = model_in(export(alone.state, config), "here")
        logits = model(torch.tensor(shown, dtype=torch.float32).unsqueeze(1)).double().numpy()
    labels = pictures.labels[images]
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(labels)), labels]
    return [report.weights for report in alone.reports], int((logits.argmax(1) != labels).sum()), float(losses.mean())


@pytest.mark.slow
@in_this_process
@pytest.mark.parametrize(("benchmark", "recipe", "scores"), [(NOTEBOOK, "hidden", 10), (LADDER, "99.4", 1)])
def test_runs_are_fit_on_all_images_and_judged_on_the_test_images_alone(
    benchmark: Benchmark, recipe: str, scores: int, tmp_path: Path
) -> None:
    data = write_data(tmp_path / "data", train=300, test=60)
    found = trained(tmp_path, benchmark, recipe)
    (row,) = found.rows
    config = space_sources.recipe(space_sources.load(f"{benchmark.name}/{recipe}"))
    seed = benchmark.seed_of(0)
    weights, errors, loss = by_hand(config, seed, data, slice(300, 360))
    assert [epoch.weights for epoch in row.runs[0]] == weights[-scores:]
    last = row.runs[0][-1]
    assert (last.test_errors, last.test_accuracy, last.test_loss) == pytest.approx(
        (errors, 1 - errors / 60, loss), rel=1e-5
    )
    assert (found.train_images, row.seeds, row.precision, row.epochs) == (300, (seed,), "fp32", config.epochs)
    write_data(tmp_path / "other", train=300, test=60, skip=500)
    judged_anew = trained(tmp_path, benchmark, recipe, data="other").rows[0].runs[0][-1]
    assert (judged_anew.weights == last.weights, judged_anew.test_loss == last.test_loss) == (True, False)
    assert evaluations(tmp_path) == [f"bench {benchmark.name}: {recipe}; 1 seed"] * 2


@pytest.mark.slow
@in_this_process
def test_a_stopped_benchmark_continues_and_nothing_is_trained_or_judged_again(tmp_path: Path) -> None:
    write_data(tmp_path / "data", train=300, test=60)
    of_two = partial(trained, tmp_path, LADDER, "99.0", seeds=2)
    stopped = experiments.Stopping(lambda runs: runs >= 1)
    resumed, again, more = (experiments.Stopping() for _ in range(3))
    with pytest.raises(Stopped):
        of_two(observer=stopped)
    found = of_two(observer=resumed)
    seeds = [LADDER.seed_of(number) for number in range(3)]
    assert sorted(run.seed for run in stopped.ended + resumed.ended) == sorted(seeds[:2])
    assert (stopped.started, resumed.started) == ([2], [resumed.runs])
    opened = len(evaluations(tmp_path))
    assert (of_two(observer=again), again.runs, len(evaluations(tmp_path))) == (found, 0, opened)
    row = of_two(seeds=3, workers=2, observer=more)
    assert (row.rows[0].runs[:2], row.workers) == (found.rows[0].runs, 2)
    assert [run.seed for run in more.ended] == seeds[2:]
    assert of_two(observer=again).workers == 1, "as when they were trained"


@pytest.mark.slow
@in_this_process
def test_recipes_of_other_data_are_trained_apart_and_stand_in_the_benchmarks_order(tmp_path: Path) -> None:
    write_data(tmp_path / "data", train=60, test=30)
    heard = experiments.Stopping()
    found = trained(tmp_path, NOTEBOOK, "three_channels", "linear", "batchnorm", observer=heard)
    assert [row.recipe for row in found.rows] == ["linear", "batchnorm", "three_channels"]
    assert [row.parameters for row in found.rows] == [7_850, 340_700, 340_880]
    assert heard.started == [2, 1]
    parts = ("linear, batchnorm", "three_channels")
    assert evaluations(tmp_path) == [f"bench notebook: {names}; 1 seed" for names in parts]


@pytest.mark.slow
@in_this_process
def test_a_run_that_diverges_is_counted_and_not_averaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path / "data", train=300, test=60)
    config = space_sources.recipe(space_sources.load("notebook/dropout"))
    wild = replace(config, epochs=3, optim=replace(config.optim, optimizer="sgd_nesterov", lr=10.0))
    monkeypatch.setattr(space_sources, "recipe", lambda space: wild)
    (row,) = trained(tmp_path, LADDER, "99.0", seeds=2).rows
    assert (row.runs, row.unended, row.asked) == ((), 2, 2)
    assert evaluations(tmp_path) == [], "there was nothing to judge"


def test_missing_test_files_are_noticed_before_anything_is_trained(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", train=300, test=60)
    (data / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels"):
        trained(tmp_path, LADDER, "99.0")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("benchmark", "recipe", "words"),
    [
        (
            NOTEBOOK,
            "batchnrom",
            r"^batchnrom: no recipe of the notebook; did you mean `batchnorm`\? There are linear, ",
        ),
        (LADDER, "99.5", r"^99\.5: no recipe of the ladder; did you mean `99\..`\? There are 99\.0, "),
    ],
)
def test_an_unknown_recipe_is_named_with_those_that_there_are(
    benchmark: Benchmark, recipe: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        trained(tmp_path, benchmark, recipe)


@pytest.mark.parametrize("benchmark", [NOTEBOOK, LADDER])
def test_every_shipped_recipe_takes_part_and_trains_on_all_images(benchmark: Benchmark) -> None:
    begin = f"{benchmark.name}/"
    shipped = [name for name in space_sources.shipped() if name.startswith(begin)]
    assert {name.removeprefix(begin) for name in shipped} == {*benchmark.recipes}
    assert {space_sources.recipe(space_sources.load(name)).train_on for name in shipped} == {"all"}


# A row


TIMED = scored("linear", runs=tuple((epoch(0.9, seconds=seconds),) * 2 for seconds in (1.0, 50.0, 2.0)))


@pytest.mark.parametrize(
    ("row", "accuracy", "deviation", "seconds"),
    [
        (scored("linear", 0.92, 0.93, 0.94), 0.93, 0.01, 4.0),
        (scored("linear", 0.9), 0.9, None, 4.0),
        (scored("linear", unended=2), None, None, None),
        (TIMED, 0.9, 0.0, 4.0),  # seconds are the median run's
    ],
)
def test_figures_of_a_row(
    row: ScoredRecipe, accuracy: float | None, deviation: float | None, seconds: float | None
) -> None:
    values = row.plain()
    assert (values["accuracy"], values["accuracy_deviation"]) == (pytest.approx(accuracy), pytest.approx(deviation))
    assert (values["low"], values["high"]) == (row.interval or (None, None))
    assert (values["seconds"], row.seconds) == (seconds, seconds)
    assert [len(run) for run in values["runs"]] == [2] * len(row.runs)
    losses = (0.2, 0.1) if row.runs else (None, None)
    assert (values["loss"], values["train_loss"]) == pytest.approx(losses)


def test_a_digest_is_of_all_figures_but_the_seconds() -> None:
    shown = scored("linear", 0.92, 0.94)
    (first, *others), *runs = shown.runs

    def digest_with(**changed: Any) -> str:
        return replace(shown, runs=((replace(first, **changed), *others), *runs)).digest

    assert digest_with(seconds=1.0) == shown.digest
    changed = digest_with(weights="ff"), digest_with(test_errors=2), digest_with(test_loss=0.3)
    assert len({shown.digest, replace(shown, unended=1).digest, *changed}) == 5


# The ladder


def test_seeds_are_fixed_and_their_own_and_targets_are_the_recipes_names() -> None:
    seed_of = LADDER.seed_of
    assert [seed_of(number) for number in range(3)] == [147961454, 4229421305, 1488245288], "runs are kept by them"
    assert len({seed_of(number) for number in range(100)} | set(range(100))) == 200
    assert all(float(name) == pytest.approx(100 * target) for name, target in TARGETS.items())


def test_training_counts_what_is_computed_forward_and_backward() -> None:
    images = 10 * 32 * 32  # ten epochs of whole batches, the last one of 8 images among them
    assert training_flop(recipe("linear"), 1000) == 6 * 7840 * images


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (scored("99.0", *[0.9900, 0.9910] * 5), "met: 99.05% [99.01, 99.09]"),
        (scored("99.0", *[0.9895, 0.9911] * 5), "not met: 99.03% [98.97, 99.09]"),
        (scored("99.0", 0.9950, 0.9850, 0.9899), "not met: 99.00% [97.75, 99.71]"),
        (scored("99.0", 0.999), "not met: 99.90% by one run, which shows no spread"),
        (
            scored("99.0", 0.999, 0.999, unended=1),
            "not met: 1 of 3 runs did not finish, the others 99.90% [99.87, 99.93]",
        ),
        (scored("99.0", unended=2), "not met: 2 of 2 runs did not finish"),
        (scored("99.0", 1.0, 1.0), "not met: 100.00%, without an error to judge by"),
    ],
)
def test_verdicts_in_words(found: ScoredRecipe, words: str) -> None:
    assert verdict(found) == words
    assert is_met(found) == words.startswith("met")


def test_equal_runs_are_known_to_a_fraction_of_an_image() -> None:
    # 10,000 images; rounding to whole ones has a variance of 1/12, so ten are known to 0.21 images, two to 2.6.
    for name, target in TARGETS.items():
        assert not is_met(scored(name, *[target] * 10))
        assert is_met(scored(name, *[target + 1e-4] * 10))
        assert not is_met(scored(name, *[target + 2e-4] * 2))
        assert is_met(scored(name, *[target + 3e-4] * 2))


def test_footnotes_say_on_what_and_how_many_at_a_time() -> None:
    several = " ".join(result(LADDER, scored("99.0", 0.99)).table().footnotes)
    assert "all 60,000 training images" in several
    assert "median over the seeds, 2 at a time." in several
    assert several.endswith("2 cores of An Abacus, fp32, Python 3.11.7, torch 2")
    assert "at a time" not in " ".join(result(LADDER, scored("99.0", 0.99), workers=1).table().footnotes)


# The notebook


def recipe(name: str) -> TrainConfig:
    return space_sources.recipe(space_sources.load(f"notebook/{name}"))


KERAS = AugmentConfig(
    rotation_degrees=10, zoom=0.1, zoom_per_axis=True, shear_radians=0.1, interpolation="nearest", fill="edge"
)
ONE, PLAIN = Phase(epochs=1), AugmentConfig()
NORMED = ("after_activation", "after_activation", 0.01, 1e-3)
NETS: dict[str, tuple[int, int, int, AugmentConfig, tuple[Phase, ...]]] = {
    "linear": (7_850, 7_850, 10, PLAIN, ()),
    "hidden": (79_510, 79_510, 10, PLAIN, ()),
    "vgg": (98_354, 98_354, 1, PLAIN, ()),
    "vgg_as_written": (161_830, 161_830, 1, PLAIN, ()),
    "vgg_augmented": (161_830, 161_830, 2, PLAIN, (ONE, Phase(epochs=1, augment=KERAS))),
    "dropout": (336_940, 336_940, 1, KERAS, ()),
    "batchnorm": (340_700, 338_820, 1, KERAS, ()),
    "batchnorm_2": (340_700, 338_820, 2, KERAS, (ONE, ONE)),
    "lr_drop": (340_700, 338_820, 2, KERAS, (ONE, Phase(epochs=1, lr=1e-4))),
    "three_channels": (340_880, 339_000, 1, KERAS, ()),
}
"""Parameters, those trained, epochs, augmentation and phases."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_nets_are_the_notebooks_trained_as_keras_did_in_portable_precision(name: str) -> None:
    space, config = space_sources.load(f"notebook/{name}"), recipe(name)
    net, model = plan_layers(config.model, form_of(space_sources.dataset_of(space))), config.model
    assert (net.parameters, net.trainable, config.epochs, config.augment, config.phases) == NETS[name]
    assert PUBLISHED[name].parameters in (None, net.parameters)
    assert space.settings["precision"] == "portable"
    assert config.optim == OptimConfig(
        lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, batch_size=32, keep_last_batch=True
    )
    assert model.initialisation == "glorot_uniform"
    normed = (model.batchnorm, model.hidden_batchnorm, model.batchnorm_momentum, model.batchnorm_epsilon)
    assert normed == NORMED or model.batchnorm == "none"
    assert name != "three_channels" or config == recipe("batchnorm")


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


def lossy(*losses: float) -> ScoredRecipe:
    return scored("linear", runs=tuple((epoch(0.92, train_loss=loss),) for loss in losses))


@pytest.mark.parametrize(
    ("row", "figure", "is_far"),
    [
        # Three runs in steps of d deviate by d; their reach is t(2 df, 97.5%) * sqrt(1 + 1/3) = 4.97 times that.
        # The notebook's 0.9231 is 0.0079 from the mean of the first three, 0.0048 from that of the second.
        (scored("linear", 0.930, 0.931, 0.932), "accuracy", True),
        (scored("linear", 0.9269, 0.9279, 0.9289), "accuracy", False),
        (scored("linear", 0.8953, 0.92, 0.94), "accuracy", False),
        (scored("linear", 0.923, 0.9232), "accuracy", False),
        (scored("linear", 0.5), "accuracy", False),  # one seed has no spread
        (lossy(0.2660, 0.2661), "train_loss", False),
        (lossy(0.2670, 0.2671), "train_loss", False),  # two seeds show little of their spread
        (lossy(0.2670, 0.2671, 0.2672), "train_loss", True),
    ],
)
def test_a_figure_is_remarkable_outside_the_interval_of_one_more_run(
    row: ScoredRecipe, figure: str, is_far: bool
) -> None:
    assert (figure in remarkable(row)) == is_far


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
