"""The name of a study, and where it lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import UsageError
from search.study import studies
from search.study.location import StudyLocation, can_name_a_study, name_after
from support import forged


def test_a_name_that_was_not_given_says_where_it_comes_from() -> None:
    assert name_after("n" * 62, 0) == f"{'n' * 62}-0"
    with pytest.raises(UsageError, match=r"^'n+-12', the space's name and the seed, cannot name .*\. Give one with --"):
        name_after("n" * 62, 12)


def test_no_name_leads_out_of_the_results_folder_or_speaks_to_a_terminal() -> None:
    for name in (*forged.NAMES, "", "../x", "a/b", "a\nb", "\x1b[31m", "x" * 65, "a\0b", "-n", "é"):
        with pytest.raises(UsageError, match="cannot name a study"):
            StudyLocation.of(name, Path("results"))
    assert can_name_a_study("conv-0.1_b")


def test_a_command_names_the_folder_of_studies_only_if_it_is_not_the_one_in_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert StudyLocation.of("fake-0", Path("results")).words == ()
    assert StudyLocation.of("fake-0", Path("there")).words == ("--results", "there")
    monkeypatch.setenv("MNIST_BENCH_RESULTS", "there")
    assert StudyLocation.of("fake-0", Path("there")).words == ()


def test_a_study_that_is_not_there_has_no_events(tmp_path: Path) -> None:
    location = StudyLocation.of("fake-0", tmp_path)
    assert (studies.specification(location), studies.read_events(location)) == (None, [])
