"""Your own network: loaded by its name, distinguished by its hash, counted, built, and drawing from its own seed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import torch
from hypothesis import given, strategies as st

from mnist_bench.errors import ArchitectureError, ConfigError
from mnist_bench.nets.own_net import OwnNet, build, counts, display_name, load_net, loaded_net, name_of_function
from mnist_bench.picture_form import MNIST, PictureForm
from search.errors import PluginError, UsageError
from support import own_nets

COLOUR = PictureForm(channels=3, height=32, width=32, classes=20)
FIELDS = "from dataclasses import dataclass, field\n@dataclass\nclass S:\n"
BUILD = "def build(settings: S, shape, classes):\n    pass\n"


def loaded(folder: Path, text: str = own_nets.GOOD, name: str = "my_nets.py") -> OwnNet:
    return load_net(own_nets.write(folder, text, name))


def test_the_code_names_function_and_hash_and_finds_the_net_which_runs_again_once_its_file_has_changed(
    tmp_path: Path,
) -> None:
    first = loaded(tmp_path)
    sha256 = first.code.removeprefix("my_nets.py:build ")
    assert len(sha256) == 64
    assert display_name(first.code) == f"my_nets.py:build ({sha256[:8]})"
    assert (first.file, first.text) == ("my_nets.py", own_nets.GOOD)
    assert loaded(tmp_path) is first
    second = loaded(tmp_path, own_nets.GOOD + "\nMORE = 1\n")
    assert second.code != first.code
    assert (loaded_net(first.code), loaded_net(second.code)) == (first, second)


@pytest.mark.parametrize(
    "text",
    [
        "from typing import TypedDict\nclass S(TypedDict, total=False):\n    width: int\n",
        "from collections.abc import Mapping\nS = Mapping[str, int]\n",
        "S = dict\n",
    ],
)
def test_settings_may_be_any_kind_of_mapping(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text + BUILD).declared is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.py:build", r"name it with --net nowhere\.py:build, with the folder that the file lies in\.$"),
        ("package.nets:build", r"name it with --net package\.nets:build\.$"),
        ("my nets.py:build", r"my nets\.py has changed: its SHA-256 was 00000000… and is"),
    ],
)
def test_who_has_not_named_the_code_is_told_how(tmp_path: Path, name: str, words: str) -> None:
    loaded(tmp_path, name="my nets.py")
    with pytest.raises(UsageError, match=words):
        loaded_net(f"{name} {'0' * 64}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def build(settings):\n    pass\n", "too many positional arguments; the function is called as"),
        (f"S = int\n{BUILD}", "a dataclass or a mapping is needed"),
        (f"from typing import Protocol\nclass S(Protocol):\n    x: int\n{BUILD}", "a dataclass or a mapping is needed"),
        ("build = 7\n", "is not a class of a source file"),
        ("raise OSError('disk')\n", r"cannot be loaded: OSError: disk \(.*my_nets.py:1\)"),
        (
            f"{FIELDS}    x: dict = field(default_factory=dict)\n{BUILD}",
            "settings are numbers, texts, true, false or lists of those; S has others",
        ),
        (
            f"{FIELDS}    twice: int = field(init=False)\n{BUILD}",
            r"S computes twice \(init=False\); settings are given\.$",
        ),
    ],
)
def test_what_is_no_net_is_refused_in_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        loaded(tmp_path, text)


def test_a_function_is_named_by_its_module_in_a_package_and_else_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package_of_nets"
    package.mkdir()
    (package / "__init__.py").touch()
    own_nets.write(package, own_nets.GOOD, "nets.py")
    own_nets.write(tmp_path, own_nets.GOOD, "given_as_function.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    nets, alone = map(import_module, ("package_of_nets.nets", "given_as_function"))
    assert name_of_function(nets.build) == "package_of_nets.nets:build"
    assert load_net("package_of_nets.nets:build").code.startswith("package_of_nets.nets:build ")
    assert name_of_function(alone.build) == f"{tmp_path}/given_as_function.py:build"
    assert name_of_function("a.py:b") == "a.py:b"
    for stranger in (lambda settings, shape, classes: None, len):
        with pytest.raises(UsageError, match="is not a function at the top level of a file"):
            name_of_function(stranger)


def test_parameters_and_multiply_accumulates_are_those_of_its_layers(tmp_path: Path) -> None:
    net = loaded(tmp_path)
    found = counts(net.code, {"width": 4}, MNIST)
    assert found.trainable == (4 * 9 + 4) + 2 * 4 + (64 * 10 + 10)
    assert found.parameters == found.trainable + 2 * 4
    assert found.macs == 4 * 9 * 14 * 14 + 64 * 10
    assert counts(net.code, {"width": 4}, COLOUR).macs == 3 * 4 * 9 * 16 * 16 + 64 * 20
    assert counts(net.code, {}, MNIST) == counts(net.code, {"width": 4, "kind": "normed"}, MNIST)
    assert net.complete({"width": 8}) == {"width": 8, "dropout": 0.3, "kind": "normed"}


def test_lists_are_lists_where_nothing_is_declared(tmp_path: Path) -> None:
    code = loaded(tmp_path, own_nets.LISTED).code
    assert counts(code, {"widths": (16, 8)}, MNIST) == counts(code, {"widths": [16, 8]}, MNIST)
    net = build(code, {"widths": (16, 8)}, MNIST, torch.Generator().manual_seed(1))
    assert net(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize(
    ("text", "settings", "error", "reason"),
    [
        (own_nets.GOOD, {"width": 5}, ArchitectureError, "net: five is no width"),
        (own_nets.GOOD, {"width": 1}, ConfigError, r"net\.width"),
        (own_nets.GOOD, {"depth": 1}, ConfigError, r"net\.depth"),
        (own_nets.RAISING, {}, PluginError, r"raised LookupError: no such layer \(.*my_nets.py:\d+\)"),
        (own_nets.NO_NET, {}, PluginError, "makes int, which is not a torch.nn.Module"),
        (own_nets.NO_WEIGHTS, {}, PluginError, "has no parameter that training would change"),
        (own_nets.BF16, {}, PluginError, "keeps scale as bfloat16, which a weights file cannot contain"),
        (own_nets.NO_LOGITS, {}, PluginError, "returns 2 x 11 numbers for 2 images; 2 x 10 logits are needed"),
    ],
)
def test_a_refusal_is_an_impossible_net_and_a_fault_is_the_codes(
    tmp_path: Path, text: str, settings: dict[str, int], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        counts(loaded(tmp_path, text).code, settings, MNIST)


def test_a_class_with_lazy_and_tied_weights_is_a_net_too_even_one_that_needs_values(tmp_path: Path) -> None:
    code = loaded(tmp_path, own_nets.CLASS).code
    assert counts(code, {}, MNIST).parameters == (784 * 8 + 8) + (8 * 8 + 8) + 8 + (8 * 10 + 10)
    colour = torch.zeros(3, 3, 32, 32).to(memory_format=torch.channels_last)
    assert build(code, {}, COLOUR, torch.Generator().manual_seed(1))(colour).shape == (3, 20)
    asking = own_nets.CLASS.replace("last(hidden)", "last(hidden if float(hidden.sum()) < 1e9 else -hidden)")
    assert counts(loaded(tmp_path, asking).code, {}, MNIST) == counts(code, {}, MNIST)


def test_frozen_weights_are_not_trained(tmp_path: Path) -> None:
    frozen = counts(loaded(tmp_path, own_nets.FROZEN).code, {}, MNIST)
    assert frozen.parameters - frozen.trainable == 4 * 9


def test_building_and_dropout_draw_from_the_nets_own_seed_alone(tmp_path: Path) -> None:
    code = loaded(tmp_path).code
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
        complete = net.complete(given)
    except (ArchitectureError, ConfigError, ValueError):
        return
    assert complete.keys() == {"width", "blocks", "dropout", "activation"}
