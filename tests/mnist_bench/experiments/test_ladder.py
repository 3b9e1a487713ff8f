"""A target is met by the lower end of an interval, and by nothing less."""

from __future__ import annotations

import pytest

from mnist_bench.experiments.ladder import LADDER, TARGETS, is_met, seed_of, verdict
from mnist_bench.experiments.scored_recipes import ScoredRecipe
from mnist_bench.nets.planner import training_flop
from mnist_bench.space_files import space_sources
from support.experiments import result, scored


def test_seeds_are_fixed_and_their_own() -> None:
    assert [seed_of(number) for number in range(3)] == [147961454, 4229421305, 1488245288], "runs are kept by them"
    assert len({seed_of(number) for number in range(100)} | set(range(100))) == 200


def test_targets_are_the_recipes_names() -> None:
    assert all(float(name) == pytest.approx(100 * target) for name, target in TARGETS.items())
    recipes = [space_sources.recipe(space_sources.load(f"ladder/{name}")) for name in TARGETS]
    assert {config.model.pool_axes for config in recipes} == {"rows_columns"}


def test_training_counts_what_is_computed_forward_and_backward() -> None:
    config = space_sources.recipe(space_sources.load("notebook/linear"))
    images = 10 * 32 * 32  # ten epochs of whole batches, the last one of 8 images among them
    assert training_flop(config, 1000) == 6 * 7840 * images


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (scored("99.0", *[0.9900, 0.9910] * 5), "met: 99.05% [99.01, 99.09]"),
        (scored("99.0", *[0.9895, 0.9911] * 5), "not met: 99.03% [98.97, 99.09]"),
        (scored("99.0", 0.9950, 0.9850, 0.9899), "not met: 99.00% [97.75, 99.71]"),
        (scored("99.0", 0.999), "not met: 99.90% by one run, which shows no spread"),
        (
            scored("99.0", 0.999, 0.999, unended=1),
            "not met: 1 of 3 runs did not finish, the others 99.90% [99.87, 99.93]",
        ),
        (scored("99.0", unended=2), "not met: 2 of 2 runs did not finish"),
        (scored("99.0", 1.0, 1.0), "not met: 100.00%, without an error to judge by"),
    ],
)
def test_verdicts_in_words(found: ScoredRecipe, words: str) -> None:
    assert verdict(found) == words
    assert is_met(found) == words.startswith("met")


def test_equal_runs_are_known_to_a_fraction_of_an_image() -> None:
    # 10,000 images; rounding to whole ones has a variance of 1/12, so ten are known to 0.21 images, two to 2.6.
    for name, target in TARGETS.items():
        assert not is_met(scored(name, *[target] * 10))
        assert is_met(scored(name, *[target + 1e-4] * 10))
        assert not is_met(scored(name, *[target + 2e-4] * 2))
        assert is_met(scored(name, *[target + 3e-4] * 2))


def test_footnotes_say_on_what_and_how_many_at_a_time() -> None:
    several = " ".join(result(LADDER, scored("99.0", 0.99)).table().footnotes)
    assert "all 60,000 training images" in several
    assert "median over the seeds, 2 at a time." in several
    assert several.endswith("2 cores of An Abacus, fp32, Python 3.11.7, torch 2")
    assert "at a time" not in " ".join(result(LADDER, scored("99.0", 0.99), workers=1).table().footnotes)
