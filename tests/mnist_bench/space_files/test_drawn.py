"""Random configurations that stand for a space."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.errors import ArchitectureError
from mnist_bench.numerics.kinds import DeviceKind
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import DRAWN, VARIED, Drawn, Shares, describe, samples, search_seconds
from search.space.space import Space
from search.space.yaml_text import parse
from search.strategies.pruners import Asha, NoPruner, Pruner
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


def test_why_configurations_are_not_trained() -> None:
    some, none = (Shares(over_a_limit=over, constrained=0.25, impossible=0.1, infeasible=1.0) for over in (0.5, 0.0))
    assert str(some) == "50% of random configurations exceed a limit, 25% miss a constraint and 10% cannot be built"
    assert str(none) == "25% of random configurations miss a constraint and 10% cannot be built"


def space_of(text: str) -> Space:
    return Space.from_document(parse(text, "f.yaml"))


def test_describe() -> None:
    text = (
        "model: {hidden_layers: {int: [0, 2]},\n"
        "        hidden_units: {int: [64, 128], step: 32, when: {hidden_layers: [1, 2]}}}\n"
        "optim: {lr: {float: [1e-3, 1e-1], log: true, when: {model.hidden_layers: 1}}, optimizer: adam}\n"
        "augment: {fill: {choice: [edge, background]}, zoom: {levels: [0.01, 0.1], log: true},\n"
        "          shear_radians: {levels: [0, 1]}}"
    )
    rows = describe(space_of(text))
    assert [(row["field"], row["values"], row["condition"]) for row in rows] == [
        ("model.hidden_layers", "0 to 2", ""),
        ("model.hidden_units", "64 to 128, step 32", "hidden_layers is 1 or 2"),
        ("optim.lr", "0.001 to 0.1, log", "model.hidden_layers is 1"),
        ("optim.optimizer", "adam", ""),
        ("augment.fill", "edge, background", ""),
        ("augment.zoom", "levels 0.01, 0.1, log", ""),
        ("augment.shear_radians", "levels 0, 1", ""),
    ]
    assert rows[1]["about"] == "Units of each dense layer."


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("model: {blocks: 0, hidden_layers: 0}", (7850, 7850)),  # the notebook's linear model
        (
            "model: {blocks: 0, hidden_layers: {int: [0, 1]}, hidden_units: {int: [9, 999], when: {hidden_layers: 1}}}",
            (7850, 785 * 999 + 10_000),
        ),
        ("model: {filters: [4, 8], blocks: {int: [1, 2]}, hidden_layers: 0}", (40 + 296 + 392 * 10 + 10,) * 2),
    ],
)
def test_extremes_are_those_of_random_nets_and_of_the_ends(text: str, parameters: tuple[int, int]) -> None:
    assert Drawn(space_of(text)).extremes["parameters"] == parameters
    with pytest.raises(ArchitectureError, match="none of the networks"):
        _ = Drawn(space_of("model: {filters: [4, 8], blocks: 1}")).extremes


@pytest.mark.parametrize(("kind", "took"), [("cpu-portable", 345), ("cpu-bf16", 353)])
def test_a_search_of_conv_takes_about_as_long_as_estimated(kind: DeviceKind, took: float) -> None:
    """The seconds were measured on two idle cores of a Zen 4."""
    drawn = Drawn(space_sources.load("conv"))
    assert search_seconds(drawn, kind, Asha(), trials=50, workers=2) == pytest.approx(took, rel=0.25)


def test_the_time_grows_with_the_work_and_falls_with_the_workers() -> None:
    drawn = Drawn(space_sources.load("smoke"))

    def seconds(pruner: Pruner, trials: int = 20, workers: int = 2) -> float:
        return search_seconds(drawn, "cpu-portable", pruner, trials=trials, workers=workers)

    assert seconds(Asha()) < min(seconds(Asha(), trials=60), seconds(NoPruner()), seconds(Asha(), workers=1))
    assert seconds(Asha(), workers=1000) > 1e-6 * sum(drawn.mean_costs), "no less than one whole training"
