"""What a table lacks is trained here: as far as it is asked for, once, to the bits that its row would have had."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from mnist_bench.config import TaskName
from mnist_bench.errors import NotInTableError
from mnist_bench.tables import RecordedBenchmark, fresh, load
from search import canonical_json
from search.errors import UsageError, WorkerError
from search.trainer_api import Report
from support import handmade_table, native, releases, wants
from support.paths import TESTS

SMALL = TESTS / "data" / "small.npz"
"""Six points of conv.yaml with two seeds, trained for real."""


def without(table: RecordedBenchmark, seed: int) -> RecordedBenchmark:
    """Return a table without the rows of a seed."""
    return handmade_table.with_rows(table, table.arrays.seed != seed)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> handmade_table.Trainer:
    """Return what stands in for this process's trainer: it knows what the handmade table's rows came to."""
    stand_in = handmade_table.Trainer()
    monkeypatch.setattr("mnist_bench.training.factory.make_trainer", lambda **options: stand_in)
    return stand_in


def test_a_look_up_trains_no_further_than_asked_and_goes_on_from_there(trainer: handmade_table.Trainer) -> None:
    whole = handmade_table.table()
    table = without(whole, 1)
    config = whole.points[4]
    with pytest.raises(NotInTableError, match="not trained with seed 1; it was trained with 0, 2"):
        table.curve(config, seed=1)
    first, recorded = table.curve(config, seed=1, periods=1, train=True), whole.curve(config, seed=1, periods=1)
    assert first == replace(recorded, costs=first.costs)
    assert trainer.trained == [(4, 1, 1)]
    curve = table.curve(config, seed=1, train=True)
    assert curve == table.curve(4, seed=1, train=True) == replace(whole.curve(4, seed=1), costs=curve.costs)
    assert trainer.trained == [(4, 1, 1), (4, 1, 2), (4, 1, 3)]
    assert table.curve(config, seed=0, train=True) == whole.curve(config, seed=0)
    assert len(trainer.trained) == 3


def test_a_training_that_diverges_has_the_curve_of_one_that_did(trainer: handmade_table.Trainer) -> None:
    whole = handmade_table.table()
    point = next(point for point in range(90) if whole.row(point, 1).diverged)
    curve = without(whole, 1).curve(point, seed=1, train=True)
    assert curve == replace(whole.curve(point, seed=1), costs=curve.costs)
    assert trainer.trained == [(point, 1, 1)]


def test_the_last_trainings_are_remembered_and_no_more(
    trainer: handmade_table.Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "MAX_KEPT", 2)
    table = without(handmade_table.table(), 1)
    for point in (0, 1, 0, 2, 0, 1):
        table.curve(point, seed=1, periods=1, train=True)
    assert [point for point, _, _ in trainer.trained] == [0, 1, 2, 1]


@pytest.mark.usefixtures("trainer")
def test_what_is_none_of_the_space_is_not_trained() -> None:
    table = handmade_table.table()
    with pytest.raises(NotInTableError, match="is outside its range"):
        table.curve({**table.points[0], "optim.lr": 0.5}, train=True)
    with pytest.raises(NotInTableError, match="has no configuration 90"):
        table.curve(90, train=True)


@pytest.mark.usefixtures("trainer")
def test_what_the_spaces_limits_forbid_is_not_trained() -> None:
    table = without(handmade_table.table(seeds=1), 0)
    space = {**table.about.space, "settings": {**table.about.space["settings"], "limits": {"parameters": 9}}}
    table = RecordedBenchmark(replace(table.about, space=space), table.arrays)
    with pytest.raises(NotInTableError, match=r"infeasible in the space of table handmade: more parameters than"):
        table.curve(89, train=True)
    space["settings"] = {"constraints": ["optim.lr < 1e-9"]}
    table = RecordedBenchmark(replace(table.about, space=space), table.arrays)
    with pytest.raises(NotInTableError, match=r"infeasible in the space of table handmade: optim.lr < 1e-9 is not met"):
        table.curve(89, train=True)


def test_a_lack_of_memory_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(handmade_table.Trainer):
        def advance(self, *arguments: Any) -> tuple[bytes, Report]:
            _, report = super().advance(*arguments)
            return b"", replace(report, end="out_of_memory")

    monkeypatch.setattr("mnist_bench.training.factory.make_trainer", lambda **options: Full())
    with pytest.raises(WorkerError, match="lacks the memory to train"):
        without(handmade_table.table(), 1).curve(0, seed=1, train=True)


def test_a_task_of_a_later_version_is_named() -> None:
    table = handmade_table.table()
    later = RecordedBenchmark(replace(table.about, task=cast(TaskName, "mnist-1k")), table.arrays)
    with pytest.raises(UsageError, match="of task mnist-1k; this version knows mnist-5k"):
        without(later, 1).curve(0, seed=1, train=True)


TRAINED = """
import json, sys
from mnist_bench import numerics
from mnist_bench.tables import fresh, load
from search import canonical_json

small, point = load(sys.argv[1]), int(sys.argv[2])
report = fresh.Fresh(small.about, small.space)(small.params(point), 0, periods=1).reports[0]
device = numerics.find_device("auto")
print(numerics.describe(device, numerics.choose_precision(device, "auto"))["canary"])
print(json.dumps([report.value, report.weights, canonical_json.dumps(dict(report.metrics))]))
"""


@pytest.mark.slow
def test_what_is_trained_here_has_the_bits_of_its_row() -> None:
    small = load(str(SMALL))
    point = int(np.argmin(small.arrays.costs[:, 0]))
    here, found = native.printed("-c", TRAINED, str(SMALL), str(point)).splitlines()
    if here not in small.about.canaries or not releases.is_that_of(small.about.versions["torch"]):
        pytest.skip(wants.bits(f"a table with canary {here} and torch {torch.__version__}", "make_tables.py"))
    then = small.report(point, 0, 1)
    # The text of the metrics, for 1 is not 1.0 there.
    assert json.loads(found) == [then.value, then.weights, canonical_json.dumps(dict(then.metrics))]


def test_what_is_planned_here_costs_what_the_rows_did() -> None:
    small = load(str(SMALL))
    plan = fresh.planner(small.about, small.space)
    for point, params in enumerate(small.points):
        assert list(plan(params).costs) == small.arrays.costs[point].tolist()
        assert plan(params).facts["parameters"] == small.arrays.parameters[point]
