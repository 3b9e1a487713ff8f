"""`mnist-bench plot`: which pictures are drawn, where they lie, and how one that fails is told."""

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


EVERY = " ".join(f"results/conv-0/plots/{kind}.{suffix}" for kind in STUDY_KINDS for suffix in ("png", "svg"))


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ("", EVERY),
        ("conv-0 parallel history parallel --formats svg --to a/b", "a/b/parallel.svg a/b/history.svg"),
        ("history --formats png", "results/conv-0/plots/history.png"),  # a kind, although a study has this name
        ("conv-0 history --formats png", "results/conv-0/plots/history.png"),
    ],
)
def test_pictures_are_files_of_the_study_and_kinds_that_were_named(
    cli: Any, pictures: Pictures, words: str, files: str
) -> None:
    cli.studies = {"history": handmade.mixed(name="history"), "conv-0": handmade.mixed()}
    result = cli("plot", *words.split())
    assert (result.exit_code, result.stderr, result.stdout.split()) == (0, "", files.split())
    assert {str(path) for path in Path().rglob("*.*")} == {*files.split()}
    assert all(Path(path).stat().st_size for path in files.split())
    assert [kind for kind, _ in pictures.asked] == [*dict.fromkeys(Path(path).stem for path in files.split())]
    (study,) = {subject.study.name for _, subject in pictures.asked}
    assert study == "conv-0"


FORESEEN, UNFORESEEN = StudyNotFoundError("It is \x1b[31m[bold]."), ZeroDivisionError("division by zero")
TOLD = {
    FORESEEN: "It is [31m[bold].",
    UNFORESEEN: (
        "ZeroDivisionError: division by zero (unexpected; the same command with -v after `mnist-bench` shows where)"
    ),
}


@pytest.mark.parametrize(
    ("named", "failing", "error", "code"),
    [
        ((), ("timeline", "errors"), FORESEEN, 0),
        ((), STUDY_KINDS, FORESEEN, 3),
        (("timeline", "history"), ("timeline",), FORESEEN, 3),
        ((), ("timeline",), UNFORESEEN, 1),
        (("timeline", "history"), ("timeline",), UNFORESEEN, 1),
    ],
)
def test_what_cannot_be_drawn_is_passed_over_where_all_are_drawn_and_an_error_where_it_was_named(
    cli: Cli, pictures: Pictures, named: tuple[str, ...], failing: tuple[str, ...], error: Exception, code: int
) -> None:
    pictures.errors = dict.fromkeys(failing, error)
    verbose = cli("-v", "plot", *named, "--formats", "png")
    plain = cli("plot", "conv-0", *named, "--formats", "png")
    as_json = cli("plot", "conv-0", *named, *named, "--formats", "png", "--json")
    assert [each.exit_code for each in (verbose, plain, as_json)] == [code] * 3
    kinds = named or STUDY_KINDS
    drawn = [kind for kind in kinds if kind not in failing]
    assert plain.stdout.splitlines() == [f"results/conv-0/plots/{kind}.png" for kind in drawn]
    assert plain.stderr.splitlines() == [f"{kind} is not drawn: {TOLD[error]}" for kind in kinds if kind in failing]
    assert (verbose.stderr == plain.stderr) == (error is FORESEEN)
    assert ("Traceback (most recent call last)" in verbose.stderr) == (error is UNFORESEEN)
    values = json.loads(as_json.stdout)
    assert (values["study"], [each["kind"] for each in values["plots"]]) == ("conv-0", drawn)
    assert {each["kind"]: each["reason"] for each in values["skipped"]} == dict.fromkeys(
        failing, str(error) if error is FORESEEN else TOLD[error]
    )


def test_a_reader_that_stops_early_stops_no_picture(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(form: object, result: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("mnist_bench.cli.output.print_result", broken)
    assert cli("plot", "history", "curves", "parallel", "--formats", "png", "--to", "out").exit_code == 141
    assert {path.name for path in Path("out").iterdir()} == {"history.png", "curves.png", "parallel.png"}


@pytest.mark.slow
def test_pictures_of_the_data_need_no_study_and_no_test_files(cli: Any) -> None:
    cli.studies = {}
    Path("data").mkdir()
    for path in PACKAGED.glob("train-*.gz"):
        shutil.copy(path, "data")
    result = cli("plot", "digits", "--formats", "png", "--data", "data")
    assert (result.exit_code, result.stdout) == (0, "results/plots/digits.png\n")
    lines = result.stderr.splitlines()
    assert "mean 33.3184, standard deviation 78.5675 of all pixels (0 to 255)" in lines
    assert "5 0 4 1 9 2 1 3 1 4" in lines
    values = json.loads(cli("plot", "digits", "--json", "--formats", "svg").stdout)
    assert values["study"] is None
    (digits,) = values["plots"]
    assert (digits["files"], digits["lines"][0]) == (["results/plots/digits.svg"], "(60000, 28, 28)")

    def drawn(setting: str) -> bytes:
        assert cli("plot", "digits", "--formats", "png", "--set", f"augment.{setting}").exit_code == 0
        return Path("results/plots/digits.png").read_bytes()

    assert drawn("rotation_degrees=10") == Path("results/plots/digits.png").read_bytes() != drawn("rotation_degrees=30")
    refused = cli("plot", "digits", "--set", "augment.rotation=30")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "augment.rotation: no such field; did you mean `rotation_degrees`?" in refused.stderr


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


def test_on_a_terminal_a_line_says_which_picture_is_drawn(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    told = cli("plot", "--formats", "svg").stderr
    assert f"{list(STUDY_KINDS)[-1]} {len(STUDY_KINDS)} of {len(STUDY_KINDS)}" in told
    assert told.endswith("\x1b[2K")  # the line is gone


def test_a_picture_whose_place_is_taken_is_not_drawn(cli: Cli, pictures: Pictures) -> None:
    Path("results/conv-0/plots/history.png").mkdir(parents=True)
    result = cli("plot", "history", "--formats", "png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("history is not drawn: it cannot be written (")
