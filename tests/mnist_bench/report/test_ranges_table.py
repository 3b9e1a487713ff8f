"""The ranges that were searched, and where a trial's values lie in them."""

from __future__ import annotations

from mnist_bench.report import ranges_table
from search.space.space import Space
from search.space.yaml_text import parse
from support import handmade

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


def test_a_row_a_range_with_the_trials_value_and_where_it_lies() -> None:
    table = ranges_table.table_of(Space.from_document(parse(SPACE, "space.yaml")), handmade.trial(4, params=VALUES))
    assert [column.heading for column in table.columns] == ["hyperparameter", "trial 4", "place", "range"]
    assert table.texts() == [
        ["model.blocks", "3", "upper end", "1 to 3"],
        ["model.filters", "16", "", "8 to 16, step 8"],
        ["model.batchnorm", "none", "", "none, before_activation"],
        ["model.hidden_layers", "0", "", "0 to 1"],
        ["model.hidden_units", "–", "", "16 to 64, log"],
        ["optim.lr", "0.01", "50%", "0.001 to 0.1, log"],
        ["optim.momentum", "0.512", "lower end", "0.5 to 1.0"],
        ["optim.batch_size", "256", "", "levels 64, 256"],
        ["optim.weight_decay", "0.001", "50%", "levels 0.0001, 0.001, 0.01, log"],
    ]
    assert table.footnotes == [
        "model.blocks, optim.momentum of trial 4 are at an end of the range. If values beyond it are allowed, they may "
        "be better."
    ]


def test_a_range_of_one_value_has_no_ends() -> None:
    space = Space.from_document(parse("optim:\n  lr: {float: [0.1, 0.1]}\n", "space.yaml"))
    table = ranges_table.table_of(space, handmade.trial(0, params={"optim.lr": 0.1}))
    assert (table.texts(), table.footnotes) == ([["optim.lr", "0.1", "", "0.1 to 0.1"]], [])


def test_what_has_no_effect_in_the_trial_lies_nowhere() -> None:
    space = Space.from_document(parse("optim:\n  momentum: {float: [0.5, 0.9]}\n", "space.yaml"))
    trial = handmade.trial(0, params={"optim.momentum": 0.9, "optim.optimizer": "adam"})
    table = ranges_table.table_of(space, trial)
    assert (table.texts(), table.footnotes) == ([["optim.momentum", "–", "", "0.5 to 0.9"]], [])
