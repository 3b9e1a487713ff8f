"""The leaderboard as a table, with all its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mnist_bench import cells
from mnist_bench.cells import unit
from mnist_bench.leaderboard.board import Leaderboard, LeaderboardRow, NetFigures, grouped
from mnist_bench.leaderboard.board_records import curve_records, plain, record_keys, record_of
from mnist_bench.leaderboard.early_stop_lines import ahead_line, stop_line, stop_option
from mnist_bench.nets.summary import shown
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Column, Table, key_column, ungrouped
from search.event_log.records import repeats
from search.messages import command_line

STATES = (
    "`COMPLETE`, `PRUNED`, `FAIL`, `RUNNING` or `PAUSED` (continues when the search does), with the reason in brackets "
    "if it adds something: `PRUNED (infeasible)`. `ahead` follows if the trial was pruned with a higher value than the "
    "first had after the same training."
)


def _state(row: LeaderboardRow) -> str:
    return cells.ending(row.state, row.reason) + (", ahead" if row.ahead else "")


def _net(row: LeaderboardRow) -> NetFigures:
    """Return the figures of a net; the columns of `NET_FIGURES` are only for boards that have them."""
    if row.net is None:
        raise TypeError(f"#{row.number} is a trial of another trainer")
    return row.net


NET_FIGURES: tuple[Column[LeaderboardRow], ...] = (
    Column(
        "rank", lambda row: f"{row.rank or '–'}{' =' if row.tied else '  '}", 18, "right", lambda row: row.rank,
        about="Rank by validation accuracy among the complete trials; – if the trial is not complete. `=` marks a tie.",
    ),
    Column(
        "trial", lambda row: f"#{row.number}", 20, "right", lambda row: row.number,
        about="Number of the trial, from 0. Commands take it as `conv-0/37`.",
    ),
    Column(
        "validation", lambda row: f"{cells.percent(row.value)} {cells.interval(_net(row).low, _net(row).high)}", 19,
        number=lambda row: row.value,
        about="Accuracy on the validation images after the last report, with Wilson's 95% interval in brackets.",
    ),
    Column(
        "errors", lambda row: "–" if _net(row).errors is None else str(_net(row).errors), 14, "right",
        about="Number of misclassified validation images.",
    ),
    Column("state", _state, 16, about=STATES),
    Column(
        "epochs", lambda row: cells.epochs(row.done, row.total), 15, "right", lambda row: row.done,
        about="Epochs that were trained; `1/6` if the trial ended before its full budget of 6.",
    ),
    Column(
        "params", lambda row: cells.count(_net(row).parameters), 12, "right", lambda row: _net(row).parameters,
        about="Number of weights, the running statistics of batch normalization included.",
    ),
    Column(
        "MACs", lambda row: cells.count(_net(row).macs), 6, "right", lambda row: _net(row).macs,
        about="Multiply-accumulates for one image, forward.",
    ),
    Column(
        "time", lambda row: cells.duration(row.seconds), 8, "right", lambda row: row.seconds,
        about="Training time: `31 s`, `4 min 22 s` or `2 h 4 min`. Waiting does not count.",
    ),
)  # fmt: skip
"""Their last importances alternate with those of the settings, which have 13, 11, 9 and so on, the most telling setting
first. A narrow screen therefore shows how a trial ended and after how long, and a few of both."""
FIGURES: tuple[Column[LeaderboardRow], ...] = (
    Column("rank", lambda row: str(row.rank or "–"), 8, "right", about="Rank by value among the complete trials."),
    Column("trial", lambda row: f"#{row.number}", 9, "right", about="Number of the trial, from 0."),
    Column(
        "value", lambda row: cells.value(row.value), 9, "right",
        about="Value after the last report; the heading is the `objective` of the space, if it has one.",
    ),
    Column("state", _state, 7, about=STATES),
    Column(
        "periods", lambda row: cells.epochs(row.done, row.total), 6, "right",
        about="Number of reports; `1/6` if the trial ended before its full budget of 6.",
    ),
    Column(
        "time", lambda row: cells.duration(row.seconds), 4, "right", lambda row: row.seconds, about="Training time.",
    ),
)  # fmt: skip
"""Columns of a study of another trainer."""
FRONT: Column[LeaderboardRow] = Column(
    "front",
    lambda row: "yes" if row.on_front else "",
    17,
    about="With two objectives: whether the trial is on the Pareto front.",
)
OVER: Column[LeaderboardRow] = Column(
    "over its limit by",
    lambda row: _excess(row),
    11,
    about="With `--all`: by how much an infeasible trial exceeds each limit.",
)
STUDY: Column[LeaderboardRow] = Column(
    "study", lambda row: row.study, 20, about="With several studies: the name of the trial's study."
)
FIRST_SETTING = 13
UNRANKED = "rank –: not complete"
PAUSED = "PAUSED: continues when the search does"
STATISTICS = "params: running statistics of batchnorm included"


def table_of(
    board: Leaderboard, *, retrained: bool = False, commands: NextCommands | None = None
) -> Table[LeaderboardRow]:
    """Return a board's figures, then the settings in which its rows differ; as data, true parameters instead of those.

    Records have one set of columns for a study: the figures, the excess over each limit, then every parameter.
    `retrained` and `commands` as in `footnotes`.
    """
    commands = commands or NextCommands(study=board.boards[0].study if board.boards else board.study)
    return Table(
        rows=board.rows,
        columns=_columns(board) if board.net is None else _net_columns(board),
        caption=(headline(board), *([] if board.boards else digest_lines(board, commands)), *judged(board)),
        footnotes=footnotes(board, retrained=retrained, commands=commands),
        whole=f"`{commands.line('leaderboard', *listed(board), '--wide')}`",
        group=_group(board),
        record=lambda row: record_of(board, row),
        keys=record_keys(board),
        document=plain(board),
    )


def curve_table(board: Leaderboard) -> Table[Mapping[str, Any]]:
    """Return the learning curves of a board as a table with a row per report."""
    rows = curve_records(board)
    keys = dict.fromkeys(key for row in rows for key in row)
    return Table(rows=rows, columns=[*map(key_column, keys)])


def judged(board: Leaderboard) -> list[str]:
    """Return a line that says on how many images the trials were judged, and what the brackets are; none of values."""
    return [] if board.net is None else [f"Accuracy of {board.net.images:,} validation images, 95% intervals."]


def _group(board: Leaderboard) -> Callable[[LeaderboardRow], str]:
    """Return the groups of a board's rows: those that may continue stand above a line, if there are any."""
    if not any(row.state == "RUNNING" for row in board.rows):
        return ungrouped
    return lambda row: "ended early" if row.state in ("PRUNED", "FAIL") else "" if row.done else "no report yet"


def _net_columns(board: Leaderboard) -> list[Column[LeaderboardRow]]:
    rank, trial, *figures = _explained(NET_FIGURES, board)
    front = [] if board.cost is None else [FRONT]
    settings = [_setting(name, place, board.rows) for place, name in enumerate(_telling(board))]
    return [*_study(board), rank, trial, *front, *figures, *_over(board), *settings]


def _columns(board: Leaderboard) -> list[Column[LeaderboardRow]]:
    rank, trial, value, *figures = _explained(FIGURES, board)
    front, cost = ([], []) if board.cost is None else ([FRONT], [_cost(board.cost)])
    values = [replace(value, heading=board.value_name), *cost, *map(_metric, board.metrics)]
    settings = [name for name in board.parameters if len(board.rows) < 2 or _differs(name, board.rows)]
    return [*_study(board), rank, trial, *front, *values, *figures, *_over(board), *map(_param, settings)]


def _study(board: Leaderboard) -> list[Column[LeaderboardRow]]:
    return [STUDY] if board.boards else []


def _differs(parameter: str, rows: Sequence[LeaderboardRow]) -> bool:
    return any(row.params.get(parameter) != rows[0].params.get(parameter) for row in rows)


def listed(board: Leaderboard) -> tuple[str, ...]:
    """Return the words behind the first study with which a command lists the same trials; nothing if it needs none."""
    others = [each.study for each in board.boards[1:]]
    return (*others, "--all") if board.has_infeasible else (*others,)


def _explained(figures: Sequence[Column[LeaderboardRow]], board: Leaderboard) -> list[Column[LeaderboardRow]]:
    """Return the figures with the meanings of the signs that occur."""
    signs = {"rank": UNRANKED} if any(row.rank is None for row in board.rows) else {}
    if any(row.reason == "paused" for row in board.rows):
        signs["state"] = PAUSED
    if board.net is not None and board.net.has_batchnorm:
        signs["params"] = STATISTICS
    return [replace(each, legend=[signs[each.heading]]) if each.heading in signs else each for each in figures]


def _over(board: Leaderboard) -> list[Column[LeaderboardRow]]:
    """Return the column of exceeded limits, if a row is infeasible."""
    return [OVER] if any(row.excess for row in board.rows) else []


def _excess(row: LeaderboardRow) -> str:
    return ", ".join(
        # A limit has a word for a name, a constraint its text.
        f"{cells.count(excess) if excess >= 100 else f'{excess:.3g}'} {unit(name)}"
        if name.isidentifier()
        else f"{excess:.3g} ({name})"
        for name, excess in row.excess.items()
    )


def _telling(board: Leaderboard) -> list[str]:
    """Return the settings in which the rows differ, those first that differ most among the tied trials.

    A board whose rows were cut may have settings in which the others differed; those are left out.

    If no trials are tied, the complete ones are compared; if none is complete, all.
    """
    headings = [*_net(board.rows[0]).settings] if board.rows else []
    if len(board.rows) > 1:
        headings = [name for name in headings if len({_net(row).settings[name] for row in board.rows}) > 1]
    complete = [row for row in board.rows if row.rank is not None]
    tied = [row for row in complete if row.rank == 1 or row.tied]
    compared = next((rows for rows in (tied, complete) if len(rows) > 1), board.rows)
    return sorted(headings, key=lambda heading: -len({_net(row).settings[heading] for row in compared}))


def _setting(heading: str, place: int, rows: Sequence[LeaderboardRow]) -> Column[LeaderboardRow]:
    texts, signs = shown(heading, [_net(row).settings[heading] for row in rows])
    by_trial = {(row.study, row.number): text for row, text in zip(rows, texts, strict=True)}
    return Column(
        heading, lambda row: by_trial[row.study, row.number], FIRST_SETTING - 2 * place, is_setting=True, legend=signs
    )  # fmt: skip


def _cost(name: str) -> Column[LeaderboardRow]:
    return Column(name, lambda row: cells.value(row.cost), 9, "right", lambda row: row.cost)


def _metric(name: str) -> Column[LeaderboardRow]:
    return Column(name, lambda row: cells.value(row.metrics.get(name)), 3, "right", lambda row: row.metrics.get(name))


def _param(name: str) -> Column[LeaderboardRow]:
    return Column(name, lambda row: cells.value(row.params.get(name)), 2, is_setting=True)


def headline(board: Leaderboard) -> str:
    """Return one line: the study, its counts, why it ended early if it did, and the savings by pruning."""
    counted = cells.counted(board.counts, live=board.live)
    live = ", running now" if board.live else ""
    order = "" if repeats(board.order) else ", in completion order"
    stopped = "" if board.stop is None else f" {stop_line(board.stop, foreign=board.net is None)}"
    return f"{board.study}: {counted} of {board.goal} trials{order}{live}.{stopped}{_saved(board)}"


def _saved(board: Leaderboard) -> str:
    units = "reports" if board.net is None else "epochs"
    return f" Pruning saved {board.saved:g} of {board.budget:g} {units}." if board.saved else ""


def digest_lines(board: Leaderboard, commands: NextCommands) -> list[str]:
    """Return the digest, the promise that goes with it, and the comparison with a published digest if there is one.

    `commands` as in `footnotes`.
    """
    ended = sum(board.counts[name] for name in ("complete", "pruned", "failed"))
    if ended < board.goal and not (board.stop and board.stop.on_time):
        promise = f"of {ended} of {board.goal} trials so far"
    elif not repeats(board.order):
        promise = (
            "decided in completion order: another run of this search may give a different digest; "
            f"`{commands.line('doctor', '--replay')}` checks this one"
        )
    else:
        stopped = "" if board.stop is None else f" with {stop_option(board.stop, foreign=board.net is None)}"
        way = f" by way of {', then '.join(map(str, board.totals))} trials" if len(board.totals) > 1 else ""
        where = "" if board.portable else " on this kind of processor"
        promise = f"any run of this search{way}{stopped}, at any number of workers{where}, gives this"
    compared = [] if board.published is None else [f"       {board.published.sentence}"]
    return [f"digest {grouped(board.digest)}", f"       ({promise}{_by_machine(board.external)})", *compared]


def _by_machine(trials: int) -> str:
    """Return the sentence that the machine ended this number of trials, so that the digest depends on it."""
    ended = "1 trial was" if trials == 1 else f"{trials} trials were"
    return (
        f"; {ended} ended by the machine (out of memory or time), which may not happen in another run" if trials else ""
    )


def footnotes(board: Leaderboard, *, retrained: bool = False, commands: NextCommands) -> list[str]:
    """Return the lines below the table: rows left out, trials ahead, the meaning of the tie mark, the test set.

    Args:
        board: the content of the table.
        retrained: whether `confirm` already retrained the tied trials, so that no line proposes it.
        commands: the next commands about the study.
    """
    lines = []
    if board.hidden:
        every = commands.line("leaderboard", *listed(board), "--top", str(len(board.rows) + board.hidden))
        lines.append(f"{board.hidden} more; `{every}` shows all.")
    if board.boards:
        lines.append(_apart_line(board, commands))
    if board.first is not None and board.ahead:
        lines.append(ahead_line(board.first, board.ahead, foreign=board.net is None))
    if board.cost is not None and not board.boards:
        lines.append(_front_line(board, board.cost))
    if board.net is None:
        better = "smaller" if board.minimized else "larger"
        return [*lines, f"Values are in the unit of the study's own trainer or objective; {better} is better."]
    if board.net.tied > 1:
        tied = f"{board.net.tied} of {board.counts['complete']} complete trials are tied"
        lines += [
            f"= not significantly different from the first (paired test, Holm-corrected, 5% level). {tied}"
            f"{'.' if retrained else ':'}",
            *([] if retrained else [f"  `{commands.line('confirm')}` retrains them with fresh seeds."]),
        ]
    return [*lines, test_set_line(board.net.test_openings)]


def _apart_line(board: Leaderboard, commands: NextCommands) -> str:
    """Return what the ranks and signs in a leaderboard of several studies refer to, and what compares two studies."""
    first, second = (each.study for each in board.boards[:2])
    compare = command_line(["mnist-bench", "compare", first, second, *commands.place])
    if board.net is None:
        return f"Ranks and `ahead` are those within each study. `{compare}` compares two studies."
    return (
        "Ranks, `=` and `ahead` are those within each study: no test was made across studies. "
        f"`{compare}` tests two studies."
    )


def _front_line(board: Leaderboard, cost: str) -> str:
    """Return the meaning of the first rows in a study that also minimises a cost."""
    as_good, value = f"as accurate on as few {unit(cost)}", "accuracy, the best means rank 1"
    if board.net is None:
        as_good, value = f"as good in both {board.value_name} and {cost}", board.value_name
    return (
        f"front: {len(board.front)} of {board.counts['complete']} complete trials; no other is {as_good}, and better "
        f"in one of the two. They come first; ranks are by {value}."
    )


def test_set_line(openings: int) -> str:
    """Return how often the test set was opened, in words."""
    times = {1: "once", 2: "twice"}.get(openings, f"{openings} times")
    return f"The test set has been evaluated {times}." if openings else "The test set has not been evaluated."
