"""Commands to copy about a study: each names the study and all options that it needs, as one word of a shell each."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import get_args

from hypothesis import given, settings, strategies as st

from mnist_bench.next_commands import NEEDS, Command, NextCommands
from search.study.folder import StudyFolder
from support.commands import help_of, pasted, unknown_options
from support.dose import dose

WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
EVERYTHING = NextCommands(
    study="conv-0", place=("--results", "my runs"), data="d'a", net="n.py:build",
    device="cuda:1", no_test=True,
)  # fmt: skip


def test_a_command_knows_every_option_that_is_written_for_it() -> None:
    assert {*NEEDS} == {*get_args(Command)}
    for command in NEEDS:
        page = help_of(command)
        assert page is not None
        assert unknown_options(page, shlex.split(EVERYTHING.line(command))) == []


def test_each_kind_of_command_gets_the_options_that_it_needs() -> None:
    place = "--results 'my runs'"
    assert EVERYTHING.line("show", "--json", trial=17) == f"mnist-bench show conv-0/17 --json {place}"
    sees = f"""{place} --data 'd'"'"'a' --net n.py:build"""
    assert EVERYTHING.line("report") == f"mnist-bench report conv-0 {sees}"
    assert EVERYTHING.line("ablate") == f"mnist-bench ablate conv-0 {sees} --device cuda:1"
    assert NextCommands(study="conv-0").line("ablate") == "mnist-bench ablate conv-0"


def test_a_test_set_that_is_to_stay_closed_stays_closed() -> None:
    assert "--no-test" in shlex.split(EVERYTHING.line("confirm", "--top", "3"))
    assert "--no-test" not in shlex.split(EVERYTHING.line("confirm", "--front")), "which makes no race"


@settings(max_examples=dose(100))
@given(results=WORD, data=WORD, net=WORD)
def test_whatever_a_path_holds_is_one_word_of_the_shell(results: str, data: str, net: str) -> None:
    place = StudyFolder.of("conv-0", Path(results)).words
    line = NextCommands(study="conv-0", place=place, data=data, net=net).line("plot")
    assert line.isprintable()
    assert pasted(line) == ["mnist-bench", "plot", "conv-0", *place, "--data", data, "--net", net]
