"""`ablate`: the path from a baseline to a trial, one group of settings at a time, by measured validation errors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np

from mnist_bench import cells
from mnist_bench.config.settings import Group, TrainConfig
from mnist_bench.config.values import all_settings, from_json, settings_of, to_json, with_params
from mnist_bench.errors import ArchitectureError, Stopped
from mnist_bench.experiments.trainings import Grid, Workplace, ask, open_grid_of, validation_errors
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import net_size
from mnist_bench.nets.summary import distinguishing
from mnist_bench.numerics.kinds import TRAINER_REVISIONS
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.result_table import Figure, ShownAsTable, Table
from mnist_bench.space_files import space_sources
from mnist_bench.statistics import LEVEL, ROUNDING, mean_if_complete, paired
from mnist_bench.studies import checked, kept_files
from mnist_bench.studies.record import data_of
from search import canonical_json, hashed
from search.differences import checks
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import joined, listing
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report

# The changes


_ABLATED = [declared for declared in all_settings().values() if declared.ablated]
GROUPS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        group: [declared.path for declared in _ABLATED if declared.ablated_with == group]
        for group in dict.fromkeys([*get_args(Group), *(declared.ablated_with for declared in _ABLATED)])
    }
)  # every setting of TrainConfig is in one group, but for those that all runs of an ablation share (SHARED)
SHARED: Mapping[str, Any] = MappingProxyType(
    {path: declared.default for path, declared in all_settings().items() if not declared.ablated}
)  # errors are counted on the search's validation split, and a setting that only decides when to look changes no net


def effective(config: TrainConfig) -> TrainConfig:
    """Return a config that trains the same net, the settings that do nothing in it at their defaults."""
    settled = from_json(with_params(to_json(config), SHARED))
    values = settings_of(settled)
    declared = {path: known for path, known in all_settings().items() if known.default != values[path]}
    idle = {path: known.default for path, known in declared.items() if not known.counts_in(settled)}
    # A need may itself be idle: without blocks no batchnorm, then no batchnorm_momentum.
    return effective(from_json(with_params(to_json(settled), idle))) if idle else settled


def differing(current: TrainConfig, target: TrainConfig) -> tuple[str, ...]:
    """Return the groups in which two effective configs differ, in the order of GROUPS."""
    have, want = settings_of(current), settings_of(target)
    # If your own network declares no settings, some may be in one of the two alone.
    fields = [name for name in {**have, **want} if have.get(name) != want.get(name)]
    # In your own network each setting is a group: it is unknown which settings belong together.
    own = [name for name in fields if name not in all_settings()]
    return (*(group for group, names in GROUPS.items() if {*fields} & {*names}), *own)


def changed(current: TrainConfig, target: TrainConfig, groups: Sequence[str]) -> TrainConfig:
    """Return the effective config that has these groups' settings from `target` and all others from `current`."""
    wanted = settings_of(target)
    new = {name: wanted[name] for group in groups for name in GROUPS.get(group, (group,))}
    return effective(from_json(with_params(to_json(current), new)))


def candidates(current: TrainConfig, target: TrainConfig, form: PictureForm = MNIST) -> list[tuple[str, ...]]:
    """Return the possible next changes: all groups that can be changed alone, or the fewest that can together.

    A change is possible if its net can exist and all of it has an effect there: settings wait for their layers.
    """

    def is_possible(groups: tuple[str, ...]) -> bool:
        new = changed(current, target, groups)
        try:
            net_size(new, form)
        except ArchitectureError:
            return False
        return not {*groups} & {*differing(new, target)}

    remaining = differing(current, target)
    for number in range(1, len(remaining) + 1):
        if found := [*filter(is_possible, combinations(remaining, number))]:
            return found
    return []


def met(start: TrainConfig, target: TrainConfig, form: PictureForm = MNIST) -> list[TrainConfig]:
    """Return the configs that a path has to train if the groups are taken in the order of GROUPS."""
    configs, current = [start, target], start
    while choices := candidates(current, target, form):
        configs += [changed(current, target, groups) for groups in choices]
        current = changed(current, target, choices[0])
    return list(dict.fromkeys(configs))


# What was measured


COMPARABLE = 2
"""How many times the errors of a pair's worse side another configuration may have for its spread to say something
about the pair's: errors are counts, which vary more where there are more, and a net of which one seed failed varies by
thousands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A configuration, trained to its end with every seed."""

    config: Mapping[str, Any]  # TrainConfig as plain values
    errors: tuple[int | None, ...]  # validation errors by seed; None if training diverged
    parameters: int
    macs: int  # multiply-accumulates for one image
    seconds: float  # mean training time of a run, in seconds

    @property
    def mean(self) -> float | None:
        """Mean errors; None if a run diverged."""
        return mean_if_complete(self.errors)

    @property
    def rank(self) -> tuple[float, int, int]:
        """The best has the smallest: fewest errors, then the cheapest net."""
        return math.inf if self.mean is None else self.mean, self.macs, self.parameters


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedChange:
    """A change that was measured in a step, taken or not."""

    groups: tuple[str, ...]
    mean: float | None  # mean errors with it; None if a run diverged


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One change on the path."""

    groups: tuple[str, ...]  # groups of settings that are changed; several if one alone makes no net, or if time was up
    change: str  # the changes, in words
    after: Measured
    tried: tuple[TriedChange, ...]  # all that could be changed next, this step too; nothing if time was up
    waiting: tuple[str, ...]  # groups that could not be tried, their layers not being there yet
    fewer: float | None  # by how many errors fewer; None if a run diverged
    low: float | None
    high: float | None  # ends of the interval of `fewer`; see `interval`

    @property
    def name(self) -> str:
        """The groups in words; `the rest` if time was up before several could be measured one by one."""
        return "the rest" if not self.tried and len(self.groups) > 1 else joined(self.groups)

    @property
    def by_chance(self) -> bool:
        """Whether the interval holds 0, or there is none."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high

    @property
    def finding(self) -> str:
        """By how many errors fewer, with the interval: `29.0 [21, 37]`, with a star if that may be chance."""
        if self.fewer is None or self.low is None or self.high is None:
            return "–"
        return f"{self.fewer:z.1f} [{self.low:z.0f}, {self.high:z.0f}]{'*' if self.by_chance else ' '}"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Ablation(ShownAsTable):
    """A path from a baseline to a trial."""

    question: str  # SHA-256 of all that decides: configurations, seeds, data, numerics check, trainer revision
    study: str
    trial: int
    baseline: str  # the recipe at the beginning, as the user named it
    images: int  # validation images, of which errors are counted
    seeds: tuple[int, ...]
    start: Measured
    steps: tuple[Step, ...]

    @property
    def complete(self) -> bool:
        """Whether every group was measured by itself."""
        return all(step.tried for step in self.steps)

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = asdict(self)
        for step, plain_step in zip(self.steps, values["steps"], strict=True):
            plain_step["by_chance"] = step.by_chance
        return {**values, "complete": self.complete}

    def table(self) -> Table[tuple[Measured, Step | None]]:
        """Return the baseline and each step from there, with all their figures."""
        start, end = _errors(self.start.mean), _errors(self.steps[-1].after.mean)

        def accuracy(row: tuple[Measured, Step | None]) -> float | None:
            return None if row[0].mean is None else 1 - row[0].mean / self.images

        return Table(
            rows=[(self.start, None), *((step.after, step) for step in self.steps)],
            figures=[
                Figure("step", lambda row: row[1].name if row[1] else self.baseline, 9),
                Figure("errors", lambda row: row[0].mean, 8, "right", _errors),
                Figure("fewer", lambda row: row[1].finding if row[1] else "", 8, "right"),
                Figure("accuracy", accuracy, 6, "right", cells.percent),
                Figure("params", lambda row: row[0].parameters, 4, "right", cells.count),
                Figure("time", lambda row: row[0].seconds, 5, "right", cells.duration),
                Figure("change", lambda row: row[1].change if row[1] else "", 7),
            ],
            caption=[
                f"{self.study}: from {self.baseline} to #{self.trial}, {start} → {end} validation errors of "
                f"{self.images:,} (means of {len(self.seeds)} fresh seeds)."
            ],
            footnotes=[*self._footnotes()],
            document=self.plain(),
        )

    def _footnotes(self) -> Iterator[str]:
        yield (
            "In brackets: 95% intervals, simultaneous for everything tried in a step. * may be chance: the interval "
            "includes 0."
        )
        if early := list(dict.fromkeys(group for step in self.steps for group in step.waiting)):
            yield f"Tried only after the network had the layers that they belong to: {joined(early)}."
        for step in self.steps:
            if len(step.groups) > 1 and step.tried:
                yield f"{step.name} are one step: one alone does not make a network."
        if not self.complete:
            yield (
                f"The time budget ran out before there were runs for {joined(self.steps[-1].groups)} alone. The same "
                "command with more time continues."
            )


def _errors(mean: float | None) -> str:
    return "diverged" if mean is None else f"{mean:.1f}"


def load(folder: Path) -> Ablation | None:
    """Return the kept ablation of the study in `folder`, None if there is none; errors as in `kept_files.load`."""
    found = kept_files.load(StudyFolder(folder).ablation.result, Ablation, "ablation")
    return found and replace(found, study=folder.name)  # the study's folder may have been renamed since


# The path


Measure = Callable[[Mapping[str, TrainConfig]], list[Measured] | None]
"""Trains configurations, by their names for a reader, with every seed; None if time is up."""


def walk(start: Measured, end: Measured, measure: Measure, form: PictureForm = MNIST) -> Iterator[Step]:
    """Yield the steps of the greedy path from `start` to `end`, both of an effective config, as they are measured.

    The change is taken after which fewest errors are left. If time is up, the remaining changes are one step.
    """
    before, target = start, from_json(end.config)
    while remaining := differing(config := from_json(before.config), target):
        choices = candidates(config, target, form)
        measured = measure({joined(groups): changed(config, target, groups) for groups in choices})
        found = [(remaining, end)] if measured is None else list(zip(choices, measured, strict=True))
        groups, after = min(found, key=lambda one: one[1].rank)
        others = [one.errors for _, one in found if one is not after]
        fewer, low, high = interval(before.errors, after.errors, others) or (None, None, None)
        yield Step(
            groups=groups, change=change(config, from_json(after.config)), after=after,
            tried=() if measured is None else tuple(TriedChange(groups=each, mean=one.mean) for each, one in found),
            waiting=tuple(group for group in remaining if not any(group in each for each, _ in found)),
            fewer=fewer, low=low, high=high,
        )  # fmt: skip
        before = after


def interval(
    before: Sequence[int | None], after: Sequence[int | None], others: Sequence[Sequence[int | None]]
) -> tuple[float, float, float] | None:
    """Return how many errors fewer `after` has in the mean, and the ends of a 95% interval.

    All arguments are errors by seed, of the same seeds; None if training diverged. The result is None if `before` or
    `after` has such a run, or one seed. Two or three differences show little of their own spread, so the variance is
    pooled over all comparable runs of the step. The change taken is the best of several by these figures, so the
    interval holds for all of them at once (Bonferroni). It is never narrower than that of the pair's own differences:
    if one side varies five times as much as the other runs, it covers 95%, and 82% without this rule.
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    if None in before or None in after or len(before) < 2:
        return None
    table = np.asarray([errors for errors in (before, after, *others) if None not in errors], dtype=np.float64)
    means = table.mean(1)
    table = table[means <= COMPARABLE * means[:2].max()]
    own = paired((table[0] - table[1]).tolist(), 1.0)
    # A residual is a count without its configuration's mean and without its seed's effect on all configurations.
    about_means = table - table.mean(axis=1, keepdims=True)
    residuals = about_means - about_means.mean(axis=0, keepdims=True)
    freedom = (len(table) - 1) * (len(before) - 1)
    variance = max(ROUNDING, float((residuals**2).sum()) / freedom)
    quantile = float(stdtrit(freedom, 1 - LEVEL / 2 / (1 + len(others))))
    reach = max(quantile * (2 * variance / len(before)) ** 0.5, own.high - own.mean)
    return own.mean, own.mean - reach, own.mean + reach


def change(before: TrainConfig, after: TrainConfig) -> str:
    """Return the changes from one config to the other: `batchnorm none → after`."""
    old, new = distinguishing([before, after])
    cells = {heading: (old[heading], new[heading]) for heading in old}
    if before.epochs != after.epochs:
        cells["epochs"] = (str(before.epochs), str(after.epochs))
    # A setting of your own network keeps `net.`: one of ours may have the same name.
    names = {at: at if at.startswith("net.") else at.replace("lr → drops", "lr").rpartition(".")[2] for at in cells}
    return ", ".join(f"{names[at].replace('_', ' ')} {then} → {now}" for at, (then, now) in cells.items())


# The question


def ablate_study(
    study: StoredStudy,
    trial: TrialRecord,
    place: Workplace,
    *,
    baseline: space_sources.Source,
    seeds: int,
    budget: float | None,
) -> Ablation:
    """Return the path from the baseline to a trial, measured or read; of an unfinished one, no run is repeated.

    After `budget` seconds the remaining changes are one step, a step under way included; both ends are trained anyway.
    """
    target, begun = effective(from_json(trial.config)), space_sources.named(baseline)
    start = effective(_beginning(study, baseline, place.net, target))
    if not differing(start, target):
        raise UsageError(f"{begun} and {study.name}/{trial.number} train the same network; there is nothing to ablate.")
    drawn = tuple(hashed.derived_seed("ablation", number) for number in range(seeds))
    data, numerics = study.spec["context"]["data"], study.spec["numerics"]
    about = [trial.number, to_json(start), to_json(target), list(drawn), data["data_hash"], data["split_hash"]]
    question = canonical_json.sha256([*about, *checks(numerics).values(), TRAINER_REVISIONS[numerics["kind"]]])

    def answer(grid: Grid) -> Ablation:
        form, images = grid.data.options.form, len(grid.data.split.validation)
        on_the_way = met(start, target, form)
        tasks = grid.tasks({str(number): config for number, config in enumerate(on_the_way)}, drawn)
        grid.announce(tasks)
        deadline = math.inf if budget is None else time.monotonic() + budget

        def measure(configs: Mapping[str, TrainConfig], deadline: float = math.inf) -> list[Measured]:
            curves = grid.train(grid.tasks(configs, drawn), deadline=deadline)
            return [_measured(config, [curves[name, seed] for seed in drawn], form) for name, config in configs.items()]

        def measure_in_time(configs: Mapping[str, TrainConfig]) -> list[Measured] | None:
            try:
                return measure(configs, deadline)
            except Stopped:
                if place.observer.stopping():
                    raise
                return None

        # Both ends are trained whatever the budget: without them there is no result when the time is up.
        first, last = measure({"baseline": start, "trial": target})
        steps = []
        for step in walk(first, last, measure_in_time, form):
            place.observer.on_notice(f"= fewer errors by {step.name}: {step.finding}")
            steps.append(step)
        return Ablation(
            question=question, study=study.name, trial=trial.number, baseline=begun, images=images, seeds=drawn,
            start=first, steps=tuple(steps),
        )  # fmt: skip

    kept, files = load(study.files.path), study.files.ablation
    known = kept if kept is not None and kept.question == question and kept.complete else None
    return ask(known, open_grid_of(study, "ablate", files.path, place), answer, files.result)


def _beginning(study: StudyRecord, baseline: space_sources.Source, own: str | None, target: TrainConfig) -> TrainConfig:
    """Return the baseline's recipe; if the trial has your own network, with that network at its defaults."""
    form = data_of(study.spec["context"]).form
    recipe = space_sources.recipe(space_sources.load(baseline, form=lambda _: form))
    checked.require_net(target.net_code, own)
    if target.net_code is None:
        return recipe
    net = own_net.loaded_net(target.net_code)
    if needed := net.needed:
        raise UsageError(
            f"An ablation begins at the defaults of the network's settings; {net.loaded.name} has none for "
            f"{listing(needed)}."
        )
    return replace(recipe, net_code=target.net_code, net=net.complete({}), model=target.model)


def _measured(config: TrainConfig, runs: Sequence[Sequence[Report]], form: PictureForm) -> Measured:
    net = net_size(config, form)
    return Measured(
        config=to_json(config),
        errors=tuple(map(validation_errors, runs)),
        parameters=net.parameters,
        macs=net.macs,
        seconds=sum(report.seconds for reports in runs for report in reports) / len(runs),
    )
