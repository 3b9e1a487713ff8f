from __future__ import annotations

from mnist_bench.plots.measure import NETS, PlainMeasure, measure_of
from support import handmade as made

LOSS = PlainMeasure(name="loss", minimized=True)


def test_a_study_of_nets_is_measured_in_accuracies_and_epochs() -> None:
    measure = measure_of(made.mixed())
    assert measure is NETS
    assert (measure.unit, measure.spent(1), measure.spent(0.5)) == ("epochs", "1 epoch", "0.5 epochs")
    assert measure.worst([0.5]) == 0.0


def test_a_study_of_another_trainer_is_measured_in_its_value_and_reports() -> None:
    assert measure_of(made.halved_values()) == PlainMeasure(name="value")
    assert measure_of(made.halved_values(settings={"objective": "val_loss", "direction": "minimize"})) == PlainMeasure(
        name="val_loss", minimized=True
    )
    assert measure_of(made.halved_values(settings={"objective": ["speed", "meters"]})) == PlainMeasure(name="speed")
    assert (LOSS.unit, LOSS.spent(1), LOSS.spent(3)) == ("reports", "1 report", "3 reports")


def test_the_score_is_larger_for_a_better_value_and_the_worst_is_worse_than_all() -> None:
    assert LOSS.score(1.0) > LOSS.score(2.0)
    assert LOSS.worst([1.0, 2.0]) > 2.0
    assert PlainMeasure(name="value").worst([1.0, 1.0]) < 1.0


def test_training_is_counted_in_reports() -> None:
    trial = made.value_trial(0, [1.0, 2.0])
    assert (LOSS.ends(trial), LOSS.done(trial), LOSS.done(made.value_trial(0, []))) == ((1, 2, 3, 4), 2, 0)
