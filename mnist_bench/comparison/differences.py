"""In what two sides differ: settings, the test of their runs, shared trials, and the first place where they part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_bench import cells
from mnist_bench.comparison.sides import Side
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import all_settings, flattened, from_json, settings_of
from mnist_bench.data.choice import Data
from mnist_bench.leaderboard.board import HASH_DIGITS
from mnist_bench.nets import summary
from mnist_bench.statistics import LEVEL, ShareDifference, discordant, mcnemar, paired_difference
from mnist_bench.studies.claims import Claim, Difference, Figures, figure_difference, figures_of
from mnist_bench.studies.record import period_of
from mnist_bench.value_kind import ValueKind, correct_bits, kind_of
from search.differences import ABSENT, differences
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import repeats
from search.messages import listing, show
from search.space.ranges import Choice
from search.stored_fields import stored

FOLLOWING = (
    "context.costs", "driver_arithmetic", "portable",
    "numerics.kind", "numerics.trainer_revision",
)  # fmt: skip
"""Entries of a specification that follow from others: from the precision, the versions and the kind of device."""
KIND, REVISION = "numerics.kind", "trainer_revision"  # each kind of device has revisions of its own
PREFIXES = ("space.fields.", "space.settings.", "context.", "recipe.")
FIELD = re.compile(r"space\.fields\.([^.]+\.[^.]+)(?!\.when\b)(?:\.|$)")
"""The path of a field of a space, or of a part of its range; its condition has a row of its own."""
Rows = dict[str, tuple[str, str]]  # the values of the two sides, by path


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingDifference:
    """One setting that is not the same on both sides."""

    path: str  # where it is stored: `space.fields.optim.lr.high`
    values: tuple[str, str]  # of both sides, as text; `–` for a setting without an effect
    follows: bool  # whether it only follows from other settings, as the cost estimates do from the kind of device

    @property
    def name(self) -> str:
        """The path as a person reads it: `optim.lr.high`."""
        prefix = next((prefix for prefix in PREFIXES if self.path.startswith(prefix)), "")
        return self.path.removeprefix(prefix)


def setting_differences(first: Side, second: Side) -> tuple[SettingDifference, ...]:
    """Return the settings in which two sides differ.

    Two studies are compared by their specifications. If a side is one run, both are compared by a run: a study by its
    best trial.
    """
    rows = (_rows_of_studies if first.is_study and second.is_study else _rows_of_runs)(first, second)
    return tuple(
        SettingDifference(
            path=path, values=values, follows=path.startswith(FOLLOWING) or (path.endswith(REVISION) and KIND in rows)
        )
        for path, values in rows.items()
    )


def _rows_of_studies(first: Side, second: Side) -> Rows:
    """Return the rows of two studies, those of one field's range as one row in words."""
    rows: Rows = {}
    for path, then, now in differences(_of_study(first.study), _of_study(second.study)):
        if (found := FIELD.match(path)) is None:
            rows[path] = (then, now)
        else:
            rows[f"space.fields.{found[1]}"] = (_range_of(first, found[1]), _range_of(second, found[1]))
    return rows


def _of_study(study: StudyRecord | None) -> dict[str, Any]:
    return {} if study is None else {**study.spec, "trials": study.totals[-1]}


def _range_of(side: Side, path: str) -> str:
    """Return what a field of a study's space can be: `adam or sgd_nesterov`, `0.001 to 0.05, log`."""
    fields = () if side.study is None else side.study.space.fields
    field = next((field for field in fields if field.path == path), None)
    if field is None:
        return ABSENT
    match field.distribution:
        case None:
            return show(field.value)
        case Choice(options):
            return listing(options)
        case span:
            return span.text


def _rows_of_runs(first: Side, second: Side) -> Rows:
    """Return the rows of runs, without settings of equal values that have no effect on one side."""
    one, other = first.run, second.run
    differing = {path for path, *_ in differences(_of_run(one, settings_of), _of_run(other, settings_of))}
    rows = differences(_of_run(one, _with_effect), _of_run(other, _with_effect))
    return {path: (then, now) for path, then, now in rows if path in differing}


def _of_run(run: Claim | None, settings: Callable[[TrainConfig], dict[str, Any]]) -> dict[str, Any]:
    """Return what decides the result of a run, with the settings that a function tells of its configuration."""
    if run is None:
        return {}
    if run.record is None:
        return {"parameters": dict(run.config), "seed": run.seed}
    data: Mapping[str, Any] = stored(run.record.data)
    return {
        "recipe": settings(from_json(run.config)), "seed": run.seed, "data": data, "numerics": dict(run.numerics),
        "trainer_revision": run.record.trainer_revision, "versions": dict(run.versions),
    }  # fmt: skip


def _with_effect(config: TrainConfig) -> dict[str, Any]:
    """Return every setting, also those with their default; a dash stands for one that has no effect."""
    idle = {path: summary.NOTHING for path, setting in all_settings().items() if not setting.counts_in(config)}
    return {**settings_of(config), **idle}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunTest:
    """Two runs, tested against each other if they were validated on the same images."""

    first: str  # the labels of the runs
    second: str
    images: int | None = None  # of both; None without a test, as all that follows
    only_first: int | None = None  # images that it alone classifies correctly
    only_second: int | None = None
    difference: ShareDifference | None = None  # the accuracy of the first minus that of the second, with a 95% interval
    p_value: float | None = None  # two-sided, of McNemar's exact test
    reason: str = ""  # why there is no test, as a sentence without its end; empty if there is one

    @property
    def is_significant(self) -> bool:
        """Whether the accuracies differ significantly, at 5%."""
        return self.p_value is not None and self.p_value <= LEVEL

    @property
    def sentence(self) -> str:
        """What the test says, or why there is none."""
        found = self.difference
        if found is None or self.p_value is None:
            return f"No test: {self.reason}."
        better, estimate, low, high = self.first, found.estimate, found.low, found.high
        if estimate < 0:
            better, estimate, low, high = self.second, -estimate, -high, -low
        by = f"{cells.points(estimate)} percentage points [{cells.points(low)}, {cells.points(high)}]"
        test = f"McNemar, {cells.p_value(self.p_value)}"
        if self.is_significant:
            verdict = f"{better} is significantly better, by {by} ({test})"
        else:
            verdict = f"No significant difference ({test}): {f'{better} is ahead by ' if estimate else ''}{by}"
        return (
            f"On the same {self.images:,} images, {self.first} alone is right on {self.only_first}, and {self.second} "
            f"alone on {self.only_second}. {verdict}."
        )


def judged(first: Side, second: Side) -> RunTest:
    """Return the test of the runs of two sides, or why there is none."""
    one, other = first.run, second.run
    if one is None or other is None:
        lacking = first if one is None else second
        return RunTest(first=first.label, second=second.label, reason=f"{lacking.label} has no complete trial")
    test = partial(RunTest, first=one.label, second=other.label)
    if (reason := _why_not(one, other)) is not None:
        return test(reason=reason)
    only_first, only_second = discordant(*map(_correct, (one, other)))
    images = one.images or 0
    return test(
        images=images, only_first=only_first, only_second=only_second,
        difference=paired_difference(only_first, only_second, images), p_value=mcnemar(only_first, only_second),
    )  # fmt: skip


def _why_not(first: Claim, second: Claim) -> str | None:
    for run in (first, second):
        if run.record is None:
            return f"{run.label} has one value and no images; `mnist-bench confirm` gives it several seeds"
        if from_json(run.record.recipe).train_on == "all":
            return f"{run.label} was trained on the validation images, too"
        if run.value is None or not run.images or run.correct is None:
            return f"{run.label} has no accuracy, or which images it classified correctly was not kept"
    if first.curve[-1].weights == second.curve[-1].weights:
        return f"{first.label} and {second.label} have the same weights"
    data = [run.record.data for run in (first, second) if run.record is not None]
    if len({(each.data_hash, each.split_hash) for each in data}) > 1 or _correct(first).shape != _correct(second).shape:
        one, other = map(_images, (first, second), data)
        return f"{first.label} was validated on {one}, and {second.label} on {other}"
    return None


def _correct(run: Claim) -> NDArray[np.bool_]:
    return correct_bits(run.correct or "")


def _images(run: Claim, data: Data) -> str:
    name = "your own data" if data.is_own else data.dataset
    part = "" if data.subset is None else f", subset {data.subset:,}"
    return f"{run.images:,} images of {name}{part} (split {data.split_hash[:HASH_DIGITS]})"


Part = Literal["proposal", "configuration", "seed", "result", "end", "order", "length"]
"""What differs first: the parameters of a trial, the configuration that follows from them, the seed of a trial, the
result of a period, how a trial ends, which event comes next, or only how far the two went."""
EventKind = Literal["ask", "report", "end"]  # the events of a trial
PARAMETER, SETTING, SEED = "parameter ", "setting ", "seed"  # the figures of a proposal begin with the first two


@dataclass(frozen=True, kw_only=True, slots=True)
class Parting:
    """The first difference, in the order in which the search handled events."""

    part: Part
    trial: int  # its number in the first search
    period: int | None  # from 1; None if it is not about a period
    name: str  # what differs: `train loss`, `optim.lr`
    first: str  # the two values as text
    second: str
    before: int  # events before it, which agree: proposals, reports and ends of trials

    @property
    def is_result(self) -> bool:
        """Whether training gave other results on the same configuration and seed."""
        return self.part == "result"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One event of a search's trial, without what differs from run to run."""

    kind: EventKind
    trial: int
    period: int | None
    figures: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What happens, in a few words."""
        what = {"ask": "begins", "report": f"reports period {self.period}", "end": "ends"}
        return f"trial {self.trial} {what[self.kind]}"


def parting_of(first: Side, second: Side) -> Parting | None:
    """Return where two sides part; None if they do not, or if one of them has nothing.

    Two studies part in an event of the search, others in a period of the two runs.
    """
    if first.is_study and second.is_study and first.study is not None and second.study is not None:
        # In the order of logical time; trial by trial if one was searched as results came.
        by_time = repeats(first.study.order) and repeats(second.study.order)
        steps = [steps_of(study, by_time=by_time) for study in (first.study, second.study)]
    elif first.run is None or second.run is None:
        return None
    else:
        steps = [[*_reports(0, run.figures)] for run in (first.run, second.run)]
    for before, (one, other) in enumerate(zip_longest(*steps)):
        if one is None or other is None or (one.kind, one.trial, one.period) != (other.kind, other.trial, other.period):
            there = one or other
            names = ["nothing" if step is None else step.words for step in (one, other)]
            return Parting(
                part="order" if one and other else "length", trial=there.trial, period=there.period, name="next event",
                first=names[0], second=names[1], before=before,
            )  # fmt: skip
        if (found := figure_difference(one.figures, other.figures)) is not None:
            return _parting(one, found, before)
    return None


def _parting(step: Step, found: Difference, before: int) -> Parting:
    part: Part
    name, part, absent = found.name, "result" if step.kind == "report" else "end", "nothing"
    if step.kind == "ask":
        part = "seed" if name == SEED else "proposal" if name.startswith(PARAMETER) else "configuration"
        absent = "the default" if name.startswith(SETTING) else "nothing"
        name = name.removeprefix(PARAMETER).removeprefix(SETTING)
    first, second = (absent if value == "None" else value for value in (found.then, found.now))
    return Parting(
        part=part, trial=step.trial, period=step.period, first=first, second=second, before=before,
        name=name.replace("_", " ") if step.kind == "report" else name,
    )  # fmt: skip


def steps_of(study: StudyRecord, *, by_time: bool = True) -> list[Step]:
    """Return the events of a study's trials, in the order in which a search in deterministic order handles them, or
    trial by trial."""
    kind = kind_of(study.spec)
    timed = [
        ((trial.end_of(done), trial.slot) if by_time else (0, 0), trial.number, number, step)
        for trial in study.trials
        for number, (done, step) in enumerate(_steps_of_trial(trial, kind))
    ]
    return [step for *_, step in sorted(timed, key=lambda each: each[:3])]


def _steps_of_trial(trial: TrialRecord, kind: ValueKind) -> Iterator[tuple[int, Step]]:
    """Yield each event of a trial with the number of periods that it had trained by then."""
    parameters = {f"{PARAMETER}{name}": value for name, value in trial.params.items()}
    settings = {f"{SETTING}{name}": value for name, value in flattened(trial.config)}
    yield 0, Step(kind="ask", trial=trial.number, period=None, figures={**parameters, SEED: trial.seed, **settings})
    figures = [figures_of(period_of(report), kind) for report in trial.reports]
    yield from enumerate(_reports(trial.number, figures), start=1)
    if trial.state != "RUNNING":
        ended = {"state": trial.state, "reason": trial.reason}
        yield len(trial.reports), Step(kind="end", trial=trial.number, period=None, figures=ended)


def _reports(trial: int, figures: Sequence[Figures]) -> Iterator[Step]:
    for period, each in enumerate(figures, start=1):
        yield Step(kind="report", trial=trial, period=period, figures=each)
