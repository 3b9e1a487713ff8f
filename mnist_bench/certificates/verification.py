"""The check of a certificate: every decision is made again, and drawn trials are trained again from their seeds.

Only the file's log is believed, and of the log only what `unchecked` names. No state comes with a certificate, and none
would be a beginning. No code of the author's is run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mnist_bench.certificates import choices, draw, installation, unchecked
from mnist_bench.certificates.certificate import Certificate
from mnist_bench.certificates.certificate_file import read
from mnist_bench.config import from_json
from mnist_bench.experiments import Observer, TrainingRun, grid
from mnist_bench.searches import study_context
from mnist_bench.studies import first_difference, record, seed_of
from search.arguments import check_count
from search.driver.replay import replay
from search.errors import FingerprintError
from search.event_log import TrialRecord
from search.files import passing_folder
from search.messages import first_few, first_line
from search.trainer_api import Report, finite

Verdict = Literal["holds", "refuted", "cannot tell"]
Retrain = Callable[[Sequence[TrialRecord]], Mapping[int, Sequence[Report]]]
"""Trains trials whole from their seeds, and returns the reports of each by its number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyOptions(grid.Workplace):
    """The options of a check."""

    periods: int = 60
    """Periods to draw; all if there are fewer."""
    seed: int | None = None
    """Of the draw; None for one from the system's randomness, after the file was read."""

    def __post_init__(self) -> None:
        check_count("periods", self.periods)
        if self.seed is not None:
            check_count("draw", self.seed, draw.MAX_DRAW - 1, least=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedTrial:
    """A trial that was trained again."""

    number: int
    periods: int
    """Periods in the log."""
    drawn: int
    """Those of them that were drawn."""
    first_difference: str | None
    """Where the two differ first: `period 2, weights (5f1c then, 77c0 now)`; None if they are identical."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Verification:
    """The result of a check."""

    study: str
    root: str
    """The SHA-256 that names the certificate."""
    receiver: str | None
    """For whom the search was made; None if its author chose the seed."""
    space: str
    trials: int
    """Trained trials that have ended."""
    best: int
    """Number of the best trial."""
    value: float
    """Its validation accuracy, 0 to 1, as the log says."""
    seed: int
    """Of the draw."""
    drawn: int
    """Periods that were drawn."""
    among: int
    """Periods from which they were drawn: those of the other trials."""
    decisions: int = 0
    """Events that were decided again as in the log."""
    checked: tuple[CheckedTrial, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What was taken from the log, a sentence each."""
    conditions: tuple[str, ...] = ()
    """What differs here from the author's installation and machine."""
    difference: str | None = None
    """The first difference between the log and its repetition; None if there is none."""
    impossible: str | None = None
    """Why this machine cannot check the certificate; None if it can."""

    @property
    def verdict(self) -> Verdict:
        """Whether the certificate holds. Under other conditions a difference is not an accusation."""
        if self.impossible is not None or (self.difference is not None and self.conditions):
            return "cannot tell"
        return "holds" if self.difference is None else "refuted"

    @property
    def trained(self) -> int:
        """Periods that were trained again, the drawn ones included."""
        return sum(trial.periods for trial in self.checked)

    @property
    def few(self) -> int:
        """Periods in the certificate that are 5% of those drawn from, rounded up."""
        return -(-self.among // 20)

    def share_found(self, forged: int) -> float:
        """Return the share of certificates with so many forged periods, apart from the best trial's, in which such a
        draw trains at least one of them again."""
        return draw.share_found(self.among, forged, self.drawn)

    def __repr__(self) -> str:
        trained = f"{self.decisions} decisions and {self.trained} periods repeated"
        return f"certificate {self.root[:8]} of study {self.study}: {self.verdict}\n{trained}, draw {self.seed}"


def verify(path: Path, options: VerifyOptions, observer: Observer) -> Verification:
    """Check the certificate in a file: decide again, then train again.

    Raises:
        Stopped: the observer stopped it before its end.
        NewerVersionError, UsageError, ForeignStudyError, StudyNotFoundError: as `certificate_file.read`.
        UsageError: the data set at hand is not the search's.
        WorkerError, DataError, DeviceError, StorageError: as `grid.open_grid_of`.
    """
    certificate = read(path)
    begun = decided(certificate, options)
    observer.on_news(f"{begun.decisions} decisions made again; the draw has seed {begun.seed} (--draw repeats it)")
    if begun.verdict != "holds":
        return begun
    study = certificate.study
    runs = [_run(study.trials[number]) for number in (certificate.best.number, *to_train(certificate, begun))]
    try:
        with (
            passing_folder() as folder,
            grid.open_grid_of(study, "verify", folder, "The check", options, observer) as workers,
        ):
            observer.on_start(len(runs), workers.seconds(runs))
            more = replace(
                begun,
                conditions=(*begun.conditions, *installation.of_workers(certificate, workers.numerics)),
                unchecked=(*begun.unchecked, *choices.sentences(certificate, workers.data, folder / "none")),
            )
            return judged(certificate, more, _trained_by(workers))
    except FingerprintError as error:
        return replace(begun, impossible=str(error))


def decided(certificate: Certificate, options: VerifyOptions) -> Verification:
    """Return the result of making every decision again; the draw is made, and nothing is trained."""
    study, best = certificate.study, certificate.best
    seed = draw.new_seed() if options.seed is None else options.seed
    among = draw.places(study, best)
    begun = Verification(
        study=study.name, root=certificate.root, space=study.spec["space"]["name"], trials=len(study.finished()),
        receiver=None if certificate.receiver is None else certificate.receiver.name, best=best.number,
        value=best.value or 0.0, seed=seed, drawn=min(options.periods, len(among)), among=len(among),
        unchecked=tuple(unchecked.sentences(certificate)), conditions=tuple(installation.of_decisions(certificate)),
    )  # fmt: skip
    if (fault := _seed_fault(certificate)) is not None:
        return replace(begun, difference=fault)
    try:
        replayed = replay(certificate.events, lambda spec: study_context.planner(spec.space, spec.context))
    except Exception as error:  # the log may hold anything, and a driver does not expect everything
        return replace(
            begun, difference=f"no search makes these decisions ({type(error).__name__}: {first_line(error)})"
        )
    return replace(begun, decisions=replayed.events, difference=replayed.difference)


def to_train(certificate: Certificate, begun: Verification) -> Counter[int]:
    """Return the numbers of the trials that a check trains again, besides the best one, and how many periods of each
    were drawn."""
    among = draw.places(certificate.study, certificate.best)
    return Counter(number for number, _ in draw.drawn(among, begun.drawn, begun.seed, begun.root))


def judged(certificate: Certificate, begun: Verification, retrain: Retrain) -> Verification:
    """Return the result of training again: the best trial, and then all others with a drawn period.

    `begun` is what `decided` returned.
    """
    drawn, checked = to_train(certificate, begun), list[CheckedTrial]()
    for trials in ([certificate.best], [certificate.study.trials[number] for number in drawn]):
        curves = retrain(trials)
        checked += [_compared(trial, drawn[trial.number], curves[trial.number]) for trial in trials]
        short = [f"#{trial.number}" for trial in trials if curves[trial.number][-1].end == "out_of_memory"]
        if short:
            return replace(begun, impossible=f"This machine has too little memory for {first_few(short, 5)}.")
        if (found := next((one for one in checked if one.first_difference), None)) is not None:
            difference = f"trial {found.number}: {found.first_difference}"
            return replace(begun, checked=tuple(checked), difference=difference)
    return replace(begun, checked=tuple(checked))


def _seed_fault(certificate: Certificate) -> str | None:
    """Return what is wrong with the seed of a search for a receiver, and with its trial budget."""
    receiver, spec = certificate.receiver, certificate.study.spec
    if receiver is None:
        return None
    if spec["seed"] != (seed := seed_of(spec)):
        return f"its seed is {spec['seed']}, and that of this search for {receiver.name!r} is {seed}"
    if certificate.study.totals != (receiver.trials,):
        asked = ", ".join(map(str, certificate.study.totals))
        return f"its trial budget is {asked}, and its seed is that of a search for {receiver.trials} trials"
    return None


def _run(trial: TrialRecord) -> TrainingRun:
    name = f"#{trial.number}"
    return TrainingRun(
        name=name, config=from_json(trial.config), seed=trial.seed, title=name, periods=len(_comparable(trial))
    )


def _trained_by(workers: grid.Grid) -> Retrain:
    def retrain(trials: Sequence[TrialRecord]) -> dict[int, Sequence[Report]]:
        runs = {trial.number: _run(trial) for trial in trials}
        curves = workers.train([*runs.values()])
        return {number: curves[run.name, run.seed] for number, run in runs.items()}

    return retrain


def _comparable(trial: TrialRecord) -> list[Report]:
    """Return the reports of a trial that are the same on every machine that computes the same bits."""
    return [report for report in trial.reports if report.end != "out_of_memory"]


def _compared(trial: TrialRecord, drawn: int, now: Sequence[Report]) -> CheckedTrial:
    """Compare the periods in the log with those trained again."""
    then = _comparable(trial)
    found = first_difference([*map(_figures, then)], [*map(_figures, now)])
    words = None if found is None else f"{found.name} ({found.then} in the log, {found.now} when trained again)"
    return CheckedTrial(number=trial.number, periods=len(then), drawn=drawn, first_difference=words)


def _figures(report: Report) -> Mapping[str, object]:
    result = record.period_of(finite(report))
    return {**result.metrics, "accuracy": result.value, "end": result.end, "weights": result.weights}
