"""The result of `confirm --front`: its rows, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len
from pydantic import with_config

from mnist_bench.experiments.confirm.race_result import AccuracyOverSeeds, Count, Final, figures
from mnist_bench.result_table import ShownAsTable, Table
from mnist_bench.statistics import by_seed
from mnist_bench.statistics.paired import paired
from mnist_bench.studies import sealed_json
from search.errors import StorageError
from search.stored_fields import STRICT
from search.study import StudyFolder

FrontStanding = Literal["yes", "no", "not shown"]
"""Whether a configuration is on the front."""


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class FrontMember:
    """One trial's configuration on the front of the search."""

    number: int
    """The trial's."""
    cost: Annotated[int, Ge(0)]
    """The fact that the study minimises."""
    search_accuracy: float
    """The trial's last validation accuracy in the search, 0..1."""


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


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Front(ShownAsTable):
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
    earlier: tuple[Final, ...] = ()
    """Finals of earlier confirmations of the front that are not in this one."""

    @property
    def evaluated(self) -> tuple[Final, ...]:
        """Every evaluation of the study's front on the test images, the newest first."""
        return self.finals + self.earlier

    def _table(self) -> Table[FrontMember]:
        from mnist_bench.experiments.confirm import table_of_front  # its module imports this one

        return table_of_front(self)

    def final(self, number: int) -> Final:
        """Return the errors of the configuration of trial `number`."""
        return next(final for final in self.finals if final.number == number)

    def test(self, number: int) -> AccuracyOverSeeds | None:
        """Return the test accuracy of the configuration of trial `number`; None if no run finished."""
        return figures(self.final(number).errors, self.test_images)

    def ahead(self, member: FrontMember) -> Ahead | None:
        """Compare a member with the decisive rival: among members that cost no more, one shown to be better, else the
        closest. None if no member costs as little, or one of its own runs did not finish."""
        own = by_seed.complete(self.final(member.number).errors)
        if own is None:
            return None
        rivals = [
            self._ahead(own, errors, other.number)
            for other in self._as_cheap(member)
            if (errors := by_seed.complete(self.final(other.number).errors))
        ]
        return min(rivals, key=lambda rival: (rival.high >= 0, rival.low), default=None)

    def _as_cheap(self, member: FrontMember) -> list[FrontMember]:
        """Return the other members that cost no more."""
        return [other for other in self.members if other is not member and other.cost <= member.cost]

    def _ahead(self, own: Sequence[int], theirs: Sequence[int], other: int) -> Ahead:
        differences = [(their - mine) / self.test_images for their, mine in zip(theirs, own, strict=True)]
        found = paired(differences, 1 / self.test_images)
        return Ahead(of=other, mean=found.mean, low=found.low, high=found.high)

    def standing(self, member: FrontMember) -> FrontStanding | None:
        """Return whether a member is on the front: it is shown to be more accurate than each member that costs no more.

        Members are compared in pairs; trials that were left out are not compared. The answer is "not shown" if a run of
        a member that costs no more did not finish, or if all others were left out. None if one of its own runs did not
        finish.
        """
        if by_seed.complete(self.final(member.number).errors) is None:
            return None
        ahead = self.ahead(member)
        if ahead is not None and ahead.high < 0:
            return "no"
        compared = all(by_seed.complete(self.final(other.number).errors) for other in self._as_cheap(member))
        alone = len(self.members) == 1 and self.left_out  # of a longer front one member is the most accurate
        return "yes" if compared and not alone and (ahead is None or ahead.low > 0) else "not shown"


def save_front(front: Front, folder: Path) -> None:
    """Keep the result in the study's folder `folder`; errors as in `sealed_json.save`."""
    sealed_json.save(front, StudyFolder(folder).confirm.front)


def load_front(folder: Path) -> Front | None:
    """Return the result for the front of the study whose folder is `folder`, None if it was not confirmed.

    Raises:
        StorageError: see `sealed_json.load`; or the file names other trials than it has errors of.
    """
    path = StudyFolder(folder).confirm.front
    found = sealed_json.load(path, Front, "confirmation of a front")
    if found is None:
        return None
    if [final.number for final in found.finals] != [member.number for member in found.members]:
        raise StorageError(f"{path}: it has errors of other trials than it names; move it away, and it is made again.")
    return replace(found, study=folder.name)  # the study's folder may have been renamed since


def plain_front(front: Front) -> dict[str, Any]:
    """Return plain values for JSON: the file's content, and the figures computed from it."""
    values = asdict(front)
    for member, made in zip(front.members, values["members"], strict=True):
        test, ahead = front.test(member.number), front.ahead(member)
        made |= {
            "on_front": front.standing(member),
            "test": None if test is None else asdict(test),
            "ahead": None if ahead is None else asdict(ahead),
        }
    return values
