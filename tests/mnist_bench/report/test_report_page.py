from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mnist_bench.next_commands import NextCommands
from mnist_bench.report import about, report_page
from mnist_bench.report.sections import Section, Sections
from mnist_bench.space_files import space_sources
from search.event_log.records import StudyRecord, TrialRecord
from search.space.space import Space
from search.space.yaml_reader import parse
from search.study.invocation_log import Invocation
from support import handmade, handmade_report

HERE = NextCommands(study="conv-0")


def commands(study: StudyRecord, chosen: TrialRecord | None, known: NextCommands = HERE) -> dict[str, str]:
    """Return the commands that repeat a search and a trial of it."""
    return report_page.commands(study, chosen, known)


def test_the_chosen_trial_is_the_first_or_the_one_that_was_confirmed() -> None:
    confirmed = Section(lines=("Confirmed: #0.",))
    sections = Sections(winner=0, confirmed=confirmed, commands=HERE)
    first, other = handmade_report.report(), handmade_report.report(sections=sections)
    assert first.chosen is not None
    assert other.chosen is not None
    assert (first.chosen.name, other.chosen.name) == ("conv-0/1", "conv-0/0")
    assert "mnist-bench reproduce conv-0/0" in other.commands


def test_without_a_complete_trial_none_is_chosen() -> None:
    report = handmade_report.report(handmade.study([handmade.trial(0, range(9), periods=1)], goal=5))
    assert (report.chosen, report.ranges) == (None, None)
    assert not any("reproduce" in command for command in report.commands)


def test_the_recipe_is_the_chosen_trials_configuration() -> None:
    report = handmade_report.report()
    assert report.chosen is not None
    assert (report.chosen.name, report.chosen.seed) == ("conv-0/1", 101)
    assert report.chosen.recipe is not None
    space = Space.from_document(parse(report.chosen.recipe, "recipe.yaml"))
    config = space_sources.recipe(space)
    assert (config.model.blocks, config.optim.lr) == (3, 0.0093)


AGAIN = "--trials 7 --seed 0 --concurrent-trials 8 --study-name conv-0 --results elsewhere"


def test_the_search_is_named_where_its_space_is_a_shipped_one() -> None:
    study = handmade.mixed()
    shipped = replace(study, spec={**study.spec, "space": space_sources.load("smoke").to_spec()})
    assert [*commands(shipped, None)] == [f"mnist-bench search smoke {AGAIN}"]


@pytest.mark.parametrize(("made_of", "options"), [(["conv-5k", "conv-5k-wrong"], ""), ([], "--no-warm-start ")])
def test_the_search_is_repeated_with_its_start_list(made_of: list[str], options: str) -> None:
    study = handmade.mixed()
    start = {"start": {"made_of": made_of, "configurations": []}} if made_of else {}
    shipped = replace(study, spec={**study.spec, **start, "space": space_sources.load("conv").to_spec()})
    assert [*commands(shipped, None)] == [
        f"mnist-bench search conv {AGAIN}".replace("--study-name", f"{options}--study-name")
    ]


def test_a_study_says_from_which_studies_its_first_trials_are() -> None:
    study = handmade.mixed()
    begun = replace(study, spec={**study.spec, "enqueued_from": ["old-0/3", None, "old-0/1", "conv-5k/2"]})
    assert about.begins_with(begun) == "begins with 2 trials of old-0 and 1 trial of conv-5k"
    assert about.begins_with(study) is None


@pytest.mark.parametrize(("device", "option"), [("cpu", "--device cpu "), ("cuda", ""), (None, "")])
def test_a_search_on_the_cpu_is_repeated_there_beside_a_gpu_too(device: str | None, option: str) -> None:
    study = handmade.mixed()
    numerics = {**study.spec["numerics"], **({"device": device} if device else {})}
    assert [*commands(replace(study, spec={**study.spec, "numerics": numerics}), None)][-1] == (
        f"mnist-bench search space.yaml {AGAIN}".replace("--study-name", f"{option}--study-name")
    )


def test_any_other_space_is_written_to_a_file_first() -> None:
    assert [*commands(handmade.mixed(), None)] == [
        "mnist-bench show conv-0 --space > space.yaml",
        f"mnist-bench search space.yaml {AGAIN}",
    ]


def test_commands_find_the_study_where_it_is_kept() -> None:
    study = handmade.mixed()
    told = commands(study, study.best, replace(HERE, place=("--results", "other")))
    (best,) = {command.split()[2] for command in told if command.startswith("mnist-bench reproduce conv-0")}
    assert [*told] == [
        "mnist-bench show conv-0 --space --results other > space.yaml",
        f"mnist-bench search space.yaml {AGAIN}",
        f"mnist-bench reproduce {best} --results other",
        f"mnist-bench show {best} --json --results other > RECORD.json",
        "mnist-bench reproduce RECORD.json",
    ]


def test_recipes_that_were_enqueued_are_written_to_files_first() -> None:
    study = handmade.mixed()
    told = commands(replace(study, spec={**study.spec, "enqueued": [{}, {}]}), None)
    assert [*told][1:] == [
        "mnist-bench show conv-0/0 --recipe > enqueued-0.yaml",
        "mnist-bench show conv-0/1 --recipe > enqueued-1.yaml",
        "mnist-bench search space.yaml --trials 7 --seed 0 --concurrent-trials 8 --enqueue enqueued-0.yaml --enqueue "
        "enqueued-1.yaml --study-name conv-0 --results elsewhere",
    ]


def test_a_nets_file_is_named_so_that_a_shell_takes_it_for_one_word() -> None:
    study = handmade.mixed()
    space = {**study.spec["space"], "settings": {"net_code": "my net.py:build " + "0" * 64}}
    told = commands(replace(study, spec={**study.spec, "space": space}), None)
    assert next(iter(told)) == "mnist-bench show conv-0 --code > 'my net.py'"


def test_a_recipe_that_the_search_did_not_come_to_is_not_asked_for() -> None:
    study = handmade.mixed()
    told = commands(replace(study, trials=study.trials[:1], spec={**study.spec, "enqueued": [{}, {}]}), None)
    assert not [command for command in told if "enqueued-1" in command or "conv-0/1 " in command]
    missing = "its digest is the one above with the 1 recipe that was enqueued and not begun named with --enqueue, too"
    assert [*told.values()][-1] == f"the same search again; {missing}"


def test_a_search_that_the_machine_cut_promises_its_digest_to_no_other_machine() -> None:
    study = handmade.mixed()
    cut = [replace(study.trials[0], state="FAIL", reason="timed_out", external=True), *study.trials[1:]]
    (*_, said) = commands(replace(study, trials=tuple(cut)), None).values()
    assert said.endswith(
        "; its digest is the one above if the machine, with the --trial-timeout of then, ends that trial again"
    )


def test_a_search_by_arrival_is_repeated_by_arrival_and_promises_nothing() -> None:
    study = handmade.mixed()
    told = commands(replace(study, spec={**study.spec, "order": "as-completed"}), None)
    (again,) = (command for command in told if command.startswith("mnist-bench search"))
    assert " --order as-completed " in again
    assert "has to be" not in told[again]


def test_data_of_ones_own_are_named_again_and_the_command_stands_as_it_was_typed() -> None:
    typed = Invocation(command="mnist-bench search mine.yaml --data-dir 'my data'", data_dir="/home/me/my data")
    report = handmade_report.report(invocations=[typed, typed])
    assert report.typed == (typed.command,)
    assert any(" --data '/home/me/my data' " in command for command in report.commands)


def test_the_data_that_were_searched_on_last_are_named_whoever_searched() -> None:
    searched = [Invocation(data_dir="/before.npz"), Invocation(command="typed"), Invocation(data_dir="/moved.npz")]
    report = handmade_report.report(invocations=searched)
    assert report.typed == ("typed",)
    assert any(" --data /moved.npz " in command for command in report.commands)


def test_a_sampler_and_a_pruner_of_ones_own_are_named_again() -> None:
    code = {"module": "mine.py", "sha256": handmade.HASH}
    own = {
        "sampler": {"name": "mine.py:Mine", "options": {"share": 0.3, "way": "1"}, "code": code},
        "pruner": {"name": "package.pruners:Third", "options": {}, "code": code},
    }
    told = commands(handmade.mixed(spec={**handmade.mixed().spec, **own}), None)
    (again,) = (command for command in told if command.startswith("mnist-bench search"))
    sampler = """--sampler mine.py:Mine --sampler-option share=0.3 --sampler-option 'way="1"'"""
    assert f" {sampler} --pruner package.pruners:Third --study-name conv-0 " in again
    assert told[again] == "the same search again, in the folder of mine.py; its digest has to be the one above"


@pytest.mark.parametrize(
    ("named", "searched", "option"),
    [
        (None, "mnist", ""),
        (None, "kmnist", "--dataset kmnist "),
        ("mnist-red", "mnist-red", ""),
        ("mnist-red", "mnist", "--dataset mnist "),
    ],
)
def test_the_data_set_is_named_where_the_space_names_another(named: str | None, searched: str, option: str) -> None:
    study = handmade.mixed()
    space, context = study.spec["space"], study.spec["context"]
    settings = {**space["settings"], **({"dataset": named} if named else {})}
    data = {**context["data"], "dataset": searched}
    spec = {**study.spec, "space": {**space, "settings": settings}, "context": {**context, "data": data}}
    assert [*commands(replace(study, spec=spec), None)][-1] == (
        f"mnist-bench search space.yaml {AGAIN}".replace("--study-name", f"{option}--study-name")
    )


def test_the_space_is_one_that_a_search_reads() -> None:
    study = handmade.mixed()
    report = handmade_report.report(replace(study, spec={**study.spec, "space": space_sources.load("conv").to_spec()}))
    assert space_sources.parse(report.space, "space.yaml").to_spec() == space_sources.load("conv").to_spec()


def test_a_search_in_two_segments_is_repeated_in_two() -> None:
    told = commands(handmade.mixed(totals=(5, 7)), None)
    first, second = (command for command in told if command.startswith("mnist-bench search"))
    assert ("--trials 5 " in first, "--trials 7 " in second) == (True, True)
    assert told[first] == "the same search again, first to its goal of that time"
    assert told[second] == "the same search again; its digest has to be the one above"


def test_the_day_is_that_of_the_last_period() -> None:
    first = datetime(2026, 2, 28, 23, 59, tzinfo=UTC).timestamp()
    runs = [[(0, at, 60.0, at + 60) for at in (start, start + 3 * 86_400)] for start in (first, first - 86_400)]
    trials = [handmade.trial(n, range(5), runs=each) for n, each in enumerate(runs)]
    assert handmade_report.report(handmade.study(trials)).date == "2026-03-04"
    assert handmade_report.report(handmade.study([handmade.trial(0, range(5))])).date is None


def test_hashes_numerics_and_errors() -> None:
    report = handmade_report.report()
    assert report.facts["data"]["data_hash"] == handmade.HASH
    assert report.facts["numerics"]["cpu_flags"] == "avx512_bf16"
    assert report.facts["search"]["sampler.name"] == "tpe"
    assert report.failures == {6: "Traceback\nValueError: no [bold]luck[/bold]"}


def test_a_search_that_ended_early_is_repeated_with_its_rule() -> None:
    study = handmade.ended_early()
    assert study.stop is not None
    late = replace(study.stop, longest_before=9)
    for stop, digest in ((study.stop, "its digest has to be"), (late, "it stops sooner than")):
        told = commands(replace(study, totals=(5, 9), stop=stop), None)
        first, second = (command for command in told if command.startswith("mnist-bench search"))
        assert "--patience" not in first
        assert "--trials 9 " in second
        assert second.endswith(" --patience 3 --results elsewhere")
        assert "digest" not in told[first]
        assert digest in told[second]
