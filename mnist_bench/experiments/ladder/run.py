"""Training the ladder's recipes: all training images, several seeds, the test images after the last epoch alone.

The test set is opened by `open_test_set`, once a command, when the first run has ended; what it shows decides nothing,
for epochs and seeds are fixed before. Last of all each recipe trains once more in a process of its own, to be timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from mnist_bench import space_files
from mnist_bench.data import unopened_identity
from mnist_bench.experiments.grid import Grid, Observer, ResultsWorkplace, Run, Task, open_grid, product
from mnist_bench.experiments.ladder import cold_start
from mnist_bench.experiments.ladder.result import TARGETS, Ladder, at_a_time, rung, side_by_side
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.numerics import Machine, this_machine
from mnist_bench.studies import sealed_json
from mnist_bench.units import duration
from search import canonical_json
from search.arguments import check_count
from search.errors import UsageError
from search.messages import did_you_mean, number_of, show
from search.trainer_api import Report

SHIPPED = "ladder"
"""The folder of the recipes among the shipped spaces."""
FOLDER = "_ladder"
"""The folder of the runs among the results; no study can have this name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(ResultsWorkplace):
    """The options of the ladder."""

    targets: tuple[str, ...] = ()
    """Names in TARGETS; none for all."""
    seeds: int = 10
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)


@dataclass(frozen=True, slots=True)
class Timed:
    """What a process that trained one run took."""

    seconds: float


def run(options: Options, observer: Observer) -> Ladder:
    """Train the recipes with every seed, and time one run of each.

    A run that was trained before, by the same code on the same kind of machine, is not trained again, nor timed again
    on this machine with the same versions.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such target.
        StudyLockedError: another process trains the ladder in these results.
        WorkerError: a timed process fails; and as `open_grid`.
        DataError, DeviceError, StorageError: as `open_grid` and `open_test_set`.
    """
    targets = chosen(options.targets)
    configs = {recipe_of(name): space_files.recipe(space_files.load(recipe_of(name))) for name in targets}
    seeds = [seed_of(number) for number in range(options.seeds)]
    runs = product(configs, seeds)
    # One lane: several would share the seconds that are measured.
    with open_grid(
        options.results / FOLDER, f"The ladder in {options.results}/", observer, data=options.data,
        workers=options.workers, device=options.device, precision=options.precision, lanes=1,
        also=unopened_identity(options.data),
    ) as grid:  # fmt: skip
        observer.on_start(len(runs), grid.seconds(runs))
        purpose = f"bench ladder: {', '.join(targets)}; {number_of(options.seeds, 'seed')}"
        scores = Scores(grid, options.data, purpose=purpose, ledgers=[options.ledger])

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            return side_by_side(scores.after_last_period(task, period, report, state), options.workers)

        curves = grid.train(runs, on_period=on_period)
    numerics, images = grid.numerics, len(grid.data.split.train) + len(grid.data.split.validation)
    machine = this_machine(torch.device(str(numerics["device"])), numerics["precision"])
    walls: dict[str, float] = {}
    for recipe in configs:  # only now, with the workers gone
        first = next(run for run in runs if run.name == recipe)
        walls[recipe] = _wall_seconds(first, curves[recipe, first.seed], options, grid, machine)
    return Ladder(
        machine=machine,
        workers=max(at_a_time(curve, options.workers) for curve in curves.values()),
        train_images=images,
        rungs=tuple(
            rung(name, recipe, configs[recipe], images, {seed: curves[recipe, seed] for seed in seeds}, walls[recipe])
            for name, recipe in zip(targets, configs, strict=True)
        ),
    )


def chosen(targets: Sequence[str]) -> tuple[str, ...]:
    """Return the targets of these names from the lowest up, all of them for none.

    Raises:
        UsageError: there is no such target.
    """
    for name in targets:
        if name not in TARGETS:
            hint = did_you_mean(name, TARGETS) or "."
            raise UsageError(f"{show(name)}: no target of the ladder{hint} There are {', '.join(TARGETS)}.")
    return tuple(name for name in TARGETS if not targets or name in targets)


def recipe_of(target: str) -> str:
    """Return the shipped recipe of a target by name: "ladder/99.0"."""
    return f"{SHIPPED}/{target}"


def seed_of(number: int) -> int:
    """Return the seed of run `number` (from 0); none of those by which the recipes were found."""
    return canonical_json.derived_seed(SHIPPED, number)


def _wall_seconds(run: Run, reports: Sequence[Report], options: Options, grid: Grid, machine: Machine) -> float:
    """Return the seconds of a process that trains one run, measured once per machine with its versions; errors as in
    `cold_start.seconds`."""
    # Equal bits do not take equal time: other cores or another PyTorch may well come to the same weights.
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
