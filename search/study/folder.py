"""The files of a study's folder: their names are here, and nowhere else.

results/
    test-openings.jsonl     evaluations of the test set, for whatever purpose
    plots/                  pictures of the data
    conv-0/                 a study
        study.db            event log and Optuna's tables
        log-end.json        where the event log ended when its last driver did
        space.yaml          the space that is searched, as a file
        commands.jsonl      the commands that searched, as they were typed, and where their data and net were
        driver.lock         held by the process that drives the study
        workers.log         the output of worker processes
        states/             checkpoints
        weights/            of the best trials, a file a trial
        test-openings.jsonl evaluations of the test set for this study
        plots/  report.html
        aside/              databases that a cut replaced
        confirm/  ablation/             each with its own lock, log and checkpoints, and its result
            17-seed-0.safetensors       in confirm/: a net trained on all images, the first of eight seeds

A study may come from another person, and its files must not lead elsewhere. Each path is therefore checked when it is
asked for: a symbolic link, a pipe or a device is a StorageError. The folders `results` and `conv-0` themselves may be
links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from search.defaults import results_in_force
from search.errors import UsageError
from search.files import own

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RULE = "a name has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
_LOCK = "driver.lock"
_DATABASE = "study.db"
_TEST_LOG = "test-openings.jsonl"
_NET = ".safetensors"


class _Inside:
    """The name of a file or folder inside a folder; as an attribute it is the path, checked by `own` at each use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: _Folder, _: type[_Folder]) -> Path:
        return own(folder.path / self._name)


def can_name_a_study(name: str) -> bool:
    """Return whether a name can be a study's."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Return a study's name; UsageError if it cannot be one."""
    if not can_name_a_study(name):
        raise UsageError(f"{name!r} cannot name a study: {_RULE}.")
    return name


def name_after(space: str, seed: int) -> str:
    """Return the name of a study that was given none: SPACE-SEED; UsageError if it cannot be one."""
    name = f"{space}-{seed}"
    if not can_name_a_study(name):
        raise UsageError(
            f"{name!r}, the space's name and the seed, cannot name a study: {_RULE}. Give one with --study-name."
        )
    return name


def place_words(results: Path) -> tuple[str, ...]:
    """Return `--results` with a folder of studies, if it is not the one in force."""
    return () if results == results_in_force() else ("--results", str(results))


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path


@dataclass(frozen=True, slots=True)
class WorkFolder(_Folder):
    """A folder of work that can be stopped and resumed."""

    lock = _Inside(_LOCK)  # the file whose lock is held by the one process at work
    workers_log = _Inside("workers.log")  # the output of worker processes
    checkpoints = _Inside("states")  # the folder of checkpoints


@dataclass(frozen=True, slots=True)
class ExperimentFolder(WorkFolder):
    """A folder of trainings without a search: of a study's confirmation or ablation."""

    records = _Inside("records")  # the folder with a record of every run

    @property
    def result(self) -> Path:
        """The result of the experiment."""
        return own(self.path / f"{self.path.name}.json")


@dataclass(frozen=True, slots=True)
class ConfirmFolder(ExperimentFolder):
    """The folder of a study's confirmation."""

    front = _Inside("front.json")  # the result for the trials that no other dominates

    def record_of(self, trial: int, seed: int, *, on_all: bool) -> Path:
        """Return the record of a run of a trial's configuration with a fresh seed, or `on_all` images; seeds count
        from 0."""
        return own(self.records / f"{trial}-{'all-' if on_all else ''}{seed}.json")

    def net_of(self, trial: int, seed: int) -> Path:
        """Return the file with the weights of such a run on all images, whether it is there or not."""
        return own(self.path / f"{trial}-seed-{seed}{_NET}")

    def kept_nets(self) -> dict[tuple[int, int], Path]:
        """Return the files of such weights that are there, by trial and seed."""
        named = [(path.name.removesuffix(_NET).split("-seed-"), path) for path in self.path.glob(f"*-seed-*{_NET}")]
        named = [(key, path) for key, path in named if len(key) == 2 and "".join(key).isdigit()]
        return dict(sorted(((int(key[0]), int(key[1])), own(path)) for key, path in named))


@dataclass(frozen=True, slots=True)
class StudyFolder(WorkFolder):
    """A study's folder: where the study lives."""

    log_end = _Inside("log-end.json")  # where the event log ended when its last driver did
    space = _Inside("space.yaml")  # the space that is searched, as a file
    commands = _Inside("commands.jsonl")  # the commands that searched, as they were typed, a JSON object a line
    weights = _Inside("weights")  # the folder with the weights of the best trials
    test_log = _Inside(_TEST_LOG)  # the log of the test set's evaluations for this study
    plots = _Inside("plots")  # the folder of pictures
    report = _Inside("report.html")  # the study on one page
    aside = _Inside("aside")  # the folder of the databases that `doctor --cut` replaced

    @classmethod
    def of(cls, name: str, results: Path) -> StudyFolder:
        """Return the folder of a study of this name; UsageError if it cannot be one."""
        return cls(results / checked_name(name))

    @property
    def name(self) -> str:
        """The folder's name; the study inside has it, too, unless the folder was renamed or copied (`name_inside`)."""
        return self.path.name

    @property
    def results(self) -> ResultsFolder:
        """The folder of studies in which it lies."""
        return ResultsFolder(self.path.parent)

    @property
    def words(self) -> tuple[str, ...]:
        """The words with which a command to copy finds the study, see `place_words`."""
        return place_words(self.path.parent)

    @property
    def database(self) -> Path:
        """The database."""
        for beside in self.path.glob(f"{_DATABASE}-*"):  # SQLite's log, which it changes too
            own(beside)
        return own(self.path / _DATABASE)

    @property
    def confirm(self) -> ConfirmFolder:
        """The folder of `mnist-bench confirm`."""
        return ConfirmFolder(own(self.path / "confirm"))

    @property
    def ablation(self) -> ExperimentFolder:
        """The folder of `mnist-bench ablate`."""
        return ExperimentFolder(own(self.path / "ablation"))

    def weights_of(self, trial: int) -> Path:
        """Return the file with the weights of a trial, whether it is there or not."""
        return own(self.weights / f"{trial}.safetensors")

    def kept_weights(self) -> dict[int, Path]:
        """Return the files of weights that are there, by the numbers of their trials."""
        paths = sorted(self.weights.glob("*.safetensors"))
        return {int(path.stem): own(path) for path in paths if path.stem.isdigit()}

    @property
    def inner_locks(self) -> list[Path]:
        """The locks of all experiments in the folder."""
        inner = set(self.path.rglob(_LOCK)) - {self.lock} if self.path.is_dir() else ()
        return [own(path) for path in sorted(inner)]


@dataclass(frozen=True, slots=True)
class ResultsFolder(_Folder):
    """A folder of studies."""

    test_log = _Inside(_TEST_LOG)  # the log of all evaluations of the test set from this folder
    plots = _Inside("plots")  # the folder of pictures of the data

    def studies(self) -> list[StudyFolder]:
        """Return the folders of studies in it, by name: those with a database and a name that a study can have."""
        folders = [StudyFolder(database.parent) for database in sorted(self.path.glob(f"*/{_DATABASE}"))]
        return [files for files in folders if can_name_a_study(files.name)]

    def with_test_log(self) -> list[StudyFolder]:
        """Return the folders in it that have a log of their own, by name."""
        return [StudyFolder(log.parent) for log in sorted(self.path.glob(f"*/{_TEST_LOG}"))]
