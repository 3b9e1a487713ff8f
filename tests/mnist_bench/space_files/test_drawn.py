"""Random configurations that stand for a space."""

from __future__ import annotations

import pytest

from mnist_bench import space_files
from mnist_bench.space_files.drawn import DRAWN, Drawn, Shares, samples
from mnist_bench.space_files.overview import estimate


def test_samples_depend_on_the_seed_alone() -> None:
    space = space_files.load("conv")
    assert samples(space, 3, seed=1) == samples(space, 3, seed=1)
    assert samples(space, 3, seed=1) != samples(space, 3, seed=2)
    assert samples(space, 2, seed=1) == samples(space, 3, seed=1)[:2]


def test_what_misses_a_constraint_is_infeasible() -> None:
    drawn = Drawn(space_files.load("smoke", ["limits={}", "constraints=[model.filters > 4, hidden_units < 48]"]))
    shares, each = drawn.shares, drawn.met
    assert shares.infeasible == shares.constrained == estimate(drawn, trials=5, workers=1).infeasible
    assert str(shares) == f"{100 * shares.constrained:.0f} % of random configurations miss a constraint"
    assert [met.constraint.text for met in each] == ["model.filters > 4", "hidden_units < 48"]
    assert (each[0].applies_to_all, each[1].applies_to_all) == (True, False)
    assert all(0 < met.met < met.applies for met in each)
    assert 0 < len(drawn.trainable) == round(DRAWN * (1 - shares.infeasible))
    assert {plan.config.model.filters for plan in drawn.trainable} == {8}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            (0.5, 0.25, 0.125),
            "50 % of random configurations exceed a limit, 25 % miss a constraint and 12 % cannot be built",
        ),
        ((0.5, 0.0, 0.125), "50 % of random configurations exceed a limit and 12 % cannot be built"),
        ((0.0, 0.0, 0.0), ""),
    ],
)
def test_why_configurations_are_not_trained(parts: tuple[float, float, float], words: str) -> None:
    over, constrained, impossible = parts
    shares = Shares(over_a_limit=over, constrained=constrained, impossible=impossible, infeasible=sum(parts))
    assert str(shares) == words
