"""A study in portable precision, from its search to its last picture: the same bits in every process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import mnist_bench
import search
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


class Heard(search.Observer):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def on_notice(self, text: str) -> None:
        self.notices.append(text)


@pytest.mark.parametrize(
    ("where", "there", "lacking"),
    [
        ("platform.machine", lambda: "aarch64", "an x86-64 processor, and this one is aarch64"),
        (
            "mnist_bench.numerics.kinds.cpu_flags",
            lambda: {"avx"},
            "a processor with AVX2 and FMA, which this one lacks",
        ),
    ],
)
def test_where_portable_bits_cannot_be_had_a_space_trains_in_float32_and_says_so(
    where: str, there: Any, lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Result]
) -> None:
    monkeypatch.setattr(where, there)
    heard = Heard()
    study = mnist_bench.search(SPACE, trials=2, workers=1, results=tmp_path, observer=heard)
    assert (study.spec["numerics"]["precision"], "portable" in study.spec) == ("fp32", False)
    (notice,) = heard.notices
    assert f"precision: portable needs {lacking}; float32 is used, whose digest agrees only on" in notice
    assert mnist_bench.reproduce(study).identical
    with pytest.raises(UsageError, match=f"^Portable precision needs {lacking}; add --set precision=auto.$"):
        mnist_bench.search(SPACE, overrides=["precision=portable"], trials=1, results=tmp_path)
    trained = cli("train", "notebook/linear", "--set", "epochs=1", "--set", "subset=1000")
    assert f"needs {lacking}; float32 is used" in " ".join(trained.output.split())


def test_a_process_without_the_variables_does_not_search_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_CBWR")
    with pytest.raises(UsageError, match="This trainer needs a process that was started with"):
        mnist_bench.search(SPACE, trials=1, results=tmp_path, executor="in-process")
