"""The words of a confirmation: its table, what follows from it, the line below a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.experiments.confirmed import Confirmed, FrontMember
from mnist_bench.experiments.confirmed_table import accuracy, command, finding, verdict
from mnist_bench.next_commands import NextCommands
from support.experiments import ERRORS, FRONT, final, found, of_values

HERE = NextCommands(study="conv-0")
TESTS = "paired t-tests over 8 seeds, Holm-corrected over all pairs, 5% level"
LUCK = "In the search #1 had 99.50%, with fresh seeds {}: the search's figure was {} percentage points too {}."
FIRST, TIED, WORSE = ERRORS.values()
BROKEN = (*FIRST[:7], None)


def test_the_table_of_nets_reads_well() -> None:
    table = found({**ERRORS, 4: BROKEN}).table(HERE)
    assert table.caption == ["conv-0: 4 configurations with 8 fresh seeds each."]
    assert [column.heading for column in table.columns] == [
        "trial", "validation", "test", "errors", "verdict", "in the search", "params", "MACs",
    ]  # fmt: skip
    assert table.texts() == [
        ["#1", "99.37% [99.35, 99.39]", "99.50% [99.48, 99.52]", "63.0", "selected (tied)", "99.50%", "61.2k", "2.1M"],
        ["#0", "99.36% [99.35, 99.37]", "99.40% [99.39, 99.41]", "64.0", "= cheapest", "99.40%", "30k", "900k"],
        ["#2", "97.00% [96.99, 97.01]", "–", "300.0", "worse (p < 0.0001)", "94.00%", "61.2k", "2.1M"],
        ["#4", "99.37% [99.35, 99.39]", "–", "–", "a run did not finish", "92.00% at 3, pruned", "61.2k", "2.1M"],
    ]
    assert table.footnotes == [
        "validation: mean of fresh seeds and its 95% interval, on 10,000 images; it covers other seeds, not other "
        "images.",
        "#1 was selected by this figure, so it is slightly too good there; its test accuracy is not.",
        f"= not significantly worse than #1 ({TESTS}): #0. Of #4 a run did not finish.",
        "",
        "Then trained on all 60,000 images and evaluated once on 10,000 test images:",
        "  #1 by seed: 99.50  99.46  99.54  99.50  99.50  99.50  99.50  99.50; 0.13 percentage points above validation",
        "  #0 by seed: 99.40  –  99.38  99.39  99.41  99.40  99.40  99.42; 0.04 percentage points above validation",
        LUCK.format("99.37%", "0.13", "high"),
    ]


def test_the_table_of_values_reads_well() -> None:
    trainer = NextCommands(study="ridge-0", own_code=("--trainer", "ridge.py:Trainer"))
    best, tied = (0.75, 0.77, 0.76, 0.74, 0.78, 0.76, 0.75, 0.77), (0.74, 0.76, 0.76, 0.74, 0.78, 0.75, 0.76, 0.77)
    low = (0.1, 0.11, 0.12, 0.1, 0.11, 0.09, 0.1, 0.11)
    made = of_values({9: low, 5: best, 3: tied, 2: (None,) * 8})
    table = made.table(trainer)
    assert [column.heading for column in table.columns] == ["trial", "score", "verdict", "in the search"]
    assert table.texts() == [
        ["#5", "0.76 [0.7491, 0.7709]", "selected (tied)", "0.5"],
        ["#3", "0.7575 [0.7459, 0.7691]", "=", "0.5"],
        ["#9", "0.105 [0.09726, 0.1127]", "worse (p < 0.0001)", "0.5 (pruned after 1 report)"],
        ["#2", "–", "a run did not finish", "0.5"],
    ]
    assert table.footnotes == [
        "score: mean of fresh seeds and its 95% interval; larger values are better.",
        "#5 was selected by this figure, so it is slightly too good there.",
        f"= not significantly worse than #5 ({TESTS}): #3. Of #2 a run did not finish.",
    ]
    selected = "trial 5, score 0.76 [0.7491, 0.7709] (mean of 8 seeds)"
    assert finding(made, trainer) == f"Selected with fresh seeds: {selected}, statistically tied with trial 3."
    assert finding(of_values({5: best, 9: low}), trainer) == (
        f"Winner with fresh seeds: {selected}. Every other configuration is significantly worse."
    )
    alone = f"Selected with fresh seeds: {selected}. No other configuration was retrained."
    assert finding(of_values({5: best}), trainer) == alone


@pytest.mark.parametrize(
    ("errors", "its_verdict", "decision"),
    [
        ({1: FIRST, 2: WORSE}, "winner", [f"All others are significantly worse than #1 ({TESTS})."]),
        (
            {1: FIRST, 2: WORSE, 0: BROKEN},
            "selected",
            [f"All others whose runs finished are significantly worse than #1 ({TESTS}). Of #0 a run did not finish."],
        ),
        ({1: FIRST, 0: BROKEN}, "selected", ["No test was made. Of #0 a run did not finish."]),
        ({1: FIRST}, "selected", []),
        ({1: FIRST, 2: TIED}, "selected (tied)", [f"= not significantly worse than #1 ({TESTS}): #2."]),
    ],
)
def test_only_a_significant_test_against_every_other_makes_a_winner(
    errors: Mapping[int, tuple[int | None, ...]], its_verdict: str, decision: list[str]
) -> None:
    made = found(errors, finals=(final(1, *FIRST),))
    assert verdict(made, made.candidate(1)) == its_verdict
    notes = made.table(HERE).footnotes
    first = 2 if len(errors) > 1 else 1  # after the meaning of the figures
    assert notes[first : notes.index("")] == decision


COLLAPSED = (60, 62, 61, 8972, 63, 60, 62, 61)
AS_SEARCHED = (50,) * 8
NOT_TESTED: dict[str, Any] = {"finals": (), "test_images": 0}
CLOSED = "Nothing was trained on all images, and the test set was not used"


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (found(), LUCK.format("99.37%", "0.13", "high")),
        (found({1: tuple(range(20, 28))}), LUCK.format("99.77%", "0.27", "low")),
        (
            found({1: AS_SEARCHED}),
            "In the search #1 had 99.50%, with fresh seeds 99.50%: the same to 0.01 percentage points.",
        ),
        (found({4: FIRST}, finals=()), "In the search #4 was pruned after 3 epochs at 92.00%."),
        (found({3: FIRST}, finals=()), "In the search #3 was pruned after 1 epoch at 91.00%."),
        (found({1: COLLAPSED}), "#1: 1 of 8 seeds did not learn (10.28%)."),
        (
            found({1: FIRST}, finals=(final(1, *COLLAPSED),)),
            "  #1 on the test images: 1 of 8 seeds did not learn (10.28%).",
        ),
        (found({1: FIRST}, finals=(final(1, *[None] * 8),)), "  #1: no run finished."),
        (
            found(**NOT_TESTED),
            f"{CLOSED}; `mnist-bench confirm conv-0` trains the selected configuration on all images and evaluates it "
            "once on the test set.",
        ),
    ],
)
def test_below_the_table_stands_what_a_reader_has_to_know(made: Confirmed, line: str) -> None:
    notes = made.table(HERE).footnotes
    assert line in notes
    assert any("did not learn" in note for note in notes) == ("did not learn" in line)


def test_next_to_a_mean_with_a_seed_that_did_not_learn_stands_the_median() -> None:
    assert accuracy(found({1: COLLAPSED}).fresh(1)) == "88.25% [61.91, 98.96], median 99.39%"


FIGURE = "trial 1, 99.50% [99.48, 99.52] on the test images (mean of 8 seeds)"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            found(),
            f"Selected: {FIGURE}, statistically tied with trial 0. Cheapest of the two: trial 0, 900k MACs and "
            "30k parameters, 99.40%.",
        ),
        (
            found({1: FIRST, 0: TIED, 2: TIED}, cheapest=1),
            f"Selected: {FIGURE}, statistically tied with trials 0 and 2. It is also the cheapest of the three: "
            "2.1M MACs and 61.2k parameters.",
        ),
        (
            found({1: FIRST, 2: WORSE}),
            f"Winner: {FIGURE}. Every other configuration is significantly worse.",
        ),
        (
            found({1: FIRST, 2: WORSE, 3: BROKEN}),
            f"Selected: {FIGURE}. Not every other configuration could be tested, because runs did not finish.",
        ),
        (found({1: FIRST}), f"Selected: {FIGURE}. No other configuration was retrained."),
        (
            found({1: FIRST}, finals=(final(1, *[None] * 8),)),
            "Selected: trial 1, of which no training on all images finished. No other configuration was retrained.",
        ),
        (
            found({1: FIRST}, finals=(final(1, 50, *[None] * 7),)),
            "Selected: trial 1, 99.50% on the test images (mean of 1 seed). No other configuration was retrained.",
        ),
        (
            found(**NOT_TESTED, top=3),
            "Selected with fresh seeds: trial 1, not evaluated on the test set yet. `mnist-bench confirm conv-0 --top "
            "3` evaluates it once.",
        ),
    ],
)
def test_the_sentence_about_the_selected_configuration(made: Confirmed, sentence: str) -> None:
    assert finding(made, HERE) == sentence


def test_the_command_that_continues_is_the_same_question_and_opens_no_test_set_unasked() -> None:
    closed = NextCommands(study="conv-0", no_test=True)
    made = found(**NOT_TESTED)
    assert command(made, closed) == "mnist-bench confirm conv-0 --no-test"
    (line,) = [line for line in made.table(closed).footnotes if line.startswith(CLOSED)]
    assert line == (
        f"{CLOSED}. Without --no-test, `confirm` trains the selected configuration on all images and evaluates it once "
        "on the test set."
    )


def test_the_table_of_a_front_reads_well() -> None:
    table = FRONT.table()
    cells = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert cells[0] == {
        "trial": "#4", "MACs": "900", "test": "98.70% [98.64, 98.76]", "on the front": "yes",
        "gain over a cheaper trial": "–", "in the search": "99.00%",
    }  # fmt: skip
    assert cells[2]["gain over a cheaper trial"] == "+0.90 [+0.87, +0.93] of #4"
    assert [cells[5][name] for name in ("test", "on the front")] == ["–", "–"]
    assert table.caption[1] == (
        "two: 6 configurations of the front of accuracy and MACs, 8 fresh seeds each, trained on all 60,000 images."
    )
    assert {line[:40] for line in table.footnotes} >= {
        "#7: 7 of 8 runs finished; it is not comp",
        "3 more are on the front of the search; -",
    }
    assert [each["on_front"] for each in table.document["members"]] == ["yes", "no", "yes", "no", None, None]


LOW, HIGH = "98.70% [98.64, 98.76] with 900 MACs (#4)", "99.90% [99.87, 99.93] with 3k MACs (#7)"


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (FRONT.members, f"The front on the test images: {LOW} to {HIGH}."),
        (FRONT.members[:1], f"The front on the test images: {LOW}."),
        (FRONT.members[5:], "Of the front, no training on all images finished."),
    ],
)
def test_the_sentence_about_a_front_names_its_ends(members: tuple[FrontMember, ...], sentence: str) -> None:
    assert finding(replace(FRONT, members=members), HERE) == sentence
