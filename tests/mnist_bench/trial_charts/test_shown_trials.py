"""Which trials charts show, and what they say of each."""

from __future__ import annotations

import pytest

from mnist_bench.trial_charts.shown_trials import shown_study, summary_of
from support import handmade, handmade_values


def test_each_trained_trial_has_its_curve_its_figures_and_its_settings() -> None:
    shown = shown_study(handmade.mixed())
    endings = {trial.number: str(trial.ending) for trial in shown.trials}
    assert [*endings] == [0, 1, 2, 3, 4, 6, 7]
    assert " ".join(endings.values()) == "complete complete complete pruned pruned failed running"
    first = shown.trials[1]
    assert [*first.done] == [1, 2, 3, 4, 5, 6]
    assert first.values == (0.995,) * 6
    assert first.figures == {
        "validation": "99.50% [98.83, 99.79]",
        "state": "COMPLETE",
        "trained": "6 of 6 epochs",
        "parameters": "61.2k",
        "time": "9.0 s",
    }
    assert first.settings == {"optim.lr": "0.0093", "model.blocks": "3"}
    assert first.label == "Trial 1: 99.50% [98.83, 99.79], COMPLETE, 6 of 6 epochs, 61.2k, 9.0 s"
    assert shown.bests == ((0, 0.994), (1, 0.995))
    assert (shown.unit, shown.of_nets, shown.all) == ("epochs", True, 7)


def test_values_of_other_work_are_in_their_own_unit() -> None:
    trials = [
        handmade_values.trial(0, [5.0, 4.0, 3.0, 2.5]),
        handmade_values.trial(1, [4.0, 3.0, 2.0, 1.5]),
        handmade_values.trial(2, [9.0, None]),
    ]
    shown = shown_study(handmade_values.study(trials, {"direction": "minimize", "objective": "loss"}))
    assert (shown.name, shown.unit, shown.minimized) == ("loss", "reports", True)
    assert shown.bests == ((0, 2.5), (1, 1.5))
    assert [trial.values for trial in shown.trials][2] == (9.0,)
    assert shown.trials[2].ending == "failed"
    assert shown.trials[0].figures["trained"] == "4 of 4 reports"
    assert summary_of(trials[1], foreign=True) == "ridge.rate 0.002  ridge.kind fast"


def test_of_many_trials_the_first_of_the_leaderboard_are_shown_and_all_that_train() -> None:
    trials = [handmade.trial(number, range(40 - number)) for number in range(30)]
    shown = shown_study(handmade.study([*trials, handmade.trial(30, range(99), periods=1, state="RUNNING")]), most=5)
    assert [trial.number for trial in shown.trials] == [25, 26, 27, 28, 29, 30]
    assert shown.all == 31


@pytest.mark.parametrize("make", [handmade.study, handmade_values.study])
def test_a_study_without_a_trial_has_nothing_to_show(make: object) -> None:
    shown = shown_study(make([], goal=5))  # type: ignore[operator]
    assert (shown.trials, shown.bests, shown.all) == ((), (), 0)
