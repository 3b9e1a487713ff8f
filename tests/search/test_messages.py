"""How words of commands are written in messages."""

from __future__ import annotations

from hypothesis import example, given, settings, strategies as st

from search.messages import command_line
from support.commands import pasted
from support.dose import dose

NAMES = ["plain", "my results", "we ird\nnew é", "a\tb", "\x1b[31m", "it's\na \\ 'quote'", "", "‮", "\udcff", "\n7"]


@example(words=NAMES)
@given(words=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
@settings(max_examples=dose(100), deadline=None)
def test_any_command_is_pasted_as_it_was(words: list[str]) -> None:
    told = command_line(words)
    assert told.isprintable()
    assert pasted(told) == words
