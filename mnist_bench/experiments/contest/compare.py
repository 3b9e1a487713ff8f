"""Run contests of search methods: over tables and stand-ins, which give results at once, or live, with trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, assert_never, get_args

from mnist_bench import space_files, stand_ins, start_lists, tables, value_tables
from mnist_bench.cells import duration, percent
from mnist_bench.config import TaskName
from mnist_bench.data import DataOptions, close_test_set, load_training_set
from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest import live_contest
from mnist_bench.experiments.contest.contest_record import (
    Contest,
    Entrant,
    Instrument,
    Ledger,
    StartListsByNames,
    Trace,
)
from mnist_bench.experiments.contest.entrants import Named, check_fit, line_up
from mnist_bench.experiments.contest.replayed import Replayed, ReplayedStandIn, ReplayedTable, ReplayedValues
from mnist_bench.experiments.contest.replays import Terms, replays
from mnist_bench.experiments.grid import Observer, check_seeds
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.numerics import TRAINER_REVISIONS, DeviceKind, choose_precision, cores, device_kind, find_device
from mnist_bench.searches import period_ends
from mnist_bench.space_files import planner_on
from mnist_bench.tables import spread
from search import canonical_json
from search.arguments import check_choice, check_count
from search.errors import UsageError
from search.messages import show
from search.repeatability import TriedOn
from search.space import Space, cost_of
from search.study import DRIVER_REVISION
from search.trainer_api import Planner

FOLDER = Path("_bench")
"""In the results folder; its name is not that of a study, so that no command lists its content."""
TABLE = "grid-5k"
SPACE = "conv"
AVERAGED = 200
"""Configurations of whose logical costs the mean is the unit of a live contest's budget."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContestOptions:
    """The options of the contests."""

    tables: tuple[str, ...] | None = None
    """Shipped tables, or files; a contest on each. None for `TABLE`, unless there are stand-ins."""
    stand_ins: tuple[str, ...] = ()
    """Shipped stand-ins, as `mnist_bench.stand_ins.load` takes them; a contest on each."""
    live: TaskName | None = None
    """A task to train on, instead of tables and stand-ins."""
    space: str | None = None
    """The space of a live contest: a file, or a shipped space's name; None for `SPACE`."""
    samplers: tuple[Named, ...] = ("random", "curves")
    """The first one with the first pruner is the method that all others are compared with."""
    pruners: tuple[Named, ...] = ("asha",)
    sampler_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of your own samplers."""
    pruner_options: Mapping[str, Any] = field(default_factory=dict)
    start: tuple[str, ...] = ()
    """Studies and tables of other tasks: every pair takes part a second time, with a start list made of them."""
    unpruned: int = 0
    """Of each start list, the first configurations that no pruner stops."""
    baselines: bool = True
    """Whether random search and other simple methods take part."""
    seeds: int | None = None
    """Searches of each method; None for 100 on a table, where a search takes a fraction of a second, 30 on a stand-in,
    where it takes seconds, and 5 live."""
    first_seed: int = 0
    """Their seeds are this one and those that follow."""
    trials: int = 30
    """The budget: trainings of an average configuration to its end."""
    slots: int = 8
    workers: tuple[int, ...] | None = None
    """On a table, numbers of workers for which the virtual time is reported, None for `slots`; live, the one number of
    worker processes, None for one per core."""
    processes: int = 1
    """Replays at a time."""
    device: str = "auto"
    results: Path = Path("results")
    ways: tuple[Entrant, ...] = ()
    """These take part, instead of those that samplers, pruners and start name."""
    ledger: Path | None = None
    """A file to keep the result of each search, so that a contest can be continued, on another machine too. It does not
    record the version of your own code."""
    own_splits: bool = False
    """Live: whether the searches with one seed, a pair, have a split of the task and a training seed of their own."""
    fresh: int = len(live_contest.FRESH_SEEDS)
    """Live: number of fresh seeds that a choice is scored with, up to 4."""

    def __post_init__(self) -> None:
        if self.seeds is not None:
            check_seeds(self.seeds)
        for name, count in (("trials", self.trials), ("concurrent_trials", self.slots), ("processes", self.processes)):
            check_count(name, count)
        check_count("first_seed", self.first_seed, least=0)
        check_count("fresh", self.fresh, len(live_contest.FRESH_SEEDS))
        for workers in self.worker_counts:
            check_count("workers", workers)
        if self.live is None:
            self._check_table()
        else:
            self._check_live(self.live)

    def _check_table(self) -> None:
        if not self.table_names and not self.stand_ins:
            raise UsageError("There is nothing to search: give tables, stand-ins, or a live task.")
        if self.space is not None:
            raise UsageError(f"The space {show(self.space)} is for a live comparison; a table has its own space.")
        if self.device != "auto":
            raise UsageError("A search on a table does not train; leave out the device.")

    def _check_live(self, task: str) -> None:
        check_choice("live", task, get_args(TaskName))
        if self.tables is not None:
            raise UsageError("A live comparison trains and uses no table; leave out the table or the live task.")
        if self.stand_ins:
            raise UsageError("A live comparison trains and uses no stand-in; leave out the stand-in or the live task.")
        if len(self.worker_counts) > 1:
            numbers = ",".join(map(str, self.worker_counts))
            raise UsageError(f"A live comparison trains on one number of workers, not on {numbers}.")

    @property
    def table_names(self) -> tuple[str, ...]:
        """The tables to search on."""
        return (() if self.stand_ins else (TABLE,)) if self.tables is None else self.tables

    def seeds_on(self, instrument: Instrument) -> tuple[int, ...]:
        """Return the seeds of each method's searches."""
        searches = _searches(instrument) if self.seeds is None else self.seeds
        return tuple(range(self.first_seed, self.first_seed + searches))

    @property
    def worker_counts(self) -> tuple[int, ...]:
        """Numbers of workers; see `workers`."""
        if self.workers is not None:
            return self.workers
        return (self.slots if self.live is None else cores(),)


def _searches(instrument: Instrument) -> int:
    """Return the number of each method's searches, if none is given."""
    match instrument:
        case "table":
            return 100
        case "stand-in":
            return 30
        case "live":
            return 5
        case _:
            assert_never(instrument)


def compare_methods(options: ContestOptions, observer: Observer) -> list[Contest]:
    """Return the results of the searches, one contest per task.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such table, sampler or pruner, or one does not fit the other or the space.
        SpaceError, StudyLockedError, WorkerError, TooManyFailuresError, StorageError: as `search.driver.Search.run`.
    """
    close_test_set()
    if options.live is not None:
        return [_live(options, options.live, observer)]
    searched = [*(_replayed(options, name) for name in options.table_names), *_stand_ins(options)]
    _check_names([replayed.name for replayed in searched])
    line_ups = [
        _line_up(options, TriedOn(space=task.space, planner=task.space_planner, periods=task.periods))
        for task in searched
    ]
    return [
        _replayed_contest(options, replayed, entrants, observer)
        for replayed, entrants in zip(searched, line_ups, strict=True)
    ]


def _replayed(options: ContestOptions, name: str) -> Replayed:
    """Return a table, prepared for replayed searches.

    Raises:
        UsageError: there is no such table, or it cannot have the start list; see `_starts`.
        StorageError: its file is damaged.
    """
    if not value_tables.is_named(name):
        table = tables.load(name)
        return ReplayedTable(table, starts=_starts(options, table.space, table.planner, table.about.task))
    if options.start or any(entrant.start for entrant in options.ways):
        raise UsageError(f"Warm-start configurations are of networks for MNIST; on table {name} leave them out.")
    return ReplayedValues(value_tables.load(name))


def _stand_ins(options: ContestOptions) -> Iterator[Replayed]:
    """Yield the stand-ins, each once; errors as in `_replayed`."""
    named = {one.name: one for name in options.stand_ins for one in stand_ins.load(name)}
    for stand_in in named.values():
        table = stand_in.table
        starts = _starts(options, table.space, table.planner, table.about.task)
        yield ReplayedStandIn(stand_in, starts=starts)


def _check_names(names: Sequence[str]) -> None:
    """Check that each table, by whose name its results go, has a name of its own.

    Raises:
        UsageError: two have the same.
    """
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--table: {names.count(name)} of the tables are called {show(name)}; name each once.")


def _line_up(options: ContestOptions, tried_on: TriedOn) -> tuple[Entrant, ...]:
    entrants = options.ways or line_up(
        options.samplers, options.pruners, sampler_options=options.sampler_options,
        pruner_options=options.pruner_options, start=options.start, baselines=options.baselines,
    )  # fmt: skip
    if not entrants:
        raise UsageError("No search method takes part; name samplers and pruners.")
    for entrant in entrants:
        check_fit(entrant, tried_on)
    return entrants


def _starts(options: ContestOptions, space: Space, planner: Planner[Any], task: TaskName) -> StartListsByNames:
    """Return the start lists of the entrants that have one.

    Raises:
        UsageError: a source is of the very task, so that the list would know what it is judged by; or it is not a
            table, whose images a search here may see.
    """
    named = dict.fromkeys([options.start, *(entrant.start for entrant in options.ways)])
    sources = {name: start_lists.source(name, options.results) for name in dict.fromkeys(chain.from_iterable(named))}
    for source in sources.values():
        if source.task is None:
            raise UsageError(f"{source.name} is a study, which may have seen the images of {task}; name tables here.")
        if source.task == task:
            raise UsageError(
                f"Warm-start configurations from {source.name} were selected on {task}, the task of this comparison."
            )
    return {
        names: start_lists.make(
            space, planner, [sources[name] for name in dict.fromkeys(names)], unpruned=options.unpruned
        )
        for names in named
        if names
    }


def _replayed_contest(
    options: ContestOptions, replayed: Replayed, entrants: tuple[Entrant, ...], observer: Observer
) -> Contest:
    scored = replayed.scored
    seeds = options.seeds_on(scored.instrument)
    terms = Terms(budget=options.trials, slots=options.slots, workers=options.worker_counts)
    ledger = Ledger(options.ledger, terms.on(replayed), replayed.starts)
    total, done = len(entrants) * len(seeds), 0

    def on_trace(entrant: Entrant, seed: int, trace: Trace) -> None:
        nonlocal done
        done += 1
        if done == total or done % (total // 10 or 1) == 0:
            observer.on_news(f"{replayed.name}: {done} of {total} searches")

    traces = replays(
        replayed, entrants, seeds, terms, processes=options.processes, ledger=ledger, on_trace=on_trace,
        stopping=observer.stopping,
    )  # fmt: skip
    return Contest(
        instrument=scored.instrument, task=replayed.name, space=replayed.space.name, budget=options.trials,
        training_seconds=scored.training_seconds, slots=options.slots, workers=options.worker_counts, seeds=seeds,
        entrants=entrants, traces=traces, seen_images=scored.seen_images, unseen_images=scored.unseen_images,
        develops=scored.develops, reference=scored.reference, measure=scored.measure,
    )  # fmt: skip


def _live(options: ContestOptions, task: TaskName, observer: Observer) -> Contest:
    space = _load(SPACE if options.space is None else options.space)
    terms = _live_terms(options, task, space)
    entrants = _line_up_live(options, terms)
    seeds, ledger = options.seeds_on("live"), _live_ledger(options, terms)
    _search(entrants, seeds, terms, ledger, observer)
    return Contest(
        instrument="live", task=task, space=space.name, budget=options.trials, training_seconds=terms.unit / 1e6,
        slots=options.slots, workers=options.worker_counts, seeds=seeds, entrants=entrants,
        traces=ledger.traces(entrants, seeds), seen_images=terms.seen_images, unseen_images=terms.unseen_images,
        develops=False,
    )  # fmt: skip


def _line_up_live(options: ContestOptions, terms: live_contest.LiveTerms) -> tuple[Entrant, ...]:
    periods = len(period_ends(terms.space))
    return _line_up(options, TriedOn(space=terms.space, planner=terms.planner, periods=periods))


def _live_ledger(options: ContestOptions, terms: live_contest.LiveTerms) -> Ledger:
    # Costs, and with them the order of events, follow the kind of device; the first ledgers had but one and name none.
    kind = [] if terms.kind == live_contest.FIRST_KIND else [terms.kind]
    common = _common(options, terms.task, terms.space, terms.kind)
    fresh = [] if terms.fresh == len(live_contest.FRESH_SEEDS) else [["fresh", terms.fresh]]
    return Ledger(options.ledger, [*common, *kind, options.trials, *fresh], terms.starts)


def finished_pairs(options: ContestOptions) -> int:
    """Return with how many seeds of a live contest, from the first on, the ledger has a search of every entrant.

    Raises:
        UsageError, SpaceError: as `compare_methods`.
    """
    terms = _live_terms(options, *_live_task(options))
    ledger, entrants = _live_ledger(options, terms), _line_up_live(options, terms)
    pairs = (all(ledger.get(entrant, seed) is not None for entrant in entrants) for seed in options.seeds_on("live"))
    return sum(1 for _ in takewhile(bool, pairs))


def _live_task(options: ContestOptions) -> tuple[TaskName, Space]:
    if options.live is None:
        raise UsageError("There is nothing to train on: name a live task.")
    return options.live, _load(SPACE if options.space is None else options.space)


@contextmanager
def live_searches(options: ContestOptions, observer: Observer) -> Iterator[Callable[[ContestOptions, int], None]]:
    """Start the workers of a live contest, and yield what makes the searches with one seed that a ledger lacks.

    The options that it is given differ from `options` in their ways, their budget and their scoring alone.

    Raises:
        Stopped: the observer stopped a search before its end.
        UsageError, SpaceError, StudyLockedError, WorkerError, TooManyFailuresError, StorageError: as `compare_methods`.
    """
    close_test_set()
    task, space = _live_task(options)
    with live_contest.opened(_live_terms(options, task, space), observer.stopping) as live:

        def search(asked: ContestOptions, seed: int) -> None:
            terms = _live_terms(asked, task, space)
            ledger = _live_ledger(asked, terms)
            missing = [entrant for entrant in _line_up_live(asked, terms) if ledger.get(entrant, seed) is None]
            for entrant in missing:
                _make(live.within(terms), entrant, seed, ledger, observer)

        yield search


def _search(
    entrants: Sequence[Entrant], seeds: Sequence[int], terms: live_contest.LiveTerms, ledger: Ledger, observer: Observer
) -> None:  # fmt: skip
    """Make the searches that the ledger lacks; errors as in `run`."""
    missing = [(entrant, seed) for seed in seeds for entrant in entrants if ledger.get(entrant, seed) is None]
    if not missing:
        return
    left = sum(entrant.budgets for entrant, _ in missing) * terms.budget * terms.unit / 1e6 / terms.workers
    observer.on_news(f"{len(missing)} searches, which train for about {duration(left)} if nothing is kept.")
    with live_contest.opened(terms, observer.stopping) as contest:
        for entrant, seed in missing:
            _make(contest, entrant, seed, ledger, observer)


def _make(contest: live_contest.Live, entrant: Entrant, seed: int, ledger: Ledger, observer: Observer) -> None:
    if observer.stopping():
        raise Stopped
    found = contest.trace(entrant, seed)
    ledger.keep(entrant, seed, found, contest.numerics, budget=contest.terms.budget)
    said = "no choice" if found.found is None else f"error {percent(found.found)} on unseen images"
    observer.on_news(f"{entrant.name}, seed {seed}: {said}, {found.spent:.1f} trainings spent")


def _common(options: ContestOptions, task: TaskName, space: Space, kind: DeviceKind) -> list[Any]:
    """Return everything that decides the bits of all live searches of a contest."""
    seen = "of each pair" if options.own_splits else live_contest.SEEN_SEED
    return [space.to_spec(), task, options.slots, seen, TRAINER_REVISIONS[kind], DRIVER_REVISION]


def _load(name: str) -> Space:
    if name == "-":
        raise UsageError("bench search reads its space for each search, so give a file, not the standard input.")
    space = space_files.load(name)
    if cost_of(space.settings):
        raise UsageError(f"{space.name} has two objectives; bench search compares the best accuracy alone.")
    return space


def _live_terms(options: ContestOptions, task: TaskName, space: Space) -> live_contest.LiveTerms:
    """Return the terms on this machine; the folder's name stands for all that the studies in it have in common."""
    data = load_training_set(DataOptions(task=task))
    precision = str(space.settings.get("precision", "auto"))
    device = find_device(options.device, precision)
    kind = device_kind(choose_precision(device, precision), on_gpu=device.type == "cuda")
    planner = planner_on(
        space,
        asdict(COEFFICIENTS[kind]),
        train_images=len(data.split.train),
        validation_images=len(data.split.validation),
    )
    average = [planner(params) for params in spread(space, planner, AVERAGED)]
    common = [*_common(options, task, space, kind), kind]
    folder = options.results / FOLDER / f"live-{space.name}-{canonical_json.sha256(common)[:8]}"
    return live_contest.LiveTerms(
        task=task, space=space, planner=planner, budget=options.trials, slots=options.slots,
        workers=options.worker_counts[0], unit=sum(sum(plan.costs) for plan in average) / len(average),
        seen_images=len(data.split.validation), unseen_images=len(data.unseen), folder=folder,
        cache=options.results / FOLDER / "trainings", device=options.device,
        precision=precision, kind=kind, starts=_starts(options, space, planner, task),
        own_splits=options.own_splits, fresh=options.fresh,
    )  # fmt: skip
