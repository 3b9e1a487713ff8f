"""What is declared of the settings, and that all of it speaks of settings that there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Annotated, get_args

import pytest
from annotated_types import Ge

from mnist_bench.config.catalogue import all_settings, declared_in, setting_of
from mnist_bench.config.json import every_setting, flattened
from mnist_bench.config.settings import AugmentConfig, Group, ModelConfig, OptimConfig, Setting, TrainConfig


@dataclass(frozen=True)
class Later:
    """A setting with and one without metadata."""

    told: Annotated[int, Ge(0), Setting(group="dropout", cells=("told",))] = 1
    """With."""
    bare_one: float = 0.5
    """Without."""


def test_a_field_without_metadata_has_a_group_of_its_own_and_always_counts() -> None:
    told, bare = declared_in(Later, "model.", {"model.told": 1, "model.bare_one": 0.5})
    assert (told.group, told.setting.cells, told.about) == ("dropout", ("told",), "With.")
    assert (bare.path, bare.name, bare.group, bare.default) == ("model.bare_one", "bare_one", "bare one", 0.5)
    assert bare.setting == Setting()
    assert bare.counts_in(TrainConfig())


def test_every_setting_is_there_with_its_default_and_its_text() -> None:
    defaults = {path: known.default for path, known in all_settings().items()}
    assert defaults == dict(flattened(every_setting(TrainConfig())))
    assert [path for path, known in all_settings().items() if not known.about] == []


def test_what_no_setting_here_is_called_has_no_metadata() -> None:
    assert setting_of("fake.x") == Setting()


def test_what_a_setting_needs_can_be_asked_of_a_config() -> None:
    for known in all_settings().values():
        for need in known.setting.needs:
            values = [attrgetter(path)(TrainConfig()) for path in need.paths]
            assert need.are_met(TrainConfig()) == any(map(need.is_on, values)), known.path


def test_every_group_has_settings() -> None:
    assert {known.setting.group for known in all_settings().values()} - {None} == {*get_args(Group)}


@pytest.mark.parametrize(
    ("path", "config", "counts"),
    [
        ("optim.momentum", TrainConfig(), False),
        ("optim.momentum", TrainConfig(optim=OptimConfig(optimizer="sgd_nesterov")), True),
        ("optim.filter_lr", TrainConfig(optim=OptimConfig(optimizer="sgd_nesterov")), False),
        ("optim.filter_norms", TrainConfig(optim=OptimConfig(optimizer="muon")), True),
        ("optim.warmup_fraction", TrainConfig(), False),
        ("optim.second_drop_fraction", TrainConfig(optim=OptimConfig(drops=1)), False),
        ("model.filter_growth", TrainConfig(model=ModelConfig(filters=(8, 16))), False),
        ("model.block_dropout", TrainConfig(model=ModelConfig(blocks=0)), False),
        ("model.batchnorm_momentum", TrainConfig(), False),
        ("model.batchnorm_momentum", TrainConfig(model=ModelConfig(hidden_batchnorm=("after_activation",))), True),
        ("augment.fill", TrainConfig(), False),
        ("augment.fill", TrainConfig(augment=AugmentConfig(zoom=0.1)), True),
        ("augment.grid_shift", TrainConfig(augment=AugmentConfig(zoom=0.1)), False),
        ("augment.grid_shift", TrainConfig(augment=AugmentConfig(grid_pixels=3)), True),
        ("optim.cooldown_fraction", TrainConfig(optim=OptimConfig(schedule="one_cycle")), False),
        ("optim.hard_share", TrainConfig(epochs=1), False),
        ("optim.easy_share", TrainConfig(), False),
        ("optim.easy_share", TrainConfig(optim=OptimConfig(hard_share=0.5)), True),
    ],
)
def test_where_a_setting_does_something(path: str, config: TrainConfig, counts: bool) -> None:
    assert all_settings()[path].counts_in(config) is counts


def test_strengths_are_the_settings_that_declare_a_distortion() -> None:
    strengths = AugmentConfig(zoom=0.1).strengths
    assert {f"augment.{name}" for name in strengths} == {path for path in all_settings() if setting_of(path).distortion}
    assert {name: strength for name, strength in strengths.items() if strength} == {"zoom": 0.1}
    assert AugmentConfig(grid_pixels=4).distorts
    assert not AugmentConfig(grid_shift=2.0).distorts
    assert not replace(AugmentConfig(), zoom_per_axis=True).distorts
