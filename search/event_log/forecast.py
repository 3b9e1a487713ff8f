"""The training that is left of a search, estimated from its past: shown to users, never used for a decision."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

from search.event_log.history import History
from search.event_log.records import TrialRecord
from search.trainer_api import is_feasible

PRIOR_TRIALS = 5
"""The survivors that are expected of the pruner beforehand count like this many observed trials."""
RECENT_TRIALS = 20
"""Only the newest trials foretell those to come: samplers drift to dearer nets, and to better ones, which are stopped
later. In two searches of conv, looked at every 12 periods, all that had ended foresaw 0.8 of what was left in the mean
(0.55 to 1.25), the last 20 foresaw 1.0 of it (0.67 to 1.29)."""


class Forecast:
    """Learns how many trials continue after each period, and expects the same of running and future trials."""

    def __init__(self, history: History, expected: Sequence[float]) -> None:
        """Watch a history that grows; `expected` are the trials that the pruner leaves in each period."""
        self._history = history
        self._prior = [after / before if before else 1.0 for before, after in pairwise([*expected, 0.0])]
        self._ended: deque[int] = deque(maxlen=RECENT_TRIALS)
        """Periods that the trials trained which ended last."""
        self._recent: deque[tuple[int, ...]] = deque(maxlen=RECENT_TRIALS)
        self._seen = 0
        self._open: set[int] = set()

    def remaining(self, ahead: Mapping[int, int]) -> tuple[float, float]:
        """Return the training left of all trials together, and of the running trial with most left, before whose end
        the search cannot end; both in the unit of costs.

        Args:
            ahead: by trial, the periods that are trained and have not been handled.
        """
        self._look()
        running = [self._history.trials[number] for number in sorted(self._open)]
        shares = self._shares_that_go_on(running)
        under_way = [
            _cost_left(trial.costs, len(trial.reports), ahead.get(trial.number, 0), shares) for trial in running
        ]
        each = sum(_cost_left(costs, 0, 0, shares) for costs in self._recent) / max(1, len(self._recent))
        to_come = max(0, self._history.goal - self._history.trained)
        return sum(under_way) + to_come * each, max(under_way, default=0.0)

    def _look(self) -> None:
        """Take in the trials that began or ended since the last look."""
        trials = self._history.trials
        for trial in trials[self._seen :]:
            if is_feasible(trial.constraints):
                self._recent.append(trial.costs)
                self._open.add(trial.number)
        self._seen = len(trials)
        for number in sorted(number for number in self._open if trials[number].state != "RUNNING"):
            self._open.discard(number)
            if reports := trials[number].reports:
                self._ended.append(len(reports))

    def _shares_that_go_on(self, running: Sequence[TrialRecord]) -> list[float]:
        """Return the share of trials that continue after each period; running trials count for their past periods."""
        shares = []
        for period, prior in enumerate(self._prior, 1):
            passed = sum(len(trial.reports) >= period for trial in running) + sum(last > period for last in self._ended)
            arrived = passed + self._ended.count(period)
            shares.append((passed + PRIOR_TRIALS * prior) / (arrived + PRIOR_TRIALS))
        return shares


def _cost_left(costs: Sequence[int], done: int, ahead: int, shares: Sequence[float]) -> float:
    """Return the expected remaining cost of a trial, which has trained `done` periods, and `ahead` whose turn is to
    come."""
    trained = done + ahead
    # The first studies may have trials of more periods than the pruner knows of: nothing is foreseen of these.
    chance = shares[trained - 1] if ahead and trained <= len(shares) else 1.0
    left = 0.0
    for cost, share in zip(costs[trained:], shares[trained:], strict=False):
        left += chance * cost
        chance *= share
    return left
