"""Docstrings of dataclass fields."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass

from mnist_bench.config.catalogue import field_docs


@dataclass
class Example:
    """Three fields."""

    first: int
    """One line."""
    second: int = 2
    third: int = 3
    """Two
    lines."""


@dataclass
class Derived(Example):
    """One more field, and one that is declared again."""

    third: int = 4
    """Anew."""
    fourth: int = 5
    """One more."""


class Net:
    """Has its settings inside."""

    @dataclass
    class Settings:
        """One field."""

        width: int = 4
        """Feature maps.

        Of each layer."""


def test_a_field_has_the_text_below_it_or_that_of_its_base() -> None:
    assert field_docs(Example) == {"first": "One line.", "third": "Two lines."}
    assert field_docs(Derived) == {"first": "One line.", "third": "Anew.", "fourth": "One more."}
    assert field_docs(Net.Settings) == {"width": "Feature maps. Of each layer."}


def test_there_are_none_where_there_is_no_source() -> None:
    made: dict[str, type] = {}
    exec("class Made: pass", made)  # noqa: S102  - a class of no file
    for cls in (make_dataclass("Settings", ["width"]), made["Made"], int):
        assert field_docs(cls) == {}
