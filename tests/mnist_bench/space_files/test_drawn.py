"""Random configurations that stand for a space."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import DRAWN, VARIED, Drawn, Shares, samples
from support import own_nets


def test_samples_depend_on_the_seed_alone() -> None:
    space = space_sources.load("conv")
    assert samples(space, 3, seed=1) == samples(space, 3, seed=1)
    assert samples(space, 3, seed=1) != samples(space, 3, seed=2)
    assert samples(space, 2, seed=1) == samples(space, 3, seed=1)[:2]


def test_what_misses_a_constraint_is_infeasible() -> None:
    drawn = Drawn(space_sources.load("smoke", ["limits={}", "constraints=[model.filters > 4, hidden_units < 48]"]))
    shares, each = drawn.shares, drawn.met
    assert shares.infeasible == shares.constrained
    assert str(shares) == f"{100 * shares.constrained:.0f}% of random configurations miss a constraint"
    assert [met.constraint.text for met in each] == ["model.filters > 4", "hidden_units < 48"]
    assert (each[0].applies_to_all, each[1].applies_to_all) == (True, False)
    assert all(0 < met.met < met.applies for met in each)
    assert 0 < len(drawn.trainable) == round(DRAWN * (1 - shares.infeasible))
    assert {plan.config.model.filters for plan in drawn.trainable} == {8}


def test_the_mean_costs_are_those_of_what_may_be_trained() -> None:
    cheap, dear = (Drawn(space_sources.load("smoke", [f"subset={images}"])).mean_costs for images in (6000, 60_000))
    assert len(cheap) == 3
    assert sum(dear) > 5 * sum(cheap)
    limited = Drawn(space_sources.load("conv"))
    assert sum(limited.mean_costs) < sum(map(sum, (plan.costs for plan in limited.plans))) / len(limited.plans)
    assert Drawn(space_sources.load("smoke", ["limits={}"])).shares.infeasible == 0


def test_settings_of_a_net_that_differ_most_have_every_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.space_files.drawn.DRAWN_OWN", 12)
    name = own_nets.write(tmp_path, own_nets.UNTYPED)
    options = {"kind": {"choice": ["a", "b", "c"]}, "norm": {"choice": [True, False]}}
    ranges = {"width": {"int": [4, 40]}, "rate": {"float": [0, 1]}, **options}
    drawn = Drawn(space_sources.load({"name": "own", "net": ranges}, net=name))
    found = drawn.net_settings
    assert len(found) == VARIED < len(drawn.trainable)
    assert found[0] == drawn.trainable[0].config.net
    assert {settings["kind"] for settings in found} == {"a", "b", "c"}
    assert {settings["norm"] for settings in found} == {True, False}
    assert len({settings["width"] for settings in found}) == VARIED
    only = {"name": "one", "net": {"kind": {"choice": ["a", "b"]}, "rate": {"float": [0.1, 1]}}}
    assert len(Drawn(space_sources.load(only, net=name)).net_settings) == 2


@pytest.mark.parametrize(
    ("over", "constrained", "impossible", "words"),
    [
        (
            0.5,
            0.25,
            0.125,
            "50% of random configurations exceed a limit, 25% miss a constraint and 12% cannot be built",
        ),
        (0.0, 0.25, 0.125, "25% of random configurations miss a constraint and 12% cannot be built"),
        (0.0, 0.0, 0.0, ""),
    ],
)
def test_why_configurations_are_not_trained(over: float, constrained: float, impossible: float, words: str) -> None:
    shares = Shares(over_a_limit=over, constrained=constrained, impossible=impossible, infeasible=1.0)
    assert str(shares) == words
