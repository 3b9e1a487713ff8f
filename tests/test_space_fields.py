"""The list of all fields of a space file."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from mnist_bench.config.values import all_settings
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.content import SETTINGS
from search.strategies import pruners, samplers
from support import sources

FIELDS = {field.path: field for field in sources.docs_script("reference_pages").space_fields()}


def shown(path: str) -> tuple[str, object, str]:
    field = FIELDS[path]
    return field.values, field.default, " ".join(field.ranges)


def test_every_setting_has_a_row() -> None:
    named = {*all_settings()} - {"net"} | {"net.NAME"}
    inside = {"limits": "limits.macs", "search": "search.start"}
    assert named | {inside.get(name, name) for name in SETTINGS} <= {*FIELDS}


@pytest.mark.parametrize(
    ("path", "values", "default", "ranges"),
    [
        ("epochs", "whole number, 1 to 1000 (epochs)", 6, ""),
        ("periods", "list of numbers, above 0 (epochs)", None, ""),
        ("subset", "whole number, at least 1000 (images)", 60_000, ""),
        ("phases[].lr", "number, above 0, at most 10", None, ""),
        ("limits.macs", "number, above 0 (multiply-accumulates per image)", None, ""),
        ("search.pruner", "asha, median or none, or a text such as optuna:HyperbandPruner, or a mapping", "asha", ""),
        ("objective", "val_accuracy, or [val_accuracy, parameters or macs]", "val_accuracy", ""),
        ("model.filters", "whole number, or list of whole numbers, 1 to 512 (channels)", 16, "int levels choice"),
        ("model.kernel_size", "1, 3, 5 or 7, or list of these (pixels)", 3, "int levels choice"),
        ("augment.zoom_per_axis", "true or false", False, "choice"),
        ("optim.momentum", "number, at least 0, below 1", 0.9, "float int levels choice"),
        ("optim.optimizer", "adam, sgd_nesterov or muon", "adam", "choice"),
        ("net.NAME", "any value", None, "int float levels choice"),
    ],
)
def test_a_row_has_the_declaration(path: str, values: str, default: object, ranges: str) -> None:
    assert shown(path) == (values, default, ranges)


def test_every_row_has_a_meaning() -> None:
    assert {path for path, field in FIELDS.items() if not field.about.rstrip(")").endswith(".")} == set()


def test_options_of_strategies_name_the_strategy() -> None:
    options = [field for field in FIELDS.values() if field.path.count(".") == 2]
    named = {(field.path.split(".")[1], field.about.split(":")[0].removeprefix("With ")) for field in options}
    assert named <= {*product(["sampler"], samplers.SAMPLERS), *product(["pruner"], pruners.PRUNERS)}
    assert {("sampler", "tpe"), ("pruner", "asha")} <= named


def default_in_a_file(field: Any) -> str:
    section, _, name = field.path.partition(".")
    return f"{section}: {{{name}: {field.default}}}" if name else f"{section}: {field.default}"


@pytest.mark.parametrize("path", ["epochs", "subset", "search.sampler", "model.blocks", "optim.lr", "objective"])
def test_a_file_takes_the_default_under_the_path(path: str) -> None:
    space_sources.parse(default_in_a_file(FIELDS[path]), "f.yaml")
