"""A study in portable precision, from its search to its last picture: the same bits in every process."""

from __future__ import annotations

from pathlib import Path

import pytest

import mnist_bench
from mnist_bench.export.winner import load_winner
from mnist_bench.plots.subject import kept_weights, predict
from mnist_bench.studies.record import recipe_text
from search.errors import UsageError
from support.wants import check_as_published

pytestmark = pytest.mark.slow

SPACE = {
    "name": "tiny", "epochs": 1, "subset": 1000, "precision": "portable",
    "model": {"blocks": 1, "filters": {"int": [4, 6]}, "batchnorm": "before_activation", "hidden_layers": 0},
    "search": {"sampler": "random", "pruner": "none"},
}  # fmt: skip


def test_a_portable_study_is_reproduced_trained_and_scored_in_its_precision(tmp_path: Path) -> None:
    study = mnist_bench.search(SPACE, trials=1, results=tmp_path)
    trial = study.best
    assert trial is not None
    assert "\nprecision: portable\n" in recipe_text(study, trial)
    assert "+" not in study.spec["versions"]["torch"]
    repeated = mnist_bench.reproduce(study)
    assert (repeated.identical, repeated.numerics, repeated.versions) == (True, (), ())
    fitted = mnist_bench.train_trial(study, seed=trial.seed)
    assert fitted.reports[-1].weights == trial.reports[-1].weights
    found = predict(study, trial, kept_weights(study, trial))
    assert len(found.wrong) == found.recorded_errors
    validation = load_winner(study, trial).validation
    assert validation.errors == found.recorded_errors
    check_as_published(study.spec["numerics"])


def test_a_process_without_the_variables_does_not_search_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_CBWR")
    with pytest.raises(UsageError, match="This trainer needs a process that was started with"):
        mnist_bench.search(SPACE, trials=1, results=tmp_path, executor="in-process")
