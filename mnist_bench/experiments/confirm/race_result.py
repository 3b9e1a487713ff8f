"""The result of a race: its rows, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, Literal, Protocol

from annotated_types import Ge
from pydantic import with_config

from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.statistics import by_seed, share_interval
from mnist_bench.studies import sealed_json
from search.errors import StorageError
from search.stored_fields import STRICT, First, stored
from search.study import StoredStudy, StudyFolder

Count = Annotated[int, Ge(1)]
Method = Literal["shared_variance", "own_differences"]
"""How a race compares: by one variance for all candidates, as the first versions did, or as `race.worse` does."""
TOP = 8
"""Default number of candidates in a race."""
MIN_COMMITTEE = 2
"""Nets of an ensemble, at least."""
LEARNED = 0.2
"""A net that gets less right did not learn. Among ten classes guessing gets 0.1, and always the most frequent digit
0.11; a net that distinguishes only one digit from the others gets about 0.2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccuracyOverSeeds:
    """Accuracy over seeds, 0..1."""

    mean: float
    interval: tuple[float, float] | None
    """The 95% interval of the mean, see `share_interval`: it covers other seeds, not other images. None for one
    seed."""
    seeds: int
    median: float
    not_learned: tuple[float, ...]
    """The accuracies of the seeds below `LEARNED`."""


class Racer(Protocol):
    """How the race of a candidate ended, whatever it was compared by."""

    @property
    def number(self) -> int: ...
    @property
    def dropped_after(self) -> int | None: ...
    @property
    def p_value(self) -> float | None: ...


class Raced(Protocol):
    """How a race ended, whatever it was run by; see `Confirmed`."""

    @property
    def candidates(self) -> Sequence[Racer]: ...
    @property
    def seeds(self) -> int: ...
    @property
    def cut(self) -> bool: ...
    @property
    def budget(self) -> float | None: ...
    @property
    def method(self) -> Method: ...
    @property
    def judged(self) -> bool: ...
    @property
    def has_winner(self) -> bool: ...
    @property
    def first(self) -> int: ...
    @property
    def tied(self) -> Sequence[int]: ...


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class RaceCandidate:
    """One trial's configuration in the race."""

    number: int
    """The trial's."""
    parameters: int
    macs: int
    """Multiply-accumulates for one image."""
    search_accuracy: float
    """The trial's last validation accuracy in the search, 0..1."""
    search_epochs: float
    """Epochs that it trained there."""
    complete: bool
    """Whether those were all; a pruned trial's accuracy is that of a net half trained."""
    errors: tuple[int | None, ...]
    """On the validation images, by fresh seed; None if training did not finish."""
    dropped_after: int | None = None
    """Number of seeds after which it was dropped; None if it was not."""
    p_value: float | None = None
    """Of the test that dropped it, corrected; None if a run did not finish."""

    @property
    def mean_errors(self) -> float | None:
        """Mean over the seeds; None if a run did not finish."""
        return by_seed.mean(self.errors)

    @property
    def size(self) -> tuple[int, int]:
        """The facts that "cheapest" compares: MACs, parameters."""
        return self.macs, self.parameters


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Final:
    """A configuration trained on all training images and evaluated on the test images."""

    number: int
    """The trial's."""
    errors: tuple[int | None, ...]
    """On the test images, by fresh seed; None if training did not finish."""
    committee: Annotated[int, Ge(0)] | None = None
    """On the same images, of the nets that finished, their probabilities averaged, in float32; None where it was not
    measured, as in earlier versions, or fewer than two came so far."""
    test_files: tuple[str, ...] | None = None
    """SHA-256 of your own test files; None of the packaged ones, which never change, and in earlier versions."""

    @property
    def ended(self) -> int:
        """Number of networks whose training finished."""
        return len(by_seed.finished(self.errors))


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Confirmed(ShownAsTable):
    """A race, its winner, and the figures of the nets trained afterwards.

    Without a test there is no winner, but a leader, and as a rule no net is trained afterwards.
    """

    study: str
    digest: str
    """The study's when it was confirmed; another one now means that it was searched further."""
    top: int
    budget: float | None
    """Seconds; None for no limit."""
    seconds: float
    """The time of the whole confirmation, with other budgets before, too."""
    train_images: Count
    """Images that the race trained on; the nets after it trained on the validation images too."""
    validation_images: Count
    test_images: Annotated[int, Ge(0)]
    """0 if the test set was never opened."""
    candidates: tuple[RaceCandidate, ...]
    """The best of the search first."""
    seeds: int
    """Fresh seeds of those that raced to the end."""
    cut: bool
    """Whether the budget ended the race before its last round."""
    winner: int | None
    """The tied candidate with the fewest mean errors; of equal ones the cheapest. None if no test was made, though
    the first versions named one even then."""
    cheapest: int | None
    """Of the tied: the winner if none costs less. None if no test was made, with one seed."""
    finals: tuple[Final, ...]
    """Of the winner, and of the cheapest if that is another; of the leader if the user insisted. Empty if the test set
    was left shut."""
    leader: int | None = None
    """The candidate that would be the winner, if no test was made."""
    least: float | None = None
    """Seconds of a budget that would have had room for a test and the final training; None if both were made, or
    there is no budget."""
    method: Method = "shared_variance"
    """The test that the race made."""
    earlier: tuple[Final, ...] = ()
    """Finals of earlier confirmations of the study that are none of this one."""

    @property
    def judged(self) -> bool:
        """Whether a test was made."""
        return self.cheapest is not None

    @property
    def has_winner(self) -> bool:
        """Whether a significant test separates the selected candidate from each other one, of which there are some."""
        others = [row for row in self.candidates if row.number != self.first]
        return self.judged and bool(others) and all(row.p_value is not None for row in others)

    @property
    def first(self) -> int:
        """The winner or, if no test was made, the leader."""
        return next(number for number in (self.winner, self.leader) if number is not None)

    @property
    def evaluated(self) -> tuple[Final, ...]:
        """All that was ever evaluated on the test images for the study, the newest first."""
        return self.finals + self.earlier

    def candidate(self, number: int) -> RaceCandidate:
        """Return the candidate that is trial `number`."""
        return next(candidate for candidate in self.candidates if candidate.number == number)

    @property
    def tied(self) -> tuple[int, ...]:
        """The candidates that were not shown to be worse, the winner among them."""
        return tuple(candidate.number for candidate in self.candidates if candidate.dropped_after is None)

    def validation(self, number: int) -> AccuracyOverSeeds | None:
        """Return the candidate's validation accuracy with fresh seeds; None if no run finished."""
        return figures(self.candidate(number).errors, self.validation_images)

    def test(self, number: int | None) -> AccuracyOverSeeds | None:
        """Return a final's test accuracy; None if there is no such final or no run ended."""
        errors = [final.errors for final in self.finals if final.number == number]
        return figures(errors[0], self.test_images) if errors else None

    def _table(self) -> Table[RaceCandidate]:
        from mnist_bench.experiments.confirm import table_of  # its module imports this one

        return table_of(self)

    def _finding(self) -> str:
        from mnist_bench.experiments.confirm import footnote

        return footnote(self, NextCommands(study=self.study))


FIRST: First = {RaceCandidate: ("dropped_after", "p_value")}
"""See `search.stored_fields`; a new field is not added."""


def figures(errors: tuple[int | None, ...], images: int) -> AccuracyOverSeeds | None:
    """Return the accuracy over seeds, given the errors of each on `images`; None if no run finished."""
    accuracies = [1 - count / images for count in by_seed.finished(errors)]
    if not accuracies:
        return None
    return AccuracyOverSeeds(
        mean=fmean(accuracies), interval=share_interval(accuracies, step=1 / images), seeds=len(accuracies),
        median=median(accuracies),
        not_learned=tuple(accuracy for accuracy in accuracies if accuracy < LEARNED),
    )  # fmt: skip


def save(confirmed: Confirmed, folder: Path) -> None:
    """Keep the result in the study's folder `folder`; errors as in `sealed_json.write`."""
    sealed_json.write(stored(confirmed, FIRST), StudyFolder(folder).confirm.result)


def load(folder: Path) -> Confirmed | None:
    """Return the result for the study whose folder is `folder`, under that name; None if it was not confirmed.

    Raises:
        NewerVersionError, StorageError: as in `sealed_json.load`; or the file contradicts itself.
    """
    path = StudyFolder(folder).confirm.result
    found = sealed_json.load(path, Confirmed, "confirmation")
    if found is None:
        return None
    if fault := _contradiction(found):
        raise StorageError(f"{path}: {fault}; move it away, and it is made again.")
    return replace(found, study=folder.name)  # the study's folder may have been renamed since


def winner_of(study: StoredStudy) -> int | None:
    """Return the trial that the confirmation of a study named; None if there is none, or if the search continued
    since: among the later trials there may be a better one.

    Raises:
        UsageError: the files in the study's folder are another study's.
        NewerVersionError, StorageError: as in `load`.
    """
    found = load(study.files.path)
    return found.winner if found is not None and found.digest == study.digest else None


def _contradiction(confirmed: Confirmed) -> str | None:
    """Return why `save` cannot have written this content; None if it can."""
    first = {confirmed.winner, confirmed.leader, confirmed.cheapest}
    named = (first | {final.number for final in confirmed.finals}) - {None}
    if not named <= {candidate.number for candidate in confirmed.candidates}:
        return "it names a trial that did not race"
    if (confirmed.winner is None) == (confirmed.leader is None):
        return "it names no winner and no leader, or both"
    if confirmed.evaluated and not confirmed.test_images:
        return "it has errors on no test images"
    return None


def plain(confirmed: Confirmed) -> dict[str, Any]:
    """Return plain values for JSON: the file's content, and the figures computed from it."""
    values = asdict(confirmed) | {"tied": list(confirmed.tied)}
    for candidate in values["candidates"]:
        candidate["validation"] = _plain(confirmed.validation(candidate["number"]))
    for final in values["finals"]:
        final["test"] = _plain(confirmed.test(final["number"]))
    return values


def _plain(found: AccuracyOverSeeds | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
