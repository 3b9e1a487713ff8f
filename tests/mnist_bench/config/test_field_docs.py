"""Docstrings of dataclass fields."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass

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


class Net:
    """Has its settings inside."""

    @dataclass
    class Settings:
        """Two fields."""

        width: int = 4
        """Feature maps.

        Of each layer."""
        depth: int = 1


def test_field_docs() -> None:
    assert field_docs(Example) == {"first": "One line.", "third": "Two lines."}


def test_inherited_fields_have_the_text_of_their_base() -> None:
    @dataclass
    class Derived(Example):
        """One more field, and one that is declared again."""

        third: int = 4
        """Anew."""
        fourth: int = 5
        """One more."""

    assert field_docs(Derived) == {"first": "One line.", "third": "Anew.", "fourth": "One more."}


def test_of_a_class_inside_another() -> None:
    assert field_docs(Net.Settings) == {"width": "Feature maps. Of each layer."}


def test_there_are_none_where_there_is_no_source() -> None:
    made: dict[str, type] = {}
    exec("class Made: pass", made)  # noqa: S102  - a class of no file
    for cls in (make_dataclass("Settings", ["width"]), made["Made"], int):
        assert field_docs(cls) == {}


def test_every_setting_has_one() -> None:
    for cls in (ModelConfig, AugmentConfig, OptimConfig):
        assert list(field_docs(cls)) == [item.name for item in fields(cls)]
