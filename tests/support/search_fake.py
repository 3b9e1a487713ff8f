"""A trainer that takes no time: figures are a function of (config, seed, period, state), like the real one's."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search import canonical_json
from search.driver import retry_policy
from search.driver.progress import Observer
from search.driver.resume import OnTrialEnd, keep_nothing
from search.driver.run import Run, Search
from search.event_log.events import Event
from search.event_log.log import EventLog
from search.event_log.records import TrialRecord
from search.event_log.timeline import Order
from search.executors.in_process import InProcessExecutor
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Executor
from search.space.space import Space
from search.space.yaml_reader import Document
from search.strategies.registry import Asha, Pruner, Sampler, Tpe
from search.study.location import StudyLocation
from search.study.spec import StudySpec
from search.trainer_api import PLAIN, Plan, Report, Steps, TrainerSpec

PERIODS = 4
CLAIMED = 0.4
"""Seconds that a period claims to have taken where the trainer is to claim any."""
ACTOR_SIGNALS = {"kill_carrier_once": signal.SIGKILL, "stop_carrier_once": signal.SIGSTOP}
"""What a worker process sends, once, to the process that started it."""

SPACE: dict[str, Any] = {
    "name": "fake",
    "model": {
        "depth": {"int": [1, 3]},
        "width": {"int": [8, 64], "step": 8},
        "extra": {"float": [0.0, 1.0], "when": {"depth": [2, 3]}},
        "kind": {"choice": ["a", "b", [1, 2]]},
    },
    "optim": {"lr": {"float": [1e-4, 1e-1], "log": True}, "mode": "plain"},
}


def space(values: Mapping[str, Any] = SPACE) -> Space:
    """Return the space of the fake trainer."""
    return Space.from_document(Document("fake.yaml", "", dict(values)))


class Planner:
    """Plans any parameters; those above `widest` are infeasible."""

    codec = PLAIN

    def __init__(self, widest: int = 64) -> None:
        self._widest = widest

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """See `search.trainer_api.Planner`."""
        cost = 1000 * params["model.width"] * params["model.depth"]
        excess = float(params["model.width"] - self._widest)
        return Plan(
            config=dict(params), costs=(cost,) * PERIODS, constraints={"width": excess}, facts={"parameters": cost}
        )


def _raise() -> None:
    raise ZeroDivisionError("the fake trainer divides by zero")


def _devour() -> None:
    hoard = []
    for _ in range(64):
        hoard.append(b"x" * 2**24)  # written to, or it would take no memory


DEEDS: dict[str, Callable[[], object]] = {
    "raise": _raise,
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda: time.sleep(60),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "print": lambda: print("noise from a library"),
    "devour": _devour,
}
"""What a trainer can do wrong: always, once in some periods, in the second period of some trials, or in some trials."""


class Trainer:
    """Trains nothing; `behaviour` says what it does wrong and, after an underscore, when."""

    codec = PLAIN

    def __init__(
        self, behaviour: str = "", marks: str = "", delay: float = 0.0, lanes: int = 1, meet: int = 0, folder: str = ""
    ) -> None:
        canary = os.environ.get("FAKE_CANARY", "fake")
        self.numerics = {"canary": canary, "kind": "cpu-fp32", "precision": "fp32", "trainer_revision": 0}
        self.lanes = lanes
        self._meet = meet
        """How many jobs must have begun before the first goes on."""
        self._behaviour = behaviour
        self._marks = Path(marks) if marks else None
        self._delay = delay
        paths = Path(folder).iterdir() if folder else ()
        self._files = {path.name: canonical_json.sha256(path.read_bytes().hex()) for path in paths}
        if behaviour == "fail_to_start":
            raise RuntimeError("the fake trainer has no device")
        if behaviour == "fail_to_start_again" and not self._first_time("started") and self._first_time("failed"):
            raise MemoryError("there is no memory now")
        if behaviour == "hang_at_start":
            time.sleep(20)

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        assert (state is None) == (period == 1)
        if self._delay:  # on a busy machine sleeping no time, too, gives the processor away for milliseconds
            time.sleep(self._delay * (1 + seed % 5))
        self._misbehave(seed, period)
        hashed = canonical_json.sha256([dict(config), seed, period, state.hex() if state else ""])
        noise = int(hashed[:6], 16) / 16**6
        value: float | None = 1 - 1 / (1 + period + config.get("model.depth", 1)) - 0.05 * noise
        diverged = self._behaviour == "diverge" and seed % 4 == 0
        if self._behaviour == "no_number" and seed % 2:
            value = (math.nan, math.inf, -math.inf)[seed % 3]
        report = Report(
            value=None if diverged else value,
            metrics={"epoch": period, "train_loss": float("nan") if diverged else noise, "errors": int(noise * 100)},
            weights=hashed,
            seconds=CLAIMED if self._behaviour == "claim_time" else 0.0,
            end="diverged" if diverged else None,
            details={"correct": hashed, **self._details()},
        )
        if self._behaviour == "lack_memory" and seed % 4 == 0 and self._first_time(f"lacked-{seed}"):
            report = replace(report, value=None, end="out_of_memory")
        return bytes.fromhex(hashed), report

    def _details(self) -> dict[str, Any]:
        told: dict[str, dict[str, Any]] = {
            "report_session": {"session": os.getsid(0)},
            "report_files": {"files": self._files},
            "lack_memory": {"process": os.getpid()},
        }
        return told.get(self._behaviour, {})

    def advance_in_steps(
        self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None
    ) -> Steps[tuple[bytes, Report]]:
        """See `search.trainer_api.SteppedTrainer`."""
        yield
        if self._meet:
            self._first_time(f"met-{seed}")
            while len(list(self._folder.glob("met-*"))) < self._meet:
                yield
        content, report = self.advance(config, seed, period, state)
        for _ in range(3 * (seed % 4)):  # so that of two that meet, the one that misbehaves ends first
            yield
        return content, report

    def _misbehave(self, seed: int, period: int) -> None:
        if self._behaviour in ACTOR_SIGNALS:
            self._signal_carrier(ACTOR_SIGNALS[self._behaviour])
            return
        deed, _, when = self._behaviour.partition("_")
        if deed in DEEDS and self._is_time(when, seed, period):
            DEEDS[deed]()

    def _signal_carrier(self, number: int) -> None:
        if self._first_time(self._behaviour):
            os.kill(os.getppid(), number)
            time.sleep(60)

    def _is_time(self, when: str, seed: int, period: int) -> bool:
        match when:
            case "always":
                return True
            case "once_sometimes":
                return (seed + period) % 5 == 0 and self._times(seed, period) == 1
            case "in_second":
                return seed % 4 == 0 and period == 2 and self._times(seed, period) > 0
        return seed % 4 == 0

    def _times(self, seed: int, period: int) -> int:
        """Return how often a period was asked about, this time included."""
        assert self._marks is not None
        with (self._marks / f"{seed}-{period}").open("ab") as mark:
            mark.write(b"x")
            return mark.tell()

    @property
    def _folder(self) -> Path:
        assert self._marks is not None
        return self._marks

    def _first_time(self, key: str) -> bool:
        mark = self._folder / key
        first = not mark.exists()
        mark.touch()
        return first


@dataclass
class Kept:
    """Remembers what it is given to keep."""

    states: dict[int, bytes] = field(default_factory=dict)

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """See `search.driver.resume.OnTrialEnd`."""
        self.states[trial.number] = state


class StopAfter:
    """Stops a search after some events."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        """Return whether to stop now."""
        self.left -= 1
        return self.left < 0


def make_spec(sampler: Sampler, pruner: Pruner, slots: int, seed: int, **more: Any) -> StudySpec:
    """Return a specification over the fake space."""
    return StudySpec(
        space=more.pop("space", space()),
        seed=seed,
        slots=slots,
        sampler=sampler,
        pruner=pruner,
        periods=PERIODS,
        **more,
    )


def make_search(
    results: Path,
    *,
    goal: int = 30,
    name: str = "fake-0",
    workers: int = 0,
    lanes: int | None = None,
    behaviour: str = "",
    delay: float = 0.0,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    slots: int = 4,
    order: Order = "logical",
    seed: int = 0,
    widest: int = 48,
    observer: Observer | None = None,
    on_trial_end: OnTrialEnd = keep_nothing,
    stopping: Any = lambda: False,
    executor: Executor | None = None,
    enqueued: tuple[Mapping[str, Any], ...] = (),
    url: str | None = None,
    space_values: Mapping[str, Any] = SPACE,
    trial_timeout: float = math.inf,
    max_outage: float = 60.0,
) -> Search:
    """Return a search with the fake trainer: in this process, or with so many worker processes."""
    marks = results / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    options = {"behaviour": behaviour, "marks": str(marks), "delay": delay}
    trainer = TrainerSpec(factory="support.search_fake:Trainer", options=options)
    return Search(
        location=StudyLocation.of(name, results, url),
        goal=goal,
        spec_for=lambda numerics: make_spec(
            sampler or Tpe(n_startup_trials=5),
            pruner or Asha(),
            slots,
            seed,
            order=order,
            numerics=numerics,
            enqueued=enqueued,
            space=space(space_values),
            context={"canary": numerics["canary"]},
        ),
        planner_for=lambda _: Planner(widest),
        executor=executor
        or (LocalExecutor(trainer, workers, results / "log", lanes) if workers else InProcessExecutor(trainer)),
        observer=observer or Observer(),
        on_trial_end=on_trial_end,
        stopping=stopping,
        trial_timeout=trial_timeout,
        max_outage=max_outage,
    )


def run(results: Path, **options: Any) -> Run:
    """Run a search with the fake trainer."""
    return make_search(results, **options).run()


def main() -> None:
    """Run a search in a process of its own, to be killed: `python search_fake.py RESULTS WORKERS DELAY [STALL]`.

    STALL are the seconds after which a period is taken for hung; `arrival` in its place searches in that order.
    OPTUNA_STORAGE is the study's database.
    """
    results, workers, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    order: Order = "arrival" if sys.argv[4:] == ["arrival"] else "logical"
    if len(sys.argv) > 4 and order == "logical":
        retry_policy.MIN_STALL, retry_policy.STALL_FACTOR = float(sys.argv[4]), 0
    finished = run(results, workers=workers, delay=delay, order=order, url=os.environ.get("OPTUNA_STORAGE"))
    print(finished.study.digest)


class Killed(BaseException):
    """Ends a run on the spot, as SIGKILL does: nothing more is written."""


def run_killed_between_events(folder: Path, monkeypatch: Any, lives: Iterable[int], **options: Any) -> tuple[Run, int]:
    """Run a search that dies after so many events in each life, until it ends; return it and the number of deaths."""
    append = EventLog.append
    left = 0

    def dying(log: EventLog, event: Event) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        append(log, event)

    monkeypatch.setattr(EventLog, "append", dying)
    for deaths, events in enumerate(lives):
        left = events
        try:
            return run(folder, **options), deaths
        except Killed:
            continue
    raise AssertionError("the search never came to its end")


if __name__ == "__main__":
    main()
