"""The effect of each group of settings on the path from a baseline to a trial, by measured validation errors.

The path is greedy: of all groups that can be changed next, the one after which fewest errors are left. Runs of a step
share their seeds, so that the effect of a seed on all of them (its order of images, its weights' start) cancels out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json
from mnist_bench.experiments.ablation.setting_groups import candidates, changed, differing, waiting
from mnist_bench.nets.summary import distinguishing
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.statistics import by_seed
from mnist_bench.statistics.by_seed import ROUNDING, residual_variance
from mnist_bench.studies import kept_files
from search.messages import joined
from search.study.folder import StudyFolder

CONFIDENCE = 0.95
COMPARABLE = 2
"""How many times the errors of a pair's worse side another configuration may have for its spread to say something
about the pair's: errors are counts, which vary more where there are more, and a net of which one seed failed varies by
thousands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A configuration, trained to its end with every seed."""

    config: Mapping[str, Any]
    """TrainConfig as plain values."""
    errors: tuple[int | None, ...]
    """Validation errors by seed; None if training diverged."""
    parameters: int
    macs: int
    """Multiply-accumulates for one image."""
    seconds: float
    """Mean training time of a run, in seconds."""

    @property
    def mean(self) -> float | None:
        """Mean errors; None if a run diverged."""
        return by_seed.mean(self.errors)

    @property
    def cost_key(self) -> tuple[int, int]:
        """Sort key, the cheapest net first."""
        return self.macs, self.parameters


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedChange:
    """A change that was measured in a step, taken or not."""

    groups: tuple[str, ...]
    mean: float | None
    """Mean errors with it; None if a run diverged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One change on the path."""

    groups: tuple[str, ...]
    """Groups of settings that are changed; several if one alone makes no net, or if time was up."""
    change: str
    """The changes, in words."""
    after: Measured
    tried: tuple[TriedChange, ...]
    """All that could be changed next, this step's own change among them; nothing if time was up."""
    waiting: tuple[str, ...]
    """Groups that could not be tried, their layers not being there yet."""
    fewer: float | None
    """By how many errors fewer; None if a run diverged."""
    low: float | None
    high: float | None
    """Ends of the interval of `fewer`; see `interval`."""

    @property
    def name(self) -> str:
        """The groups in words; `the rest` if time was up before several could be measured one by one."""
        return "the rest" if self.unresolved and len(self.groups) > 1 else joined(self.groups)

    @property
    def unresolved(self) -> bool:
        """Whether time was up before the groups could be measured one by one."""
        return not self.tried

    @property
    def by_chance(self) -> bool:
        """Whether the interval holds 0, or there is none."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Ablation(ShownAsTable):
    """A path from a baseline to a trial."""

    question: str
    """SHA-256 of all that decides the figures: both configurations, seeds, data, canary, trainer revision."""
    study: str
    trial: int
    baseline: str
    """The recipe at the beginning, as the user named it."""
    images: int
    """Validation images, of which errors are counted."""
    seeds: tuple[int, ...]
    start: Measured
    steps: tuple[Step, ...]

    def _table(self) -> Table[Any]:
        from mnist_bench.experiments.ablation.ablation_table import table_of  # its module imports this one

        return table_of(self)

    @property
    def complete(self) -> bool:
        """Whether every group was measured by itself."""
        return not any(step.unresolved for step in self.steps)

    @property
    def end(self) -> Measured:
        """The trial's configuration."""
        return self.steps[-1].after


Measure = Callable[[Mapping[str, TrainConfig]], list[Measured] | None]
"""Trains configurations, by their names for a reader, with every seed; None if time is up."""


def walk(
    start: Measured, end: Measured, measure: Measure, on_step: Callable[[Step], None], form: PictureForm = MNIST
) -> tuple[Step, ...]:
    """Return the greedy path from `start` to `end`, both of an effective config; `on_step` receives each step.

    The nets are for pictures of this form. Ties go to the cheaper net, then to the order of GROUPS. Where time is up,
    the remaining changes are one step.
    """
    steps: list[Step] = []
    current, target = start, from_json(end.config)
    while differing(from_json(current.config), target):
        step = _next(current, target, measure, form) or _rest(current, end)
        on_step(step)
        steps.append(step)
        current = step.after
    return tuple(steps)


def _next(current: Measured, target: TrainConfig, measure: Measure, form: PictureForm) -> Step | None:
    config = from_json(current.config)
    choices = candidates(config, target, form)
    found = measure({joined(groups): changed(config, target, groups) for groups in choices})
    if found is None:
        return None
    means = [math.inf if one.mean is None else one.mean for one in found]
    best = min(range(len(found)), key=lambda i: (means[i], *found[i].cost_key, i))
    tried = tuple(TriedChange(groups=groups, mean=one.mean) for groups, one in zip(choices, found, strict=True))
    others = [one for i, one in enumerate(found) if i != best]
    return _step(choices[best], current, found[best], others, tried=tried, waiting=waiting(config, target))


def _rest(current: Measured, end: Measured) -> Step:
    """Return the step that changes all that is left at once."""
    groups = differing(from_json(current.config), from_json(end.config))
    return _step(groups, current, end, [], tried=(), waiting=())


def _step(groups: tuple[str, ...], before: Measured, after: Measured, others: Sequence[Measured], **more: Any) -> Step:
    found = interval(before.errors, after.errors, [other.errors for other in others])
    fewer, low, high = found if found else (None, None, None)
    words = change(from_json(before.config), from_json(after.config))
    return Step(groups=groups, change=words, after=after, fewer=fewer, low=low, high=high, **more)


def interval(
    before: Sequence[int | None], after: Sequence[int | None], others: Sequence[Sequence[int | None]]
) -> tuple[float, float, float] | None:
    """Return how many errors fewer `after` has than `before`, in the mean, and the ends of a 95% interval of that.

    All arguments are errors by seed, of the same seeds; None if training diverged. The result is None if `before` or
    `after` has such a run, or if there is one seed.

    With two or three seeds the spread of one pair's differences shows little about itself. The variance is therefore
    pooled over all comparable runs of the step (`residual_variance`), whose degrees of freedom the t quantile has. The
    change taken is the best of several by these same figures, so the interval holds for all changes that were tried at
    once (Bonferroni). A pair that varies more than the other runs must not become certain through their variance. So
    the interval is never narrower than the uncorrected interval of the pair's own differences. If one side of a pair
    varies five times as much, the interval then covers 95%, and 82% without this rule.
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    if None in before or None in after or len(before) < 2:
        return None
    table = np.asarray([errors for errors in (before, after, *others) if None not in errors], dtype=np.float64)
    means = table.mean(1)
    table = table[means <= COMPARABLE * means[:2].max()]
    seeds = table.shape[1]
    variance, freedom = residual_variance(table)
    comparisons = 1 + len(others)
    differences = table[0] - table[1]
    own = max(2 * ROUNDING, float(differences.var(ddof=1)))
    reach = max(
        float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / 2 / comparisons)) * (2 * variance / seeds) ** 0.5,
        float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2)) * (own / seeds) ** 0.5,
    )
    fewer = float(differences.mean())
    return fewer, fewer - reach, fewer + reach


def change(before: TrainConfig, after: TrainConfig) -> str:
    """Return the changes from one config to the other: `batchnorm none → after`."""
    old, new = distinguishing([before, after])
    cells = {heading.replace("lr → drops", "lr"): (old[heading], new[heading]) for heading in old}
    if before.epochs != after.epochs:
        cells["epochs"] = (str(before.epochs), str(after.epochs))
    names = _shortened(list(cells))
    return ", ".join(f"{names[heading].replace('_', ' ')} {then} → {now}" for heading, (then, now) in cells.items())


def _shortened(headings: Sequence[str]) -> dict[str, str]:
    """Return each heading without the part before its last dot, or whole if another one would then be the same."""
    short = {heading: heading.rpartition(".")[2] for heading in headings}
    times = Counter(short.values())
    return {heading: name if times[name] == 1 else heading for heading, name in short.items()}


def sentence(step: Step, images: int) -> str:
    """Return a step's finding: `batchnorm: 31 fewer errors of 10,000 (21 to 41)`."""
    if step.fewer is None:
        return f"{step.name}: no figure, because training diverged"
    amount = f"{abs(step.fewer):.0f} {direction(step)} errors of {images:,}"
    reach = f" ({span(step)})" if step.low is not None else ""
    chance = ", which may be chance" if reach and step.by_chance else ""
    return f"{step.name}: {amount}{reach}{chance}"


def direction(step: Step) -> str:
    """Return `fewer` or `more`."""
    return "more" if (step.fewer or 0) < 0 else "fewer"


def span(step: Step) -> str:
    """Return a step's interval, in the direction of its figure: `21 to 41`; `7 more to 15` if it holds 0."""
    if step.low is None or step.high is None:
        return ""
    low, high = (step.low, step.high) if direction(step) == "fewer" else (-step.high, -step.low)
    opposite = {"fewer": "more", "more": "fewer"}[direction(step)]
    return f"{low:.0f} to {high:.0f}" if low > 0 else f"{-low:.0f} {opposite} to {high:.0f} {direction(step)}"


def save(ablation: Ablation, folder: Path) -> None:
    """Keep an ablation in the study's folder `folder`; errors as in `kept_files.save`."""
    kept_files.save(ablation, StudyFolder(folder).ablation.result)


def load(folder: Path) -> Ablation | None:
    """Return the ablation of the study whose folder is `folder`, None if there is none; errors as in
    `kept_files.load`."""
    found = kept_files.load(StudyFolder(folder).ablation.result, Ablation, "ablation")
    return found and replace(found, study=folder.name)  # the study's folder may have been renamed since
