"""What a confirmation found, as a file in the study's folder keeps it: of the best configurations, or of a front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from operator import sub
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from annotated_types import Ge, Gt, Len
from pydantic import with_config

from mnist_bench.data.choice import SHA256, DataOptions
from mnist_bench.data.test_set import TEST_FILES, hashes_of_test_set
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.statistics import LEVEL, complete, finished, mean_if_complete, paired, share_interval, t_interval
from mnist_bench.studies import kept_files, record
from search.errors import StorageError, UsageError
from search.stored_fields import STRICT
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.studies import StoredStudy

Count = Annotated[int, Ge(1)]
FrontStanding = Literal["yes", "no", "not shown"]  # whether a configuration is on the front
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
    not_learned: tuple[float, ...]  # the accuracies of the seeds below `LEARNED`


def figures(errors: tuple[float | None, ...], images: int) -> AccuracyOverSeeds | None:
    """Return the accuracy over seeds, given the errors of each on `images`; None if no run finished."""
    shares = [1 - count / images for count in finished(errors)]
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
class Candidate:
    """One trial's configuration, by its number, trained with fresh seeds."""

    number: int
    searched: float | None  # the trial's last value in the search
    reach: float  # epochs that it trained there; of another trainer, reports that it made
    complete: bool  # whether those were all; a pruned trial's value is that of a net half trained
    results: tuple[float | None, ...]
    """By fresh seed, errors on the validation images, or values; None if training did not finish."""
    p_value: float | None = None
    """Of the paired t-test against the selected candidate, corrected over all pairs; None of that candidate
    itself, and if a run did not finish."""
    parameters: int | None = None  # None if it is not a network
    macs: int | None = None  # multiply-accumulates for one image; None if it is not a network

    @property
    def mean(self) -> float | None:
        """Mean of the results; None if a run did not finish."""
        return mean_if_complete(self.results)

    @property
    def size(self) -> tuple[int, int]:
        """The facts that "cheapest" compares: MACs, parameters."""
        return self.macs or 0, self.parameters or 0


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class FrontMember:
    """One trial's configuration on the front of the search, by its number."""

    number: int
    cost: Annotated[int, Ge(0)]  # the fact that the study minimises
    search_accuracy: float  # the trial's last validation accuracy in the search, 0..1


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class Final:
    """A trial's configuration, trained on all training images and evaluated on the test images."""

    number: int
    errors: tuple[int | None, ...]  # on the test images, by fresh seed; None if training did not finish

    @property
    def ended(self) -> int:
        """Number of networks whose training finished."""
        return len(finished(self.errors))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """How far a configuration is ahead of one that costs no more, in shares of the test images."""

    of: int  # the other trial's number
    mean: float  # over the seeds, which both have in common
    low: float  # ends of Student's 95% interval for it, of this comparison alone
    high: float


class Result(ShownAsTable):
    """A confirmation as one of the two files keeps it."""

    __slots__ = ()
    file: ClassVar[str]  # the attribute of `ConfirmFolder` that is its file
    what: ClassVar[str]  # what messages call it
    study: str
    digest: str  # the study's when it was confirmed; another one now means that it was searched further
    test_images: int  # 0 if the test set was never opened
    test_files: tuple[str, ...] | None  # SHA-256 of your own test files; None of the packaged ones, which never change
    finals: tuple[Final, ...]
    earlier: tuple[Final, ...]  # finals of earlier confirmations on the same test files that are none of this one

    @property
    def evaluated(self) -> tuple[Final, ...]:
        """All that was evaluated on these test files for the study, the newest first."""
        return self.finals + self.earlier

    @property
    def numbers(self) -> list[int]:
        """Of the trials that were evaluated."""
        return [final.number for final in self.evaluated]

    def test(self, number: int | None) -> AccuracyOverSeeds | None:
        """Return a final's test accuracy; None if there is no such final or no run ended."""
        errors = [final.errors for final in self.finals if final.number == number]
        return figures(errors[0], self.test_images) if errors else None

    def table(self, commands: NextCommands | None = None) -> Table[Any]:
        """Return the result with its consequences in words; `commands` are the next commands about the study."""
        from mnist_bench.experiments.confirmed_table import table_of  # its module imports this one

        return table_of(self, commands or NextCommands(study=self.study))

    @property
    def contradiction(self) -> str | None:
        """Why no confirmation can have written this content; None if it can."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON: the file's content, and the figures computed from it."""
        raise NotImplementedError


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Confirmed(Result):
    """The best configurations of a study with fresh seeds, and the selected ones on the test images."""

    file: ClassVar[str] = "result"
    what: ClassVar[str] = "confirmation"
    study: str
    digest: str
    top: int
    name: str  # what is compared: `validation`, or the name of the value
    minimized: bool  # whether smaller results are better; errors are
    step: Annotated[float, Gt(0)]  # the smallest difference of two results; they count as rounded to it
    train_images: Count | None
    """Images that the candidates trained on; those evaluated trained on the validation images too. None of values."""
    validation_images: Count | None
    test_images: Annotated[int, Ge(0)]
    test_files: tuple[str, ...] | None
    candidates: Annotated[tuple[Candidate, ...], Len(1)]  # the best of the search first
    winner: int  # the candidate with the best mean; of equal ones the cheapest
    cheapest: int  # of the tied: the winner if none costs less
    finals: tuple[Final, ...]
    """Of the winner, and of the cheapest if that is another. Empty if the test set was left closed."""
    earlier: tuple[Final, ...]

    @property
    def of_nets(self) -> bool:
        """Whether the candidates are networks."""
        return self.validation_images is not None

    @property
    def seeds(self) -> int:
        """How many fresh seeds each candidate has."""
        return len(self.candidates[0].results)

    @property
    def others(self) -> list[Candidate]:
        """All candidates but the winner."""
        return [row for row in self.candidates if row.number != self.winner]

    @property
    def has_winner(self) -> bool:
        """Whether a significant test separates the winner from each other candidate, of which there are some."""
        return bool(self.others) and all(row.p_value is not None and row.p_value <= LEVEL for row in self.others)

    @property
    def tied(self) -> tuple[int, ...]:
        """The winner, and the candidates that were not shown to be worse."""
        tied = [row.number for row in self.others if row.p_value is not None and row.p_value > LEVEL]
        return self.winner, *tied

    def candidate(self, number: int) -> Candidate:
        """Return the candidate that is trial `number`."""
        return next(row for row in self.candidates if row.number == number)

    def fresh(self, number: int) -> OverSeeds | None:
        """Return a candidate's accuracy or value with fresh seeds; None if no run finished."""
        results = self.candidate(number).results
        if self.validation_images is not None:
            return figures(results, self.validation_images)
        values = finished(results)
        if not values:
            return None
        return OverSeeds(mean=fmean(values), interval=t_interval(values, step=self.step), seeds=len(values))

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON: the file's content, and the figures computed from it."""
        values: dict[str, Any] = asdict(self) | {"tied": list(self.tied)}
        for row in values["candidates"]:
            row["fresh"] = _plain(self.fresh(row["number"]))
        for final in values["finals"]:
            final["test"] = _plain(self.test(final["number"]))
        return values

    def _finding(self) -> str:
        from mnist_bench.experiments.confirmed_table import finding

        return finding(self, NextCommands(study=self.study))

    @property
    def contradiction(self) -> str | None:
        """Why no confirmation can have written this content; None if it can."""
        named = {self.winner, self.cheapest, *(final.number for final in self.finals)}
        if not named <= {row.number for row in self.candidates}:
            return "it names a trial that is no candidate"
        return "it has errors on no test images" if self.evaluated and not self.test_images else None


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Front(Result):
    """The front of a study, trained with fresh seeds and evaluated on the test images."""

    file: ClassVar[str] = "front"
    what: ClassVar[str] = "confirmation of a front"
    study: str
    digest: str
    cost: str  # the minimised fact of a trial, by its name
    train_images: Count
    test_images: Count
    test_files: tuple[str, ...] | None
    left_out: Annotated[int, Ge(0)]  # number of trials on the front of the search beyond the `top` that were trained
    members: Annotated[tuple[FrontMember, ...], Len(1)]  # the cheapest first
    finals: tuple[Final, ...]  # of the members, in their order
    earlier: tuple[Final, ...]

    def final(self, number: int) -> Final:
        """Return the errors of the configuration of trial `number`."""
        return next(final for final in self.finals if final.number == number)

    def ahead(self, member: FrontMember) -> Ahead | None:
        """Compare a member with the decisive one of those that cost no more: one shown to be better, or the closest.

        None if there is none, or if one of its own runs did not finish.
        """
        rivals = self._rivals(member) if self._errors(member) is not None else []
        return min(rivals, key=lambda rival: (rival.high >= 0, rival.low), default=None)

    def standing(self, member: FrontMember) -> FrontStanding | None:
        """Return whether a member is shown to be more accurate than each member that costs no more, in pairs.

        It is not shown, either, if a run of one of these did not finish, or if all others were left out. None if one of
        its own runs did not finish.
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
        """Why no confirmation can have written this content; None if it can."""
        if [final.number for final in self.finals] != [member.number for member in self.members]:
            return "it has errors of other trials than it names"
        same_seeds = len({len(final.errors) for final in self.finals}) == 1  # trials are compared seed by seed
        return None if same_seeds else "it has errors of more seeds for one trial than for another"

    def _errors(self, member: FrontMember) -> list[int] | None:
        return complete(self.final(member.number).errors)

    def _as_cheap(self, member: FrontMember) -> list[FrontMember]:
        return [other for other in self.members if other is not member and other.cost <= member.cost]

    def _rivals(self, member: FrontMember) -> list[Ahead]:
        """Return how far a member, whose runs finished, is ahead of each that costs no more and whose runs did."""
        own, rivals = self._errors(member) or [], []
        for other in self._as_cheap(member):
            if theirs := self._errors(other):
                apart = [difference / self.test_images for difference in map(sub, theirs, own)]
                found = paired(apart, 1 / self.test_images)
                rivals.append(Ahead(of=other.number, mean=found.mean, low=found.low, high=found.high))
        return rivals


def _plain(found: OverSeeds | Ahead | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


Kept = TypeVar("Kept", bound=Confirmed | Front)


def load(kind: type[Kept], folder: Path) -> Kept | None:
    """Return the result for the study whose folder is `folder`, under that name; None if it was not confirmed so."""
    path: Path = getattr(StudyFolder(folder).confirm, kind.file)
    found = kept_files.load(path, kind, kind.what)
    if found is None:
        return None
    if fault := found.contradiction:
        raise StorageError(f"{path}: {fault}; move it away, and it is made again.")
    return replace(found, study=folder.name)  # the study's folder may have been renamed since


def winner_of(study: StoredStudy) -> int | None:
    """Return the trial that the confirmation of a study named; None if the search continued since."""
    found = load(Confirmed, study.files.path)
    return found.winner if found is not None and found.digest == study.digest else None


def tested(folder: Path) -> Iterator[Confirmed | Front]:
    """Yield the kept results that were evaluated on a test set, the front last; errors as in `load`."""
    found: list[Confirmed | Front | None] = [load(Confirmed, folder), load(Front, folder)]
    yield from (each for each in found if each is not None and each.evaluated)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """Configurations that were evaluated on the images of one test set."""

    finals: tuple[Final, ...]
    images: int
    files: tuple[str, ...] | None  # see `Result.test_files`

    def but(self, numbers: Sequence[int]) -> tuple[Final, ...]:
        """Return the finals of other trials than these."""
        return tuple(final for final in self.finals if final.number not in numbers)


def evaluated(folder: Path, files: tuple[str, ...] | None) -> Evaluated:
    """Return what is known on these test files: the test set need not be opened for it again; errors as in `load`."""
    same = [each for each in tested(folder) if each.test_files == files]
    finals: dict[int, Final] = {}
    for final in (final for each in same for final in each.evaluated):
        finals.setdefault(final.number, final)
    return Evaluated(finals=tuple(finals.values()), images=same[0].test_images if same else 0, files=files)


def lost_nets(folder: ConfirmFolder, finals: Sequence[Final]) -> list[tuple[int, int]]:
    """Return trial and seed of each net of these configurations whose training finished and whose file is missing.

    A net without a record is left out: a retrained net could not be compared with it.
    """
    return [
        (number, seed)
        for number, seeds in {final.number: len(final.errors) for final in finals}.items()
        for seed in range(seeds)
        if not folder.net_of(number, seed).is_file() and _finished(folder.record_of(number, seed, on_all=True))
    ]


def _finished(path: Path) -> bool:
    try:
        return record.read(path).curve[-1].end is None
    except (UsageError, StorageError):
        return False


def names(numbers: Iterable[int]) -> str:
    """Return trials by their numbers: `#17, #4`."""
    return ", ".join(f"#{number}" for number in numbers)


def own_test_files(options: DataOptions) -> tuple[str, ...] | None:
    """Return the SHA-256 of your own test files; None for the packaged ones and copies of them.

    They may change while the training images stay. A hash says nothing about images, so it does not open the test set.
    """
    found = None if options.data_dir is None else tuple(hashes_of_test_set(options))
    return None if found == tuple(SHA256[name] for name in TEST_FILES) else found
