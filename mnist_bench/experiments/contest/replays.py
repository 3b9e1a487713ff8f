"""Searches in virtual time: the real driver, samplers and pruners, and trainings that are looked up or computed."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import Any, assert_never

from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest.baselines import Ended, Params, choices, first_period, proposals
from mnist_bench.experiments.contest.contest_record import Entrant, Trace
from mnist_bench.experiments.contest.entrants import strategies_of
from mnist_bench.experiments.contest.replayed.replayed_task import Replayed
from search import canonical_json
from search.hashed import State
from search.simulation import MAX_TRIALS, Simulated, simulate
from search.strategies import registry
from search.strategies.optuna_study import OptunaStudy
from search.study.spec import StudySpec, fingerprint
from search.trainer_api import Plan, Report


class _Study(OptunaStudy):
    """The study in memory, which moves proposals to what can be trained, and counts the time that the method takes."""

    def __init__(self, spec: StudySpec, replayed: Replayed) -> None:
        super().__init__(
            name=fingerprint(spec.to_json()), space=spec.space, sampler=spec.sampler, pruner=spec.pruner,
            seed=spec.seed, periods=spec.periods, prospects=lambda: replayed.prospects(spec),
        )  # fmt: skip
        self.seconds = 0.0
        """Processor time of proposals and decisions."""
        self._arena = replayed
        self._taken: set[int] = set()

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._timed():
            params = super().ask(number, fixed)
        moved = dict(self._arena.moved(params, self._taken))
        if moved != params:
            self.move(number, moved)
        return moved

    def report(self, number: int, period: int, value: float) -> bool:
        with self._timed():
            return super().report(number, period, value)

    def tell(self, number: int, state: State, value: float | None) -> None:
        with self._timed():
            super().tell(number, state, value)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        before = time.process_time()
        yield
        self.seconds += time.process_time() - before


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The terms of all searches of a contest."""

    budget: int  # trainings of an average configuration
    concurrent_trials: int = 8
    workers: tuple[int, ...] = (8,)
    """Numbers of workers for which the time is computed; none of them changes a decision."""


def replays(
    replayed: Replayed,
    entrants: Sequence[Entrant],
    seeds: Sequence[int],
    terms: Terms,
    *,
    processes: int = 1,
    on_trace: Callable[[], None] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[tuple[Trace, ...], ...]:
    """Return the traces of each entrant, one per seed.

    Several processes search at the same time, with the same results.

    Raises:
        Stopped: `stopping` returned True before the end.
    """
    asked = [(entrant, seed) for seed in seeds for entrant in entrants]
    found: dict[EntrantSeed, Trace] = {}
    for pair, trace in _run(replayed, asked, terms, processes, stopping):
        found[pair] = trace
        on_trace()
    return tuple(tuple(found[entrant, seed] for seed in seeds) for entrant in entrants)


EntrantSeed = tuple[Entrant, int]


def _run(
    replayed: Replayed, missing: Sequence[EntrantSeed], terms: Terms, processes: int, stopping: Callable[[], bool]
) -> Iterator[tuple[EntrantSeed, Trace]]:
    if processes == 1:
        for entrant, seed in missing:
            if stopping():
                raise Stopped
            yield (entrant, seed), replay(replayed, entrant, seed, terms)
        return
    # Spawned, not forked: the parent may have started threads (PyTorch's, a live view's).
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, initializer=_take, initargs=(replayed, terms)) as pool:
        try:
            waiting = {pool.submit(_replay_here, *pair): pair for pair in missing}
            for number, done in enumerate(as_completed(waiting), start=1):
                yield waiting[done], done.result()
                if number < len(waiting) and stopping():
                    raise Stopped
        finally:
            pool.shutdown(cancel_futures=True)


_HERE: list[tuple[Replayed, Terms]] = []
"""The task and the terms of this process, in a pool of processes."""


def _take(replayed: Replayed, terms: Terms) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal, which are the parent's to act on
        signal.signal(number, signal.SIG_IGN)
    _HERE[:] = [(replayed, terms)]
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """End this process when the one that started it is gone: a pool that was killed leaves its processes waiting."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _replay_here(entrant: Entrant, seed: int) -> Trace:
    replayed, terms = _HERE[0]
    return replay(replayed, entrant, seed, terms)


def replay(replayed: Replayed, entrant: Entrant, seed: int, terms: Terms) -> Trace:
    """Return how one search goes; it sees the errors with one of the training seeds, which follows from its own."""
    seen = replayed.seeds[seed % len(replayed.seeds)]
    match entrant.method:
        case "search":
            return _search(replayed, entrant, seed, seen, terms)
        case "first_period":
            return first_period(_LookedUp(replayed, seen), seed, entrant.budgets * terms.budget * replayed.unit)
        case _:
            assert_never(entrant.method)


class _LookedUp:
    """The training runs of a task; satisfies `baselines.TrainingSource`."""

    def __init__(self, replayed: Replayed, seen: int) -> None:
        self._arena = replayed
        self._seen = seen
        self._trainer = replayed.trainer(seen)
        self.unit = replayed.unit

    def random(self, seed: int) -> Iterator[tuple[Params, Plan[Any]]]:
        """See `TrainingSource.random`; a configuration comes once."""
        spec = StudySpec(
            space=self._arena.space, seed=seed, concurrent_trials=1, periods=self._arena.periods,
            sampler=registry.sampler("random"), pruner=registry.pruner("none"),
            order="deterministic", context={}, versions={}, numerics={},
        )  # fmt: skip
        study = _Study(spec, self._arena)
        taken: set[str] = set()
        for params, plan in proposals(study, self._arena.planner, MAX_TRIALS):
            if (key := canonical_json.dumps(dict(params))) not in taken:
                taken.add(key)
                yield params, plan
            if len(taken) == self._arena.configurations:
                return

    def train(self, plans: Sequence[Plan[Any]], periods: int | None = None) -> list[Sequence[Report]]:
        """See `TrainingSource.train`."""
        return [self._curve(plan, self._arena.periods if periods is None else periods) for plan in plans]

    def _curve(self, plan: Plan[Any], periods: int) -> list[Report]:
        reports: list[Report] = []
        while len(reports) < periods and not (reports and reports[-1].end):
            reports.append(self._trainer.advance(plan.config, self._seen, len(reports) + 1, None)[1])
        return reports

    def ended(self, trial: int, params: Params, plan: Plan[Any], spent: float, last: Report) -> Ended:
        """See `TrainingSource.ended`."""
        return self._arena.ended(params, self._seen, spent, trial)


def _search(replayed: Replayed, entrant: Entrant, seed: int, seen: int, terms: Terms) -> Trace:
    budget = entrant.budgets * terms.budget * replayed.unit
    runs = {workers: simulated(replayed, entrant, seed, seen, terms, workers) for workers in terms.workers}
    first, own_seconds = runs[terms.workers[0]]
    ended = [one for one in _ended(first, replayed, seen) if one.spent <= entrant.budgets * terms.budget]
    return Trace(
        choices=choices(ended),
        spent=max((spent for spent in first.spent if spent <= budget), default=0) / replayed.unit,
        trials=len(ended),
        complete=sum(one.seen is not None for one in ended),
        seconds={workers: one.seconds for workers, (one, _) in runs.items()},
        own_seconds=own_seconds / max(1, len(first.study.trials)),
    )


def simulated(
    replayed: Replayed, entrant: Entrant, seed: int, seen: int, terms: Terms, workers: int
) -> tuple[Simulated, float]:
    """Return the result of a search that sees the training seed `seen`, and the processor seconds of its method."""
    sampler, pruner = strategies_of(entrant)
    spec = StudySpec(
        space=replayed.space, seed=seed, concurrent_trials=terms.concurrent_trials, periods=replayed.periods,
        sampler=sampler, pruner=pruner, order="deterministic", context={}, versions={}, numerics={},
    )  # fmt: skip
    study = _Study(spec, replayed)
    budget = math.ceil(entrant.budgets * terms.budget * replayed.unit)
    found = simulate(
        spec, replayed.planner, replayed.trainer(seen), budget=budget, study=study, workers=workers,
        seconds=replayed.seconds,
    )  # fmt: skip
    return found, study.seconds


def _ended(simulated: Simulated, replayed: Replayed, seen: int) -> Iterator[Ended]:
    """Yield the trials that ended, in the order of their ends."""
    for (number, period), spent in zip(simulated.reported, simulated.spent, strict=True):
        trial = simulated.study.trials[number]
        if period < len(trial.reports) or trial.state == "RUNNING":
            continue
        if trial.state == "COMPLETE":
            yield replayed.ended(trial.params, seen, spent, number)
        else:
            yield Ended(trial=number, params=trial.params, spent=spent / replayed.unit)
