"""Run a search from beginning to end, or from wherever an earlier run of it stopped."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from search import file_lock
from search.arguments import CONCURRENT_TRIALS, MAX_BUDGET, check_choice, check_count, check_several, check_whole
from search.database import checkpoint, open_for_writing, storage_errors
from search.defaults import results_in_force
from search.differences import CHECK
from search.driver.attended import watched
from search.driver.dispatcher import Dispatcher
from search.driver.driver import NO_RULES, Driver
from search.driver.interrupts import interruptible
from search.driver.progress import Callbacks, Header, Observer, Observers, blamed, order_advice, system_errors_of
from search.errors import (
    FOREIGN,
    Interrupted,
    PluginError,
    SearchError,
    StorageError,
    TooManyFailuresError,
    UsageError,
    WorkerError,
)
from search.event_log.events import MAX_COUNT, Created, Event, GoalSet
from search.event_log.history import History, StopRules
from search.event_log.log import EventLog
from search.event_log.records import StudyRecord, TrialRecord
from search.executors.in_process import InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.protocol import Executor
from search.files import left_of, make_folder
from search.hashed import Order
from search.messages import first_line, show
from search.space.settings import check_settings
from search.space.space import Direction, Space
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study.checkpoint_store import CheckpointStore
from search.study.enqueued import Enqueued, first_trials, origins_of, source as enqueued_study
from search.study.folder import StudyFolder, name_after
from search.study.invocation_log import Invocation, keep_invocation
from search.study.optuna_tables import OptunaTables
from search.study.spec import StudySpec, check_same, stored_history
from search.study.studies import StoredStudy, all_failed, check_not_renamed, log_of, note_end, read_events
from search.trainer_api import C, Codec, Plan, PlanFunction, Planner, TrainerSpec

Numerics = Mapping[str, Any]
OnTrialEnd = Callable[[TrialRecord, bytes, Sequence[TrialRecord]], None]
"""Keeps files of a complete trial. Gets the trial, its state after the last period, and all complete trials including
this one. May be called again for the same trial after a restart."""


def keep_nothing(trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
    """Do nothing; the default of OnTrialEnd."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Run:
    """The result of one run of a search."""

    study: StoredStudy
    reached: bool  # the trial budget, or a rule ended the search; otherwise it was stopped, and can be resumed
    order_cost: float  # share of worker time lost to the logical order, 0..1

    def __repr__(self) -> str:
        return f"{self.study!r}\n{self._outcome()}"

    def _repr_html_(self) -> str:
        return f"{self.study._repr_html_()}<div>{self._outcome()}</div>"

    def _outcome(self) -> str:
        return "the search has ended" if self.reached else "stopped before its trial budget; the same call resumes it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """Everything a search needs; `run` does it."""

    files: StudyFolder
    budget: int  # trained trials that the study shall have
    spec_for: Callable[[Numerics], StudySpec]  # the specification, given the workers' numerics
    planner_for: Callable[[StudySpec], Planner[Any]]
    executor: Executor
    typical_costs: Callable[[StudySpec], Sequence[float]] = lambda spec: ()  # see `Forecast`
    observer: Observer = field(default_factory=Observer)
    progress: bool | None = False
    """Whether `run` shows the progress on the terminal or in the notebook that it is called from, if there is one; None
    to show it unless there is an observer."""
    on_trial_end: OnTrialEnd = keep_nothing  # keeps the weights of a complete trial before its states are removed
    stop_rules: StopRules = NO_RULES
    """Rules that end the search before its trial budget. They are not part of the study's specification: resumed with
    other rules, or none, the search has the same trials as one that never stopped."""
    stopping: Callable[[], bool] = lambda: False  # whether to stop now; the same search can be resumed later
    trial_timeout: float = math.inf
    """Seconds that a trial may train. Not part of the study's specification: an end by time is an external event."""
    stall: float | None = None  # seconds after which a period counts as hung; None: a multiple of its estimated cost
    check: Callable[[StudyRecord], object] = lambda study: None  # raises if a study to be resumed is not this trainer's
    invocation: Invocation | None = None  # the command that started the search, if one did; kept for people to read
    notices: Sequence[str] = ()  # what `observer` is told as the study begins
    callbacks: Sequence[Callable[[TrialRecord], object]] = ()  # called with each trial that has ended

    @classmethod
    def of(
        cls,
        space: Space,
        planner: Planner[Any],
        trainer: TrainerSpec,
        *,
        trials: int,
        periods: int,
        seed: int = 0,
        concurrent_trials: int = CONCURRENT_TRIALS,
        order: Order = "deterministic",
        sampler: Sampler | None = None,
        pruner: Pruner | None = None,
        enqueued: Sequence[Mapping[str, Any] | StudyRecord | str | Path] = (),
        workers: int | None = None,
        name: str | None = None,
        results: Path | None = None,
        portable: bool = False,
        direction: Direction | None = None,
        progress: bool | None = None,
    ) -> Search:
        """Return the search of a space for `trials` trained trials of at most `periods` periods.

        By default, the sampler and pruner are those of the space's settings, else `curves` and `asha`. With two
        objectives, the default sampler is `tpe`.
        `workers` is a number of processes; by default, periods are trained in this process. By default, the study is
        named after space and seed; its results folder is $MNIST_BENCH_RESULTS or `results`. Of the space's
        settings, the search also reads the objective, the direction and the constraints; other settings, such as
        limits, are for the planner. `direction` ("minimize" or "maximize") replaces the space's, which maximizes unless
        it says otherwise. `portable` declares that the trainer computes the same bits on every processor; see
        `StudySpec.portable`. `enqueued` has parameters of the first trials, and studies (or their names or folders),
        whose best trials in this space come first. `progress` is as the field, see there. `dataclasses.replace` sets
        the other fields of a search, such as its observer.

        Raises:
            UsageError: an argument is wrong, the space's settings name no sampler or pruner or have a form that no
                search reads, given parameters lie outside the space, or no trial of a given study lies in it.
            StudyNotFoundError: there is no study of a name in `enqueued`.
        """
        check_search_arguments(trials=trials, concurrent_trials=concurrent_trials, order=order, seed=seed)
        check_count("periods", periods, MAX_COUNT)
        for argument, given, is_right, expected in (
            ("space", space, isinstance(space, Space), "a search.Space, such as Space.of(...)"),
            ("planner", planner, hasattr(planner, "codec"), "an object with `codec`; see search.Planner"),
            ("trainer", trainer, isinstance(trainer, TrainerSpec), "a search.TrainerSpec"),
            ("sampler", sampler, isinstance(sampler, Sampler | None), _AN_INSTANCE.format("sampler")),
            ("pruner", pruner, isinstance(pruner, Pruner | None), _AN_INSTANCE.format("pruner")),
            ("name", name, isinstance(name, str | None), "a text, or None"),
            ("results", results, isinstance(results, str | Path | None), "a folder, or None"),
            ("portable", portable, isinstance(portable, bool), "True or False"),
        ):
            if not is_right:
                named = getattr(given, "__name__", given) if argument in ("sampler", "pruner") else repr(given)
                raise UsageError(f"{argument}={show(named)}: give {expected}.")
        if direction is not None:
            check_choice("direction", direction, get_args(Direction))
            if direction != space.aim.direction:  # the setting is written only if it changes something
                space = replace(space, settings={**space.settings, "direction": direction})
        check_several("enqueued", enqueued)
        check_settings(space)
        try:
            default = registry.of_settings(space.settings)
        except ValueError as error:
            raise UsageError(f"{space.source}: search: {error}.") from error
        files = StudyFolder.of(name_after(space.name, seed) if name is None else name, results_in_force(results))
        notices: list[str] = []
        first: list[Enqueued] = []
        for index, each in enumerate(enqueued):
            if isinstance(each, StudyRecord | str | Path):
                study = enqueued_study(each, files)
                first += first_trials(study, space, _blamed(planner), notices.append)
            else:
                _check_fits(space, each, f"enqueued[{index}]")
                first.append(Enqueued(params=each))

        def spec(numerics: Numerics) -> StudySpec:
            return StudySpec(
                space=space,
                seed=seed,
                concurrent_trials=concurrent_trials,
                order=order,
                sampler=sampler or default[0],
                pruner=pruner or default[1],
                periods=periods,
                enqueued=tuple(each.params for each in first),
                enqueued_from=origins_of(first),
                numerics=numerics,
                portable=portable,
                context={"trainer": trainer.to_json()},
                versions={},
            )

        log = files.workers_log
        return cls(
            files=files,
            budget=trials,
            progress=progress,
            notices=notices,
            spec_for=spec,
            planner_for=lambda _: planner,
            executor=InProcessExecutor(trainer) if workers is None else LocalExecutor(trainer, workers, log),
        )

    def run(self) -> Run:
        """Drive the study to its trial budget, until a rule ends it, or until `stopping` says so.

        Raises:
            StudyLockedError: another process drives the study.
            FingerprintError: the study was made under other conditions.
            UsageError: fewer trials are asked for than the unfinished study was started for, the study's folder cannot
                be made, the planner or trainer gives values that the study cannot keep, or the
                package of a program in `log` is not installed.
            PluginError: the system refuses something to the planner, or to the observer.
            TooManyFailuresError: several trials in a row fail or are infeasible, or all have failed in the end.
            StorageError, WorkerError: see there.
            Interrupted: Ctrl-C, or a notebook's stop button, ended the search; the same call resumes it.
        """
        with (
            watched(self.observer, self.progress) as shown,
            interruptible(shown.on_notice) as interrupted,
        ):
            observer = Observers((shown, Callbacks(self.callbacks)))
            run = replace(self, observer=observer, stopping=lambda: self.stopping() or interrupted())._run_alone()
            if interrupted() and not run.reached:
                raise Interrupted(f"Study {run.study.name} stopped before its trial budget; the same call resumes it.")
            return run

    def trials_left(self) -> int:
        """Return how many trained trials are left to end, 0 if `run` would train nothing.

        Nothing is changed, no worker started. All that is known without workers is checked, with the errors of `run`.
        """
        history = stored_history(read_events(self.files))
        if not history.seq:
            return self.budget
        self.check(history.record())
        return 0 if self._is_done(history) else self.budget - history.finished

    def _run_alone(self) -> Run:
        """Drive the study while no other process does; errors as in `run`."""
        files = self.files
        make_folder(files.path)
        with file_lock.driver_lock(files.lock, f"Study {files.name}"), storage_errors():
            for written in (files.space, files.log_end):
                for path in left_of(written):  # by a driver that was killed while it wrote
                    path.unlink()
            _check_not_emptied(files)
            connection = open_for_writing(files.database)
            try:
                log = log_of(connection, files)
                log.make_table()
                run = self._run_on(connection, log)
                checkpoint(connection)  # first, or a power cut could leave a note of more events than there are
                note_end(files, log.end)
            finally:
                self.executor.stop()
                connection.close()
        failed = run.study.first_failed
        if run.reached and failed is not None:
            error = TooManyFailuresError(all_failed(files, failed))
            error.add_note(failed.error or "")  # for those who ask for the traceback
            raise error
        return run

    def _run_on(self, connection: sqlite3.Connection, log: EventLog) -> Run:
        files = self.files
        check_not_renamed(files)
        events = log.read()
        history = stored_history(events)
        if events:
            self.check(history.record())
        states = CheckpointStore(files.checkpoints)
        # If it is done, no worker is started for it. But the driver that wrote the last event may have died over what
        # follows from it, so the tables and the files are seen to all the same.
        spec = None if events and self._is_done(history) else self._start(history)
        if spec is not None:
            events = events or self._create(spec, history, log)
            keep_invocation(files, spec.space, self.invocation)
        tables = OptunaTables(connection, history)
        tables.sync(tables.behind(events))
        clean_up(history, states, self.on_trial_end)
        reached, order_cost = (True, 0.0) if spec is None else self._drive(spec, history, log, tables, states)
        return Run(study=StoredStudy.of(history.record(), files), reached=reached, order_cost=order_cost)

    def _is_done(self, history: History) -> bool:
        """Run the checks that need no workers, and check whether the study has ended: by its trial budget or a rule."""
        check_same(self.files.name, history.spec, self.spec_for(history.spec["numerics"]).to_json())
        # Which rule ended it does not matter: as long as one of the given rules would, there is nothing left to do.
        ended_early = history.stop is not None and self.stop_rules.stopped(history) is not None
        # Not at its budget, a search without a next turn has found nothing feasible any more: it says so again.
        reached = history.trained >= history.budget and history.next_turn() is None
        done = ended_early or (history.stop is None and reached)
        if not done and self.budget < history.budget:
            raise UsageError(
                f"Study {self.files.name} has not reached its trial budget of {history.budget} trials; ask for "
                f"{history.budget} or more with --trials, or start a new study with --study-name."
            )
        return ended_early or (done and self.budget <= history.budget)

    def _start(self, history: History) -> StudySpec:
        numerics = self.executor.start()
        if CHECK not in numerics:
            raise UsageError("The trainer's `numerics` have no `check`; see `search.Trainer`.")
        spec = self.spec_for(numerics)
        if history.seq:
            check_same(self.files.name, history.spec, spec.to_json())
        return spec

    def _create(self, spec: StudySpec, history: History, log: EventLog) -> list[Event]:
        for text in self.notices:
            self.observer.on_notice(text)
        created = Created(name=self.files.name, spec=spec.to_json())
        events: list[Event] = [created, GoalSet(goal=self.budget)]
        for event in events:
            log.append(event)
            history.apply(event)
        return events

    def _drive(
        self, spec: StudySpec, history: History, log: EventLog, tables: OptunaTables, states: CheckpointStore
    ) -> tuple[bool, float]:
        with system_errors_of("planner"):
            planner = _blamed(self.planner_for(spec))
        observer = blamed(self.observer)
        check_readable(planner.codec, history)
        dispatcher = Dispatcher(
            self.executor, states, history, self.stopping, spec.may_stop_at, self.trial_timeout, self.stall
        )
        header = Header(
            name=self.files.name,
            spec=spec,
            workers=self.executor.workers,
            budget=max(self.budget, history.budget),
            resumed=bool(history.trials),
            stop_rules=self.stop_rules,
        )
        observer.on_start(header)
        dispatcher.meanwhile = tables.keep_up
        driver = Driver(
            spec=spec,
            history=history,
            append=log.append,
            tables=tables,
            planner=planner,
            dispatcher=dispatcher,
            observer=observer,
            typical_costs=self.typical_costs(spec),
            release=lambda trial: release(trial, history, states, self.on_trial_end),
        )
        try:
            if history.stop is not None:
                driver.go_on()
            reached = True
            if history.declined:  # the segment that has stopped asking ends first, then a larger budget is set
                reached = driver.run(self.stopping, self.stop_rules)
            if reached:
                if history.stop is None and self.budget > history.budget:
                    driver.raise_budget(self.budget)
                reached = driver.run(self.stopping, self.stop_rules)
        except (TooManyFailuresError, PluginError, UsageError, WorkerError):
            tables.catch_up()  # with the events that led to it
            raise
        tables.catch_up()
        if (advice := order_advice(spec, dispatcher)) is not None:
            observer.on_notice(advice)
        return reached, dispatcher.ordering_share


def _check_fits(space: Space, params: Any, name: str) -> None:
    """UsageError if an argument is not parameters of a space."""
    if not isinstance(params, Mapping) or not all(isinstance(path, str) for path in params):
        raise UsageError(f"{name}: {show(params)}: give a mapping of parameters to values.")
    if (misfit := space.misfit(params)) is not None:
        raise UsageError(f"{name}: {misfit}")


def check_search_arguments(*, trials: int, concurrent_trials: int, order: Order, seed: int) -> None:
    """UsageError if an argument is wrong that nothing else checks before workers have started."""
    check_count("trials", trials, MAX_BUDGET)
    check_count("concurrent_trials", concurrent_trials, MAX_COUNT)
    check_choice("order", order, get_args(Order))
    check_whole("seed", seed)


_AN_INSTANCE = "an instance, such as search.named_{} returns, or None"


def _blamed(planner: Planner[C]) -> Planner[C]:
    """Return a planner whose errors of the disk or of a database are reported as its own, and that has to return a
    `Plan`."""

    def plan(params: Mapping[str, Any]) -> Plan[C]:
        with system_errors_of("planner"):
            made: object = planner(params)
        if not isinstance(made, Plan):
            raise PluginError(f"The planner returned {show(made)}; it has to return a search.Plan.")
        return made

    return PlanFunction(planner.codec, plan)


def _check_not_emptied(files: StudyFolder) -> None:
    """StorageError if a study that has begun has lost its database's content: a new one is made before checkpoints."""
    database = files.database
    has_begun = files.checkpoints.exists()
    if database.exists() and database.stat().st_size == 0 and has_begun:
        raise StorageError(
            f"The database {database} is empty, though study {files.name} has begun: restore a copy of it, or "
            "give a new search another name with --study-name."
        )


def check_readable(codec: Codec[Any], history: History) -> None:
    """StorageError if a codec does not read a configuration to be trained; else each would be recorded as crashed."""
    for trial in history.running():
        try:
            if not history.is_decided(trial.number):
                codec.from_json(trial.config)
        except SearchError:
            raise
        except FOREIGN as error:  # the codec of a custom trainer may raise anything
            raise StorageError(
                f"The configuration of trial {trial.number} cannot be read ({first_line(error)}); resume with the "
                "trainer that began the study."
            ) from error


def release(trial: TrialRecord, history: History, states: CheckpointStore, on_trial_end: OnTrialEnd) -> None:
    """Hand on a complete trial's last state, and remove all states of an ended trial."""
    if trial.state == "COMPLETE" and (kept := states.get(trial.number, len(trial.reports))):
        on_trial_end(trial, kept[1], history.complete())
    states.drop(trial.number, range(1, len(trial.costs) + 1))


def clean_up(history: History, states: CheckpointStore, on_trial_end: OnTrialEnd) -> None:
    """Release ended trials whose states are still there, and remove files that were never finished."""
    states.drop_unfinished()
    for number in sorted(states.trials()):
        if number >= len(history.trials):
            states.drop_trial(number)
        elif history.trials[number].state != "RUNNING":
            release(history.trials[number], history, states, on_trial_end)
