"""Search a function or a program: what `search.run` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.arguments import check_count, check_seconds, is_number
from search.defaults import results_in_force
from search.driver.progress import Observer
from search.driver.run import Search
from search.errors import FingerprintError, PluginError, UsageError
from search.event_log.events import Reported
from search.event_log.history import StopRules
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import Order, repeats
from search.loading import end_if_loading
from search.messages import first_line, show
from search.objectives.executor import ObjectiveExecutor
from search.objectives.first_trial import blank_space, first_trial
from search.objectives.objective import FLAT, Configuration, Function, Objective
from search.objectives.reports import VALUE, Figures
from search.space.space import Space
from search.study.spec import StudySpec, fingerprint
from search.study.studies import StoredStudy, read_events, remove_study, specification
from search.trainer_api import MAX_COST, PLAIN, Plan, TrainerSpec

NOMINAL = 1_000_000
"""Cost of a report, in microseconds, if nothing says what it costs: only the order of events depends on it."""
OF_OPTUNA = {
    "n_jobs": "workers=N computes N trials at a time, with the same result",
    "n_trials": "trials=N is their number",
}
"""Arguments of Optuna's `optimize` that have another name here."""
_ANOTHER_NAME = "give this search another name with --study-name (in Python name=)"


def run(
    objective: Function | str,
    space: Space | Mapping[str, Any] | str | Path | None = None,
    *,
    trials: int = 50,
    periods: int | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> StoredStudy:
    """Search a space for the configuration for which an objective is best, and return the study.

    The objective is `def objective(config): return value`, or a generator that yields a value after each part of the
    work, at most `periods` times; a pruner may end it after each. Or it is one that was written for Optuna,
    `def objective(trial)`, which needs no space. Called again with the same arguments, an unfinished search continues,
    and a finished one is read.

    Args:
        objective: a function, or its name as `file.py:function` or `package.module:function`. It is called with a
            `Configuration`, and returns or yields a number, or a mapping of names to numbers that holds `value`. If its
            parameter is called `trial`, it is called with what Optuna's trials have.
        space: a space file, a mapping as in one, or a `Space`. Ranges may stand at the top level:
            `{"lr": {"float": [1e-4, 1e-1], "log": True}}`. By default, it has the ranges that the first trial asks for.
        trials: trained trials that the study shall have.
        periods: the most reports of a trial; by default 1, or without a space the number that the first trial makes.
        observer: receives the search's events.
        options: see `planned`.

    Raises:
        UsageError: an argument is wrong, or the objective does not repeat.
        SpaceError: the space has faults.
        SearchError: see `search.Search.run`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as results:
    ...     found = run(lambda config: -(config.x - 2) ** 2, {"x": {"float": [0.0, 5.0]}}, trials=8, results=results)
    >>> len(found.trials), found.best.value > -1
    (8, True)
    """
    end_if_loading()
    ready = planned(Objective.of(objective), space, trials=trials, periods=periods, **options)
    return begun_again(ready if observer is None else replace(ready, observer=observer)).run().study


def planned(
    objective: Objective,
    space: Space | Mapping[str, Any] | str | Path | None = None,
    *,
    trials: int = 50,
    periods: int | None = None,
    workers: int = 1,
    order: Order = "deterministic",
    cost: Callable[[Configuration], float] | None = None,
    checked: bool = True,
    stall: float | None = None,
    trial_timeout: float | None = None,
    stop_rules: StopRules | None = None,
    results: str | Path | None = None,
    callbacks: Sequence[Callable[[TrialRecord], object]] = (),
    **options: Any,
) -> Search:
    """Return the search of an objective; `run` does it. Without a space, the first trial is run here, however long
    it takes.

    Args:
        objective: what is called.
        space: as in `run`.
        trials: as in `run`.
        periods: as in `run`.
        workers: trials that compute at a time. It does not change the result.
        order: "deterministic", in which a search repeats, or "as-completed".
        cost: what a report costs, in seconds as estimated. It decides the order of events, so that workers wait less;
            by default all reports cost the same.
        checked: whether the first trial's first report is made twice, in two processes, and compared.
        stall: seconds without a report after which a trial's process is replaced; by default there is no limit.
        trial_timeout: seconds that a trial may take.
        stop_rules: end the search before its trial budget.
        results: the folder of all studies; None for $MNIST_BENCH_RESULTS or `results`.
        callbacks: functions that are called with each trial that has ended.
        options: `seed`, `concurrent_trials`, `sampler`, `pruner`, `enqueued`, `name`, `direction`
            and `progress`, as in `search.Search.of`.

    Raises:
        UsageError, SpaceError: an argument is wrong.
    """
    for theirs, ours in OF_OPTUNA.items():
        if theirs in options:
            raise UsageError(f"{theirs}: a search has no such option; {ours}.")
    if periods is not None:
        check_count("periods", periods)
    for option, seconds in (("stall", stall), ("trial_timeout", trial_timeout)):
        if seconds is not None:
            check_seconds(option, seconds)

    def search_of(read: Space, periods: int, **more: Any) -> Search:
        return Search.of(
            read, ObjectivePlanner(read, periods, cost), TrainerSpec(factory=objective.name), trials=trials,
            periods=periods, order=order, results=results_in_force(results), **{**options, **more},
        )  # fmt: skip

    first: Sequence[Figures] = ()
    if space is None:
        # Checks the options before the first trial is run.
        blank = search_of(blank_space(objective), periods or 1, enqueued=())
        found = first_trial(objective, blank.files, seed=options.get("seed", 0), periods=periods)
        read, periods, first = found.space, found.periods, found.reports if checked else ()
        base = search_of(read, periods, enqueued=[found.middle, *options.get("enqueued", ())])
        base = replace(base, notices=[*found.notices, *base.notices])
    else:
        read, periods = space_of(space), periods or 1
        base = search_of(read, periods)
    objective.check_names(Configuration({field.path: None for field in read.fields}, 0))

    def spec(numerics: Mapping[str, Any]) -> StudySpec:
        plain = base.spec_for(numerics)
        named = {"factory": objective.name, "options": {}}  # a command whole, with the folders in it
        return replace(plain, context={**plain.context, "trainer": named, "objective": objective.sha256})

    return replace(
        base,
        spec_for=spec,
        check=lambda study: check_objective(objective, study),
        executor=ObjectiveExecutor(
            objective, workers, base.files.workers_log, periods=periods, space=read,
            metric=read.aim.metric or VALUE, repeats=repeats(order), checked=checked, first=first,
        ),
        stall=math.inf if stall is None else stall,
        stop_rules=stop_rules or StopRules(),
        trial_timeout=math.inf if trial_timeout is None else trial_timeout,
        callbacks=callbacks,
    )  # fmt: skip


def check_objective(objective: Objective, study: StudyRecord) -> None:
    """Check that a study was made by an objective, and that it has not changed since; FingerprintError if not."""
    context = study.spec["context"]
    made_by = context.get("trainer", {}).get("factory", "another trainer")
    if "objective" not in context or made_by != objective.name:
        raise FingerprintError(
            f"Study {study.name} was made by {show(made_by)}, not by {objective.name}; name that one, or "
            f"{_ANOTHER_NAME}."
        )
    if context["objective"] != objective.sha256:
        raise FingerprintError(
            f"{objective.name} has changed since study {study.name} began: its SHA-256 was {context['objective'][:8]} "
            f"and is {objective.sha256[:8]}. Continuing would mix two searches; put it back as it was, or "
            f"{_ANOTHER_NAME}."
        )


def begun_again(ready: Search) -> Search:
    """Return a search, after its study was removed if that has no report and was begun with other options.

    So a function can be mended, or searched in another order, under the same name after a first try that failed.
    """
    files = ready.files
    stored = specification(files)
    if stored is None or "objective" not in stored["context"]:
        return ready
    now = ready.spec_for(stored["numerics"]).to_json()
    is_same_objective = now["context"]["trainer"] == stored["context"]["trainer"]
    if not is_same_objective or fingerprint(now) == fingerprint(stored):
        return ready
    if not any(isinstance(event, Reported) for event in read_events(files)):
        remove_study(files)
        ready.observer.on_notice(f"Study {files.name} had no report, and begins again as it is asked for now.")
    return ready


def space_of(source: Space | Mapping[str, Any] | str | Path) -> Space:
    """Return the space of an objective; its ranges and constants may stand at the top level."""
    if isinstance(source, Space):
        return source
    if isinstance(source, Mapping):
        return Space.of(source, flat=FLAT)
    if isinstance(source, str | Path):
        return Space.load(Path(source), flat=FLAT)
    raise UsageError(f"space={show(repr(source))}: give a file, a mapping or a search.Space.")


@dataclass(frozen=True, slots=True)
class ObjectivePlanner:
    """Plans all values of a configuration, and the same cost for each report."""

    space: Space
    periods: int
    cost: Callable[[Configuration], float] | None = None  # seconds of a report, as estimated

    codec = PLAIN

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """Return the plan of a trial."""
        values, microseconds = self.space.resolve(params), NOMINAL
        if self.cost is not None:
            try:
                seconds = self.cost(Configuration(values, 0))
            except Exception as error:
                raise PluginError(f"cost raised {type(error).__name__}: {first_line(error)}.") from error
            if not is_number(seconds) or not 0 <= seconds * 1e6 <= MAX_COST:
                raise UsageError(f"cost returned {show(repr(seconds))}: return seconds, a number of at least 0.")
            microseconds = round(seconds * 1e6)
        return Plan(config=values, costs=(microseconds,) * self.periods)
