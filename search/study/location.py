"""Where a study lives: a folder for its files, and a database; and whether the files of a folder are its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from search.database.engines import sqlite_url
from search.database.urls import sqlite_file
from search.defaults import STORAGE, in_force, results_in_force
from search.errors import UsageError
from search.files import atomic_write, read
from search.study.folder import ResultsFolder, StudyFolder

MAX_TIME = 100  # bytes of a time; the sender of a study may have written anything into the file
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RULE = "a name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"


def can_name_a_study(name: str) -> bool:
    """Return whether a name can be a study's."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Return a study's name; UsageError if it cannot be one."""
    if not can_name_a_study(name):
        raise UsageError(f"{name!r} cannot name a study: {_RULE}.")
    return name


def name_after(space: str, seed: int | str) -> str:
    """Return the name of a study that was given none: SPACE-SEED, or SPACE-NAME if a name determines the seed."""
    name, end = f"{space}-{seed}", "the seed" if isinstance(seed, int) else "that of --for"
    if not can_name_a_study(name):
        raise UsageError(
            f"{name!r}, the space's name and {end}, cannot name a study: {_RULE}. Give one with --study-name."
        )
    return name


@dataclass(frozen=True, slots=True)
class StudyLocation:
    """Where a study lives: a folder for its files, and a database."""

    name: str  # the folder's; the study inside has it, too, unless the folder was renamed or copied (`name_inside`)
    folder: Path
    url: str = field(repr=False)

    @classmethod
    def of(cls, name: str, results: Path, storage: str | None = None) -> StudyLocation:
        """Return the location of a study; without a storage, its database is a file in its folder."""
        folder = results / checked_name(name)
        return cls(name, folder, storage or sqlite_url(StudyFolder(folder).database))

    @property
    def files(self) -> StudyFolder:
        """The files of its folder."""
        return StudyFolder(self.folder)

    @property
    def owns_database(self) -> bool:
        """Whether its database is a file in its folder, and no other study's."""
        return self.url == sqlite_url(self.files.database)

    @property
    def storage(self) -> str | None:
        """The storage that `of` takes for studies in the same place; None if each has a file in its folder."""
        return None if self.owns_database else self.url

    @property
    def lacks_database(self) -> bool:
        """Whether its database is to be a file, in its folder or elsewhere, and is not there."""
        return not (self.files.database if self.owns_database else sqlite_file(self.url)).exists()

    @property
    def results(self) -> ResultsFolder:
        """The folder of studies in which its folder lies."""
        return ResultsFolder(self.folder.parent)

    @property
    def words(self) -> tuple[str, ...]:
        """The words with which a command to copy finds the study, see `place_words`."""
        return place_words(self.folder.parent, self.storage)


def place_words(results: Path, storage: str | None) -> tuple[str, ...]:
    """Return `--results` and `--storage` with their values, each only if it is not the default in force."""
    named = {"--results": None if results == results_in_force() else results, "--storage": storage_to_show(storage)}
    return tuple(word for option, value in named.items() if value is not None for word in (option, str(value)))


def storage_to_show(storage: str | None) -> str | None:
    """Return a storage that a command to copy has to name."""
    return None if storage is None or is_in_environment(storage) else storage


def is_in_environment(storage: str) -> bool:
    """Return whether the environment or pyproject.toml names this storage, so that no command has to."""
    return storage == in_force(STORAGE)


def check_belongs(location: StudyLocation, begun: str | None = None) -> None:
    """UsageError if files in a folder are another study's than the one that began at this time.

    Its checkpoints must not be taken for this one's, nor its weights replaced.
    """
    files = location.files
    if not belongs(location, begun):
        known = f"begun {_begun(files)}" if files.begun.exists() else f"whose database is {files.database}"
        raise UsageError(
            f"{location.folder} holds files of another study of this name, {known}; move or remove that folder, or "
            "give this search another name with --study-name."
        )


def belongs(location: StudyLocation, begun: str | None) -> bool:
    """Return whether the folder's files are of the study that was begun then, or of none."""
    files = location.files
    if location.owns_database:
        return not files.begun.exists()
    return not files.database.exists() and (not files.begun.exists() or _begun(files) == begun)


def mark_folder(location: StudyLocation, begun: str | None) -> None:
    """Note in the folder which study its files belong to; a database in the folder says it already."""
    if begun is not None and not location.owns_database and not location.files.begun.exists():
        atomic_write(location.files.begun, begun.encode())


def _begun(files: StudyFolder) -> str:
    return read(files.begun, MAX_TIME).decode(errors="replace")
