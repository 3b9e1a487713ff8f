"""Check whether a custom sampler or pruner is repeatable: it decides the same turns in several ways, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

from search.differences import differences
from search.driver.progress import Observer, Progress
from search.driver.run import Search
from search.errors import OutsideRangeError, PluginError, UsageError
from search.event_log.events import Asked, Event, Reported
from search.event_log.timeline import repeats
from search.executors.in_process import InProcessExecutor
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Executor
from search.files import passing_folder
from search.messages import command_line, on_one_line
from search.plugins.loading import Code
from search.repeatability.elsewhere import decided_elsewhere
from search.repeatability.made_up import CANARY, MadeUpPlanner
from search.repeatability.rehearsal import (
    Decision,
    Length,
    decided_anew,
    from_rows,
    recorded,
    rehearse,
    to_rows,
)
from search.space.space import Space
from search.strategies import registry
from search.strategies.pruners import ForeignPruner, Pruner
from search.strategies.samplers import ForeignSampler, Sampler
from search.study.folder import WorkFolder
from search.study.location import StudyLocation
from search.study.spec import StudySpec, option_words
from search.trainer_api import Planner, TrainerSpec, is_feasible

SLOTS = 8
PROPOSALS = 50
"""Proposals of a sampler that are looked at, infeasible ones among them."""
TRIALS = 50
"""Trained trials that a pruner decides on."""
FEW = Length(proposals=60, trials=16)
"""For a quick check: more trained trials than the ten that Optuna's samplers draw at random."""
WORKERS = 8
SEARCHED = 30
"""Proposals of the searches with one worker and with several; most of their time goes to the databases."""
_TRAINER = TrainerSpec(factory="search.repeatability.made_up:MadeUpTrainer")


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedOn:
    """The space and planner on which a strategy is tried out."""

    space: Space
    planner: Planner[Any]
    """Says what a trial's periods cost and what exceeds a limit; its configurations are not trained."""
    periods: int
    seed: int = 0
    words: tuple[str, ...] | None = ()
    """Options with which `mnist-bench plugin check` uses the same space, such as `--space conv`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRow:
    """One way to decide again, and its result."""

    what: str
    holds: bool | None
    """None if it could not be tried."""
    found: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The result of a check."""

    name: str
    kind: str
    """"sampler" or "pruner"."""
    code: Code
    rows: tuple[CheckRow, ...]
    never: bool = False
    """Whether no search takes it, not even one in the order of arrival."""

    @property
    def repeatable(self) -> bool:
        """Whether every row holds."""
        return all(row.holds for row in self.rows)


def examine(own: ForeignSampler | ForeignPruner, tried_on: TriedOn) -> Checked:
    """Try out a sampler or pruner; the other one is the space's.

    Raises:
        UsageError: it does not go with the space's other one, or sets a system attribute that no study can keep.
        PluginError: it raises.
    """
    sampler, pruner = registry.of_settings(tried_on.space.settings)
    planner = MadeUpPlanner(tried_on.planner)
    match own:
        case ForeignSampler():
            rows = _rows_of_sampler(_spec(own, pruner, tried_on), planner)
            return Checked(name=own.name, kind="sampler", code=own.code, rows=tuple(rows))
        case ForeignPruner():
            rows = _rows_of_pruner(_spec(sampler, own, tried_on), planner)
            return Checked(name=own.name, kind="pruner", code=own.code, rows=tuple(rows))
        case _:
            assert_never(own)


def require(sampler: Sampler, pruner: Pruner, tried_on: TriedOn) -> None:
    """Check in a few seconds that your own sampler and pruner decide the same here and in another process.

    Raises:
        UsageError: one does not; the message says how to search with it all the same. Or it sets a system attribute
            that no study can keep.
        PluginError: it raises, or proposes a value outside its range.
    """
    own = [way for way in (sampler, pruner) if isinstance(way, ForeignSampler | ForeignPruner)]
    if not own:
        return
    names = " and ".join(map(_whole_name, own))
    spec = _spec(sampler, pruner, tried_on)
    events = rehearse(spec, MadeUpPlanner(tried_on.planner), FEW)
    decided = recorded(spec, events)
    for where, again in (("asked again", decided_anew), ("asked in another process", decided_elsewhere)):
        if (difference := _difference(decided, again(spec, events))) is not None:
            fault = f"{names}: not repeatable: {where} after the same history, it decides differently ({difference})."
            if tried_on.words is None:
                raise UsageError(f"{fault} A search in deterministic order requires this; order='arrival' does not.")
            commands = [f"`{_command(way, tried_on)}`" for way in own]
            raise UsageError(
                f"{fault} A search in deterministic order requires this; `--order as-completed` does not, and "
                f"{' and '.join(commands)} {'reports' if len(own) == 1 else 'report'} more."
            )


def require_repeatable(planned: Search) -> None:
    """Check in a few seconds that your own sampler and pruner decide the same again, before `run`.

    `planned` is what `Search.of` returns. A search by arrival, and one with built-in strategies, needs no check.

    Raises:
        UsageError: one does not; the message says how to search with it all the same.
        PluginError: it raises, or proposes a value outside its range.
    """
    spec = planned.spec_for({"canary": CANARY})
    if repeats(spec.order):
        planner = planned.planner_for(spec)
        # No command tries a strategy out on this very search.
        tried_on = TriedOn(space=spec.space, planner=planner, periods=spec.periods, seed=spec.seed, words=None)
        require(spec.sampler, spec.pruner, tried_on)


def _whole_name(way: ForeignSampler | ForeignPruner) -> str:
    return way.loaded.whole_name if way.loaded else way.name


def _command(way: ForeignSampler | ForeignPruner, tried_on: TriedOn) -> str:
    """Return the command that does what `examine` does."""
    options = option_words("sampler" if isinstance(way, ForeignSampler) else "pruner", way.options)
    seed = ["--seed", str(tried_on.seed)] if tried_on.seed else []
    return command_line(["mnist-bench", "plugin", "check", _whole_name(way), *options, *(tried_on.words or ()), *seed])


def _spec(sampler: Sampler, pruner: Pruner, tried_on: TriedOn) -> StudySpec:
    return StudySpec(
        space=tried_on.space, seed=tried_on.seed, slots=SLOTS, sampler=sampler, pruner=pruner,
        periods=tried_on.periods, context={"canary": CANARY},
    )  # fmt: skip


def _rows_of_sampler(spec: StudySpec, planner: MadeUpPlanner) -> list[CheckRow]:
    within = "proposals within the space"
    try:
        events = rehearse(spec, planner, Length(proposals=PROPOSALS, trials=PROPOSALS))
        rows = _rows(spec, events, planner)
    except OutsideRangeError as error:
        skipped = [CheckRow(what=what, holds=None, found="not tried: the search ended") for what in _WAYS]
        return [*skipped, CheckRow(what=within, holds=False, found=str(error))]
    proposals = [event for event in events if isinstance(event, Asked)]
    infeasible = sum(not is_feasible(event.constraints) for event in proposals)
    words = f"each value of {len(proposals)} in its range; {infeasible} infeasible"
    return [*rows, CheckRow(what=within, holds=True, found=words)]


def _rows_of_pruner(spec: StudySpec, planner: MadeUpPlanner) -> list[CheckRow]:
    events = rehearse(spec, planner, Length(proposals=4 * TRIALS, trials=TRIALS))
    verdicts = [event for event in events if isinstance(event, Reported)]
    stopped, trials = sum(event.prune for event in verdicts), len({event.trial for event in verdicts})
    words = f"{stopped} of {trials}, of made-up curves"
    return [*_rows(spec, events, planner), CheckRow(what="trials stopped", holds=True, found=words)]


_WAYS = ("asked twice", "after a restart", "in another process", f"with 1 and {WORKERS} workers")


def _rows(spec: StudySpec, events: list[Event], planner: MadeUpPlanner) -> list[CheckRow]:
    decided = recorded(spec, events)
    first, second = decided_anew(spec, events), decided_anew(spec, events)
    try:
        elsewhere = _row(_WAYS[2], decided, decided_elsewhere(spec, events))
    except PluginError as error:
        elsewhere = CheckRow(what=_WAYS[2], holds=False, found=str(error))
    return [
        _row(_WAYS[0], first, second),
        _row(_WAYS[1], decided, decided_anew(spec, from_rows(to_rows(events)))),
        elsewhere,
        _row_of_workers(spec, planner),
    ]


def _row(what: str, then: Mapping[str, Decision], now: Mapping[str, Decision]) -> CheckRow:
    difference = _difference(then, now)
    return CheckRow(what=what, holds=difference is None, found=difference or f"{len(then)} decisions, all the same")


def _difference(then: Mapping[str, Decision], now: Mapping[str, Decision]) -> str | None:
    """Return the first difference in words, or None."""
    for turn, decision in then.items():
        for path, old, new in differences({turn: decision}, {turn: now.get(turn, {})}):
            return on_one_line(f"{turn}: {path.removeprefix(f'{turn}.')} {old}, then {new}")
    return None


class _Counting(Observer):
    """Counts proposals, so that searches stop at the same event, which depends on no worker."""

    proposals = 0

    def on_progress(self, progress: Progress) -> None:
        self.proposals = progress.finished + progress.infeasible + len(progress.running)


def _row_of_workers(spec: StudySpec, planner: MadeUpPlanner) -> CheckRow:
    """Compare real searches: in this process, and on worker processes with as many slots."""
    with passing_folder() as folder:
        log = WorkFolder(folder).workers_log
        alone = _digest(spec, planner, InProcessExecutor(_TRAINER), folder / "alone")
        together = _digest(spec, planner, LocalExecutor(_TRAINER, WORKERS, log), folder / "together")
    words = f"digest {alone[:8]}" + ("" if alone == together else f", then {together[:8]}")
    return CheckRow(what=_WAYS[3], holds=alone == together, found=words)


def _digest(spec: StudySpec, planner: MadeUpPlanner, executor: Executor, results: Path) -> str:
    counting = _Counting()
    searched = Search(
        location=StudyLocation.of("check", results),
        goal=SEARCHED,
        spec_for=lambda numerics: replace(spec, numerics=numerics),
        planner_for=lambda _: planner,
        executor=executor,
        observer=counting,
        stopping=lambda: counting.proposals >= SEARCHED,
    ).run()
    return searched.study.digest
