"""Searches with a trainer that takes no time (`support.fake_trainer`), and what else a search is given."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.driver import retry_policy
from search.driver.progress import Observer
from search.driver.run import OnTrialEnd, Run, Search, keep_nothing
from search.event_log.early_stop import StopRules
from search.event_log.events import Event
from search.event_log.log import EventLog
from search.event_log.records import TrialRecord
from search.event_log.timeline import Order
from search.executors.in_process import InProcessExecutor
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Executor
from search.space.space import Space
from search.space.yaml_reader import Document
from search.strategies.pruners import Asha, Pruner
from search.strategies.samplers import Sampler, Tpe
from search.study.location import StudyLocation
from search.study.spec import StudySpec
from search.study.start_list import StartList
from search.trainer_api import PLAIN, Plan, TrainerSpec
from support.fake_trainer import PERIODS as PERIODS, Trainer as Trainer

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
LEVELS: dict[str, Any] = {
    "name": "fake",
    "model": {
        "depth": {"levels": [1, 2, 3]},
        "width": {"levels": [8, 16, 24, 32, 48, 64], "log": True},
    },
    "optim": {"lr": {"levels": [1e-4, 1e-3, 2e-3, 1e-2, 1e-1], "log": True}, "mode": {"levels": [7]}},
}
CONDITIONAL_LEVELS: dict[str, Any] = {
    **LEVELS,
    "model": {
        **LEVELS["model"],
        "extra": {"float": [0.0, 1.0], "when": {"depth": [2, 3]}},
        "more": {"levels": [0.25, 0.5, 1], "when": {"width": [16, 24]}},
    },
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


@dataclass
class Kept:
    """Remembers what it is given to keep."""

    states: dict[int, bytes] = field(default_factory=dict)

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        """See `search.driver.run.OnTrialEnd`."""
        self.states[trial.number] = state


class Heard(Observer):
    """Keeps the notices of a search."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def on_notice(self, text: str) -> None:
        """See `search.Observer`."""
        self.notices.append(text)


class StopAfter:
    """Stops a search after some events."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        """Return whether to stop now."""
        self.left -= 1
        return self.left < 0


def make_spec(sampler: Sampler, pruner: Pruner, concurrent_trials: int, seed: int, **more: Any) -> StudySpec:
    """Return a specification over the fake space."""
    more = {"order": "deterministic", "context": {}, "versions": {}, "numerics": {}} | more
    return StudySpec(
        space=more.pop("space", space()),
        seed=seed,
        concurrent_trials=concurrent_trials,
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
    concurrent_trials: int = 4,
    order: Order = "deterministic",
    seed: int = 0,
    widest: int = 48,
    observer: Observer | None = None,
    on_trial_end: OnTrialEnd = keep_nothing,
    stopping: Any = lambda: False,
    patience: int | None = None,
    target: float | None = None,
    executor: Executor | None = None,
    enqueued: tuple[Mapping[str, Any], ...] = (),
    start: StartList | None = None,
    url: str | None = None,
    space_values: Mapping[str, Any] = SPACE,
    trial_timeout: float = math.inf,
    max_outage: float = 60.0,
    portable: bool = False,
) -> Search:
    """Return a search with the fake trainer: in this process, or with so many worker processes."""
    marks = results / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    options = {"behaviour": behaviour, "marks": str(marks), "delay": delay}
    trainer = TrainerSpec(factory="support.fake_trainer:Trainer", options=options)
    return Search(
        location=StudyLocation.of(name, results, url),
        goal=goal,
        spec_for=lambda numerics: make_spec(
            sampler or Tpe(n_startup_trials=5),
            pruner or Asha(),
            concurrent_trials,
            seed,
            order=order,
            numerics=numerics,
            enqueued=enqueued,
            start=start or StartList(),
            space=space(space_values),
            portable=portable,
        ),
        planner_for=lambda _: Planner(widest),
        executor=executor
        or (LocalExecutor(trainer, workers, results / "log") if workers else InProcessExecutor(trainer)),
        observer=observer or Observer(),
        on_trial_end=on_trial_end,
        stopping=stopping,
        stop_rules=StopRules(patience=patience, target=target),
        trial_timeout=trial_timeout,
        max_outage=max_outage,
    )


def run(results: Path, **options: Any) -> Run:
    """Run a search with the fake trainer."""
    return make_search(results, **options).run()


def was_run_again(results: Path) -> bool:
    """Return whether a period that notes each of its runs, as those of DEEDS do, was run more than once."""
    return any(mark.stat().st_size > 1 for mark in (results / "marks").iterdir())


def main() -> None:
    """Run a search in a process of its own, to be killed: `python search_fake.py RESULTS WORKERS DELAY [STALL]`.

    STALL are the seconds after which a period is taken for hung; `arrival` in its place searches in that order, and
    `patience` and a number end it early.
    OPTUNA_STORAGE is the study's database, FAKE_GOAL its number of trials.
    """
    results, workers, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    order: Order = "as-completed" if sys.argv[4:] == ["as-completed"] else "deterministic"
    patience = int(sys.argv[5]) if sys.argv[4:5] == ["patience"] else None
    if len(sys.argv) > 4 and order == "deterministic" and patience is None:
        retry_policy.MIN_STALL, retry_policy.STALL_FACTOR = float(sys.argv[4]), 0
    url = os.environ.get("OPTUNA_STORAGE")
    goal = int(os.environ.get("FAKE_GOAL", "30"))
    search = make_search(results, goal=goal, workers=workers, delay=delay, order=order, url=url, patience=patience)
    finished = search.run()
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
