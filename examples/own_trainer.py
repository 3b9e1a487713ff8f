"""A search with your own trainer: ridge regression by gradient descent, on data that it makes.

    python examples/own_trainer.py [RESULTS]

It searches rate, decay and features with two worker processes, in seconds, and prints the trials and the digest. Run it
with another number of workers, or kill it and start it again: the digest stays the same.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import search

PERIODS, STEPS, SAMPLES = 8, 25, 200


@dataclass(frozen=True)
class Ridge:
    """The configuration of a trial."""

    rate: float = 0.1
    decay: float = 0.0
    features: int = 8


CODEC = search.Codec[Ridge](to_json=asdict, from_json=lambda values: Ridge(**values))


class Planner:
    """Says what a trial would train and what a period of it costs, in microseconds as estimated, not measured."""

    codec = CODEC

    def __call__(self, params: Mapping[str, Any]) -> search.Plan[Ridge]:
        """Return the plan of a trial's parameters, which are named `section.field`."""
        config = Ridge(**{name.partition(".")[2]: value for name, value in params.items()})
        return search.Plan(
            config=config, costs=(STEPS * config.features,) * PERIODS, facts={"parameters": config.features}
        )


class Trainer:
    """Trains in a worker process, which finds it by its name."""

    codec = CODEC

    def __init__(self) -> None:
        draws = np.random.default_rng(0)
        self.x = draws.uniform(-1, 1, 2 * SAMPLES)
        self.y = np.sin(3 * self.x) + 0.1 * draws.normal(size=2 * SAMPLES)
        # What tells whether two machines compute alike: the same short training gives the same weights.
        self.numerics = {"check": self.advance(Ridge(), 0, 1, None)[1].weights}

    def advance(self, config: Ridge, seed: int, period: int, state: bytes | None) -> tuple[bytes, search.Report]:
        """Take one period's steps from a state, and judge what came of it on the second half of the samples."""
        start = np.random.default_rng(seed).normal(size=config.features)
        weights = start if state is None else np.frombuffer(state)
        x = self.x[:, None] ** np.arange(config.features)
        train, validation = slice(SAMPLES), slice(SAMPLES, None)
        for _ in range(STEPS):
            slope = x[train].T @ (x[train] @ weights - self.y[train]) / SAMPLES + config.decay * weights
            weights = weights - config.rate * slope
        train_loss, loss = (float(np.mean((x[part] @ weights - self.y[part]) ** 2)) for part in (train, validation))
        return weights.tobytes(), search.Report(
            value=loss,
            metrics={"train_loss": train_loss},
            weights=hashlib.sha256(weights.tobytes()).hexdigest(),
            end=None if np.isfinite(loss) else "diverged",
        )


SPACE = {
    "name": "ridge",
    "objective": "val_loss",
    "direction": "minimize",
    "ridge": {
        "rate": {"float": [1e-3, 2.0], "log": True},
        "decay": {"float": [0.0, 0.1]},
        "features": {"int": [2, 12]},
    },
}


def main(results: Path) -> None:
    """Search, and print what came of it."""
    trainer = search.TrainerSpec(factory=f"{__file__}:Trainer")
    planned = search.Search.of(
        search.Space.of(SPACE), Planner(), trainer, trials=20, periods=PERIODS, workers=2, results=results
    )
    study = planned.run().study
    for trial in [*study.complete(), *(trial for trial in study.trials if trial.state == "PRUNED")]:
        settings = "  ".join(f"{name} {value:.4g}" for name, value in trial.params.items())
        value = "no value" if trial.value is None else f"{trial.value:8.4f}"
        print(f"#{trial.number:<3} {value}  {trial.reason:8}  {len(trial.reports)}/{PERIODS} periods  {settings}")
    print(f"digest {study.digest}")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]) if sys.argv[1:] else Path("results"))
