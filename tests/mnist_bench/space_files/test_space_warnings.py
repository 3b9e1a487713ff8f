"""What a search warns of and does nevertheless."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.data.choice import form_of
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn
from mnist_bench.space_files.space_warnings import warnings
from search.space.space import Space
from search.space.yaml_text import parse
from search.strategies.pruners import Asha
from search.strategies.samplers import Random
from support import own_nets


def lines_of(text: str) -> list[str]:
    return [str(warning) for warning in warnings(Drawn(Space.from_document(parse(text, "f.yaml"))))]


LR = "optim: {lr: {float: [0.1, 0.2]}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optim: {lr: {float: [0.5, 0.5]}}", "1:21  optim.lr: a range of one value; as a constant it is written 0.5"),
        ("optim: {batch_size: {choice: [64]}}", "1:30  optim.batch_size: a range of one value"),
        ("optim: {batch_size: {levels: [64]}}", "1:30  optim.batch_size: a range of one value"),
        ("model: {blocks: {int: [2, 2]}}", "1:23  model.blocks: a range of one value"),
        (
            "optim: {schedule: one_cycle, cooldown_fraction: {float: [0.1, 0.5]}}",
            "1:49  optim.cooldown_fraction: does nothing in this space, because of optim.schedule",
        ),
        (f"augment: {{rotation_degrees: 5, grid_shift: 2}}\n{LR}", "1:44  augment.grid_shift: does nothing in this"),
        (
            "epochs: 1\noptim: {hard_share: {float: [0.1, 0.2]}}",
            "optim.hard_share: does nothing in this space, because",
        ),
        ("optim: {optimizer: adam, filter_lr: {float: [0.1, 0.2]}}", "1:37  optim.filter_lr: does nothing in this"),
        (
            "epochs: 1\nphases: [{epochs: 1, lr: 0.1}]\noptim: {cooldown_fraction: 0.1}",
            "each phase has an lr of its own",
        ),
        (
            "optim: {drops: 1, first_drop_fraction: 0.9, second_drop_fraction: 0.5}",
            "1:67  optim.second_drop_fraction: does",
        ),
        ("optim: {schedule: one_cycle, drops: 2, first_drop_fraction: 0.9}", "optim.first_drop_fraction: does nothing"),
        (
            f"model: {{filters: [8, 16], filter_growth: 1.5}}\n{LR}",
            "1:42  model.filter_growth: does nothing in this space",
        ),
        (
            "optim: {drops: 2, first_drop_fraction: 0.9, second_drop_fraction: 0.5}",
            "1:67  optim.second_drop_fraction: 0.5 is not after the first drop, at 0.9",
        ),
        (
            "optim: {drops: {int: [0, 2]}, first_drop_fraction: 0.9}",
            "1:52  optim.second_drop_fraction: 0.85 is not after",
        ),
        (
            "optim: {drops: 2, first_drop_fraction: {choice: [0.8, 0.7]}, second_drop_fraction: {levels: [0.5, 0.6]}}",
            "optim.second_drop_fraction: 0.6 is not after the first drop, at 0.7",
        ),
        (
            "optim: {schedule: {choice: [one_cycle, constant]}, drops: 2, first_drop_fraction: 0.9}",
            "optim.second_drop_fraction: 0.85 is not after the first drop, at 0.9",
        ),
        (
            f"epochs: 1\nsearch: {{pruner: {{name: asha, min_resource: 9}}}}\n{LR}",
            "2:18  search.pruner: asha stops no trial",
        ),
        ("search: {pruner: {name: median, n_warmup_steps: 6}}", "median stops no trial"),
        (
            "model: {blocks: {int: [1, 2]}, filters: {choice: [8, [8, 16]]}}",
            "1:54  model.filters: [8, 16] fits 2 blocks",
        ),
        (
            f"{LR}\nconstraints: [lr < 0.05]",
            "2:15  constraints[0]: not met by any of 200 random configurations; a search",
        ),
        (
            f"{LR}\nconstraints: [lr <= 0.2]",
            "2:15  constraints[0]: met by each of 200 random configurations; it may decide",
        ),
        (
            f"{LR}\nconstraints: [lr < 0.14, lr > 0.16]",
            "2:14  constraints: none of 200 random configurations meets all",
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
        "optim: {drops: 2, first_drop_fraction: 0.6, second_drop_fraction: {choice: [0.5, 0.7, 0.4]}}",
        "optim: {schedule: {choice: [one_cycle, constant]}, warmup_fraction: 0.3, cooldown_fraction: 0.5}",
        "model: {hidden_layers: {int: [0, 1]}, hidden_units: 64}",
        f"epochs: 1\n{LR}",
        "epochs: 1\nsearch: {pruner: none}",
        "limits: {macs: 5e6}\nmodel: {convs_per_block: {choice: [1, 2]}, filters: {int: [8, 16]}}",
        "limits: {macs: 5}\nmodel: {blocks: 1}",
        f"{LR}\nconstraints: [lr < 0.15]",
        f"model: {{hidden_layers: 2, hidden_batchnorm: [after_activation, none], batchnorm_momentum: 0.2}}\n{LR}",
        f"{LR}\nprecision: portable",
        f"{LR}\nprecision: fp32\nsearch: {{sampler: optuna:GPSampler, pruner: none}}",
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
    drawn = Drawn(Space.from_document(parse(f"{LR}\nprecision: portable\nsearch: {{sampler: tpe}}", "f.yaml")))
    (warning,) = warnings(drawn)
    assert str(warning).startswith("f.yaml:2:12  precision: portable, but the proposals of tpe depend on the processor")
    assert warnings(drawn, (Random(), Asha())) == []
