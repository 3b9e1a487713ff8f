from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mnist_bench.next_commands import NextCommands
from mnist_bench.plots.kinds import Picture
from mnist_bench.report import commands as report_commands, page
from mnist_bench.report.findings import Sections
from mnist_bench.space_files import space_sources
from search.event_log.records import StudyRecord
from search.space.space import Space
from search.space.yaml_text import parse
from search.study.invocation_log import Invocation
from search.study.studies import StoredStudy
from support import handmade, handmade_report
from support.handmade_report import HERE


def commands(study: StudyRecord, known: NextCommands = HERE) -> dict[str, str]:
    """Return the commands that repeat a search and the best trial of it."""
    return report_commands.commands(study, study.best, known)


def test_the_chosen_trial_is_the_first_or_the_one_that_was_confirmed() -> None:
    for sections, number in ((Sections(commands=HERE), 1), (Sections(winner=0, commands=HERE), 0)):
        report = handmade_report.report(sections=sections)
        assert report.chosen is not None
        assert report.chosen.number == number
        assert f"mnist-bench reproduce conv-0/{number}" in report.commands
    config = space_sources.recipe(Space.from_document(parse(handmade_report.report().recipe or "", "recipe.yaml")))
    assert (config.model.blocks, config.optim.lr) == (3, 0.0093)
    report = handmade_report.report(handmade.study([handmade.trial(0, range(9), periods=1)], budget=5))
    assert (report.chosen, report.ranges) == (None, None)
    assert not any("reproduce" in command for command in report.commands)


def other(first: int | None = None, **parts: Any) -> StoredStudy:
    """Return `handmade.mixed`, or its first trials, with other entries in its specification."""
    study = handmade.mixed()
    return handmade.changed(replace(study, trials=study.trials[:first]), **parts)


def on(searched: str, **named: str) -> StoredStudy:
    """Return a study whose space names a data set, or none, and that was searched on another."""
    return other(space={"settings": named}, context={"data": {"dataset": searched}})


def of(space: str, **parts: Any) -> StoredStudy:
    """Return a study over a bundled space."""
    return other(space=space_sources.load(space).to_spec(), **parts)


CODE = {"module": "mine.py", "sha256": handmade.HASH}
OWN: dict[str, Any] = {
    "sampler": {"name": "mine.py:Mine", "options": {"share": 0.3, "way": "1"}, "code": CODE},
    "pruner": {"name": "package.pruners:Third", "options": {}, "code": CODE},
}
OWN_OPTIONS = """--sampler '{"name": "mine.py:Mine", "share": 0.3, "way": "1"}' --pruner package.pruners:Third"""
CUT = replace(handmade.mixed().trials[0], state="FAIL", reason="timed_out", external=True)
WAITING = "; its digest is the one above with the 1 recipe that was enqueued and not begun named with --enqueue, too"
TIMED_OUT = "; its digest is the one above if the machine, with the --trial-timeout of then, ends that trial again"
SAME = "; its digest has to be the one above"


@pytest.mark.parametrize(
    ("study", "space", "options", "purpose"),
    [
        (other(), "space.yaml", "", SAME),
        (of("smoke"), "smoke", "", SAME),
        (of("conv"), "conv", "", SAME),
        (other(numerics={"device": "cpu"}), "space.yaml", "--device cpu", SAME),
        (other(numerics={"device": "cuda"}), "space.yaml", "", SAME),
        (on("kmnist"), "space.yaml", "--set dataset=kmnist", SAME),
        (on("mnist-red", dataset="mnist-red"), "space.yaml", "", SAME),
        (on("mnist", dataset="mnist-red"), "space.yaml", "--set dataset=mnist", SAME),
        (other(enqueued=[{}, {}]), "space.yaml", "--enqueue enqueued-0.yaml --enqueue enqueued-1.yaml", SAME),
        (other(1, enqueued=[{}, {}]), "space.yaml", "--enqueue enqueued-0.yaml", WAITING),
        (replace(other(), trials=(CUT, *other().trials[1:])), "space.yaml", "", TIMED_OUT),
        (
            other(order="as-completed"),
            "space.yaml",
            "--order as-completed",
            "; in completion order, so its digest may differ",
        ),
        (other(**OWN), "space.yaml", OWN_OPTIONS, f", in the folder of mine.py{SAME}"),
    ],
)
def test_the_search_is_repeated_as_it_was_and_promises_its_digest_where_it_can(
    study: StudyRecord, space: str, options: str, purpose: str
) -> None:
    told = {line: what for line, what in commands(study).items() if line.startswith("mnist-bench search")}
    given = f"{space} --trials 7 --seed 0 --concurrent-trials 8 {options}".rstrip()
    again = f"mnist-bench search {given} --study-name conv-0 --results elsewhere"
    assert told == {again: f"the same search again{purpose}"}


EARLY = handmade.ended_early()


@pytest.mark.parametrize(
    ("study", "stopped", "digest"),
    [
        (handmade.mixed(), "", "its digest has to be"),
        (EARLY, " --patience 3", "its digest has to be"),
        (
            replace(EARLY, stop=EARLY.stop and replace(EARLY.stop, on_time=False)),
            " --patience 3",
            "it stops sooner than",
        ),
    ],
)
def test_a_search_in_two_segments_is_repeated_in_two_and_ends_by_its_rule(
    study: StudyRecord, stopped: str, digest: str
) -> None:
    told = commands(replace(study, totals=(5, 9)))
    first, second = (command for command in told if command.startswith("mnist-bench search"))
    assert ("--trials 5 " in first, "--trials 9 " in second) == (True, True)
    assert [each.partition("conv-0")[2] for each in (first, second)] == [
        " --results elsewhere",
        f"{stopped} --results elsewhere",
    ]
    assert told[first] == "the same search again, first to its budget of that time"
    assert f"; {digest}" in told[second]


SPACE = "show conv-0 --space > space.yaml"


@pytest.mark.parametrize(
    ("study", "files"),
    [
        (other(), [SPACE]),
        (of("smoke", enqueued=[{}, {}]), [f"show conv-0/{n} --recipe > enqueued-{n}.yaml" for n in (0, 1)]),
        (other(1, enqueued=[{}, {}]), [SPACE, "show conv-0/0 --recipe > enqueued-0.yaml"]),
        (on("mnist", net_code=f"my net.py:build {'0' * 64}"), ["show conv-0 --code > 'my net.py'", SPACE]),
    ],
)
def test_what_the_search_needs_is_written_to_files_first(study: StudyRecord, files: list[str]) -> None:
    told = [*commands(study)]
    assert told[: len(files)] == [f"mnist-bench {file}" for file in files]
    assert told[len(files)].startswith("mnist-bench search")


def test_commands_find_the_study_where_it_is_kept() -> None:
    told = commands(handmade.mixed(), replace(HERE, place=("--results", "other")))
    assert [line for line in told if not line.startswith("mnist-bench search")] == [
        "mnist-bench show conv-0 --space --results other > space.yaml",
        "mnist-bench reproduce conv-0/1 --results other",
        "mnist-bench show conv-0/1 --json --results other > RECORD.json",
        "mnist-bench reproduce RECORD.json",
    ]


def test_the_data_that_were_searched_on_last_are_named_whoever_searched_and_commands_stand_as_typed() -> None:
    typed = "mnist-bench search mine.yaml --data 'my data'"
    last = Invocation(command=typed, data_dir="/home/me/my data")
    report = handmade_report.report(invocations=[Invocation(data_dir="/before.npz"), last, last])
    assert report.typed == (typed,)
    assert any(" --data '/home/me/my data' " in command for command in report.commands)


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


def test_small_drawings_stay_drawings_and_of_large_ones_the_smaller_format_is_embedded() -> None:
    small, large = b"<svg/>", b"<svg>" + bytes(page.SMALL_SVG)
    for svg, png, kind, embedded in (
        (small, b"png", "svg+xml", small),
        (large, b"png", "png", b"png"),
        (large, large + b"m", "svg+xml", large),
    ):
        found = page.data_uri(Picture(kind="history", content={"svg": svg, "png": png}))
        assert found == f"data:image/{kind};base64,{base64.b64encode(embedded).decode()}"


def test_numbers_stand_on_the_right_and_settings_can_be_hidden() -> None:
    head = re.findall(r'<th scope="col" class="(.*?)">(.*?)</th>', page.render(handmade_report.report()))
    classes = {heading: kind for kind, heading in head}
    assert (classes["rank"], classes["state"], classes["blocks"]) == ("right", "left", "left setting")
