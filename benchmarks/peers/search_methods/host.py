"""Our side of a foreign search: it has the task, the seed that the search sees, the costs and the budget."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Timer
from typing import IO, Any, assert_never

from mnist_bench.experiments.contest.baselines import Ended, choices
from mnist_bench.experiments.contest.contest_record import Trace
from mnist_bench.experiments.contest.replayed import Replayed
from mnist_bench.tables import CHANCE
from search.errors import SearchError
from search.messages import did_you_mean, show
from search.space import Choice, Distribution, FloatRange, IntRange, Levels, Space
from search.trainer_api import Plan, Report

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""For the method's own computations: searches run side by side."""


class ForeignError(SearchError):
    """A foreign method's program broke off, took too long, or made an impossible request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The result of a foreign search."""

    library: str
    """Name and version, as its program says."""
    trace: Trace


@dataclass(slots=True)
class _Trial:
    """A configuration that the method has asked for."""

    number: int
    """In the order of their first mention."""
    params: Mapping[str, Any]
    """As proposed."""
    trains: Mapping[str, Any]
    """The configuration that is trained: of a table, the nearest point."""
    plan: Plan[Any]
    """Of that."""
    reports: Sequence[Report]
    """Of its whole training; none if it is infeasible."""
    trained: int = 0
    """Periods."""
    has_ended: bool = False


class Account:
    """The trainings, results and cost of one foreign search, by the rules of mnist-bench's own replays.

    A training costs the logical costs of its periods. The period that would exceed the budget does not count, and
    nothing is answered after it.
    """

    def __init__(self, replayed: Replayed, seed: int, budget: int) -> None:
        """`seed` is the search's; `budget` is in trainings of an average configuration."""
        self._arena = replayed
        self._seed = seed
        self._seen = replayed.seeds[seed % len(replayed.seeds)]
        self._trainer = replayed.trainer(self._seen)
        self._limit = budget * replayed.unit
        self._spent = 0
        self._is_over = False
        self._trials: dict[str, _Trial] = {}
        self._taken: set[int] = set()
        self._ended: list[Ended] = []

    def opening(self) -> dict[str, Any]:
        """Return the first message to the method."""
        return {
            "space": list(plain_ranges(self._arena.space)),
            "epochs": list(self._arena.epochs),
            "seed": self._seed,
            "budget": self._limit / self._arena.unit,
        }

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a training, or that the budget is up.

        Raises:
            ForeignError: the request is malformed, or asks for a value that the space does not have.
        """
        epochs, params = self._arena.epochs, request.get("params")
        if request.get("epoch") not in epochs or "config" not in request or not isinstance(params, dict):
            raise ForeignError(f"asked for what is no training: {show(dict(request))}")
        period = epochs.index(request["epoch"]) + 1
        trial = self._trial(str(request["config"]), params)
        if not trial.plan.feasible:
            return self._said(trial, CHANCE, None, cost=0) if not self._is_over else {"stop": True}
        before = self._spent
        self._train(trial, period, begun=trial.trained if request.get("resume", True) else 0)
        if self._is_over:
            return {"stop": True}
        metrics = trial.reports[min(period, len(trial.reports)) - 1].metrics
        errors = metrics["errors"]  # None if training diverged
        error = CHANCE if errors is None else errors / self._arena.scored.seen_images
        return self._said(trial, error, metrics.get("val_loss"), cost=self._spent - before)

    def _trial(self, config: str, params: Mapping[str, Any]) -> _Trial:
        active = _active(self._arena.space, params)
        if config not in self._trials:
            trains, plan = active, self._arena.space_planner(active)
            if plan.feasible:
                trains = dict(self._arena.moved(active, self._taken))
                plan = self._arena.planner(trains)
            self._trials[config] = _Trial(
                number=len(self._trials), params=active, trains=trains, plan=plan, reports=self._reports(plan)
            )
        trial = self._trials[config]
        if trial.params != active:
            raise ForeignError(f"configuration {config} has other parameters than before")
        return trial

    def _reports(self, plan: Plan[Any]) -> list[Report]:
        reports: list[Report] = []
        while plan.feasible and len(reports) < self._arena.periods and not (reports and reports[-1].end):
            reports.append(self._trainer.advance(plan.config, self._seen, len(reports) + 1, None)[1])
        return reports

    def _train(self, trial: _Trial, period: int, *, begun: int) -> None:
        """Take up the periods after `begun`, as far as the budget goes and the training did not diverge."""
        costs, last = trial.plan.costs, len(trial.reports)
        for at in range(begun, min(period, last)):
            if self._is_over or self._spent + costs[at] > self._limit:
                self._is_over = True
                return
            self._spent += costs[at]
            trial.trained = max(trial.trained, at + 1)
        if trial.trained == last and not trial.has_ended:
            trial.has_ended = True
            self._ended.append(self._arena.ended(trial.trains, self._seen, self._spent, trial.number))

    def _said(self, trial: _Trial, error: float, loss: float | None, *, cost: int) -> dict[str, Any]:
        return {
            "error": error,
            "loss": loss,
            "cost": cost / self._arena.unit,
            "spent": self._spent / self._arena.unit,
            "params": dict(trial.trains),
            "feasible": trial.plan.feasible,
        }

    def trace(self, own_seconds: float) -> Trace:
        """Return the trace of the search, for which the method itself took these processor seconds.

        Its trials are all that trained for a period at least: only the method knows which of them it has given up.
        """
        trained = sum(trial.trained > 0 for trial in self._trials.values())
        return Trace(
            choices=choices(self._ended),
            spent=self._spent / self._arena.unit,
            trials=trained,
            complete=sum(one.seen is not None for one in self._ended),
            own_seconds=own_seconds / max(1, trained),
        )


def plain_ranges(space: Space) -> Iterator[dict[str, Any]]:
    """Yield the ranges of a space as plain JSON values, parents before their children.

    A condition on a constant is left out; a value of a range that does not apply is ignored.
    """
    ranges = {item.path for item in space.ranges}
    for item in space.order:
        if item.distribution is not None:
            when = {parent: list(values) for parent, values in item.when.items() if parent in ranges}
            yield {"name": item.path, "when": when} | _plain(item.distribution)


def _plain(span: Distribution) -> dict[str, Any]:
    match span:
        case IntRange(low=low, high=high, step=step, log=log):
            return {"kind": "int", "low": low, "high": high, "step": step, "log": log}
        case FloatRange(low=low, high=high, step=step, log=log):
            return {"kind": "float", "low": low, "high": high, "step": step, "log": log}
        case Levels(levels):
            return {"kind": "levels", "options": list(levels)}
        case Choice(options=options):
            return {"kind": "choice", "options": list(options)}
        case _:
            assert_never(span)


def _active(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the ranges that apply; the others are ignored.

    Raises:
        ForeignError: a parameter is none of the space's, is missing, or is outside its range.
    """
    for path in params:
        if path not in space.distributions:
            raise ForeignError(f"{show(path)} is not a range of {space.name}{did_you_mean(path, space.distributions)}")

    def take(path: str, span: Distribution) -> Any:
        if path not in params:
            raise ForeignError(f"its proposal has no value for {path}")
        if not span.contains(params[path]):
            raise ForeignError(f"{path} {show(params[path])} is outside its range")
        return params[path]

    return space.sample(take)


def search(replayed: Replayed, command: Sequence[str], *, seed: int, budget: int, limit: float) -> Found:
    """Run a foreign method's program until its budget is up, or it ends by itself, and return what it found.

    Args:
        replayed: the task.
        command: the program; it talks as `channel.py` says, and works in a folder that is removed afterwards.
        seed: of the search; the training seed that it sees follows from it.
        budget: trainings of an average configuration.
        limit: seconds after which the program is killed.

    Raises:
        ForeignError: it broke off, took too long, or made an impossible request.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", errors="replace") as log:
        program = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **ONE_THREAD}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        late = Timer(limit, program.kill)
        late.start()
        account = Account(replayed, seed, budget)
        try:
            library, own_seconds = _talk(program, account)
            code = program.wait()
        finally:
            is_late = not late.is_alive()
            late.cancel()
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout):
                _close(pipe)
        if is_late:
            raise ForeignError(f"its program was killed after {limit:g} s")
        if code:
            raise ForeignError(f"its program ended with exit code {code}: {_last_line(log)}")
        return Found(library=library, trace=account.trace(own_seconds))


def _talk(program: subprocess.Popen[str], account: Account) -> tuple[str, float]:
    """Answer a program until it ends; return its library, and the processor seconds it took by its last request."""
    assert program.stdin is not None  # noqa: S101
    assert program.stdout is not None  # noqa: S101
    library, own_seconds = "", 0.0
    _say(program.stdin, account.opening())
    for line in program.stdout:
        try:
            message = json.loads(line)
        except ValueError as error:
            raise ForeignError(f"said what is no JSON: {line.strip()[:80]}") from error
        if not isinstance(message, dict):
            raise ForeignError(f"said what is no message: {line.strip()[:80]}")
        if "library" in message:
            library = str(message["library"])
            continue
        _say(program.stdin, account.answer(message))
        own_seconds = float(message.get("own_seconds", 0.0))
    return library, own_seconds


def _say(pipe: IO[str], message: Mapping[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has ended; its exit code says why
        print(json.dumps(message), file=pipe, flush=True)


def _close(pipe: IO[str] | None) -> None:
    with contextlib.suppress(BrokenPipeError):  # what it did not read is lost
        if pipe is not None:
            pipe.close()


def _last_line(log: IO[str]) -> str:
    log.seek(0)
    lines = log.read().split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
