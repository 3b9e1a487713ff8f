"""A study in short: the line under a report's title, its best trial, and its ranges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.report import about
from mnist_bench.space_files import space_sources
from search.space.space import Space
from search.space.yaml_text import parse
from search.study.studies import StoredStudy
from support import handmade, handmade_report

PACKAGED = "8f9dfd1ad9d2b90accd80bd21e4d44fb91c4f242be4a266fce2af079ef236ec1"
"""SHA-256 over the training files of MNIST, which the package brings."""


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ({}, "a processor without a name"),
        ({"cpu": "AMD EPYC"}, "AMD EPYC"),
        ({"cpu": "AMD EPYC", "gpu": {"name": "NVIDIA H100"}}, "NVIDIA H100"),
    ],
)
def test_ranges_machine_and_weights_stand_in_it(machine: dict[str, object], name: str) -> None:
    study, space = handmade.changed(handmade.mixed(), numerics=machine), space_sources.load("smoke")
    ranges = sum(field.distribution is not None for field in space.fields)
    assert about.line(study, space, Path("results/conv-0/weights")) == (
        f"{ranges} hyperparameters of the search space smoke, searched on {name} (bf16). "
        "Weights of the best trials: `results/conv-0/weights`."
    )


def test_the_time_is_told_where_it_was_recorded() -> None:
    runs = [(0, 60.0 * period, 60.0, 60.0 * (period + 1)) for period in range(handmade.EPOCHS)]
    study = handmade.study([handmade.trial(0, range(5), runs=runs)])
    assert about.line(study, study.space, None) == (
        "0 hyperparameters of the search space conv, searched in 6 min, 1 training at a time, on a processor without a "
        "name (bf16). No weights are kept here."
    )


def on(**data: Any) -> StoredStudy:
    return handmade.changed(handmade.mixed(), context={"data": data})


@pytest.mark.parametrize(
    ("study", "title"),
    [
        (on(), "6 of 7 trials on your own data"),
        (on(data_hash=PACKAGED), "6 of 7 trials on MNIST"),
        (on(dataset="kmnist", subset=6000), "6 of 7 trials on 6,000 images of kmnist"),
        (handmade.mixed(budget=5), "6 trials on your own data"),
        (handmade.study([handmade.trial(0)]), "1 trial on your own data"),
        (handmade.halved_values(), "12 trials of ridge.py:Trainer"),
        (replace(handmade.halved_values(), spec={**handmade.halved_values().spec, "context": {}}), "12 trials"),
    ],
)
def test_the_title_counts_trials_and_names_the_data_or_the_trainer(study: StoredStudy, title: str) -> None:
    assert about.title(study) == title


def test_a_study_says_from_which_studies_its_first_trials_are() -> None:
    study = handmade.changed(handmade.mixed(), enqueued_from=["old-0/3", None, "old-0/1", "conv-5k/2"])
    begins = "begins with 2 trials of old-0 and 1 trial of conv-5k"
    assert handmade_report.report(study).facts["search"]["trials"] == begins
    assert "trials" not in handmade_report.report().facts["search"]


@pytest.mark.parametrize(
    ("study", "best"),
    [
        (handmade.mixed(), "#1  99.50% [98.83, 99.79]  61.2k parameters, 2.1M MACs"),
        (handmade.halved_values(), "#11  value -0.25  twice -0.5"),
        (
            handmade.value_study(
                [handmade.value_trial(3, [2.5] * 4, facts={"bytes": 7})], {"objective": ["speed", "bytes"]}
            ),
            "#3  speed 2.5  bytes 7  twice 5",
        ),
    ],
)
def test_the_best_trial_has_its_value_sizes_or_cost_and_metrics(study: StoredStudy, best: str) -> None:
    assert dict(about.entries(study, leaderboard_of(study).studies[0]))["best"] == best


SPACE = """
model:
  blocks: {int: [1, 3]}
  filters: {int: [8, 16], step: 8}
  batchnorm: {choice: [none, before_activation]}
  hidden_layers: {int: [0, 1]}
  hidden_units: {int: [16, 64], log: true, when: {hidden_layers: 1}}
optim:
  lr: {float: [1e-3, 1e-1], log: true}
  momentum: {float: [0.5, 1.0]}
  batch_size: {levels: [64, 256]}
  weight_decay: {levels: [1e-4, 1e-3, 1e-2], log: true}
"""
VALUES = {
    "model.blocks": 3, "model.filters": 16, "model.batchnorm": "none", "model.hidden_layers": 0, "optim.lr": 0.01,
    "optim.optimizer": "sgd_nesterov", "optim.momentum": 0.512345, "optim.batch_size": 256, "optim.weight_decay": 0.001,
}  # fmt: skip


@pytest.mark.parametrize(
    ("space", "params", "rows"),
    [
        (
            SPACE,
            VALUES,
            [
                ["model.blocks", "3", "upper end", "1 to 3"],
                ["model.filters", "16", "", "8 to 16, step 8"],
                ["model.batchnorm", "none", "", "none, before_activation"],
                ["model.hidden_layers", "0", "", "0 to 1"],
                ["model.hidden_units", "–", "", "16 to 64, log"],
                ["optim.lr", "0.01", "50%", "0.001 to 0.1, log"],
                ["optim.momentum", "0.512", "lower end", "0.5 to 1.0"],
                ["optim.batch_size", "256", "", "levels 64, 256"],
                ["optim.weight_decay", "0.001", "50%", "levels 0.0001, 0.001, 0.01, log"],
            ],
        ),
        # A range of one value has no ends, and what has no effect in the trial lies nowhere.
        ("optim:\n  lr: {float: [0.1, 0.1]}\n", {"optim.lr": 0.1}, [["optim.lr", "0.1", "", "0.1 to 0.1"]]),
        (
            "optim:\n  momentum: {float: [0.5, 0.9]}\n",
            {"optim.momentum": 0.9, "optim.optimizer": "adam"},
            [["optim.momentum", "–", "", "0.5 to 0.9"]],
        ),
    ],
)
def test_a_row_a_range_with_the_trials_value_and_where_it_lies(
    space: str, params: dict[str, Any], rows: list[list[str]]
) -> None:
    table = about.ranges_table(Space.from_document(parse(space, "space.yaml")), handmade.trial(4, params=params))
    assert [column.heading for column in table.columns] == ["hyperparameter", "trial 4", "place", "range"]
    assert table.texts() == rows
    ends = "model.blocks, optim.momentum of trial 4 are at an end of the range. If values beyond it are allowed, they "
    assert table.footnotes == ([f"{ends}may be better."] if len(rows) > 1 else [])
