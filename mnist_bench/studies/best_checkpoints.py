"""The weights of a study's best trials, kept as files of their own."""

from __future__ import annotations

from collections.abc import Sequence

from mnist_bench.config import from_json
from mnist_bench.leaderboard import undominated
from mnist_bench.training import export
from search.event_log import TrialRecord
from search.files import atomic_write, leftovers
from search.study import StudyFolder

TOP = 10
"""The most accurate trials, of which the weights are kept."""


class BestCheckpoints:
    """A folder with the weights of the most accurate complete trials; a search calls it at each one's end.

    With two objectives, `cost` naming the second one, those of the Pareto front are kept too.
    """

    def __init__(self, files: StudyFolder, cost: str | None = None) -> None:
        self._files = files
        self._cost = cost

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """Write the trial's weights if it is among the best, and remove those of trials that no longer are."""
        best = worth_keeping(complete, self._cost)
        self._files.weights.mkdir(parents=True, exist_ok=True)
        for path in leftovers(
            self._files.weights
        ):  # of a driver that was killed here, and after which this is called again
            path.unlink(missing_ok=True)
        if trial.number in best:
            atomic_write(self._files.weights_of(trial.number), export(state, from_json(trial.config)))
        for number, path in self._files.kept_weights().items():
            if number not in best:
                path.unlink(missing_ok=True)


def worth_keeping(complete: Sequence[TrialRecord], cost: str | None) -> set[int]:
    """Return the numbers of those of the complete trials whose weights are kept."""
    top = sorted(complete, key=TrialRecord.rank_key)[:TOP]
    front = [] if cost is None else undominated(complete, cost)
    return {trial.number for trial in (*top, *front)}
