"""A confirmed front without training: its configurations, which of them are on it still, the file that keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments.confirm.confirming import front_trials
from mnist_bench.experiments.confirm.result_tables import front_finding, front_footnote, table_of
from mnist_bench.experiments.confirm.results import Evaluated, Front, evaluated, load, save
from mnist_bench.next_commands import NextCommands
from search.errors import StorageError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord
from search.study.folder import StudyFolder
from support import handmade
from support.experiments import EVEN, FRONT, final


def numbers(study: StudyRecord, top: int) -> tuple[list[int], int]:
    _, trials, left_out = front_trials(study, top)
    return [trial.number for trial in trials], left_out


def test_the_front_goes_from_the_cheapest_up_and_of_a_longer_one_both_ends_are_taken_and_evenly_between_them() -> None:
    assert numbers(handmade.two_objectives(), 8) == ([2, 4, 1], 0)
    shapes = [(20 - number, 100 + number) for number in range(9)]
    trials = [handmade.trial(n, range(wrong), facts={"macs": macs}) for n, (wrong, macs) in enumerate(shapes)]
    study = handmade.study(trials)
    study.spec["space"]["settings"]["objective"] = ["val_accuracy", "macs"]
    assert [numbers(study, top) for top in (5, 2, 1)] == [([0, 2, 4, 6, 8], 4), ([0, 8], 7), ([8], 8)]


def test_without_a_front_it_says_what_would_do() -> None:
    with pytest.raises(UsageError, match="has one objective and no Pareto front; leave out --front"):
        front_trials(handmade.mixed(), 8)
    empty = handmade.two_objectives()
    with pytest.raises(StudyNotFoundError, match="no complete trial"):
        front_trials(replace(empty, trials=tuple(each for each in empty.trials if each.state == "PRUNED")), 8)


def test_a_member_is_on_the_front_where_pairs_of_seeds_say_so() -> None:
    standings = [FRONT.standing(each) for each in FRONT.members]
    assert standings == ["yes", "no", "yes", "no", None, None]
    ahead = FRONT.ahead(FRONT.members[2])
    assert ahead is not None
    assert ahead.of == 4
    assert ahead.mean == pytest.approx(0.009)
    assert ahead.low < ahead.mean < ahead.high
    assert FRONT.ahead(FRONT.members[3]) == replace(ahead, of=2, mean=-ahead.mean, low=-ahead.high, high=-ahead.low)
    close = replace(FRONT, finals=(final(4, *EVEN), final(1, *reversed(EVEN)), *FRONT.finals[2:]))
    assert close.standing(close.members[1]) == "not shown"
    swings = (1, 1, 30, 1, 1, 1, 1, 1)
    between = replace(
        FRONT, members=(FRONT.members[0], FRONT.members[1], FRONT.members[2]),
        finals=(final(4, *swings), final(1, *(6, 5, 6, 6, 5, 6, 5, 6)), final(2, *(7, 7, 8, 8, 7, 7, 7, 8))),
    )  # fmt: skip
    assert between.standing(between.members[2]) == "no", "#1 is ahead in every pair, though #4 has the better mean"
    beaten = between.ahead(between.members[2])
    assert beaten is not None
    assert beaten.of == 1
    surpassed = replace(between, finals=(final(4, *swings), final(1, *EVEN), final(2, *(3, 5, 4, 4, 3, 5, 4, 4))))
    assert surpassed.standing(surpassed.members[2]) == "not shown", "nor is it ahead of #4, which one seed spoils"
    alone = replace(FRONT, members=FRONT.members[:1], finals=FRONT.finals[:1])
    assert alone.standing(alone.members[0]) == "not shown", "of the front the most accurate alone, which cost more"
    assert replace(alone, left_out=0).standing(alone.members[0]) == "yes"
    broken = replace(FRONT, finals=(final(4, *EVEN[1:], None), final(1, *[50] * 8), *FRONT.finals[2:]))
    assert broken.standing(broken.members[2]) == "not shown", "#4 costs less, and one of its runs did not finish"


def test_the_table_says_what_was_found() -> None:
    table = table_of(FRONT)
    cells = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert cells[0] == {
        "trial": "#4", "MACs": "900", "test": "98.70% [98.64, 98.76]", "on the front": "yes",
        "ahead of what costs no more": "–", "in the search": "99.00%",
    }  # fmt: skip
    assert cells[2]["ahead of what costs no more"].startswith("+0.90 [+0.8")
    assert cells[2]["ahead of what costs no more"].endswith("] of #4")
    assert [cells[5][name] for name in ("test", "on the front")] == ["–", "–"]
    assert table.caption[1] == (
        "two: 6 configurations of the front of accuracy and MACs, 8 fresh seeds each, trained on all 60,000 images."
    )
    assert "#7: 7 of 8 runs finished; it is not compared." in table.footnotes
    assert any(line.startswith("3 more are on the front of the search") for line in table.footnotes)
    assert [each["on_front"] for each in table.document["members"]] == ["yes", "no", "yes", "no", None, None]
    assert front_finding(replace(FRONT, members=FRONT.members[:1])) == (
        "On the test images: 98.70% [98.64, 98.76] with 900 MACs (#4)."
    )


def test_below_a_leaderboard_stands_what_was_confirmed_or_what_does_it() -> None:
    commands = NextCommands(study="two", data="mine.npz")
    told = front_footnote(FRONT, commands)
    assert told.startswith("front confirmed: On the test images: 98.70% [98.64, 98.76] with 900 MACs (#4) to ")
    assert "`mnist-bench confirm two --front --top 6 --data mine.npz` shows all." in told, "and trains nothing more"
    command = "`mnist-bench confirm two --front --data mine.npz`"
    assert front_footnote(None, commands) == f"  {command} trains the front with fresh seeds."


def test_it_is_kept_and_what_is_damaged_is_no_front(tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    path = StudyFolder(folder).confirm.front
    path.parent.mkdir(parents=True)
    assert load(Front, folder) is None
    earlier = replace(FRONT, earlier=(final(30, *EVEN),))
    save(earlier, folder)
    assert load(Front, folder) == replace(earlier, study="renamed")
    known = Evaluated(finals=(*FRONT.finals, *earlier.earlier), images=1000, files=None)
    assert evaluated(folder, None) == known
    path.write_text(path.read_text().replace("900", "901"))
    with pytest.raises(StorageError, match="not a complete confirmation of a front"):
        load(Front, folder)
    save(replace(FRONT, finals=FRONT.finals[::-1]), folder)
    with pytest.raises(StorageError, match="errors of other trials than it names"):
        load(Front, folder)
