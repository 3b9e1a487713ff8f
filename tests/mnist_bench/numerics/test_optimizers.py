"""PyTorch's optimizers without what its compiler needs: the same steps, and no compiler is imported."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from mnist_bench.numerics.operations import SGD, Adam
from support.paths import ROOT

TRAINS = """
import sys
from pathlib import Path
import mnist_bench

net = {"blocks": 1, "filters": 4}
for optimizer in ("adam", "sgd_nesterov"):
    mnist_bench.train({"epochs": 1, "subset": 1000, "model": net, "optim": {"optimizer": optimizer}})
print(sorted({"sympy", "torch._dynamo", "torch._inductor"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (Adam, torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.95)}),
        (SGD, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    ],
)
def test_a_step_is_that_of_pytorch_to_the_bit(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    found = []
    for kind in (ours, theirs):
        weight = torch.linspace(-1, 1, 37, requires_grad=True)
        optimizer = kind([weight], fused=True, **options)
        for step in range(5):
            optimizer.zero_grad()
            torch.autograd.backward((weight**2 * (step + 1)).sum())
            optimizer.step()
        found.append((weight.detach().clone(), optimizer.state[weight]))
    (weight, state), (expected, expected_state) = found
    assert torch.equal(weight, expected)
    assert state.keys() == expected_state.keys()
    assert all(torch.equal(state[key], expected_state[key]) for key in state)


@pytest.mark.cold
@pytest.mark.integration
def test_a_process_that_trains_imports_no_compiler() -> None:
    command = [sys.executable, "-c", TRAINS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
