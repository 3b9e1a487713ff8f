"""One process of a search as Optuna alone does it: several processes share a database; each asks, trains and tells.

    python benchmarks/peers/stock_optuna.py conv --storage sqlite:///study.db --trials 60

A heartbeat reveals processes that died, and their trials are queued again; a callback stops the search at a number of
complete or pruned trials. Space, trainer, periods and pruner are mnist-bench's, and so is the one thread per process.
`benchmarks/soak.py` kills such processes, which is why they are counted (`benchmarks/counted.py`).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from functools import partial

import optuna
from counted import make_trainer
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from mnist_bench.config.settings import TrainConfig
from mnist_bench.space_files import space_sources
from search import hashed
from search.space.space import Space
from search.strategies.optuna_study import suggest
from search.strategies.registry import of_settings
from search.trainer_api import Trainer

STUDY = "soak"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states that count toward the trials asked for."""


def make_storage(url: str) -> RDBStorage:
    """Return the database, with a heartbeat as short as Optuna takes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        retry = RetryHeartbeatStaleTrialCallback()
        return RDBStorage(url, heartbeat_interval=1, grace_period=3, heartbeat_stale_trial_callback=retry)


def make_study(url: str, space: Space) -> optuna.Study:
    """Return the study in a database, made where it is missing; TPE with its defaults, the space's own pruner."""
    _, pruner = of_settings(space.settings)
    return optuna.create_study(
        storage=make_storage(url),
        study_name=STUDY,
        direction="maximize",
        pruner=pruner.make(periods(space)),
        load_if_exists=True,
    )


def periods(space: Space) -> int:
    """Return how often a trial reports when it is trained to its end."""
    return len(space.settings.get("periods", ())) or int(space.settings["epochs"])


def make_objective(space: Space, trainer: Trainer[TrainConfig]) -> Callable[[optuna.Trial], float]:
    """Return the objective: the value after the last period; a trial without one is pruned."""

    def objective(trial: optuna.Trial) -> float:
        config = space_sources.config(space, space.sample(partial(suggest, trial)))
        seed = hashed.derived_seed(hashed.Name(STUDY), trial.number)
        state, value = None, 0.0
        for period in range(1, periods(space) + 1):
            state, report = trainer.advance(config, seed, period, state)
            if report.value is None:
                raise optuna.TrialPruned
            value = report.value
            trial.report(value, period)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    return objective


def main() -> None:
    """Search until the study has its trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space")
    parser.add_argument("--storage", required=True)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    asked = parser.parse_args()
    space = space_sources.load(asked.space, asked.set)
    precision = space.settings.get("precision", "auto")
    trainer = make_trainer(device="cpu", precision=precision, subset=space.settings.get("subset"))
    enough = MaxTrialsCallback(asked.trials, states=ENDED)
    make_study(asked.storage, space).optimize(make_objective(space, trainer), callbacks=[enough])


if __name__ == "__main__":
    main()
