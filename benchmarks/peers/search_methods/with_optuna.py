"""Optuna's `study.optimize` with its defaults: TPE, and a pruner only if the objective reports.

    with_optuna.py             the objective returns the error after the last epoch
    with_optuna.py --pruned    it reports every period to `MedianPruner`, Optuna's default, and may be stopped there

Conditions are those of the define-by-run interface: a range that does not apply is not asked for.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import optuna
from channel import BudgetSpent, Channel, Range


def main() -> None:
    """Search until the budget is up."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    channel, prunes = Channel("optuna"), "--pruned" in sys.argv[1:]

    def objective(trial: optuna.Trial) -> float:
        params: dict[str, Any] = {}
        for item in channel.space:
            if item.applies(params):
                params[item.name] = suggest(trial, item)
        for epoch in channel.epochs if prunes else channel.epochs[-1:]:
            answer = channel.train(params, epoch, trial.number)
            if not answer.feasible:
                raise optuna.TrialPruned
            if prunes:
                trial.report(answer.error, channel.epochs.index(epoch))
                if trial.should_prune():
                    raise optuna.TrialPruned
        return answer.error

    pruner = optuna.pruners.MedianPruner() if prunes else optuna.pruners.NopPruner()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=channel.seed), pruner=pruner)
    with contextlib.suppress(BudgetSpent):
        study.optimize(objective)


def suggest(trial: optuna.Trial, item: Range) -> Any:
    """Return a trial's value for a range."""
    if item.kind == "choice":
        return trial.suggest_categorical(item.name, item.options)
    if item.kind == "levels":
        return item.options[trial.suggest_int(item.name, 0, len(item.options) - 1)]
    if item.kind == "int":
        return trial.suggest_int(item.name, item.low, item.high, step=item.step or 1, log=item.log)
    return trial.suggest_float(item.name, item.low, item.high, step=item.step, log=item.log)


if __name__ == "__main__":
    main()
