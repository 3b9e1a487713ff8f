"""The state of a search, as the fold of its events: the same whether it is under way, resumed, or only read.

`apply` is the one place that defines the meaning of an event. The driver appends an event to the log and applies it
here; a resumed driver and every reader apply the whole log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from search.errors import OtherVersionError, SpaceError
from search.event_log.events import (
    Asked,
    Created,
    Declined,
    Event,
    GoalSet,
    OfTrial,
    Reported,
    Resumed,
    Stopped,
    Told,
)
from search.event_log.log import not_understood
from search.event_log.records import EarlyStop, StudyRecord, TrialRecord
from search.event_log.timeline import Order, Slot, Timeline
from search.messages import show
from search.space.space import Space
from search.trainer_api import is_feasible


@dataclass(slots=True)
class History:
    """Trials, slots and goals after some events."""

    name: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    space: Space = field(init=False, repr=False)
    """The space of the specification."""
    goals: list[int] = field(default_factory=list)
    """Trained trials asked for, one number a segment."""
    declined: bool = False
    """Whether the driver has declined to ask in this segment."""
    trials: list[TrialRecord] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    attributes: dict[int, dict[str, Any]] = field(default_factory=dict)
    """System attributes of every trial."""
    ends: Counter[str] = field(default_factory=Counter)
    """Ended trials by reason."""
    planned_periods: int = 0
    """Periods that the ended trained trials would have had."""
    saved_periods: int = 0
    """Periods that the pruned trials were spared."""
    untrained: int = 0
    """Infeasible trials, which are not trained, ended or not."""
    best: TrialRecord | None = None
    improved: int | None = None
    """Number of the complete trial that was the last to be better than all before it: in value, or with two objectives
    so that none before was as good in both."""
    since_improved: int = 0
    """Trained trials that have ended since that one."""
    longest_before: int = 0
    """The most that `since_improved` was before the newest event, from the first complete trial on."""
    best_before: float | None = None
    """The value of `best` before the newest event."""
    stop: EarlyStop | None = None
    """Why the search has ended before its goal, if it has."""
    seq: int = 0
    """Events applied."""
    time: int = 0
    """Logical time of the last one of them."""
    _front: list[tuple[float, float]] = field(default_factory=list)
    """Score and cost of the complete trials than which none was better in both."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Return the history that these events make.

        Raises:
            OtherVersionError: a newer version decided them.
            StorageError: no search can have decided them in this order.
        """
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
    def goal(self) -> int:
        """Trained trials asked for in all."""
        return self.goals[-1] if self.goals else 0

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
        """Return the trials that have not ended, in the order of their slots."""
        return [self.trials[slot.trial] for slot in self.timeline.slots if slot.trial is not None]

    def slot_of(self, trial: int) -> Slot:
        """Return the slot of a trial that has not ended."""
        return self.timeline.slots[self.trials[trial].slot]

    def is_decided(self, trial: int) -> bool:
        """Return whether a trial trains no more: it has ended, or its end is decided and not written yet."""
        return self.trials[trial].state != "RUNNING" or self.slot_of(trial).verdict

    def next_slot(self) -> Slot | None:
        """Return the slot whose event is next; None if nothing is left in this segment, or the search ended early."""
        if self.stop is not None:
            return None
        return self.timeline.next_slot(filling=not self.declined)

    def apply(self, event: Event) -> None:
        """Bring the state up to one more event."""
        _demand(self.stop is None or isinstance(event, Resumed), "the search has ended early before")
        if not isinstance(event, Stopped):  # which changes no trial, and asks what was before the event before it
            self._look_back()
        match event:
            case Created():
                self._create(event)
            case GoalSet():
                self._set_goal(event)
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
        totals = tuple(self.goals) or (0,)  # a search that died before its second event needs nothing yet
        return StudyRecord(
            name=self.name, spec=self.spec, totals=totals, trials=tuple(trials), live=live, stop=self.stop
        )

    def _look_back(self) -> None:
        """Note how near the search was to an end by a rule, before the trials change."""
        if self.improved is not None:  # before that, patience counts no trial
            self.longest_before = max(self.longest_before, self.since_improved)
        self.best_before = None if self.best is None else self.best.value

    def _create(self, event: Created) -> None:
        _demand(self.seq == 0, "the study has begun before")
        self.name = event.name
        self.spec = event.spec
        self.timeline = Timeline.of(event.spec["concurrent_trials"], event.spec["order"])
        self.space = Space.from_spec(event.spec["space"])

    def _set_goal(self, event: GoalSet) -> None:
        if self.declined:
            # A new segment. The slots ran idle at different logical times; one that began where it had ended would
            # decide before what has been decided already. So all begin together at the latest of these times.
            self.timeline.restart(event.time)
            self.goals.append(event.goal)
        else:
            # Raised before the search had stopped asking: the same trials come as if it had been so from the start.
            self.goals[-1:] = [event.goal]
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
        self._check_can_begin(event, trial)
        self.trials.append(trial)
        self.attributes[trial.number] = dict(event.attributes)
        feasible = is_feasible(event.constraints)
        self.untrained += not feasible
        # A trial that is not trained takes its slot until its end, at the very same logical time: so the sampler learns
        # of it before the slot asks again.
        self._hold(trial, verdict=not feasible)

    def _report(self, event: Reported) -> None:
        trial = self._running(event)
        _demand(event.period == trial.next_period <= len(trial.costs), "it is of another period")
        trial = replace(trial, reports=(*trial.reports, event.report))
        self.trials[trial.number] = trial
        self.attributes[trial.number].update(event.attributes)
        self._hold(trial, verdict=event.verdict)

    def _hold(self, trial: TrialRecord, *, verdict: bool) -> None:
        """Let a trial's slot wait for its next period, or for its end."""
        next_time = trial.end_of(len(trial.reports) + (0 if verdict else 1))
        self.timeline.hold(trial.slot, trial.number, next_time, verdict=verdict)

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
        self.stop = EarlyStop(
            rule=event.rule,
            limit=event.limit,
            best=best.number,
            value=_or_lowest(best.value),
            since=self.since_improved,
            two_objectives=self.space.aim.cost is not None,
            longest_before=self.longest_before,
            best_before=self.best_before,
            direction=self.space.aim.direction,
        )

    def _check_can_begin(self, event: Asked, trial: TrialRecord) -> None:
        """Check that a trial can begin: nothing but a search's own log says otherwise.

        Raises:
            ValueError: it cannot.
        """
        _demand(event.trial == trial.number, "the trial is not the next one")
        _demand(trial.slot < len(self.timeline.slots), "there is no such slot")
        _demand(self.timeline.slots[trial.slot].trial is None, "its slot is taken")
        for path, value in trial.params.items():
            known = self.space.distributions.get(path)
            if known is None or not known.contains(value):
                raise ValueError(f"{show(path)} {show(value)} is outside its range")

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
