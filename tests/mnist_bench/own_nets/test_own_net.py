"""Your own network by its name: loaded, distinguished by its hash, and requested again if it is unknown."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from mnist_bench.own_nets.own_net import display_name, load_net, loaded_net, name_of_function
from search.errors import UsageError
from support import own_nets


def test_the_code_names_function_and_hash_and_finds_the_net_again(tmp_path: Path) -> None:
    net = load_net(own_nets.write(tmp_path, own_nets.GOOD))
    assert net.code.startswith("my_nets.py:build ")
    assert len(net.code.split()[1]) == 64
    assert loaded_net(net.code) is net
    assert display_name(net.code) == f"my_nets.py:build ({net.loaded.code.sha256[:8]})"
    assert net.file == "my_nets.py"
    assert net.text == own_nets.GOOD


def test_a_file_that_is_the_same_is_not_run_again_and_one_that_changed_is(tmp_path: Path) -> None:
    name = own_nets.write(tmp_path, own_nets.GOOD)
    first = load_net(name)
    assert load_net(name) is first
    own_nets.write(tmp_path, own_nets.GOOD + "\nMORE = 1\n")
    second = load_net(name)
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
    head = "from torch import nn\n"
    body = "def build(settings: S, shape, classes):\n    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))\n"
    assert load_net(own_nets.write(tmp_path, f"{head}{text}{body}")).settings.declared is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.py:build", r"name it with --net nowhere\.py:build, with the folder that the file lies in\.$"),
        ("package.nets:build", r"name it with --net package\.nets:build\.$"),
        ("my nets.py:build", r"my nets\.py has changed: its SHA-256 was 00000000… and is"),
    ],
)
def test_who_has_not_named_the_code_is_told_how(tmp_path: Path, name: str, words: str) -> None:
    net = load_net(own_nets.write(tmp_path, own_nets.GOOD, "my nets.py"))
    assert display_name(net.code) == f"my nets.py:build ({net.loaded.code.sha256[:8]})"
    with pytest.raises(UsageError, match=words):
        loaded_net(f"{name} {'0' * 64}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def build(settings):\n    pass\n", "too many positional arguments; the function is called as"),
        ("def build(settings: int, shape, classes):\n    pass\n", "a dataclass or a mapping is needed"),
        (
            "from typing import Protocol\nclass S(Protocol):\n    width: int\n"
            "def build(settings: S, shape, classes):\n    pass\n",
            "a dataclass or a mapping is needed",
        ),
        ("build = 7\n", "is not a class of a source file"),
        ("raise OSError('disk')\n", r"cannot be loaded: OSError: disk \(.*my_nets.py:1\)"),
        (
            "from dataclasses import dataclass, field\n@dataclass\nclass S:\n    x: dict = field(default_factory=dict)"
            "\ndef build(settings: S, shape, classes):\n    pass\n",
            "settings are numbers, texts, true, false or lists of those; S has others",
        ),
        (
            "from dataclasses import dataclass, field\n@dataclass\nclass S:\n    width: int = 8\n"
            "    twice: int = field(init=False)\ndef build(settings: S, shape, classes):\n    pass\n",
            r"S computes twice \(init=False\); settings are given\.$",
        ),
    ],
)
def test_what_is_no_net_is_refused_in_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load_net(own_nets.write(tmp_path, text))


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
    assert name_of_function(None) is None
    for stranger in (lambda settings, shape, classes: None, len):
        with pytest.raises(UsageError, match="is not a function at the top level of a file"):
            name_of_function(stranger)
