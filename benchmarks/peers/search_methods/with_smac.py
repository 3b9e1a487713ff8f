"""SMAC3's multi-fidelity facade with its defaults: Hyperband over a random forest, by ask and tell.

    with_smac.py             each evaluation trains from the first epoch, as SMAC's target function does
    with_smac.py --resume    an evaluation continues from an earlier one of its configuration

SMAC hands a configuration, a seed and a budget to a function, and no state to continue from; so the first is SMAC as it
comes. The second is a possible addition of a user who keeps checkpoints by configuration. Conditions are ConfigSpace's.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from channel import BudgetSpent, Channel, Range
from ConfigSpace import (
    Categorical,
    ConfigurationSpace,
    Float,
    InCondition,
    Integer,
    OrdinalHyperparameter,
)
from ConfigSpace.conditions import AndConjunction
from smac import MultiFidelityFacade, Scenario
from smac.intensifier.hyperband_utils import get_n_trials_for_hyperband_multifidelity
from smac.runhistory.dataclasses import TrialValue


def main() -> None:
    """Search until the budget is up, or the space is exhausted."""
    channel, resumes = Channel("smac"), "--resume" in sys.argv[1:]
    first, last = channel.epochs[0], channel.epochs[-1]
    trials = get_n_trials_for_hyperband_multifidelity(
        total_budget=channel.budget * last, min_budget=first, max_budget=last, print_summary=False
    )
    scenario = Scenario(
        space_of(channel.space, channel.seed), deterministic=True, n_trials=trials, min_budget=first, max_budget=last,
        seed=channel.seed,
    )  # fmt: skip
    facade = MultiFidelityFacade(scenario, lambda config, seed, budget: 0.0, overwrite=True, logging_level=False)
    options = {item.name: item.options for item in channel.space if item.kind == "choice"}
    ids: dict[Any, int] = {}
    with contextlib.suppress(BudgetSpent, StopIteration):
        while True:
            asked = facade.ask()
            drawn = dict(asked.config)
            params = {name: options[name][drawn[name]] if name in options else drawn[name] for name in drawn}
            number = ids.setdefault(asked.config, len(ids))
            answer = channel.train(params, nearest(channel.epochs, asked.budget), number, resume=resumes)
            facade.tell(asked, TrialValue(cost=answer.error, time=answer.cost), save=False)


def nearest(epochs: list[float], budget: float) -> float:
    """Return the epoch at which a training reports that is nearest to a budget of Hyperband's, by their ratio."""
    return min(epochs, key=lambda epoch: max(epoch / budget, budget / epoch))


def space_of(space: list[Range], seed: int) -> ConfigurationSpace:
    """Return the space as ConfigSpace has it; an option of a choice is named by its place in the list."""
    found = ConfigurationSpace(seed=seed)
    by_name = {item.name: item for item in space}
    for item in space:
        found.add(parameter(item))
    for item in space:
        conditions = [
            InCondition(found[item.name], found[name], [_as_drawn(by_name[name], value) for value in values])
            for name, values in item.when.items()
        ]
        if conditions:
            found.add(AndConjunction(*conditions) if len(conditions) > 1 else conditions[0])
    return found


def parameter(item: Range) -> Any:
    """Return a range as ConfigSpace has it; whole numbers with a step become an ordered list."""
    if item.kind == "choice":
        return Categorical(item.name, list(range(len(item.options))))
    if item.kind == "levels":
        return OrdinalHyperparameter(item.name, list(item.options))
    if item.kind == "int" and (item.step or 1) == 1:
        return Integer(item.name, (item.low, item.high), log=item.log)
    if item.step:
        steps = round((item.high - item.low) / item.step) + 1
        return OrdinalHyperparameter(item.name, [item.low + number * item.step for number in range(steps)])
    return Float(item.name, (item.low, item.high), log=item.log)


def _as_drawn(parent: Range, value: Any) -> Any:
    return parent.options.index(value) if parent.kind == "choice" else value


if __name__ == "__main__":
    main()
