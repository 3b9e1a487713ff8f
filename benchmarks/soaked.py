"""The programs that soak.py kills: mnist-bench, and Optuna alone. Both write down each period that they begin.

    PERIODS_BEGUN=FILE python benchmarks/soaked.py mnist-bench search conv --trials 60
    PERIODS_BEGUN=FILE python benchmarks/soaked.py optuna sqlite:///study.db 60 conv [FIELD=VALUE ...]

Nothing else differs from `mnist-bench`, whose workers import this file by its name: PYTHONPATH has to name its folder.

The second is one of several processes on one database, each of which asks, trains and tells. A heartbeat reveals
processes that died, and their trials are queued again; a callback stops the search at a number of complete or pruned
trials. Space, trainer, periods and pruner are mnist-bench's, and so is the one thread per process.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.space_files import space_sources
from mnist_bench.training import trainer
from search import hashed
from search.space.space import Space
from search.strategies.optuna_study import suggest
from search.strategies.registry import of_settings
from search.trainer_api import Codec, Report, Trainer, TrainerSpec

VARIABLE = "PERIODS_BEGUN"
"""Names the file, to which every process adds one line per period."""
STUDY = "soak"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states that count toward the trials asked for."""


class Counted:
    """A trainer that writes down a period before it trains it."""

    def __init__(self, trainer: Trainer[TrainConfig]) -> None:
        self._trainer = trainer
        self._file = Path(os.environ[VARIABLE])

    @property
    def codec(self) -> Codec[TrainConfig]:
        """See `Trainer.codec`."""
        return self._trainer.codec

    @property
    def numerics(self) -> Mapping[str, Any]:
        """See `Trainer.numerics`."""
        return self._trainer.numerics

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`."""
        with self._file.open("a") as file:
            file.write(f"{seed} {period}\n")
        return self._trainer.advance(config, seed, period, state)


def make_trainer(**options: Any) -> Counted:
    """Return the trainer of `mnist_bench.training.trainer.make_trainer`, which takes the same options."""
    return Counted(trainer.make_trainer(**options))


def counted_spec(*arguments: Any, **options: Any) -> TrainerSpec:
    """Return the result of `mnist_bench.training.trainer.trainer_spec`, for the trainer that counts."""
    return replace(trainer.trainer_spec(*arguments, **options), factory="soaked:make_trainer")


def make_study(url: str, space: Space) -> optuna.Study:
    """Return Optuna's study in a database, made if it is missing: TPE with its defaults, the space's own pruner, and a
    heartbeat as short as Optuna takes it."""
    _, pruner = of_settings(space.settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        retry = RetryHeartbeatStaleTrialCallback()
        storage = RDBStorage(url, heartbeat_interval=1, grace_period=3, heartbeat_stale_trial_callback=retry)
    return optuna.create_study(
        storage=storage, study_name=STUDY, direction="maximize", pruner=pruner.make(periods(space)), load_if_exists=True
    )


def periods(space: Space) -> int:
    """Return how often a trial reports when it is trained to its end."""
    return len(space.settings.get("periods", ())) or int(space.settings["epochs"])


def make_objective(space: Space, counted: Trainer[TrainConfig]) -> Callable[[optuna.Trial], float]:
    """Return the objective: the value after the last period; a trial without one is pruned."""

    def objective(trial: optuna.Trial) -> float:
        config = space_sources.config(space, space.sample(partial(suggest, trial)))
        seed = hashed.derived_seed(hashed.Name(STUDY), trial.number)
        state, value = None, 0.0
        for period in range(1, periods(space) + 1):
            state, report = counted.advance(config, seed, period, state)
            if report.value is None:
                raise optuna.TrialPruned
            value = report.value
            trial.report(value, period)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    return objective


def search_by_optuna(url: str, trials: str, name: str, *overrides: str) -> None:
    """Search until the study has its trials."""
    space = space_sources.load(name, overrides)
    precision = space.settings.get("precision", "auto")
    data = load_training_set(DataOptions().chosen(space.settings))
    counted = make_trainer(**trainer.trainer_spec(data, device="cpu", precision=precision).options)
    enough = MaxTrialsCallback(int(trials), states=ENDED)
    make_study(url, space).optimize(make_objective(space, counted), callbacks=[enough])


def main(program: str, *words: str) -> None:
    """Run a program; the imports of the command line are here, because the workers do not need them."""
    if program == "optuna":
        search_by_optuna(*words)
        return
    from mnist_bench.cli import app

    sys.argv[1:] = words
    with patch("mnist_bench.searches.running.trainer_spec", counted_spec):
        app.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
