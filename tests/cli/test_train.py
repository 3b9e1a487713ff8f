"""What `train` prints of fits made by hand; tests/cli/test_end_to_end.py trains."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from typer.testing import Result

from mnist_bench.config.settings import TrainConfig
from mnist_bench.experiments.trainings import Observer
from mnist_bench.training.trainer import FitResult
from search.trainer_api import Report
from support import handmade

Cli = Callable[..., Result]
FITS = {
    0: [handmade.report(1, range(9)), handmade.report(2, range(6))],
    1: [handmade.report(1, range(8)), replace(handmade.report(2, ()), value=None, weights="", end="diverged")],
}


@dataclass(frozen=True)
class Training:
    """Stands in for `recipe_training.RecipeTraining`."""

    config: TrainConfig = field(default_factory=TrainConfig)
    notice: str | None = None
    data: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(device=torch.device("cpu")))

    def fit_seeds(
        self, seeds: Sequence[int], workers: int, on_period: Callable[[int, Report], None], observer: Observer
    ) -> tuple[FitResult, ...]:
        """Return the fits made by hand."""
        for seed in seeds:
            for report in FITS[seed]:
                on_period(seed, report)
        return tuple(FitResult(reports=tuple(FITS[seed]), state=b"") for seed in seeds)


@pytest.fixture
def train(cli: Cli, left_open: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setattr("mnist_bench.experiments.recipe_training.of_recipe", lambda *_, **asked: Training())
    return lambda *options: cli("train", "r.yaml", "--seeds", "2", *options).stdout


def test_the_periods_are_lines_and_curves(train: Callable[..., str]) -> None:
    heading, *lines = train().splitlines()
    assert heading.split() == ["seed", "epoch", "train", "loss", "val", "loss", "accuracy", "errors", "time", "end"]
    assert lines[1].split() == ["0", "2", "0.25000", "0.03000", "99.40%", "6", "1.5", "s"]
    assert lines[3].split()[-1] == "diverged"
    assert lines[4].startswith("weights of seed 0  sha256 ")
    assert lines[-1] == "1 of 2 seeds did not train to the end."
    values = json.loads(train("--json"))
    assert [[report["value"] for report in run["curve"]] for run in values["runs"]] == [[0.991, 0.994], [0.992, None]]
    assert (values["mean"], values["standard_deviation"]) == (0.994, None)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--to file/w.safetensors", "file/w.safetensors: cannot be written (file is a file, not a folder)."),
        ("--to .", ".: cannot be written (it is a folder; name a file in it)."),
        ("--to new/w --seeds 2", "--to keeps the weights of one seed; leave out --seeds, or"),
    ],
)
def test_a_place_for_the_weights_is_looked_at_before_anything_is_loaded(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str, reason: str
) -> None:
    Path("file").touch()
    monkeypatch.setattr("mnist_bench.data.idx.close_test_set", lambda: pytest.fail("it went on"))
    result = cli("train", "r.yaml", *words.split())
    assert result.exit_code == 2
    assert reason in result.stderr


def test_the_weights_may_go_into_a_new_folder(
    train: Callable[..., str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []
    monkeypatch.setattr(Training, "save", lambda self, result, path: kept.append(path), raising=False)
    result = cli("train", "r.yaml", "--to", "new/sub/w.safetensors")
    assert (result.exit_code, kept) == (0, [Path("new/sub/w.safetensors")])
    assert "weights in new/sub/w.safetensors" in result.stderr
