"""What is written as YAML is plain text, whatever the values hold, and read as it was."""

from __future__ import annotations

from hypothesis import given, strategies as st

from search import yaml_writer
from search.space.yaml_reader import parse

ANY = st.text(max_size=9)
READABLE = st.text(st.characters(exclude_categories=("Cc", "Cn", "Cs", "Zl", "Zp")), max_size=9)
"""Of what the reader takes, quoted or not; among it are marks that turn the direction of text."""


def values(key: str, value: str) -> dict[str, object]:
    return {"name": value, "lists": {"choice": [value, key]}, "more": {key: value}}


@given(key=ANY, value=ANY)
def test_nothing_that_a_terminal_obeys_is_written(key: str, value: str) -> None:
    written = yaml_writer.text(values(key, value))
    assert all(character == "\n" or character.isprintable() for character in written)
    assert written.count("\n") == 5


@given(key=READABLE, value=READABLE)
def test_what_is_written_is_read_as_it_was(key: str, value: str) -> None:
    assert parse(yaml_writer.text(values(key, value)), "written.yaml").value == values(key, value)


def test_letters_and_signs_stay_what_they_are() -> None:
    assert yaml_writer.text({"name": "\x1b\x9b2J\u202egrün 🙂\U000e0001"}) == (
        'name: "\\u001b\\u009b2J\\u202egrün 🙂\\U000e0001"\n'
    )
