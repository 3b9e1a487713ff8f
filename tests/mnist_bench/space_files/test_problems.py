"""Names and values of a space against the trainer's settings: what is wrong, what is odd, and where."""

from __future__ import annotations

import random
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.config.settings import Activation, AugmentConfig, ModelConfig, OptimConfig
from mnist_bench.data.choice import form_of
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn
from mnist_bench.space_files.problems import faults, warnings
from search.errors import SpaceError
from search.messages import joined
from search.space.space import Space
from search.space.yaml_text import parse
from search.strategies.pruners import Asha
from search.strategies.samplers import Random
from support import own_nets
from support.dose import dose

ACTIVATIONS = joined(get_args(Activation), "or")
LR = "optim: {lr: {float: [0.1, 0.2]}}"
MANY_LISTS = [[8 * (1 + n % 10)] * (1 + n // 10) for n in range(40)]
SMOKE = space_sources.find("smoke").read_text()


def lines_of(text: str) -> list[str]:
    drawn = Drawn(Space.from_document(parse(text, "f.yaml")))
    return [str(problem) for problem in faults(drawn) or warnings(drawn)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: {batchnrom: none}", "1:9  model.batchnrom: no such field; did you mean `batchnorm`?"),
        ("model: {lr: 1}", "1:9  model.lr: no such field; did you mean `optim.lr`?"),
        ("optim: {learning_rate: 0.1}", "1:9  optim.learning_rate: no such field; did you mean `lr`?"),
        ("augment: {elastic: 4}", "did you mean `grid_pixels` or `grid_shift`?"),
        ("modl: {blocks: 1}", "1:1  modl: no such setting or section; did you mean `model`?"),
        ("lr: 0.1", "1:1  lr: no such setting or section; did you mean `optim.lr`?"),
        ("model: 3", "1:8  model: a section holds fields, `name: value` each, not 3"),
        ("epochs: {int: [1, 2]}", "1:9  epochs: takes the same value in all trials"),
        ("direction: minimize", "1:1  direction: a search of networks always maximizes"),
        ("epochs: 0", "1:9  epochs: 0 is below 1 (1 <= epochs <= 1000)"),
        ("epochs: 3.0", "epochs: 3.0 is a real number; write the integer 3"),
        ("epochs: true", "epochs: true is not an integer"),
        ("epochs: [3, 4]", "1:9  epochs: [3, 4] is not an integer"),
        ("epochs: '3'", "1:9  epochs: '3' is text; leave out the quotes"),
        ("subset: 10", "1:9  subset: 10 is not an integer of at least 1000 images"),
        ("train_on: everything", "train_on: everything is not search_split or all"),
        (f"train_on: all\n{LR}", "1:11  train_on: all leaves a search no image to select"),
        ("objective: val_acuracy", "val_accuracy, [val_accuracy, parameters] or [val_accuracy, macs]; did you mean `v"),
        ("objective: [val_accuracy, mac]", "1:27  objective[1]: mac is not parameters or macs; did you mean `macs`?"),
        ("model: {block_dropout: {float: [0, 1.3]}}", "1:36  model.block_dropout: 1.3 is not below 1 (0 <= block_"),
        ("model: {block_dropout: {value: 2}}", "1:32  model.block_dropout: 2 is not below 1"),
        ("optim: {easy_share: 0}", "1:21  optim.easy_share: 0 is not above 0 (0 < easy_share < 1)"),
        ("model: {filters: {choice: [[8, 16], [8, 0]]}}", "1:41  model.filters[1]: 0 is below 1 (1 <= filters <= 512)"),
        ("model: {blocks: {levels: [1, 2, 9]}}", "1:33  model.blocks: 9 is above 4 (0 <= blocks <= 4)"),
        ("model: {kernel_size: {int: [1, 5]}}", "1:28  model.kernel_size: 2 is not 1, 3, 5 or 7"),
        ("model: {activation: {choice: [relu, rleu]}}", f"37  model.activation: rleu is not {ACTIVATIONS}; did you me"),
        ("model: {activation: [relu, gelu]}", f"{ACTIVATIONS}; for a choice write {{choice: ["),
        ("model: {activation: {float: [0, 1]}}", "model.activation: takes no range of real numbers; use `choice`"),
        ("model: {hidden_units: {float: [10, 20]}}", "takes no range of real numbers; use `int` or `choice`"),
        ("optim: {lr: fast}", "optim.lr: fast is not a number"),
        ("optim: {batch_size: [64, 128]}", "1:21  optim.batch_size: [64, 128] is not an integer; for a choice"),
        ("augment: {zoom_per_axis: 1}", "augment.zoom_per_axis: 1 is not true or false"),
        ("limits: 3", "1:9  limits: needs a mapping with parameters or macs, not 3"),
        ("limits: {mac: 3}", "1:15  limits.mac: no such key; did you mean `macs`?"),
        ("limits: {macs: -3}", "1:16  limits.macs: -3 is not a number above zero"),
        ("search: {sampler: tpf}", "1:19  search.sampler: no sampler 'tpf'"),
        ("search: {pruner: {name: [asha]}}", "search.pruner: needs a pruner's name, or a mapping with `name`"),
        (
            "search: {pruner: {name: asha, eta: 3, reduction_factor: 0}}",
            "; pruner asha: reduction_factor is 0; it takes",
        ),
        ("search:\n  sampler: {name: optuna:TPESampler, depth: 3}", "2:12  search.sampler: Sampler optuna:TPESampler"),
        ("epochs: 6\nperiods: [1, 2]", "2:10  periods: [1, 2] does not rise to 6, the epochs"),
        ("periods: [0, 6]", "1:11  periods[0]: 0 is not above 0 (0 < periods)"),
        ("phases: '3'", "phases: 3 is not a list"),
        ("phases: [3]", "phases[0]: 3 is not a mapping of settings"),
        ("phases: [{lr: 1}]", "phases[0].epochs: is missing"),
        ("phases: [{epochs: 2}]", "1:9  phases: their epochs add up to 2, not to 6"),
        ("phases: [{epochs: 6, lr: 99}]", "1:26  phases[0].lr: 99 is above 10 (0 < lr <= 10)"),
        ("phases: [{epochs: 6, augment: {zom: 2}}]", "1:37  phases[0].augment.zom: no such field; did you mean `zoom`"),
        ("model: {blocks: 3, filters: [8, 16]}", "1:29  model.filters: [8, 16] fits 2 blocks only, and there are 3;"),
        ("model: {blocks: {int: [1, 2]}, filters: [8, 16]}", "1:41  model.filters: [8, 16] fits 2 blocks only, and"),
        (
            "model: {hidden_units: {choice: [64, [64, 32]]}, hidden_layers: 1}",
            "1:37  model.hidden_units: [64, 32] fits",
        ),
        ("model: {pool_axes: channels_rows, filters: 1}", "model: no network can be built from these settings"),
        ("optim: {lr: {float: [0.5, 0.5]}}", "1:21  warning: optim.lr: a range of one value; as a constant it is writ"),
        ("optim: {batch_size: {levels: [64]}}", "1:30  warning: optim.batch_size: a range of one value"),
        ("optim: {schedule: one_cycle, cooldown_fraction: 0.1}", "nothing in this space, because of optim.schedule"),
        (f"augment: {{rotation_degrees: 5, grid_shift: 2}}\n{LR}", "1:44  warning: augment.grid_shift: does nothing i"),
        ("optim: {optimizer: adam, filter_lr: {float: [0.1, 0.2]}}", "1:37  warning: optim.filter_lr: does nothing in"),
        ("epochs: 1\nphases: [{epochs: 1, lr: 0.1}]\noptim: {cooldown_fraction: 0.1}", "each phase has an lr of its"),
        ("epochs: 1\nphases: [{epochs: 1, lr: 0.1}]\noptim: {lr: 0.1}", "optim.lr: does nothing in this space, becaus"),
        ("optim: {drops: 1, second_drop_fraction: 0.5}", "1:41  warning: optim.second_drop_fraction: does nothing"),
        (f"model: {{filters: [8, 16], filter_growth: 1.5}}\n{LR}", "1:42  warning: model.filter_growth: does nothing"),
        (f"epochs: 1\nsearch: {{pruner: asha}}\n{LR}", "2:18  warning: search.pruner: asha"),
        ("model: {blocks: {int: [1, 2]}, filters: {choice: [8, [8, 16]]}}", "1:54  warning: model.filters: [8, 16] fi"),
        (f"{LR}\nconstraints: [lr < 0.05]", "2:15  warning: constraints[0]: not met by any of 200 random configuratio"),
        (f"{LR}\nconstraints: [lr <= 0.2]", "2:15  warning: constraints[0]: met by each of 200 random configurations"),
        (f"{LR}\nconstraints: [lr < 0.14, lr > 0.16]", "2:14  warning: constraints: none of 200 random configurations"),
        (
            "model: {hidden_layers: {int: [0, 1]}, hidden_units: {int: [8, 64], when: {hidden_layers: 1}}}\n"
            "constraints: [hidden_units < 8]",
            "random configurations of 200 that have all of its fields",
        ),
        (
            "limits: {parameters: 800}\nmodel: {blocks: 0, hidden_layers: 1, hidden_units: {int: [1, 4096]}}",
            "1:9  warning: limits: none of 200 random networks meets them; a search may find none either",
        ),
        (f"{LR}\nprecision: portable\nsearch: {{sampler: tpe}}", "2:12  warning: precision: portable, but the proposa"),
    ],
)
def test_what_is_wrong_or_odd_and_where(text: str, expected: str) -> None:
    (line,) = lines_of(text)
    assert expected in line


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        f"limits: {{macs: 8e6, parameters: 500_000}}\nobjective: [val_accuracy, macs]\nsearch: {{sampler: tpe}}\n{LR}",
        "epochs: 2\nperiods: [0.5, 1, 2]\nphases: [{epochs: 1}, {epochs: 1, lr: 1e-4, augment: {zoom: 0.1}}]",
        "model: {filters: [8, 16], kernel_size: {int: [1, 7], step: 2}, block_dropout: {choice: [0.1, [0, 0.2]]}}",
        "model: {blocks: {levels: [1, 2]}, filters: {levels: [8, 9], when: {blocks: 2}}, kernel_size: 7}",
        "model: {blocks: {int: [2, 3]}, filters: {value: [8, 16], when: {blocks: 2}}}",
        "model: {hidden_layers: 2, hidden_activation: {choice: [relu, [relu, gelu]]}}",
        "augment: {rotation_degrees: {int: [0, 15]}}\nsearch: {sampler: optuna:GPSampler, pruner: {name: none}}",
        "model: {blocks: 4, filters: 512, filter_growth: {float: [1, 8]}}",
        "optim: {schedule: {choice: [one_cycle, constant]}, warmup_fraction: 0.3, cooldown_fraction: 0.5}",
        "model: {hidden_layers: {int: [0, 1]}, hidden_units: 64}",
        f"augment: {{rotation_degrees: 5, interpolation: nearest}}\nepochs: 1\n{LR}",
        "limits: {macs: 5}\nmodel: {blocks: 1}",
        f"model: {{hidden_layers: 2, hidden_batchnorm: [after_activation, none], batchnorm_momentum: 0.2}}\n{LR}",
        f"{LR}\nconstraints: [lr < 0.15]\nprecision: portable",
        f"{LR}\nprecision: fp32\nsearch: {{sampler: optuna:GPSampler, pruner: none}}",
    ],
)
def test_what_is_not(text: str) -> None:
    assert lines_of(text) == []


def test_an_option_that_was_never_drawn_with_its_own_number_of_blocks_may_fit() -> None:
    lines = lines_of(f"model: {{blocks: {{int: [1, 4]}}, filters: {{choice: {MANY_LISTS}}}}}")
    assert all("warning: model.filters" in line for line in lines)


def test_all_faults_are_told_at_once_and_every_option_of_a_choice() -> None:
    assert len(lines_of("epochs: 0\nlimits: {mac: 1, macs: 0}\nmodel: {x: 1, blocks: 9}\noptim: {lr: 99}")) == 6
    lines = lines_of("optim: {batch_size: {choice: [64, 'big', 1.5, null, 9999]}}")
    assert [line.split("  ")[0] for line in lines] == [f"f.yaml:1:{column}" for column in (35, 42, 47, 53)]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["objective=[val_accuracy, mac]"], r"--set objective:1:16  objective\[1\]: mac is not .* did you mean `macs`"),
        (["epochs=3"], r"periods: \[0.25, .*, 8\] does not rise to 3, .*; also give --set 'periods=\[0.25, .*, 3\]'"),
        (["epochs=3", "periods=[1, 2]"], r"--set periods:1:1 .* does not rise to 3, the epochs; \[1, 2, 3\] would"),
        (["lr=0.1"], "--set lr:1:1  lr: no such setting or section; did you mean `optim.lr`"),
        (["optim.lr={float: [0, 1]}"], "--set optim.lr:1:10  optim.lr: 0.0 is not above 0"),
        (["objective=[val_accuracy, macs]"], "curves needs a single objective; with two use tpe or random"),
    ],
)
def test_overrides_are_checked_against_the_whole_space(overrides: list[str], expected: str) -> None:
    with pytest.raises(SpaceError, match=expected):
        space_sources.load("conv", overrides)


def test_the_objective_that_holds_anyway_makes_no_other_search() -> None:
    assert space_sources.load("conv", ["objective=val_accuracy"]).to_spec() == space_sources.load("conv").to_spec()
    two = ["objective=[val_accuracy, macs]", "search.sampler=tpe"]
    assert space_sources.load("conv", two).to_spec()["settings"]["objective"] == ["val_accuracy", "macs"]


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        (own_nets.UNTYPED, "{lambda: 0.5}", "net.lambda: is a Python keyword; give the setting another name"),
        (own_nets.NOTHING, "{width: 3}", "net.width: no such field"),
        (own_nets.GOOD.replace("= 4", ""), "{kind: plain}", "net.width: has no default; give it a value or a range"),
    ],
)
def test_a_setting_that_a_net_of_ones_own_cannot_have(tmp_path: Path, text: str, given: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"epochs: 1\nnet: {given}\n")
    with pytest.raises(SpaceError) as refused:
        space_sources.load(tmp_path / "mine.yaml", net=own_nets.write(tmp_path, text))
    assert [problem.message for problem in refused.value.problems] == [said]


@pytest.mark.parametrize(
    ("images", "fitting"),
    [
        (6000, None),
        (5000, "1000 to 5000 images"),
        (600, "600 images; leave it out, or --set subset=null, to take them all"),
    ],
)
def test_a_subset_has_to_fit_the_data_at_hand(images: int, fitting: str | None) -> None:
    found = faults(Drawn(Space.from_document(parse("subset: 6000", "f.yaml")), images=images))
    told = [f"f.yaml:1:9  subset: 6000 is more than there are: {fitting}"] if fitting else []
    assert [str(problem) for problem in found] == told


@given(
    st.sampled_from([ModelConfig, AugmentConfig, OptimConfig]).flatmap(
        lambda cls: st.sampled_from([field.name for field in fields(cls)])
    ),
    st.sampled_from(["model", "augment", "optim", "limits", "phases"]),
    st.recursive(
        st.sampled_from([None, True, 0, 1, -1, 2.5, 2**53, -1e300, "", "relu", "none"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["int", "levels", "choice", "value"]), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)
def test_any_value_of_any_field_is_checked_without_a_crash(name: str, section: str, value: object) -> None:
    space, problems = Space.read(parse(f"{section}: {{{name}: 0}}", "f.yaml"))
    assert not problems
    document = parse("{}", "f.yaml")
    document.value.update({section: {name: value}, "epochs": value} if section != "phases" else {section: value})
    space, problems = Space.read(document)
    assert all(str(problem).startswith("f.yaml:") for problem in problems + faults(Drawn(space)))


@pytest.mark.slow
@given(st.integers(0, len(SMOKE)), st.integers(0, 12), st.text(alphabet="ab01.:-[]{}#'\n ,e_x", max_size=6))
@settings(max_examples=dose(150))
def test_a_mutated_file_is_a_space_or_refused(start: int, length: int, inserted: str) -> None:
    try:
        space, problems = Space.read(parse(SMOKE[:start] + inserted + SMOKE[start + length :], "f.yaml"))
    except SpaceError:
        return
    problems += faults(Drawn(space))
    problems += [] if problems else warnings(Drawn(space))
    assert all(str(problem).startswith("f.yaml:") for problem in problems)
    if all(problem.is_warning for problem in problems):
        rng = random.Random(0)
        assert space_sources.config(space, space.sample(lambda _, span: span.at(rng.random())))


@pytest.mark.parametrize("more", ["", "constraints: [lr < 0.14, lr > 0.16]\n"])
def test_nets_are_those_for_the_pictures(tmp_path: Path, more: str) -> None:
    file = tmp_path / "red.yaml"
    file.write_text(f"dataset: mnist-red\n{LR}\n{more}")
    space = space_sources.load(file, net=own_nets.write(tmp_path, own_nets.THREE_CHANNELS))
    found = warnings(Drawn(space, form_of("mnist-red")))
    assert [warning.message.partition(": ")[0] for warning in found] == ["constraints"] * bool(more)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv", "small", "smoke"])
def test_the_shipped_spaces_have_no_warnings(name: str) -> None:
    assert warnings(Drawn(space_sources.load(name))) == []


def test_the_sampler_of_a_search_decides_whether_a_portable_space_is_portable() -> None:
    drawn = Drawn(Space.from_document(parse(f"{LR}\nprecision: portable\nsearch: {{sampler: tpe}}", "f.yaml")))
    assert faults(drawn) == []
    assert warnings(drawn, (Random(), Asha())) == []
