"""The ladder: recipes that each have a test accuracy to reach, judged over many seeds, and how long each takes.

All training images, several seeds, and the test images after the last epoch alone. Epochs and seeds are fixed before
the test set is opened, so the test images decide nothing. A target is met only if the lower end of the 95% interval of
the mean over the seeds reaches it: a mean alone, or the best of the seeds, would promise too much. Last of all each
recipe trains again in its own process, to be timed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from types import MappingProxyType
from typing import Any, Final

import torch

from mnist_bench import cells
from mnist_bench.cells import duration
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.experiments import cold_start
from mnist_bench.experiments.grid import Grid, Observer, ResultsWorkplace, TrainingRun, product
from mnist_bench.experiments.test_set_scores import Scores, chosen, open_scored_grid
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.size import training_macs
from mnist_bench.numerics.machine import Machine, sentence, this_machine
from mnist_bench.result_table import Column, ShownAsTable, Table
from mnist_bench.space_files import space_sources
from mnist_bench.statistics.inference import mean_and_deviation, share_interval
from mnist_bench.studies import sealed_json
from search import canonical_json, hashed
from search.arguments import check_count
from search.driver.tasks import OnPeriod, Task
from search.messages import number_of
from search.trainer_api import Report

SHIPPED: Final = "ladder"
"""The folder of the recipes among the shipped spaces."""
FOLDER = "_ladder"
"""The folder of the runs among the results; no study can have this name."""
WORKERS = "workers"
"""Among a report's details, how many workers trained when it was made; earlier versions did not keep that."""
TARGETS: Mapping[str, float] = MappingProxyType({"99.0": 0.990, "99.4": 0.994, "99.6": 0.996, "99.7": 0.997})
"""Test accuracies (0..1) by the names of their recipes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LadderRun:
    """One seed's training, to its end."""

    seed: int
    test_errors: int
    test_accuracy: float
    """0..1, after the last epoch."""
    seconds: float
    """Of training, the evaluation on the validation images included."""
    weights: str
    """SHA-256 of the weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One target and the result of its recipe."""

    target: float
    """Test accuracy to reach, 0..1."""
    recipe: str
    epochs: int
    parameters: int
    """Weights, biases and running statistics."""
    macs: int
    """Multiply-accumulates for one image, forward, in training; an evaluation may take several such passes."""
    images: int
    """That a run trains on, each as often as it comes."""
    training_macs: int
    """Multiply-accumulates of the forward passes of all these images."""
    runs: tuple[LadderRun, ...]
    """In the order of the seeds; without those that did not train to their end."""
    unended: int
    """Seeds whose training diverged or ran out of memory."""
    wall_seconds: float
    """From the start of a process that trains one run to its end, alone on the machine."""

    @property
    def mean(self) -> float | None:
        """Mean test accuracy of the runs, 0..1; None if none ended."""
        return mean_and_deviation(self._accuracies)[0] if self.runs else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of that mean, see `share_interval`; None for fewer than two runs, or none that errs."""
        return share_interval(self._accuracies, step=self._step)

    @property
    def met(self) -> bool:
        """Whether every seed trained to its end, and the interval lies at or above the target."""
        return not self.unended and self.interval is not None and self.interval[0] >= self.target

    @property
    def seconds(self) -> float | None:
        """Median seconds of training of one run, on one worker; None if none ended."""
        return median(run.seconds for run in self.runs) if self.runs else None

    @property
    def training_flop(self) -> int:
        """Floating-point operations of a run's training, see `training_flop`."""
        return training_flop(self.training_macs)

    @property
    def _step(self) -> float:
        """The share of one test image, of which accuracies are multiples; 0 if no run misclassifies any."""
        return next(((1 - run.test_accuracy) / run.test_errors for run in self.runs if run.test_errors), 0.0)

    @property
    def _accuracies(self) -> list[float]:
        return [run.test_accuracy for run in self.runs]


def training_flop(macs: int) -> int:
    """Return the floating-point operations of a training whose forward passes have `macs` multiply-accumulates.

    A multiply-accumulate of a convolution or a linear layer is two operations forward, and four backward, for the
    gradients of inputs and weights (Kaplan et al. 2020, 2.1).
    """
    return 6 * macs


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Ladder(ShownAsTable):
    """All rungs that were asked for, and the machine that measured them."""

    machine: Machine
    workers: int
    """Runs that were trained at a time, at most, when they were; not so for `wall_seconds`."""
    train_images: int
    rungs: tuple[Rung, ...]

    def _table(self) -> Table[Rung]:
        return table_of(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class LadderOptions(ResultsWorkplace):
    """The options of the ladder."""

    targets: tuple[str, ...] = ()
    """Names in TARGETS; none for all."""
    seeds: int = 10
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)


@dataclass(frozen=True, slots=True)
class Timed:
    """The seconds of a process that trained one run."""

    seconds: float


def train_ladder(options: LadderOptions, observer: Observer) -> Ladder:
    """Train the recipes with every seed, and time one run of each.

    A run that the same code trained before on the same kind of machine is not trained again. It is not timed again on
    this machine with the same versions.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such target.
        StudyLockedError: another process trains the ladder in these results.
        WorkerError: a timed process fails; and as `open_grid`.
        DataError, DeviceError, StorageError: as `open_grid` and `open_test_set`.
    """
    targets = chosen(options.targets, TARGETS, "target of the ladder")
    configs = {recipe_of(name): space_sources.recipe(space_sources.load(recipe_of(name))) for name in targets}
    seeds = [seed_of(number) for number in range(options.seeds)]
    runs = product(configs, seeds)
    purpose = f"bench ladder: {', '.join(targets)}; {number_of(options.seeds, 'seed')}"
    with open_scored_grid(
        FOLDER, f"The ladder in {options.results}/", observer, options, data=options.data, purpose=purpose,
        precision=options.precision,
    ) as (grid, scores):  # fmt: skip
        observer.on_start(len(runs), grid.seconds(runs))
        curves = grid.train(runs, on_period=scoring(scores, options.workers))
    numerics, images = grid.numerics, grid.data.split.images
    machine = this_machine(torch.device(str(numerics["device"])), numerics["precision"])
    walls: dict[str, float] = {}
    for recipe in configs:  # only now, with the workers gone
        first = next(run for run in runs if run.name == recipe)
        walls[recipe] = _wall_seconds(first, curves[recipe, first.seed], options, grid, machine)
    return Ladder(
        machine=machine,
        workers=max(int(report.details.get(WORKERS, options.workers)) for curve in curves.values() for report in curve),
        train_images=images,
        rungs=tuple(
            rung_of(name, configs[recipe], images, {seed: curves[recipe, seed] for seed in seeds}, walls[recipe])
            for name, recipe in zip(targets, configs, strict=True)
        ),
    )


def scoring(scores: Scores, workers: int) -> OnPeriod:
    """Return what adds the test figures to a run's last report, and to each report how many workers train."""

    def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
        scored = scores.after_last_period(task, period, report, state)
        # Number of processes that trained when this report was made, which decides how long it took.
        return replace(scored, details={**scored.details, WORKERS: workers})

    return on_period


def recipe_of(target: str) -> str:
    """Return the shipped recipe of a target by name: "ladder/99.0"."""
    return f"{SHIPPED}/{target}"


def seed_of(number: int) -> int:
    """Return the seed of run `number` (from 0); none of those by which the recipes were found."""
    return hashed.derived_seed(SHIPPED, number)


def _wall_seconds(
    run: TrainingRun, reports: Sequence[Report], options: LadderOptions, grid: Grid, machine: Machine
) -> float:
    """Return the seconds of a process that trains one run, measured once per machine with its versions; errors as in
    `cold_start.seconds`."""
    # Equal bits do not take equal time: other cores or another PyTorch may well give the same weights.
    key = canonical_json.sha256([grid.task_of(run).identity, asdict(machine)])
    path = grid.folder / f"timed-{key[:16]}.json"
    known = sealed_json.load(path, Timed, "timing")
    if known is not None:
        return known.seconds
    trained = duration(sum(report.seconds for report in reports))
    grid.observer.on_news(f"{run.name}: one run alone, in a process of its own, about {trained} of training")
    arguments = cold_start.train_arguments(
        run.name, run.seed, device=grid.numerics["device"], precision=grid.numerics["precision"],
        data_dir=options.data_dir,
    )  # fmt: skip
    seconds = cold_start.seconds(arguments, grid.observer.stopping)
    sealed_json.save(Timed(seconds), path)
    return seconds


def rung_of(
    name: str, config: TrainConfig, images: int, curves: Mapping[int, Sequence[Report]], wall_seconds: float
) -> Rung:
    """Return the rung of the target called `name` from the reports of each seed, the last with the test figures; all
    were trained on a set of `images` images."""
    net, schedule = plan_layers(config.model), Schedule(config=config, images=images)
    ended = {seed: curve for seed, curve in curves.items() if curve[-1].end is None}
    return Rung(
        target=TARGETS[name], recipe=recipe_of(name), epochs=config.epochs, parameters=net.parameters, macs=net.macs,
        images=schedule.images_of(range(schedule.total_steps)), training_macs=training_macs(config, images),
        runs=tuple(_run(seed, curve) for seed, curve in ended.items()), unended=len(curves) - len(ended),
        wall_seconds=wall_seconds,
    )  # fmt: skip


def _run(seed: int, curve: Sequence[Report]) -> LadderRun:
    metrics: Mapping[str, Any] = curve[-1].metrics
    return LadderRun(
        seed=seed, test_errors=metrics["test_errors"], test_accuracy=metrics["test_accuracy"],
        seconds=sum(report.seconds for report in curve), weights=curve[-1].weights,
    )  # fmt: skip


def plain(found: Ladder) -> dict[str, Any]:
    """Return a ladder as plain values for JSON."""
    return {**asdict(found), "rungs": [_plain_rung(rung) for rung in found.rungs]}


def _plain_rung(found: Rung) -> dict[str, Any]:
    low, high = found.interval or (None, None)
    figures = {
        "met": found.met, "mean": found.mean, "low": low, "high": high, "seconds": found.seconds,
        "training_flop": found.training_flop,
    }  # fmt: skip
    return {**asdict(found), **figures}


def table_of(ladder: Ladder) -> Table[Rung]:
    """Return a row a target, the lowest first."""
    return Table(
        rows=ladder.rungs,
        columns=[
            Column("target", lambda rung: cells.percent(rung.target, 1), 9),
            Column("reached", verdict, 8),
            Column("recipe", lambda rung: rung.recipe, 4),
            Column("epochs", lambda rung: str(rung.epochs), 5, "right"),
            Column("parameters", lambda rung: f"{rung.parameters:,}", 3, "right"),
            Column("TFLOP", _teraflop, 2, "right"),
            Column("seeds", lambda rung: str(_seeds(rung)), 2, "right"),
            Column("training", lambda rung: "–" if rung.seconds is None else cells.duration(rung.seconds), 7, "right"),
            Column("wall", lambda rung: cells.duration(rung.wall_seconds), 6, "right"),
        ],
        footnotes=["", *footnotes(ladder)],
        record=_record,
        document=plain(ladder),
    )


def verdict(rung: Rung) -> str:
    """Return whether a target was met, with the figures: "met: 99.05% [99.02, 99.08]"."""
    low, high = rung.interval or (None, None)
    figures = f"{cells.percent(rung.mean)} {cells.interval(low, high)}".strip()
    if rung.unended:
        others = f", the others {figures}" if rung.runs else ""
        figures = f"{rung.unended} of {_seeds(rung)} runs did not finish{others}"
    elif rung.interval is None:
        figures += " by one run, which shows no spread" if len(rung.runs) == 1 else ", without an error to judge by"
    return f"{'met' if rung.met else 'not met'}: {figures}"


def _teraflop(rung: Rung) -> str:
    found = rung.training_flop / 1e12
    return f"{found:.2g}" if found < 99.5 else f"{found:.0f}"


def footnotes(ladder: Ladder) -> list[str]:
    """Return the meaning of the table's figures, and the machine that measured them."""
    together = f", {ladder.workers} at a time" if ladder.workers > 1 else ""
    return [
        f"Trained on all {ladder.train_images:,} training images. In brackets: 95% interval of the mean test accuracy "
        "after the last epoch;",
        "a target is met if its lower end reaches it. Epochs and seeds were fixed before the test set was evaluated.",
        "TFLOP: 6 operations per multiply-accumulate (2 forward, 4 backward) over the training of a run, in 10^12.",
        f"training: seconds of a run on one worker, median over the seeds{together}.",
        f"wall: one run alone, from the start of its process to its end. {_threads(ladder.machine)}",
        sentence(ladder.machine),
    ]


def _threads(machine: Machine) -> str:
    if machine.gpu or machine.cores == 1:
        return "A run trains with one thread of the processor."
    return f"A run trains with one thread, so a single one leaves {machine.cores - 1} of {machine.cores} cores idle."


def _seeds(rung: Rung) -> int:
    return len(rung.runs) + rung.unended


def _record(rung: Rung) -> dict[str, Any]:
    low, high = rung.interval or (None, None)
    return {
        "target": rung.target, "met": rung.met, "mean": rung.mean, "low": low, "high": high, "recipe": rung.recipe,
        "epochs": rung.epochs, "parameters": rung.parameters, "macs": rung.macs,
        "training_flop": rung.training_flop, "seeds": _seeds(rung),
        "unended": rung.unended, "seconds": rung.seconds, "wall_seconds": rung.wall_seconds,
    }  # fmt: skip
