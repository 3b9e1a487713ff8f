"""The JSON Schema that editors read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.space_files import json_schema, space_sources
from search.space.yaml_text import parse

SCHEMA = json_schema.json_schema()


def test_the_shipped_schema_is_fresh() -> None:
    shipped = Path(space_sources.find("conv")).with_name("schema.json").read_text(encoding="utf-8")
    assert shipped == json_schema.text(), "run `make schema`"


@pytest.mark.parametrize(
    ("section", "name", "ranges"),
    [
        ("model", "blocks", {"int", "levels", "choice", "value"}),
        ("optim", "lr", {"float", "int", "levels", "choice", "value"}),
        ("augment", "zoom_per_axis", {"choice", "value"}),
    ],
)
def test_fields_are_explained_and_offer_the_ranges_that_they_take(section: str, name: str, ranges: set[str]) -> None:
    fields = SCHEMA["properties"][section]["properties"]
    assert {member["required"][0] for member in fields[name]["anyOf"] if "required" in member} == ranges
    assert all(field["description"] for field in fields.values())


@cache
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("name", space_sources.shipped())
def test_shipped_spaces_are_valid(name: str) -> None:
    validator().validate(parse(space_sources.shipped()[name].read_bytes(), name).value)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("model: {filters: {int: [8, 32], step: 8, when: {blocks: 2}}, kernel_size: {levels: [1, 5]}}", True),
        ("model: {filters: [8, 16], block_dropout: {choice: [0.1, [0.1, 0.2]]}}", True),
        ("augment: {rotation_degrees: {int: [0, 15]}, zoom: {float: [0, 0.15]}}", True),
        ("optim: {lr: {levels: [1e-3, 1], log: true}, momentum: {value: 0.9, when: {optimizer: sgd_nesterov}}}", True),
        ("epochs: 2\nphases: [{epochs: 1}, {epochs: 1, lr: 1e-4, augment: {zoom: 0.1}}]", True),
        ("search: {sampler: random, pruner: {name: asha, reduction_factor: 2}}\nobjective: [val_accuracy, macs]", True),
        ("modl: {}", False),
        ("model: {batchnrom: none}", False),
        ("model: {activation: rleu}", False),
        ("model: {block_dropout: {float: [0, 1.3]}}", False),
        ("model: {blocks: {int: [1, 2], stp: 1}}", False),
        ("model: {blocks: {float: [1, 2]}}", False),
        ("optim: {lr: {choice: []}}", False),
        ("epochs: {int: [1, 2]}", False),
        ("phases: [{epochs: 1, augment: {zom: 1}}]", False),
        ("limits: {macs: 0}", False),
        ("search: {pruner: asher}", False),
        ("objective: [val_accuracy, macs, parameters]", False),
    ],
)
def test_what_the_schema_allows_and_refuses(text: str, valid: bool) -> None:
    assert validator().is_valid(parse(text, "f.yaml").value) is valid
