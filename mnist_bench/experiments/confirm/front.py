"""Confirm the front of a study that minimises a cost too: all its configurations, with fresh seeds, on the test images.

Nothing is raced for and nothing chosen: a front is an answer for every budget, and each of its points gets the same
seeds. The test set is opened once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from mnist_bench import leaderboard
from mnist_bench.experiments.confirm import result as confirmed
from mnist_bench.experiments.confirm.result import TOP, Count, Figures, Final, figures
from mnist_bench.experiments.confirm.runs import Runs
from mnist_bench.experiments.grid import Observer, Workplace, open_grid_of
from mnist_bench.studies import sealed_json
from search.errors import StudyLockedError, StudyNotFoundError, UsageError
from search.event_log import StudyRecord, TrialRecord
from search.study import StudyFolder


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontOptions(Workplace):
    """What the user asked for."""

    top: int = TOP
    """Configurations, at most; of a longer front both ends, and evenly between them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One trial's configuration on the front of the search."""

    number: int
    """The trial's."""
    cost: float
    """What the study minimises."""
    search_accuracy: float
    """The trial's last validation accuracy in the search, 0..1."""
    final: Final
    """Its errors on the test images, by fresh seed, trained on all training images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """The front of a study as fresh seeds and the test images see it."""

    study: str
    digest: str
    """The study's when it was confirmed; another one now means that it was searched further."""
    cost: str
    """What the study minimises, by the name of a trial's fact."""
    train_images: Count
    test_images: Annotated[int, Ge(1)]
    left_out: Annotated[int, Ge(0)]
    """Trials on the front of the search for which there was no room."""
    members: tuple[Member, ...]
    """The cheapest first."""

    def test(self, member: Member) -> Figures | None:
        """Return a member's test accuracy; None where no run came to an end."""
        return figures(member.final.errors, self.test_images)

    def surpassed_by(self, member: Member) -> Member | None:
        """Return the most accurate member, by its mean on the test images, that is as accurate as this one for less."""
        own = self.test(member)
        cheaper = [(self.test(other), other) for other in self.members if other.cost < member.cost]
        above = [(of.mean, other) for of, other in cheaper if of is not None and (own is None or of.mean >= own.mean)]
        return max(above, key=lambda pair: pair[0], default=(0.0, None))[1]


def run(study: StudyRecord, asked: FrontOptions, observer: Observer, stopping: Callable[[], bool]) -> Front | None:
    """Confirm the front of a study, or return what was found before; None where `stopping` said so before the end.

    Raises:
        StudyLockedError: the study is being searched, or being confirmed by another process.
        UsageError: it has one objective, or the data set at hand is not the study's.
        StudyNotFoundError: none of its trials is complete.
        FingerprintError: this machine computes otherwise than the one of the search.
        DataError, DeviceError, WorkerError, StorageError: see there.
    """
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm its front when the search has ended.")
    trials, left_out = chosen(study, asked.top)
    folder = asked.results / study.name
    known, numbers = load_front(folder), [trial.number for trial in trials]
    if known is not None and (known.digest, [member.number for member in known.members]) == (study.digest, numbers):
        return known
    path = StudyFolder(folder).confirm.path
    with open_grid_of(study, "confirm", path, f"The confirmation of {study.name}", asked) as grid:
        runs = Runs(study, trials, grid, observer, on_period=lambda: None)
        earlier, seen = evaluated(folder)
        tested = runs.finals(numbers, earlier, grid.data.options, asked.ledger, stopping)
        if tested is None:
            return None
        finals, images = tested
        cost = str(study.cost)
        found = Front(
            study=study.name, digest=study.digest, cost=cost, left_out=left_out, test_images=images or seen,
            train_images=len(grid.data.split.train) + len(grid.data.split.validation),
            members=tuple(
                Member(
                    number=trial.number, cost=trial.facts[cost], search_accuracy=trial.value or 0.0, final=final
                )
                for trial, final in zip(trials, finals, strict=True)
            ),
        )  # fmt: skip
    sealed_json.save(found, StudyFolder(folder).confirm.front)
    return found


def chosen(study: StudyRecord, top: int) -> tuple[list[TrialRecord], int]:
    """Return the trials of a study's front, the cheapest first and `top` at most, and how many are left out.

    Raises:
        UsageError: the study has one objective.
        StudyNotFoundError: none of its trials is complete.
    """
    cost = study.cost
    if cost is None:
        raise UsageError(
            f"Study {study.name} has one objective, and so no front; `mnist-bench confirm {study.name}` lets its best "
            "race."
        )
    front = sorted(leaderboard.undominated(study.complete(), cost), key=lambda trial: (trial.facts[cost], trial.number))
    if not front:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial to confirm.")
    last, steps = len(front) - 1, max(1, top - 1)
    places = range(len(front)) if len(front) <= top else [round(step * last / steps) for step in range(top)]
    return [front[place] for place in places], len(front) - len(places)


def evaluated(folder: Path) -> tuple[tuple[Final, ...], int]:
    """Return all that was ever evaluated on the test images for the study whose folder this is, and their number."""
    race, front = confirmed.load(folder), load_front(folder)
    of_race = race.evaluated if race else ()
    of_front = tuple(member.final for member in front.members) if front else ()
    return of_race + of_front, (race.test_images if race else 0) or (front.test_images if front else 0)


def load_front(folder: Path) -> Front | None:
    """Return what was found of the front of the study whose folder is `folder`, None where it was not confirmed; errors
    as in `sealed_json.load`."""
    found = sealed_json.load(StudyFolder(folder).confirm.front, Front, "confirmation of a front")
    return found and replace(found, study=folder.name)  # the study's folder may have been renamed since
