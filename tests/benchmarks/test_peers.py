"""What is made of the sides' figures, worked out by hand; ours as a side; Optuna's pattern over an equal space."""

from __future__ import annotations

from functools import partial

import against_optuna
import optuna
import pytest
import speed
from against_optuna import Ended, Found, sentences
from hypothesis import given, settings, strategies as st

from mnist_bench.data.mnist import DataOptions, load_training_set
from mnist_bench.space_files import space_sources
from search.strategies.distributions import OptunaRanges
from search.strategies.optuna_study import suggest
from support.dose import dose


def measurements(side: str, *epochs: float) -> list[speed.Measurement]:
    """Return a side's measurements of one net, round by round."""
    return [
        speed.Measurement(
            net="n", augmented=True, side=side, round=number, epoch=epoch, accuracy=0.5 + number / 10, precision="fp32"
        )
        for number, epoch in enumerate(epochs, 1)
    ]


TABLE = [
    *measurements("ours", 2, 4, 5),
    *measurements("plain, 0 workers", 10, 12, 20),  # 5, 3 and 4 times ours
    *measurements("plain, 2 workers", 8, 20, 25),  # 4, 5 and 5 times
    *measurements("another", 30, 30, 30),  # 15, 7.5 and 6 times
]


def test_rows_by_hand() -> None:
    ours, none, two, another = speed.rows(TABLE)
    assert (ours.epoch, ours.lowest, ours.highest, ours.ratio) == (4, 2, 5, 1)
    assert (none.epoch, none.ratio, none.lowest_ratio, none.highest_ratio, none.quoted) == (12, 4, 3, 5, True)
    assert (two.epoch, two.ratio, two.quoted) == (20, 5, False)
    assert (another.ratio, another.quoted) == (7.5, True)
    assert (another.accuracy, another.precision) == (0.7, "fp32")


def test_the_table_marks_the_faster_plain_loop() -> None:
    page = [*speed.page(speed.rows(TABLE), 3, "`COMMAND` on 2 cores of a processor.")]
    assert "`COMMAND` on 2 cores of a processor." in page
    assert "| n | yes | plain, 0 workers | fp32 | 12.0 | 10.0 – 20.0 | **4.00** | 3.00 – 5.00 | 70.0% |" in page
    assert "| n | yes | plain, 2 workers | fp32 | 20.0 | 8.0 – 25.0 | 5.00 | 4.00 – 5.00 | 70.0% |" in page


@pytest.mark.integration
@pytest.mark.parametrize("side", ["ours", "plain, 0 workers", "expert, two processes"])
def test_a_side_is_measured_in_a_process_of_its_own(side: str) -> None:
    found = speed.measured("two-conv", augmented=False, side=side, images=300)
    assert found["epoch"] > 0
    assert 0 < found["accuracy"] < 1


THEIRS = Found(
    trials=(Ended(seconds=100, value=0.98), Ended(seconds=300, value=None), Ended(seconds=640, value=0.99)), seconds=800
)
OURS = Found(
    trials=(Ended(seconds=20, value=0.97), Ended(seconds=80, value=0.99), Ended(seconds=100, value=0.991)), seconds=120
)


def test_the_best_by_hand() -> None:
    assert [THEIRS.best(seconds) for seconds in (99, 100, 639, 640)] == [None, 0.98, 0.98, 0.99]


def test_sentences_by_hand() -> None:
    assert [*sentences(OURS, THEIRS)] == [
        "mnist-bench: 3 trials, 3 of them complete, in 120 s, best 99.10%.",
        "Optuna's pattern: 3 trials, 2 of them complete, in 800 s, best 99.00%; when mnist-bench had ended, after "
        "120 s, its best was 98.00%.",
        "mnist-bench passed 99.00% after 100 s; Optuna's pattern reached it after 640 s, 6.4 times as long, and ended "
        "after 8.0 times as long.",
    ]


def test_sentences_if_nothing_is_passed() -> None:
    none = Found(trials=(Ended(seconds=1, value=None),), seconds=2)
    assert [*sentences(OURS, none)][-1].startswith("Optuna's pattern completed no trial")
    assert [*sentences(THEIRS, OURS)][-1] == "mnist-bench has not passed 99.10%."


def test_trials_are_taken_in_the_order_of_their_ends() -> None:
    row = against_optuna.row([(3, None), (1, 0.5)], 4)
    assert Found.of(row).trials == (Ended(seconds=1, value=0.5), Ended(seconds=3, value=None))


@given(st.integers(0, 2**31))
@settings(max_examples=dose(20))
def test_optuna_is_asked_for_the_ranges_of_the_space(seed: int) -> None:
    space = space_sources.load("conv")
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed)).ask()
    params = space.sample(partial(suggest, trial))
    assert trial.params == OptunaRanges.of(space).encode(params)
    for path, asked in trial.distributions.items():
        (distribution,) = (field.distribution for field in space.fields if field.path == path)
        assert distribution is not None
        assert distribution.contains(params[path])
        for end in ("low", "high", "step", "log"):
            assert getattr(asked, end, None) == getattr(distribution, end, None)


def searched(*overrides: str, trials: int) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of a search of smoke.yaml by the pattern, on 300 images."""
    space = space_sources.load("smoke", ["epochs=2", *overrides])
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    data = load_training_set(DataOptions(subset=300))
    study.optimize(against_optuna.make_objective(space, data, 0), n_trials=trials)
    return study.trials


def test_the_pattern_reports_each_epoch_and_returns_the_last() -> None:
    for trial in searched(trials=2):
        assert list(trial.intermediate_values) == [1, 2]
        assert trial.value == trial.intermediate_values[2]
        assert trial.user_attrs == {against_optuna.TRAINED: True}


def test_the_pattern_does_not_train_what_is_beyond_the_limits() -> None:
    (trial,) = searched("limits={parameters: 3300}", trials=1)
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert not trial.intermediate_values
    assert not trial.user_attrs
