from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.config.json import recipe_yaml, to_json
from mnist_bench.config.settings import AugmentConfig, ModelConfig, Phase, TrainConfig
from mnist_bench.data.choice import DataChoice
from mnist_bench.own_nets.own_net import load_net
from mnist_bench.space_files import checking, space_sources
from mnist_bench.space_files.drawn import samples
from search.space.space import Space
from search.space.yaml_text import parse
from support import own_nets
from support.dose import dose


def read_back(text: str) -> Space:
    """Return the space that the text is, checked as `mnist-bench train` checks a file."""
    space, problems = Space.read(parse(text, "recipe.yaml"))
    assert problems + checking.check(space) == []
    return space


@pytest.mark.parametrize("name", [name for name in space_sources.shipped() if name.startswith("notebook/")])
def test_shipped_recipes_come_back_as_they_were(name: str) -> None:
    config = space_sources.recipe(space_sources.load(name))
    assert space_sources.recipe(read_back(recipe_yaml(to_json(config), name="again"))) == config


@given(seed=st.integers(0, 2**32))
@settings(max_examples=dose(50))
def test_trials_of_the_shipped_space_come_back_as_they_were(seed: int) -> None:
    space = space_sources.load("conv")
    (params,) = samples(space, 1, seed)
    config = space_sources.config(space, params)
    assert space_sources.recipe(read_back(recipe_yaml(to_json(config), name="conv"))) == config


def test_lists_phases_a_subset_and_the_data_set() -> None:
    config = TrainConfig(
        epochs=3,
        model=ModelConfig(filters=(8, 24), hidden_layers=2, hidden_dropout=(0.1, 0.25)),
        phases=(Phase(epochs=1, augment=AugmentConfig(zoom=1e-05)), Phase(epochs=2, lr=1e-4)),
    )
    text = recipe_yaml(to_json(config), name="conv-1.2", data={"dataset": "mnist-red", "subset": 1500})
    space = read_back(text)
    assert text.splitlines()[:4] == ['name: "conv-1.2"', "dataset: mnist-red", "subset: 1500", "epochs: 3"]
    assert "  filters: [8, 24]" in text.splitlines()
    assert (space.name, space.settings["subset"], space_sources.dataset_of(space)) == ("conv-1.2", 1500, "mnist-red")
    assert space_sources.recipe(space) == config
    assert DataChoice(subset=1500).settings == {"subset": 1500}


def test_null_and_empty_lists_of_a_net_of_ones_own_are_no_defaults(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.OPTIONAL)).code
    config = TrainConfig(net_code=code, net={"width": None, "tags": ()})
    text = recipe_yaml(to_json(config), name="own")
    assert text.splitlines()[-3:] == ["net:", "  width: null", "  tags: []"]
    assert space_sources.recipe(read_back(text)) == config


@pytest.mark.parametrize("name", ["true", "Null", "no", "1e3", "0x10", "a-b"])
def test_names_that_yaml_could_take_for_something_else(name: str, tmp_path: Path) -> None:
    values: dict[str, Any] = to_json(TrainConfig())
    assert read_back(recipe_yaml(values, name=name)).name == name
