"""The lines that `--dry-run` prints about a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import assert_never

from mnist_bench.cells import between, objectives, roughly, short
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.mnist import DataOptions, load_training_set, of_files
from mnist_bench.leaderboard.early_stop_lines import rules_words
from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.preview import pace
from mnist_bench.preview.duration_forecast import Workload, expected_time
from mnist_bench.preview.pace import Pace
from mnist_bench.searches import first_trials, running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.setup import SearchSetup
from mnist_bench.space_files.drawn import Drawn, planner, samples
from mnist_bench.training.factory import trainer_spec
from search.event_log.timeline import repeats
from search.executors.in_process import InProcessExecutor
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Executor
from search.messages import number_of
from search.space.objective import cost_of
from search.trainer_api import Planner, TrainerSpec

MAX_WORKERS = 16
"""Workers that are started to measure; further ones are assumed to train as fast."""


def preview(setup: SearchSetup) -> list[str]:
    """Describe a search and estimate how long it takes, from a second's training of a few nets.

    A search that would be refused before it starts workers is refused here too.

    Raises:
        UsageError: as `searches.check_own_code`.
        UsageError, WorkerError: no worker can start.
        StudyNotFoundError, StorageError, SpaceError, UsageError: as `searches.enqueued` and `searches.start_list`.
        FingerprintError, UsageError, StorageError, DataError: as `searches.trials_left`.
    """
    running.check_own_code(setup)
    notices: list[str] = []
    first, start = first_trials.enqueued(setup, notices.append), first_trials.start_list(setup, notices.append)
    left = running.trials_left(setup, first, start)
    if not left:
        return [_what(setup), f"{_study(setup)} has ended; nothing is left to train."]
    usual = setup.drawn
    first(_planner(usual))
    measured = _measure(setup)
    here = replace(usual, coefficients=asdict(COEFFICIENTS[measured.kind]))
    if left == setup.config.trials:
        start(_planner(here))  # it may find none that fits
    return [_what(setup), *notices, *_how_long(setup, here, measured, left), _which(setup)]


def _planner(drawn: Drawn) -> Planner[TrainConfig]:
    return planner(drawn.space, drawn.coefficients, images=drawn.images, form=drawn.form)


def _what(setup: SearchSetup) -> str:
    config, space = setup.config, setup.space
    ends, cost = setup.period_ends, cost_of(space.settings)
    sampler, pruner = (way.describe(len(ends)) for way in (setup.sampler, setup.pruner))
    rules = "".join(f", {words}" for words in rules_words(config.stop_rules))
    longest = "1 epoch" if ends[-1] == 1 else f"{ends[-1]:g} epochs"
    return (
        f"{space.name}: {number_of(len(space.ranges), 'range')}, "
        f"{number_of(config.trials, 'trial')} of at most {longest}, "
        f"{f'for {objectives(cost)}, ' if cost else ''}{sampler} + {pruner}, seed {config.seed}, "
        f"{number_of(config.concurrent_trials, 'concurrent trial')} on {number_of(config.training_workers, 'worker')}"
        f"{'' if repeats(config.order) else ', in completion order'}{rules}."
    )


def _how_long(setup: SearchSetup, drawn: Drawn, measured: Pace, left: int) -> Iterator[str]:
    config = setup.config
    workload = Workload(
        trials=left,
        pruner=setup.pruner,
        workers=config.training_workers,
        has_cost=cost_of(setup.space.settings) is not None,
    )
    time = expected_time(drawn.mean_costs, workload, measured)
    span = f"{roughly(time.seconds)} ({between(time.low, time.high)})"
    rest = "" if left == config.trials else f" for the {number_of(left, 'trial')} still to end"
    how = "estimated from one second of training here" if measured.speeds else "at this kind of machine's usual speed"
    busy = "; other programs are running here, so the range is wide" if measured.busy else ""
    yield f"Takes about {span}{rest}, {how} ({measured.kind}){busy}."
    if words := str(drawn.shares):
        yield f"{words}; they are not trained and do not count as trials."


def _which(setup: SearchSetup) -> str:
    first = samples(setup.space, 1, setup.config.seed)[0].items()
    settings = ", ".join(f"{path} {short(value)}" for path, value in first)
    return f"{_study(setup)}. A configuration drawn at random: {settings}."


def _study(setup: SearchSetup) -> str:
    return f"Study {setup.location.name} in {setup.config.results}/"


def _measure(setup: SearchSetup) -> Pace:
    """Measure in workers like those of the search, but on few images, of MNIST or of your own data."""
    config, data, plans = setup.config, setup.data, setup.drawn.trainable
    few = pace.images_to_measure(plans, setup.images, setup.form)
    options = replace(data, subset=few) if of_files(data.dataset) else DataOptions(subset=few)
    trainer = trainer_spec(load_training_set(options), device=config.device, precision=setup.precision, net=config.net)
    measured = pace.measure(lambda log: _executor(config, trainer, log), plans, few, setup.form)
    scale = config.training_workers / min(config.training_workers, MAX_WORKERS)
    return replace(measured, speeds=tuple(speed * scale for speed in measured.speeds))


def _executor(config: SearchConfig, trainer: TrainerSpec, log: Path) -> Executor:
    match config.executor:
        case "local" | "ray":
            return LocalExecutor(trainer, min(config.workers, MAX_WORKERS), log)
        case "in-process":
            return InProcessExecutor(trainer)
        case _:
            assert_never(config.executor)
