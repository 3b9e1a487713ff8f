"""Check before a search that a custom sampler or pruner repeats: asked again, it decides the same turns alike.

A short search is rehearsed with trainings that take no time. Another process, in which sets have another order, then
asks the custom code again: the last turn first, each after the same events. So neither the system's random numbers, nor
the order of a set, nor what a process remembers of other turns may have decided one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from search import canonical_json
from search.differences import CHECK, differences
from search.driver.driver import restored
from search.driver.run import Search
from search.errors import PluginError, SearchError, TooManyFailuresError, UsageError
from search.event_log.events import Asked, Created, Event, GoalSet, Reported, from_row, to_row
from search.event_log.history import History
from search.event_log.log import readable
from search.hashed import repeats
from search.messages import in_a_sentence, on_one_line
from search.simulation import VirtualExecutor, search_in_memory
from search.space.space import Space
from search.strategies import registry
from search.strategies.pruners import ForeignPruner, Pruner
from search.strategies.samplers import ForeignSampler, Sampler
from search.study.spec import StudySpec
from search.trainer_api import PLAIN, Planner, Report

CONCURRENT_TRIALS = 8
PROPOSALS, TRIALS = 60, 16
"""A rehearsal ends at either: more trained trials than the ten that Optuna's samplers draw at random."""
PATIENCE = 120  # seconds after which the other process counts as hung
NUMERICS = {CHECK: "made up"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedOn:
    """The space and planner on which a strategy is tried out."""

    space: Space
    planner: Planner[Any]  # says what a trial's periods cost and what exceeds a limit
    periods: int
    seed: int = 0


def require_repeatable(planned: Search) -> None:
    """Check in a few seconds that your own sampler and pruner decide the same again, before `run`.

    `planned` is what `Search.of` returns. A search in completion order needs no check, and neither do built-in
    strategies.

    Raises:
        UsageError: one does not; the message says how to search with it all the same. Or it sets a system attribute
            that no study can keep.
        PluginError: it raises, or proposes a value outside its range.
    """
    spec = planned.spec_for(NUMERICS)
    if repeats(spec.order):
        planner = planned.planner_for(spec)
        tried_on = TriedOn(space=spec.space, planner=planner, periods=spec.periods, seed=spec.seed)
        require(spec.sampler, spec.pruner, tried_on)


def require(sampler: Sampler, pruner: Pruner, tried_on: TriedOn) -> None:
    """Check that your own sampler and pruner decide the same again; errors as in `require_repeatable`."""
    named = [
        (strategy.kind, strategy.loaded.whole_name, dict(strategy.options))
        for strategy in (sampler, pruner)
        if isinstance(strategy, ForeignSampler | ForeignPruner) and strategy.loaded is not None
    ]
    if not named:
        return
    spec = StudySpec(
        space=tried_on.space, seed=tried_on.seed, concurrent_trials=CONCURRENT_TRIALS, sampler=sampler, pruner=pruner,
        periods=tried_on.periods, order="deterministic", context={}, versions={}, numerics=NUMERICS,
    )  # fmt: skip
    rows = [to_row(event) for event in rehearse(spec, tried_on.planner, PROPOSALS, TRIALS)]
    if difference := answer_elsewhere(__name__, {"rows": rows, "named": named})["difference"]:
        raise UsageError(
            f"{' and '.join(name for _, name, _ in named)}: not repeatable: asked again after the same history, in "
            f"another process, it decides differently ({difference}). A search in deterministic order requires this; "
            "`--order as-completed` does not (in Python, order='as-completed')."
        )


def rehearse(spec: StudySpec, planner: Planner[Any], proposals: int, trials: int) -> list[Event]:
    """Return the events of a search that trains nothing; it ends after so many proposals, or trained trials."""
    events: list[Event] = []

    def keep(event: Event) -> None:
        readable(event)  # values that cannot be written to a log cannot be rehearsed
        events.append(event)

    for event in (Created(name="rehearsal", spec=spec.to_json()), GoalSet(goal=trials)):
        keep(event)
    history = History.of(events)
    executor = VirtualExecutor(_MadeUpTrainer(), workers=1, seconds=lambda job: 1.0)
    with suppress(TooManyFailuresError):
        search_in_memory(
            spec, planner, executor, history, on_event=keep, stopping=lambda: len(history.trials) >= proposals
        )
    return events


class _MadeUpTrainer:
    """Reports the same curve for the same configuration, made up of its hash, between 0 and 1; some curves cross."""

    codec = PLAIN
    numerics = NUMERICS

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        early, late = (int(canonical_json.sha256([part, dict(config)])[:8], 16) / 16**8 for part in ("early", "late"))
        weights = canonical_json.sha256([dict(config), seed, period])
        value = late + (early - late) / 2**period
        return b"", Report(value=value, metrics={"epoch": period}, weights=weights)


def _asked_again(task: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the first turn of the custom code that is decided otherwise than in the rehearsal, if there is one."""
    events = [from_row(*row) for row in task["rows"]]
    spec = StudySpec.from_json(History.of(events[:1]).spec)
    for kind, name, options in task["named"]:
        changed: dict[str, Any] = {kind: registry.of_code(kind, name, options)}
        spec = replace(spec, **changed)
    found = None
    for index in reversed(range(len(events))):
        found = _difference(spec, events[:index], events[index]) or found
    return {"difference": found}


def _difference(spec: StudySpec, before: Sequence[Event], event: Event) -> str | None:
    """Return how the custom code decides an event otherwise, in words; None if it does not, or does not decide it."""
    match event:
        case Asked() if isinstance(spec.sampler, ForeignSampler):
            turn, then = f"#{event.trial}", event.params
            now: Mapping[str, Any] = restored(spec, History.of(before), None).ask(event.trial)
        case Reported(report=Report(value=float(value))) if isinstance(spec.pruner, ForeignPruner):
            history = History.of(before)
            stops = restored(spec, history, None).report(event.trial, event.period, value)
            is_last = event.period == len(history.trials[event.trial].costs)
            turn, then = f"#{event.trial} after period {event.period}", {"stops": event.prune}
            now = {"stops": stops and not is_last}
        case _:
            return None
    for path, old, new in differences(then, now):
        return on_one_line(f"{turn}: {path} {old}, then {new}")
    return None


def answer_elsewhere(module: str, task: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a module's answer to a task in a fresh interpreter with other hashes of texts.

    Run as a program, the module calls `answer`. PluginError: it fails, does not answer, or answers with an `error`.
    """
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
    try:
        done = subprocess.run(  # noqa: S603 (a module of ours)
            [sys.executable, "-P", "-m", module],
            input=json.dumps(task), env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise PluginError(f"Another process had not answered after {PATIENCE} s.") from error
    if done.returncode or not done.stdout:
        last = (done.stderr.strip().splitlines() or ["it reported nothing"])[-1]
        raise PluginError(f"Another process failed: {in_a_sentence(last)}.")
    found: dict[str, Any] = json.loads(done.stdout)
    if "error" in found:
        raise PluginError(found["error"])
    return found


def answer(work: Callable[[Any], Mapping[str, Any]]) -> None:
    """Answer the task on standard input with the result of `work`, or with its error, as JSON on standard output.

    The output of the user's code, until the process has ended, goes to standard error.
    """
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        try:
            found = work(json.load(sys.stdin))
        except SearchError as error:
            found = {"error": str(error)}
        json.dump(found, output)


if __name__ == "__main__":
    answer(_asked_again)
