"""Train what an ablation needs: the baseline, the trial, and at every step each change that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mnist_bench import space_files
from mnist_bench.config import TrainConfig, from_json, to_json
from mnist_bench.experiments.ablation import result as ablation
from mnist_bench.experiments.ablation.result import Ablation, Measured, Step
from mnist_bench.experiments.ablation.setting_groups import differing, effective, met
from mnist_bench.experiments.grid import Grid, Task, open_grid_of
from mnist_bench.nets import plan_layers
from mnist_bench.numerics import TRAINER_REVISION
from search import canonical_json
from search.errors import UsageError
from search.event_log import StudyRecord, TrialRecord
from search.study import StudyFolder
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the user asked for."""

    baseline: str = "notebook/linear"
    """A recipe: a file or a shipped one's name."""
    seeds: int = 3
    budget: float | None = None
    """Seconds after which no further step is begun; what is left is then one step. Left out: no limit."""
    workers: int = 1
    device: str = "auto"
    data_dir: Path | None = None
    results: Path = Path("results")


class Listener:
    """Hears how far an ablation is; does nothing by itself."""

    def on_start(self, runs: int, seconds: float) -> None:
        """Hear how many runs there are and about how long they take, where groups help in their order."""

    def on_run(self, name: str, reports: Sequence[Report]) -> None:
        """Hear of a run that has ended."""

    def on_step(self, step: Step, images: int) -> None:
        """Hear of a step that was taken."""


def run(
    asked: Options, study: StudyRecord, trial: TrialRecord, listener: Listener, stopping: Callable[[], bool]
) -> Ablation | None:
    """Return the path from the baseline to a trial, measured; None where `stopping` said so before the end.

    A finished ablation of the same question is read and not made again; of an unfinished one, no run is repeated.

    Raises:
        UsageError: the baseline is no recipe, or trains the same net as the trial; or the data are not the study's.
        FingerprintError: this machine computes otherwise than the one of the search.
        StudyLockedError: another process is at it.
        DataError, DeviceError, WorkerError, StorageError: see there.
    """
    start = effective(space_files.recipe(space_files.load(asked.baseline)))
    target = effective(from_json(trial.config))
    if not differing(start, target):
        raise UsageError(f"{asked.baseline} and {study.name}/{trial.number} train the same net; there is no path.")
    seeds = tuple(canonical_json.derived_seed("ablation", number) for number in range(asked.seeds))
    question = _question(study, trial, start, target, seeds)
    folder = asked.results / study.name
    kept = ablation.load(folder)
    if kept is not None and kept.question == question and kept.complete:
        return kept
    with open_grid_of(
        study, "ablate", StudyFolder(folder).ablation.path, f"The ablation of {study.name}", workers=asked.workers,
        device=asked.device,
        data_dir=asked.data_dir,
    ) as grid:  # fmt: skip
        bench = _Bench(grid, seeds, listener, stopping)
        listener.on_start(*bench.estimate(met(start, target)))
        found = bench.path(start, target, asked.budget)
    if found is None:
        return None
    made = Ablation(
        question=question, study=study.name, trial=trial.number, baseline=asked.baseline, images=bench.images,
        seeds=seeds, start=found[0], steps=found[1],
    )  # fmt: skip
    ablation.save(made, folder)
    return made


def _question(
    study: StudyRecord, trial: TrialRecord, start: TrainConfig, target: TrainConfig, seeds: Sequence[int]
) -> str:
    data = study.spec["context"]["data"]
    about = [trial.number, to_json(start), to_json(target), list(seeds), data["data_hash"], data["split_hash"]]
    return canonical_json.sha256([*about, study.spec["numerics"]["canary"], TRAINER_REVISION])


class _Stopped(Exception):
    """The user asked for an end."""


class _Bench:
    """Trains configurations with every seed."""

    def __init__(self, grid: Grid, seeds: Sequence[int], listener: Listener, stopping: Callable[[], bool]) -> None:
        self._grid = grid
        self._seeds = seeds
        self._listener = listener
        self._stopping = stopping
        self._deadline = float("inf")
        self.images = len(grid.data.split.validation)

    def estimate(self, configs: Sequence[TrainConfig]) -> tuple[int, float]:
        """Return the number of runs and about how many seconds they take on all workers."""
        tasks = [task for config in configs for task in self._tasks("", config)]
        return len(tasks), sum(sum(task.costs) for task in tasks) / 1e6 / self._grid.executor.workers

    def path(
        self, start: TrainConfig, target: TrainConfig, budget: float | None
    ) -> tuple[Measured, tuple[Step, ...]] | None:
        """Return the start, measured, and the steps from it; None where the user asked for an end."""
        deadline = float("inf") if budget is None else time.monotonic() + budget
        try:
            ends = self.measure(
                {"baseline": start, "trial": target}
            )  # without them there would be nothing to tell when time is up
            if ends is None:
                return None
            self._deadline = deadline
            return ends[0], ablation.walk(
                ends[0], ends[1], self.measure, lambda step: self._listener.on_step(step, self.images)
            )
        except _Stopped:
            return None

    def measure(self, configs: Mapping[str, TrainConfig]) -> list[Measured] | None:
        """Return what training came to; None where time is up."""
        tasks = {name: self._tasks(name, config) for name, config in configs.items()}
        reports = self._grid.train([*chain(*tasks.values())], self._is_over, on_end=self._on_end)
        if reports is None and self._stopping():
            raise _Stopped
        if reports is None:
            return None
        return [_measured(config, [reports[task.identity] for task in tasks[name]]) for name, config in configs.items()]

    def _tasks(self, name: str, config: TrainConfig) -> list[Task]:
        return [
            self._grid.task(f"{name}, seed {number} of {len(self._seeds)}", config, seed)
            for number, seed in enumerate(self._seeds, start=1)
        ]

    def _is_over(self) -> bool:
        return self._stopping() or time.monotonic() >= self._deadline

    def _on_end(self, task: Task, reports: Sequence[Report]) -> None:
        self._listener.on_run(task.name, reports)


def _measured(config: TrainConfig, runs: Sequence[Sequence[Report]]) -> Measured:
    net = plan_layers(config.model)
    return Measured(
        config=to_json(config),
        errors=tuple(_errors(reports[-1]) for reports in runs),
        parameters=net.parameters,
        macs=net.macs,
        seconds=sum(report.seconds for reports in runs for report in reports) / len(runs),
    )


def _errors(last: Report) -> int | None:
    errors = last.metrics.get("errors")
    return None if errors is None else int(errors)
