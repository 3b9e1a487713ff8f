"""Docstrings of dataclass fields."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mnist_bench.config.field_docs import field_docs
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig


@dataclass
class Example:
    """Three fields."""

    first: int
    """One line."""
    second: int = 2
    third: int = 3
    """Two
    lines."""


def test_field_docs() -> None:
    assert field_docs(Example) == {"first": "One line.", "third": "Two lines."}


def test_every_setting_has_one() -> None:
    for cls in (ModelConfig, AugmentConfig, OptimConfig):
        assert list(field_docs(cls)) == [item.name for item in fields(cls)]
