"""The recipe of train_mnist_fast: its net is the one described, and it learns."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch
import train_fast

from mnist_bench.data.mnist import DataOptions, load_training_set

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_draws() -> Iterator[None]:
    """Let what draws from torch's global generator leave no trace."""
    with torch.random.fork_rng():
        yield


def test_the_net_by_hand() -> None:
    weights = {24 * 25 + 24, 32 * 24 * 9 + 32, 256 * 800 + 256, 10 * 256 + 10}
    assert sum(parameter.numel() for parameter in train_fast.make_net().parameters()) == sum(weights)


@pytest.mark.integration
def test_it_learns() -> None:
    training, validation = train_fast.parts(load_training_set(DataOptions(subset=6000)), CPU, held_out=True)
    assert [len(training[1]), len(validation[1])] == [5000, 1000]
    seconds, found = train_fast.run(0, training, validation)
    assert seconds > 0
    assert found > 0.7


def test_all_images_train_unless_some_are_held_out() -> None:
    data = load_training_set(DataOptions(subset=300))
    lengths = [len(train_fast.parts(data, CPU, held_out=held_out)[0][1]) for held_out in (False, True)]
    assert lengths == [300, 250]


@pytest.mark.integration
def test_the_script_says_what_each_run_took(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["train_fast.py", "--device", "cpu", "--runs", "2", "--images", "600"])
    monkeypatch.setattr(train_fast, "close_test_set", lambda: None)  # it would stay closed for the tests that follow
    train_fast.main()
    printed = capsys.readouterr()
    said = [json.loads(line) for line in printed.out.splitlines()]
    assert [one["images"] for one in said] == [600, 600]
    assert all(one["seconds"] > 0 and 0 <= one["accuracy"] <= 1 for one in said)
    assert printed.err.startswith("cpu: ")
