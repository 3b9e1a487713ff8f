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
from support import handmade, handmade_report
from support.handmade_report import HERE


def commands(study: StudyRecord, known: NextCommands = HERE) -> dict[str, str]:
    """Return the commands that repeat a search and the best trial of it."""
    return report_commands.commands(study, study.best, known)


def other(study: StudyRecord | None = None, **parts: Any) -> StudyRecord:
    """Return a study, `handmade.mixed` if none is given, with other parts of its specification."""
    study = study or handmade.mixed()
    return replace(study, spec={**study.spec, **parts})


def test_the_chosen_trial_is_the_first_or_the_one_that_was_confirmed() -> None:
    confirmed = Sections(winner=0, commands=HERE)
    for sections, number in ((Sections(commands=HERE), 1), (confirmed, 0)):
        report = handmade_report.report(sections=sections)
        assert report.chosen is not None
        assert report.chosen.number == number
        assert f"mnist-bench reproduce conv-0/{number}" in report.commands


def test_without_a_complete_trial_none_is_chosen() -> None:
    report = handmade_report.report(handmade.study([handmade.trial(0, range(9), periods=1)], budget=5))
    assert (report.chosen, report.ranges) == (None, None)
    assert not any("reproduce" in command for command in report.commands)


def test_the_recipe_is_the_chosen_trials_configuration() -> None:
    report = handmade_report.report()
    assert report.chosen is not None
    assert report.chosen.seed == 101
    config = space_sources.recipe(Space.from_document(parse(report.recipe or "", "recipe.yaml")))
    assert (config.model.blocks, config.optim.lr) == (3, 0.0093)


def with_numerics(**numerics: Any) -> StudyRecord:
    return other(numerics={**handmade.spec()["numerics"], **numerics})


def with_data(named: dict[str, str], searched: str) -> StudyRecord:
    """Return a study whose space names a data set, or none, and that was searched on another."""
    space, context = handmade.spec()["space"], handmade.spec()["context"]
    return other(
        space={**space, "settings": {**space["settings"], **named}},
        context={**context, "data": {**context["data"], "dataset": searched}},
    )


def ended_early(*, on_time: bool) -> StudyRecord:
    study = handmade.ended_early()
    assert study.stop is not None
    return replace(study, stop=replace(study.stop, on_time=on_time))


SMOKE, CONV = (space_sources.load(name).to_spec() for name in ("smoke", "conv"))
CODE = {"module": "mine.py", "sha256": handmade.HASH}
OWN: dict[str, Any] = {
    "sampler": {"name": "mine.py:Mine", "options": {"share": 0.3, "way": "1"}, "code": CODE},
    "pruner": {"name": "package.pruners:Third", "options": {}, "code": CODE},
}
OWN_OPTIONS = """--sampler '{"name": "mine.py:Mine", "share": 0.3, "way": "1"}' --pruner """
TRIALS, SAME = "--trials 7 --seed 0 --concurrent-trials 8", "; its digest has to be the one above"
CUT = replace(handmade.mixed().trials[0], state="FAIL", reason="timed_out", external=True)


@pytest.mark.parametrize(
    ("study", "command", "purpose"),
    [
        (handmade.mixed(), f"space.yaml {TRIALS}", SAME),
        (other(space=SMOKE), f"smoke {TRIALS}", SAME),
        (other(space=CONV, start={"made_of": ["conv-5k"], "configurations": []}), f"conv {TRIALS}", SAME),
        (other(space=CONV), f"conv {TRIALS} --no-warm-start", SAME),
        (with_numerics(device="cpu"), f"space.yaml {TRIALS} --device cpu", SAME),
        (with_numerics(device="cuda"), f"space.yaml {TRIALS}", SAME),
        (with_data({}, "kmnist"), f"space.yaml {TRIALS} --set dataset=kmnist", SAME),
        (with_data({"dataset": "mnist-red"}, "mnist-red"), f"space.yaml {TRIALS}", SAME),
        (with_data({"dataset": "mnist-red"}, "mnist"), f"space.yaml {TRIALS} --set dataset=mnist", SAME),
        (
            other(enqueued=[{}, {}]),
            f"space.yaml {TRIALS} --enqueue enqueued-0.yaml --enqueue enqueued-1.yaml",
            SAME,
        ),
        (
            replace(other(enqueued=[{}, {}]), trials=handmade.mixed().trials[:1]),
            f"space.yaml {TRIALS} --enqueue enqueued-0.yaml",
            "; its digest is the one above with the 1 recipe that was enqueued and not begun named with --enqueue, too",
        ),
        (
            replace(handmade.mixed(), trials=(CUT, *handmade.mixed().trials[1:])),
            f"space.yaml {TRIALS}",
            "; its digest is the one above if the machine, with the --trial-timeout of then, ends that trial again",
        ),
        (
            other(order="as-completed"),
            f"space.yaml {TRIALS} --order as-completed",
            "; in completion order, so its digest may differ",
        ),
        (other(**OWN), f"space.yaml {TRIALS} {OWN_OPTIONS}package.pruners:Third", f", in the folder of mine.py{SAME}"),
    ],
)
def test_the_search_is_repeated_as_it_was_and_promises_its_digest_where_it_can(
    study: StudyRecord, command: str, purpose: str
) -> None:
    told = {line: what for line, what in commands(study).items() if line.startswith("mnist-bench search")}
    again = f"mnist-bench search {command} --study-name conv-0 --results elsewhere"
    assert told == {again: f"the same search again{purpose}"}


@pytest.mark.parametrize(
    ("study", "stopped", "digest"),
    [
        (handmade.mixed(), "", "its digest has to be"),
        (ended_early(on_time=True), " --patience 3", "its digest has to be"),
        (ended_early(on_time=False), " --patience 3", "it stops sooner than"),
    ],
)
def test_a_search_in_two_segments_is_repeated_in_two_and_ends_by_its_rule(
    study: StudyRecord, stopped: str, digest: str
) -> None:
    told = commands(replace(study, totals=(5, 9)))
    first, second = (command for command in told if command.startswith("mnist-bench search"))
    assert "--trials 5 " in first
    assert "--trials 9 " in second
    assert [each.partition("conv-0")[2] for each in (first, second)] == [
        " --results elsewhere",
        f"{stopped} --results elsewhere",
    ]
    assert told[first] == "the same search again, first to its budget of that time"
    assert f"; {digest}" in told[second]


@pytest.mark.parametrize(
    ("study", "files"),
    [
        (handmade.mixed(), ["mnist-bench show conv-0 --space > space.yaml"]),
        (
            other(space=SMOKE, enqueued=[{}, {}]),
            [f"mnist-bench show conv-0/{n} --recipe > enqueued-{n}.yaml" for n in (0, 1)],
        ),
        (
            replace(other(space=SMOKE, enqueued=[{}, {}]), trials=handmade.mixed().trials[:1]),
            ["mnist-bench show conv-0/0 --recipe > enqueued-0.yaml"],
        ),
        (
            with_data({"net_code": "my net.py:build " + "0" * 64}, "mnist"),
            ["mnist-bench show conv-0 --code > 'my net.py'", "mnist-bench show conv-0 --space > space.yaml"],
        ),
    ],
)
def test_what_the_search_needs_is_written_to_files_first(study: StudyRecord, files: list[str]) -> None:
    told = [*commands(study)]
    assert told[: len(files)] == files
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
    pictures = [
        Picture(kind="history", content={"svg": svg, "png": png})
        for svg, png in ((small, b"png"), (large, b"png"), (large, large + b"more"))
    ]
    assert [page.data_uri(picture) for picture in pictures] == [
        f"data:image/svg+xml;base64,{base64.b64encode(small).decode()}",
        "data:image/png;base64,cG5n",
        f"data:image/svg+xml;base64,{base64.b64encode(large).decode()}",
    ]


def test_numbers_stand_on_the_right_and_settings_can_be_hidden() -> None:
    head = re.findall(r'<th scope="col" class="(.*?)">(.*?)</th>', page.render(handmade_report.report()))
    classes = {heading: kind for kind, heading in head}
    assert (classes["rank"], classes["state"], classes["blocks"]) == ("right", "left", "left setting")
