"""What is seen of work while it runs, in a terminal and elsewhere."""

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
from search.driver.attended import Row, Screen, State
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
RUNNING = tuple(handmade.trial(n, range(9 * n), periods=n % 4, state="RUNNING") for n in range(30, 34))
PROGRESS = Progress(
    budget=50, finished=29, complete=4, pruned=25, failed=0, infeasible=2, running=RUNNING,
    best=BEST, seconds=161.0, saved_periods=118, total_periods=186, order_cost=0.012,
    training=frozenset({33}), ahead={32: 1},
)  # fmt: skip
STATE = State(
    seconds=161.0,
    left=117,
    done=29,
    total=50,
    ends="4 complete, 25 pruned",
    head=["results/conv-0", "conv", "seed 0"],
    notable=["best  #17  99.40%   2 blocks, 16·32 filters"],
    concurrent=8,
    below="pruning saved 118 of 186 epochs so far",
    running=[
        Row(name=f"#{n}", trains=n > 32, values=(0.9,) * (n % 4), words="epoch", settings="lr") for n in range(30, 38)
    ],
)
SETTINGS = "2 blocks, 16·32 filters, 128 hidden, adam, lr"
TWO_OBJECTIVES = replace(SPEC, space=replace(SPEC.space, settings={"objective": ["accuracy", "macs"]}))


def state(progress: Progress = PROGRESS, header: Header = HEADER) -> State:
    """Return the state of a search at one moment, after 161 seconds."""
    watched = live.WatchedSearch(Screen(), Path("results"))
    watched.on_start(header)
    return replace(watched.state(progress), seconds=161.0, left=117.0)


def picture(state: State, width: int, height: int) -> list[str]:
    return live.picture(live.lines_above(state, width, height), state, width, height)


def test_a_search_is_told_whole_where_there_is_room() -> None:
    assert picture(state(), 130, 40) == [
        "results/conv-0  ·  conv  ·  tpe (multivariate) + asha (after reports 1, 3 of 6)  ·  seed 0",
        "8 concurrent trials on 2 workers, cpu bf16",
        f"{'━' * 25}╸{'─' * 18}  29/50 · 4 complete, 25 pruned (and 2 infeasible)   2 min 41 s gone, about 117 s left",
        f"best  #17  99.40%  [98.70, 99.72]   {SETTINGS} 0.0093",
        f"  #30   ██   epoch 2/6    73.00%  waits for a worker 61.2k parameters  1.5 s/epoch    {SETTINGS} 0.001",
        f"  #31   ▆▆▆  epoch 3/6    72.10%  waits for a worker 61.2k parameters  1.5 s/epoch    {SETTINGS} 0.001",
        f"  #32        epoch 0/6            waits for its turn 61.2k parameters                 {SETTINGS} 0.001",
        f"▶ #33   ▁    epoch 1/6    70.30%                     61.2k parameters  1.5 s/epoch    {SETTINGS} 0.001",
        "pruning saved 118 of 186 epochs so far · workers waited for the deterministic order 1.2% of the time",
    ]
    narrow = picture(state(), 80, 40)
    assert not [line for line in narrow if "parameters  " in line and "blocks" in line]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resumed": True}, "results/conv-0 (resumed)  ·  conv  ·  "),
        ({"stop_rules": StopRules(patience=12, target=0.994)}, "  ·  patience 12  ·  target 99.4%  ·  seed 0"),
        ({"spec": TWO_OBJECTIVES}, "  ·  conv  ·  high accuracy and few MACs  ·  tpe (multivariate) + asha ("),
        ({"spec": replace(SPEC, order="as-completed")}, "8 concurrent trials in completion order on 2 workers, cpu"),
        ({"workers": 0}, "8 concurrent trials, cpu bf16"),
    ],
)
def test_the_head_says_where_what_is_searched_and_how(changes: dict[str, Any], words: str) -> None:
    assert words in live.SEPARATOR.join(state(header=replace(HEADER, **changes)).head)


NUMERICS = {
    "check": "77c0",
    "device": "cpu",
    "precision": "portable",
    "cpu": "AMD EPYC",
    "cpu_generation": "Zen 4",
    "gpu": None,
}
HERE = "AMD EPYC (Zen 4), portable float32"
TOOK = ": 4.4 to 6.5 minutes on 2 idle cores (Zen 5)"
EXPECTED = "expected digest 2b5b be42 ... 9756 (published; Zen 4, Zen 5)"


@pytest.mark.parametrize(
    ("numerics", "changes", "computed_with", "published_lines"),
    [
        ({}, {}, f"{HERE}{TOOK}", [EXPECTED]),
        ({}, {"resumed": True}, HERE, []),
        ({}, {"stop_rules": StopRules(patience=3)}, HERE, []),
        ({}, {"budget": 60}, HERE, []),
        ({"precision": "bf16"}, {}, "AMD EPYC (Zen 4), bfloat16", []),
        ({"cpu_generation": "", "precision": "fp32"}, {}, "AMD EPYC, float32", []),
        ({"gpu": {"name": "NVIDIA H100"}, "precision": "bf16"}, {}, "NVIDIA H100, bfloat16", []),
    ],
)
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
        search=published.search_hash(stored),
        digest="2b5bbe42" + 52 * "0" + "9756",
        versions=published.versions_of(stored),
        processors={"Zen 4": [], "Zen 5": [262, 390]},
    )
    monkeypatch.setattr(published, "entries", lambda: (entry,))
    header = replace(HEADER, spec=replace(SPEC, numerics={**NUMERICS, **numerics}), **changes)
    assert live.first_lines(header) == [f"{computed_with}; Ctrl-C keeps everything", *published_lines]
    assert live.first_lines(replace(HEADER, spec=replace(SPEC, numerics={"check": "objective"}))) == []


def periods(ends: list[float] | None) -> TrialRecord:
    trial = handmade.trial(30, range(9), periods=1, state="RUNNING", params={"epochs": 3, "periods": ends})
    return replace(trial, costs=(1,) * len(ends or "123"))


FRESH: dict[str, Any] = {"best": None, "saved_periods": 0, "total_periods": 0, "order_cost": 0.0, "running": ()}


@pytest.mark.parametrize(
    ("changes", "notable", "below"),
    [
        ({"running": (periods(None),), "best": None}, "ahead #30", "pruning saved 118 of 186 epochs"),
        ({"running": (periods([1, 2, 3]),), "best": None}, "ahead #30", "pruning saved 118 of 186 epochs"),
        ({"running": (periods([0.5, 1, 3]),)}, "best  #17", "pruning saved 118 of 186 periods"),
        ({"running": (), "best": periods([1, 3])}, "best  #30", "pruning saved 118 of 186 periods"),
        ({"running": (), "best": None}, "", "pruning saved 118 of 186 periods"),
        ({"best": None}, "ahead #30  73.00%  after epoch 2 of 6   2 blocks", "pruning saved 118 of 186 epochs"),
        ({**FRESH, "since": None}, "", ""),
        ({**FRESH, "since": 7}, "", "7 of 12 trials without a better one"),
    ],
)
def test_what_stands_out_and_what_was_saved_is_told_as_far_as_it_is_known(
    changes: dict[str, Any], notable: str, below: str
) -> None:
    header = replace(HEADER, stop_rules=StopRules(patience=12))
    found = state(replace(PROGRESS, **changes), header)
    assert [line.startswith(notable) for line in found.notable] == ([True] if notable else [])
    assert found.below.startswith(below) if below else not found.below


@given(width=st.integers(1, 200), height=st.integers(1, 60), is_first=st.booleans())
@example(width=80, height=10, is_first=False)
def test_a_picture_keeps_to_its_room(width: int, height: int, is_first: bool) -> None:
    drawn = replace(STATE, notable=[]) if is_first else STATE
    above = live.lines_above(drawn, width, height)
    assert len(above) <= max(3, height - drawn.concurrent - 3)
    assert above[0].startswith("results/conv-0")
    line = live.progress_line(drawn, width)
    assert "29/50 · 4" in line
    assert cell_len(line) <= width or "━" not in line
    lines = picture(drawn, width, height)
    assert len(lines) <= max(6, height - 2)
    shown = sum(" #3" in line[:5] for line in lines)
    more = [int(found[1]) for line in lines if (found := re.fullmatch(r"  and (\d) more", line))]
    assert shown + sum(more) == 8


def test_head_and_notable_lines_are_folded_where_there_is_room() -> None:
    told = replace(
        STATE,
        head=["results/conv-0", "word " * 11 + "word"],
        notable=["best  " + "setting " * 11 + "setting"],
    )
    heights = {height: [len(line) for line in live.lines_above(told, 70, height)] for height in (18, 16, 14)}
    assert heights == {18: [14, 59, 65, 69, 37], 16: [14, 59, 65, 101], 14: [78, 65, 101]}


@given(share=st.floats(0, 1), width=st.integers(8, 60))
def test_a_bar_is_as_wide_as_asked(share: float, width: int) -> None:
    assert cell_len(live.bar(share, width)) == width


def plain_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_without_a_terminal_there_is_one_line_a_finished_trial(capsys: pytest.CaptureFixture[str]) -> None:
    with live.screen() as screen:
        watched = live.WatchedSearch(screen, Path("results"))
        watched.on_start(replace(HEADER, name="[/x][link=http:evil]\x1b[31m"))
        first, second = handmade.trial(3, range(90), periods=1), handmade.trial(4, range(6))
        watched.on_trial(first)
        watched.on_report(first)
        watched.on_progress(replace(PROGRESS, finished=0))
        for trial in (first, second):
            watched.on_end(trial)
        for finished in (2, 3):
            watched.on_progress(replace(PROGRESS, finished=finished, seconds_left=300.0))
    lines = plain_lines(capsys)
    assert lines[0].startswith("results/[/x][link=http:evil][31m  ·  conv")
    assert lines[1].startswith("1/50  #3  PRUNED  91.00%  epoch 1/6  1.5 s  2 blocks")
    assert lines[2].startswith("2/50  #4  COMPLETE  99.40%  epoch 6  9.0 s")
    assert lines[2].endswith("  (about 5 min left)")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({}, live.Panel),
        ({"TERM": "dumb"}, live.Lines),
        ({"TERM": "xterm-color", "JPY_PARENT_PID": "1"}, live.Lines),
    ],
)
def test_lines_are_for_what_cannot_move_its_cursor_and_for_a_notebooks_cell(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"TERM": "xterm", "FORCE_COLOR": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    with live.screen() as screen:
        assert type(screen) is kind
        screen.say("f.yaml:1:1  warning: [odd]")
    assert "f.yaml:1:1  warning: [odd]\n" in capsys.readouterr().err


@pytest.fixture
def drawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what is written to a terminal of this width."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=request.param, height=20, markup=False, color_system=None)
    monkeypatch.setattr(output, "console", lambda *, stderr=False: console)
    return stream


@pytest.mark.parametrize("drawn", [12, 40, 100], indirect=True)
def test_in_a_terminal_the_picture_is_drawn_within_its_width_and_wiped(
    drawn: io.StringIO, request: pytest.FixtureRequest
) -> None:
    width = request.node.callspec.params["drawn"]
    with live.screen() as screen:
        assert isinstance(screen, live.Panel)
        screen._live.refresh()
        screen.show(lambda: replace(STATE, head=["[bold]\x1b[31m名前", "conv"]))
        screen._live.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.getvalue())
    assert "starting w" in text
    assert "[bold][31m"[: width - 2] in text
    assert all(cell_len(line) <= width for line in re.split(r"[\r\n]+", text))


@pytest.mark.parametrize("drawn", [80], indirect=True)
def test_the_running_trials_stay_where_they_are_when_less_is_told_above(drawn: io.StringIO) -> None:
    screen = live.screen()
    assert isinstance(screen, live.Panel)
    pictures = []
    for notable in (["best  #17", "ahead #30"], ["best  #17"]):
        screen.show(lambda notable=notable: replace(STATE, notable=notable))  # type: ignore[misc]
        pictures.append(screen._drawn().plain.split("\n"))
    assert [any(line.startswith("ahead #30") for line in lines) for lines in pictures] == [True, False]
    assert len({[line[2:5] for line in lines].index("#33") for lines in pictures}) == 1


VALUES = ValueKind()
NETS = replace(value_kind.NETS, images=handmade.IMAGES)
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
