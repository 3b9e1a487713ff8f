"""The trials of several studies by rank: which studies have the same images, and the ties across them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mnist_bench.config.json import from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.leaderboard.board import Leaderboard, LeaderboardRow, leaderboard_of
from mnist_bench.leaderboard.correctness import validation_images
from mnist_bench.leaderboard.ranking import place_key
from mnist_bench.leaderboard.ties import SIGNIFICANCE, p_values_of
from mnist_bench.nets.summary import distinguishing
from mnist_bench.result_table import Table
from mnist_bench.studies import openings
from mnist_bench.studies.foreign import is_foreign
from mnist_bench.studies.record import data_of
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.messages import joined
from search.study.studies import StoredStudy

HASH_DIGITS = 8
"""Digits of a hash that a sentence shows."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class JointLeaderboard(Leaderboard):
    """The rows of several studies of nets in one ranking, best first.

    Ranks and ties are those among all trials. Whether a trial is `ahead` is told within its study.
    """

    boards: tuple[Leaderboard, ...]
    """The leaderboard of each study."""
    untested: int
    """Number of complete trials that no test compares with the first: which images one of the two classified correctly
    is not stored."""
    trained_on: int
    """Number of complete trials that no test compares, because they or the first one were trained on the validation
    images, too."""

    def _table(self) -> Table[LeaderboardRow]:
        from mnist_bench.joint_leaderboard.joint_table import joint_table_of  # its module imports this one

        return joint_table_of(self)

    def _finding(self) -> str:
        return f"digests {', '.join(f'{board.study} {board.digest[:HASH_DIGITS]}' for board in self.boards)}"


def on_same_images(studies: Sequence[StudyRecord]) -> list[list[StudyRecord]]:
    """Return studies in groups whose trials were judged on the same validation images, in the order as given.

    A study of another trainer is a group of its own.
    """
    groups: dict[object, list[StudyRecord]] = {}
    for place, study in enumerate(studies):
        groups.setdefault(place if is_foreign(study.spec) else _images_of(study), []).append(study)
    return list(groups.values())


def _images_of(study: StudyRecord) -> tuple[str, str]:
    data = data_of(study.spec["context"])
    return data.data_hash, data.split_hash


def why_apart(groups: Sequence[Sequence[StudyRecord]]) -> str | None:
    """Return why studies are not in one ranking, in a sentence; None if they are."""
    if len(groups) < 2:
        return None
    return f"Not in one ranking: {'; '.join(map(_judged, groups))}."


def _judged(group: Sequence[StudyRecord]) -> str:
    """Return on which images the trials of a group of studies were judged."""
    study, names = group[0], joined(study.name for study in group)
    if is_foreign(study.spec):
        return f"{names} has values of its own trainer or objective, and no images"
    data = data_of(study.spec["context"])
    dataset = "your own data" if data.is_own else data.dataset
    part = "" if data.subset is None else f", subset {data.subset:,}"
    images = validation_images(study.spec["context"])
    were = "was" if len(group) == 1 else "were"
    return f"{names} {were} judged on {images:,} images of {dataset}{part} (split {data.split_hash[:HASH_DIGITS]})"


def leaderboards_of(
    studies: Sequence[StudyRecord], *, top: int | None = None, infeasible: bool = False, curves: bool = False
) -> list[Leaderboard]:
    """Return the leaderboard of each study; arguments as in `leaderboard_of`."""
    return [
        leaderboard_of(
            study,
            of_nets=not is_foreign(study.spec),
            top=top,
            test_openings=openings.for_study(study.location) if isinstance(study, StoredStudy) else 0,
            infeasible=infeasible,
            curves=curves,
        )
        for study in studies
    ]


def joint_leaderboard_of(
    studies: Sequence[StudyRecord],
    *,
    infeasible: bool = False,
    curves: bool = False,
) -> JointLeaderboard:
    """Return the trials of two or more studies of nets in one ranking, by the rules of `leaderboard_of`.

    McNemar's exact test compares each complete trial with the first one, Holm-adjusted for all complete trials of all
    studies. With two objectives there is no common front.

    Args:
        studies: two or more studies, in which the trials were judged on the same validation images.
        infeasible: whether infeasible trials have rows.
        curves: whether rows have their learning curves.

    Raises:
        UsageError: their images differ.
        StorageError: the stored correct images are damaged.
    """
    if (reason := why_apart(on_same_images(studies))) is not None:
        raise UsageError(reason)
    boards = leaderboards_of(studies, infeasible=infeasible, curves=curves)
    rows = {(board.study, row.number): row for board in boards for row in board.rows}
    entries = _in_order(studies, rows)
    complete = [(study, trial) for study, trial in entries if trial.state == "COMPLETE"]
    ranks = {(study, trial.number): rank for rank, (study, trial) in enumerate(complete, start=1)}
    on_their_images = [_is_trained_on_its_images(trial) for _, trial in complete]
    none_is_tested = any(on_their_images[:1])  # if the first was trained on its images, no test says anything
    comparable = [
        entry for entry, is_so in zip(complete, on_their_images, strict=True) if not (is_so or none_is_tested)
    ]
    p_values = _p_values(complete, comparable[1:])
    settings = distinguishing([_config(trial) for _, trial in entries])
    listed = [
        _joint_row(study, rows[study, trial.number], ranks, p_values, cells)
        for (study, trial), cells in zip(entries, settings, strict=True)
    ]
    lacking = sum(p_values[study, trial.number] is None for study, trial in comparable[1:])
    return _summed(boards, tuple(listed), untested=lacking, trained_on=len(complete) - len(comparable))


def _in_order(
    studies: Sequence[StudyRecord], rows: Mapping[tuple[str, int], LeaderboardRow]
) -> list[tuple[str, TrialRecord]]:
    """Return the trials that have rows, each with the name of its study, best first; untrained ones at the end."""
    entries = [
        (place, study.name, trial)
        for place, study in enumerate(studies)
        for trial in study.trials
        if (study.name, trial.number) in rows
    ]

    def key(entry: tuple[int, str, TrialRecord]) -> tuple[object, ...]:
        place, _, trial = entry
        group, reached, (*figures, number) = place_key(trial)
        return (not trial.is_trained, group, reached, *figures, place, number)

    return [(name, trial) for _, name, trial in sorted(entries, key=key)]


def _config(trial: TrialRecord) -> TrainConfig:
    return from_json(trial.config)


def _is_trained_on_its_images(trial: TrialRecord) -> bool:
    return _config(trial).train_on == "all"


def _p_values(
    complete: Sequence[tuple[str, TrialRecord]], tested: Sequence[tuple[str, TrialRecord]]
) -> dict[tuple[str, int], float | None]:
    """Return the p-value of each complete trial but the first one; None if it is not tested."""
    if not complete:
        return {}
    first, *others = complete
    found = p_values_of(first[1], [trial for _, trial in tested])
    p_values = {(study, trial.number): p for (study, trial), p in zip(tested, found, strict=True)}
    return {(study, trial.number): p_values.get((study, trial.number)) for study, trial in others}


def _joint_row(
    study: str,
    row: LeaderboardRow,
    ranks: Mapping[tuple[str, int], int],
    p_values: Mapping[tuple[str, int], float | None],
    settings: Mapping[str, str],
) -> LeaderboardRow:
    """Return a row of a study as a row among those of all studies."""
    p_value = p_values.get((study, row.number))
    tied = p_value is not None and p_value > SIGNIFICANCE
    net = row.net and replace(row.net, tied=tied, p_value=p_value, settings=settings)
    return replace(row, study=study, rank=ranks.get((study, row.number)), net=net)


def _summed(
    boards: Sequence[Leaderboard], rows: tuple[LeaderboardRow, ...], *, untested: int, trained_on: int
) -> JointLeaderboard:
    """Return the joint leaderboard with the sums of all studies' figures."""
    nets = [board.net for board in boards if board.net is not None]
    tied = sum(row.tied for row in rows)
    first = boards[0]
    counts: Counter[str] = Counter()
    for board in boards:
        counts.update(board.counts)
    return JointLeaderboard(
        study=", ".join(board.study for board in boards),
        digest="",
        totals=(sum(board.goal for board in boards),),
        counts=dict(counts),
        external=sum(board.external for board in boards),
        saved=sum(board.saved for board in boards),
        budget=sum(board.budget for board in boards),
        live=any(board.live for board in boards),
        rows=rows,
        hidden=0,
        order=first.order,
        cost=None,
        front=(),
        parameters=tuple(dict.fromkeys(name for board in boards for name in board.parameters)),
        value_name=first.value_name,
        minimized=False,
        metrics=(),
        limits=tuple(dict.fromkeys(name for board in boards for name in board.limits)),
        has_curves=first.has_curves,
        has_infeasible=first.has_infeasible,
        first=None,
        stop=None,
        ahead=(),
        net=replace(
            nets[0],
            tied=tied + 1 if tied else 0,
            test_openings=sum(net.test_openings for net in nets),
            has_batchnorm=any(net.has_batchnorm for net in nets),
        ),
        boards=tuple(boards),
        untested=untested,
        trained_on=trained_on,
    )
