"""What a trial's net says of each validation image."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_bench.config.settings import DatasetName, TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data.choice import Data, DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.errors import WeightsError
from mnist_bench.plots.subject import kept_weights, predict
from mnist_bench.training.trainer import TorchTrainer, fit
from mnist_bench.training.weights import export
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import handmade
from support.winners import predictions

Trained = tuple[StoredStudy, TrialRecord]


@pytest.fixture(scope="module")
def digits(device: torch.device) -> Dataset:
    """Return 1,500 training and 300 validation images: one batch of evaluation, and a part of another."""
    return load_dataset(DataOptions(subset=1800), device)


@pytest.fixture(scope="module")
def trained(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a study of one short trial, whose weights were kept, and the trial."""
    config = TrainConfig(epochs=1)
    result = fit(TorchTrainer(digits, "fp32"), config, 5)
    folder = StudyFolder(tmp_path_factory.mktemp("results") / "conv-0")
    folder.weights.mkdir(parents=True)
    folder.weights_of(3).write_bytes(export(result.state, config))
    trial = handmade.trained(3, result.reports, config=to_json(config), seed=5)
    data = {"dataset": "mnist", "subset": 1800, "data_hash": digits.data_hash, "split_hash": digits.split_hash}
    study = handmade.kept_in(folder.path.parent, handmade.study([trial]))
    return handmade.changed(study, context={"data": data}, numerics={"precision": "fp32", "device": "cpu"}), trial


def test_the_net_errs_where_the_search_saw_it_err(trained: Trained, digits: Dataset) -> None:
    study, trial = trained
    said = predict(study, trial, kept_weights(study, trial))
    report = trial.reports[-1]
    assert 0 < len(said.wrong) == report.metrics["errors"] == said.recorded_errors
    right = np.ones(300, dtype=np.bool_)
    right[said.wrong] = False
    assert base64.b64encode(np.packbits(right).tobytes()).decode() == report.details["correct"]
    assert said.remarks == ("study conv-0, trial #3, 300 validation images",)
    assert said.indices.tolist() == digits.validation.tolist()
    assert said.labels.tolist() == digits.labels[digits.validation].tolist()
    assert (said.images == digits.images[digits.validation, 0].numpy()).all()
    assert np.allclose(said.probabilities.sum(1), 1)


def test_missing_weights_anothers_weights_and_other_data_are_refused(trained: Trained, tmp_path: Path) -> None:
    study, trial = trained
    with pytest.raises(StudyNotFoundError, match=r"weights of conv-0/3 are not in .*ten best.*machine that searched"):
        kept_weights(handmade.kept_in(tmp_path, study), trial)
    another = replace(trial, reports=(replace(trial.reports[-1], weights=handmade.HASH),))
    with pytest.raises(WeightsError, match="different weights from those that trial 3 ended with"):
        kept_weights(study, another)
    with pytest.raises(UsageError, match="other data"):
        predict(handmade.changed(study, context={"data": {"subset": 1000}}), trial, kept_weights(study, trial))


def test_other_numbers_of_errors_are_said() -> None:
    said = predictions([(4, 9, 0.9), (4, 4, 0.9)], recorded_errors=2)
    assert said.remarks[1:] == ("errors here 1, in the search 2: different numerics",)
    assert predictions([(4, 9, 0.9)], recorded_errors=1).remarks[1:] == ()


@pytest.mark.parametrize(
    ("dataset", "packaged", "noun"),
    [("mnist", True, "digit"), ("mnist", False, "class"), ("qmnist", False, "digit"), ("kmnist", False, "class")],
)
def test_what_is_not_known_to_be_digits_is_called_a_class(
    digits: Dataset, dataset: DatasetName, *, packaged: bool, noun: str
) -> None:
    data = Data(dataset=dataset, data_hash=digits.data_hash if packaged else handmade.HASH, split_hash=handmade.HASH)
    assert predictions([(0, 0, 1.0)], of_digits=data.is_of_digits).noun == noun
