from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.plots.parallel import ABSENT, SPREAD, parallel_of, places
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from support import drawn, handmade as made

BEFORE = (1, 7, 13, 19, 25, 31)
"""Numbers of trials with batchnorm before the activation and with a hidden layer."""


def complete(number: int, **params: Any) -> TrialRecord:
    given = {path.replace("__", "."): value for path, value in params.items()}
    return made.trial(number, curve=made.curve(0.9, 6), params={**made.params(number), **given})


def test_places_on_every_axis_and_beside_that_of_an_absent_parameter() -> None:
    parallel = parallel_of(made.halved())
    batchnorm, layers, units, lr, momentum, accuracy = places(parallel, parallel.comparison.trials[4])
    assert batchnorm == pytest.approx(0.5, abs=SPREAD)
    assert layers == pytest.approx(0, abs=SPREAD)
    assert units == pytest.approx(ABSENT, abs=SPREAD)
    assert (lr, momentum) == pytest.approx((0.5, 0.8))
    assert accuracy == pytest.approx(0.3174, abs=1e-4)  # log(10 / 6) / log(10 / 2)
    assert places(parallel, parallel.comparison.trials[3])[2] == pytest.approx(0.5)


def test_the_accuracy_reaches_from_the_worst_to_the_best_and_diverged_trials_lie_at_the_worst() -> None:
    trials = [made.trial(n, curve=[value], params=made.params(n)) for n, value in enumerate([0.98, 0.99, 0.1, None])]
    parallel = parallel_of(made.searched(trials))
    assert (parallel.axis.worst, parallel.axis.best) == pytest.approx((0.98, 0.99))
    assert [places(parallel, trial)[-1] for trial in parallel.comparison.trials] == pytest.approx(
        [0, 1, 0, 0], abs=1e-9
    )
    equal = parallel_of(made.searched([made.trial(n, curve=[0.98], params=made.params(n)) for n in range(2)]))
    assert {places(equal, trial)[-1] for trial in equal.comparison.trials} == {1.0}


PRUNED = [made.trial(100 + n, curve=[0.8], params=made.params(n)) for n in range(30)]
"""Ten of each batchnorm, half of them with a hidden layer."""


def test_shared_are_the_options_of_all_complete_trials_that_chance_does_not_give_the_rarest_first() -> None:
    parallel = parallel_of(made.searched([*PRUNED, *(complete(n, model__hidden_layers=2) for n in BEFORE)]))
    assert parallel.shared == [("hidden_layers 2", 6), ("batchnorm before", 16)]
    all_have_it = [complete(0), complete(3), made.trial(6, curve=[0.8], params=made.params(6)), complete(9)]
    assert parallel_of(made.searched(all_have_it)).shared == []


@pytest.mark.parametrize(
    ("trials", "finding"),
    [
        (PRUNED, "None of 30 trials is complete"),
        ([*PRUNED, complete(6)], "#6 is the only complete trial of 31"),
        # Six of 36 drawn at random are all among 16 with a probability of 0.4%, and there are six options; all among
        # the 21 that have hidden_layers 1, with 2.8%.
        ([*PRUNED, *map(complete, BEFORE)], "All 6 complete trials have batchnorm before (of all 36: 16)"),
        ([*PRUNED, complete(7), complete(13)], "The 2 complete trials have no option in common beyond what chance"),
        ([*PRUNED, complete(6), complete(7)], "The 2 complete trials have no option in common beyond what chance"),
        ([complete(6), complete(8)], "All 2 trials are complete"),
        ([complete(6)], "#6 is the only complete trial"),
        (PRUNED[:1], "The only trial is not complete"),
    ],
)
def test_the_heading_says_what_the_complete_trials_share(trials: list[TrialRecord], finding: str) -> None:
    assert parallel_of(made.searched(trials)).finding.removesuffix(" would give") == finding


def test_a_line_a_trial_through_all_axes_with_the_best_ones_values_beside() -> None:
    parallel, figure = parallel_of(made.halved()), drawn.picture("parallel", made.halved())
    lines = [*drawn.lines(figure)]
    assert len(lines) == 9
    assert lines[-1][0] == pytest.approx(places(parallel, parallel.comparison.trials[8]))
    assert lines[-1][1] == [*range(6)]
    assert drawn.rows(figure)[:5] == ["batchnorm", "hidden_layers", "hidden_units (log)", "lr (log)", "momentum"]
    assert drawn.texts(figure)[-7:] == ["#8", "after", "0", "–", "0.01", "0.9", "98.00%"]


def test_text_from_outside_is_drawn_as_it_is_and_without_parameters_nothing() -> None:
    sections = {"model": {"kind": {"choice": ["$x_1$", "$"]}}}
    trial = replace(made.trial(0, curve=made.curve(0.9, 6)), params={"model.kind": "$x_1$"})
    (axes,) = drawn.picture("parallel", made.searched([trial], sections)).axes
    written = [text for text in axes.texts if "$" in text.get_text()]
    assert [text.get_parse_math() for text in written] == [False] * 3
    with pytest.raises(StudyNotFoundError, match="no trial with a searched parameter"):
        parallel_of(made.searched([made.trial(0, curve=[0.9])]))


def test_the_last_axis_of_another_trainer_is_that_of_its_values() -> None:
    parallel = parallel_of(made.halved_values())
    ends = [places(parallel, trial)[-1] for trial in parallel.comparison.trials]
    assert ends == pytest.approx([n / 11 for n in range(12)])
