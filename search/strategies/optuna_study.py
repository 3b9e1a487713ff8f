"""An in-memory Optuna study, which samples and prunes for the driver; no other process sees it."""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from types import MappingProxyType
from typing import Any, assert_never, get_args

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.event_log.records import ENDS
from search.hashed import Reason, State
from search.proposals.curves import Curve
from search.proposals.prospects import Prospects
from search.space.objective import Direction, score
from search.space.ranges import Distribution
from search.space.space import Space
from search.strategies.distributions import OptunaDistribution, OptunaRanges, decode, to_optuna
from search.strategies.pareto_pruning import ParetoPruning
from search.strategies.pruners import ForeignPruner, Pruner
from search.strategies.samplers import Ask, ForeignSampler, ProposalOrigin, Random, Sampler

logging.getLogger("optuna").setLevel(logging.ERROR)  # the driver reports progress itself

_FAILED = [reason for reason, end in ENDS.items() if end.counts_against]
_OF_STUDY = "study:"
"""Prefix of a trial's attributes that hold a copy of the study's own, as they were when the trial had been asked for.

A sampler's state is an attribute of the study (how far a sequence has come); the log stores attributes of trials only.
"""


OF_CONSTRAINTS = "constraints:"
"""Prefix of the attributes in which Optuna keeps how far a trial exceeds each of its limits."""


class OptunaStudy:
    """An in-memory Optuna study that maximises the score; the driver numbers the trials, from 0 up.

    The score is the value, or minus the value if the search minimizes it (`search.space.score`). So samplers and
    pruners know one direction alone. Callers give and get values.

    With a second objective, the study also minimises `cost`, a name among a plan's facts. Optuna cannot prune with two
    objectives; a second study with one objective does (`search.strategies.pareto_pruning`).
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
        direction: Direction = "maximize",
        lasting: bool = False,
        prospects: Callable[[], Prospects] | None = None,
    ) -> None:
        """Create an empty study.

        `lasting` keeps one instance of a custom sampler or pruner for the whole study, instead of a new one per call.
        `prospects` makes the configurations among which samplers that know the limits choose.
        """
        if isinstance(pruner, ForeignPruner):
            pruner = replace(pruner, lasting=lasting)
        self._keeps_sampler = lasting and isinstance(sampler, ForeignSampler)
        self._kept_sampler: BaseSampler | None = None
        self._space = space
        self._direction = direction
        self.ranges = OptunaRanges.of(space)
        self._sampler = sampler
        self._prospects_of = prospects
        self._known: dict[int, tuple[Mapping[str, Any], NDArray[np.float64], tuple[float, ...]]] = {}
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
            number: the number of the trial, one more than the last; the sampler is seeded from it.
            fixed: parameters to use instead of sampling.
        """
        with _quiet():
            self._study.sampler = self._made(number, is_given=fixed is not None)
            if fixed is not None:
                self._study.enqueue_trial(self.ranges.encode(fixed))
            trial = self._study.ask()
            params = self._space.sample(
                lambda path, span: decode(span, _suggest(trial, path, self.ranges.optunas[path]))
            )
        self._trials[number] = trial
        for key, value in self._storage.get_study_system_attrs(self._study._study_id).items():
            self._storage.set_trial_system_attr(number, f"{_OF_STUDY}{key}", value)
        return params

    def origin(self, number: int) -> ProposalOrigin:
        """Return where the proposal for trial `number`, one more than the last, would come from."""
        origin = self._sampler.origin(self._ask(number))
        return replace(origin, why=None if origin.why is None else origin.why.in_values(self._direction))

    def move(self, number: int, params: Mapping[str, Any]) -> None:
        """Give the newest trial, which has no report yet, other parameters than those that were proposed."""
        stored = self._storage.get_trial(number)
        stored.distributions = {path: self.ranges.optunas[path] for path in params}
        stored.params = self.ranges.encode(params)
        self._trials.pop(number)  # it has a copy of the former ones

    def weigh(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of the newest trial, which include its cost unless its configuration is impossible."""
        if self._pareto_pruning is not None:
            self._pareto_pruning.start(facts)

    def constrain(self, number: int, constraints: Mapping[str, float]) -> None:
        """Give the sampler the excess of a trial over each of its limits (0 or less: it meets the limit)."""
        # Sorted, as they come back from the log: GPSampler adds them up in this order, and the sum's bits depend on it.
        for key, excess in sorted(constraints.items()):
            self._trial(number).set_constraint(key, float(excess))

    def report(self, number: int, period: int, value: float) -> bool:
        """Report the value after a period (from 1) and return whether the pruner stops the trial there."""
        reached = score(value, self._direction)
        if self._pareto_pruning is not None:
            return self._pareto_pruning.report(number, period, reached)
        trial = self._trial(number)
        trial.report(reached, period)
        return bool(trial.should_prune())

    def tell(self, number: int, state: State, value: float | None) -> None:
        """End a trial. A pruned trial's value is the last reported one; None if it has none."""
        reached = None if value is None else score(value, self._direction)
        values = None if reached is None else [float(reached)]
        if self._pareto_pruning is not None:
            self._pareto_pruning.tell(number, TrialState[state], reached)
            values = self._pareto_pruning.both(number, reached)
        if self._keeps_sampler:  # in a resumed search also before its first proposal
            self._made(number, is_given=False).after_trial(
                self._study, self._storage.get_trial(number), TrialState[state], values
            )
        self._storage.set_trial_state_values(number, TrialState[state], values)
        self._trials.pop(number, None)

    def restore(self, frozen: FrozenTrial, facts: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Add a stored trial, finished or running, as it was; call in the order of the trials' numbers."""
        frozen = self._scored(frozen)
        if self._pareto_pruning is not None:
            values = self._pareto_pruning.both(self._pareto_pruning.start(facts, _of_the_pruner(frozen)), frozen.value)
            frozen = copy.copy(frozen)
            frozen.intermediate_values, frozen.values = {}, values  # as `tell` leaves it: no reports, two values
        self._adopt(frozen)
        for key, value in frozen.system_attrs.items():
            if key.startswith(_OF_STUDY):
                self._storage.set_study_system_attr(self._study._study_id, key.removeprefix(_OF_STUDY), value)

    def attributes(self, number: int) -> dict[str, Any]:
        """Return a trial's system attributes: its rungs, its constraints, and the state of the sampler."""
        rungs = {} if self._pareto_pruning is None else self._pareto_pruning.attributes(number)
        return {**self._storage.get_trial(number).system_attrs, **rungs}  # restored, the first holds the rungs of then

    def _scored(self, frozen: FrozenTrial) -> FrozenTrial:
        """Return a stored trial of values with their scores instead."""
        scored = copy.copy(frozen)
        scored.intermediate_values = {
            period: score(value, self._direction) for period, value in frozen.intermediate_values.items()
        }
        scored.values = None if frozen.values is None else [score(value, self._direction) for value in frozen.values]
        return scored

    def _adopt(self, frozen: FrozenTrial) -> None:
        """Store a trial, sharing its distributions with all others.

        Optuna would copy them for each trial. For thousands of trials that takes seconds, and most of the memory.
        """
        bare = copy.copy(frozen)
        bare.params, bare.distributions = {}, {}
        stored = self._storage.get_trial(self._storage.create_new_trial(self._study._study_id, bare))
        stored.params, stored.distributions = frozen.params, frozen.distributions

    def _made(self, number: int, *, is_given: bool) -> BaseSampler:
        """Return the sampler that proposes trial `number`: a new one, or the one that lasts.

        If parameters are given, a sampler that proposes them as a whole is not asked; missing ones are drawn.
        """
        if self._kept_sampler is not None:
            return self._kept_sampler
        ask = self._ask(number)
        made = (Random() if is_given and self._sampler.asks_planner else self._sampler).make(ask)
        if self._keeps_sampler:
            self._kept_sampler = made
        return made

    def _ask(self, number: int) -> Ask:
        trials = self._storage.get_all_trials(self._study._study_id, deepcopy=False)
        without_value = [trial.state == TrialState.PRUNED and trial.values is None for trial in trials]
        misses = sum(1 for _ in takewhile(bool, reversed(without_value)))
        trained = without_value.count(False)
        return Ask(
            number=number,
            study_seed=self._seed,
            ranges=self.ranges,
            trained=trained,
            ended=sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials),
            misses=misses,
            curves=lambda: [self._curve(trial) for trial in trials if _is_feasible(trial)],
            prospects=self._prospects,
        )

    @cached_property
    def _prospects(self) -> Prospects | None:
        return None if self._prospects_of is None else self._prospects_of()

    def _curve(self, trial: FrozenTrial) -> Curve:
        if trial.number not in self._known:
            decoded = {path: decode(self.ranges.ours[path], value) for path, value in trial.params.items()}
            self._known[trial.number] = (
                (decoded, self._prospects.coordinates.of(decoded), self._prospects.shares(decoded))
                if self._prospects
                else (decoded, np.zeros(0), ())
            )
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

    def _trial(self, number: int) -> optuna.Trial:
        if number not in self._trials:
            # `optuna.Trial` calls the sampler's before_trial, which must do nothing: this trial was sampled before.
            self._study.sampler = optuna.samplers.RandomSampler(seed=0)
            self._trials[number] = optuna.Trial(self._study, number)
        return self._trials[number]


def frozen_trial(
    ranges: OptunaRanges,
    *,
    state: State,
    params: Mapping[str, Any],
    value: float | None = None,
    values: Mapping[int, float] | None = None,
    system_attrs: Mapping[str, Any] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    """Return a trial to add to a storage.

    Args:
        ranges: all ranges of the space.
        state: as Optuna names it.
        params: the trial's parameters by path; inactive ones are missing.
        value: the final value; None if there is none.
        values: the reported values by period.
        system_attrs: the attributes that pruner and sampler set on the trial.
        user_attrs: further values to store with it.
    """
    # In the order of a sampled trial, by which an own sampler may go: else it decides otherwise after a restart.
    sampled: dict[str, BaseDistribution] = {path: ranges.optunas[path] for path in ranges.order if path in params}
    trial = create_trial(
        state=TrialState.FAIL,  # replaced below: `create_trial` refuses a complete trial without a value
        params=ranges.stored({path: params[path] for path in sampled}),
        distributions=sampled,
        intermediate_values=dict(values or {}),
        system_attrs=dict(system_attrs or {}),
        user_attrs=dict(user_attrs or {}),
    )
    trial.state = TrialState[state]
    trial.values = None if value is None else [value]
    trial.datetime_complete = None if state == "RUNNING" else trial.datetime_complete
    return trial


def suggest(trial: optuna.Trial, path: str, span: Distribution) -> Any:
    """Return the value of a range that Optuna's sampler proposes for a trial."""
    return decode(span, _suggest(trial, path, to_optuna(span)))


def _suggest(trial: optuna.Trial, path: str, span: OptunaDistribution) -> Any:
    match span:
        case IntDistribution():
            return trial.suggest_int(path, span.low, span.high, step=span.step, log=span.log)
        case FloatDistribution():
            return trial.suggest_float(path, span.low, span.high, step=span.step, log=span.log)
        case CategoricalDistribution():
            return trial.suggest_categorical(path, span.choices)
        case _:
            assert_never(span)


def _is_feasible(trial: FrozenTrial) -> bool:
    """Return whether the trial exceeds no limit; constraints that record how it ended do not count."""
    return all(excess <= 0 for name, excess in trial.constraints.items() if name not in get_args(Reason))


def _of_the_pruner(frozen: FrozenTrial) -> FrozenTrial:
    """Return a stored trial as the second study of a search with two objectives has it: without its parameters, and
    with the pruner's attributes alone."""
    bare = copy.copy(frozen)
    bare.params, bare.distributions = {}, {}
    others = (_OF_STUDY, OF_CONSTRAINTS)
    bare.system_attrs = {key: value for key, value in frozen.system_attrs.items() if not key.startswith(others)}
    return bare


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide Optuna's warnings about experimental features and fixed parameters, which the user cannot act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
