"""A search in virtual time: the driver, its dispatcher, history and timeline are the real ones, and nothing is trained.

An executor whose `wait` moves a clock to the next period's end stands in for the workers; the event log, Optuna and the
checkpoints are left out. Parameters are drawn at random, and trials are stopped by asynchronous successive halving.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, cast

import numpy as np

from search.driver.dispatcher import Dispatcher
from search.driver.driver import Driver
from search.driver.progress import Observer
from search.event_log.events import Created, Declined, Event, GoalSet
from search.event_log.history import History
from search.event_log.timeline import Active, Order
from search.executors.protocol import Done, Job
from search.space.space import Space
from search.space.yaml_reader import Document
from search.strategies import OptunaStudy
from search.strategies.registry import Asha, Random
from search.study.spec import StudySpec
from search.trainer_api import PLAIN, Codec, Plan, Report

PRUNER = Asha()
SPACE = Space.from_document(Document("virtual", "", {"name": "virtual", "net": {"index": {"int": [0, 1_000_000]}}}))


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is simulated."""

    workers: int
    slots: int
    order: Order
    error: float
    """Standard deviation of the logarithm of a net's time against its estimate, and half as much again for each of its
    periods."""
    trials: int
    nets: Sequence[tuple[int, ...]]
    """Estimated microseconds of the periods of every net; trials draw from them."""
    seed: int = 0
    driver_seconds: float = 0.0
    """What one event takes the driver, during which it does nothing else."""
    dispatcher: Callable[..., Dispatcher[Any]] = Dispatcher


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the workers' time."""

    used: float
    """Share of all worker time in which a period was trained, from beginning to end, 0..1."""
    in_full_swing: float
    """The same until nothing was left to ask."""
    seconds: float
    """Virtual time from beginning to end."""
    events: int
    event_us: float
    """Processor time of the driver for an event, in microseconds, logs and decisions left out."""


@dataclass(frozen=True)
class Priced:
    """Plans the nets that there are."""

    nets: Sequence[tuple[int, ...]]
    codec = PLAIN

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        return Plan(config={"net": params["net.index"]}, costs=self.nets[params["net.index"]])


class VirtualTime:
    """A clock, and workers that take drawn times."""

    def __init__(self, setting: Setting) -> None:
        self.now = 0.0
        self.workers = setting.workers
        self.lanes = 1
        self.spans: list[tuple[float, float]] = []
        """Beginning and end of every period."""
        draws = np.random.default_rng(setting.seed)
        each = (setting.trials, len(setting.nets[0]))
        off = draws.normal(size=(setting.trials, 1)) + draws.normal(size=each) / 2
        self._factors = np.exp(setting.error * off)
        """What a period takes, as a multiple of its estimate, by trial and period, whatever the order."""
        self._values = draws.normal(size=(setting.trials, 1)) + draws.normal(size=each) / range(1, each[1] + 1)
        self._under_way: list[tuple[float, int, Job[Any]]] = []
        self._nets = setting.nets

    def start(self) -> Mapping[str, Any]:
        """See `Executor.start`."""
        return {}

    def idle(self) -> int:
        """See `Executor.idle`."""
        return self.workers - len(self._under_way)

    def submit(self, job: Job[Any]) -> None:
        """See `Executor.submit`."""
        estimate = self._nets[job.config["net"]][job.period - 1] / 1e6
        seconds = estimate * self._factors[job.trial, job.period - 1]
        self.spans.append((self.now, self.now + seconds))
        heappush(self._under_way, (self.now + seconds, job.trial, job))

    def wait(self, timeout: float) -> list[Done]:
        """Let time pass until a period ends; with a timeout of 0, return those that have."""
        if timeout and self._under_way:
            self.now = max(self.now, self._under_way[0][0])
        found = []
        while self._under_way and self._under_way[0][0] <= self.now:
            found.append(self._done(heappop(self._under_way)[2]))
        return found

    def stop(self) -> None:
        """See `Executor.stop`."""

    def _done(self, job: Job[Any]) -> Done:
        value = float(self._values[job.trial, job.period - 1])
        report = Report(value=value, metrics={}, weights="", seconds=0.0)
        return Done(job=job, report=report, state=b"")


class Halving:
    """Stands in for Optuna: nets drawn at random, and its asynchronous successive halving, by bisection."""

    def __init__(self, pruner: Asha, nets: int, periods: int, seed: int) -> None:
        self._rungs: dict[int, list[float]] = {rung: [] for rung in pruner.rungs(periods)}
        self._factor = pruner.reduction_factor
        self._draws = np.random.default_rng(seed)
        self._nets = nets

    def ask(self, number: int, fixed: object) -> dict[str, Any]:
        return {"net.index": int(self._draws.integers(self._nets))}

    def report(self, number: int, period: int, value: float) -> bool:
        if period not in self._rungs:
            return False
        values = self._rungs[period]
        insort(values, value)
        return len(values) - bisect_left(values, value) > max(1, len(values) // self._factor)

    def attributes(self, number: int) -> dict[str, Any]:
        return {}

    def weigh(self, facts: object) -> None: ...
    def constrain(self, number: int, constraints: object) -> None: ...
    def tell(self, number: int, state: str, value: float | None) -> None: ...


@dataclass
class Nowhere:
    """Stands in for the event log, Optuna's tables, the checkpoints and what is kept."""

    time: VirtualTime
    seconds: float
    declined_at: float | None = None
    events: int = 0

    def append(self, event: Event) -> None:
        self.events += 1
        self.time.now += self.seconds
        if isinstance(event, Declined):
            self.declined_at = self.time.now

    def show(self, event: Event) -> None: ...
    def put(self, *what: object) -> None: ...
    def get(self, *what: object) -> None: ...
    def drop(self, *what: object, before: int = 0) -> None: ...


class ByEnds(Dispatcher[Any]):
    """Gives workers the period whose event comes first."""

    def _urgency(self, active: Active, period: int) -> int:
        return active.end_of(period)


class Waiting(ByEnds):
    """Waits for a period's turn before it trains the trial's next one, too."""

    def __init__(self, *arguments: Any, codec: Codec[Any]) -> None:
        super().__init__(*arguments[:3], codec=codec)


class LongestFirst(Dispatcher[Any]):
    """Gives workers the trial with most left to train."""

    def _urgency(self, active: Active, period: int) -> int:
        return active.end_of(period - 1) - active.end_of(len(active.costs))


def simulate(setting: Setting) -> Outcome:
    """Search in virtual time."""
    clock = VirtualTime(setting)
    nowhere = Nowhere(clock, setting.driver_seconds)
    periods = len(setting.nets[0])
    spec = StudySpec(
        space=SPACE, seed=setting.seed, slots=setting.slots, sampler=Random(), pruner=PRUNER, periods=periods,
        order=setting.order,
    )  # fmt: skip
    history = History.of([Created(name="virtual", spec=spec.to_json()), GoalSet(goal=setting.trials)])
    dispatcher = setting.dispatcher(clock, nowhere, lambda: False, PRUNER.may_stop_at, codec=PLAIN)
    driver = Driver(
        spec=spec, history=history, recorder=nowhere, dispatcher=dispatcher, observer=Observer(),
        planner=Priced(setting.nets), on_trial_end=lambda trial: None,
        optuna_study=cast(OptunaStudy, Halving(PRUNER, len(setting.nets), periods, setting.seed)),
    )  # fmt: skip
    before = time.process_time()
    driver.run(lambda: False)
    taken = time.process_time() - before
    return Outcome(
        used=_share(clock, clock.now),
        in_full_swing=_share(clock, nowhere.declined_at or clock.now),
        seconds=clock.now,
        events=nowhere.events,
        event_us=1e6 * taken / nowhere.events,
    )


def _share(clock: VirtualTime, until: float) -> float:
    """Return the share of worker time up to a moment in which periods were trained."""
    spans = np.minimum(np.array(clock.spans), until)
    return float((spans[:, 1] - spans[:, 0]).sum() / (clock.workers * until))
