"""Searches with a trainer that takes no time (`support.fake_trainer`), and what else a search is given."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.driver import retry_policy
from search.driver.progress import Observer
from search.driver.replay import Replay, replay
from search.driver.run import Run, Search
from search.event_log.events import Created, Event, GoalSet
from search.event_log.history import History, StopRules
from search.event_log.log import EventLog
from search.event_log.records import TrialRecord
from search.executors.in_process import InProcessExecutor
from search.executors.local import LocalExecutor
from search.hashed import Order
from search.space.space import Space
from search.space.yaml_text import Document
from search.strategies.pruners import Asha, Pruner
from search.strategies.samplers import Sampler, Tpe
from search.study.folder import StudyFolder
from search.study.optuna_tables import OptunaTables
from search.study.spec import StudySpec
from search.study.studies import read_events
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
    return Space.from_document(Document("fake.yaml", "", dict(values)))


class Planner:
    """Plans any parameters; those above `widest` are infeasible. `says` are other fields of each plan."""

    codec = PLAIN

    def __init__(self, widest: int = 64, **says: Any) -> None:
        self._widest, self._says = widest, says

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        cost = 1000 * params["model.width"] * params["model.depth"]
        excess = float(params["model.width"] - self._widest)
        says = {"costs": (cost,) * PERIODS, "facts": {"parameters": cost}, **self._says}
        return Plan(config=dict(params), constraints={"width": excess}, **says)


@dataclass
class Kept:
    states: dict[int, bytes] = field(default_factory=dict)

    def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
        self.states[trial.number] = state


class Heard(Observer):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def on_notice(self, text: str) -> None:
        self.notices.append(text)


class StopAfter:
    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def make_spec(sampler: Sampler, pruner: Pruner, concurrent_trials: int, seed: int, **more: Any) -> StudySpec:
    usual: dict[str, Any] = {"order": "deterministic", "context": {}, "versions": {}, "numerics": {}, "space": space()}
    return StudySpec(
        sampler=sampler,
        pruner=pruner,
        concurrent_trials=concurrent_trials,
        seed=seed,
        periods=PERIODS,
        **(usual | more),
    )


def begun(spec: StudySpec, budget: int = 12) -> History:
    """Return the history of a search that has begun and asked for nothing yet."""
    return History.of([Created(name="fake-0", spec=spec.to_json()), GoalSet(goal=budget)])


def make_search(
    results: Path,
    *,
    name: str = "fake-0",
    workers: int = 0,
    behaviour: str = "",
    delay: float = 0.0,
    widest: int = 48,
    space_values: Mapping[str, Any] = SPACE,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    concurrent_trials: int = 4,
    seed: int = 0,
    patience: int | None = None,
    target: float | None = None,
    **more: Any,
) -> Search:
    """Return a search with the fake trainer, in this process or with so many worker processes.

    `more` are other fields of the search, such as `budget` or `stopping`, and of its specification, such as `order`.
    """
    marks = results / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    options = {"behaviour": behaviour, "marks": str(marks), "delay": delay}
    trainer = TrainerSpec(factory="support.fake_trainer:Trainer", options=options)
    executor = LocalExecutor(trainer, workers, results / "log") if workers else InProcessExecutor(trainer)
    fields: dict[str, Any] = {
        "files": StudyFolder.of(name, results),
        "budget": 30,
        "planner_for": lambda spec: Planner(widest),
        "executor": executor,
        "stop_rules": StopRules(patience=patience, target=target),
        **{given: more.pop(given) for given in [*more] if given in Search.__dataclass_fields__},
    }
    of_spec = {"space": space(space_values), **more}

    def spec_for(numerics: Mapping[str, Any]) -> StudySpec:
        kinds = sampler or Tpe(n_startup_trials=5), pruner or Asha()
        return make_spec(*kinds, concurrent_trials, seed, numerics=numerics, **of_spec)

    return Search(spec_for=spec_for, **fields)


def run(results: Path, **options: Any) -> Run:
    return make_search(results, **options).run()


def run_in_parts(results: Path, events: int, **options: Any) -> Run:
    """Run a search that is stopped after so many events, and resumed, until it ends."""
    for _ in range(500):
        found = run(results, stopping=StopAfter(events), **options)
        if found.reached:
            return found
    raise AssertionError("the search never came to its end")


def events_of(results: Path, name: str = "fake-0") -> list[Event]:
    return read_events(StudyFolder.of(name, results))


def decided_again(events: Sequence[Event], widest: int = 48) -> Replay:
    return replay(events, lambda spec: Planner(widest))


class NoWorkers(InProcessExecutor):
    def __init__(self) -> None:
        super().__init__(TrainerSpec(factory="support.fake_trainer:Trainer"))

    def start(self) -> Mapping[str, Any]:
        raise AssertionError("workers were started for nothing")


def was_run_again(results: Path) -> bool:
    """Return whether a period that notes each of its runs, as those of DEEDS do, was run more than once."""
    return any(mark.stat().st_size > 1 for mark in (results / "marks").iterdir())


def main() -> None:
    """Run a search in a process of its own, to be killed: `python search_fake.py RESULTS WORKERS DELAY [STALL]`.

    STALL are the seconds after which a period is taken for hung; `arrival` in its place searches in that order, and
    `patience` and a number end it early.
    FAKE_GOAL is its number of trials.
    """
    results, workers, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    order: Order = "as-completed" if sys.argv[4:] == ["as-completed"] else "deterministic"
    patience = int(sys.argv[5]) if sys.argv[4:5] == ["patience"] else None
    if len(sys.argv) > 4 and order == "deterministic" and patience is None:
        retry_policy.MIN_STALL, retry_policy.STALL_FACTOR = float(sys.argv[4]), 0
    budget = int(os.environ.get("FAKE_GOAL", "30"))
    search = make_search(results, budget=budget, workers=workers, delay=delay, order=order, patience=patience)
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


class NoTables(OptunaTables):
    """Writes nothing."""

    def behind(self, events: object) -> set[int]:
        return set()

    def sync(self, numbers: object) -> None: ...


def _open_without_tables(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def write_alone(monkeypatch: Any) -> None:
    """Let the searches of a test write no tables."""
    monkeypatch.setattr("search.driver.run.OptunaTables", NoTables)
    monkeypatch.setattr("search.driver.run.open_for_writing", _open_without_tables)


if __name__ == "__main__":
    main()
