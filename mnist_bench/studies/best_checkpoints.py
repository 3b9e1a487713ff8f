"""Keep the weights of a study's best trials as files."""

from __future__ import annotations

from collections.abc import Sequence

from mnist_bench.config.json import from_json
from mnist_bench.leaderboard.ranking import undominated
from mnist_bench.studies.compatibility import commands_of
from mnist_bench.training.weights import export
from search.errors import StorageError, UsageError
from search.event_log.records import TrialRecord
from search.files import atomic_write, leftovers
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

TOP = 10
"""Number of the most accurate trials whose weights are kept."""


class BestCheckpoints:
    """Keeps a folder with the weights of the most accurate complete trials; a search calls it when one completes.

    With a second objective, `cost`, the weights of the Pareto front are kept, too.
    """

    def __init__(self, files: StudyFolder, cost: str | None = None) -> None:
        self._files = files
        self._cost = cost

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """Write the trial's weights if it is among the best, and remove weights of trials that no longer are.

        After a kill, the next run calls this again with the same arguments.
        """
        best = worth_keeping(complete, self._cost)
        self._files.weights.mkdir(parents=True, exist_ok=True)
        for path in leftovers(self._files.weights):
            path.unlink(missing_ok=True)
        if trial.number in best:
            atomic_write(self._files.weights_of(trial.number), export(state, from_json(trial.config)))
        for number, path in self._files.kept_weights().items():
            if number not in best:
                path.unlink(missing_ok=True)


def check_kept(study: StoredStudy, trial: TrialRecord) -> None:
    """Check that a search keeps the weights of this trial in the study's folder.

    Raises:
        UsageError: it does not, or the files in the folder are another study's.
    """
    if trial.number not in worth_keeping(study.complete(), study.cost):
        command = commands_of(study).line("export", "--to", "DIR", trial=trial.number)
        raise UsageError(
            f"{study.name}/{trial.number} is not among the {TOP} best complete trials, whose weights are kept; "
            f"`{command}` writes the network of any trial."
        )
    _ = study.files


def keep_weights(study: StoredStudy, trial: TrialRecord, state: bytes) -> None:
    """Write the weights of a trial that was trained again to where the search keeps them.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        study.files.weights.mkdir(parents=True, exist_ok=True)
        atomic_write(study.files.weights_of(trial.number), export(state, from_json(trial.config)))
    except OSError as error:
        raise StorageError(f"{study.files.weights}: cannot be written ({error.strerror}).") from error


def worth_keeping(complete: Sequence[TrialRecord], cost: str | None) -> set[int]:
    """Return the numbers of the complete trials whose weights are kept: the `TOP`, and with `cost` the Pareto front."""
    top = sorted(complete, key=TrialRecord.rank_key)[:TOP]
    front = [] if cost is None else undominated(complete, cost)
    return {trial.number for trial in (*top, *front)}
