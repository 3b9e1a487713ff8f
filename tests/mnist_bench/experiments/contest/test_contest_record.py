"""The names of the entrants of a contest."""

from __future__ import annotations

import pytest

from mnist_bench.experiments.contest.contest_record import Entrant


@pytest.mark.parametrize(
    ("start", "way"),
    [
        (
            ("conv-0.1",),
            "curves (n_startup_trials=4) + asha + list of conv-0.1",
        ),  # a study: nothing of its name is a file's suffix
        (("tables/mine.npz", "conv-5k"), "curves (n_startup_trials=4) + asha + list of mine, conv-5k"),
    ],
)
def test_a_way_names_its_list_as_the_list_names_what_it_was_made_of(start: tuple[str, ...], way: str) -> None:
    assert Entrant(sampler="curves", pruner="asha", sampler_options={"n_startup_trials": 4}, start=start).way == way
