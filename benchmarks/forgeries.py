"""What share of forged certificates `mnist-bench verify` finds: 200 forgeries of six kinds, compared with the theory.

    python benchmarks/forgeries.py [--state FOLDER] [--output FOLDER] [--number 200]

The space is `smoke` with fewer images, in portable precision. A careful forger changes one thing and lets the search go
on honestly from there, so that every decision follows from the log; only training can find that. A careless one changes
the log. What was trained is remembered, by configuration, seed and period. Run the same command again to continue.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, assert_never, get_args

import pages

from mnist_bench.certificates import Certificate, VerifyOptions, certificate_of, draw, judged, verification
from mnist_bench.config import TrainConfig, from_json
from mnist_bench.data import load_training_set
from mnist_bench.searches import SearchConfig, SearchSetup, running, start_list, study_context
from mnist_bench.training.remote import trainer_on
from search import canonical_json, files, hashed
from search.driver import Driver
from search.driver.dispatcher import WorkerTime
from search.errors import SearchError
from search.event_log import Asked, Created, Event, GoalSet, History, Reported, Told, TrialRecord
from search.study import StudySpec
from search.trainer_api import Planner, Report, Trainer, finite

Kind = Literal["accuracy", "seed", "swap", "decision", "left out", "state"]
WORDS: Mapping[Kind, str] = {
    "accuracy": "one accuracy raised",
    "seed": "a better seed's curve",
    "swap": "two trials' curves swapped",
    "decision": "a proposal replaced",
    "left out": "a trial left out",
    "state": "one forged state, then honest training",
}
SPACE, TRIALS, PERIODS, DRAWS = "smoke", 24, 12, 20
"""The search; the periods that a check draws; the checks of each forgery."""
CHANGES = ("subset=1500",)
SEEDS = 3
"""Seeds among which a forger chooses the best curve."""
Key = tuple[str, int, int]
Lie = Callable[[TrialRecord, int, Report], Report]
"""Returns what is reported of a trial's period instead of the honest report."""


@dataclass(slots=True)
class Memory:
    """Trains periods, each once."""

    trainer: Trainer[TrainConfig]
    trained: dict[Key, tuple[Report, bytes]] = field(default_factory=dict)

    def report(self, config: Mapping[str, Any], seed: int, period: int) -> Report:
        """Return the honest report of a period."""
        return self._period(config, seed, period)[0]

    def curve(self, config: Mapping[str, Any], seed: int, periods: int) -> list[Report]:
        """Return the honest reports of the first periods."""
        return [self.report(config, seed, period) for period in range(1, periods + 1)]

    def state(self, config: Mapping[str, Any], seed: int, period: int) -> bytes | None:
        """Return the state after a period; None before the first."""
        return self._period(config, seed, period)[1] if period else None

    def _period(self, config: Mapping[str, Any], seed: int, period: int) -> tuple[Report, bytes]:
        key = (canonical_json.sha256(dict(config)), seed, period)
        if key not in self.trained:
            before = self.state(config, seed, period - 1)
            state, report = self.trainer.advance(from_json(config), seed, period, before)
            bare = replace(finite(report), details={}, seconds=0.0, worker=None, started=None, handled=None)
            self.trained[key] = (bare, state)
        return self.trained[key]


@dataclass(slots=True)
class Log:
    """The log and the dispatcher of a search that is driven here; `lie` changes reports."""

    history: History
    memory: Memory
    lie: Lie
    events: list[Event] = field(default_factory=list)
    time: WorkerTime = field(default_factory=WorkerTime)

    def append(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def obtain(self, wanted: int | None) -> tuple[int, Report]:
        """Return the report of the wanted trial's next period."""
        trial = self.history.trials[wanted or 0]
        honest = self.memory.report(trial.config, trial.seed, trial.next_period)
        return trial.number, self.lie(trial, trial.next_period, honest)

    def at_work(self) -> frozenset[int]:
        """Return that nothing trains."""
        return frozenset()

    def ahead(self) -> dict[int, int]:
        """Return that nothing waits."""
        return {}

    def nothing(self, *_: object) -> None:
        """Do nothing."""

    show = adopt = keep_busy = drain = advance_to = forget = nothing


class OtherProposals(StudySpec):
    """A specification that replaces a proposal, which no stored specification can say."""

    __slots__ = ()
    replaced: Mapping[int, Mapping[str, Any]] = {}

    def given(self, number: int) -> Mapping[str, Any] | None:
        """Return the parameters that replace a proposal."""
        return self.replaced.get(number) or StudySpec.given(self, number)


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Searches honestly, and forges."""

    spec: StudySpec
    planner: Planner[TrainConfig]
    memory: Memory
    trials: int = TRIALS

    def searched(
        self, lie: Lie = lambda trial, period, honest: honest, replaced: Mapping[int, Mapping[str, Any]] | None = None
    ) -> list[Event]:
        """Return the log of a search, honest but for a lie or a replaced proposal."""
        history = History()
        log = Log(history=history, memory=self.memory, lie=lie)
        created = Created(name="forged", spec=self.spec.to_json(), format=self.spec.format)
        for event in (created, GoalSet(goal=self.trials)):
            log.append(event)
            history.apply(event)
        driven = self.spec
        if replaced:
            kind = type("Replaced", (OtherProposals,), {"replaced": replaced, "__slots__": ()})
            driven = kind(**{name: getattr(self.spec, name) for name in self.spec.__dataclass_fields__})
        driver = Driver(spec=driven, history=history, recorder=log, planner=self.planner, dispatcher=log)
        driver.run(lambda: False)
        return [_without_time(event) for event in log.events]

    def forged(self, kind: Kind, honest: Certificate, draws: random.Random) -> list[Event]:
        """Return a forged log."""
        trial, period = draws.choice([(t, p) for t in honest.study.trials for p in range(1, t.next_period)])
        match kind:
            case "accuracy":
                return self.searched(_at(trial, period, lambda told: _raised(told, draws)))
            case "seed":
                return self.searched(self._better_seed(trial))
            case "swap":
                return self.searched(self._swapped(*draws.sample(honest.study.trials[: self.spec.slots], 2)))
            case "decision":
                other = draws.choice([each for each in honest.study.trials if each.number != trial.number])
                return self.searched(replaced={trial.number: other.params})
            case "left out":
                return [*_left_out(honest.events, trial.number)]
            case "state":
                return self.searched(self._forged_state(trial, period))
            case _:
                assert_never(kind)

    def _better_seed(self, forged: TrialRecord) -> Lie:
        def curve(seed: int) -> list[Report]:
            return self.memory.curve(forged.config, seed, len(forged.costs))

        best = max(map(curve, range(1, SEEDS + 1)), key=lambda curve: curve[-1].value or 0.0)
        return lambda trial, period, told: best[period - 1] if trial.number == forged.number else told

    def _swapped(self, one: TrialRecord, other: TrialRecord) -> Lie:
        pairs = {one.number: other, other.number: one}

        def lie(trial: TrialRecord, period: int, told: Report) -> Report:
            source = pairs.get(trial.number)
            return told if source is None else self.memory.report(source.config, source.seed, period)

        return lie

    def _forged_state(self, forged: TrialRecord, begin: int) -> Lie:
        """Return a lie that trains on from another seed's state, with the trial's own seed from the next period on."""
        states: dict[int, tuple[bytes, Report]] = {}
        other = 1
        report = self.memory.report(forged.config, other, begin)
        states[begin] = (self.memory.state(forged.config, other, begin) or b"", report)

        def lie(trial: TrialRecord, period: int, told: Report) -> Report:
            if trial.number != forged.number or period < begin:
                return told
            if period not in states:
                config = from_json(trial.config)
                state, made = self.memory.trainer.advance(config, trial.seed, period, states[period - 1][0])
                states[period] = (state, replace(finite(made), details={}, seconds=0.0))
            return states[period][1]

        return lie

    def retrain(self, trials: Sequence[TrialRecord]) -> dict[int, list[Report]]:
        """Train trials whole, as a check does."""
        return {trial.number: self.memory.curve(trial.config, trial.seed, len(trial.reports)) for trial in trials}


def _at(forged: TrialRecord, place: int, change: Callable[[Report], Report]) -> Lie:
    return lambda trial, period, told: change(told) if (trial.number, period) == (forged.number, place) else told


def _raised(told: Report, draws: random.Random) -> Report:
    """Return a report of one to five percentage points more accuracy."""
    if told.value is None:
        return told
    return replace(told, value=min(1.0, round(told.value + draws.randint(1, 5) / 100, 4)))


def _left_out(events: Sequence[Event], number: int) -> Iterator[Event]:
    """Yield a log without a trial, the later ones renumbered."""
    for event in events:
        if not isinstance(event, Asked | Reported | Told):
            yield event
        elif event.trial != number:
            yield replace(event, trial=event.trial - (event.trial > number))


def _without_time(event: Event) -> Event:
    return replace(event, report=replace(event.report, handled=None)) if isinstance(event, Reported) else event


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What checks made of a forgery."""

    number: int
    kind: Kind
    by_decisions: bool
    """Whether the log itself or its repeated decisions refute it."""
    forged: int = 0
    """Periods whose results differ from those of honest training, the best trial's left out."""
    best_is_forged: bool = False
    among: int = 0
    drawn: int = 0
    expected: float = 1.0
    """Probability that a check finds it, given its forged trials."""
    at_least: float = 1.0
    """What `verify` says of so many forged periods."""
    found: int = DRAWS
    """Checks, of `DRAWS`, that found it."""
    seconds: float = 0.0


def outcome(forger: Forger, number: int, kind: Kind, events: Sequence[Event]) -> Outcome:
    """Check a forged log with `DRAWS` draws."""
    started = time.perf_counter()
    try:
        made = certificate_of(events)
    except (SearchError, ValueError):
        return Outcome(number=number, kind=kind, by_decisions=True, seconds=time.perf_counter() - started)
    begun = verification.decided(made, VerifyOptions(periods=PERIODS, seed=0))
    if begun.verdict == "refuted":
        return Outcome(number=number, kind=kind, by_decisions=True, seconds=time.perf_counter() - started)
    lies = _lies(forger, made)
    trials = {trial for trial, _ in lies}
    among = draw.places(made.study, made.best)
    reached = [place for place in among if place[0] in trials]
    forged = [place for place in among if place in lies]
    best_is_forged = made.best.number in trials
    checks = [replace(begun, seed=hashed.derived_seed(number, each)) for each in range(DRAWS)]
    found = sum(judged(made, check, forger.retrain).verdict == "refuted" for check in checks)
    return Outcome(
        number=number, kind=kind, by_decisions=False, forged=len(forged), best_is_forged=best_is_forged,
        among=len(among), drawn=begun.drawn, found=found, seconds=time.perf_counter() - started,
        expected=1.0 if best_is_forged else draw.share_found(len(among), len(reached), begun.drawn),
        at_least=1.0 if best_is_forged else draw.share_found(len(among), len(forged), begun.drawn),
    )  # fmt: skip


def _lies(forger: Forger, made: Certificate) -> set[tuple[int, int]]:
    """Return the trials and periods whose results differ from those of honest training."""
    curves = forger.retrain(made.study.trials)
    return {
        (trial.number, period)
        for trial in made.study.trials
        for period, (told, honest) in enumerate(zip(trial.reports, curves[trial.number], strict=True), start=1)
        if (told.value, dict(told.metrics), told.weights) != (honest.value, dict(honest.metrics), honest.weights)
    }


def real_forger() -> Forger:
    """Return a forger who trains in portable precision."""
    setup = SearchSetup.of(
        SearchConfig(space=SPACE, overrides=CHANGES, trials=TRIALS, receiver="forgeries", study_name="forged")
    )
    data = load_training_set(setup.data)
    trainer = trainer_on(data, device="cpu", precision="portable")
    spec = running.spec_of(setup, data, trainer.numerics, start_list(setup))
    return Forger(spec=spec, planner=study_context.planner(spec.space, spec.context), memory=Memory(trainer))


def main() -> None:
    """Forge and check, from where an earlier call stopped; write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=Path("build/forgeries"), help="where the work so far is kept")
    parser.add_argument("--output", type=Path, default=Path("results/published"))
    parser.add_argument("--number", type=int, default=200)
    asked = parser.parse_args()
    files.make_folder(asked.state)
    ledger = asked.state / "forgeries.jsonl"
    known = {row["number"]: Outcome(**row) for _, row in files.whole_lines(ledger)}
    forger = real_forger()
    honest = certificate_of(forger.searched())
    accused = false_accusations(forger, honest)
    print(f"honest: {len(honest.leaves)} periods, {accused} of {DRAWS} checks refute it", flush=True)
    for number in range(asked.number):
        if number not in known:
            kind = get_args(Kind)[number % len(get_args(Kind))]
            started = time.perf_counter()
            events = forger.forged(kind, honest, random.Random(number))  # noqa: S311
            known[number] = outcome(forger, number, kind, events)
            files.append_line(ledger, json.dumps(asdict(known[number])))
            print(f"{number}: {known[number]} in {time.perf_counter() - started:.1f} s", flush=True)
    outcomes = [known[number] for number in range(asked.number)]
    figures = {
        "space": SPACE, "overrides": CHANGES, "trials": TRIALS, "periods": len(honest.leaves), "drawn": PERIODS,
        "draws": DRAWS, "false_accusations": accused, "machine": pages.machine("portable"),
        "kinds": [*map(asdict_of, by_kind(outcomes))], "forgeries": [*map(asdict, outcomes)],
    }  # fmt: skip
    pages.write(asked.output, "forgeries", page(figures), figures)


def false_accusations(forger: Forger, honest: Certificate) -> int:
    """Return how many checks of the honest certificate refute it."""
    begun = verification.decided(honest, VerifyOptions(periods=PERIODS, seed=0))
    return sum(judged(honest, replace(begun, seed=each), forger.retrain).verdict != "holds" for each in range(DRAWS))


@dataclass(frozen=True, kw_only=True, slots=True)
class OfKind:
    """The forgeries of a kind."""

    kind: Kind
    number: int
    by_decisions: int
    """Found without training."""
    forged: float
    """Forged periods outside of the best trial, on average, of those that only training finds."""
    best: int
    """Of those, how many forge the best trial, which is always trained again."""
    found: float
    """Share of checks that found one."""
    expected: float
    at_least: float


def by_kind(outcomes: Sequence[Outcome]) -> Iterator[OfKind]:
    """Yield the figures of each kind."""
    for kind in get_args(Kind):
        these = [each for each in outcomes if each.kind == kind]
        hidden = [each for each in these if not each.by_decisions]
        if these:
            yield OfKind(
                kind=kind, number=len(these), by_decisions=len(these) - len(hidden),
                forged=fmean(each.forged for each in hidden) if hidden else 0.0,
                best=sum(each.best_is_forged for each in hidden),
                found=fmean(each.found / DRAWS for each in these), expected=fmean(each.expected for each in these),
                at_least=fmean(each.at_least for each in these),
            )  # fmt: skip


def asdict_of(row: OfKind) -> dict[str, Any]:
    """Return a row as plain values."""
    return asdict(row)


def page(figures: Mapping[str, Any]) -> str:
    """Return the page of the figures."""
    rows = [
        [
            WORDS[row["kind"]], str(row["number"]), str(row["by_decisions"]), str(row["best"]),
            f"{row['forged']:.1f}", f"{row['found']:.1%}", f"{row['expected']:.1%}", f"{row['at_least']:.1%}",
        ]
        for row in figures["kinds"]
    ]  # fmt: skip
    options = f"--trials {figures['trials']} --set {' --set '.join(figures['overrides'])}"
    heads = [
        "forgery", "number:", "found by decisions:", "of the best trial:", "forged periods:", "share found:",
        "expected:", "at least:",
    ]  # fmt: skip
    return "\n".join(
        [
            "# Forged certificates",
            "",
            f"{len(figures['forgeries'])} forged certificates of `search {figures['space']} {options}`. Each was "
            f"checked with {figures['draws']} draws of {figures['drawn']} periods. The honest search has "
            f"{figures['periods']} periods; {figures['false_accusations']} of {figures['draws']} checks refuted it.",
            "",
            *pages.table(heads, rows),
            "",
            '"Found by decisions" counts those that need no training. "Expected" is the probability given the forged '
            "trials: each is trained whole if one of its periods is drawn, and the best trial always. "
            '"At least" is what `verify` says of so many forged periods: 1 − C(m − b, k) / C(m, k).',
            "",
            f"Made by `python benchmarks/forgeries.py`. {figures['machine']}",
            "",
        ]
    )


if __name__ == "__main__":
    main()
