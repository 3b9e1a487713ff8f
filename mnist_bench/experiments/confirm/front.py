"""Confirm the front of a study that minimises a cost too: its configurations, with fresh seeds, on the test images.

Nothing races and nothing is chosen: a front is an answer for every budget, and each of its points gets the same
seeds. The test set is opened once for all of them.
"""

from __future__ import annotations

from mnist_bench.experiments.confirm.evaluations import all_stand, earlier
from mnist_bench.experiments.confirm.front_result import Front, FrontMember, load_front, save_front
from mnist_bench.experiments.confirm.lost_nets import with_all_nets
from mnist_bench.experiments.confirm.runs import ConfirmOptions, Runs
from mnist_bench.experiments.grid import Observer, open_grid_of
from mnist_bench.leaderboard import pareto_front
from search.errors import StudyLockedError, StudyNotFoundError, UsageError
from search.event_log import StudyRecord, TrialRecord
from search.study import StoredStudy


def confirm_front(study: StoredStudy, options: ConfirmOptions, observer: Observer) -> Front:
    """Confirm the front of a study, or return its earlier confirmation. Missing nets of that are trained again.

    Raises:
        Stopped: the observer stopped it before its end.
        StudyLockedError: the study is being searched, or being confirmed by another process.
        UsageError: it has one objective, or the data set at hand or the study's folder is not its own.
        StudyNotFoundError: none of its trials is complete.
        FingerprintError: this machine computes otherwise than the one of the search.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid_of` and `Runs.finals`.
    """
    if study.live:
        raise StudyLockedError(f"Study {study.name} is being searched; confirm its front when the search has ended.")
    cost, trials, left_out = front_trials(study, options.top)
    folder = study.files.path
    known, numbers = load_front(folder), [trial.number for trial in trials]
    if (
        known is not None
        and (known.digest, [member.number for member in known.members]) == (study.digest, numbers)
        and all_stand(known.finals, study, options.data_dir)
    ):
        return with_all_nets(known, study, options, observer)
    with open_grid_of(
        study, "confirm", study.files.confirm.path, f"The confirmation of {study.name}", options, observer
    ) as grid:
        known = load_front(folder)  # another process may have been at work until just now
        tested = Runs(study, trials, grid).finals(numbers, grid.data.options)
        found = Front(
            study=study.name, digest=study.digest, cost=cost, left_out=left_out, test_images=tested.images,
            train_images=grid.data.split.images,
            members=tuple(
                FrontMember(number=trial.number, cost=trial.facts[cost], search_accuracy=trial.value or 0.0)
                for trial in trials
            ),
            finals=tested.finals,
            earlier=earlier(known, tested),
        )  # fmt: skip
        save_front(found, folder)
    return found


def front_trials(study: StudyRecord, top: int) -> tuple[str, list[TrialRecord], int]:
    """Return the minimised fact of a study, the trials of its front, the cheapest first, and the number of those left
    out.

    At most `top` are taken: of a longer front both ends, and evenly between them; of one, the most accurate.

    Raises:
        UsageError: the study has one objective.
        StudyNotFoundError: none of its trials is complete.
    """
    cost = study.cost
    if cost is None:
        raise UsageError(
            f"Study {study.name} has one objective and no Pareto front; leave out --front to confirm its best trials."
        )
    front = sorted(pareto_front(study), key=lambda trial: (trial.facts[cost], trial.number))
    if not front:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial to confirm.")
    if top == 1:
        return cost, front[-1:], len(front) - 1
    last = len(front) - 1
    places = range(len(front)) if len(front) <= top else [round(step * last / (top - 1)) for step in range(top)]
    return cost, [front[place] for place in places], len(front) - len(places)
