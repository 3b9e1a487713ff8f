"""Your own networks, counted and built: sizes, what they refuse, and objects that are not networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, strategies as st

from mnist_bench.errors import ArchitectureError, ConfigError
from mnist_bench.own_nets.building import build, counts
from mnist_bench.own_nets.own_net import load_net
from mnist_bench.picture_form import MNIST, PictureForm
from search.errors import PluginError
from support import own_nets

COLOUR = PictureForm(channels=3, height=32, width=32, classes=20)


def test_parameters_and_multiply_accumulates_are_those_of_its_layers(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.GOOD)).code
    found = counts(code, {"width": 4}, MNIST)
    convolution, batchnorm, last = 4 * 9 + 4, 2 * 4, 64 * 10 + 10
    assert found.trainable == convolution + batchnorm + last
    assert found.parameters == found.trainable + 2 * 4
    assert found.macs == 4 * 9 * 14 * 14 + 64 * 10
    assert counts(code, {"width": 4}, COLOUR).macs == 3 * 4 * 9 * 16 * 16 + 64 * 20


def test_settings_left_out_have_the_defaults_of_the_code(tmp_path: Path) -> None:
    net = load_net(own_nets.write(tmp_path, own_nets.GOOD))
    assert counts(net.code, {}, MNIST) == counts(net.code, {"width": 4, "kind": "normed"}, MNIST)
    assert net.settings.complete({"width": 8}) == {"width": 8, "dropout": 0.3, "kind": "normed"}


def test_lists_are_lists_where_nothing_is_declared(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.LISTED)).code
    assert counts(code, {"widths": (16, 8)}, MNIST) == counts(code, {"widths": [16, 8]}, MNIST)
    net = build(code, {"widths": (16, 8)}, MNIST, torch.Generator().manual_seed(1))
    assert net(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_a_refusal_is_an_impossible_net_and_a_fault_is_the_codes(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.GOOD)).code
    with pytest.raises(ArchitectureError, match="net: five is no width"):
        counts(code, {"width": 5}, MNIST)
    with pytest.raises(ConfigError, match=r"net\.width"):
        counts(code, {"width": 1}, MNIST)
    with pytest.raises(ConfigError, match=r"net\.depth"):
        counts(code, {"depth": 1}, MNIST)
    for text, reason in (
        (own_nets.RAISING, r"raised LookupError: no such layer \(.*my_nets.py:\d+\)"),
        (own_nets.NO_NET, "makes int, which is not a torch.nn.Module"),
        (own_nets.NO_WEIGHTS, "has no parameter that training would change"),
        (own_nets.BF16, "keeps scale as bfloat16, which a weights file cannot contain"),
        (own_nets.NO_LOGITS, "returns 2 x 11 numbers for 2 images; 2 x 10 logits are needed"),
    ):
        with pytest.raises(PluginError, match=reason):
            counts(load_net(own_nets.write(tmp_path, text)).code, {}, MNIST)


def test_a_class_with_lazy_and_tied_weights_is_a_net_too(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.CLASS)).code
    assert counts(code, {}, MNIST).parameters == (784 * 8 + 8) + (8 * 8 + 8) + 8 + (8 * 10 + 10)
    net = build(code, {}, MNIST, torch.Generator().manual_seed(1))
    assert net(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    colour = torch.zeros(3, 3, 32, 32).to(memory_format=torch.channels_last)
    assert build(code, {}, COLOUR, torch.Generator().manual_seed(1))(colour).shape == (3, 20)


def test_frozen_weights_are_not_trained_and_code_that_needs_values_is_counted_too(tmp_path: Path) -> None:
    frozen = counts(load_net(own_nets.write(tmp_path, own_nets.FROZEN)).code, {}, MNIST)
    assert frozen.parameters - frozen.trainable == 4 * 9
    asking = own_nets.CLASS.replace("last(hidden)", "last(hidden if float(hidden.sum()) < 1e9 else -hidden)")
    plain, by_values = (load_net(own_nets.write(tmp_path, text)).code for text in (own_nets.CLASS, asking))
    assert counts(by_values, {}, MNIST) == counts(plain, {}, MNIST)


def test_building_and_dropout_draw_from_the_nets_own_seed_alone(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.GOOD)).code
    before = torch.get_rng_state()
    first, again, other = (build(code, {}, MNIST, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [net.state_dict()["0.weight"] for net in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    pictures = torch.rand(4, 1, 28, 28)
    drawn = [first.train()(pictures) for _ in range(2)]
    torch.rand(5)
    assert torch.equal(again.train()(pictures), drawn[0])
    assert torch.equal(again(pictures), drawn[1])
    assert not torch.equal(drawn[0], drawn[1])


@given(
    st.dictionaries(
        st.sampled_from(["width", "dropout", "kind", "depth"]), st.none() | st.text() | st.integers() | st.floats()
    )
)
def test_whatever_settings_are_given_they_are_completed_or_refused(given: dict[str, object]) -> None:
    net = load_net(f"{Path(__file__).parents[3]}/examples/own_net.py:build")
    try:
        complete = net.settings.complete(given)
    except (ArchitectureError, ConfigError, ValueError):
        return
    assert complete.keys() == {"width", "blocks", "dropout", "activation"}
