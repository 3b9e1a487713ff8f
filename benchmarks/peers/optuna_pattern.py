"""Optuna's own pattern over a space equal to a bundled one: `study.optimize`, the median pruner, the plain loop inside.

    python benchmarks/peers/optuna_pattern.py conv --trials 50

The sampler and the pruner are Optuna's defaults for this pattern (TPE, MedianPruner), after every epoch it reports and
asks whether to stop. The ranges are read from the space file, names, bounds, conditions and limits, so that the two
spaces are equal; the nets are those of plain.py. It prints a line of JSON for every trial that ends.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial

import optuna
import plain
import torch

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.guard import close_test_set
from mnist_bench.data.mnist import DataOptions, TrainingSet, load_training_set
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.space_files import space_sources
from search.space.space import Space
from search.strategies.optuna_study import suggest

TRAINED = "trained"
"""The user attribute of trials that were trained; nets beyond the limits are not, in either search."""


def make_objective(space: Space, data: TrainingSet, workers: int) -> Callable[[optuna.Trial], float]:
    """Return the objective: validation accuracy after the last epoch."""

    def objective(trial: optuna.Trial) -> float:
        config = space_sources.config(space, space.sample(partial(suggest, trial)))
        if not is_feasible(config, space):
            raise optuna.TrialPruned
        trial.set_user_attr(TRAINED, True)
        batches, validation = plain.loaders(data, config, workers)
        training = plain.Training(config, config.epochs * len(batches))
        accuracy = 0.0
        for epoch in range(1, config.epochs + 1):
            training.epoch(batches)
            accuracy = plain.accuracy(training.evaluated, validation)
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    return objective


def is_feasible(config: TrainConfig, space: Space) -> bool:
    """Return whether the net exists and keeps to the space's limits."""
    limits = space.settings.get("limits", {})
    try:
        net = plan_layers(config.model)
    except ArchitectureError:
        return False
    facts = {"macs": net.macs, "parameters": net.parameters}
    return all(facts[name] <= limit for name, limit in limits.items())


def tell(trial: optuna.trial.FrozenTrial) -> None:
    """Print how a trial ended and when, in seconds since 1970."""
    value = trial.value if trial.state == optuna.trial.TrialState.COMPLETE else None
    line = {"at": time.time(), "number": trial.number, "state": trial.state.name, "value": value}
    print(json.dumps({**line, "trained": TRAINED in trial.user_attrs}), flush=True)


def main() -> None:
    """Search until as many trials as asked for have been trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", nargs="?", default="conv")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="number of loading processes")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="seconds after which no trial begins")
    asked = parser.parse_args()
    space = space_sources.load(asked.space, asked.set)
    close_test_set()
    torch.manual_seed(asked.seed)
    data = load_training_set(DataOptions(subset=space.settings.get("subset")))
    sampler = optuna.samplers.TPESampler(seed=asked.seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())

    def on_end(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        tell(trial)
        if sum(TRAINED in ended.user_attrs for ended in study.trials) >= asked.trials:
            study.stop()

    study.optimize(make_objective(space, data, asked.workers), timeout=asked.timeout, callbacks=[on_end])


if __name__ == "__main__":
    main()
