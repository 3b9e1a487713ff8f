"""The paths in a study's folder: none that leads elsewhere is handed out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search.errors import StorageError
from search.study.folder import ExperimentFolder, ResultsFolder, StudyFolder, WorkFolder

LISTS = {
    "inner_locks": "confirm/driver.lock", "kept_nets": "17-seed-0.safetensors", "kept_weights": "weights/3.safetensors",
}  # fmt: skip
"""Of what lists files: one that it finds."""
ARGUMENTS: dict[str, Any] = {"trial": 17, "seed": 0, "on_all": True}
WITHOUT_PATHS = {"with_database", "with_openings"}


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


def test_the_names_are_those_that_a_study_has() -> None:
    files = {door.split(" ")[0].rpartition("/")[2] for door in DOORS}
    assert {"driver.lock", "study.db", "report.html", "commands.jsonl", "states", "confirm", "progress.json"} <= files
    assert len(DOORS) >= 35


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["a link to a file", "a link to a folder", "a pipe"])
def test_no_path_that_leads_elsewhere_is_handed_out(tmp_path: Path, door: str, kind: str) -> None:
    path, ask = doors(tmp_path / "results")[door]
    path.parent.mkdir(parents=True)
    victims = {"a link to a file": tmp_path / "victim", "a link to a folder": tmp_path}
    (tmp_path / "victim").write_text("precious")
    if kind in victims:
        path.symlink_to(victims[kind])
    else:
        os.mkfifo(path)
    with pytest.raises(StorageError) as caught:
        ask()
    assert str(path) in str(caught.value)
    assert ("a symbolic link" in str(caught.value)) == (kind in victims)


@pytest.mark.parametrize("door", [door for door in DOORS if "_locks" not in door])  # which lists what is there
def test_no_link_to_what_is_not_there_is_handed_out(tmp_path: Path, door: str) -> None:
    path, ask = doors(tmp_path / "results")[door]
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "missing")
    with pytest.raises(StorageError, match="is a symbolic link"):
        ask()


@pytest.mark.parametrize("door", DOORS)
def test_a_path_of_the_folders_own_is_handed_out(tmp_path: Path, door: str) -> None:
    path, ask = doors(tmp_path / "results")[door]
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert ask()


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
