"""Train a trial again, and compare every metric and the weights bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import flattened, from_json
from mnist_bench.nets import own_net
from mnist_bench.statistics import mcnemar
from mnist_bench.studies import checked
from mnist_bench.studies.record import PeriodResult, Record, check_has_reports, is_portable, period_of
from mnist_bench.value_kind import NETS, ValueKind, correct_bits, kind_of
from search.differences import CHECKS
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import number_of
from search.study.spec import installed_version
from search.trainer_api import C, Report, Trainer, finite

if TYPE_CHECKING:
    from mnist_bench.training.trainer import NetTrainer

ABSENT = "–"
Figures = Mapping[str, object]
"""The results of a period by name, such as losses, errors and the SHA-256 of the weights."""


OnPeriod = Callable[[PeriodResult, PeriodResult], None]
"""Called after each period, with its result as it was and as it is now."""


def ignored(then: PeriodResult, now: PeriodResult) -> None:
    """Do nothing; the default of OnPeriod."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs between the record and its repetition."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RepeatedTrial:
    """A trial and its repetition."""

    periods: tuple[tuple[PeriodResult, PeriodResult], ...]
    """(then, now) for each repeated period; fewer than recorded if the repetition ended early."""
    first_difference: Difference | None  # the first difference; None if all periods agree
    numerics: tuple[Difference, ...]  # differences in the numerics, the checks first
    versions: tuple[Difference, ...]
    """Packages of which another version is installed here, of those whose versions the record holds."""
    p_value: float | None
    """McNemar's test of the two last periods; None if the correct images were not recorded or the images differ."""

    @property
    def identical(self) -> bool:
        """Whether all metrics and weights agree bit for bit."""
        return self.first_difference is None

    def __repr__(self) -> str:
        trained = f"trained again for {number_of(len(self.periods), 'period')}"
        if self.first_difference is None:
            return f"{trained}: identical, bit for bit"
        name, then, now = self.first_difference.name, self.first_difference.then, self.first_difference.now
        return f"{trained}: not identical\nfirst difference: {name}, {then} then and {now} now"


def trainer_for(
    record: Record,
    *,
    device: str = "auto",
    data_dir: Path | None = None,
    net: str | None = None,
    what: str = "The record",
) -> NetTrainer:
    """Return a trainer with the record's data set, from `data_dir` or the package, and the record's precision.

    `net` is the name of your own network in the record; a net that this process has used needs no name.
    `what` names the trained thing in a message about other data.

    Raises:
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.
        UsageError: the data set or the net is not that of the record.
    """
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.training.trainer import trainer_on

    close_test_set()
    checked.require_net(record.recipe.get("net_code"), net)
    return trainer_on(
        checked.training_set(record.data, data_dir, what),
        device=checked.device_like(record.numerics, device),
        precision=str(record.numerics.get("precision", "auto")),
        net=own_net.whole_name(record.recipe.get("net_code")),
    )


def reproduce(
    record: Record,
    trainer: Trainer[TrainConfig],
    on_period: OnPeriod = ignored,
    keep: Callable[[bytes], object] | None = None,
) -> RepeatedTrial:
    """Train all recorded periods again.

    Args:
        record: the record of the trial.
        trainer: a trainer as `trainer_for` returns it.
        on_period: called after each period with (recorded, repeated).
        keep: called with the trainer's last state if all periods are identical.
    """
    comparison, state = train_again(record, trainer, on_period)
    if keep is not None and comparison.identical and state is not None:
        keep(state)
    return comparison


def train_again(
    record: Record, trainer: Trainer[TrainConfig], on_period: OnPeriod = ignored
) -> tuple[RepeatedTrial, bytes | None]:
    """Do as `reproduce`, and return the trainer's last state, too."""
    builds = not is_portable(record.numerics)
    versions, config = version_differences(record.versions, builds=builds), from_json(record.recipe)
    comparison, last, state = _again(
        record.curve, config, record.seed, trainer, on_period, NETS, record.numerics, versions
    )
    correct = last.details.get("correct") if last else None
    if record.correct is not None and isinstance(correct, str) and len(comparison.periods) == len(record.curve):
        then, now = correct_bits(record.correct), correct_bits(correct)
        comparison = replace(comparison, p_value=mcnemar(then, now) if then.shape == now.shape else None)
    return comparison, state


def reproduce_values(
    study: StudyRecord, trial: TrialRecord, trainer: Trainer[Mapping[str, Any]], on_period: OnPeriod = ignored
) -> RepeatedTrial:
    """Train all reports of a trial of another trainer again; `trainer` is that trainer, see `own_trainer.trainer_for`.

    Raises:
        StudyNotFoundError: the trial has no report yet.
        WorkerError: the trainer cannot be started, or raises.
    """
    check_has_reports(study, trial)
    curve, versions = [*map(period_of, trial.reports)], version_differences(study.spec["versions"])
    kind, numerics = kind_of(study.spec), study.spec["numerics"]
    comparison, *_ = _again(curve, trial.config, trial.seed, trainer, on_period, kind, numerics, versions)
    return comparison


def _again(
    curve: Sequence[PeriodResult],
    config: C,
    seed: int,
    trainer: Trainer[C],
    on_period: OnPeriod,
    kind: ValueKind,
    numerics: Mapping[str, Any],
    versions: tuple[Difference, ...],
) -> tuple[RepeatedTrial, Report | None, bytes | None]:
    """Train as many periods as a curve has, or until training ends; return the last report and state, too."""
    state: bytes | None = None
    report: Report | None = None
    pairs: list[tuple[PeriodResult, PeriodResult]] = []
    for number, then in enumerate(curve, start=1):
        state, report = trainer.advance(config, seed, number, state)
        report = finite(report)
        pairs.append((then, period_of(report)))
        on_period(*pairs[-1])
        if report.end is not None:
            break
    then_and_now = ([figures_of(one, kind.name) for one in curve], [figures_of(now, kind.name) for _, now in pairs])
    comparison = RepeatedTrial(
        periods=tuple(pairs),
        first_difference=first_difference(*then_and_now),
        numerics=numerics_differences(numerics, trainer.numerics),
        versions=versions,
        p_value=None,
    )
    return comparison, report, state


def numerics_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the differences between two descriptions of numerics: the checks first, the others by name."""
    old, new = dict(flattened(then)), dict(flattened(now))
    names = sorted({*old, *new}, key=lambda name: (name not in CHECKS, name))
    return tuple(
        Difference(name=name, then=str(old.get(name, ABSENT)), now=str(new.get(name, ABSENT)))
        for name in names
        if old.get(name) != new.get(name)
    )


def version_differences(then: Mapping[str, str], *, builds: bool = True) -> tuple[Difference, ...]:
    """Return which of these packages have another version here, by name; "none" is one that is not installed.

    Without `builds`, another build of the same release, such as 2.13.0+cpu instead of 2.13.0, makes no difference.
    """
    now = {name: installed_version(name) for name in sorted(then)}
    return tuple(
        Difference(name=name, then=then[name], now=version)
        for name, version in now.items()
        if version != then[name] and (builds or version.partition("+")[0] != then[name].partition("+")[0])
    )


def first_difference(then: Sequence[Figures], now: Sequence[Figures]) -> Difference | None:
    """Return the first difference between two runs, given the figures of each period: `period 2, weights`."""
    for number, (old, new) in enumerate(zip(then, now, strict=False), start=1):
        if (found := figure_difference(old, new)) is not None:
            return replace(found, name=f"period {number}, {found.name.replace('_', ' ')}")
    if len(then) != len(now):
        return Difference(name="periods", then=str(len(then)), now=str(len(now)))
    return None


def figure_difference(then: Figures, now: Figures) -> Difference | None:
    """Return the first difference in the figures of one period, by the figure's name: `train_loss`."""
    # Losses first: a single other bit changes a loss before any image changes its class.
    for name in sorted({**then, **now}, key=lambda name: not name.endswith("loss")):
        if then.get(name) != now.get(name):
            return Difference(name=name, then=str(then.get(name)), now=str(now.get(name)))
    return None


def figures_of(result: PeriodResult, value: str) -> Figures:
    """Return all figures of a period; `value` is what its value is called."""
    metrics = {name: result.metrics[name] for name in sorted(result.metrics)}
    return {**metrics, value: result.value, "end": result.end, "weights": result.weights}
