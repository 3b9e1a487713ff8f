"""The study in memory: the Optuna study that is asked, reported to and pruned, and that no other process sees."""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.event_log import State
from search.space import Choice, Distribution, FloatRange, Space
from search.strategies.distributions import decode, encode, to_optuna
from search.strategies.fast_tpe import Table
from search.strategies.pareto_pruning import ParetoPruning
from search.strategies.pruners import Pruner
from search.strategies.samplers import Ask, Sampler

logging.getLogger("optuna").setLevel(logging.ERROR)  # its progress and its advice; the driver has its own

_OF_STUDY = "study:"
"""Begins the names of a trial's attributes that keep the study's own as they were after the trial was asked for."""


class OptunaStudy:
    """An in-memory Optuna study that maximises one value; trial numbers are given by the driver, from 0 up.

    With a second objective it minimises `cost`, too, a name among a plan's facts, and prunes on a second study with one
    objective (`search.strategies.pareto_pruning`).
    """

    def __init__(
        self,
        *,
        name: str,
        space: Space,
        sampler: Sampler,
        pruner: Pruner,
        seed: int,
        periods: int,
        cost: str | None = None,
    ) -> None:
        self._space = space
        self.ranges = optuna_ranges(space)
        """Optuna's distributions of all fields that have one."""
        self._sampler = sampler
        self._table = Table(self.ranges)
        self._seed = seed
        self._storage = InMemoryStorage()
        with _quiet():
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                directions=["maximize"] if cost is None else ["maximize", "minimize"],
                pruner=pruner.make(periods),
                sampler=optuna.samplers.RandomSampler(seed=0),
            )
        self._trials: dict[int, optuna.Trial] = {}
        self._pareto_pruning = (
            None if cost is None else ParetoPruning(name=name, cost=cost, pruner=pruner, periods=periods)
        )

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start trial `number` and return its parameters.

        Args:
            number: the next number; the sampler is seeded from it.
            fixed: parameters to take as they are instead of sampling them.
        """
        with _quiet():
            self._study.sampler = self._sampler.make(self._ask(number))
            if fixed is not None:
                self._study.enqueue_trial({path: encode(value) for path, value in fixed.items()})
            trial = self._study.ask()
            params = self._space.sample(lambda path, distribution: _suggest(trial, path, distribution))
        self._trials[number] = trial
        for key, value in self._storage.get_study_system_attrs(self._study._study_id).items():
            self._storage.set_trial_system_attr(number, f"{_OF_STUDY}{key}", value)
        return params

    def weigh(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of the trial asked for last, its cost among them; a net that cannot exist has none."""
        if self._pareto_pruning is not None:
            self._pareto_pruning.start(facts)

    def constrain(self, number: int, constraints: Mapping[str, float]) -> None:
        """Tell by how much a trial exceeds its limits, for the sampler to learn from."""
        for key, excess in sorted(constraints.items()):  # as they come back from the log: gp adds in this order
            self._trial(number).set_constraint(key, float(excess))

    def report(self, number: int, period: int, value: float) -> bool:
        """Take the value after a period and return whether the pruner stops the trial there."""
        if self._pareto_pruning is not None:
            return self._pareto_pruning.report(number, period, value)
        trial = self._trial(number)
        trial.report(value, period)
        return bool(trial.should_prune())

    def tell(self, number: int, state: State, value: float | None) -> None:
        """End a trial; a pruned trial's value is its last reported one."""
        values = None if value is None else [float(value)]
        if self._pareto_pruning is not None:
            self._pareto_pruning.tell(number, TrialState[state], value)
            values = self._pareto_pruning.both(number, value)
        self._storage.set_trial_state_values(number, TrialState[state], values)
        self._trials.pop(number, None)

    def restore(self, frozen: FrozenTrial, facts: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Take over a trial as it was, finished or running; trials come in the order of their numbers."""
        if self._pareto_pruning is not None:
            values = self._pareto_pruning.both(self._pareto_pruning.start(facts, frozen), frozen.value)
            frozen = copy.copy(frozen)
            frozen.intermediate_values, frozen.values = {}, values  # the sampler is to see nothing else of it
        self._adopt(frozen)
        for key, value in frozen.system_attrs.items():
            if key.startswith(_OF_STUDY):
                self._storage.set_study_system_attr(self._study._study_id, key.removeprefix(_OF_STUDY), value)

    def attributes(self, number: int) -> dict[str, Any]:
        """Return a trial's system attributes: rungs, constraints, what the sampler shares."""
        rungs = {} if self._pareto_pruning is None else self._pareto_pruning.attributes(number)
        return {**rungs, **self._storage.get_trial(number).system_attrs}

    def _adopt(self, frozen: FrozenTrial) -> None:
        """Store a trial without the copies of its distributions that Optuna would make.

        Those of thousands of trials take seconds, and most of the memory.
        """
        bare = copy.copy(frozen)
        bare.params, bare.distributions = {}, {}
        stored = self._storage.get_trial(self._storage.create_new_trial(self._study._study_id, bare))
        stored.params, stored.distributions = frozen.params, frozen.distributions

    def _ask(self, number: int) -> Ask:
        trials = self._storage.get_all_trials(self._study._study_id, deepcopy=False)
        without_value = [trial.state == TrialState.PRUNED and trial.values is None for trial in trials]
        misses = sum(1 for _ in takewhile(bool, reversed(without_value)))
        trained = without_value.count(False)
        return Ask(
            number=number, study_seed=self._seed, ranges=self.ranges, trained=trained, misses=misses, table=self._table
        )

    def _trial(self, number: int) -> optuna.Trial:
        if number not in self._trials:
            self._study.sampler = optuna.samplers.RandomSampler(seed=0)  # a restored trial samples nothing more
            self._trials[number] = optuna.Trial(self._study, number)
        return self._trials[number]


def optuna_ranges(space: Space) -> dict[str, BaseDistribution]:
    """Return Optuna's distributions of a space's fields that have one, by path."""
    return {field.path: to_optuna(field.distribution) for field in space.fields if field.distribution}


def frozen_trial(
    ranges: Mapping[str, BaseDistribution],
    *,
    state: State,
    params: Mapping[str, Any],
    value: float | None = None,
    values: Mapping[int, float] | None = None,
    system_attrs: Mapping[str, Any] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    """Return a trial for a storage; `ranges` are all of the space, `values` the reported ones by period."""
    sampled = {path: distribution for path, distribution in ranges.items() if path in params}
    trial = create_trial(
        state=TrialState.FAIL,  # replaced below: create_trial wants a value of a complete trial at once
        params={path: encode(params[path]) for path in sampled},
        distributions=sampled,
        intermediate_values=dict(values or {}),
        system_attrs=dict(system_attrs or {}),
        user_attrs=dict(user_attrs or {}),
    )
    trial.state = TrialState[state]
    trial.values = None if value is None else [value]
    trial.datetime_complete = None if state == "RUNNING" else trial.datetime_complete
    return trial


def _suggest(trial: optuna.Trial, path: str, distribution: Distribution) -> Any:
    if isinstance(distribution, Choice):
        options = [encode(option) for option in distribution.options]
        return decode(distribution, trial.suggest_categorical(path, options))
    low, high, step, log = distribution.low, distribution.high, distribution.step, distribution.log
    if isinstance(distribution, FloatRange):
        return trial.suggest_float(path, low, high, step=step, log=log)
    return trial.suggest_int(path, distribution.low, distribution.high, step=distribution.step, log=log)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's notes about experimental features and fixed parameters from the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
