"""The notebook's runs are what they are said to be: all images, the test images' own figures, kept truly, in the
precision that was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_bench.data.mnist import DataOptions, load_training_set
from mnist_bench.data.tensors import load_dataset
from mnist_bench.errors import DataError
from mnist_bench.experiments.grid import Observer
from mnist_bench.experiments.notebook import NotebookOptions, train_notebook
from mnist_bench.numerics import device
from mnist_bench.space_files import space_sources
from mnist_bench.training.period import fit
from mnist_bench.training.weights import export, model_in
from support.handmade_data import write_data

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_this_process")]


def options(tmp_path: Path, *recipes: str, data: Path, seeds: int = 1) -> NotebookOptions:
    return NotebookOptions(
        recipes=recipes, seeds=seeds, workers=1, precision="fp32", data_dir=data, results=tmp_path / "results",
    )  # fmt: skip


def openings(tmp_path: Path) -> int:
    return len((tmp_path / "results" / "test-openings.jsonl").read_text().splitlines())


def test_a_run_is_fit_in_float32_and_judged_on_the_test_images_alone(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    rows = train_notebook(options(tmp_path, "hidden", data=data), Observer())
    last = rows[0].runs[0][-1]

    config = space_sources.recipe(space_sources.load("notebook/hidden"))
    alone = fit(config, 0, load_dataset(DataOptions(data_dir=str(data)), device.setup("cpu")), "fp32")
    assert [epoch.weights for epoch in rows[0].runs[0]] == [report.weights for report in alone.reports]

    pictures = load_training_set(DataOptions()).images
    pixels = pictures.images[:600].astype(np.float64)
    shown = (pictures.images[600:720].astype(np.float64) - pixels.mean()) / pixels.std()
    model = model_in(export(alone.state, config), "here")
    with torch.no_grad():
        logits = model(torch.tensor(shown, dtype=torch.float32).unsqueeze(1)).double().numpy()
    labels = pictures.labels[600:720]
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(120), labels]
    assert last.test_errors == int((logits.argmax(1) != labels).sum())
    assert last.test_loss == pytest.approx(losses.mean(), rel=1e-5)
    assert openings(tmp_path) == 1

    again = train_notebook(options(tmp_path, "hidden", data=data), Observer())
    assert again == rows
    assert openings(tmp_path) == 1

    other = write_data(tmp_path / "other", train=600, test=120, skip=500)
    judged_anew = train_notebook(options(tmp_path, "hidden", data=other), Observer())
    assert judged_anew[0].runs[0][-1].weights == last.weights
    assert judged_anew[0].runs[0][-1].test_loss != last.test_loss
    assert openings(tmp_path) == 2


def test_a_run_that_diverges_is_counted_and_not_averaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    config = space_sources.recipe(space_sources.load("notebook/dropout"))
    wild = replace(config, epochs=3, optim=replace(config.optim, optimizer="sgd_nesterov", lr=10.0))
    monkeypatch.setattr(space_sources, "recipe", lambda space: wild)
    rows = train_notebook(options(tmp_path, "dropout", data=data, seeds=2), Observer())
    assert (len(rows[0].runs), rows[0].diverged) == (0, 2)


def test_missing_test_files_are_noticed_before_anything_is_trained(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", train=600, test=120)
    (data / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels"):
        train_notebook(options(tmp_path, "linear", data=data), Observer())
    assert not (tmp_path / "results").exists()
