"""What a search warns of and does nevertheless."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.data.mnist import form_of
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn
from mnist_bench.space_files.space_warnings import warnings
from search.space.space import Space
from search.space.yaml_reader import parse
from search.strategies.pruners import Asha
from search.strategies.samplers import Random
from support import own_nets


def lines_of(text: str) -> list[str]:
    return [str(warning) for warning in warnings(Drawn(Space.from_document(parse(text, "f.yaml"))))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "optim: {batch_size: {choice: [64]}}",
            "1:30  optim.batch_size: a range of one value; as a constant it is",
        ),
        ("optim: {lr: {float: [0.5, 0.5]}}", "1:21  optim.lr: a range of one value; as a constant it is written 0.5"),
        ("optim: {batch_size: {levels: [64]}}", "1:30  optim.batch_size: a range of one value; as a constant it is"),
        (
            "optim: {drops: {levels: [0, 2]}, first_drop_fraction: {levels: [0.9, 0.95]}}",
            "1:55  optim.second_drop_fraction: 0.85 is not after the first drop, at 0.9",
        ),
        (
            "optim: {schedule: one_cycle, cooldown_fraction: {float: [0.1, 0.5]}}",
            "1:49  optim.cooldown_fraction: does nothing in this space, because of optim.schedule",
        ),
        (
            "augment: {rotation_degrees: 5, grid_shift: 2}\noptim: {lr: {float: [0.1, 0.2]}}",
            "1:44  augment.grid_shift: does nothing in this space, because of augment.grid_pixels",
        ),
        (
            "epochs: 1\noptim: {hard_share: {float: [0.1, 0.2]}}",
            "optim.hard_share: does nothing in this space, because of epochs",
        ),
        (
            "optim: {optimizer: adam, filter_lr: {float: [0.1, 0.2]}}",
            "1:37  optim.filter_lr: does nothing in this space, because of optim.optimizer",
        ),
        (
            "epochs: 1\nphases: [{epochs: 1, lr: 0.1}]\noptim: {cooldown_fraction: {float: [0.1, 0.2]}}",
            "optim.cooldown_fraction: does nothing in this space, because each phase has an lr of its own",
        ),
        (
            "optim: {drops: 1, first_drop_fraction: 0.9, second_drop_fraction: 0.5}",
            "1:67  optim.second_drop_fraction: does nothing in this space, because of optim.drops",
        ),
        (
            "optim: {schedule: one_cycle, drops: 2, first_drop_fraction: 0.9, second_drop_fraction: 0.85}",
            "optim.first_drop_fraction: does nothing in this space, because of optim.schedule",
        ),
        ("model: {blocks: {int: [2, 2]}}", "1:23  model.blocks: a range of one value; as a constant it is written 2"),
        (
            "optim: {drops: 2, first_drop_fraction: 0.9, second_drop_fraction: 0.5}",
            "1:67  optim.second_drop_fraction: 0.5 is not after the first drop, at 0.9",
        ),
        ("optim: {drops: {int: [0, 2]}, first_drop_fraction: 0.9}", "1:52  optim.second_drop_fraction: 0.85 is not"),
        (
            "optim: {drops: {choice: [2, 0]}, first_drop_fraction: {choice: [0.8, 0.9, 0.7]}, "
            "second_drop_fraction: {choice: [0.5, 0.6, 0.4]}}",
            "optim.second_drop_fraction: 0.6 is not after the first drop, at 0.7",
        ),
        (
            "optim: {schedule: {choice: [one_cycle, constant]}, drops: 2, first_drop_fraction: 0.9}",
            "optim.second_drop_fraction: 0.85 is not after the first drop, at 0.9",
        ),
        (
            "epochs: 1\nsearch: {pruner: {name: asha, min_resource: 9}}\noptim: {lr: {float: [0.1, 0.2]}}",
            "2:18  search.pruner: asha stops no trial: its first rung is beyond a trial's 1 period",
        ),
        ("search: {pruner: {name: median, n_warmup_steps: 6}}", "median stops no trial"),
        (
            "model: {blocks: {int: [1, 2]}, filters: {choice: [8, [8, 16]]}}",
            "1:54  model.filters: [8, 16] fits 2 blocks only, and there may be 1",
        ),
        (
            "model: {filters: [8, 16], filter_growth: 1.5}\noptim: {lr: {float: [0.1, 0.2]}}",
            "1:42  model.filter_growth: does nothing in this space, because of model.filters",
        ),
        (
            "optim: {lr: {float: [0.1, 0.2]}}\nconstraints: [lr < 0.05, lr <= 0.2]",
            "2:15  constraints[0]: not met by any of 200 random configurations; a search may find none either",
        ),
        (
            "optim: {lr: {float: [0.1, 0.2]}}\nconstraints: [lr < 0.05, lr <= 0.2]",
            "2:26  constraints[1]: met by each of 200 random configurations; it may decide nothing",
        ),
        (
            "optim: {lr: {float: [0.1, 0.2]}}\nconstraints: [lr < 0.14, lr > 0.16]",
            "2:14  constraints: none of 200 random configurations meets all of them; a search may find none either",
        ),
        (
            "model: {hidden_layers: {int: [0, 1]}, hidden_units: {int: [8, 64], when: {hidden_layers: 1}}}\n"
            "constraints: [hidden_units < 8]",
            "random configurations of 200 that have all of its fields",
        ),
        (
            "limits: {parameters: 800}\nmodel: {blocks: 0, hidden_layers: 1, hidden_units: {int: [1, 4096]}}",
            "1:9  limits: none of 200 random networks meets them; a search may find none either",
        ),
    ],
)
def test_what_is_odd_and_where(text: str, expected: str) -> None:
    assert any(expected in line for line in lines_of(text)), lines_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "optim: {drops: 2, first_drop_fraction: {float: [0.4, 0.8]}, second_drop_fraction: {float: [0.7, 0.9]}}",
        "optim: {drops: 2, first_drop_fraction: {choice: [0.6, 0.3, 0.7]}, second_drop_fraction: 0.5}",
        "optim: {drops: 2, first_drop_fraction: 0.6, second_drop_fraction: {choice: [0.5, 0.7, 0.4]}}",
        "optim: {drops: 2, first_drop_fraction: 0.6, second_drop_fraction: 0.7, lr: {float: [0.1, 0.2]}}",
        "optim: {schedule: {choice: [one_cycle, constant]}, warmup_fraction: 0.3, cooldown_fraction: 0.5}",
        "model: {hidden_layers: {int: [0, 1]}, hidden_units: 64}",
        "epochs: 1\noptim: {lr: {float: [0.1, 0.2]}}",
        "epochs: 1\nsearch: {pruner: none}",
        "limits: {macs: 5e6}\nmodel: {convs_per_block: {choice: [1, 2]}, filters: {int: [8, 16]}}",
        "limits: {macs: 5}\nmodel: {blocks: 1}",
        "optim: {lr: {float: [0.1, 0.2]}}\nconstraints: [lr < 0.15]",
        "model: {hidden_layers: 2, hidden_batchnorm: [after_activation, none], batchnorm_momentum: 0.2}\n"
        "optim: {lr: {float: [0.1, 0.2]}}",
    ],
)
def test_what_is_not(text: str) -> None:
    assert lines_of(text) == []


@pytest.mark.parametrize("more", ["", "constraints: [lr < 0.14, lr > 0.16]\n"])
def test_nets_are_those_for_the_pictures(tmp_path: Path, more: str) -> None:
    file = tmp_path / "red.yaml"
    file.write_text(f"dataset: mnist-red\noptim: {{lr: {{float: [0.1, 0.2]}}}}\n{more}")
    space = space_sources.load(file, net=own_nets.write(tmp_path, own_nets.THREE_CHANNELS))
    found = warnings(Drawn(space, form_of("mnist-red")))
    assert [warning.message.partition(": ")[0] for warning in found] == ["constraints"] * bool(more)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv", "mini", "smoke"])
def test_the_shipped_spaces_have_no_warnings(name: str) -> None:
    assert warnings(Drawn(space_sources.load(name))) == []


def test_a_portable_precision_needs_a_portable_sampler() -> None:
    text = "optim: {lr: {float: [0.1, 0.2]}}\nprecision: portable"
    assert warnings(Drawn(Space.from_document(parse(text, "f.yaml")))) == []
    drawn = Drawn(Space.from_document(parse(f"{text}\nsearch: {{sampler: tpe}}", "f.yaml")))
    assert [str(warning) for warning in warnings(drawn)] == [
        "f.yaml:2:12  precision: portable, but the proposals of tpe depend on the processor, and those of random, "
        "curves and curves-ard do not"
    ]
    assert warnings(drawn, (Random(), Asha())) == []


def test_any_other_precision_goes_with_every_sampler() -> None:
    text = "optim: {lr: {float: [0.1, 0.2]}}\nprecision: fp32\nsearch: {sampler: optuna:GPSampler, pruner: none}"
    assert lines_of(text) == []
