"""Several studies in one leaderboard: their trials by value, each with the rank and the signs of its own study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mnist_bench.config.json import from_json
from mnist_bench.leaderboard.board import Leaderboard
from mnist_bench.leaderboard.ranking import place_key
from mnist_bench.nets.summary import distinguishing
from search.errors import UsageError
from search.event_log.records import StudyRecord, repeats
from search.messages import joined

HASH_DIGITS = 8
"""Digits of a hash that a sentence shows."""


def together(studies: Sequence[StudyRecord], boards: Sequence[Leaderboard], top: int | None = None) -> Leaderboard:
    """Return the leaderboard of several studies, at most `top` rows, from that of each, which has its `top` best.

    Raises:
        UsageError: their objectives differ, or the validation images of networks; or two studies have one name.
    """
    _check_one_objective(studies, boards)
    first = boards[0]
    trials = [{trial.number: trial for trial in study.trials} for study in studies]
    found = [
        (known[row.number], replace(row, study=board.study))
        for board, known in zip(boards, trials, strict=True)
        for row in board.rows
    ]
    found.sort(key=lambda pair: (not pair[0].is_trained, place_key(pair[0])))
    rows = [row for _, row in found[:top]]
    if first.net is not None:
        settings = distinguishing([from_json(trial.config) for trial, _ in found[:top]])
        rows = [
            replace(row, net=row.net and replace(row.net, settings=cells))
            for row, cells in zip(rows, settings, strict=True)
        ]
    counts: Counter[str] = Counter()
    for board in boards:
        counts.update(board.counts)
    nets = [board.net for board in boards if board.net is not None]
    return replace(
        first,
        study=", ".join(board.study for board in boards),
        digest="",
        totals=(sum(board.goal for board in boards),),
        counts=counts,
        external=sum(board.external for board in boards),
        saved=sum(board.saved for board in boards),
        budget=sum(board.budget for board in boards),
        live=any(board.live for board in boards),
        rows=tuple(rows),
        hidden=len(found) - len(rows) + sum(board.hidden for board in boards),
        order=next((board.order for board in boards if not repeats(board.order)), first.order),
        front=(),
        parameters=_union(board.parameters for board in boards),
        metrics=_union(board.metrics for board in boards),
        limits=_union(board.limits for board in boards),
        first=None,
        stop=None,
        ahead=(),
        net=first.net
        and replace(
            first.net,
            tied=0,
            test_openings=sum(net.test_openings for net in nets),
            has_batchnorm=any(net.has_batchnorm for net in nets),
        ),
        published=None,
        boards=tuple(boards),
    )


def _union(names: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def _check_one_objective(studies: Sequence[StudyRecord], boards: Sequence[Leaderboard]) -> None:
    judged: dict[str, list[str]] = {}
    for study, board in zip(studies, boards, strict=True):
        judged.setdefault(_objective(study, board), []).append(study.name)
    if len(judged) > 1:
        told = "; ".join(f"{joined(names)}: {objective}" for objective, names in judged.items())
        raise UsageError(f"Studies of different objectives are not in one leaderboard. {told}.")
    name, times = Counter(study.name for study in studies).most_common(1)[0]
    if times > 1:
        raise UsageError(f"{times} studies have the name {name}; in one leaderboard each needs its own.")


def _objective(study: StudyRecord, board: Leaderboard) -> str:
    """Return what a study's trials are judged by, in words that are the same only if it is the same."""
    cost = "" if board.cost is None else f" and {board.cost}"
    if board.net is None:
        return f"{board.value_name}{cost}, {'smaller' if board.minimized else 'larger'} is better"
    data = study.spec["context"]["data"]
    files, split = (data[key][:HASH_DIGITS] for key in ("data_hash", "split_hash"))
    dataset = data.get("dataset", "mnist")
    return f"accuracy{cost} on {board.net.images:,} validation images of {dataset} (files {files}, split {split})"
