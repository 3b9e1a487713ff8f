"""The training that is left of a search, estimated from its past: shown to users, never used for a decision.

`--dry-run`, `space show` and the progress of a running search tell the time by this one model: before a search, its
past is empty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from search.event_log.history import History
from search.event_log.records import TrialRecord
from search.trainer_api import is_feasible

PRIOR_TRIALS = 5  # the costs and survivors that are expected beforehand count like this many observed trials
GROWTH = 1.3
"""Training of a search over that of random configurations in random order: samplers come to prefer dearer nets, and
their later trials are better, so that fewer are pruned. 26 small searches did 0.8 to 2.1 times that training, 1.3 times
in the mean."""
RECENT_TRIALS = 20
"""Only the newest trials foretell those to come: samplers drift to dearer nets, and to better ones, which are stopped
later. In two searches of conv, looked at every 12 periods, all that had ended foresaw 0.8 of what was left in the mean
(0.55 to 1.25), the last 20 foresaw 1.0 of it (0.67 to 1.29)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkLeft:
    """The training that is left, in the unit of costs."""

    total: float  # that of all trials together
    longest: float  # that of the trial with most left, before whose end the search cannot end

    def seconds(self, *, workers: int, pace: float, waiting: float = 0.0) -> float:
        """Return the time that this takes; `pace` are seconds for a unit of cost, `waiting` is the share of worker time
        that is lost to the deterministic order, 0 to 1."""
        # When the last trials train, workers go idle: on average half of them, for as long as one trial takes.
        idle = self.longest * (workers - 1) / 2
        return pace * max(self.longest, (self.total + idle) / workers / max(0.1, 1 - waiting))


class Forecast:
    """Learns how many trials continue after each period, and expects the same of running and future trials."""

    def __init__(self, history: History, expected: Sequence[float], costs: Sequence[float] = ()) -> None:
        """Watch a history that grows; the pruner is `expected` to leave so many trials in each period, and `costs` are
        the mean cost of each period of random configurations, empty if it is not known."""
        self._history = history
        self._typical = [GROWTH * cost for cost in costs]
        self._prior = [after / before if before else 1.0 for before, after in pairwise([*expected, 0.0])]
        self._ended: deque[int] = deque(maxlen=RECENT_TRIALS)  # periods that the trials trained which ended last
        self._recent: deque[tuple[int, ...]] = deque(maxlen=RECENT_TRIALS)
        self._seen = 0
        self._open: set[int] = set()

    def remaining(self, ahead: Mapping[int, int]) -> WorkLeft:
        """Return the training left; `ahead` are the periods that are trained and have not been handled, by trial."""
        self._look()
        running = [self._history.trials[number] for number in sorted(self._open)]
        shares = self._shares_that_go_on(running)
        under_way = [
            _cost_left(trial.costs, len(trial.reports), ahead.get(trial.number, 0), shares) for trial in running
        ]
        to_come = max(0, self._history.budget - self._history.trained)
        known = [*self._recent, *[self._typical] * PRIOR_TRIALS] if self._typical else [*self._recent]
        if not to_come or not known:
            return WorkLeft(total=sum(under_way), longest=max(under_way, default=0.0))
        each = sum(_cost_left(costs, 0, 0, shares) for costs in known) / len(known)
        whole = sum(map(sum, known)) / len(known)  # of a trial to come that is not pruned
        return WorkLeft(total=sum(under_way) + to_come * each, longest=max([*under_way, whole]))

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


def _cost_left(costs: Sequence[float], done: int, ahead: int, shares: Sequence[float]) -> float:
    """Return the expected remaining cost of a trial, which has trained `done` periods, and `ahead` whose turn is to
    come."""
    trained = done + ahead
    chance = shares[trained - 1] if ahead else 1.0
    left = 0.0
    for cost, share in zip(costs[trained:], shares[trained:], strict=False):
        left += chance * cost
        chance *= share
    return left
