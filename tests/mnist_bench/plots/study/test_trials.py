from __future__ import annotations

import pytest

from mnist_bench.plots.study.trials import compare
from search.errors import StudyNotFoundError
from support import handmade as made


def test_trials_are_compared_after_the_epochs_that_all_pruned_ones_were_trained() -> None:
    found = compare(
        made.searched([made.trial(1, curve=[0.9, 0.95]), made.trial(0, curve=[0.8, 0.81, 0.82, 0.83, 0.84, 0.85])])
    )
    assert found.done == 2
    assert [(trial.number, trial.value, trial.complete) for trial in found.trials] == [
        (0, 0.81, True), (1, 0.95, False)
    ]  # fmt: skip
    assert found.best == 0
    assert found.detail == "study conv-0: 2 trials, compared after 2 epochs"


def test_diverged_trials_are_compared_without_an_accuracy_and_crashed_ones_not_at_all() -> None:
    trials = [
        made.trial(0, curve=[0.9, 0.91]),
        made.trial(1, curve=[None]),
        made.trial(2, curve=[0.95, 0.96, None]),
        made.trial(3, curve=[0.97], state="FAIL"),
        made.trial(4, curve=[0.97], state="RUNNING"),
        made.trial(5, curve=[0.5, 0.6, 0.7], state="RUNNING"),
        made.trial(6, curve=[], state="FAIL"),
    ]
    found = compare(made.searched(trials))
    assert [(trial.number, trial.value) for trial in found.trials] == [(0, 0.91), (1, None), (2, 0.96), (5, 0.6)]
    assert found.values == [0.91, 0.96, 0.6]


def test_the_top_is_the_best_quarter_with_ties() -> None:
    accuracies = [0.9, 0.95, 0.93, 0.94, 0.94, 0.91, 0.92]
    found = compare(made.searched([made.trial(number, curve=[value]) for number, value in enumerate(accuracies)]))
    assert [trial.number for trial in found.top] == [1, 3, 4]


def test_without_any_accuracy_nothing_can_be_compared() -> None:
    with pytest.raises(StudyNotFoundError, match="Study conv-0 has no trial with a value yet"):
        compare(made.searched([made.trial(0, curve=[None]), made.trial(1, curve=[], state="RUNNING")]))


def test_a_smaller_value_is_better_if_the_study_minimizes_it() -> None:
    study = made.halved_values(settings={"direction": "minimize"})
    assert [trial.number for trial in compare(made.halved_values()).top] == [9, 10, 11]
    found = compare(study)
    assert [trial.number for trial in found.top] == [0, 1, 2]
    assert found.detail == "study ridge-0: 12 trials, compared after 1 report"
