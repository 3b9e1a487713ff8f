"""The leaderboard of studies, with what their space, their trainer and the ledgers of the test set say."""

from __future__ import annotations

from mnist_bench.leaderboard.board import Leaderboard, leaderboard_of
from mnist_bench.leaderboard.several import together
from mnist_bench.studies import openings
from mnist_bench.studies.foreign import is_foreign
from search.event_log.records import StudyRecord
from search.study.studies import StoredStudy


def board_of(
    *studies: StudyRecord, top: int | None = None, infeasible: bool = False, curves: bool = False
) -> Leaderboard:
    """Return the leaderboard of a study or, by value, of several; arguments as in `leaderboard_of`.

    Raises:
        UsageError: see `together`.
    """
    of_nets = [not is_foreign(study.spec) for study in studies]
    boards = [
        leaderboard_of(
            study,
            of_nets=nets,
            top=None if len(studies) > 1 and study.cost is not None else top,  # a front comes before better trials
            test_openings=openings.for_study(study.files) if nets and isinstance(study, StoredStudy) else 0,
            infeasible=infeasible,
            curves=curves,
        )
        for study, nets in zip(studies, of_nets, strict=True)
    ]
    return boards[0] if len(boards) == 1 else together(studies, boards, top)
