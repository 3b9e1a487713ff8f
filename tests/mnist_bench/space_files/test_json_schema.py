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


def test_every_field_is_explained() -> None:
    for section in ("model", "augment", "optim"):
        for name, field in SCHEMA["properties"][section]["properties"].items():
            assert field["description"], name


def test_fields_offer_the_ranges_that_they_take() -> None:
    for path, ranges in {
        "model.blocks": {"int", "levels", "choice", "value"},
        "optim.lr": {"float", "int", "levels", "choice", "value"},
        "model.activation": {"choice", "value"},
        "augment.zoom_per_axis": {"choice", "value"},
    }.items():
        section, _, name = path.partition(".")
        members = SCHEMA["properties"][section]["properties"][name]["anyOf"]
        assert {member["required"][0] for member in members if "required" in member} == ranges, path


@cache
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("name", space_sources.shipped())
def test_shipped_spaces_are_valid(name: str) -> None:
    validator().validate(parse(space_sources.shipped()[name].read_bytes(), name).value)


@pytest.mark.parametrize(
    "text",
    [
        "model: {filters: {int: [8, 32], step: 8, when: {blocks: 2}}, kernel_size: {levels: [1, 5]}}",
        "model: {filters: [8, 16], block_dropout: {choice: [0.1, [0.1, 0.2]]}}",
        "augment: {rotation_degrees: {int: [0, 15]}, zoom: {float: [0, 0.15]}}",
        "optim: {lr: {levels: [1e-3, 1], log: true}, momentum: {value: 0.9, when: {optimizer: sgd_nesterov}}}",
        "epochs: 2\nphases: [{epochs: 1}, {epochs: 1, lr: 1e-4, augment: {zoom: 0.1}}]",
        "search: {sampler: random, pruner: {name: asha, min_resource: 2}}\nobjective: [val_accuracy, macs]",
    ],
)
def test_what_the_schema_allows(text: str) -> None:
    validator().validate(parse(text, "f.yaml").value)


@pytest.mark.parametrize(
    "text",
    [
        "modl: {}",
        "model: {batchnrom: none}",
        "model: {activation: rleu}",
        "model: {block_dropout: {float: [0, 1.3]}}",
        "model: {blocks: {int: [1, 2], stp: 1}}",
        "model: {blocks: {float: [1, 2]}}",
        "optim: {lr: {choice: []}}",
        "model: {kernel_size: {levels: [1, 4]}}",
        "epochs: {int: [1, 2]}",
        "phases: [{epochs: 1, augment: {zom: 1}}]",
        "limits: {macs: 0}",
        "search: {pruner: asher}",
        "objective: [val_accuracy, macs, parameters]",
    ],
)
def test_what_the_schema_refuses(text: str) -> None:
    assert not validator().is_valid(parse(text, "f.yaml").value)
