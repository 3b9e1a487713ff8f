"""What nets trained on all images in a workshop do on the test images, through the test set's door."""

from __future__ import annotations

from pathlib import Path

from mnist_bench import numerics
from mnist_bench.config_json import from_json
from mnist_bench.data.door import open_test_set
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset, with_evaluation_images
from mnist_bench.evaluate import Evaluation, evaluate
from mnist_bench.weights import export, model_in
from mnist_bench.workshop import Workshop
from search.training import Task


def open_for(workshop: Workshop, options: DataOptions, *, purpose: str, ledger: Path) -> Dataset:
    """Open the test set once and return its images on the workshop's device, normalised like all training images.

    Raises:
        DataError, StorageError: see `open_test_set`.
    """
    device = numerics.setup(str(workshop.numerics["device"]))
    trained_on = load_dataset(options, device).training_on("all")
    return with_evaluation_images(trained_on, open_test_set(options, purpose=purpose, ledger=ledger))


def judge(workshop: Workshop, task: Task, state: bytes, images: Dataset) -> Evaluation:
    """Return what the net in a task's state does on `images`, in the workshop's precision."""
    net = model_in(export(state, from_json(task.config)), task.name).to(images.device)
    return evaluate(net, images, numerics.choose_precision(images.device, str(workshop.numerics["precision"])))
