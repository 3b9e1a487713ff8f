from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.data.mnist import PACKAGED
from mnist_bench.plots.frame import Drawn
from mnist_bench.plots.kinds import STUDY_KINDS
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from support import handmade
from support.drawn import heading

Cli = Callable[..., Result]


class Pictures:
    """Stands in for the kinds: each draws an empty figure, or fails with its error."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.asked: list[tuple[str, Subject]] = []

    def __call__(self, kind: str, subject: Subject) -> Drawn:
        self.asked.append((kind, subject))
        if kind in self.errors:
            raise self.errors[kind]
        return heading(kind)


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Pictures:
    fake = Pictures()
    monkeypatch.setattr("mnist_bench.plots.kinds.drawn", fake)
    return fake


def test_all_kinds_of_the_latest_study_are_drawn_into_its_folder(cli: Cli, pictures: Pictures) -> None:
    result = cli("plot")
    assert (result.exit_code, result.stderr) == (0, "")
    written = [f"results/conv-0/plots/{kind}.{suffix}" for kind in STUDY_KINDS for suffix in ("png", "svg")]
    assert result.stdout.splitlines() == written
    assert all(Path(path).stat().st_size for path in written)
    assert [kind for kind, _ in pictures.asked] == list(STUDY_KINDS)
    (subject,) = {id(subject): subject for _, subject in pictures.asked}.values()
    assert (subject.study.name, subject.study.files.path, subject.data_dir) == ("conv-0", Path("results/conv-0"), None)


def test_kinds_by_name_in_one_format_into_another_folder(cli: Cli, pictures: Pictures) -> None:
    result = cli("plot", "conv-0", "parallel", "history", "parallel", "--formats", "svg", "--to", "a/b")
    assert result.stdout.splitlines() == ["a/b/parallel.svg", "a/b/history.svg"]
    assert not [*Path("results").rglob("*.*")]


def test_the_first_word_is_a_study_unless_it_is_a_kind(cli: Any, pictures: Pictures) -> None:
    cli.studies = {"history": handmade.mixed(name="history"), "conv-0": handmade.mixed()}
    for words in ("history", "conv-0 history"):
        assert cli("plot", *words.split(), "--formats", "png").stdout == "results/conv-0/plots/history.png\n"
    assert "always the kind" in cli("plot", "--help").stdout


@pytest.mark.parametrize(
    ("named", "failing", "code"),
    [((), ("timeline", "errors"), 0), ((), STUDY_KINDS, 3), (("timeline", "history"), ("timeline",), 3)],
)
def test_what_cannot_be_drawn_is_passed_over_where_all_are_drawn_and_an_error_where_it_was_named(
    cli: Cli, pictures: Pictures, named: tuple[str, ...], failing: tuple[str, ...], code: int
) -> None:
    pictures.errors = {kind: StudyNotFoundError(f"No {kind} \x1b[31m[bold].") for kind in failing}
    result = cli("-v", "plot", *named, "--formats", "png")
    assert result.exit_code == code
    drawn = [kind for kind in named or STUDY_KINDS if kind not in failing]
    assert result.stdout.splitlines() == [f"results/conv-0/plots/{kind}.png" for kind in drawn]
    missing = [kind for kind in named or STUDY_KINDS if kind in failing]
    told = [f"{kind} is not drawn: No {kind} [31m[bold]." for kind in missing]
    assert result.stderr.splitlines() == told, "no traceback, and nothing that a terminal obeys"


@pytest.mark.parametrize("named", [(), ("timeline", "history")])
def test_an_unforeseen_error_ends_one_picture_and_no_other(
    named: tuple[str, ...], cli: Cli, pictures: Pictures
) -> None:
    pictures.errors = {"timeline": ZeroDivisionError("division by zero")}
    result = cli("plot", *named, "--formats", "png")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == len(named or STUDY_KINDS) - 1
    told = "ZeroDivisionError: division by zero (unexpected; the same command with -v after `mnist-bench` shows where)"
    assert result.stderr == f"timeline is not drawn: {told}\n"
    assert "Traceback (most recent call last)" in cli("-v", "plot", "timeline").stderr


def test_a_reader_that_stops_early_stops_no_picture(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(line: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("mnist_bench.cli.output.print_line", broken)
    cli("plot", "history", "curves", "parallel", "--formats", "png", "--to", "out")
    assert {path.name for path in Path("out").iterdir()} == {"history.png", "curves.png", "parallel.png"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("conv-0 histroy", 2, "histroy: no such kind of plot; did you mean `history`?"),
        ("none-7", 3, "No study none-7 in results."),
        ("paretto", 3, "paretto: no such study, and no kind of plot; did you mean `pareto`?"),
        ("conv-0 digits", 2, "digits shows the data and takes no study; leave out conv-0."),
        ("history digits", 2, "digits shows the data and history a study; use one command for each."),
        ("--formats pdf", 2, "formats='pdf': give png or svg."),
        ("--set augment.zoom=1", 2, "--set is for `mnist-bench plot digits`."),
        ("digits --set augment.rotation=30", 2, "augment.rotation: no such field; did you mean `rotation_degrees`?"),
        ("digits --data nowhere", 2, "nowhere: cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused(cli: Cli, words: str, code: int, sentence: str) -> None:
    result = cli("plot", *words.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert not [*Path("results").rglob("*.*")]


def test_json_of_a_study_tells_files_and_reasons(cli: Cli, pictures: Pictures) -> None:
    pictures.errors = {"timeline": StudyNotFoundError("It has no times.")}
    result = cli("plot", "conv-0", "timeline", "history", "history", "--json")
    values = json.loads(result.stdout)
    assert (result.exit_code, values["schema_version"], values["study"]) == (3, 2, "conv-0")
    files = [f"results/conv-0/plots/history.{suffix}" for suffix in ("png", "svg")]
    assert values["pictures"] == [{"kind": "history", "files": files, "lines": []}]
    assert values["skipped"] == [{"kind": "timeline", "reason": "It has no times."}]


@pytest.mark.slow
def test_pictures_of_the_data_need_no_study_and_no_test_files(cli: Any) -> None:
    cli.studies = {}
    Path("data").mkdir()
    for path in PACKAGED.glob("train-*.gz"):
        shutil.copy(path, "data")
    result = cli("plot", "digits", "--formats", "png", "--data", "data")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["results/plots/digits.png"]
    lines = result.stderr.splitlines()
    assert "mean 33.3184, standard deviation 78.5675 of all pixels (0 to 255)" in lines
    assert "5 0 4 1 9 2 1 3 1 4" in lines
    values = json.loads(cli("plot", "digits", "--json", "--formats", "svg").stdout)
    assert values["study"] is None
    (digits,) = values["pictures"]
    assert digits["files"] == ["results/plots/digits.svg"]
    assert digits["lines"][0] == "(60000, 28, 28)"


@pytest.mark.slow
def test_the_settings_of_the_augmentation_decide_its_picture(cli: Cli) -> None:
    def drawn(*arguments: str) -> bytes:
        assert cli("plot", "digits", "--formats", "png", *arguments).exit_code == 0
        return Path("results/plots/digits.png").read_bytes()

    assert drawn() == drawn("--set", "augment.rotation_degrees=10") != drawn("--set", "augment.rotation_degrees=30")


UNDER_GUARD = """
from typer.testing import CliRunner
from support import handmade
from support.drawn import heading
import search.study.studies
from mnist_bench.cli.app import app
from mnist_bench.data.mnist import PACKAGED
search.study.studies.open_study = lambda *_: handmade.mixed()
result = CliRunner().invoke(app, ["plot", "history", "--formats", "svg"])
assert result.exit_code == 0, result.output
(PACKAGED / "t10k-labels-idx1-ubyte.gz").read_bytes()
"""


@pytest.mark.slow
def test_pictures_close_the_test_set(tmp_path: Path) -> None:
    command = [sys.executable, "-c", UNDER_GUARD]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("t10k-labels-idx1-ubyte.gz: the test set cannot be read here")


def test_the_place_is_looked_at_before_anything_is_drawn(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    result = cli("plot", "--to", "a/b")
    assert (result.exit_code, result.stderr) == (2, "Error: a/b: cannot be written (. does not allow you to write).\n")
    assert pictures.asked == []


def test_on_a_terminal_a_line_says_which_picture_is_drawn(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    told = cli("plot", "--formats", "svg").stderr
    assert f"{list(STUDY_KINDS)[-1]} {len(STUDY_KINDS)} of {len(STUDY_KINDS)}" in told
    assert told.endswith("\x1b[2K")  # the line is gone


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(cli: Cli, pictures: Pictures) -> None:
    Path("file").touch()
    result = cli("plot", "--to", "file")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: file: cannot be created as a folder (File exists).\n"
    Path("results/conv-0/plots/history.png").mkdir(parents=True)
    result = cli("plot", "history", "--formats", "png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("history is not drawn: it cannot be written (")
