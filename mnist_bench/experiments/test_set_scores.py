"""Scores on the test images of nets that a grid trained on all training images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from mnist_bench.config.values import from_json
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset, with_evaluation_images
from mnist_bench.data.test_set import open_test_set
from mnist_bench.experiments.grid import Grid
from mnist_bench.experiments.tasks import Task
from mnist_bench.numerics.device import setup
from mnist_bench.training.evaluation import Evaluation, Scorer
from mnist_bench.training.weights import export


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

    def score(self, task: Task, state: bytes) -> Evaluation:
        """Return the figures of the net in a task's state, in the grid's precision; errors as in `images`."""
        return self._scorer.evaluate(export(state, from_json(task.config)), self.images, task.name)
