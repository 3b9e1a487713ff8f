"""A trainer that takes no time: figures are a function of (config, seed, period, state), like the real one's."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search import canonical, patience
from search.document import Document
from search.events import Event, EventLog
from search.executors import Executor, InProcessExecutor, LocalExecutor
from search.progress import Observer, Silent
from search.records import TrialRecord
from search.run import Run, Search
from search.space import Space
from search.spec import StudySpec
from search.strategy import Asha, Pruner, Sampler, Tpe
from search.study import Place
from search.trainer import Plan, Report, TrainerSpec

PERIODS = 4
CARRIER_SIGNALS = {"kill_carrier_once": signal.SIGKILL, "stop_carrier_once": signal.SIGSTOP}
"""What a worker process sends, once, to the process that started it."""

SPACE = {
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

    def __init__(self, widest: int = 64) -> None:
        self._widest = widest

    def __call__(self, params: Mapping[str, Any]) -> Plan:
        """See `search.trainer.Planner`."""
        cost = 1000 * params["model.width"] * params["model.depth"]
        excess = float(params["model.width"] - self._widest)
        return Plan(
            config=dict(params), costs=(cost,) * PERIODS, constraints={"width": excess}, facts={"parameters": cost}
        )


class Trainer:
    """Trains nothing; behaves badly where the options name a trial's seed."""

    def __init__(self, behaviour: str = "", marks: str = "", delay: float = 0.0, folder: str = "") -> None:
        self.numerics = {"canary": os.environ.get("FAKE_CANARY", "fake"), "pid_free": True}
        self._behaviour = behaviour
        self._marks = Path(marks) if marks else None
        self._delay = delay
        paths = Path(folder).iterdir() if folder else ()
        self._files = {path.name: canonical.sha256(path.read_bytes().hex()) for path in paths}
        if behaviour == "fail_to_start":
            raise RuntimeError("the fake trainer has no device")
        if behaviour == "hang_at_start":
            time.sleep(20)

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer.Trainer`."""
        assert (state is None) == (period == 1)
        time.sleep(self._delay * (1 + seed % 5))
        self._misbehave(seed, period)
        hashed = canonical.sha256([dict(config), seed, period, state.hex() if state else ""])
        noise = int(hashed[:6], 16) / 16**6
        value: float | None = 1 - 1 / (1 + period + config["model.depth"]) - 0.05 * noise
        diverged = self._behaviour == "diverge" and seed % 4 == 0
        report = Report(
            value=None if diverged else value,
            metrics={"epoch": period, "train_loss": float("nan") if diverged else noise, "errors": int(noise * 100)},
            weights=hashed,
            seconds=0.0,
            end="diverged" if diverged else None,
            details={"correct": hashed, **self._details()},
        )
        return bytes.fromhex(hashed), report

    def _details(self) -> dict[str, Any]:
        told = {"report_session": {"session": os.getsid(0)}, "report_files": {"files": self._files}}
        return told.get(self._behaviour, {})

    def _misbehave(self, seed: int, period: int) -> None:
        if self._behaviour == "raise" and seed % 4 == 0:
            raise ZeroDivisionError("the fake trainer divides by zero")
        if self._behaviour == "raise_always":
            raise ZeroDivisionError("the fake trainer divides by zero")
        if (
            self._behaviour == "die_once_sometimes"
            and (seed + period) % 5 == 0
            and self._first_time(f"{seed}-{period}")
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._behaviour == "die_always":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._behaviour in CARRIER_SIGNALS and self._first_time(self._behaviour):
            os.kill(os.getppid(), CARRIER_SIGNALS[self._behaviour])
            time.sleep(60)
        if self._behaviour == "hang":
            time.sleep(60)
        if self._behaviour == "stop_itself":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self._behaviour == "print":
            print("noise from a library")
        if self._behaviour == "segfault" and seed % 4 == 0:
            os.kill(os.getpid(), signal.SIGSEGV)

    def _first_time(self, key: str) -> bool:
        assert self._marks is not None
        mark = self._marks / key
        first = not mark.exists()
        mark.touch()
        return first


@dataclass
class Kept:
    """Remembers what it is given to keep."""

    states: dict[int, bytes] = field(default_factory=dict)

    def keep(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """See `search.driver.Keeper`."""
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
    behaviour: str = "",
    delay: float = 0.0,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    slots: int = 4,
    seed: int = 0,
    widest: int = 48,
    observer: Observer | None = None,
    keeper: Kept | None = None,
    stopping: Any = lambda: False,
    executor: Executor | None = None,
    enqueued: tuple[Mapping[str, Any], ...] = (),
    url: str | None = None,
    space_values: Mapping[str, Any] = SPACE,
) -> Search:
    """Return a search with the fake trainer: in this process, or with so many worker processes."""
    marks = results / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    options = {"behaviour": behaviour, "marks": str(marks), "delay": delay}
    trainer = TrainerSpec(factory="search_fake:Trainer", options=options)
    return Search(
        place=Place.of(name, results, url),
        goal=goal,
        spec_for=lambda numerics: make_spec(
            sampler or Tpe(n_startup_trials=5),
            pruner or Asha(),
            slots,
            seed,
            numerics=numerics,
            enqueued=enqueued,
            space=space(space_values),
            context={"canary": numerics["canary"]},
        ),
        planner_for=lambda _: Planner(widest),
        executor=executor
        or (LocalExecutor(trainer, workers, results / "log") if workers else InProcessExecutor(trainer)),
        observer=observer or Silent(),
        keeper=keeper or Kept(),
        stopping=stopping,
    )


def run(results: Path, **options: Any) -> Run:
    """Run a search with the fake trainer."""
    return make_search(results, **options).run()


def main() -> None:
    """Run a search in a process of its own, to be killed: `python search_fake.py RESULTS WORKERS DELAY [STALL]`.

    STALL are the seconds after which a period is taken for hung.
    """
    results, workers, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    if len(sys.argv) > 4:
        patience.SHORTEST_STALL, patience.STALL_FACTOR = float(sys.argv[4]), 0
    finished = run(results, workers=workers, delay=delay)
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
