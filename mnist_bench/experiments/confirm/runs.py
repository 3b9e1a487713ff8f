"""The runs of a confirmation: their training images, seeds, durations, records and test errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, pairwise
from pathlib import Path

from mnist_bench.cells import duration
from mnist_bench.config import TrainOn, from_json, to_json
from mnist_bench.data import DataOptions
from mnist_bench.errors import NotReproducedError
from mnist_bench.experiments.confirm.evaluations import NOTHING, Evaluated, evaluated, of_files_first, own_test_files
from mnist_bench.experiments.confirm.race import ROUNDS, Errors
from mnist_bench.experiments.confirm.race_result import MIN_COMMITTEE, TOP, Final
from mnist_bench.experiments.grid import Grid, RunReports, TrainingRun, Workplace, product, validation_errors
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.experiments.time_budget import makespan
from mnist_bench.studies import data_of, purpose_of_confirming, record, sealed_json
from mnist_bench.training import export
from search import hashed
from search.arguments import check_count
from search.driver import Task
from search.errors import StorageError, UsageError
from search.event_log import StudyRecord, TrialRecord, reason_of
from search.files import atomic_write, make_folder
from search.messages import number_of
from search.study import ConfirmFolder, StoredStudy
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmOptions(Workplace):
    """The options of a race, and of the confirmation of a front."""

    top: int = TOP
    """Configurations, at most."""

    def __post_init__(self) -> None:
        check_count("top", self.top)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The properties of the runs of one part of a confirmation."""

    words: str
    """The work, in words."""
    train_on: TrainOn
    purpose: hashed.Purpose
    """The purpose for which their seeds are drawn."""
    rounds: tuple[int, ...]
    """Seeds that a configuration has been trained with after each round."""
    keeps_nets: bool
    """Whether the nets are needed once they are trained."""

    @property
    def seeds(self) -> int:
        """Seeds of a configuration that is trained in all rounds."""
        return self.rounds[-1]


RACE = Part(words="racing", train_on="search_split", purpose="confirm", rounds=ROUNDS, keeps_nets=False)
FINAL = Part(
    words="on all training images", train_on="all", purpose="confirm-all", rounds=ROUNDS[-1:], keeps_nets=True,
)  # fmt: skip


def seeds(study: StudyRecord, part: Part) -> list[int]:
    """Return the seeds of a part, the same for all configurations, none of them a trial's."""
    taken = {trial.seed for trial in study.trials}
    drawn = (hashed.derived_seed(study.spec["seed"], part.purpose, k) for k in count())
    return list(islice((seed for seed in drawn if seed not in taken), part.seeds))


class Runs:
    """Trains the configurations of some trials in a grid, each with the first seeds of a part."""

    def __init__(
        self, study: StoredStudy, trials: Sequence[TrialRecord], grid: Grid,
        on_period: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Read the study's known test errors. `on_period` is called after each period.

        Raises:
            StorageError: as `evaluated`.
        """
        self._study = study
        self._trials = {trial.number: trial for trial in trials}
        self._grid = grid
        self._folder = ConfirmFolder(grid.folder)
        self._on_period = on_period
        self._evaluated = evaluated(study.files.path)
        self._seeds = {part: seeds(study, part) for part in (RACE, FINAL)}
        self._rates = {number: _rate([trial.reports], trial.costs) for number, trial in self._trials.items()}
        """Measured seconds for an estimated microsecond, of each trial: in the search, then in its last runs here."""
        self._left: dict[tuple[Part, int, int], int] = {}
        """By part, trial and seed, the estimated microseconds of what is not trained, since something last was. To look
        that up takes milliseconds, and estimates of a hundred candidates ask for it fifty thousand times."""

    def estimate(self, part: Part, numbers: Sequence[int], upto: int) -> float:
        """Return the seconds that these configurations take with the first `upto` seeds, without trained runs.

        Workers wait for each other at the end of each round.
        """
        slots = self._grid.executor.workers * self._grid.executor.lanes
        ends = [0, *(seeds for seeds in part.rounds if seeds <= upto)]
        return sum(
            makespan(
                [
                    self._rates[number] * self._cost_left(part, number, k)
                    for number in numbers
                    for k in range(start, end)
                ],
                slots,
            )
            for start, end in pairwise(ends)
        )

    def train(self, part: Part, numbers: Sequence[int], upto: int) -> RunReports:
        """Return the reports of these configurations, named `#17`, with the first `upto` seeds; errors as in
        `Grid.train`. Runs that were trained before are not trained again."""
        seconds = self.estimate(part, numbers, upto)
        about = f"about {duration(seconds)}" if seconds else "trained before"
        names = ", ".join(map(_name, numbers))
        self._grid.observer.on_news(f"{names} {part.words}, to {number_of(upto, 'seed')}; {about}")

        def on_period(task: Task, period: int, report: Report, state: bytes) -> Report:
            self._on_period()
            return report

        runs = self._runs(part, numbers, upto)
        self._left.clear()
        curves = self._grid.train(runs, on_period=on_period, keep_last=part.keeps_nets)
        self._keep(part, numbers, upto, curves)
        return curves

    def train_again(self, nets: Sequence[tuple[int, int]]) -> None:
        """Train nets on all images again, each given by trial and seed, and keep them. A run whose last state is here
        is not trained.

        Raises:
            Stopped, WorkerError: as `Grid.train`.
            NotReproducedError: one has different weights from its record; it is not kept.
            StorageError: one cannot be written.
        """
        runs = {(number, seed): self._runs(FINAL, [number], FINAL.seeds)[seed] for number, seed in nets}
        gone = f"{number_of(len(runs), 'network')} trained on all images gone"
        self._grid.observer.on_news(f"{gone}: retrained, without evaluating the test set")
        self._left.clear()
        curves = self._grid.train(list(runs.values()), keep_last=True)
        for (number, seed), run in runs.items():
            known = record.read(self._folder.record_of(number, seed, on_all=True))
            if curves[run.name, run.seed][-1].weights != known.curve[-1].weights:
                raise NotReproducedError(f"{run.title}, trained on all images, has different weights from its record.")
            self._keep_net(self._folder.net_of(number, seed), run)

    def errors(self, part: Part, numbers: Sequence[int], upto: int, curves: RunReports) -> Errors:
        """Return the validation errors in the reports of these configurations."""
        return {
            number: [validation_errors(curves[_name(number), seed]) for seed in self._seeds[part][:upto]]
            for number in numbers
        }

    def _was_trained(self, number: int) -> bool:
        """Return whether records are here of a configuration's runs on all images, with the same seeds and data."""
        data = data_of(self._study.spec["context"])
        for k, run in enumerate(self._runs(FINAL, [number], FINAL.seeds)):
            try:
                known = record.read(self._folder.record_of(number, k, on_all=True))
            except (UsageError, StorageError):
                return False
            if (from_json(known.recipe), known.seed, known.data) != (run.config, run.seed, data):
                return False
        return True

    def finals(self, numbers: Sequence[int], options: DataOptions) -> Evaluated:
        """Train configurations on all images with all seeds, and return their errors on the test images: of each net,
        and of a configuration's nets together.

        The test set is opened once, and only for configurations whose errors no earlier confirmation found.

        Raises:
            Stopped, WorkerError: as `Grid.train`.
            DataError, StorageError: as `open_test_set`.
        """
        # Asked for here, because a log that leads elsewhere is refused before the training.
        ledgers = [self._study.location.results.openings, self._study.files.openings]
        files = own_test_files(options)
        on = self._known(numbers, files)
        known = {final.number: final for final in on.finals}
        curves = self.train(FINAL, numbers, FINAL.seeds)
        if unknown := [number for number in numbers if number not in known]:
            names = ", ".join(map(_name, unknown))
            purpose = f"{purpose_of_confirming(self._study.name)}{names}; {FINAL.seeds} seeds each"
            scores = Scores(self._grid, options, purpose=purpose, ledgers=ledgers)
            known |= {number: self._final(number, curves, scores, files) for number in unknown}
            on = Evaluated(finals=(), images=len(scores.images.labels), test_files=files)
        else:
            self._grid.observer.on_news("their test errors are already known; the test set is not evaluated again")
        return replace(on, finals=tuple(known[number] for number in numbers))

    def _known(self, numbers: Sequence[int], files: tuple[str, ...] | None) -> Evaluated:
        """Return the known results of configurations on these test files, which need not be evaluated again.

        Earlier versions did not record on which of your own files a net was evaluated. Their results are used
        only if they answer everything: next to results on the files at hand they might be of other images.
        """
        trained = set(filter(self._was_trained, numbers))
        for one in of_files_first(self._evaluated, files):
            known = replace(one, finals=tuple(final for final in one.finals if final.number in trained))
            if one.test_files == files or (one.test_files is None and set(numbers) <= set(known.numbers)):
                return known
        return NOTHING

    def _final(self, number: int, curves: RunReports, scores: Scores, files: tuple[str, ...] | None) -> Final:
        runs = self._runs(FINAL, [number], FINAL.seeds)
        states = [None if curves[run.name, run.seed][-1].end else self._grid.last_state(run) for run in runs]
        members = list(zip(map(self._grid.task_of, runs), states, strict=True))
        ended = [(task, last) for task, last in members if last is not None]
        return Final(
            number=number,
            errors=tuple(None if last is None else scores.score(task, last).errors for task, last in members),
            committee=scores.committee_errors(ended) if len(ended) >= MIN_COMMITTEE else None,
            test_files=files,
        )

    def _runs(self, part: Part, numbers: Sequence[int], upto: int) -> list[TrainingRun]:
        trials = {_name(number): self._trials[number] for number in numbers}
        configs = {name: replace(from_json(trial.config), train_on=part.train_on) for name, trial in trials.items()}
        return product(configs, self._seeds[part][:upto])

    def _cost_left(self, part: Part, number: int, k: int) -> int:
        """Return the estimated microseconds of a configuration's run with seed number k that are not trained yet."""
        key = (part, number, k)
        if key not in self._left:
            self._left[key] = sum(self._grid.costs_left(self._runs(part, [number], k + 1)[k]))
        return self._left[key]

    def _keep(self, part: Part, numbers: Sequence[int], upto: int, curves: RunReports) -> None:
        """Keep a record of each run, the nets that are needed, and how long the runs of each configuration took."""
        make_folder(self._folder.records)
        for number in numbers:
            runs = self._runs(part, [number], upto)
            for k, run in enumerate(runs):
                made = record.to_json(self._record(number, run, curves[run.name, run.seed]))
                sealed_json.write(made, self._folder.record_of(number, k, on_all=part.train_on == "all"))
                if part.keeps_nets and not curves[run.name, run.seed][-1].end:
                    self._keep_net(self._folder.net_of(number, k), run)
            its = [curves[run.name, run.seed] for run in runs]
            self._rates[number] = _rate(its, self._grid.task_of(runs[0]).costs)

    def _keep_net(self, path: Path, run: TrainingRun) -> None:
        state = self._grid.last_state(run)
        try:
            if state is not None:
                atomic_write(path, export(state, run.config))
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error

    def _record(self, number: int, run: TrainingRun, curve: Sequence[Report]) -> record.Record:
        reason = reason_of(curve[-1].end)
        ran = replace(
            self._trials[number], config=to_json(run.config), seed=run.seed, reports=tuple(curve),
            state="COMPLETE" if reason == "complete" else "PRUNED", reason=reason,
        )  # fmt: skip
        return record.record_of(self._study, ran)


def _name(number: int) -> str:
    return f"#{number}"


def _rate(curves: Sequence[Sequence[Report]], costs: Sequence[int]) -> float:
    """Return the measured seconds for each estimated microsecond of the same periods."""
    measured = sum(report.seconds for curve in curves for report in curve)
    return measured / sum(sum(costs[: len(curve)]) for curve in curves)
