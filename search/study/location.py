"""Where a study lives: in a folder of its name, in a results folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from search.defaults import results_in_force
from search.errors import UsageError
from search.study.folder import ResultsFolder, StudyFolder

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
    """Where a study lives: a folder."""

    name: str  # the folder's; the study inside has it, too, unless the folder was renamed or copied (`name_inside`)
    folder: Path

    @classmethod
    def of(cls, name: str, results: Path) -> StudyLocation:
        """Return the location of a study."""
        return cls(name, results / checked_name(name))

    @property
    def files(self) -> StudyFolder:
        """The files of its folder."""
        return StudyFolder(self.folder)

    @property
    def results(self) -> ResultsFolder:
        """The folder of studies in which its folder lies."""
        return ResultsFolder(self.folder.parent)

    @property
    def words(self) -> tuple[str, ...]:
        """The words with which a command to copy finds the study, see `place_words`."""
        return place_words(self.folder.parent)


def place_words(results: Path) -> tuple[str, ...]:
    """Return `--results` with a folder of studies, if it is not the one in force."""
    return () if results == results_in_force() else ("--results", str(results))
