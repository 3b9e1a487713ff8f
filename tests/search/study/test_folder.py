"""A study's folder: its name, and its paths, of which none that leads elsewhere is handed out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from search.errors import StorageError, UsageError
from search.space.space import Space
from search.study.folder import ExperimentFolder, ResultsFolder, StudyFolder, WorkFolder, can_name_a_study, name_after
from search.study.invocation_log import Invocation, invocations, keep_invocation, latest_data, latest_net
from support import forged
from support.dose import dose

LISTS = {
    "inner_locks": "confirm/driver.lock", "kept_nets": "17-seed-0.safetensors", "kept_weights": "weights/3.safetensors",
}  # fmt: skip
"""Of what lists files: one that it finds."""
ARGUMENTS: dict[str, Any] = {"trial": 17, "seed": 0, "on_all": True}
WITHOUT_PATHS = {"studies", "with_test_log", "of", "name", "results", "words"}


def names(folder: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what a folder's class offers, and how one asks for it; folders within follow their own names."""
    for name in dir(type(folder)):
        member = inspect.getattr_static(type(folder), name)
        if name.startswith("_") or name in WITHOUT_PATHS:
            continue
        if callable(member):
            given = {key: ARGUMENTS[key] for key in inspect.signature(member).parameters if key != "self"}
            yield name, partial(getattr(folder, name), **given)
        elif hasattr(member, "__get__") and not inspect.ismemberdescriptor(member):  # the second is the field `path`
            yield name, partial(getattr, folder, name)


def doors(results: Path) -> dict[str, tuple[Path, Callable[[], Any]]]:
    """Return all paths that are handed out below a results folder, and how one asks for each."""
    study = StudyFolder(results / "conv-0")
    found: dict[str, tuple[Path, Callable[[], Any]]] = {}
    for folder in (ResultsFolder(results), study, study.confirm, study.ablation):
        for name, ask in names(folder):
            path = folder.path / LISTS[name] if name in LISTS else ask()
            path = path.path if isinstance(path, WorkFolder) else path
            found[f"{path.relative_to(results)} ({name})"] = path, ask
    return found


DOORS = sorted(doors(Path("nowhere")))


def test_a_path_of_the_folders_own_is_handed_out(tmp_path: Path) -> None:
    files = {door.split(" ")[0].rpartition("/")[2] for door in DOORS}
    assert {"driver.lock", "study.db", "report.html", "commands.jsonl", "states", "confirm"} <= files
    for number, door in enumerate(DOORS):
        path, ask = doors(tmp_path / str(number))[door]
        path.parent.mkdir(parents=True)
        path.write_text("")
        assert ask(), door


@pytest.mark.parametrize("leads_to", ["victim", ".", "missing", None])
def test_no_path_that_leads_elsewhere_is_handed_out(tmp_path: Path, leads_to: str | None) -> None:
    (tmp_path / "victim").write_text("precious")
    for number, door in enumerate(DOORS):
        path, ask = doors(tmp_path / str(number))[door]
        path.parent.mkdir(parents=True)
        if leads_to is None:
            os.mkfifo(path)
        elif leads_to == "missing" and "_locks" in door:  # what lists the locks that are there does not see it
            continue
        else:
            path.symlink_to(tmp_path / leads_to)
        words = "is neither a file nor a folder" if leads_to is None else "is a symbolic link"
        with pytest.raises(StorageError, match=f"^{path}.*{words}"):
            ask()


def test_files_that_nobody_here_has_named_are_left_out(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    for name in ("confirm/3-seed-1", "confirm/x-seed-1", "confirm/3-seed-1-seed-2", "weights/3", "weights/best"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.safetensors").touch()
    assert ([*folder.confirm.kept_nets()], [*folder.kept_weights()]) == ([(3, 1)], [3])


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_what_sqlite_keeps_beside_a_database_is_looked_at_with_it(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"study.db{ending}").symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError, match=rf"study.db{ending}: is a symbolic link"):
        _ = StudyFolder(tmp_path).database


def test_the_folder_of_a_study_and_that_of_results_may_be_links(tmp_path: Path) -> None:
    (tmp_path / "there" / "conv-0").mkdir(parents=True)
    (tmp_path / "results").symlink_to("there")
    (tmp_path / "there" / "conv-1").symlink_to("conv-0")
    folder = tmp_path / "results" / "conv-1"
    assert StudyFolder(folder).ablation == ExperimentFolder(folder / "ablation")


def test_no_name_leads_out_of_the_results_folder_or_speaks_to_a_terminal() -> None:
    for name in (*forged.NAMES, "", "../x", "a/b", "a\nb", "\x1b[31m", "x" * 65, "a\0b", "-n", "é"):
        with pytest.raises(UsageError, match="cannot name a study"):
            StudyFolder.of(name, Path("results"))
    assert can_name_a_study("conv-0.1_b")
    assert name_after("n" * 62, 0) == f"{'n' * 62}-0"
    with pytest.raises(UsageError, match=r"^'n+-12', the space's name and the seed, cannot name .*\. Give one with --"):
        name_after("n" * 62, 12)


def test_a_command_names_the_folder_of_studies_only_if_it_is_not_the_one_in_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert StudyFolder.of("fake-0", Path("results")).words == ()
    assert StudyFolder.of("fake-0", Path("there")).words == ("--results", "there")
    monkeypatch.setenv("MNIST_BENCH_RESULTS", "there")
    assert StudyFolder.of("fake-0", Path("there")).words == ()


def test_a_folder_whose_name_no_study_can_have_is_not_among_the_studies(tmp_path: Path) -> None:
    for name in ("conv-0", "a b", "\x1b[31m"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "study.db").touch()
    assert [files.name for files in ResultsFolder(tmp_path).studies()] == ["conv-0"]


SPACE = Space.of({"name": "tiny", "epochs": 3, "model": {"units": {"int": [1, 8]}}})
TYPED = Invocation(
    command="mnist-bench search tiny.yaml --set 'model.name=é'", data_dir="/data", net="/nets/my nets.py:build"
)
CALLED = Invocation(data_dir="/data/mine.npz", net="package.nets:build")


def test_each_invocation_is_added_and_the_space_stays_as_it_was(tmp_path: Path) -> None:
    files = StudyFolder(tmp_path)
    keep_invocation(files, SPACE, None)
    assert invocations(files) == []
    keep_invocation(files, SPACE, TYPED)
    keep_invocation(files, Space.of({"name": "other"}), CALLED)
    assert invocations(files) == [TYPED, CALLED]
    assert files.space.read_text() == SPACE.to_yaml()
    os.truncate(files.commands, 1 << 40)  # a terabyte is not read whole
    assert invocations(files) == [TYPED, CALLED]
    files.commands.write_text('{"command": "mnist-bench search conv", "data_dir": null}\n{"data_dir": "/data"}\n')
    assert invocations(files) == [Invocation(command="mnist-bench search conv")], "of an earlier version"
    with pytest.raises(StorageError, match="missing: cannot be written"):
        keep_invocation(StudyFolder(tmp_path / "missing"), SPACE, None)


@given(damage=st.binary(max_size=40), at=st.integers(0, 80))
@settings(max_examples=dose(100))
def test_a_damaged_line_costs_no_other(tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int) -> None:
    files = StudyFolder(tmp_path_factory.mktemp("study"))
    keep_invocation(files, SPACE, TYPED)
    line = files.commands.read_bytes()
    files.commands.write_bytes(line[:at] + damage + b"\n" + line)
    assert invocations(files)[-1] == TYPED


def test_the_latest_data_and_net_are_those_that_were_named_last() -> None:
    searched = [TYPED, CALLED, Invocation(data_dir="/b"), Invocation(command="typed")]
    assert (latest_data(searched), latest_net(searched)) == ("/b", "package.nets:build")
    assert (latest_data([]), latest_net([])) == (None, None)
