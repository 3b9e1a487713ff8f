"""Train the nets of an ablation: the baseline, the trial, and at every step each change that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, to_json
from mnist_bench.experiments.ablation import path as ablation
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step
from mnist_bench.experiments.ablation.setting_groups import differing, effective, met
from mnist_bench.experiments.grid import (
    Grid,
    Observer,
    RunReports,
    Workplace,
    check_seeds,
    open_grid_of,
    product,
    validation_errors,
)
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import net_size
from mnist_bench.numerics.kinds import TRAINER_REVISIONS
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files import space_sources
from mnist_bench.studies import checked
from mnist_bench.studies.record import data_of
from search import canonical_json, hashed
from search.arguments import check_seconds
from search.differences import checks
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import listing
from search.study.studies import StoredStudy
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class AblationOptions(Workplace):
    """The options of an ablation."""

    baseline: space_sources.Source = "notebook/linear"  # a recipe: a file, a shipped one's name, or values
    seeds: int = 3
    budget: float | None = None
    """Seconds after which the remaining changes are one step, a step under way included; both ends are trained in any
    case. None for no limit."""

    def __post_init__(self) -> None:
        check_seeds(self.seeds)
        if self.budget is not None:
            check_seconds("budget", self.budget)


def ablate_study(study: StoredStudy, trial: TrialRecord, options: AblationOptions, observer: Observer) -> Ablation:
    """Return the path from the baseline to a trial, measured.

    A finished ablation of the same question is read and not made again; of an unfinished one, no run is repeated.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: the baseline is not a recipe, or trains the same network as the trial; or the data or the study's
            folder are not its own.
        FingerprintError: this machine computes otherwise than the one of the search.
        StudyLockedError: another process makes an ablation of the study.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid_of`.
    """
    target, baseline = effective(from_json(trial.config)), space_sources.named(options.baseline)
    start = effective(_beginning(study, options, target))
    if not differing(start, target):
        raise UsageError(
            f"{baseline} and {study.name}/{trial.number} train the same network; there is nothing to ablate."
        )
    seeds = tuple(hashed.derived_seed("ablation", number) for number in range(options.seeds))
    question = _question(study, trial, start, target, seeds)
    folder = study.files.path
    kept = ablation.load(folder)
    if kept is not None and kept.question == question and kept.complete:
        return kept
    where = study.files.ablation.path, f"The ablation of {study.name}"
    with open_grid_of(study, "ablate", *where, options, observer) as grid:
        trainings = _Trainings(grid, seeds)
        on_the_way = met(start, target, grid.data.options.form)
        runs = product({str(number): config for number, config in enumerate(on_the_way)}, seeds)
        observer.on_start(len(runs), grid.seconds(runs))
        first, steps = trainings.path(start, target, options.budget)
    made = Ablation(
        question=question, study=study.name, trial=trial.number, baseline=baseline, images=trainings.images,
        seeds=seeds, start=first, steps=steps,
    )  # fmt: skip
    ablation.save(made, folder)
    return made


def _beginning(study: StudyRecord, options: AblationOptions, target: TrainConfig) -> TrainConfig:
    """Return the baseline's recipe; if the trial has your own network, with that network at its defaults.

    Raises:
        SpaceError: the baseline is not a recipe of a net for the study's pictures.
        UsageError: the net was not named, or has a setting without a default.
    """
    form = data_of(study.spec["context"]).form
    recipe = space_sources.recipe(space_sources.load(options.baseline, form=lambda _: form))
    checked.require_net(target.net_code, options.net)
    if target.net_code is None:
        return recipe
    net = own_net.loaded_net(target.net_code)
    if needed := net.settings.needed:
        raise UsageError(
            f"An ablation begins at the defaults of the network's settings; {net.loaded.name} has none for "
            f"{listing(needed)}."
        )
    return replace(recipe, net_code=target.net_code, net=net.settings.complete({}), model=target.model)


def _question(
    study: StudyRecord, trial: TrialRecord, start: TrainConfig, target: TrainConfig, seeds: Sequence[int]
) -> str:
    data = study.spec["context"]["data"]
    about = [trial.number, to_json(start), to_json(target), list(seeds), data["data_hash"], data["split_hash"]]
    numerics = study.spec["numerics"]
    return canonical_json.sha256([*about, *checks(numerics).values(), TRAINER_REVISIONS[numerics["kind"]]])


class _Trainings:
    """Trains configurations with every seed; errors as in `Grid.train`."""

    def __init__(self, grid: Grid, seeds: Sequence[int]) -> None:
        self._grid = grid
        self._seeds = seeds
        self._form = grid.data.options.form
        self.images = len(grid.data.split.validation)

    def path(
        self, start: TrainConfig, target: TrainConfig, budget: float | None
    ) -> tuple[Measured, tuple[Step, ...]]:  # fmt: skip
        """Return the start, measured, and the steps from it. Both ends are trained whatever the budget: without them
        there is no result when the time is up."""
        deadline = math.inf if budget is None else time.monotonic() + budget
        ends = {"baseline": start, "trial": target}
        first, last = self._results(ends, self._grid.train(product(ends, self._seeds)))

        def measure(configs: Mapping[str, TrainConfig]) -> list[Measured] | None:
            curves = self._grid.train_until(deadline, product(configs, self._seeds))
            return None if curves is None else self._results(configs, curves)

        def on_step(step: Step) -> None:
            self._grid.observer.on_news(f"= {ablation.sentence(step, self.images)}")

        return first, ablation.walk(first, last, measure, on_step, self._form)

    def _results(self, configs: Mapping[str, TrainConfig], curves: RunReports) -> list[Measured]:
        return [
            _measured(config, [curves[name, seed] for seed in self._seeds], self._form)
            for name, config in configs.items()
        ]


def _measured(config: TrainConfig, runs: Sequence[Sequence[Report]], form: PictureForm) -> Measured:
    net = net_size(config, form)
    return Measured(
        config=to_json(config),
        errors=tuple(map(validation_errors, runs)),
        parameters=net.parameters,
        macs=net.macs,
        seconds=sum(report.seconds for reports in runs for report in reports) / len(runs),
    )
