"""Defaults that are set once: which one counts, where it is from, and what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from search.defaults import DECLARED, RESULTS, STORAGE, WORKERS, in_force, not_used, results_in_force
from search.errors import UsageError
from search.study.location import place_words


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project, with a folder `sub` in which this process works."""
    for declared in DECLARED:
        monkeypatch.delenv(declared.variable, raising=False)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


def known() -> list[tuple[Any, str]]:
    return [(found.value, found.source) for found in map(in_force, DECLARED)]


def test_if_nothing_is_set_the_defaults_are_in_force() -> None:
    assert known() == [(Path("results"), "default"), (None, "default"), (None, "default")]


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, '[project]\nname = "x"\n\n[tool.mnist-bench]\nworkers = 3\nresults = "runs"\n')
    file = project / "pyproject.toml"
    assert known() == [(project / "runs", f"{file}:6"), (3, f"{file}:5"), (None, "default")]
    monkeypatch.setenv("MNIST_BENCH_RESULTS", "elsewhere")
    monkeypatch.setenv("MNIST_BENCH_WORKERS", "5")
    monkeypatch.setenv("OPTUNA_STORAGE", "sqlite:///a.db")
    assert known() == [
        (Path("elsewhere"), "MNIST_BENCH_RESULTS"), (5, "MNIST_BENCH_WORKERS"), ("sqlite:///a.db", "OPTUNA_STORAGE")
    ]  # fmt: skip
    monkeypatch.setenv("MNIST_BENCH_WORKERS", "")
    assert in_force(WORKERS).value == 3


def test_the_nearest_file_with_the_section_counts(project: Path) -> None:
    write(project, "tool.mnist-bench.workers = 2\n")
    write(project / "sub", "[tool.other]\nworkers = 9\n")
    assert in_force(WORKERS).value == 2
    write(project / "sub", "[tool.mnist-bench]\n")
    assert in_force(WORKERS).value is None


def test_paths_are_relative_to_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, '[tool.mnist-bench]\nresults = "runs"\nstorage = "sqlite:///all.db"\n')
    assert in_force(RESULTS).value == project / "runs"
    assert in_force(STORAGE).value == f"sqlite:///{project / 'all.db'}"
    monkeypatch.chdir(project)
    assert in_force(RESULTS).value == Path("runs")
    write(project, '[tool.mnist-bench]\nresults = "~/runs"\nstorage = "postgresql://me@host/db"\n')
    assert in_force(RESULTS).value == Path("~/runs").expanduser()
    assert in_force(STORAGE).value == "postgresql://me@host/db"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.mnist-bench]\nwrkers = 2", "2: [tool.mnist-bench] has no key wrkers; did you mean `workers`? Its keys"),
        (
            '[tool.mnist-bench]\ndevice = "cpu"',
            "2: [tool.mnist-bench] has no key device. Its keys",
        ),
        ("\n[tool.mnist-bench]\nworkers = 0", "3: workers 0: give a whole number of at least 1."),
        ("[tool.mnist-bench]\nworkers = true", "2: workers true: give a whole number of at least 1."),
        ("[tool.mnist-bench]\nresults = 3", '2: results 3: give a folder, such as "runs".'),
        ("[tool.mnist-bench]\nresults = ''", "2: results : give a folder"),
        ("[tool]\nmnist-bench = 3", "2: write [tool.mnist-bench] as a table of keys."),
        ("[tool.mnist-bench]\nworkers =\n", "2: the file is not TOML (Invalid value (at line 2, column 10))."),
        ("[tool.mnist-bench]\nstorage = 'postgresql://me:word@h/db'", "2: storage: give a URL without a password"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(project: Path, text: str, message: str) -> None:
    write(project / "sub", text)
    with pytest.raises(UsageError) as caught:
        known()
    assert str(caught.value).startswith(f"pyproject.toml:{message}")
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(("name", "text"), [("MNIST_BENCH_WORKERS", "0"), ("MNIST_BENCH_WORKERS", "two")])
def test_what_is_wrong_in_the_environment_names_the_variable(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(UsageError, match=rf"^{name}={text}: give a whole number of at least 1\.$"):
        known()


def test_a_broken_file_of_another_project_is_not_read(project: Path) -> None:
    write(project, "[tool.other\n")
    (project / "sub" / "pyproject.toml").mkdir()
    assert in_force(WORKERS).source == "default"


def test_a_folder_that_was_deleted_has_no_file(project: Path) -> None:
    write(project, "[tool.mnist-bench]\nworkers = 2\n")
    (project / "sub").rmdir()
    assert known()[1] == (None, "default")


def test_a_file_of_another_user_is_not_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "[tool.mnist-bench]\nworkers = 2\n")
    monkeypatch.setattr("search.defaults.pyproject_file.os.geteuid", lambda: os.getuid() + 1)
    monkeypatch.setattr("search.defaults.pyproject_file.SYSTEM", -1)
    assert in_force(WORKERS).value is None
    assert not_used() == [project / "pyproject.toml"]


def test_commands_to_copy_name_a_place_only_if_it_is_not_the_default_in_force(project: Path) -> None:
    write(project, '[tool.mnist-bench]\nresults = "runs"\nstorage = "postgresql://me@host/db"\n')
    assert place_words(project / "runs", "postgresql://me@host/db") == ()
    assert place_words(Path("results"), None) == ("--results", "results")


def test_a_folder_that_is_given_is_the_one(project: Path) -> None:
    write(project, '[tool.mnist-bench]\nresults = "runs"\n')
    assert results_in_force("mine") == Path("mine")
    assert results_in_force() == project / "runs"
