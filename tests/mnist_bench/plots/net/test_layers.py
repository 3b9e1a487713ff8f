"""The best trial's net, layer by layer."""

from __future__ import annotations

from typing import Any

import pytest

from mnist_bench.config.json import from_json
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.plots.net import layers
from mnist_bench.plots.net.layers import Net
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from support.handmade import study, trial

LINEAR = {"blocks": 0, "hidden_layers": 0}
ALL = {
    "blocks": 1, "filters": 8, "kernel_size": 5, "batchnorm": "after_activation", "block_dropout": 0.25,
    "hidden_layers": 1, "hidden_units": 20, "hidden_batchnorm": "before_activation", "hidden_dropout": 0.5,
}  # fmt: skip
DEEP = {"blocks": 3, "convs_per_block": [2, 4, 4], "filters": 16, "hidden_layers": 2}
SLIP = {"blocks": 1, "pool_axes": "channels_rows", "hidden_layers": 0}


def net(model: dict[str, Any]) -> Net:
    """Return the net of a trial with these settings."""
    return layers.rows(trial(5, params={f"model.{name}": value for name, value in model.items()}), "conv-0")


def test_a_layer_with_weights_takes_those_that_follow_it() -> None:
    """5x5 on 1 map, 8 maps: 8 * 26 weights and biases, 4 * 8 of batchnorm; 200 products at 28 * 28 places."""
    first, second, last = net(ALL).units
    assert (first.name, first.followed_by) == ("conv 5×5, 1 → 8 maps", "relu, batchnorm, pool 2×2, dropout 0.25")
    assert (first.outputs, first.parameters, first.macs) == ((8, 14, 14), 208 + 32, 200 * 784)
    assert (second.name, second.followed_by) == ("linear, 1,568 → 20", "batchnorm, relu, dropout 0.5")
    assert (second.parameters, second.macs) == (1568 * 20 + 20 + 80, 1568 * 20)
    assert (last.number, last.name, last.followed_by, last.outputs) == (3, "linear, 20 → 10", "", (10,))


def test_fixed_weights_are_parameters_of_their_layer() -> None:
    drawn, whitened = net(ALL), net({**ALL, "first_filters": "whitened"})
    assert whitened.units == drawn.units
    assert (drawn.fixed, whitened.fixed) == (0, 200)


def test_layers_run_in_the_order_told() -> None:
    (first, _) = net(SLIP).units
    assert first.followed_by == "pool 2×2 (maps, rows), relu"
    assert first.outputs == (8, 14, 28)


def test_a_final_pool_is_told_with_the_last_block() -> None:
    (first, last) = net({"blocks": 1, "filters": 8, "final_pool": "mean", "hidden_layers": 0}).units
    assert (first.followed_by, first.outputs) == ("pool 2×2, relu, mean of all pixels", (8, 1, 1))
    assert last.name == "linear, 8 → 10"


def test_operations_of_shifted_views_are_those_of_one_view() -> None:
    assert "multiply-accumulates for one image" in layers.draw(net(LINEAR)).get_supxlabel()
    shifted = layers.draw(net({**LINEAR, "test_shift": 1}))
    assert "multiply-accumulates for one of the 3 views" in shifted.get_supxlabel()


def test_separable_and_shared_convolutions_are_told() -> None:
    model = {"filters": 4, "filter_growth": 1.0, "convs_per_block": 2, "shared_filters": "net", "hidden_layers": 0}
    units = net({**model, "convolutions": "separable"}).units
    assert [unit.name for unit in units[:3]] == [
        "conv 3×3, 1 → 4 maps", "separable conv 3×3, 4 → 4 maps", "separable conv 3×3, 4 → 4 maps, shared",
    ]  # fmt: skip
    assert [unit.parameters for unit in units[:3]] == [40, 36 + 16 + 4, 0]
    assert all(unit.convolution for unit in units[:4])


@pytest.mark.parametrize("model", [LINEAR, ALL, DEEP, SLIP])
def test_nothing_is_lost_in_the_sums(model: dict[str, Any]) -> None:
    planned = plan_layers(from_json({"model": model}).model)
    units = net(model).units
    assert sum(unit.parameters for unit in units) == planned.parameters
    assert sum(unit.macs for unit in units) == planned.macs


@pytest.mark.parametrize(
    ("model", "finding"),
    [
        (LINEAR, "1 linear layer, no convolution: 7,850 parameters, 7,840 multiply-accumulates"),
        (
            {**LINEAR, "hidden_layers": 1, "hidden_units": 2},
            "2 linear layers, no convolution: 1,600 parameters, 1,588 multiply-accumulates",
        ),
        (
            {**SLIP, "filters": 4},  # 40 weights, 9 * 4 * 784 products; then 784 features
            "The convolution holds 1% of 7,890 parameters and does 78% of 36,064 multiply-accumulates",
        ),
    ],
)
def test_the_heading_gives_the_totals(model: dict[str, Any], finding: str) -> None:
    assert " ".join(layers.draw(net(model)).get_suptitle().splitlines()) == finding
    assert "The 10 convolutions hold" in net(DEEP).finding


@pytest.mark.parametrize(("model", "units"), [(LINEAR, 1), (DEEP, 13)])
def test_every_unit_has_a_box_its_shape_and_two_bars(model: dict[str, Any], units: int) -> None:
    figure = layers.draw(net(model))
    flow, parameters, macs = figure.axes
    texts = [text.get_text() for text in flow.texts]
    assert len(flow.patches) == units + 1
    assert "1×28×28" in texts
    assert f"{units}  linear, {'784' if units == 1 else '128'} → 10" in texts
    assert (len(parameters.patches), len(macs.patches)) == (units, units)
    assert (parameters.get_title(loc="left"), macs.get_title(loc="left")) == ("parameters", "MACs")
    assert figure.get_supxlabel().startswith("study conv-0, trial #5 · shapes: ")


def test_running_statistics_among_the_parameters_are_told() -> None:
    """PyTorch's `sum(p.numel())` leaves them out."""
    found = net({**SLIP, "filters": 4, "batchnorm": "before_activation"})
    assert found.running == 8  # a mean and a variance a map
    told = "parameters: incl. 8 running statistics of batchnorm"
    assert told in layers.draw(found).get_supxlabel()
    assert "running" not in layers.draw(net(LINEAR)).get_supxlabel()


def test_the_picture_shows_the_best_trial() -> None:
    both = study([trial(0, range(9), params=None), trial(1, range(3))])
    assert layers.picture(Subject(study=both)).get_supxlabel().startswith("study conv-0, trial #1 ")
    with pytest.raises(StudyNotFoundError, match="no complete trial yet"):
        layers.picture(Subject(study=study([trial(0, state="RUNNING")])))


def test_of_a_net_of_the_users_own_no_layers_are_made_up() -> None:
    own = trial(5, params={"net_code": "my_nets.py:build " + "0" * 64})
    with pytest.raises(StudyNotFoundError, match=r"network of conv-0/5 is your own; `plot layers` shows only built-in"):
        layers.rows(own, "conv-0")
