"""The state of a search, as the fold of its events: the same whether it is under way, resumed, or only read.

`History.apply` is the one place that defines the meaning of an event. The driver appends an event to the log and
applies it here; a resumed driver and every reader apply the whole log.

`Timeline` says which event comes next, whatever the workers' real speed. A search has a fixed number of concurrent
trials. A trial's periods have integer logical costs, known before training, so the logical time of its next event is
known too. Events are handled in the order of (logical time, index among the concurrent trials); so a decision depends
only on logically earlier events, never on the order of completion. In a search as completed, a period's event comes
when its worker has delivered; logical time orders the events that need no worker there, which come first.

`StopRules` end a search before its trial budget. They decide about no trial and are no part of the study's
specification: resumed later, a search that stopped has the same trials as one that never did.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any, assert_never

from search.arguments import check_whole, is_number
from search.errors import OtherVersionError, SpaceError, UsageError
from search.event_log.events import Asked, Created, Declined, Event, GoalSet, OfTrial, Reported, Resumed, Stopped, Told
from search.event_log.log import not_understood
from search.event_log.records import EarlyStop, StudyRecord, TrialRecord
from search.hashed import Order, repeats
from search.messages import show
from search.space.space import Space, score
from search.trainer_api import is_feasible


@dataclass(frozen=True, order=True, slots=True)
class Turn:
    """The next event of one of the concurrent trials; turns are taken in their order."""

    waits: bool  # whether it waits for a worker in a search as completed: what needs none comes first there
    time: int
    """Logical time of the event: the end of the period under way, or the moment at which no period was left."""
    # Ties are frequent (many nets cost the same, all begin at 0), and must not depend on a heap's inner order.
    index: int  # among the concurrent trials, from 0; events store it as `slot`
    trial: int | None = field(default=None, compare=False)  # its number; None: a trial may be asked for
    decided: bool = field(default=False, compare=False)
    """Whether the trial's end is decided: it is not trained any more, and its end is the next event."""

    @property
    def trains(self) -> bool:
        """Whether the event needs a worker."""
        return self.trial is not None and not self.decided


@dataclass(slots=True)
class Timeline:
    """The turns of the concurrent trials of a search, and which of them is next."""

    turns: list[Turn] = field(default_factory=list)  # one for each of them, by index
    order: Order = "deterministic"
    # A heap, for an event must not cost a look at each turn: 1,000 workers are kept busy by 4,000 concurrent trials,
    # and one driver has 0.04 to 0.2 ms for timeline, dispatcher and history together (docs/concepts/ordering.md).
    _heap: list[Turn] = field(default_factory=list, repr=False, compare=False)  # past turns among them

    @classmethod
    def of(cls, concurrent_trials: int, order: Order = "deterministic") -> Timeline:
        """Return a timeline at logical time zero, on which no trial has begun."""
        timeline = cls([Turn(False, 0, index) for index in range(concurrent_trials)], order)
        timeline.restart(0)
        return timeline

    def next(self, *, asking: bool) -> Turn | None:
        """Return the next turn; turns without a trial count only while trials are asked for, and later from `restart`.

        As completed, if all wait for workers, it is the logically earliest one.
        """
        # A trial that is asked for and one that trains are compared by the same turn, so that asking takes its place in
        # logical time like any period does.
        while self._heap:
            turn = self._heap[0]
            if self.turns[turn.index] is turn and (asking or turn.trial is not None):
                return turn
            # Past, for another one was pushed since. Each is popped once, when it reaches the top; to look for it when
            # the turn changes would cost a look at all.
            heappop(self._heap)
        return None

    def hold(self, index: int, trial: int, time: int, *, decided: bool) -> None:
        """Give a turn to a trial whose next event, a period's or a decided end, has this logical time."""
        self._put(Turn(not decided and not repeats(self.order), time, index, trial, decided))

    def free(self, index: int, time: int) -> None:
        """Take a turn from its trial, at a logical time."""
        self._put(Turn(False, time, index))

    def restart(self, time: int) -> None:
        """Let all turns, free now, begin together at a logical time."""
        for index in range(len(self.turns)):
            self.free(index, time)

    def now(self) -> int:
        """Return the latest logical time that any turn has reached."""
        return max((turn.time for turn in self.turns), default=0)

    def _put(self, turn: Turn) -> None:
        self.turns[turn.index] = turn
        heappush(self._heap, turn)


@dataclass(slots=True)
class History:
    """Trials, turns and trial budgets after some events."""

    name: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    space: Space = field(init=False, repr=False)  # the space of the specification
    budgets: list[int] = field(default_factory=list)  # trained trials asked for, one number a segment
    declined: bool = False  # whether the driver has declined to ask in this segment
    trials: list[TrialRecord] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    attributes: dict[int, dict[str, Any]] = field(default_factory=dict)  # system attributes of every trial
    ends: Counter[str] = field(default_factory=Counter)  # ended trials by reason
    planned_periods: int = 0  # periods that the ended trained trials would have had
    saved_periods: int = 0  # periods that the pruned trials were spared
    untrained: int = 0  # infeasible trials, which are not trained, ended or not
    best: TrialRecord | None = None
    improved: int | None = None
    """Number of the complete trial that was the last to be better than all before it: in value, or with two objectives
    so that none before was as good in both."""
    since_improved: int = 0  # trained trials that have ended since that one
    longest_before: int = 0
    """The most that `since_improved` was before the newest event, from the first complete trial on."""
    best_before: TrialRecord | None = None  # `best` before the newest event
    stop: EarlyStop | None = None  # why the search has ended before its trial budget, if it has
    seq: int = 0  # events applied
    time: int = 0  # logical time of the last one of them
    _front: list[tuple[float, float]] = field(default_factory=list)
    """Score and cost of the complete trials than which none was better in both."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Return the history that these events make; OtherVersionError if a newer version decided them; StorageError if
        no search can have decided them in this order."""
        history = cls()
        for event in events:
            try:
                history.apply(event)
            except OtherVersionError as error:
                raise OtherVersionError(f"Study {history.name}: {error}.") from error
            except (ValueError, TypeError, SpaceError) as error:
                raise not_understood(history.name, history.seq, f"{event.kind}: {error}") from error
        return history

    @property
    def order(self) -> Order:
        """The order in which the search takes up the workers' results."""
        return self.timeline.order

    @property
    def budget(self) -> int:
        """Trained trials asked for in all."""
        return self.budgets[-1] if self.budgets else 0

    @property
    def trained(self) -> int:
        """Trials asked so far that train, ended or not: all but infeasible ones."""
        return len(self.trials) - self.untrained

    @property
    def finished(self) -> int:
        """Trained trials that have ended."""
        return self.ends.total() - self.ends["infeasible"]

    def complete(self) -> list[TrialRecord]:
        """Return the complete trials, in the order of their numbers."""
        return [trial for trial in self.trials if trial.state == "COMPLETE"]

    def running(self) -> list[TrialRecord]:
        """Return the trials that have not ended, in the order of their indices among the concurrent trials."""
        return [self.trials[turn.trial] for turn in self.timeline.turns if turn.trial is not None]

    def turn_of(self, trial: int) -> Turn:
        """Return the turn of a trial that has not ended."""
        return self.timeline.turns[self.trials[trial].slot]

    def is_decided(self, trial: int) -> bool:
        """Return whether a trial trains no more: it has ended, or its end is decided and not written yet."""
        return self.trials[trial].state != "RUNNING" or self.turn_of(trial).decided

    def next_turn(self) -> Turn | None:
        """Return the next turn; None if nothing is left in this segment, or the search ended early."""
        return None if self.stop is not None else self.timeline.next(asking=not self.declined)

    def apply(self, event: Event) -> None:
        """Bring the state up to one more event."""
        _demand(self.stop is None or isinstance(event, Resumed), "the search has ended early before")
        if not isinstance(event, Stopped):  # which changes no trial, and asks what was before the event before it
            since = 0 if self.improved is None else self.since_improved  # before that, patience counts no trial
            self.longest_before, self.best_before = max(self.longest_before, since), self.best
        match event:
            case Created():
                _demand(self.seq == 0, "the study has begun before")
                self.name, self.spec = event.name, event.spec
                self.timeline = Timeline.of(event.spec["concurrent_trials"], event.spec["order"])
                self.space = Space.from_spec(event.spec["space"])
            case GoalSet():
                self._set_budget(event)
            case Asked():
                self._ask(event)
            case Reported():
                self._report(event)
            case Told():
                self._tell(event)
            case Declined():
                self.declined = True
            case Stopped():
                self._stop(event)
            case Resumed():
                _demand(self.stop is not None, "the search had not ended early")
                self.stop = None
            case _:
                assert_never(event)
        self.seq += 1
        self.time = event.time

    def record(self, live: bool = False) -> StudyRecord:
        """Return the study as a plain record; unless it is `live`, its unfinished trials are paused."""
        trials = self.trials
        if not live:
            trials = [replace(trial, reason="paused") if trial.state == "RUNNING" else trial for trial in trials]
        totals = tuple(self.budgets) or (0,)  # a search that died before its second event needs nothing yet
        return StudyRecord(
            name=self.name, spec=self.spec, totals=totals, trials=tuple(trials), live=live, stop=self.stop
        )

    def _set_budget(self, event: GoalSet) -> None:
        if self.declined:
            # A new segment. The turns ran out at different logical times; one that began where it had ended would
            # decide before what has been decided already. So all begin together at the latest of these times.
            self.timeline.restart(event.time)
            self.budgets.append(event.goal)
        else:
            # Raised before the search had stopped asking: the same trials come as if it had been so from the start.
            self.budgets[-1:] = [event.goal]
        self.declined = False

    def _ask(self, event: Asked) -> None:
        trial = TrialRecord(
            number=len(self.trials),
            state="RUNNING",
            reason="running",
            params=event.params,
            config=event.config,
            seed=event.seed,
            slot=event.slot,
            logical_start=event.time,
            costs=event.costs,
            facts=event.facts,
            constraints=event.constraints,
            direction=self.space.aim.direction,
        )
        # All of this holds in a search's own log.
        _demand(event.trial == trial.number, "the trial is not the next one")
        _demand(trial.slot < len(self.timeline.turns), "there is no such slot")
        _demand(self.timeline.turns[trial.slot].trial is None, "its slot is taken")
        for path, value in trial.params.items():
            known = self.space.distributions.get(path)
            if known is None or not known.contains(value):
                raise ValueError(f"{show(path)} {show(value)} is outside its range")
        self.trials.append(trial)
        self.attributes[trial.number] = dict(event.attributes)
        feasible = is_feasible(event.constraints)
        self.untrained += not feasible
        # A trial that is not trained has its turn until its end, at the very same logical time: so the sampler learns
        # of it before another one is asked for in its place.
        self._hold(trial, decided=not feasible)

    def _report(self, event: Reported) -> None:
        trial = self._running(event)
        _demand(event.period == trial.next_period <= len(trial.costs), "it is of another period")
        trial = replace(trial, reports=(*trial.reports, event.report))
        self.trials[trial.number] = trial
        self.attributes[trial.number].update(event.attributes)
        self._hold(trial, decided=event.verdict)

    def _hold(self, trial: TrialRecord, *, decided: bool) -> None:
        """Let a trial's turn be its next period, or its end."""
        time = trial.end_of(len(trial.reports) + (0 if decided else 1))
        self.timeline.hold(trial.slot, trial.number, time, decided=decided)

    def _tell(self, event: Told) -> None:
        running = self._running(event)
        trial = replace(running, state=event.state, reason=event.reason, error=event.error, external=event.external)
        self.trials[trial.number] = trial
        self.attributes[trial.number].update(event.attributes)
        self.timeline.free(trial.slot, event.time)
        # Counted here, once an end: summed anew at each event they would make a search's cost quadratic.
        self.ends[trial.reason] += 1
        if trial.is_trained:
            self.planned_periods += len(trial.costs)
        if trial.reason == "pruned":
            self.saved_periods += len(trial.costs) - len(trial.reports)
        if trial.state == "COMPLETE" and self._joins_front(trial):
            self.improved, self.since_improved = trial.number, 0
        elif trial.is_trained:
            self.since_improved += 1
        if trial.state == "COMPLETE" and (self.best is None or trial.rank_key() < self.best.rank_key()):
            self.best = trial

    def _joins_front(self, trial: TrialRecord) -> bool:
        """Return whether no complete trial before was as good as this one, which is counted as complete from now on."""
        score, fact = _or_lowest(trial.score), self.space.aim.cost
        cost = 0 if fact is None else trial.facts.get(fact, 0)
        if any(other >= score and costs <= cost for other, costs in self._front):
            return False
        self._front = [(other, costs) for other, costs in self._front if other > score or costs < cost]
        self._front.append((score, cost))
        return True

    def _stop(self, event: Stopped) -> None:
        _demand(event.best < len(self.trials), "there is no such trial")
        best = self.trials[event.best]
        _demand(best.state == "COMPLETE" and best.value is not None, "its trial is not complete")
        if event.rule == "patience":
            on_time = self.longest_before < event.limit
        else:
            on_time = self.best_before is None or not _reaches(self.best_before, event.limit)
        self.stop = EarlyStop(
            rule=event.rule,
            limit=event.limit,
            best=best.number,
            value=_or_lowest(best.value),
            since=self.since_improved,
            two_objectives=self.space.aim.cost is not None,
            on_time=on_time,
        )

    def _running(self, event: OfTrial) -> TrialRecord:
        _demand(0 <= event.trial < len(self.trials), "there is no such trial")
        trial = self.trials[event.trial]
        _demand(trial.state == "RUNNING", "its trial has ended")
        return trial


def _or_lowest(value: float | None) -> float:
    return float("-inf") if value is None else value


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRules:
    """When a search ends before its trial budget; without a rule it does not.

    Raises:
        UsageError: a rule that no search can follow.
    """

    patience: int | None = None
    """Trained trials, complete, pruned or failed, that may end without a better complete one among them. They count
    from the end of the complete trial that was the last to be better than all before it; before any is complete, none
    counts. Infeasible trials never do. With two objectives a trial is better if none before was as good in both."""
    target: float | None = None
    """Value that a complete trial has to reach: at least this one, or at most, if the search minimizes."""

    @classmethod
    def of(cls, stopped: Stopped) -> StopRules:
        """Return the rule by which a search ended."""
        match stopped.rule:
            case "patience":
                return cls(patience=int(stopped.limit))
            case "target":
                return cls(target=stopped.limit)

    def __post_init__(self) -> None:
        if self.patience is not None:
            check_whole("patience", self.patience)
            if self.patience < 1:
                raise UsageError(f"A patience of {self.patience} trials is too small; give 1 or more.")
        if self.target is not None and not (is_number(self.target) and abs(self.target) <= sys.float_info.max):
            raise UsageError(f"A target of {self.target} cannot be reached; give a number.")

    def stopped(self, history: History) -> Stopped | None:
        """Return the event with which a search ends here; None if no rule ends it, or its trial budget is reached."""
        if history.finished >= history.budget:
            return None
        time, best = history.time, history.best
        if self.target is not None and best is not None and _reaches(best, self.target):
            return Stopped(time=time, rule="target", limit=self.target, best=best.number)
        if self.patience is not None and history.improved is not None and history.since_improved >= self.patience:
            return Stopped(time=time, rule="patience", limit=self.patience, best=history.improved)
        return None


def _reaches(trial: TrialRecord, target: float) -> bool:
    return trial.score is not None and trial.score >= score(target, trial.direction)
