"""Train what an ablation needs: the baseline, the trial, and at every step each change that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mnist_bench import own_nets, space_files
from mnist_bench.config import TrainConfig, from_json, to_json
from mnist_bench.experiments.ablation import result as ablation
from mnist_bench.experiments.ablation.result import Ablation, Measured, Step
from mnist_bench.experiments.ablation.setting_groups import differing, effective, met
from mnist_bench.experiments.grid import Grid, Observer, Run, Workplace, check_seeds, open_grid_of, product
from mnist_bench.experiments.time_budget import check_budget
from mnist_bench.nets import net_size
from mnist_bench.numerics import TRAINER_REVISIONS
from mnist_bench.picture_form import PictureForm
from mnist_bench.studies import compatibility, data_of
from search import canonical_json
from search.differences import canaries
from search.errors import UsageError
from search.event_log import StudyRecord, TrialRecord
from search.messages import listing
from search.study import StoredStudy
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(Workplace):
    """The options of an ablation."""

    baseline: space_files.Source = "notebook/linear"
    """A recipe: a file, a shipped one's name, or values."""
    seeds: int = 3
    budget: float | None = None
    """Seconds after which what is left is one step, a step under way included; both ends are trained in any case. Left
    out: no limit."""

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        object.__setattr__(self, "budget", check_budget(self.budget))


def run(
    study: StoredStudy, trial: TrialRecord, options: Options, observer: Observer, stopping: Callable[[], bool]
) -> Ablation | None:
    """Return the path from the baseline to a trial, measured; None where `stopping` said so before the end.

    A finished ablation of the same question is read and not made again; of an unfinished one, no run is repeated.

    Raises:
        UsageError: the baseline is not a recipe, or trains the same network as the trial; or the data or the study's
            folder are not its own.
        FingerprintError: this machine computes otherwise than the one of the search.
        StudyLockedError: another process is at it.
        DataError, DeviceError, WorkerError, StorageError: see there.
    """
    target, baseline = effective(from_json(trial.config)), space_files.named(options.baseline)
    start = effective(_beginning(study, options, target))
    if not differing(start, target):
        raise UsageError(f"{baseline} and {study.name}/{trial.number} train the same net; there is no path.")
    seeds = tuple(canonical_json.derived_seed("ablation", number) for number in range(options.seeds))
    question = _question(study, trial, start, target, seeds)
    folder = study.files.path
    kept = ablation.load(folder)
    if kept is not None and kept.question == question and kept.complete:
        return kept
    with open_grid_of(study, "ablate", study.files.ablation.path, f"The ablation of {study.name}", options) as grid:
        bench = _Bench(grid, seeds, observer, stopping)
        on_the_way = met(start, target, grid.data.options.form)
        runs = bench.runs({str(number): config for number, config in enumerate(on_the_way)})
        observer.on_start(len(runs), grid.seconds(runs))
        path = bench.path(start, target, options.budget)
    if path is None:
        return None
    made = Ablation(
        question=question, study=study.name, trial=trial.number, baseline=baseline, images=bench.images,
        seeds=seeds, start=path[0], steps=path[1],
    )  # fmt: skip
    ablation.save(made, folder)
    return made


def _beginning(study: StudyRecord, options: Options, target: TrainConfig) -> TrainConfig:
    """Return the baseline's recipe; where the trial has a net of the user's own, with that net at its defaults.

    Raises:
        SpaceError: the baseline is no recipe of a net for the study's pictures.
        UsageError: the net was not named, or has a setting without a default.
    """
    form = data_of(study.spec["context"]).form
    recipe = space_files.recipe(space_files.load(options.baseline, form=lambda _: form))
    compatibility.require_net(target.net_code, options.net)
    if target.net_code is None:
        return recipe
    net = own_nets.known(target.net_code)
    if needed := net.settings.needed:
        raise UsageError(
            f"An ablation begins at the defaults of the net's settings; {net.loaded.name} has none for "
            f"{listing(needed)}."
        )
    return replace(recipe, net_code=target.net_code, net=net.settings.complete({}), model=target.model)


def _question(
    study: StudyRecord, trial: TrialRecord, start: TrainConfig, target: TrainConfig, seeds: Sequence[int]
) -> str:
    data = study.spec["context"]["data"]
    about = [trial.number, to_json(start), to_json(target), list(seeds), data["data_hash"], data["split_hash"]]
    numerics = study.spec["numerics"]
    return canonical_json.sha256([*about, *canaries(numerics), TRAINER_REVISIONS[numerics["kind"]]])


class _Stopped(Exception):
    """The user asked for an end."""


class _Bench:
    """Trains configurations with every seed."""

    def __init__(self, grid: Grid, seeds: Sequence[int], observer: Observer, stopping: Callable[[], bool]) -> None:
        self._grid = grid
        self._seeds = seeds
        self._observer = observer
        self._stopping = stopping
        self._deadline = float("inf")
        self.images = len(grid.data.split.validation)
        self._form = grid.data.options.form

    def runs(self, configs: Mapping[str, TrainConfig]) -> list[Run]:
        """Return what is trained to measure configurations."""
        return product(configs, self._seeds)

    def path(
        self, start: TrainConfig, target: TrainConfig, budget: float | None
    ) -> tuple[Measured, tuple[Step, ...]] | None:
        """Return the start, measured, and the steps from it; None where the user asked for an end."""
        deadline = float("inf") if budget is None else time.monotonic() + budget
        try:
            # Both ends are trained whatever the budget: without them there is nothing to tell when time is up.
            ends = self.measure({"baseline": start, "trial": target})
            if ends is None:
                return None
            self._deadline = deadline
            return ends[0], ablation.walk(ends[0], ends[1], self.measure, self._on_step, self._form)
        except _Stopped:
            return None

    def measure(self, configs: Mapping[str, TrainConfig]) -> list[Measured] | None:
        """Return what training came to; None where time is up."""
        curves = self._grid.train(self.runs(configs), self._is_over, self._observer)
        if curves is None and self._stopping():
            raise _Stopped
        if curves is None:
            return None
        return [
            _measured(config, [curves[name, seed] for seed in self._seeds], self._form)
            for name, config in configs.items()
        ]

    def _is_over(self) -> bool:
        return self._stopping() or time.monotonic() >= self._deadline

    def _on_step(self, step: Step) -> None:
        self._observer.on_news(f"= {ablation.sentence(step, self.images)}")


def _measured(config: TrainConfig, runs: Sequence[Sequence[Report]], form: PictureForm) -> Measured:
    net = net_size(config, form)
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
