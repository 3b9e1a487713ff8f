from __future__ import annotations

from typing import Any

import pytest

from mnist_bench.plots.measure import PlainMeasure, measure_of
from support import handmade as made

LOSS = PlainMeasure(name="loss", minimized=True)


@pytest.mark.parametrize(
    ("settings", "measure"),
    [
        ({}, PlainMeasure(name="value")),
        ({"objective": "val_loss", "direction": "minimize"}, PlainMeasure(name="val_loss", minimized=True)),
        ({"objective": ["speed", "meters"]}, PlainMeasure(name="speed")),
    ],
)
def test_a_study_of_another_trainer_is_measured_in_its_value(settings: Any, measure: PlainMeasure) -> None:
    assert measure_of(made.halved_values(settings=settings)) == measure


def test_the_score_is_larger_for_a_better_value_and_the_worst_is_worse_than_all() -> None:
    assert LOSS.score(1.0) > LOSS.score(2.0)
    assert LOSS.worst([1.0, 2.0]) > 2.0
    assert PlainMeasure(name="value").worst([1.0, 1.0]) < 1.0
