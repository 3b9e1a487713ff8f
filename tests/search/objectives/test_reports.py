"""The figures of a report."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from search.objectives.reports import Figures


@pytest.mark.parametrize("given", [0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor([0.5])])
def test_numbers_of_all_kinds(given: object) -> None:
    assert Figures.of(given) == Figures(value=0.5)
    assert Figures.of({"loss": given, "epoch": 3}, "loss").metrics == {"loss": 0.5, "epoch": 3}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "a report is a number; this one is of type NoneType"),
        ("0.5", "a report is a number; this one is the text '0.5'"),
        (True, "a report is a number; this one is true"),
        (torch.ones(2), "a report is a number; this one is of type Tensor"),
        ({"loss": 0.5}, r"holds value, the objective \(this one has loss\)"),
        ({}, "this one is empty"),
        (dict.fromkeys(map(str, range(20_000)), 0), "at most 1,000 metrics, .*; this one has 20,000"),
        ({"value": 0.5, "name": "x"}, "metric name is a number"),
    ],
)
def test_what_is_no_report(given: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Figures.of(given)


def test_figures_that_are_not_finite_are_kept() -> None:
    figures = Figures.of({"value": float("nan"), "loss": float("-inf")})
    again = Figures.from_json(figures.to_json())
    assert str(again) == str(figures)
