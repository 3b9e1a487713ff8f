"""The side of a foreign method: it requests trainings over standard output, and reads their results.

A message is a line of JSON. The standard library is all that is imported here, for this runs in an environment that has
the foreign library and nothing else.

    first, to the method  {"space": [...], "epochs": [0.5, 1, 2], "seed": 0, "budget": 30}
    and from it           {"library": "optuna 5.0.0"}
    then, again and again {"params": {"optim.lr": 0.003}, "epoch": 1, "config": 7, "resume": true, "own_seconds": 0.2}
    answered by           {"error": 0.02, "loss": 0.1, "cost": 0.2, "spent": 11.3, "params": {...}, "feasible": true}
    or, from then on, by  {"stop": true}
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal


@dataclass(frozen=True)
class Range:
    """A range of the space."""

    name: str
    kind: Literal["int", "float", "levels", "choice"]
    when: Mapping[str, list[Any]]
    """Applies only if each of these ranges applies and has one of its values; parents stand before children."""
    low: Any = None
    high: Any = None
    step: Any = None
    """Of a grid, from `low`; None if there is none."""
    log: bool = False
    options: tuple[Any, ...] = ()
    """Of a choice; or the levels, which rise."""

    def applies(self, params: Mapping[str, Any]) -> bool:
        """Return whether the range applies, given the values of those before it."""
        return all(name in params and params[name] in values for name, values in self.when.items())


@dataclass(frozen=True)
class Answer:
    """The result of a training."""

    error: float
    """Share of the images misclassified, 0 to 1, to be minimised."""
    loss: float | None
    """Mean cross-entropy in nats; None if training diverged."""
    cost: float
    """The cost of this training, in trainings of an average configuration."""
    spent: float
    """The cost of the search by now, in the same unit."""
    params: dict[str, Any]
    """The configuration that was trained: the nearest point of a table that does not have all."""
    feasible: bool
    """False if a net is beyond the space's limits and was not trained."""


class BudgetSpent(Exception):
    """The budget is up."""


class Channel:
    """Open from the start of a search to its end."""

    def __init__(self, library: str) -> None:
        """Read the search task, and send the library's version; `library` is the name of its distribution."""
        # A library's output goes to standard error, where it spoils no message.
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        opening = json.loads(sys.stdin.readline())
        self.space = [Range(**item) for item in opening["space"]]
        self.epochs: list[float] = opening["epochs"]
        """Epochs after which a training reports."""
        self.seed: int = opening["seed"]
        self.budget: float = opening["budget"]
        """Trainings of an average configuration."""
        self._say({"library": f"{library} {version(library)}"})
        self._began = time.process_time()

    def train(self, params: Mapping[str, Any], epoch: float, config: int | str, *, resume: bool = True) -> Answer:
        """Return a configuration's report after this number of epochs.

        Args:
            params: its values; those of ranges that do not apply are ignored.
            epoch: one of `epochs`.
            config: any name of the configuration; to ask for it again continues its training.
            resume: whether only the periods since the last time are trained and paid for, or all of them anew.

        Raises:
            BudgetSpent: the budget is up; there will be no more answers.
        """
        own = time.process_time() - self._began
        request = {"params": dict(params), "epoch": epoch, "config": config, "resume": resume, "own_seconds": own}
        self._say(request)
        answer = json.loads(sys.stdin.readline() or '{"stop": true}')
        if "stop" in answer:
            raise BudgetSpent
        return Answer(**answer)

    def _say(self, message: Mapping[str, Any]) -> None:
        print(json.dumps(message, default=_plain), file=self._out, flush=True)


def _plain(value: Any) -> Any:
    """Return a value of NumPy's, which JSON does not know, as one of Python's."""
    return value.item()
