"""An in-memory Optuna study, which samples and prunes for the driver; no other process sees it."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, get_args

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.event_log.records import ENDS, TrialRecord
from search.hashed import Reason, State
from search.proposals.choice import Why
from search.proposals.curves import Curve
from search.proposals.prospects import Prospects
from search.space.space import Direction, Space, score
from search.strategies.optuna_samplers import OptunaRanges
from search.strategies.pruners import ForeignPruner, Pruner
from search.strategies.samplers import Ask, Origin, Random, Sampler
from search.strategies.strategy import is_own

_FAILED = [reason for reason, end in ENDS.items() if end.counts_against]
_OF_STUDY = "study:"
"""Prefix of a trial's attributes that hold a copy of the study's own, as they were when the trial had been asked for.

A sampler's state is an attribute of the study (how far a sequence has come); the log stores attributes of trials only.
"""
OF_CONSTRAINTS = "constraints:"
"""Prefix of the attributes in which Optuna keeps how far a trial exceeds each of its limits."""


class OptunaStudy:
    """An in-memory Optuna study that maximises the score; the driver numbers the trials, from 0 up.

    The score is the value, or minus the value if the search minimizes it (`search.space.space.score`). So samplers
    and pruners know one direction alone. Callers give and get values.

    With a second objective, the study also minimises its cost, a name among a plan's facts. Optuna cannot prune with
    two objectives; a second study decides, which holds the same trials with their values only. A trial of cost c is
    compared with logically earlier trials of cost c or less, because no other trial can dominate it: a larger net that
    is more accurate is not a reason to stop a smaller one. Therefore asha, median and HyperbandPruner never stop a
    trial with the highest value of its comparison. As with one objective, a trial also continues if it is among the
    best third.
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
        lasting: bool = False,
        prospects: Callable[[], Prospects] | None = None,
    ) -> None:
        """Create an empty study.

        `lasting` keeps one instance of a custom sampler or pruner for the whole study, instead of a new one per call.
        `prospects` makes the configurations among which samplers that know the limits choose.
        """
        if isinstance(pruner, ForeignPruner):
            pruner = replace(pruner, lasting=lasting and is_own(pruner))
        self._keeps_sampler = lasting and is_own(sampler)
        self._kept_sampler: BaseSampler | None = None
        self._space = space
        self._direction = space.aim.direction
        self.ranges = OptunaRanges(space)
        self._sampler = sampler
        self._prospects_of = prospects
        self._known: dict[int, tuple[Mapping[str, Any], NDArray[np.float64], tuple[float, ...]]] = {}
        self._seed = seed
        self._storage = self._reports = _Comparable()
        self._cost = space.aim.cost
        self._costs: list[float | None] = []  # of all trials, with two objectives
        with _quiet():
            decides = pruner.make(space.ends(periods))
        if self._cost is None:
            self._study = self._pruning = _empty_study(self._storage, name, decides, "maximize")
        else:
            self._reports = _Comparable()
            self._study = _empty_study(self._storage, name, decides, "maximize", "minimize")
            self._pruning = _empty_study(self._reports, name, decides, "maximize")

    def ask(self, number: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start trial `number` and return its parameters.

        Args:
            number: the number of the trial, one more than the last; the sampler is seeded from it.
            fixed: parameters to use instead of sampling.
        """
        with _quiet():
            self._study.sampler = self._made(number, is_given=fixed is not None)
            if fixed is not None:
                self._study.enqueue_trial(self.ranges.encode(fixed))
            trial = self._study.ask()
            params = self._space.sample(lambda path, span: span.decode(trial._suggest(path, self.ranges.optunas[path])))
        for key, value in self._storage.get_study_system_attrs(self._study._study_id).items():
            self._storage.set_trial_system_attr(number, f"{_OF_STUDY}{key}", value)
        return params

    def origin(self, number: int) -> tuple[Origin, Why | None]:
        """Return where the proposal for trial `number`, one more than the last, would come from, and why."""
        origin, why = self._sampler.origin(self._input_for(number))
        return origin, why and why.in_values(self._direction)

    def move(self, number: int, params: Mapping[str, Any]) -> None:
        """Give the newest trial, which has no report yet, other parameters than those that were proposed."""
        stored = self._storage.get_trial(number)
        stored.distributions = {path: self.ranges.optunas[path] for path in params}
        stored.params = self.ranges.encode(params)

    def weigh(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of the newest trial, which include its cost unless its configuration is impossible."""
        if self._cost is not None:
            self._costs.append(facts.get(self._cost))
            self._reports.create_new_trial(self._pruning._study_id)

    def constrain(self, number: int, constraints: Mapping[str, float]) -> None:
        """Give the sampler the excess of a trial over each of its limits (0 or less: it meets the limit)."""
        # Sorted, as they come back from the log: GPSampler adds them up in this order, and the sum's bits depend on it.
        for key, excess in sorted(constraints.items()):
            self._storage.set_trial_system_attr(number, f"{OF_CONSTRAINTS}{key}", float(excess))

    def report(self, number: int, period: int, value: float) -> bool:
        """Report the value after a period (from 1) and return whether the pruner stops the trial there."""
        self._reports.set_trial_intermediate_value(number, period, float(score(value, self._direction)))
        if self._cost is not None:
            limit = self._costs[number]
            # Optuna's pruners ask the storage for trials themselves; those that they may compare are filtered there.
            self._reports.shown = {
                n for n, cost in enumerate(self._costs) if cost is not None and limit is not None and cost <= limit
            }
        stops = self._pruning.pruner.prune(self._pruning, self._reports.get_trial(number))
        self._reports.shown = None
        return bool(stops)

    def tell(self, number: int, state: State, value: float | None) -> None:
        """End a trial. A pruned trial's value is the last reported one; None if it has none."""
        values = None if value is None else [float(score(value, self._direction))]
        if self._cost is not None:
            self._reports.set_trial_state_values(number, TrialState[state], values)
            values = self._with_cost(number, values)
        if self._keeps_sampler:  # in a resumed search also before its first proposal
            self._made(number, is_given=False).after_trial(
                self._study, self._storage.get_trial(number), TrialState[state], values
            )
        self._storage.set_trial_state_values(number, TrialState[state], values)

    def restore(self, trial: TrialRecord, attributes: Mapping[str, Any]) -> None:
        """Add a stored trial, finished or running, as it was; call in the order of the trials' numbers."""
        # As floats, which the running search gave to Optuna: integers beyond 2^53 would differ again.
        values = {
            period: score(float(report.value), self._direction)
            for period, report in enumerate(trial.reports, 1)
            if report.value is not None
        }
        value = trial.value if trial.reason in ("complete", "pruned") else None
        # FAIL is replaced: `create_trial` refuses a complete trial without a value.
        frozen = create_trial(state=TrialState.FAIL, intermediate_values=values, system_attrs=dict(attributes))
        frozen.state = TrialState[trial.state]
        frozen.values = None if value is None else [score(float(value), self._direction)]
        frozen.datetime_complete = None if trial.state == "RUNNING" else frozen.datetime_complete
        if self._cost is not None:
            of_pruner, others = copy.copy(frozen), (_OF_STUDY, OF_CONSTRAINTS)
            of_pruner.system_attrs = {key: value for key, value in attributes.items() if not key.startswith(others)}
            self._costs.append(trial.facts.get(self._cost))
            self._reports.create_new_trial(self._pruning._study_id, of_pruner)
            # As `tell` leaves it: no reports, two values.
            frozen.intermediate_values, frozen.values = {}, self._with_cost(trial.number, frozen.values)
        stored = self._storage.get_trial(self._storage.create_new_trial(self._study._study_id, frozen))
        # Added last, so that all trials share the distributions. Optuna would copy them for each trial. For thousands
        # of trials that takes seconds, and most of the memory.
        stored.params = self.ranges.stored(trial.params)
        stored.distributions = {path: self.ranges.optunas[path] for path in stored.params}
        for key, value in attributes.items():
            if key.startswith(_OF_STUDY):
                self._storage.set_study_system_attr(self._study._study_id, key.removeprefix(_OF_STUDY), value)

    def attributes(self, number: int) -> dict[str, Any]:
        """Return a trial's system attributes: its rungs, its constraints, and the state of the sampler."""
        # Those of the pruner last: of a trial that was restored, the first hold the rungs of then.
        return {**self._storage.get_trial(number).system_attrs, **self._reports.get_trial(number).system_attrs}

    def _with_cost(self, number: int, values: list[float] | None) -> list[float] | None:
        """Return both objective values of a trial; None if it lacks one of the two."""
        cost = self._costs[number]
        return None if values is None or cost is None else [*values, float(cost)]

    def _made(self, number: int, *, is_given: bool) -> BaseSampler:
        """Return the sampler that proposes trial `number`: a new one, or the one that lasts.

        If parameters are given, a sampler that proposes them as a whole is not asked; missing ones are drawn.
        """
        if self._kept_sampler is not None:
            return self._kept_sampler
        ask = self._input_for(number)
        made = (Random() if is_given and self._sampler.asks_planner else self._sampler).make(ask)
        if self._keeps_sampler:
            self._kept_sampler = made
        return made

    def _input_for(self, number: int) -> Ask:
        trials = self._storage.get_all_trials(self._study._study_id, deepcopy=False)
        without_value = [trial.state == TrialState.PRUNED and trial.values is None for trial in trials]
        return Ask(
            number=number,
            study_seed=self._seed,
            ranges=self.ranges,
            trained=without_value.count(False),
            ended=sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials),
            curves=lambda: [self._curve(trial) for trial in trials if _is_feasible(trial)],
            prospects=lambda: self._prospects,
        )

    @cached_property
    def _prospects(self) -> Prospects:
        if self._prospects_of is None:
            raise ValueError("this sampler needs to know what is feasible")
        return self._prospects_of()

    def _curve(self, trial: FrozenTrial) -> Curve:
        if trial.number not in self._known:
            found = {path: self._space.distributions[path].decode(value) for path, value in trial.params.items()}
            self._known[trial.number] = found, self._prospects.coordinates.of(found), self._prospects.shares(found)
        params, point, shares = self._known[trial.number]
        crashed = trial.state == TrialState.FAIL  # shows nothing about its settings, except that they were tried
        return Curve(
            trial=trial.number,
            params=params,
            point=point,
            shares=shares,
            values=() if crashed else tuple(value for _, value in sorted(trial.intermediate_values.items())),
            ended=trial.state != TrialState.RUNNING,
            failed=any(trial.constraints.get(reason, 0.0) > 0 for reason in _FAILED),
        )


def _is_feasible(trial: FrozenTrial) -> bool:
    """Return whether the trial exceeds no limit; constraints that record how it ended do not count."""
    return all(excess <= 0 for name, excess in trial.constraints.items() if name not in get_args(Reason))


def _empty_study(storage: BaseStorage, name: str, pruner: BasePruner, *directions: Direction) -> optuna.Study:
    with _quiet():
        sampler = optuna.samplers.RandomSampler(seed=0)
        return optuna.create_study(
            storage=storage, study_name=name, directions=directions, pruner=pruner, sampler=sampler
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide Optuna's warnings about experimental features and fixed parameters, which the user cannot act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Comparable(InMemoryStorage):
    """A storage that shows a pruner only the trials that it may compare."""

    shown: Container[int] | None = None  # the numbers of these trials; None for all

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = super().get_all_trials(study_id, deepcopy, states)
        return [trial for trial in trials if self.shown is None or trial.number in self.shown]

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        # `InMemoryStorage` remembers the best trial of all; the base class looks for it in `get_all_trials`.
        return BaseStorage.get_best_trial(self, study_id)


def shortfall(done: int, periods: int, value: float) -> float:
    """Return by how much a pruned trial violates the constraint "trained to the end", between 0 and 1.

    A sampler with two objectives cannot compare the value of a pruned trial, which comes from a smaller budget, with
    that of a complete one. With a violated constraint, the trial ranks below every complete one and above those that
    exceed a limit or diverged (1 or more). Among pruned trials, more periods rank higher, then the higher value, as in
    Optuna with one objective.

    Args:
        done: periods trained.
        periods: periods of the full budget.
        value: the last reported value, 0..1.
    """
    # One more period always outweighs the value, whose part is clipped to at most one period.
    return (periods - done + min(max(1 - value, 0.0), 1.0)) / (periods + 1)
