"""Configurations as JSON, and as the YAML of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from annotated_types import Ge
from hypothesis import given, settings, strategies as st

from mnist_bench.config.settings import AugmentConfig, Group, ModelConfig, OptimConfig, Phase, Setting, TrainConfig
from mnist_bench.config.values import (
    all_settings,
    config_hash,
    declared_in,
    field_docs,
    from_json,
    recipe_yaml,
    setting_of,
    settings_of,
    to_json,
)
from mnist_bench.errors import ConfigError
from mnist_bench.nets.own_net import load_net
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn, samples
from mnist_bench.space_files.problems import faults
from search import canonical_json
from search.space.space import Space
from search.space.yaml_text import parse
from support import own_nets
from support.dose import dose

MODELS = st.builds(
    ModelConfig,
    blocks=st.integers(0, 4),
    filters=st.one_of(st.integers(1, 512), st.lists(st.integers(1, 512), max_size=4).map(tuple)),
    block_dropout=st.one_of(st.floats(0, 0.9), st.lists(st.floats(0, 0.9), max_size=4).map(tuple)),
)
CONFIGS = st.builds(TrainConfig, model=MODELS, optim=st.builds(OptimConfig, lr=st.floats(1e-6, 10)))


@settings(max_examples=dose(50))
@given(CONFIGS)
def test_there_and_back(config: TrainConfig) -> None:
    values = to_json(config)
    assert from_json(values) == config
    assert canonical_json.dumps(to_json(from_json(values))) == canonical_json.dumps(values)


def test_a_whole_number_is_the_real_one() -> None:
    assert config_hash(from_json({"optim": {"lr": 1}})) == config_hash(TrainConfig(optim=OptimConfig(lr=1.0)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"modle": {}}, "modle is a setting that this version does not know; a newer mnist-bench made it"),
        ({"model": {"nosuch": 3}}, "model.nosuch is a setting that this version does not know"),
        ({"model": {"blocks": 5}}, "model.blocks: Input should be less than or equal to 4, not 5"),
        ({"model": {"block_dropout": [0.1, 1.5]}}, r"model.block_dropout.1: .* less than 1, not 1.5"),
        ({"optim": {"lr": float("nan")}}, "not finite"),
        ({"epochs": 2, "periods": [1]}, r"periods: \[1\] does not rise to 2, the epochs"),
        ({"epochs": 2, "periods": [2, 2]}, "does not rise"),
        ({"epochs": 2, "phases": [{"epochs": 1}]}, "add up to 1, not to 2"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_json(values)


def read_back(text: str) -> Space:
    """Return the space that the text is, checked as `mnist-bench train` checks a file."""
    space, problems = Space.read(parse(text, "recipe.yaml"))
    assert problems + faults(Drawn(space)) == []
    return space


@given(seed=st.integers(0, 2**32), name=st.sampled_from(["conv", "notebook/vgg_as_written", "ladder/99.6"]))
@settings(max_examples=dose(50))
def test_trials_and_recipes_of_shipped_files_come_back_as_they_were(seed: int, name: str) -> None:
    space = space_sources.load(name)
    (params,) = samples(space, 1, seed)
    config = space_sources.config(space, params)
    assert space_sources.recipe(read_back(recipe_yaml(to_json(config), name="again"))) == config


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
    assert from_json(to_json(replace(config, periods=(0.5, 3.0)))) == replace(config, periods=(0.5, 3.0))


def test_null_and_empty_lists_of_a_net_of_ones_own_are_no_defaults(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.OPTIONAL)).code
    config = TrainConfig(net_code=code, net={"width": None, "tags": ()})
    text = recipe_yaml(to_json(config), name="own")
    assert text.splitlines()[-3:] == ["net:", "  width: null", "  tags: []"]
    assert space_sources.recipe(read_back(text)) == config


@dataclass(frozen=True)
class Later:
    """A setting with and one without metadata."""

    told: Annotated[int, Ge(0), Setting(group="dropout", cells=("told",))] = 1
    """With."""
    bare_one: float = 0.5
    """Without."""


def test_a_field_without_metadata_has_a_group_of_its_own_and_always_counts() -> None:
    told, bare = declared_in(Later, "model.", {"model.told": 1, "model.bare_one": 0.5}).values()
    assert (told.ablated_with, told.cells, told.about) == ("dropout", ("told",), "With.")
    assert (bare.path, bare.name, bare.ablated_with, bare.default) == ("model.bare_one", "bare_one", "bare one", 0.5)
    assert bare.counts_in(TrainConfig())


def test_every_setting_is_there_with_its_default_and_its_text_and_every_group_has_settings() -> None:
    known = all_settings()
    assert {path: setting.default for path, setting in known.items()} == settings_of(TrainConfig())
    assert [path for path, setting in known.items() if not setting.about] == []
    assert {setting.group for setting in known.values()} - {None} == {*get_args(Group)}


OFF = TrainConfig()
NESTEROV = TrainConfig(optim=OptimConfig(optimizer="sgd_nesterov"))
ZOOMED = TrainConfig(augment=AugmentConfig(zoom=0.1))


@pytest.mark.parametrize(
    ("path", "config", "counts"),
    [
        ("optim.momentum", OFF, False),
        ("optim.momentum", NESTEROV, True),
        ("optim.filter_lr", NESTEROV, False),
        ("optim.filter_norms", TrainConfig(optim=OptimConfig(optimizer="muon")), True),
        ("optim.warmup_fraction", OFF, False),
        ("optim.second_drop_fraction", TrainConfig(optim=OptimConfig(drops=1)), False),
        ("model.filter_growth", TrainConfig(model=ModelConfig(filters=(8, 16))), False),
        ("model.block_dropout", TrainConfig(model=ModelConfig(blocks=0)), False),
        ("model.batchnorm_momentum", OFF, False),
        ("model.batchnorm_momentum", TrainConfig(model=ModelConfig(hidden_batchnorm=("after_activation",))), True),
        ("augment.fill", OFF, False),
        ("augment.fill", ZOOMED, True),
        ("augment.grid_shift", ZOOMED, False),
        ("augment.grid_shift", TrainConfig(augment=AugmentConfig(grid_pixels=3)), True),
        ("optim.cooldown_fraction", TrainConfig(optim=OptimConfig(schedule="one_cycle")), False),
        ("optim.hard_share", TrainConfig(epochs=1), False),
        ("optim.easy_share", OFF, False),
        ("optim.easy_share", TrainConfig(optim=OptimConfig(hard_share=0.5)), True),
    ],
)
def test_where_a_setting_does_something(path: str, config: TrainConfig, counts: bool) -> None:
    assert all_settings()[path].counts_in(config) is counts


def test_strengths_are_the_settings_that_declare_a_distortion() -> None:
    strengths = ZOOMED.augment.strengths
    assert {f"augment.{name}" for name in strengths} == {path for path in all_settings() if setting_of(path).distortion}
    assert {name: strength for name, strength in strengths.items() if strength} == {"zoom": 0.1}
    assert AugmentConfig(grid_pixels=4).distorts
    assert not AugmentConfig(grid_shift=2.0, zoom_per_axis=True).distorts


@dataclass
class Base:
    """Three fields."""

    first: int
    """One line."""
    second: int = 2
    third: int = 3
    """Two
    lines."""


@dataclass
class Derived(Base):
    """One more field, and one that is declared again."""

    third: int = 4
    """Anew."""

    @dataclass
    class Settings:
        """One field."""

        width: int = 4
        """Feature maps.

        Of each layer."""


def test_a_field_has_the_text_below_it_or_that_of_its_base() -> None:
    assert field_docs(Base) == {"first": "One line.", "third": "Two lines."}
    assert field_docs(Derived) == {"first": "One line.", "third": "Anew."}
    assert field_docs(Derived.Settings) == {"width": "Feature maps. Of each layer."}
    made: dict[str, type] = {}
    exec("class Made: pass", made)  # noqa: S102  - a class of no file
    for cls in (make_dataclass("Settings", ["width"]), made["Made"], int):
        assert field_docs(cls) == {}
