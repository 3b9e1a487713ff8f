"""Syne Tune's schedulers with their defaults, one trial at a time.

    with_syne_tune.py ASHA       random configurations; two of three are stopped at each rung
    with_syne_tune.py ASHACQR    the same, of configurations that conformal quantile regression proposes

Rungs begin at the first epoch at which a training reports. Syne Tune's spaces have no conditions: it draws every range
for every trial. A scheduler gets the configuration that was trained, if it is not the one proposed.
"""

from __future__ import annotations

import contextlib
import sys
from datetime import datetime
from itertools import count
from typing import Any

from channel import BudgetSpent, Channel, Range
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, finrange, lograndint, loguniform, ordinal, randint, uniform
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import SchedulerDecision


def main() -> None:
    """Search until the budget is up."""
    channel = Channel("syne-tune")
    scheduler = getattr(baselines, sys.argv[1])(
        {item.name: domain(item) for item in channel.space}, metric="error", time_attr="epoch",
        max_t=channel.epochs[-1], grace_period=channel.epochs[0], random_seed=channel.seed,
    )  # fmt: skip
    with contextlib.suppress(BudgetSpent):
        for number in count():
            suggestion = scheduler.suggest()
            if suggestion is None:
                return
            train(channel, scheduler, number, suggestion.config)


def train(channel: Channel, scheduler: Any, number: int, config: dict[str, Any]) -> None:
    """Train a configuration until the scheduler stops it, or to its end."""
    trial = Trial(trial_id=number, config=config, creation_time=datetime.now())
    scheduler.on_trial_add(trial)
    for epoch in channel.epochs:
        answer = channel.train(config, epoch, number)
        trial.config = {**config, **answer.params}
        result = {"error": answer.error, "epoch": epoch}
        if not answer.feasible or epoch == channel.epochs[-1]:
            scheduler.on_trial_complete(trial, result)
            return
        if scheduler.on_trial_result(trial, result) != SchedulerDecision.CONTINUE:
            scheduler.on_trial_remove(trial)
            return


def domain(item: Range) -> Any:
    """Return a range as Syne Tune has it."""
    if item.kind == "choice":
        return choice(list(item.options))
    if item.kind == "levels":
        return ordinal(list(item.options))
    whole = item.kind == "int"
    if item.step and not (whole and item.step == 1):
        steps = round((item.high - item.low) / item.step) + 1
        return finrange(item.low, item.high, steps, cast_int=whole)
    if whole:
        return (lograndint if item.log else randint)(item.low, item.high)
    return (loguniform if item.log else uniform)(item.low, item.high)


if __name__ == "__main__":
    main()
