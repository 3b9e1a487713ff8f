"""Search a function or a program: what `search.run` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from search.event_log.records import Order, StudyRecord, TrialRecord, repeats
from search.loading import OF_OPTUNA, end_if_loading, is_code
from search.messages import first_line, show
from search.objectives.executor import ObjectiveExecutor
from search.objectives.objective import FLAT, Configuration, Function, Objective, option_words
from search.objectives.reports import VALUE
from search.space.objective import Direction
from search.space.space import Space
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study.spec import StartList, StudySpec, fingerprint, option_words as strategy_options, own_code_options
from search.study.studies import StoredStudy, read_events, remove_study, specification
from search.trainer_api import MAX_COST, PLAIN, Plan, TrainerSpec

NOMINAL = 1_000_000
"""Cost of a report, in microseconds, if nothing says what it costs: only the order of events depends on it."""
_ANOTHER_NAME = "give this search another name with --study-name (in Python name=)"


def run(
    objective: Function | str,
    space: Space | Mapping[str, Any] | str | Path,
    *,
    trials: int = 50,
    periods: int = 1,
    observer: Observer | None = None,
    **options: Any,
) -> StoredStudy:
    """Search a space for the configuration for which an objective is best, and return the study.

    The objective is `def objective(config): return value`, or a generator that yields a value after each part of the
    work, at most `periods` times; a pruner may end it after each. Called again with the same arguments, an unfinished
    search continues, and a finished one is read.

    Args:
        objective: a function, or its name as `file.py:function` or `package.module:function`. It is called with a
            `Configuration`, and returns or yields a number, or a mapping of names to numbers that holds `value`.
        space: a space file, a mapping as in one, or a `Space`. Ranges may stand at the top level:
            `{"lr": {"float": [1e-4, 1e-1], "log": True}}`.
        trials: trained trials that the study shall have.
        periods: the most reports of a trial.
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
    space: Space | Mapping[str, Any] | str | Path,
    *,
    trials: int = 50,
    periods: int = 1,
    seed: int = 0,
    workers: int = 1,
    concurrent_trials: int = 8,
    order: Order = "deterministic",
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    cost: Callable[[Configuration], float] | None = None,
    checked: bool = True,
    stall: float | None = None,
    trial_timeout: float | None = None,
    stop_rules: StopRules | None = None,
    enqueued: Sequence[Mapping[str, Any] | StudyRecord | str | Path] = (),
    start: StartList | None = None,
    name: str | None = None,
    results: str | Path | None = None,
    direction: Direction | None = None,
    progress: bool | None = None,
    callbacks: Sequence[Callable[[TrialRecord], object]] = (),
) -> Search:
    """Return the search of an objective; `run` does it.

    Args:
        objective: what is called.
        space: as in `run`.
        trials: as in `run`.
        periods: as in `run`.
        seed: decides the proposals, and the seeds of the trials.
        workers: trials that compute at a time. It does not change the result.
        concurrent_trials: those that run or wait for their next report. Their number changes the result.
        order: "deterministic", in which a search repeats, or "as-completed".
        sampler: by default the space's, or curves; with two objectives tpe.
        pruner: by default the space's, or asha.
        cost: what a report costs, in seconds as estimated. It decides the order of events, so that workers wait less;
            by default all reports cost the same.
        checked: whether the first trial's first report is made twice, in two processes, and compared.
        stall: seconds without a report after which a trial's process is replaced; by default there is no limit.
        trial_timeout: seconds that a trial may take.
        stop_rules: end the search before its goal.
        enqueued: parameters of the first trials; or a study, its name or its folder, whose ten best trials that lie in
            the space come first and are run again.
        start: configurations tried after those.
        name: the study's name; by default that of the space with the seed.
        results: the folder of all studies; None for $MNIST_BENCH_RESULTS or `results`.
        direction: "minimize" or "maximize", instead of the space's, which maximizes unless it says otherwise.
        progress: whether to show the progress in the terminal or notebook; None to show it unless there is an observer.
        callbacks: functions that are called with each trial that has ended.

    Raises:
        UsageError, SpaceError: an argument is wrong.
    """
    read = space_of(space)
    check_count("periods", periods)
    for option, seconds in (("stall", stall), ("trial_timeout", trial_timeout)):
        if seconds is not None:
            check_seconds(option, seconds)
    objective.check_names(Configuration({field.path: None for field in read.fields}, 0))
    base = Search.of(
        read, ObjectivePlanner(read, periods, cost), TrainerSpec(factory=objective.name), trials=trials,
        periods=periods, seed=seed, concurrent_trials=concurrent_trials, order=order, sampler=sampler, pruner=pruner,
        enqueued=enqueued, start=start, name=name, results=results_in_force(results),
        direction=direction, progress=progress,
    )  # fmt: skip

    def spec(numerics: Mapping[str, Any]) -> StudySpec:
        plain = base.spec_for(numerics)
        named = {"factory": objective.name, "options": {}}  # a command whole, with the folders in it
        return replace(plain, context={**plain.context, "trainer": named, "objective": objective.sha256})

    return replace(
        base,
        spec_for=spec,
        check=lambda study: check_objective(objective, study),
        executor=ObjectiveExecutor(
            objective, workers, base.files.workers_log, periods=periods,
            metric=read.aim.metric or VALUE, repeats=repeats(order), checked=checked,
        ),
        stall=math.inf if stall is None else stall,
        stop_rules=stop_rules or StopRules(),
        trial_timeout=math.inf if trial_timeout is None else trial_timeout,
        callbacks=callbacks,
    )  # fmt: skip


def check_objective(objective: Objective, study: StudyRecord) -> None:
    """Check that a study was made by an objective, and that it has not changed since.

    Raises:
        FingerprintError: it was made by another one, by this one as it was, or by no objective.
    """
    context = study.spec["context"]
    made_by = context["trainer"]["factory"] if "objective" in context else None
    if made_by is None:
        raise FingerprintError(
            f"Study {study.name} was not made by an objective, so {objective.name} cannot continue it; {_ANOTHER_NAME}."
        )
    if made_by != objective.name:
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

    Raises:
        StudyLockedError: another process works on the study.
        StorageError: its database cannot be read or written.
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


def search_words(spec: Mapping[str, Any], space: str, trials: int, name: str) -> list[str]:
    """Return the words of the command that continues a study of an objective, none if no command can.

    Args:
        spec: the study's stored specification.
        space: the file of its space.
        trials: its goal.
        name: its name.
    """
    named = option_words(spec["context"]["trainer"]["factory"]) if "objective" in spec["context"] else []
    if not named:
        return []
    words = ["mnist-bench", "search", space, *named, "--periods", spec["periods"], "--trials", trials]
    words += ["--seed", spec["seed"], "--concurrent-trials", spec["concurrent_trials"]]
    words += [] if repeats(spec["order"]) else ["--order", "as-completed"]
    studies = dict.fromkeys(trial.rpartition("/")[0] for trial in spec.get("enqueued_from", ()) if trial)
    words += [word for study in studies for word in ("--enqueue", study)]
    return [*map(str, words), *_strategy_words(spec), "--study-name", name]


def _strategy_words(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of a command that name a study's sampler and pruner, as far as they are not the space's."""
    yield from own_code_options(spec)
    settings = spec["space"]["settings"]
    sampler, pruner = registry.of_settings({**settings, "search": {}})
    chosen = {"sampler": registry.to_spec(sampler), "pruner": registry.to_spec(pruner), **settings.get("search", {})}
    sampler, pruner = registry.of_spec(chosen)  # as of a study: Optuna need not have the classes that the space names
    for kind, default in (("sampler", registry.to_spec(sampler)), ("pruner", registry.to_spec(pruner))):
        way = spec[kind]
        if is_code(str(way["name"])) or way == default:
            continue
        named = registry.named_sampler if kind == "sampler" else registry.named_pruner
        usual = {} if way["name"].startswith(OF_OPTUNA) else registry.to_spec(named(way["name"], {}))
        yield from (f"--{kind}", way["name"])
        yield from strategy_options(
            kind, {key: way[key] for key in way if key != "name" and usual.get(key) != way[key]}
        )


def space_of(source: Space | Mapping[str, Any] | str | Path) -> Space:
    """Return the space of an objective; its ranges and constants may stand at the top level.

    Raises:
        UsageError: the file cannot be read.
        SpaceError: it has faults.
    """
    match source:
        case Space():
            return source
        case Mapping():
            return Space.of(source, flat=FLAT)
        case str() | Path():
            return Space.load(Path(source), flat=FLAT)
    raise UsageError(f"space={show(repr(source))}: give a file, a mapping or a search.Space.")


@dataclass(frozen=True, slots=True)
class ObjectivePlanner:
    """Plans all values of a configuration, and the same cost for each report."""

    space: Space
    periods: int
    cost: Callable[[Configuration], float] | None = None
    """Seconds of a report, as estimated."""

    codec = PLAIN

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """Return the plan of a trial."""
        values = self.space.resolve(params)
        return Plan(config=values, costs=(self._microseconds(values),) * self.periods)

    def _microseconds(self, values: Mapping[str, Any]) -> int:
        if self.cost is None:
            return NOMINAL
        try:
            seconds = self.cost(Configuration(values, 0))
        except Exception as error:
            raise PluginError(f"cost raised {type(error).__name__}: {first_line(error)}.") from error
        if not is_number(seconds) or not 0 <= seconds * 1e6 <= MAX_COST:
            raise UsageError(f"cost returned {show(repr(seconds))}: return seconds, a number of at least 0.")
        return round(seconds * 1e6)
