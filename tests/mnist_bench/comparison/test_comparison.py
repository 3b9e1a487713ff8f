from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.comparison.comparison import Comparison, compare
from mnist_bench.comparison.comparison_table import tables_of
from search.errors import StudyNotFoundError, UsageError
from search.study.studies import StoredStudy
from support import handmade

HERE = Path("results")


def named(name: str, **changes: object) -> StoredStudy:
    return handmade.mixed(name=name, **changes)


def with_loss(study: StoredStudy, number: int, period: int, loss: float) -> StoredStudy:
    trials = [*study.trials]
    trials[number] = handmade.with_reports(trials[number], period, metrics={"train_loss": loss})
    return replace(study, trials=tuple(trials))


def compared(*studies: StoredStudy) -> Comparison:
    return compare(studies, HERE)


def test_equal_studies_share_all_trials_and_do_not_part() -> None:
    found = compared(named("a"), named("b"))
    (pair,) = found.pairs
    assert (len(pair.shared), pair.identical, pair.same_configurations) == (6, 6, 4)
    assert (pair.parting, pair.differing, found.settings) == (None, None, ())
    assert found.same_images
    assert {trial.period for trial in pair.shared} == {0}


def test_values_are_of_the_same_images_for_there_are_none() -> None:
    values = handmade.value_study([handmade.value_trial(0, [0.1] * 4)])
    assert compared(values, replace(values, name="b")).same_images


def test_a_shared_trial_with_another_result_is_told_besides_where_the_search_parts() -> None:
    other = with_loss(named("b"), 2, 4, 0.75)
    found = compared(named("a"), replace(other, trials=(replace(other.trials[0], seed=7), *other.trials[1:])))
    (lines,) = [table.footnotes for table in tables_of(found) if table.caption[0].startswith("Trials shared")]
    assert "a and b part at the seed of trial 0: 100 in a, 7 in b." in lines
    assert "The first shared trial with another result is a/2: period 4, train loss, 0.125 and 0.75." in lines


def test_a_search_with_one_more_trial_parts_where_that_begins() -> None:
    trials = [handmade.trial(number, range(number)) for number in range(3)]
    short, long = (handmade.study(trials[:count], name=f"of-{count}") for count in (2, 3))
    lines = tables_of(compared(short, long))[-1].footnotes
    next_events = "trial 0 reports period 1 in of-2, trial 2 begins in of-3"
    assert f"of-2 and of-3 part after 2 events that agree; next: {next_events}." in lines


def test_on_a_narrow_screen_the_names_of_settings_remain_the_longest() -> None:
    made = named("b")
    tables = tables_of(compared(named("a"), replace(made, spec={**made.spec, "seed": 1})))
    (settings,) = [table for table in tables if [*table.caption] == ["Settings that differ"]]
    assert [column.importance for column in settings.columns] == [3, 2, 1]


def test_a_shared_trial_with_another_result_is_where_training_parts() -> None:
    found = compared(named("a"), with_loss(named("b"), 2, 4, 0.75))
    (pair,) = found.pairs
    assert (len(pair.shared), pair.identical) == (6, 5)
    assert pair.differing is not None
    assert (pair.differing.first.label, pair.differing.second.label, pair.differing.period) == ("a/2", "b/2", 4)


def test_a_study_without_a_complete_trial_is_not_tested() -> None:
    found = compared(named("a"), handmade.study([handmade.trial(0, periods=1)], name="b"))
    assert found.pairs[0].test is None


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ([named("a")], "compare takes two studies, trials or records, not 1"),
        ([named(f"a{n}") for n in range(3)], "not 3"),
        ([named("a"), named("a")], "a: is named twice; name two that may differ"),
        (
            [named("a"), handmade.value_study([handmade.value_trial(0, [0.1])])],
            "a has networks, and ridge-0 was made by another trainer",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(sides: Sequence[StoredStudy], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compare(sides, HERE)


def test_a_trial_without_a_report_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study.studies.open_study", lambda results, name, storage=None: named(name))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyNotFoundError, match=r"Trial conv-0/6 has no report yet, so there is nothing to compare"):
        compare(["conv-0/1", "conv-0/6"], HERE)


def test_in_python_a_comparison_is_shown_in_a_few_lines() -> None:
    found = compared(named("a"), named("b"))
    assert repr(found).splitlines()[0] == "a compared with b"
    assert "a/1 and b/1 are not tested against each other" in repr(found)
    assert "<table" in found._repr_html_()
