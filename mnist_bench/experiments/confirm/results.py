"""What confirmations found, as files in the study's folder keep it: a race of networks, a race by value, a front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from annotated_types import Ge, Gt, Len
from pydantic import with_config

from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.statistics import by_seed
from mnist_bench.statistics.inference import paired, share_interval, t_interval
from mnist_bench.studies import sealed_json
from search.errors import StorageError
from search.stored_fields import STRICT
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy

Count = Annotated[int, Ge(1)]
FrontStanding = Literal["yes", "no", "not shown"]
"""Whether a configuration is on the front."""
TOP = 8
"""Default number of candidates in a race."""
MIN_COMMITTEE = 2
"""Nets of an ensemble, at least."""
LEARNED = 0.2
"""A net that gets less right did not learn. Among ten classes guessing gets 0.1, and always the most frequent digit
0.11; a net that distinguishes only one digit from the others gets about 0.2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OverSeeds:
    """A figure over seeds."""

    mean: float
    interval: tuple[float, float] | None
    """The 95% interval of the mean: it covers other seeds, not other images. None for one seed."""
    seeds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AccuracyOverSeeds(OverSeeds):
    """Accuracy over seeds, 0..1; its interval is that of `share_interval`."""

    median: float
    not_learned: tuple[float, ...]
    """The accuracies of the seeds below `LEARNED`."""


def figures(errors: tuple[int | None, ...], images: int) -> AccuracyOverSeeds | None:
    """Return the accuracy over seeds, given the errors of each on `images`; None if no run finished."""
    shares = [1 - count / images for count in by_seed.finished(errors)]
    if not shares:
        return None
    return AccuracyOverSeeds(
        mean=fmean(shares),
        interval=share_interval(shares, step=1 / images),
        seeds=len(shares),
        median=median(shares),
        not_learned=tuple(share for share in shares if share < LEARNED),
    )


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class RaceCandidate:
    """One trial's configuration in the race, by its number."""

    number: int
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
    def mean(self) -> float | None:
        """Mean errors over the seeds; None if a run did not finish."""
        return by_seed.mean(self.errors)

    @property
    def size(self) -> tuple[int, int]:
        """The facts that "cheapest" compares: MACs, parameters."""
        return self.macs, self.parameters


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class ValueCandidate:
    """One trial's configuration in a race by value; fields that `RaceCandidate` has, too, are as there."""

    number: int
    search_value: float | None
    """The trial's last value in the search."""
    search_reports: int
    """Reports that it made there."""
    complete: bool
    values: tuple[float | None, ...]
    """The last value of each run, by fresh seed; None if it did not finish."""
    dropped_after: int | None
    p_value: float | None

    @property
    def mean(self) -> float | None:
        """Mean value over the seeds; None if a run did not finish."""
        return by_seed.mean(self.values)


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class FrontMember:
    """One trial's configuration on the front of the search, by its number."""

    number: int
    cost: Annotated[int, Ge(0)]
    """The fact that the study minimises."""
    search_accuracy: float
    """The trial's last validation accuracy in the search, 0..1."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Final:
    """A trial's configuration, trained on all training images and evaluated on the test images."""

    number: int
    errors: tuple[int | None, ...]
    """On the test images, by fresh seed; None if training did not finish."""
    committee: Annotated[int, Ge(0)] | None = None
    """On the same images, of the nets that finished, their probabilities averaged, in float32; None if fewer than two
    did."""
    test_files: tuple[str, ...] | None = None
    """SHA-256 of your own test files; None of the packaged ones, which never change."""

    @property
    def ended(self) -> int:
        """Number of networks whose training finished."""
        return len(by_seed.finished(self.errors))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """How far a configuration is ahead of one that costs no more, in shares of the test images."""

    of: int
    """The other trial's number."""
    mean: float
    """Over the seeds, which both have in common."""
    low: float
    """Ends of Student's 95% interval for it, of this comparison alone."""
    high: float


Candidate = TypeVar("Candidate", RaceCandidate, ValueCandidate)


class Result(ShownAsTable):
    """A confirmation as one of the three files keeps it."""

    __slots__ = ()
    study: str
    digest: str

    def _table(self) -> Table[Any]:
        from mnist_bench.experiments.confirm.result_tables import table_of  # its module imports this one

        return table_of(self)

    @property
    def contradiction(self) -> str | None:
        """Why `save` cannot have written this content; None if it can."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON: the file's content, and the figures computed from it."""
        raise NotImplementedError


class Raced(Result, Generic[Candidate]):
    """How a race ended, whatever its candidates are compared by."""

    __slots__ = ()
    fresh_key: ClassVar[str] = "fresh"
    """The key in JSON of a candidate's figure with fresh seeds."""
    candidates: tuple[Candidate, ...]
    seeds: int
    top: int
    budget: float | None
    seconds: float
    cut: bool
    winner: int | None
    leader: int | None

    @property
    def judged(self) -> bool:
        """Whether a test was made."""
        return self.winner is not None

    @property
    def first(self) -> int:
        """The winner or, if no test was made, the leader."""
        return next(number for number in (self.winner, self.leader) if number is not None)

    @property
    def others(self) -> list[Candidate]:
        """All candidates but the first."""
        return [row for row in self.candidates if row.number != self.first]

    @property
    def has_winner(self) -> bool:
        """Whether a significant test separates the selected candidate from each other one, of which there are some."""
        return self.judged and bool(self.others) and all(row.p_value is not None for row in self.others)

    @property
    def tied(self) -> tuple[int, ...]:
        """The candidates that were not shown to be worse, the winner among them."""
        return tuple(row.number for row in self.candidates if row.dropped_after is None)

    def candidate(self, number: int) -> Candidate:
        """Return the candidate that is trial `number`."""
        return next(row for row in self.candidates if row.number == number)

    def fresh(self, number: int) -> OverSeeds | None:
        """Return a candidate's figure with fresh seeds; None if no run finished."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON: the file's content, and the figures computed from it."""
        values: dict[str, Any] = asdict(self) | {"tied": list(self.tied)}  # type: ignore[call-overload]
        for row in values["candidates"]:
            row[self.fresh_key] = _plain(self.fresh(row["number"]))
        return values

    def _finding(self) -> str:
        from mnist_bench.experiments.confirm.result_tables import footnote

        return footnote(self, NextCommands(study=self.study))


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Confirmed(Raced[RaceCandidate]):
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
    """The tied candidate with the fewest mean errors; of equal ones the cheapest. None if no test was made."""
    cheapest: int | None
    """Of the tied: the winner if none costs less. None if no test was made, with one seed."""
    finals: tuple[Final, ...]
    """Of the winner, and of the cheapest if that is another; of the leader if the user insisted. Empty if the test set
    was left shut."""
    leader: int | None
    """The candidate that would be the winner, if no test was made."""
    least: float | None
    """Seconds of a budget that would have had room for a test and the final training; None if both were made, or
    there is no budget."""
    earlier: tuple[Final, ...]
    """Finals of earlier confirmations of the study that are none of this one."""
    fresh_key: ClassVar[str] = "validation"

    @property
    def evaluated(self) -> tuple[Final, ...]:
        """All that was ever evaluated on the test images for the study, the newest first."""
        return self.finals + self.earlier

    def fresh(self, number: int) -> AccuracyOverSeeds | None:
        """Return the candidate's validation accuracy with fresh seeds; None if no run finished."""
        return figures(self.candidate(number).errors, self.validation_images)

    validation = fresh

    def test(self, number: int | None) -> AccuracyOverSeeds | None:
        """Return a final's test accuracy; None if there is no such final or no run ended."""
        errors = [final.errors for final in self.finals if final.number == number]
        return figures(errors[0], self.test_images) if errors else None

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON: the file's content, and the figures computed from it."""
        values = Raced.plain(self)
        for final in values["finals"]:
            final["test"] = _plain(self.test(final["number"]))
        return values

    @property
    def contradiction(self) -> str | None:
        """Why `save` cannot have written this content; None if it can."""
        named = {self.winner, self.leader, self.cheapest, *(final.number for final in self.finals)} - {None}
        if not named <= {row.number for row in self.candidates}:
            return "it names a trial that did not race"
        if (self.winner is None) == (self.leader is None):
            return "it names no winner and no leader, or both"
        if (self.winner is None) != (self.cheapest is None):
            return "it names a winner without a cheapest candidate, or the reverse"
        return "it has errors on no test images" if self.evaluated and not self.test_images else None


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ConfirmedValues(Raced[ValueCandidate]):
    """A race by value, and the configuration that it selected; fields that `Confirmed` has, too, are as there."""

    study: str
    digest: str
    name: str
    """What the value is called."""
    minimized: bool
    """Whether smaller values are better."""
    top: int
    budget: float | None
    seconds: float
    candidates: tuple[ValueCandidate, ...]
    seeds: int
    cut: bool
    step: Annotated[float, Gt(0)]
    """The smallest difference of two values that was seen; values count as rounded to it."""
    winner: int | None
    """The tied candidate with the best mean; None if no test was made."""
    leader: int | None

    def fresh(self, number: int) -> OverSeeds | None:
        """Return a candidate's value with fresh seeds, its interval Student's; None if no run finished."""
        values = by_seed.finished(self.candidate(number).values)
        if not values:
            return None
        return OverSeeds(mean=fmean(values), interval=t_interval(values, step=self.step), seeds=len(values))

    @property
    def contradiction(self) -> str | None:
        """Why `save` cannot have written this content; None if it can."""
        named = {self.winner, self.leader} - {None}
        is_one = len(named) == 1 and named <= {row.number for row in self.candidates}
        return None if is_one else "it names no trial that raced, or two"


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Front(Result):
    """The front of a study, trained with fresh seeds and evaluated on the test images."""

    study: str
    digest: str
    """The study's when it was confirmed; another one now means that it was searched further."""
    cost: str
    """The minimised fact of a trial, by its name."""
    train_images: Count
    test_images: Count
    left_out: Annotated[int, Ge(0)]
    """Number of trials on the front of the search beyond the `top` that were trained."""
    members: Annotated[tuple[FrontMember, ...], Len(1)]
    """The cheapest first."""
    finals: tuple[Final, ...]
    """Of the members, in their order."""
    earlier: tuple[Final, ...]
    """Finals of earlier confirmations of the front that are not in this one."""

    @property
    def evaluated(self) -> tuple[Final, ...]:
        """Every evaluation of the study's front on the test images, the newest first."""
        return self.finals + self.earlier

    def final(self, number: int) -> Final:
        """Return the errors of the configuration of trial `number`."""
        return next(final for final in self.finals if final.number == number)

    def test(self, number: int) -> AccuracyOverSeeds | None:
        """Return the test accuracy of the configuration of trial `number`; None if no run finished."""
        return figures(self.final(number).errors, self.test_images)

    def ahead(self, member: FrontMember) -> Ahead | None:
        """Compare a member with the decisive rival: among members that cost no more, one shown to be better, else the
        closest. None if no member costs as little, or one of its own runs did not finish."""
        rivals = self._rivals(member) if self._errors(member) is not None else []
        return min(rivals, key=lambda rival: (rival.high >= 0, rival.low), default=None)

    def standing(self, member: FrontMember) -> FrontStanding | None:
        """Return whether a member is on the front: it is shown to be more accurate than each member that costs no more.

        Members are compared in pairs; trials that were left out are not compared. The answer is "not shown" if a run of
        a member that costs no more did not finish, or if all others were left out. None if one of its own runs did not
        finish.
        """
        if self._errors(member) is None:
            return None
        ahead = self.ahead(member)
        if ahead is not None and ahead.high < 0:
            return "no"
        compared = all(self._errors(other) for other in self._as_cheap(member))
        alone = len(self.members) == 1 and self.left_out  # of a longer front one member is the most accurate
        return "yes" if compared and not alone and (ahead is None or ahead.low > 0) else "not shown"

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON: the file's content, and the figures computed from it."""
        values = asdict(self)
        for member, row in zip(self.members, values["members"], strict=True):
            test, ahead = _plain(self.test(member.number)), _plain(self.ahead(member))
            row |= {"on_front": self.standing(member), "test": test, "ahead": ahead}
        return values

    @property
    def contradiction(self) -> str | None:
        """Why `save` cannot have written this content; None if it can."""
        is_of_members = [final.number for final in self.finals] == [member.number for member in self.members]
        return None if is_of_members else "it has errors of other trials than it names"

    def _errors(self, member: FrontMember) -> list[int] | None:
        return by_seed.complete(self.final(member.number).errors)

    def _as_cheap(self, member: FrontMember) -> list[FrontMember]:
        return [other for other in self.members if other is not member and other.cost <= member.cost]

    def _rivals(self, member: FrontMember) -> list[Ahead]:
        """Return how far a member, whose runs finished, is ahead of each that costs no more and whose runs did."""
        own, rivals = self._errors(member) or [], []
        for other in self._as_cheap(member):
            if theirs := self._errors(other):
                apart = [(their - mine) / self.test_images for their, mine in zip(theirs, own, strict=True)]
                found = paired(apart, 1 / self.test_images)
                rivals.append(Ahead(of=other.number, mean=found.mean, low=found.low, high=found.high))
        return rivals


def _plain(found: OverSeeds | Ahead | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


Kept = TypeVar("Kept", Confirmed, ConfirmedValues, Front)
_FILES = {
    Confirmed: ("result", "confirmation"),
    ConfirmedValues: ("values", "confirmation"),
    Front: ("front", "confirmation of a front"),
}
"""Of each kind, the file in the study's folder, and what messages call it."""


def save(found: Confirmed | ConfirmedValues | Front, folder: Path) -> None:
    """Keep a result in the study's folder `folder`; errors as in `sealed_json.write`."""
    sealed_json.save(found, _file(type(found), folder))


def load(kind: type[Kept], folder: Path) -> Kept | None:
    """Return the result for the study whose folder is `folder`, under that name; None if it was not confirmed so.

    Raises:
        OtherVersionError, StorageError: as in `sealed_json.load`; or the file contradicts itself.
    """
    path = _file(kind, folder)
    found = sealed_json.load(path, kind, _FILES[kind][1])
    if found is None:
        return None
    if fault := found.contradiction:
        raise StorageError(f"{path}: {fault}; move it away, and it is made again.")
    return replace(found, study=folder.name)  # the study's folder may have been renamed since


def _file(kind: type[Confirmed | ConfirmedValues | Front], folder: Path) -> Path:
    path: Path = getattr(StudyFolder(folder).confirm, _FILES[kind][0])
    return path


def winner_of(study: StoredStudy) -> int | None:
    """Return the trial that the confirmation of a study named; None if there is none, or if the search continued
    since: among the later trials there may be a better one.

    Raises:
        UsageError: the files in the study's folder are another study's.
        OtherVersionError, StorageError: as in `load`.
    """
    found = load(Confirmed, study.files.path)
    return found.winner if found is not None and found.digest == study.digest else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """Configurations that were evaluated on the images of one test set."""

    finals: tuple[Final, ...]
    images: int
    """0 if there are none."""
    test_files: tuple[str, ...] | None = None
    """Those of the test set, and of each final; see `Final.test_files`."""

    @property
    def numbers(self) -> list[int]:
        """Of the trials."""
        return [final.number for final in self.finals]


NOTHING = Evaluated(finals=(), images=0)


def evaluated(folder: Path) -> tuple[Evaluated, ...]:
    """Return every test result of the study in `folder`, grouped by test set: your own test file may have changed
    between two confirmations. Results of the race come before those of the front.

    Raises:
        StorageError: a file cannot be read.
    """
    by_test_set: dict[tuple[tuple[str, ...] | None, int], list[Final]] = {}
    for found in tested(folder):
        for final in found.evaluated:
            by_test_set.setdefault((final.test_files, found.test_images), []).append(final)
    groups = by_test_set.items()
    return tuple(Evaluated(finals=tuple(finals), images=images, test_files=files) for (files, images), finals in groups)


def tested(folder: Path) -> Iterator[Confirmed | Front]:
    """Yield the kept results that have a test set, the race before the front; errors as in `load`."""
    yield from filter(None, (load(Confirmed, folder), load(Front, folder)))


def earlier(before: Confirmed | Front | None, now: Evaluated) -> tuple[Final, ...]:
    """Return an earlier confirmation's results for other configurations on the test set of `now`."""
    known = before.evaluated if before is not None and before.test_images == now.images else ()
    return tuple(final for final in known if final.test_files == now.test_files and final.number not in now.numbers)
