"""The files of a study's folder: here, and nowhere else, stand their names.

results/
    test-openings.jsonl     openings of the test set, for whatever purpose
    plots/                  pictures of the data
    conv-0/                 a study
        study.db            event log and Optuna's tables, where the database is no server's
        begun               when the study was begun, where the database is a server's
        space.yaml          the space that is searched, as a file
        commands.jsonl      the commands that searched, as they were typed, and where their data and net were
        driver.lock         held by the process that drives the study
        workers.log         what worker processes print
        states/             checkpoints
        weights/            of the best trials, a file a trial
        leaderboard.json    a leaderboard that was computed before
        test-openings.jsonl openings of the test set for this study
        plots/  report.html
        aside/              what a repair took from its place
        confirm/  ablation/  audit/     each with a lock, a log and checkpoints of its own, and what was found
            17-seed-0.safetensors       in confirm/: a net trained on all images, the first of eight seeds

A study may come from somebody else, and its files must not lead elsewhere. So each path is checked when it is asked
for: a symbolic link, a pipe or a device is a StorageError. The folders `results` and `conv-0` themselves may be links.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.files import own

RESULTS = Path("results")
"""Folder of the studies where a command names none."""
STORAGE_VARIABLE = "OPTUNA_STORAGE"
"""Environment variable that names their database where a command names none."""
_LOCK = "driver.lock"
_DATABASE = "study.db"
_OPENINGS = "test-openings.jsonl"
_NET = ".safetensors"


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A folder of work that can be stopped and gone on with."""

    path: Path

    @property
    def lock(self) -> Path:
        """The file whose lock is held by the one process at work."""
        return own(self.path / _LOCK)

    @property
    def workers_log(self) -> Path:
        """What worker processes print."""
        return own(self.path / "workers.log")

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return own(self.path / "states")

    def clear_checkpoints(self) -> None:
        """Remove all checkpoints, where what came of the trainings is kept elsewhere."""
        for path in self.checkpoints.iterdir():
            path.unlink()


@dataclass(frozen=True, slots=True)
class ExperimentFolder(WorkFolder):
    """A folder of trainings without a search: of a study's confirmation, ablation or audit."""

    @property
    def result(self) -> Path:
        """What was found."""
        return own(self.path / f"{self.path.name}.json")

    @property
    def time_spent(self) -> Path:
        """How much of its time budget is spent, and what that decided."""
        return own(self.path / "progress.json")

    @property
    def records(self) -> Path:
        """The folder with a record of every run."""
        return own(self.path / "records")


@dataclass(frozen=True, slots=True)
class ConfirmFolder(ExperimentFolder):
    """The folder of a study's confirmation."""

    @property
    def front(self) -> Path:
        """What was found of the trials that no other dominates."""
        return own(self.path / "front.json")

    def record_of(self, trial: int, seed: int, *, on_all: bool) -> Path:
        """Return the record of a run of a trial's configuration, in the race or `on_all` images; seeds count from 0."""
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
    """A study's folder."""

    @property
    def database(self) -> Path:
        """The database, where the study has one of its own."""
        for beside in self.path.glob(f"{_DATABASE}-*"):  # SQLite's log, which it changes too
            own(beside)
        return own(self.path / _DATABASE)

    @property
    def begun(self) -> Path:
        """A file with the time of the study's first event, where the database is a server's."""
        return own(self.path / "begun")

    @property
    def space(self) -> Path:
        """The space that is searched, as a file."""
        return own(self.path / "space.yaml")

    @property
    def commands(self) -> Path:
        """The commands that searched, as they were typed, a JSON object a line."""
        return own(self.path / "commands.jsonl")

    @property
    def weights(self) -> Path:
        """The folder with the weights of the best trials."""
        return own(self.path / "weights")

    def weights_of(self, trial: int) -> Path:
        """Return the file with the weights of a trial, whether it is there or not."""
        return own(self.weights / f"{trial}.safetensors")

    def kept_weights(self) -> dict[int, Path]:
        """Return the files of weights that are there, by the numbers of their trials."""
        paths = sorted(self.weights.glob("*.safetensors"))
        return {int(path.stem): own(path) for path in paths if path.stem.isdigit()}

    @property
    def cached_leaderboard(self) -> Path:
        """A leaderboard that was computed before."""
        return own(self.path / "leaderboard.json")

    @property
    def openings(self) -> Path:
        """The ledger of the test set's openings for this study."""
        return own(self.path / _OPENINGS)

    @property
    def plots(self) -> Path:
        """The folder of pictures."""
        return own(self.path / "plots")

    @property
    def report(self) -> Path:
        """The study on one page."""
        return own(self.path / "report.html")

    @property
    def confirm(self) -> ConfirmFolder:
        """The folder of `mnist-bench confirm`."""
        return ConfirmFolder(own(self.path / "confirm"))

    @property
    def ablation(self) -> ExperimentFolder:
        """The folder of `mnist-bench ablate`."""
        return ExperimentFolder(own(self.path / "ablation"))

    @property
    def audit(self) -> ExperimentFolder:
        """The folder of `mnist-bench search --audit-pruned`."""
        return ExperimentFolder(own(self.path / "audit"))

    @property
    def aside(self) -> Path:
        """What `doctor --repair` took from its place, below it in the same place."""
        return own(self.path / "aside")

    @property
    def inner_locks(self) -> list[Path]:
        """The locks of all experiments in the folder."""
        inner = set(self.path.rglob(_LOCK)) - {self.lock} if self.path.is_dir() else ()
        return [own(path) for path in sorted(inner)]


@dataclass(frozen=True, slots=True)
class ResultsFolder:
    """A folder of studies."""

    path: Path

    @property
    def openings(self) -> Path:
        """The ledger of all openings of the test set from this folder."""
        return own(self.path / _OPENINGS)

    @property
    def plots(self) -> Path:
        """The folder of pictures of the data."""
        return own(self.path / "plots")

    def with_database(self) -> list[StudyFolder]:
        """Return the folders in it that have a database of their own, by name."""
        return [StudyFolder(database.parent) for database in sorted(self.path.glob(f"*/{_DATABASE}"))]

    def with_openings(self) -> list[StudyFolder]:
        """Return the folders in it that have a ledger of their own, by name."""
        return [StudyFolder(ledger.parent) for ledger in sorted(self.path.glob(f"*/{_OPENINGS}"))]
