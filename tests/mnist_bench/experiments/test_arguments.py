"""What no experiment and no measurement can be asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mnist_bench
from search.errors import UsageError
from support import handmade

STUDY = handmade.mixed()
TEXT: Any = "5m"
"""What no number is."""
FILE: Any = Path("mine.yaml")
NET = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (lambda: mnist_bench.confirm(STUDY, top=TEXT), "top='5m': give an integer from 1 to 100."),
        (lambda: mnist_bench.confirm(STUDY, workers=0), "workers=0: give an integer of at least 1."),
        (lambda: mnist_bench.confirm_front(STUDY, top=0), "top=0: give an integer from 1 to 100."),
        (lambda: mnist_bench.ablate(STUDY, 1, seeds=1), "seeds=1: give an integer from 2 to "),
        (lambda: mnist_bench.ablate(STUDY, 1, budget=TEXT), "budget='5m': give seconds"),
        (lambda: mnist_bench.ablate(STUDY, 1, budget=math.nan), "budget=nan: give seconds"),
        (lambda: mnist_bench.train_ladder(["99.0"], seeds=0), "seeds=0: give an integer"),
        (lambda: mnist_bench.train_seeds(NET, 2, workers=0), "workers=0: give an integer"),
        (lambda: mnist_bench.train_seeds(NET, 2, seed=2**32 - 1), "seed=4294967296: give an integer from 0"),
        (lambda: mnist_bench.compare_methods(seeds=1), "seeds=1: give an integer from 2 to "),
        (lambda: mnist_bench.compare_methods(trials=[4, 0]), "trials=0: give an integer"),
        (lambda: mnist_bench.compare_methods(tables=[]), "There is nothing to search"),
        (lambda: mnist_bench.compare_methods(samplers=[]), "No search method takes part"),
        (lambda: mnist_bench.compare_methods(tables=TEXT), "tables='5m': give a list of them, [...]."),
        (lambda: mnist_bench.train(NET, seed=TEXT), "seed='5m': give an integer"),
        (lambda: mnist_bench.search("smoke", study_name="history"), "--study-name history: `mnist-bench plot history`"),
        (lambda: mnist_bench.search("smoke", enqueue=FILE), "enqueue=PosixPath('mine.yaml'): give a list"),
        (lambda: mnist_bench.predict(Path("winner"), TEXT), "images='5m': give a list"),
        (lambda: mnist_bench.train_trial(STUDY, TEXT), "trial='5m': give an integer."),
        (lambda: mnist_bench.measure_speed(repeats=0), "repeats=0: give an integer of at least 1."),
    ],
)
def test_an_argument_that_no_experiment_can_have_is_named(asked: Callable[[], Any], fault: str) -> None:
    with pytest.raises(UsageError) as refused:
        asked()
    assert str(refused.value).startswith(fault)
