"""Near copies of configurations are feasible, and as far away as they say."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pytest
from near_copies import near_copies

from mnist_bench import space_files
from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.tables import spread
from search.space import FloatRange, Space, place
from search.trainer_api import Planner


def _planner(space: Space) -> Planner[Any]:
    coefficients = asdict(COEFFICIENTS["cpu-fp32"])
    return space_files.planner_on(space, coefficients, train_images=5_000, validation_images=10_000)


def test_a_near_copy_is_other_in_its_floats_alone_and_as_far_as_it_says() -> None:
    conv = space_files.load("conv")
    planner = _planner(conv)
    points = spread(conv, planner, 9)
    for copy, origin in zip(near_copies(conv, planner, points, [0, 4, 8]), (0, 4, 8), strict=True):
        before, after = points[origin], copy.params
        assert copy.origin == origin
        assert before.keys() == after.keys()
        spans = {
            path: span for path, span in conv.distributions.items() if isinstance(span, FloatRange) and path in after
        }
        assert all(before[path] == after[path] for path in after if path not in spans)
        moved = [place(span, after[path]) - place(span, before[path]) for path, span in spans.items()]
        assert 0.03 <= copy.distance <= 0.1
        assert math.hypot(*moved) == pytest.approx(copy.distance, abs=1e-9)
        assert planner(after).feasible
