"""Scores on the test images of nets that a grid trained on all training images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from mnist_bench.config.json import from_json
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset, with_evaluation_images
from mnist_bench.data.test_set import open_test_set, unopened_identity
from mnist_bench.experiments.grid import Grid, Observer, ResultsWorkplace, open_grid
from mnist_bench.numerics.device import setup
from mnist_bench.training.evaluation import Evaluation
from mnist_bench.training.remote.scorer import Scorer
from mnist_bench.training.weights import export
from search.driver.tasks import Task
from search.errors import UsageError
from search.messages import did_you_mean, show
from search.trainer_api import Report


class Scores:
    """Scores nets on the test images. The first score opens the test set; later ones reuse it."""

    def __init__(self, grid: Grid, options: DataOptions, *, purpose: str, ledgers: Sequence[Path]) -> None:
        """Open nothing yet. The grid's observer is notified when the test set is evaluated, and which ledger logs "
        "that."""
        self._grid = grid
        self._options = options
        self._purpose = purpose
        self._ledgers = ledgers
        self._scorer = Scorer(grid.numerics["precision"])

    @cached_property
    def images(self) -> Dataset:
        """The test images on the grid's device, normalised like all training images.

        Raises:
            DataError, StorageError: as `open_test_set`.
        """
        device = setup(str(self._grid.numerics["device"]))
        trained_on = load_dataset(self._options, device).training_on("all")
        opened = open_test_set(self._options, purpose=self._purpose, ledgers=self._ledgers)
        self._grid.observer.on_news(f"the test set is evaluated, and {self._ledgers[0]} logs it")
        return with_evaluation_images(trained_on, opened)

    def after_every_period(self, task: Task, period: int, report: Report, state: bytes) -> Report:
        """Return a report with the net's figures on the test images; unchanged if training ended early. Errors as in
        `score`."""
        if report.end:
            return report
        found = self.score(task, state)
        figures = {"test_errors": found.errors, "test_accuracy": found.accuracy, "test_loss": found.loss}
        return replace(report, metrics={**report.metrics, **figures})

    def after_last_period(self, task: Task, period: int, report: Report, state: bytes) -> Report:
        """Return a run's last report as `after_every_period` does, and every other as it is."""
        return self.after_every_period(task, period, report, state) if period == len(task.costs) else report

    def score(self, task: Task, state: bytes) -> Evaluation:
        """Return the figures of the net in a task's state, in the grid's precision; errors as in `images`."""
        return self._scorer.evaluate(export(state, from_json(task.config)), self.images, task.name)

    def probabilities(self, task: Task, state: bytes) -> Tensor:
        """Return the probabilities of the net in a task's state, as it is exported: float64 (N, classes); errors as in
        `images`."""
        net = export(state, from_json(task.config))
        return self._scorer.as_exported.logits(net, self.images, task.name).double().softmax(1)

    def committee_errors(self, members: Iterable[tuple[Task, bytes]]) -> int:
        """Return how many test images the nets in tasks' states get wrong together: by the mean of their probabilities,
        as they are exported. Errors as in `images`.
        """
        each = (self.probabilities(task, state) for task, state in members)
        return int((sum(each, torch.zeros(())).argmax(1) != self.images.labels).sum())


@contextmanager
def open_scored_grid(
    folder: str, what: str, observer: Observer, workplace: ResultsWorkplace, *, data: DataOptions, purpose: str,
    precision: str,
) -> Iterator[tuple[Grid, Scores]]:  # fmt: skip
    """Start workers as `open_grid` does and yield the grid with the scores of its nets on the test images.

    `folder` lies in the results folder, whose ledger logs the opening of the test set with its `purpose`. Errors as in
    `open_grid`; and a DataError if there are no test files.
    """
    with open_grid(
        workplace.results / folder, what, observer, data=data, workers=workplace.workers, device=workplace.device,
        precision=precision, extra_identity=unopened_identity(data),
    ) as grid:  # fmt: skip
        yield grid, Scores(grid, data, purpose=purpose, ledgers=[workplace.ledger])


def chosen(names: Sequence[str], known: Iterable[str], what: str) -> tuple[str, ...]:
    """Return `names` in the order of the `known` ones, all of these for none; `what` is the noun for them.

    Raises:
        UsageError: one is not known.
    """
    known = tuple(known)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "."
            raise UsageError(f"{show(name)}: no {what}{hint} There are {', '.join(known)}.")
    return tuple(name for name in known if not names or name in names)
