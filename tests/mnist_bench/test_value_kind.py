from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.value_kind import ValueKind, kind_of
from support import handmade as made

LOSS = ValueKind(name="loss", minimized=True)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, ValueKind()),
        ({"objective": "val_loss", "direction": "minimize"}, ValueKind(name="val_loss", minimized=True)),
        ({"objective": ["speed", "meters"]}, ValueKind(name="speed")),
    ],
)
def test_a_study_of_another_trainer_is_measured_in_its_value(settings: Any, kind: ValueKind) -> None:
    found = kind_of(made.halved_values(settings=settings).spec)
    assert found == replace(kind, trainer="ridge.py:Trainer")
    assert found.option == ("--trainer", "ridge.py:Trainer")


def test_a_study_of_nets_is_measured_in_accuracies_on_its_validation_images() -> None:
    found = kind_of(made.mixed().spec)
    assert found == ValueKind(of_nets=True, name="accuracy", images=made.IMAGES)
    assert (found.text(0.99), found.named(0.99), LOSS.text(0.99), LOSS.named(0.99)) == (
        "99.00%", "99.00%", "0.99", "loss 0.99"
    )  # fmt: skip


def test_the_score_is_larger_for_a_better_value_and_the_worst_is_worse_than_all() -> None:
    assert LOSS.score(1.0) > LOSS.score(2.0)
    assert LOSS.worst([1.0, 2.0]) > 2.0
    assert ValueKind().worst([1.0, 1.0]) < 1.0


def test_a_net_reports_after_its_periods_or_each_epoch() -> None:
    trial, kind = made.trial(0), kind_of(made.mixed().spec)
    assert kind.ends(trial) == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert kind.ends(replace(trial, config={**trial.config, "periods": [0.5, 2, 6]})) == (0.5, 2.0, 6.0)


def test_training_is_counted_in_epochs_of_nets_and_in_reports_of_other_work() -> None:
    assert [kind_of(made.mixed().spec).spent(done) for done in (1.0, 0.5, 2)] == ["1 epoch", "0.5 epochs", "2 epochs"]
    assert [LOSS.spent(done) for done in (1, 4)] == ["1 report", "4 reports"]
