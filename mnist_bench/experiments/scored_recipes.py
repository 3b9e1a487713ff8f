"""Shipped recipes trained over seeds and scored on the test images: the core of `bench notebook` and `bench ladder`.

All training images. Epochs and seeds are fixed before the test set is opened, so the test images decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from types import MappingProxyType
from typing import Any, Literal

from mnist_bench import cells
from mnist_bench.config.settings import DatasetName, TrainConfig
from mnist_bench.data.choice import DataOptions, form_of
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.test_set import unopened_identity
from mnist_bench.experiments.trainings import Grid, Scores, Task, Workplace, open_grid
from mnist_bench.nets.planner import plan_layers, training_flop
from mnist_bench.numerics.device import Machine, this_machine
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.result_table import Figure, ShownAsTable, Table
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.content import precision_of
from mnist_bench.statistics import mean_and_deviation, share_interval, t_interval
from search import canonical_json, hashed
from search.errors import UsageError
from search.messages import did_you_mean, number_of, show
from search.study.folder import ResultsFolder
from search.trainer_api import Report

FigureName = Literal["accuracy", "loss", "train_loss"]
FIGURES: Mapping[FigureName, str] = MappingProxyType(
    {"accuracy": "test_accuracy", "loss": "test_loss", "train_loss": "train_loss"}
)  # the figures of a run by the field of its last epoch: on the test images, and the epoch's training loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """An epoch of a run, and the net's results on the test images after it."""

    train_loss: float  # mean cross-entropy of the epoch's batches, nats
    test_loss: float
    test_errors: int
    test_accuracy: float  # 0..1
    seconds: float  # of training since the results before, evaluation included
    weights: str  # SHA-256 of the weights


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredRecipe:
    """One recipe and its runs."""

    recipe: str  # its name in the folder of the benchmark's recipes
    precision: str
    epochs: int
    parameters: int  # weights, biases and running statistics
    training_flop: int  # floating-point operations of a run's training, see `nets.planner.training_flop`
    seeds: tuple[int, ...]  # of the runs, in their order
    runs: tuple[tuple[Epoch, ...], ...]
    """The scored epochs of each run that trained to its end, the last epoch among them."""
    unended: int  # further seeds, whose training diverged or ran out of memory

    @property
    def asked(self) -> int:
        """The number of seeds that were asked for."""
        return len(self.runs) + self.unended

    def values(self, figure: FigureName) -> list[float]:
        """Return a figure of each run after its last epoch."""
        return [getattr(run[-1], FIGURES[figure]) for run in self.runs]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the mean test accuracy (`share_interval`); None for fewer than two runs, or no errors."""
        last = [run[-1] for run in self.runs]
        image = next(((1 - epoch.test_accuracy) / epoch.test_errors for epoch in last if epoch.test_errors), 0.0)
        return share_interval(self.values("accuracy"), step=image)

    @property
    def seconds(self) -> float | None:
        """Median seconds of training of one run, on one worker; None if none ended."""
        return median(sum(epoch.seconds for epoch in run) for run in self.runs) if self.runs else None

    @property
    def digest(self) -> str:
        """SHA-256 over the epochs of all runs, seconds aside: equal if the same seeds were trained to the same bits."""
        epochs = [[{**asdict(epoch), "seconds": None} for epoch in run] for run in self.runs]
        return canonical_json.sha256([epochs, self.unended])

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON; without means if no run ended, without deviations of one run."""
        found: dict[str, Any] = asdict(self)
        for figure in FIGURES:
            values = self.values(figure)
            mean, deviation = mean_and_deviation(values) if values else (None, None)
            found |= {figure: mean, f"{figure}_deviation": deviation if len(values) > 1 else None}
        low, high = self.interval or (None, None)
        return {**found, "low": low, "high": high, "seconds": self.seconds, "digest": self.digest}


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """Recipes that are trained and scored alike, and what their table shows."""

    name: str  # the folder of the recipes among the shipped spaces. Their runs are kept in `_NAME` of the results.
    recipes: tuple[str, ...]
    every_epoch: bool  # whether the nets are scored after every epoch, or after the last alone
    seed_of: Callable[[int], int]  # returns the seed of a run by its number, from 0
    figures: Callable[[ScoredRecipes], Sequence[Figure[ScoredRecipe]]]
    """Those with a key join the plain values of a recipe."""
    footnotes: Callable[[ScoredRecipes], Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ScoredRecipes(ShownAsTable):
    """The result of a benchmark, and the machine that measured it."""

    benchmark: Benchmark
    machine: Machine
    workers: int  # runs that were trained at a time, at most
    train_images: int
    rows: tuple[ScoredRecipe, ...]

    def table(self) -> Table[ScoredRecipe]:
        """Return a row per recipe."""
        figures, footnotes = self.benchmark.figures(self), self.benchmark.footnotes(self)
        table = Table(rows=self.rows, figures=figures, footnotes=footnotes)
        document = {
            "machine": asdict(self.machine),
            "workers": self.workers,
            "train_images": self.train_images,
            "rows": [row.plain() | table.record(row) for row in self.rows],
        }
        return replace(table, document=document)


def train(
    benchmark: Benchmark,
    recipes: Sequence[str],
    place: Workplace,
    *,
    seeds: int,
    precision: PrecisionName = "auto",
    results: Path,
) -> ScoredRecipes:
    """Train recipes of a benchmark, all if none is named, with every seed, and score them on the test images.

    The precision `auto` is that of each recipe. What was trained before in the same conditions is not trained again.
    """
    names = _chosen(recipes, benchmark)
    given = () if precision == "auto" else (f"precision={precision}",)
    alike: dict[tuple[DatasetName, str], dict[str, TrainConfig]] = {}  # what the same workers train
    for name in names:
        space = space_sources.load(f"{benchmark.name}/{name}", given)
        where = space_sources.dataset_of(space), precision_of(space)
        alike.setdefault(where, {})[name] = space_sources.recipe(space)
    files, parts = DataOptions(data_dir=str(place.data_dir.resolve()) if place.data_dir else None), []
    for (dataset, named), configs in alike.items():
        data = replace(files, dataset=dataset, form=form_of(dataset, files.form))
        what, identity = f"The {benchmark.name} in {results}/", unopened_identity(data)
        with open_grid(results / f"_{benchmark.name}", what, place, load_training_set(data), named, identity) as grid:
            parts.append(_trained(benchmark, configs, seeds, results, grid))
    rows = {row.recipe: row for part in parts for row in part.rows}
    return replace(parts[0], workers=max(part.workers for part in parts), rows=tuple(rows[name] for name in names))


def _chosen(names: Sequence[str], benchmark: Benchmark) -> list[str]:
    """Return the named recipes of a benchmark in its order, all of them for none."""
    for name in names:
        if name not in benchmark.recipes:
            hint = did_you_mean(name, benchmark.recipes) or "."
            known = ", ".join(benchmark.recipes)
            raise UsageError(f"{show(name)}: no recipe of the {benchmark.name}{hint} There are {known}.")
    return [name for name in benchmark.recipes if not names or name in names]


def _trained(
    benchmark: Benchmark, configs: Mapping[str, TrainConfig], count: int, results: Path, grid: Grid
) -> ScoredRecipes:
    """Return the result of the recipes that a grid trains, as `train` does."""
    seeds, whole_names = map(benchmark.seed_of, range(count)), {name: f"{benchmark.name}/{name}" for name in configs}
    machine = this_machine(grid.numerics["device"], grid.numerics["precision"])
    images, form = grid.data.split.images, grid.data.options.form
    purpose = f"bench {benchmark.name}: {', '.join(configs)}; {number_of(count, 'seed')}"

    def scored(task: Task, period: int, report: Report, state: bytes) -> Report:
        if not report.end and (benchmark.every_epoch or period == len(task.costs)):
            found = scores.score(task, state)
            figures = {"test_errors": found.errors, "test_accuracy": found.accuracy, "test_loss": found.loss}
            return replace(report, metrics={**report.metrics, **figures})
        return report

    def row(name: str) -> ScoredRecipe:
        runs = {task.seed: curves[task.key] for task in tasks if task.name == whole_names[name]}
        ended = {seed: curve for seed, curve in runs.items() if curve[-1].end is None}
        return ScoredRecipe(
            recipe=name,
            precision=machine.precision,
            epochs=configs[name].epochs,
            parameters=plan_layers(configs[name].model, form).parameters,
            training_flop=training_flop(configs[name], images, form),
            seeds=tuple(ended),
            runs=tuple(map(_epochs, ended.values())),
            unended=count - len(ended),
        )

    tasks = grid.tasks({whole_names[name]: config for name, config in configs.items()}, [*seeds])
    grid.announce(tasks)
    scores = Scores(grid, purpose=purpose, logs=[ResultsFolder(results).test_log])
    curves = grid.train(tasks, on_period=scored)
    # How many processes train at a time decides how long each takes.
    workers = 1 + max(report.worker or 0 for curve in curves.values() for report in curve)
    rows = tuple(map(row, configs))
    return ScoredRecipes(benchmark=benchmark, machine=machine, workers=workers, train_images=images, rows=rows)


def _epochs(curve: Sequence[Report]) -> tuple[Epoch, ...]:
    """Return the scored epochs of a run."""
    epochs, seconds = [], 0.0
    for report in curve:
        metrics: Mapping[str, Any] = report.metrics
        seconds += report.seconds
        if "test_loss" in metrics:
            figures = {name: metrics[name] for name in ("train_loss", "test_loss", "test_errors", "test_accuracy")}
            epochs.append(Epoch(**figures, seconds=seconds, weights=report.weights))
            seconds = 0.0
    return tuple(epochs)


# The ladder


TARGETS: Mapping[str, float] = MappingProxyType({"99.0": 0.990, "99.4": 0.994, "99.6": 0.996, "99.7": 0.997})
"""Test accuracies (0..1) by the names of their recipes."""


def is_met(row: ScoredRecipe) -> bool:
    """Return whether every seed trained to its end, and the interval lies at or above the target."""
    return not row.unended and row.interval is not None and row.interval[0] >= TARGETS[row.recipe]


def verdict(row: ScoredRecipe) -> str:
    """Return whether a target was met, with the figures: "met: 99.05% [99.02, 99.08]"."""
    accuracies, (low, high) = row.values("accuracy"), row.interval or (None, None)
    figures = f"{cells.percent(fmean(accuracies))} {cells.interval(low, high)}".strip() if accuracies else ""
    if row.unended:
        others = f", the others {figures}" if accuracies else ""
        figures = f"{row.unended} of {row.asked} runs did not finish{others}"
    elif row.interval is None:
        figures += " by one run, which shows no spread" if len(accuracies) == 1 else ", without an error to judge by"
    return f"{'met' if is_met(row) else 'not met'}: {figures}"


def _ladder_columns(found: ScoredRecipes) -> list[Figure[ScoredRecipe]]:
    return [
        Figure("target", lambda row: TARGETS[row.recipe], 9, cell=lambda share: cells.percent(share, 1), key="target"),
        Figure("", is_met, key="met"),
        Figure("reached", verdict, 8),
        Figure("recipe", lambda row: f"ladder/{row.recipe}", 4),
        Figure("epochs", lambda row: row.epochs, 5, "right"),
        Figure("parameters", lambda row: f"{row.parameters:,}", 3, "right"),
        Figure("TFLOP", lambda row: cells.significant(row.training_flop / 1e12, 2), 2, "right"),
        Figure("seeds", lambda row: row.asked, 2, "right"),
        Figure("training", lambda row: "–" if row.seconds is None else cells.duration(row.seconds), 7, "right"),
    ]


def _ladder_footnotes(found: ScoredRecipes) -> list[str]:
    """Return the meaning of the table's figures, and the machine that measured them."""
    together = f", {found.workers} at a time" if found.workers > 1 else ""
    return [
        "",
        f"Trained on all {found.train_images:,} training images. In brackets: 95% interval of the mean test accuracy "
        "after the last epoch;",
        "a target is met if its lower end reaches it. Epochs and seeds were fixed before the test set was evaluated.",
        "TFLOP: 6 operations per multiply-accumulate (2 forward, 4 backward) over the training of a run, in 10^12.",
        f"training: seconds of a run on one worker, median over the seeds{together}.",
        found.machine.sentence,
    ]


LADDER = Benchmark(
    name="ladder",
    recipes=tuple(TARGETS),
    every_epoch=False,
    seed_of=lambda number: hashed.derived_seed("ladder", number),  # none of those by which the recipes were found
    figures=_ladder_columns,
    footnotes=_ladder_footnotes,
)


# The notebook of 2017


MEANT = "lr_drop: what the notebook meant to run, batchnorm and then an epoch at a tenth of the learning rate."
PORTABLE = (
    "Trained in portable precision: all figures but the seconds are the same on every x86-64 processor with AVX2."
)
REMARKABLE = "! outside the range that holds one more run of ours in 95 of 100 cases"
ALIKE = "= as many parameters as the notebook's network has"
DIGEST = "digest: the first 8 hexadecimal digits of the SHA-256 over the weights and figures of all epochs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The figures in the notebook's output for one of its nets."""

    accuracy: float | None = None  # on the test images after the last epoch, 0..1
    loss: float | None = None  # cross-entropy on the test images after the last epoch, nats
    train_loss: float | None = None  # mean cross-entropy of the last epoch's batches, nats
    parameters: int | None = None  # as its summary prints them, or as follows from its layers if it prints none
    seconds: float | None = None  # of the last call of `fit`
    epochs: int = 1  # of the last call of `fit`


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "linear": Published(accuracy=0.9231, loss=0.2871, train_loss=0.2660, parameters=7_850, seconds=31, epochs=10),
        "hidden": Published(accuracy=0.9756, loss=0.0829, train_loss=0.0304, parameters=79_510, seconds=60, epochs=10),
        "vgg": Published(),
        "vgg_as_written": Published(accuracy=0.9684, loss=0.1007, train_loss=0.2619, parameters=161_830, seconds=570),
        "vgg_augmented": Published(accuracy=0.9633, loss=0.1090, train_loss=0.1227, parameters=161_830, seconds=573),
        "dropout": Published(accuracy=0.9849, loss=0.0468, train_loss=0.2592, parameters=336_940, seconds=343),
        "batchnorm": Published(accuracy=0.9814, loss=0.0619, train_loss=0.3070, parameters=340_700, seconds=802),
        "batchnorm_2": Published(accuracy=0.9917, loss=0.0243, train_loss=0.0785, parameters=340_700, seconds=830),
        "lr_drop": Published(),
        "three_channels": Published(),
    }
)
"""By recipe, in the notebook's order; nothing for nets that it did not run, such as a net on the pictures in three
channels that its last cells make."""


def _notebook_columns(found: ScoredRecipes) -> list[Figure[ScoredRecipe]]:
    seeds = number_of(found.rows[0].asked, "seed")
    return [
        Figure("recipe", lambda row: row.recipe, 9),
        Figure("", lambda row: asdict(PUBLISHED[row.recipe]), key="published"),
        Figure("", remarkable, key="remarkable"),
        Figure("notebook", lambda row: _then(row, "accuracy", cells.percent), 8, "right", legend=[REMARKABLE]),
        Figure(f"ours ({seeds})", _accuracy_now, 8, "right"),
        Figure("parameters", _parameters, 5, "right", legend=[ALIKE]),
        Figure("seconds then → now", _seconds, 4, "right"),
        Figure("loss then → now", lambda row: _losses(row, "loss"), 3, "right", legend=[REMARKABLE]),
        Figure("train loss then → now", lambda row: _losses(row, "train_loss"), 2, "right", legend=[REMARKABLE]),
        Figure("digest", lambda row: row.digest[:8] if row.runs else "–", 1, legend=[DIGEST]),
    ]


def _notebook_footnotes(found: ScoredRecipes) -> list[str]:
    """Return the precision, and why the table has a row that is not the notebook's."""
    lines = [
        PORTABLE if precision == "portable" else f"Trained in {precision} precision."
        for precision in dict.fromkeys(row.precision for row in found.rows)
    ]
    return [*lines, *([MEANT] if any(row.recipe == "lr_drop" for row in found.rows) else [])]


def remarkable(row: ScoredRecipe) -> list[FigureName]:
    """Return the notebook's figures outside Student's 95% interval for one more run of ours; none for one seed."""
    found: list[FigureName] = []
    for figure in FIGURES:
        then, values = getattr(PUBLISHED[row.recipe], figure), row.values(figure)
        if then is not None and (of_mean := t_interval(values)):
            mean, reach = sum(of_mean) / 2, (of_mean[1] - of_mean[0]) / 2
            # The variance of a run's difference to the mean of n others is n + 1 times that of the mean.
            found += [figure] if abs(then - mean) > reach * (len(values) + 1) ** 0.5 else []
    return found


def _then(row: ScoredRecipe, figure: FigureName, text: Callable[[float], str]) -> str:
    then = getattr(PUBLISHED[row.recipe], figure)
    return "–" if then is None else text(then) + (" !" if figure in remarkable(row) else "")


def _accuracy_now(row: ScoredRecipe) -> str:
    unended = f" ({row.unended} did not finish)" if row.unended else ""
    return _spread(row.values("accuracy"), cells.percent) + unended


def _losses(row: ScoredRecipe, figure: FigureName) -> str:
    then, now = _then(row, figure, "{:.4f}".format), _spread(row.values(figure), "{:.4f}".format)
    return now if then == "–" else f"{then} → {now}"


def _spread(values: Sequence[float], text: Callable[[float], str]) -> str:
    """Return a mean and, of several values, their standard deviation; a dash for none."""
    if not values:
        return "–"
    mean, deviation = mean_and_deviation(values)
    return text(mean) + (f" ± {text(deviation)}" if len(values) > 1 else "")


def _parameters(row: ScoredRecipe) -> str:
    return f"{row.parameters:,} {'=' if PUBLISHED[row.recipe].parameters == row.parameters else ' '}"


def _seconds(row: ScoredRecipe) -> str:
    """Return the seconds of the last call of `fit`, then and now."""
    published = PUBLISHED[row.recipe]
    then = "" if published.seconds is None else f"{published.seconds:.0f} → "
    now = [sum(epoch.seconds for epoch in run[-published.epochs :]) for run in row.runs]
    return f"{then}{fmean(now):.0f}" if now else "–"


NOTEBOOK = Benchmark(
    name="notebook",
    recipes=tuple(PUBLISHED),
    every_epoch=True,
    seed_of=lambda number: number,
    figures=_notebook_columns,
    footnotes=_notebook_footnotes,
)
