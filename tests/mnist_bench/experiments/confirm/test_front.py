"""A confirmed front without training: its configurations, which of them are on it still, the file that keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments.confirm import front as fronts
from mnist_bench.experiments.confirm.front import Front, FrontOptions, Member, chosen, evaluated, load_front
from mnist_bench.experiments.confirm.front_table import table_of_front
from mnist_bench.experiments.confirm.result import Final
from mnist_bench.experiments.grid import Observer
from mnist_bench.studies import sealed_json
from search.errors import StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord
from search.study import StudyFolder
from support import handmade


def member(number: int, cost: int, *errors: int | None, committee: int | None = None) -> Member:
    final = Final(number=number, errors=errors, committee=committee)
    return Member(number=number, cost=cost, search_accuracy=0.99, final=final)


FRONT = Front(
    study="two", digest="d", cost="parameters", train_images=60_000, test_images=1000, left_out=3,
    members=(
        member(4, 900, 12, 14, committee=9), member(1, 1500, 13, 15), member(2, 2_000, 9, None), member(7, 3_000, None),
    ),
)  # fmt: skip


def numbers(study: StudyRecord, top: int) -> tuple[list[int], int]:
    trials, left_out = chosen(study, top)
    return [trial.number for trial in trials], left_out


def test_the_front_goes_from_the_cheapest_up() -> None:
    assert numbers(handmade.two_objectives(), 8) == ([2, 4, 1], 0)


def test_of_a_longer_front_both_ends_are_taken_and_evenly_between_them() -> None:
    shapes = [(20 - number, 100 + number) for number in range(9)]
    trials = [handmade.trial(n, range(wrong), facts={"macs": macs}) for n, (wrong, macs) in enumerate(shapes)]
    study = handmade.study(trials)
    study.spec["space"]["settings"]["objective"] = ["val_accuracy", "macs"]
    assert numbers(study, 5) == ([0, 2, 4, 6, 8], 4)
    assert numbers(study, 2) == ([0, 8], 7)
    assert numbers(study, 1) == ([0], 8)


def test_without_a_front_it_says_what_would_do() -> None:
    with pytest.raises(UsageError, match=r"has one objective, and so no front; `mnist-bench confirm conv-0` lets"):
        chosen(handmade.mixed(), 8)
    empty = handmade.two_objectives()
    with pytest.raises(StudyNotFoundError, match="no complete trial"):
        chosen(replace(empty, trials=tuple(each for each in empty.trials if each.state == "PRUNED")), 8)


def test_a_study_that_is_searched_is_refused(tmp_path: Path) -> None:
    live = replace(handmade.two_objectives(), live=True)
    with pytest.raises(StudyLockedError, match="being searched"):
        fronts.run(live, FrontOptions(results=tmp_path), Observer(), lambda: False)


def test_what_costs_more_and_is_no_better_is_told() -> None:
    first, second, third, last = FRONT.members
    assert [FRONT.surpassed_by(each) for each in (first, second, third, last)] == [None, first, None, third]
    (table,) = [table_of_front(FRONT)]
    cells = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert cells[0] == {
        "trial": "#4", "parameters": "900", "test": "98.70 % [97.43, 99.97]", "on the front": "yes",
        "committee": "99.10 %, 9 of 1,000 wrong", "in the search": "99.00 %",
    }  # fmt: skip
    assert cells[1]["on the front"] == "no: #4 is as good for less"
    assert (cells[2]["test"], cells[3]["test"]) == ("99.10 %", "–")
    assert table.caption == [
        "two: the front of accuracy and parameters, 8 fresh seeds each, trained on all 60,000 images."
    ]
    assert any(line.endswith("3 more are on the front of the search.") for line in table.footnotes)
    assert [each["surpassed_by"] for each in table.document["members"]] == [None, 4, None, 2]


def test_it_is_kept_and_what_is_damaged_is_no_front(tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    path = StudyFolder(folder).confirm.front
    path.parent.mkdir(parents=True)
    assert (load_front(folder), evaluated(folder)) == (None, ((), 0))
    sealed_json.save(FRONT, path)
    assert load_front(folder) == replace(FRONT, study="renamed")
    assert evaluated(folder) == (tuple(each.final for each in FRONT.members), 1000)
    path.write_text(path.read_text().replace("900", "901"))
    with pytest.raises(StorageError, match="not a whole confirmation of a front"):
        load_front(folder)
