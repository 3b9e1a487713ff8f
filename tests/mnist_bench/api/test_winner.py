"""The net of a study from Python: named by a study, a folder or a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mnist_bench
from search.errors import UsageError
from support import handmade


def test_a_study_is_a_model_as_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    net: Any = object()

    def load(study: Any, trial: Any, **others: Any) -> SimpleNamespace:
        asked.append((study.name, trial and trial.number))
        return SimpleNamespace(model=net)

    monkeypatch.setattr("mnist_bench.export.winner.kept_net", load)
    study = handmade.mixed()
    assert mnist_bench.load_model(study) is net
    assert mnist_bench.load_model(study, 2) is net
    assert mnist_bench.load_model(study, study.trials[0]) is net
    assert asked == [("conv-0", None), ("conv-0", 2), ("conv-0", 0)]


@pytest.mark.parametrize("load", [mnist_bench.load_model, lambda model, trial: mnist_bench.predict(model, [], trial)])
def test_a_file_has_no_trials(load: Callable[..., object], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^trial=7: only a study has trials; leave it out\.$"):
        load(tmp_path / "model.safetensors", 7)
