"""What a training is said to have given, by a study, a record or an export: trained again, and compared bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_bench.config.values import flattened
from mnist_bench.nets import own_net
from mnist_bench.published import Verdict
from mnist_bench.statistics import discordant, mcnemar
from mnist_bench.studies import checked
from mnist_bench.studies.record import PeriodResult, Record, check_has_reports, is_portable, period_of, record_of
from mnist_bench.value_kind import NETS, ValueKind, correct_bits, kind_of
from search import canonical_json
from search.differences import CHECKS
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import number_of
from search.study.spec import installed_version
from search.trainer_api import Trainer, finite

if TYPE_CHECKING:
    from mnist_bench.training.trainer import NetTrainer

ABSENT = "–"
Figures = Mapping[str, object]
"""The results of a period by name, such as losses, errors and the SHA-256 of the weights."""
OnPeriod = Callable[[PeriodResult, PeriodResult], object]
"""Called after each period, with its result as it was and as it is now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A training, and what it gave."""

    label: str  # `conv-0/48`, or the file of its record
    study: str
    trial: int
    config: Mapping[str, Any]  # as plain values: of nets a TrainConfig, of another trainer whatever it takes
    seed: int
    curve: tuple[PeriodResult, ...]  # one result or more
    correct: str | None  # see `Record.correct`
    numerics: Mapping[str, Any]
    versions: Mapping[str, str]
    kind: ValueKind
    record: Record | None  # None of another trainer

    @property
    def configuration(self) -> str:
        """Equal for trainings of the same configuration."""
        return canonical_json.dumps(dict(self.config))

    @property
    def identity(self) -> str:
        """Equal for trainings of the same configuration and seed."""
        return f"{self.configuration} {self.seed}"

    @property
    def value(self) -> float | None:
        """The last value: of nets the validation accuracy, 0..1."""
        return self.curve[-1].value

    @property
    def errors(self) -> int | None:
        """Number of misclassified validation images."""
        errors = self.curve[-1].metrics.get("errors")
        return None if errors is None else int(errors)

    @property
    def images(self) -> int | None:
        """Number of validation images; None if it is not known, or the training is none of a net."""
        return self.kind.images or None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95% interval of the accuracy; None if it is not known on how many images."""
        return self.kind.interval_of(self.value, self.errors)

    @property
    def figures(self) -> list[Figures]:
        """All figures of each period that are the same in every run."""
        return [figures_of(result, self.kind) for result in self.curve]


def claim_of(study: StudyRecord, trial: TrialRecord, label: str = "") -> Claim:
    """Return a trial of a study as a claim; `label` names the study."""
    check_has_reports(study, trial)
    kind, correct = kind_of(study.spec), trial.reports[-1].details.get("correct")
    return Claim(
        label=f"{label or study.name}/{trial.number}",
        study=study.name,
        trial=trial.number,
        config=trial.config,
        seed=trial.seed,
        curve=tuple(map(period_of, trial.reports)),
        correct=correct if isinstance(correct, str) else None,
        numerics=study.spec["numerics"],
        versions=study.spec["versions"],
        kind=kind,
        record=record_of(study, trial) if kind.of_nets else None,
    )


def recorded(record: Record, label: str = "") -> Claim:
    """Return a record as a claim; `label` names its file."""
    errors, images = record.curve[-1].metrics.get("errors"), 0
    if record.correct is not None and errors is not None:
        images = int(np.count_nonzero(correct_bits(record.correct))) + int(errors)
    return Claim(
        label=label or f"{record.study}/{record.trial}",
        study=record.study,
        trial=record.trial,
        config=record.recipe,
        seed=record.seed,
        curve=record.curve,
        correct=record.correct,
        numerics=record.numerics,
        versions=record.versions,
        kind=replace(NETS, images=images),
        record=record,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs between what was and what is now."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Checked:
    """A claim, and the same training once more: trained again here, or by another study."""

    then: Claim
    now: Claim
    first_difference: Difference | None  # of the results; None if all agree bit for bit

    @property
    def identical(self) -> bool:
        """Whether all metrics and weights agree bit for bit."""
        return self.first_difference is None

    @property
    def verdict(self) -> Verdict:
        """Whether the claim holds; a difference says nothing of it where numerics or versions are others."""
        changed = any(row.name in CHECKS for row in self.numerics) or self.versions
        return "identical" if self.identical else "cannot tell" if changed else "differs"

    @property
    def periods(self) -> tuple[tuple[PeriodResult, PeriodResult], ...]:
        """(then, now) of each period that both trained."""
        return tuple(zip(self.then.curve, self.now.curve, strict=False))

    @property
    def numerics(self) -> tuple[Difference, ...]:
        """The differences in the numerics, the checks first, the others by name."""
        return numerics_differences(self.then.numerics, self.now.numerics)

    @property
    def versions(self) -> tuple[Difference, ...]:
        """The packages of the claim of which another version is here; "none" is one that is not installed.

        In portable precision, another build of the same release, 2.13.0+cpu instead of 2.13.0, makes no difference.
        """
        portable, here = is_portable(self.then.numerics), self.now.versions
        rows = [
            Difference(name=name, then=self.then.versions[name], now=here.get(name, "none"))
            for name in sorted(self.then.versions)
        ]
        return tuple(
            row
            for row in rows
            if row.then != row.now and not (portable and row.then.partition("+")[0] == row.now.partition("+")[0])
        )

    @property
    def p_value(self) -> float | None:
        """McNemar's test of the two last periods; None if the correct images of one are not known, or the images
        differ."""
        if len(self.then.curve) != len(self.now.curve) or self.then.correct is None or self.now.correct is None:
            return None
        then, now = correct_bits(self.then.correct), correct_bits(self.now.correct)
        return mcnemar(*discordant(then, now)) if then.shape == now.shape else None

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "study": self.then.study,
            "trial": self.then.trial,
            "verdict": self.verdict,
            "periods": [[asdict(then), asdict(now)] for then, now in self.periods],
            "first_difference": self.first_difference and asdict(self.first_difference),
            "numerics": [*map(asdict, self.numerics)],
            "versions": [*map(asdict, self.versions)],
            "p_value": self.p_value,
        }

    def __repr__(self) -> str:
        trained = f"trained again for {number_of(len(self.periods), 'period')}"
        if self.first_difference is None:
            return f"{trained}: identical, bit for bit"
        name, then, now = self.first_difference.name, self.first_difference.then, self.first_difference.now
        return f"{trained}: not identical\nfirst difference: {name}, {then} then and {now} now"


def check(
    claim: Claim,
    trainer: Trainer[Any],
    on_period: OnPeriod = lambda then, now: None,
    keep: Callable[[bytes], object] | None = None,
) -> Checked:
    """Train as many periods as a claim has again, or until training ends.

    Args:
        claim: what was trained.
        trainer: of nets as `trainer_for` returns it, else as `own_trainer.trainer_for` does.
        on_period: called after each period with its result then and now.
        keep: called with the trainer's last state if all periods are identical.
    """
    state, curve, correct = None, list[PeriodResult](), None
    config = trainer.codec.from_json(claim.config)
    for number, then in enumerate(claim.curve, start=1):
        state, report = trainer.advance(config, claim.seed, number, state)
        report = finite(report)
        curve.append(period_of(report))
        correct = report.details.get("correct")
        on_period(then, curve[-1])
        if report.end is not None:
            break
    versions = {name: installed_version(name) for name in claim.versions}
    again = replace(
        claim,
        curve=tuple(curve),
        correct=correct if isinstance(correct, str) else None,
        numerics=trainer.numerics,
        versions=versions,
    )
    found = Checked(then=claim, now=again, first_difference=first_difference(claim.figures, again.figures))
    if keep is not None and found.identical and state is not None:
        keep(state)
    return found


def shared(first: Sequence[Claim], second: Sequence[Claim]) -> tuple[Checked, ...]:
    """Return the trainings of the same configuration and seed, in the order of the first; periods of one alone do not
    count."""
    others = {claim.identity: claim for claim in second}
    found = []
    for claim in first:
        if (other := others.get(claim.identity)) is not None:
            both = zip(claim.figures, other.figures, strict=False)
            then, now = zip(*both, strict=True)
            found.append(Checked(then=claim, now=other, first_difference=first_difference(then, now)))
    return tuple(found)


def numerics_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the differences between two descriptions of numerics: the checks first, the others by name."""
    old, new = dict(flattened(then)), dict(flattened(now))
    names = sorted({*old, *new}, key=lambda name: (name not in CHECKS, name))
    return tuple(
        Difference(name=name, then=str(old.get(name, ABSENT)), now=str(new.get(name, ABSENT)))
        for name in names
        if old.get(name) != new.get(name)
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


def figures_of(result: PeriodResult, kind: ValueKind) -> Figures:
    """Return all figures of a period."""
    metrics = {name: result.metrics[name] for name in sorted(result.metrics)}
    return {**metrics, kind.name: result.value, "end": result.end, "weights": result.weights}


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
    `what` names the trained thing in the UsageError about other data.
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
