"""The result of `confirm --front`: its rows, the file that keeps them, and the table with all its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len
from pydantic import with_config

from mnist_bench import cells
from mnist_bench.cells import unit
from mnist_bench.experiments.confirm.confirmation_table import accuracy, committee, failures
from mnist_bench.experiments.confirm.race_result import TOP, AccuracyOverSeeds, Count, Final, figures
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Column, Table
from mnist_bench.statistics import by_seed
from mnist_bench.statistics.paired import paired
from mnist_bench.studies import sealed_json
from search.errors import StorageError
from search.messages import number_of
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


@with_config(STRICT)
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
    members: Annotated[tuple[FrontMember, ...], Len(1)]
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

    def test(self, number: int) -> AccuracyOverSeeds | None:
        """Return the test accuracy of the configuration of trial `number`; None if no run came to an end."""
        return figures(self.final(number).errors, self.test_images)

    def ahead(self, member: FrontMember) -> Ahead | None:
        """Compare a member with the decisive rival: among members that cost no more, one shown to be better, else the
        closest. None if no member costs as little, or one of its own runs did not end."""
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
        """Return whether a member is on the front of those trained: none as cheap is as accurate, as paired comparisons
        with the other members say. What was left out is compared with none. It is not shown where a member as cheap
        cannot be compared, or there is but one member of several. None if a run of its own came to no end."""
        if by_seed.complete(self.final(member.number).errors) is None:
            return None
        ahead = self.ahead(member)
        if ahead is not None and ahead.high < 0:
            return "no"
        compared = all(by_seed.complete(self.final(other.number).errors) for other in self._as_cheap(member))
        alone = len(self.members) == 1 and self.left_out  # of a longer front one member is the most accurate
        return "yes" if compared and not alone and (ahead is None or ahead.low > 0) else "not shown"


def save_front(front: Front, folder: Path) -> None:
    """Keep what was found in the study's folder `folder`; errors as in `sealed_json.save`."""
    sealed_json.save(front, StudyFolder(folder).confirm.front)


def load_front(folder: Path) -> Front | None:
    """Return what was found of the front of the study whose folder is `folder`, None if it was not confirmed.

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


def table_of_front(front: Front) -> Table[FrontMember]:
    """Return a row a configuration, the cheapest first."""
    return Table(
        rows=front.members,
        columns=[
            Column("trial", lambda row: f"#{row.number}", 11, "right", lambda row: row.number),
            Column(unit(front.cost), lambda row: cells.count(row.cost), 10, "right", lambda row: row.cost),
            Column("test", lambda row: accuracy(front.test(row.number)), 9),
            Column("on the front", lambda row: front.standing(row) or "–", 8),
            Column("ahead of what costs no more", lambda row: _ahead(front, row), 6),
            Column("committee", lambda row: _committee(front, row), 3),
            Column("in the search", lambda row: cells.percent(row.search_accuracy), 4),
        ],
        caption=[front_finding(front), _headline(front)],
        footnotes=["", *_footnotes(front)],
        document=plain_front(front),
    )


def front_command(front: Front, commands: NextCommands) -> str:
    """Return the command that asks for the same front once more."""
    members = len(front.members)
    top = ("--top", str(members)) if front.left_out or members > TOP else ()
    return commands.line("confirm", "--front", *top)


def front_finding(front: Front) -> str:
    """Return the ends of a front in a sentence."""
    ends = [front.members[0], *front.members[1:][-1:]]
    told = [
        f"{accuracy(front.test(end.number))} with {cells.count(end.cost)} {unit(front.cost)} (#{end.number})"
        for end in ends
    ]
    return f"On the test images: {' to '.join(told)}."


def front_footnote(front: Front | None, commands: NextCommands) -> str:
    """Return the line about a front below a leaderboard: the finding of its confirmation, or the command for one."""
    if front is None:
        return f"  `{commands.line('confirm', '--front')}` trains the front with fresh seeds."
    return f"front confirmed: {front_finding(front)} `{front_command(front, commands)}` shows all."


def _headline(front: Front) -> str:
    number = "1 configuration" if len(front.members) == 1 else f"{len(front.members)} configurations"
    seeds = number_of(len(front.finals[0].errors), "fresh seed")
    return (
        f"{front.study}: {number} of the front of accuracy and {unit(front.cost)}, {seeds} each, trained on "
        f"all {front.train_images:,} images."
    )


def _ahead(front: Front, row: FrontMember) -> str:
    found = front.ahead(row)
    if found is None:
        return "–"
    mean, low, high = (f"{100 * share:+z.2f}" for share in (found.mean, found.low, found.high))
    return f"{mean} [{low}, {high}] of #{found.of}"


def _committee(front: Front, row: FrontMember) -> str:
    final = front.final(row.number)
    return "–" if final.committee is None else committee(final, front.test_images)


def _footnotes(front: Front) -> list[str]:
    ended = [
        f"#{final.number}: {final.ended} of {len(final.errors)} runs came to their end; it is not compared."
        for final in front.finals
        if final.ended < len(final.errors)
    ]
    failed = [
        f"#{member.number}: {failures(test)}."
        for member in front.members
        if (test := front.test(member.number)) and test.not_learned
    ]
    left = [f"{front.left_out} more are on the front of the search; --top takes more."] if front.left_out else []
    return [
        f"test: mean of fresh seeds and its 95 % interval, on {front.test_images:,} test images, evaluated once; it "
        "covers other seeds, not other images.",
        "on the front: yes where it is shown to be more accurate than all of these that cost no more, no where one "
        "of them is shown to be more accurate, by seeds in pairs, each comparison alone.",
        "committee: the nets of all seeds, their probabilities averaged.",
        *ended,
        *failed,
        *left,
    ]
