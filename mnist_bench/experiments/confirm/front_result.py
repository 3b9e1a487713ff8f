"""What `confirm --front` found of a study, as plain rows and as the file that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len
from pydantic import with_config

from mnist_bench.experiments.confirm.result import Checked, Count, Figures, Final, figures
from mnist_bench.statistics.paired import paired
from mnist_bench.studies import sealed_json
from search.errors import StorageError
from search.study import StudyFolder

Standing = Literal["yes", "no", "not shown"]
"""Whether a configuration is on the front."""


@with_config(Checked)
@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One trial's configuration on the front of the search."""

    number: int
    """The trial's."""
    cost: Annotated[int, Ge(0)]
    """What the study minimises."""
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
    """Ends of Student's 95 % interval for it, of this comparison alone."""
    high: float


@with_config(Checked)
@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """The front of a study as fresh seeds and the test images see it."""

    study: str
    digest: str
    """The study's when it was confirmed; another one now means that it was searched further."""
    cost: str
    """What the study minimises, by the name of a trial's fact."""
    train_images: Count
    test_images: Count
    left_out: Annotated[int, Ge(0)]
    """Trials on the front of the search for which there was no room."""
    members: Annotated[tuple[Member, ...], Len(1)]
    """The cheapest first."""
    finals: tuple[Final, ...]
    """Of the members, in their order."""
    earlier: tuple[Final, ...] = ()
    """Finals of earlier confirmations of the front that are none of this one."""

    @property
    def evaluated(self) -> tuple[Final, ...]:
        """All that was ever evaluated on the test images for the study's front, the newest first."""
        return self.finals + self.earlier

    def final(self, number: int) -> Final:
        """Return the errors of the configuration of trial `number`."""
        return next(final for final in self.finals if final.number == number)

    def test(self, number: int) -> Figures | None:
        """Return the test accuracy of the configuration of trial `number`; None where no run came to an end."""
        return figures(self.final(number).errors, self.test_images)

    def ahead(self, member: Member) -> Ahead | None:
        """Return how far a member is ahead of what decides where it stands, of all that costs no more: one that is
        shown to be more accurate, or else the one of which least is shown. None where nothing is as cheap, or a run of
        its own came to no end."""
        own = _whole(self.final(member.number))
        if own is None:
            return None
        rivals = [
            self._ahead(own, errors, other.number)
            for other in self._as_cheap(member)
            if (errors := _whole(self.final(other.number)))
        ]
        return min(rivals, key=lambda rival: (rival.high >= 0, rival.low), default=None)

    def _as_cheap(self, member: Member) -> list[Member]:
        """Return the other members that cost no more."""
        return [other for other in self.members if other is not member and other.cost <= member.cost]

    def _ahead(self, own: Sequence[int], theirs: Sequence[int], other: int) -> Ahead:
        differences = [(their - mine) / self.test_images for their, mine in zip(theirs, own, strict=True)]
        found = paired(differences, 1 / self.test_images)
        return Ahead(of=other, mean=found.mean, low=found.low, high=found.high)

    def standing(self, member: Member) -> Standing | None:
        """Return whether a member is on the front of those trained: none as cheap is as accurate, as paired comparisons
        with the other members say. What was left out is compared with none. It is not shown where a member as cheap
        cannot be compared, or there is but one member of several. None where a run of its own came to no end."""
        if _whole(self.final(member.number)) is None:
            return None
        ahead = self.ahead(member)
        if ahead is not None and ahead.high < 0:
            return "no"
        compared = all(_whole(self.final(other.number)) for other in self._as_cheap(member))
        alone = len(self.members) == 1 and self.left_out  # of a longer front one member is the most accurate
        return "yes" if compared and not alone and (ahead is None or ahead.low > 0) else "not shown"


def _whole(final: Final) -> tuple[int, ...] | None:
    """Return the errors of all seeds; None where a run came to no end."""
    errors = tuple(count for count in final.errors if count is not None)
    return errors if len(errors) == len(final.errors) else None


def save_front(front: Front, folder: Path) -> None:
    """Keep what was found in the study's folder `folder`; errors as in `sealed_json.save`."""
    sealed_json.save(front, StudyFolder(folder).confirm.front)


def load_front(folder: Path) -> Front | None:
    """Return what was found of the front of the study whose folder is `folder`, None where it was not confirmed.

    Raises:
        StorageError: see `sealed_json.load`; or the file names other trials than it has errors of.
    """
    path = StudyFolder(folder).confirm.front
    found = sealed_json.load(path, Front, "confirmation of a front")
    if found is None:
        return None
    if [final.number for final in found.finals] != [member.number for member in found.members]:
        raise StorageError(f"{path}: it has errors of other trials than it names; remove it, and it is made anew.")
    return replace(found, study=folder.name)  # the study's folder may have been renamed since


def plain_front(front: Front) -> dict[str, Any]:
    """Return plain values for JSON: what the file has, and the figures that follow from it."""
    values = asdict(front)
    for member, made in zip(front.members, values["members"], strict=True):
        test, ahead = front.test(member.number), front.ahead(member)
        made |= {
            "on_front": front.standing(member),
            "test": None if test is None else asdict(test),
            "ahead": None if ahead is None else asdict(ahead),
        }
    return values
