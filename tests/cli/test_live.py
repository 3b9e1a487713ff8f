from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from rich.cells import cell_len
from rich.console import Console

from mnist_bench import published, value_kind
from mnist_bench.cli import live, output
from mnist_bench.value_kind import ValueKind
from search.driver.progress import Header, Progress
from search.event_log.history import StopRules
from search.event_log.records import TrialRecord
from search.strategies.pruners import Asha
from search.strategies.samplers import Tpe
from search.study.spec import StudySpec
from support import handmade, search_fake

SPEC = StudySpec(
    space=replace(search_fake.space(), name="conv"), seed=0, concurrent_trials=8, sampler=Tpe(),
    pruner=Asha(), periods=6,
    numerics={"device": "cpu", "precision": "bf16", "check": "77c0"}, context=handmade.spec()["context"],
    order="deterministic", versions={},
)  # fmt: skip
HEADER = Header(name="conv-0", spec=SPEC, workers=2, budget=50, resumed=False)
BEST = handmade.trial(17, range(6), params={"optim.lr": 0.0093})
RUNNING = tuple(handmade.trial(n, range(9 * n), periods=n % 4, state="RUNNING") for n in range(30, 38))
NETS = replace(value_kind.NETS, images=handmade.IMAGES)
PROGRESS = Progress(
    budget=50, finished=29, complete=4, pruned=25, failed=0, infeasible=2, running=RUNNING,
    best=BEST, seconds=161.0, saved_periods=118, total_periods=186, order_cost=0.012, workers=2,
    training=frozenset({33, 34}), ahead={32: 1},
)  # fmt: skip


def picture(progress: Progress, left: float | None, width: int, height: int, patience: int | None = None) -> list[str]:
    """Return the picture below a header of one word, as a search of eight slots shows it."""
    above = live.lines_above(["header"], NETS, progress, left, width, height - SPEC.concurrent_trials - 3)
    return live.picture(above, NETS, progress, width, height, patience=patience)


def header_line(header: Header) -> str:
    return live.SEPARATOR.join(live.header_parts(header, Path("results")))


def test_the_header_says_where_what_is_searched_and_how() -> None:
    assert header_line(HEADER) == (
        "results/conv-0  ·  conv  ·  tpe (multivariate) + asha (after reports 1, 3 of 6)  ·  seed 0"
        "  ·  8 concurrent trials on 2 workers, cpu bf16"
    )
    resumed = header_line(replace(HEADER, resumed=True))
    assert resumed.startswith("results/conv-0 (resumed)  ·  conv  ·  ")
    rules = header_line(replace(HEADER, stop_rules=StopRules(patience=12, target=0.994)))
    assert "asha (after reports 1, 3 of 6)  ·  patience 12  ·  target 99.4%  ·  seed 0" in rules
    two = replace(SPEC.space, settings={"objective": ["accuracy", "macs"]})
    both = header_line(replace(HEADER, spec=replace(SPEC, space=two)))
    assert "  ·  conv  ·  high accuracy and few MACs  ·  tpe (multivariate) + asha (" in both


NUMERICS = {
    "check": "77c0",
    "device": "cpu",
    "precision": "bf16",
    "cpu": "AMD EPYC",
    "cpu_generation": "Zen 4",
    "cpu_flags": ["avx2", "avx512_bf16"],
    "gpu": None,
}
TOOK = ": 4.4 to 6.5 minutes on 2 idle cores (Zen 5)"
EXPECTED = "expected digest 2b5b be42 ... 9756 (published; Zen 4, Zen 5)"


@pytest.mark.parametrize(
    ("numerics", "changes", "computed_with", "published_lines"),
    [
        ({}, {}, "AMD EPYC (Zen 4), bfloat16" + TOOK, [EXPECTED]),
        ({"check": "5f1c"}, {}, "AMD EPYC (Zen 4), bfloat16" + TOOK, []),
        ({}, {"resumed": True}, "AMD EPYC (Zen 4), bfloat16", []),
        ({}, {"stop_rules": StopRules(patience=3)}, "AMD EPYC (Zen 4), bfloat16", []),
        ({}, {"budget": 60}, "AMD EPYC (Zen 4), bfloat16", []),
        (
            {"cpu_generation": "Zen 3", "cpu_flags": ["avx2"], "precision": "portable"}, {},
            "AMD EPYC (Zen 3, no bfloat16), portable float32", [],
        ),
        ({"cpu_generation": "", "precision": "fp32"}, {}, "AMD EPYC, float32", []),
        ({"gpu": {"name": "NVIDIA H100"}}, {"budget": 60}, "NVIDIA H100, bfloat16", []),
    ],
)  # fmt: skip
def test_the_first_lines_say_what_is_computed_with_and_what_to_expect(
    numerics: dict[str, object],
    changes: dict[str, Any],
    computed_with: str,
    published_lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = replace(SPEC, numerics=NUMERICS).to_json()
    entry = published.Published(
        space="conv",
        trials=50,
        seed=0,
        precision="bf16",
        search=published.search_hash(stored),
        digest="2b5bbe42" + 52 * "0" + "9756",
        versions=published.versions_of(stored),
        machine={"check": "77c0"},
        processors={"Zen 4": [], "Zen 5": [262, 390]},
    )
    monkeypatch.setattr(published, "entries", lambda: (entry,))
    header = replace(HEADER, spec=replace(SPEC, numerics={**NUMERICS, **numerics}), **changes)
    assert live.first_lines(header) == [f"{computed_with}; Ctrl-C keeps everything", *published_lines]
    assert live.first_lines(replace(HEADER, spec=replace(SPEC, numerics={"check": "objective"}))) == []


def test_where_there_is_room_header_and_best_trial_are_told_whole() -> None:
    parts = live.header_parts(HEADER, Path("results"))
    above = live.lines_above(parts, NETS, PROGRESS, None, 80, 13)
    assert all(cell_len(line) <= 80 for line in above)
    bar = next(n for n, line in enumerate(above) if "29/50" in line)
    assert (bar, "  ·  ".join(above[:bar])) == (2, header_line(HEADER))
    assert len(above[bar + 1 :]) == 2
    assert " ".join(" ".join(above[bar + 1 :]).split()) == " ".join(f"best {live.best_words(NETS, BEST)}".split())
    assert len(live.lines_above(["header"], NETS, PROGRESS, None, 80, 5)) == 3


@given(width=st.integers(1, 200), room=st.integers(-20, 40), is_first=st.booleans())
def test_what_is_above_the_running_trials_takes_no_more_than_its_room(width: int, room: int, is_first: bool) -> None:
    progress = replace(PROGRESS, best=None) if is_first else PROGRESS
    parts = live.header_parts(HEADER, Path("results"))
    above = live.lines_above(parts, NETS, progress, 117, width, room)
    assert len(above) <= max(4, room)
    assert above[0].startswith("results/conv-0")


def test_the_picture_shows_progress_best_running_trials_and_savings() -> None:
    lines = picture(PROGRESS, 117, 160, 40)
    assert lines[0] == "header"
    assert "29/50   4 complete  25 pruned   2 min 41 s gone, about 117 s left   (+2 infeasible)" in lines[1]
    assert lines[2].startswith("best  #17  99.40%  [98.70, 99.72]   2 blocks, 16·32 filters")
    assert [line[2:].split()[0] for line in lines[3:11]] == [f"#{n}" for n in range(30, 38)]
    assert "epoch 3/6" in lines[4]
    assert lines[-1] == (
        "pruning saved 118 of 186 epochs so far · workers waited for the deterministic order 1.2% of the time"
    )


@pytest.mark.parametrize(
    ("periods", "unit"), [(None, "epochs"), ([1, 2, 3], "epochs"), ([0.5, 1, 3], "periods"), ([1, 3], "periods")]
)
@pytest.mark.parametrize("is_running", [True, False])
def test_what_pruning_saved_counts_epochs_only_where_each_is_a_period(
    periods: list[float] | None, unit: str, is_running: bool
) -> None:
    trial = handmade.trial(30, range(9), periods=1, state="RUNNING", params={"epochs": 3, "periods": periods})
    known = replace(trial, costs=(1,) * len(periods or "123"))
    progress = replace(PROGRESS, running=(known,) if is_running else (), best=None if is_running else known)
    assert picture(progress, None, 120, 40)[-1].startswith(f"pruning saved 118 of 186 {unit} so far")
    unknown = replace(progress, running=(), best=None)
    assert picture(unknown, None, 120, 40)[-1].startswith("pruning saved 118 of 186 periods so far")


def test_patience_runs_down_once_a_trial_is_complete() -> None:
    (*_, last) = picture(replace(PROGRESS, since=7), None, 120, 40, patience=12)
    assert last.endswith(" · 7 of 12 trials without a better one")
    for since, patience in ((None, 12), (7, None)):
        lines = picture(replace(PROGRESS, since=since), None, 120, 40, patience=patience)
        assert not any("without a better one" in line for line in lines)


def test_it_tells_what_trains_from_what_waits_and_for_what_and_settings_where_there_is_room() -> None:
    lines = picture(PROGRESS, None, 160, 40)
    told = {line[2:].split()[0]: line for line in lines[3:11]}
    assert [name for name, line in told.items() if line.startswith("▶")] == ["#33", "#34"]
    assert "waits for its turn " in told["#32"][:60]
    assert "waits for a worker" in told["#35"][:60]
    assert "waits" not in told["#33"]
    assert len({line.index("  2 blocks, 16·32 filters") for line in told.values()}) == 1
    narrow = picture(PROGRESS, None, 80, 40)
    assert not [line for line in narrow if "parameters  " in line and "blocks" in line]


def test_before_any_trial_is_complete_the_best_of_those_under_way_is_shown() -> None:
    lines = picture(replace(PROGRESS, best=None), None, 120, 40)
    (first,) = (line for line in lines if line.startswith("ahead"))
    assert first.startswith("ahead #30  73.00%  after epoch 2 of 6   2 blocks")
    assert not [line for line in picture(PROGRESS, None, 120, 40) if line.startswith("ahead")]


def test_before_anything_has_ended_nothing_is_said_of_savings_and_no_time_is_promised() -> None:
    begun = replace(PROGRESS, best=None, saved_periods=0, total_periods=0, order_cost=0.0, running=())
    lines = picture(begun, None, 120, 40)
    assert lines[2:] == []
    assert "left" not in lines[1]


def test_the_clock_runs_down_until_the_search_takes_much_longer() -> None:
    assert live.expected_end(None, 10.0, None) is None
    assert live.expected_end(None, 10.0, 60.0) == 70.0
    assert live.expected_end(70.0, 10.0, 50.0) == 60.0
    assert live.expected_end(70.0, 10.0, 70.0) == 70.0
    assert live.expected_end(70.0, 10.0, 90.0) == 100.0
    assert live.expected_end(70.0, 75.0, 2.0) == 77.0


@given(done=st.integers(0, 100), total=st.integers(0, 100), width=st.integers(8, 60))
def test_a_bar_is_as_wide_as_asked(done: int, total: int, width: int) -> None:
    assert cell_len(live.bar(done, total, width)) == width


@given(width=st.integers(1, 200), height=st.integers(1, 60))
@example(width=80, height=10)
def test_the_progress_line_keeps_to_the_width_while_there_is_room_for_a_bar(width: int, height: int) -> None:
    line = live.progress_line(PROGRESS, 117, width)
    assert "29/50" in line
    assert cell_len(line) <= width or "━" not in line
    lines = picture(PROGRESS, 117, width, height)
    assert len(lines) <= max(6, height - 2)
    assert sum(" #3" in line[:5] for line in lines) == 8 or any(re.fullmatch(r"  and \d more", line) for line in lines)


def plain_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_without_a_terminal_there_is_one_line_a_finished_trial(capsys: pytest.CaptureFixture[str]) -> None:
    with live.view(Path("results")) as view:
        view.on_start(HEADER)
        first, second = handmade.trial(3, range(90), periods=1), handmade.trial(4, range(6))
        view.on_trial(first)
        view.on_report(first)
        view.on_progress(replace(PROGRESS, finished=0))
        for trial in (first, second):
            view.on_end(trial)
        for finished in (2, 3):
            view.on_progress(replace(PROGRESS, finished=finished))
    lines = plain_lines(capsys)
    assert lines[0].startswith("results/conv-0  ·  conv  ·  ")
    assert lines[1].startswith("1/50  #3  PRUNED  91.00%  epoch 1/6  1.5 s  2 blocks")
    assert lines[2].startswith("2/50  #4  COMPLETE  99.40%  epoch 6  9.0 s")
    assert len(lines) == 3


def test_names_with_markup_and_escapes_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    with live.Lines(Path("results")) as view:
        view.on_start(replace(HEADER, name="[/x][link=http:evil]\x1b[31m"))
    assert plain_lines(capsys)[0].startswith("results/[/x][link=http:evil][31m  ·  conv")


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({}, live.Panel),
        ({"TERM": "dumb"}, live.Lines),
        ({"TERM": "xterm-color", "JPY_PARENT_PID": "1"}, live.Lines),
    ],
)
def test_lines_are_for_what_cannot_move_its_cursor_and_for_a_notebooks_cell(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kind: type
) -> None:
    for name, value in {"FORCE_COLOR": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    assert type(live.view(Path("results"))) is kind


@pytest.mark.parametrize("width", [12, 40, 100])
def test_in_a_terminal_the_picture_is_drawn_within_its_width_and_wiped(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=width, height=20, markup=False, color_system=None)
    monkeypatch.setattr(output, "console", lambda *, stderr=False: console)
    with live.view(Path("results")) as view:
        assert isinstance(view, live.Panel)
        view.on_start(replace(HEADER, spec=replace(SPEC, space=replace(SPEC.space, name="[bold]\x1b[31m名前"))))
        view.on_progress(PROGRESS)
        view.say("Stopping")
        view._live.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
    assert "[bold][31m"[: width - 2] in text
    assert "Stopping" in text
    assert all(cell_len(line) <= width for line in re.split(r"[\r\n]+", text))


def test_the_running_trials_stay_where_they_are_when_less_is_told_above(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=30, color_system=None)
    monkeypatch.setattr(output, "console", lambda *, stderr=False: console)
    view = live.Panel(Path("results"))
    view.on_start(HEADER)
    first, *others = RUNNING
    ahead = replace(first, reports=(replace(RUNNING[1].reports[0], value=0.999),))
    drawn = []
    for running in ((ahead, *others), RUNNING):
        view.on_progress(replace(PROGRESS, running=running))
        drawn.append(view._draw().plain.split("\n"))
    assert [any(line.startswith("ahead #30") for line in lines) for lines in drawn] == [True, False]
    assert len({[line[2:5] for line in lines].index("#33") for lines in drawn}) == 1
    assert len(drawn[0]) == len(drawn[1])


@pytest.mark.parametrize("terminal", [True, False])
def test_a_warning_is_printed_and_stays(
    terminal: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
    with live.view(tmp_path) as view:
        assert isinstance(view, live.Panel) is terminal
        view.on_warning("f.yaml:1:1  warning: [odd]")
    assert "f.yaml:1:1  warning: [odd]\n" in capsys.readouterr().err


VALUES = ValueKind()
STOPPED = handmade.ended_by_machine().trials[2:]
PARAMS = {"config.lr": 0.00573, "config.way": "adam", "model.depth": 3}


def value_trial(periods: int, *, value: float = 0.25, of: int = 6, **more: Any) -> TrialRecord:
    return handmade.value_trial(3, [value] * periods, planned=of, params=PARAMS, **more)


@pytest.mark.parametrize(
    ("kind", "ended", "line"),
    [
        (
            VALUES,
            value_trial(1, value=-12.5),
            "#3  PRUNED  -12.5  report 1/6  0.5 s  lr 0.00573  way adam  model.depth 3",
        ),
        (
            VALUES,
            value_trial(1, value=1234567.0, of=1),
            "#3  COMPLETE  1.23457e+06  0.5 s  lr 0.00573  way adam  model.depth 3",
        ),
        (
            VALUES,
            value_trial(0, state="FAIL", error="Traceback\n  File\nValueError: no value"),
            "#3  FAIL (crashed)  –  report 0/6  0.0 s  lr 0.00573  way adam  model.depth 3  (ValueError: no value)",
        ),
        (NETS, STOPPED[0], "#2  PRUNED (timed out)  –  epoch 0/6  0.0 s  "),
        (NETS, STOPPED[1], "#3  PRUNED (timed out)  92.00%  epoch 2/6  3.0 s  "),
    ],
)
def test_an_ended_trial_has_its_value_its_reports_and_what_ended_it(
    kind: ValueKind, ended: TrialRecord, line: str
) -> None:
    told = live.ended_words(kind, ended)
    assert told.startswith(line) if kind is NETS else told == line
