from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from typer.testing import Result

from mnist_bench.cli.pictures.plot import chosen
from mnist_bench.data.mnist import PACKAGED
from mnist_bench.plots.kinds import KINDS, STUDY_KINDS
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError, UsageError
from support import handmade

Cli = Callable[..., Result]


class Pictures:
    """Stands in for the kinds: each draws an empty figure, or fails with its error."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.asked: list[tuple[str, Subject]] = []

    def __call__(self, kind: str, subject: Subject, *, narrow: bool) -> Figure:
        self.asked.append((kind, subject))
        if kind in self.errors:
            raise self.errors[kind]
        return Figure(figsize=(1, 1))


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Pictures:
    fake = Pictures()
    monkeypatch.setattr("mnist_bench.plots.drawing.picture", fake)
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
    result = cli("plot", "conv-0", "parallel", "history", "parallel", "--format", "svg", "--output", "a/b")
    assert result.stdout.splitlines() == ["a/b/parallel.svg", "a/b/history.svg"]
    assert not Path("results").exists()


def test_the_first_word_is_a_study_unless_it_is_a_kind(cli: Cli, pictures: Pictures) -> None:
    cli.studies = {"history": handmade.mixed(name="history"), "conv-0": handmade.mixed()}  # type: ignore[attr-defined]
    assert cli("plot", "history", "--format", "png").stdout == "results/conv-0/plots/history.png\n"
    assert cli("plot", "conv-0", "history", "--format", "png").exit_code == 0
    assert "always the kind" in cli("plot", "--help").stdout


def test_what_cannot_be_drawn_is_passed_over_where_all_are_drawn(cli: Cli, pictures: Pictures) -> None:
    pictures.errors = {
        "timeline": StudyNotFoundError("It has no times."),
        "mistakes": UsageError("Other data."),
    }
    result = cli("plot", "--format", "png")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == len(STUDY_KINDS) - 2
    assert result.stderr.splitlines() == [
        "timeline is not drawn: It has no times.",
        "mistakes is not drawn: Other data.",
    ]


def test_where_nothing_can_be_drawn_the_first_reason_gives_the_exit_code(cli: Cli, pictures: Pictures) -> None:
    pictures.errors = {kind: StudyNotFoundError(f"No {kind}.") for kind in STUDY_KINDS}
    result = cli("plot")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.count("\n") == len(STUDY_KINDS)


def test_a_kind_that_was_named_and_cannot_be_drawn_is_an_error_and_the_others_are_drawn(
    cli: Cli, pictures: Pictures
) -> None:
    pictures.errors = {"timeline": StudyNotFoundError("It has no times.")}
    result = cli("plot", "timeline", "history", "--format", "png")
    assert result.exit_code == 3
    assert result.stdout == "results/conv-0/plots/history.png\n"
    assert result.stderr == "timeline is not drawn: It has no times.\n"


@pytest.mark.parametrize("named", [(), ("timeline", "history")])
def test_an_unforeseen_error_ends_one_picture_and_no_other(
    named: tuple[str, ...], cli: Cli, pictures: Pictures
) -> None:
    pictures.errors = {"timeline": ZeroDivisionError("division by zero")}
    result = cli("plot", *named, "--format", "png")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == len(named or STUDY_KINDS) - 1
    told = "ZeroDivisionError: division by zero (unexpected; the same command with -v after `mnist-bench` shows where)"
    assert result.stderr == f"timeline is not drawn: {told}\n"
    assert "Traceback (most recent call last)" in cli("-v", "plot", "timeline").stderr


def test_a_foreseen_error_shows_no_traceback(cli: Cli, pictures: Pictures) -> None:
    pictures.errors = {"timeline": StudyNotFoundError("It has no times.")}
    assert cli("-v", "plot", "timeline").stderr == "timeline is not drawn: It has no times.\n"


def test_a_reader_that_stops_early_stops_no_picture(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(line: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("mnist_bench.cli.output.print_line", broken)
    cli("plot", "history", "curves", "parallel", "--format", "png", "--output", "out")
    assert {path.name for path in Path("out").iterdir()} == {"history.png", "curves.png", "parallel.png"}


def test_an_unknown_kind_is_told_with_the_nearest_and_all(cli: Cli) -> None:
    result = cli("plot", "conv-0", "histroy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "histroy: no such kind of plot; did you mean `history`?" in result.stderr
    assert all(kind in result.stderr for kind in KINDS)


def test_no_study_of_that_name(cli: Cli) -> None:
    result = cli("plot", "none-7")
    assert (result.exit_code, result.stderr) == (3, "Error: No study none-7 in results.\n")
    near = cli("plot", "paretto")
    assert near.exit_code == 3
    assert near.stderr == "Error: paretto: no such study, and no kind of plot; did you mean `pareto`?\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("conv-0", "digits"), "digits shows the data and takes no study; leave out conv-0."),
        (("history", "digits"), "digits shows the data and history a study; use one command for each."),
        (("digits", "--seed", "1"), "--set and --seed are for `mnist-bench plot augmented`."),
        (("--set", "augment.zoom=1"), "--set and --seed are for `mnist-bench plot augmented`."),
    ],
)
def test_what_does_not_go_together_is_refused(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    result = cli("plot", *words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {sentence}\n")
    assert not Path("results").exists()


def test_words() -> None:
    assert chosen([]) == (None, ())
    assert chosen(["conv-0"]) == ("conv-0", ())
    assert chosen(["curves", "history", "curves"]) == (None, ("curves", "history"))
    assert chosen(["conv-0", "curves"]) == ("conv-0", ("curves",))
    assert chosen(["digits", "augmented"]) == (None, ("digits", "augmented"))


def test_json_of_a_study_tells_files_and_reasons(cli: Cli, pictures: Pictures) -> None:
    pictures.errors = {"timeline": StudyNotFoundError("It has no times.")}
    result = cli("plot", "conv-0", "timeline", "history", "--json")
    values = json.loads(result.stdout)
    assert (result.exit_code, values["schema_version"], values["study"]) == (3, 2, "conv-0")
    files = [f"results/conv-0/plots/history.{suffix}" for suffix in ("png", "svg")]
    assert values["pictures"] == [{"kind": "history", "files": files, "lines": []}]
    assert values["skipped"] == [{"kind": "timeline", "reason": "It has no times."}]


@pytest.mark.slow
def test_pictures_of_the_data_need_no_study(cli: Cli) -> None:
    cli.studies = {}  # type: ignore[attr-defined]
    result = cli("plot", "digits", "augmented", "--format", "png")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"results/plots/{kind}.png" for kind in ("digits", "augmented")]
    lines = result.stderr.splitlines()
    assert "mean 33.3184, standard deviation 78.5675 of all pixels (0 to 255)" in lines
    assert "[5 0 4 1 9 2 1 3 1 4]" in lines


@pytest.mark.slow
def test_json_of_the_data_tells_what_is_printed(cli: Cli) -> None:
    values = json.loads(cli("plot", "digits", "--json", "--format", "svg").stdout)
    assert values["study"] is None
    (digits,) = values["pictures"]
    assert digits["files"] == ["results/plots/digits.svg"]
    assert digits["lines"][0] == "(60000, 28, 28)"


@pytest.mark.slow
def test_the_settings_of_the_augmentation_decide_its_picture(cli: Cli) -> None:
    def drawn(*arguments: str) -> bytes:
        assert cli("plot", "augmented", "--format", "png", *arguments).exit_code == 0
        return Path("results/plots/augmented.png").read_bytes()

    assert drawn() == drawn("--seed", "0") == drawn("--set", "augment.rotation_degrees=10")
    assert len({drawn(), drawn("--seed", "1"), drawn("--set", "augment.rotation_degrees=30")}) == 3


def test_a_bad_setting_is_explained(cli: Cli) -> None:
    result = cli("plot", "augmented", "--set", "augment.rotation=30")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean `rotation_degrees`?" in result.stderr


def test_the_test_files_are_not_needed(cli: Cli) -> None:
    Path("data").mkdir()
    for path in PACKAGED.glob("train-*.gz"):
        shutil.copy(path, "data")
    assert cli("plot", "digits", "--data-dir", "data", "--format", "png").exit_code == 0
    assert cli("plot", "digits", "--data-dir", "nowhere").exit_code == 2


UNDER_GUARD = """
import sys
from typer.testing import CliRunner
from support import handmade
import search.study.studies
from mnist_bench.cli.app import app
from mnist_bench.data.mnist import PACKAGED
search.study.studies.open_study = lambda *_: handmade.mixed()
result = CliRunner().invoke(app, ["plot", sys.argv[1], "--format", "svg"])
assert result.exit_code == 0, result.output
(PACKAGED / "t10k-labels-idx1-ubyte.gz").read_bytes()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["history", "digits"])
def test_pictures_of_studies_and_data_close_the_test_set(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", UNDER_GUARD, kind]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=tmp_path, env=paths, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("t10k-labels-idx1-ubyte.gz: the test set cannot be read here")


def test_paths_are_whole_in_a_narrow_terminal(cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    folder = "a-folder-with-a-long-name/" * 3
    result = cli("plot", "history", "--format", "png", "--output", folder, columns=20)
    assert result.stdout == f"{folder}history.png\n"


def test_the_place_is_looked_at_before_anything_is_drawn(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    result = cli("plot", "--output", "a/b")
    assert (result.exit_code, result.stderr) == (2, "Error: a/b: cannot be written (. does not allow you to write).\n")
    assert pictures.asked == []


def test_on_a_terminal_a_line_says_which_picture_is_drawn(
    cli: Cli, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    told = cli("plot", "--format", "svg").stderr
    assert f"{list(STUDY_KINDS)[-1]} {len(STUDY_KINDS)} of {len(STUDY_KINDS)}" in told
    assert told.endswith("\x1b[2K")  # the line is gone


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(cli: Cli, pictures: Pictures) -> None:
    Path("file").touch()
    result = cli("plot", "--output", "file")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: file: cannot be created as a folder (File exists).\n"
    Path("results/conv-0/plots/history.png").mkdir(parents=True)
    result = cli("plot", "history", "--format", "png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("history is not drawn: it cannot be written (")


def test_what_a_reason_quotes_cannot_reach_the_terminal(cli: Cli, pictures: Pictures) -> None:
    pictures.errors = {"history": UsageError("Bad \x1b[31m[bold]name.")}
    result = cli("plot", "history")
    assert result.stderr == "history is not drawn: Bad [31m[bold]name.\n"
