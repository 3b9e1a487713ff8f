from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mnist_bench import space_files
from mnist_bench.report.page import commands
from mnist_bench.report.sections import Section, Sections
from search.event_log.records import StudyRecord
from search.space.space import Space
from search.space.yaml_reader import parse
from search.study.provenance import Invocation
from support import handmade, handmade_report


def sentences(study: StudyRecord, sections: Sections | None = None) -> str:
    return "\n".join(handmade_report.report(study, sections=sections or Sections()).finding)


def complete(*wrong: range) -> StudyRecord:
    return handmade.study([handmade.trial(number, images) for number, images in enumerate(wrong)])


def test_the_finding_says_what_won_how_sure_that_is_and_what_pruning_saved() -> None:
    assert handmade_report.report().finding == (
        # Wilson: (0.995 + 0.0019207 ± 1.95996 * sqrt(0.995 * 0.005 / 1000 + 0.96036 / 1e6)) / 1.0038415
        "Trial #1 won the search: it gets 99.50 % of the 1,000 validation images right "
        "(95 % interval 98.83 to 99.79 %).",
        "It cannot be told from #0, of 2 other complete trials (paired test on the same images, Holm, 5 %).",
        "The search was stopped before its goal: 6 of 7 trials have ended, and the next may be better.",
        "It is not confirmed yet: the best of 6 on one validation set is the luckiest too. "
        "`mnist-bench confirm conv-0` asks again with fresh seeds, then opens the test set once.",
        "Pruning saved 8 of 36 epochs.",
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([range(5)], "It is the only complete trial"),
        ([range(5), range(100, 160)], "Each other complete trial (1) is worse (paired test"),
        ([range(5)] * 8, "It cannot be told from #1, #2, #3, #4, #5 and 2 more, of 7 other complete trials"),
    ],
)
def test_ties(wrong: list[range], sentence: str) -> None:
    assert sentence in sentences(complete(*wrong))


def test_without_a_complete_trial_there_is_no_winner() -> None:
    report = handmade_report.report(handmade.study([handmade.trial(0, range(9), periods=1, state="PRUNED")], goal=5))
    assert report.finding[0] == "No trial is complete yet, so there is no winner: 1 of 5 trials have ended."
    assert report.winner is None
    assert not any("reproduce" in command for command in report.commands)


def test_a_search_that_runs_says_so() -> None:
    assert "The search is still running: 6 of 7 trials" in sentences(replace(handmade.mixed(), live=True))


def test_what_was_confirmed_comes_first_and_names_the_winner() -> None:
    confirmed = Section(lines=("Confirmed: #0.", "More."))
    audit = Section(lines=("Of 2 pruned trials none would have won.",))
    report = handmade_report.report(sections=Sections(winner=0, confirmed=confirmed, audit=audit))
    assert report.finding[0] == "Confirmed: #0."
    assert report.finding[-1] == "Of 2 pruned trials none would have won."
    assert "not confirmed" not in "".join(report.finding)
    assert report.winner is not None
    assert report.winner.name == "conv-0/0"
    assert "mnist-bench reproduce conv-0/0" in report.commands


def test_a_race_without_a_test_stands_where_the_advice_to_confirm_would() -> None:
    report = handmade_report.report(sections=Sections(raced=Section(lines=("Not confirmed: #0 leads.", "More."))))
    assert "Not confirmed: #0 leads." in report.finding
    assert "It is not confirmed yet" not in "".join(report.finding)


def test_the_recipe_is_the_winners_configuration() -> None:
    report = handmade_report.report()
    assert report.winner is not None
    assert (report.winner.name, report.winner.seed) == ("conv-0/1", 101)
    space = Space.from_document(parse(report.winner.recipe, "recipe.yaml"))
    config = space_files.recipe(space)
    assert (config.model.blocks, config.optim.lr) == (3, 0.0093)


AGAIN = "--trials 7 --seed 0 --slots 8 --study-name conv-0 --results elsewhere"


def test_the_search_is_named_where_its_space_is_a_shipped_one() -> None:
    study = handmade.mixed()
    shipped = replace(study, spec={**study.spec, "space": space_files.load("conv").to_spec()})
    assert [*commands(shipped, None)] == [f"mnist-bench search conv {AGAIN}"]


def test_any_other_space_is_written_to_a_file_first() -> None:
    assert [*commands(handmade.mixed(), None)] == [
        "mnist-bench show conv-0 --space > space.yaml",
        f"mnist-bench search space.yaml {AGAIN}",
    ]


def test_recipes_that_were_enqueued_are_written_to_files_first() -> None:
    study = handmade.mixed()
    told = commands(replace(study, spec={**study.spec, "enqueued": [{}, {}]}), None)
    assert [*told][1:] == [
        "mnist-bench show conv-0/0 --recipe > enqueued-0.yaml",
        "mnist-bench show conv-0/1 --recipe > enqueued-1.yaml",
        "mnist-bench search space.yaml --trials 7 --seed 0 --slots 8 --enqueue enqueued-0.yaml --enqueue "
        "enqueued-1.yaml --study-name conv-0 --results elsewhere",
    ]


def test_a_search_by_arrival_is_repeated_by_arrival_and_promises_nothing() -> None:
    study = handmade.mixed()
    told = commands(replace(study, spec={**study.spec, "order": "arrival"}), None)
    (again,) = (command for command in told if command.startswith("mnist-bench search"))
    assert " --order arrival " in again
    assert "has to be" not in told[again]


def test_data_of_ones_own_are_named_again_and_the_command_stands_as_it_was_typed() -> None:
    typed = Invocation(command="mnist-bench search mine.yaml --data-dir 'my data'", data_dir="/home/me/my data")
    report = handmade_report.report(invocations=[typed, typed])
    assert report.typed == (typed.command,)
    assert any(" --data-dir '/home/me/my data' " in command for command in report.commands)


def test_the_space_is_one_that_a_search_reads() -> None:
    study = handmade.mixed()
    report = handmade_report.report(replace(study, spec={**study.spec, "space": space_files.load("conv").to_spec()}))
    assert space_files.parse(report.space, "space.yaml").to_spec() == space_files.load("conv").to_spec()


def test_a_search_in_two_segments_is_repeated_in_two() -> None:
    told = commands(replace(handmade.mixed(), totals=(5, 7)), None)
    first, second = (command for command in told if command.startswith("mnist-bench search"))
    assert ("--trials 5 " in first, "--trials 7 " in second) == (True, True)


def test_the_day_is_that_of_the_last_period() -> None:
    trial = handmade.trial(0, range(5))
    at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC).timestamp()
    handled = replace(
        trial, reports=tuple(replace(report, handled=at - period) for period, report in enumerate(trial.reports))
    )
    assert handmade_report.report(handmade.study([handled])).date == "2026-03-01"
    assert handmade_report.report(handmade.study([trial])).date is None


def test_hashes_numerics_and_errors() -> None:
    report = handmade_report.report()
    assert report.facts["data"]["data_hash"] == handmade.HASH
    assert report.facts["numerics"]["cpu_flags"] == "avx512_bf16"
    assert report.facts["search"]["sampler.name"] == "tpe"
    assert report.failures == {6: "Traceback\nValueError: no [bold]luck[/bold]"}
