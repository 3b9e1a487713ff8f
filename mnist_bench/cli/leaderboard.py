"""`mnist-bench leaderboard`, the trials by rank, and `compare`, two sides next to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench import options
from mnist_bench.api import reading
from mnist_bench.cli import output, study_list
from mnist_bench.cli.command import study_name, takes
from mnist_bench.options import argument, option
from mnist_bench.result_table import Result
from search.errors import StudyNotFoundError, UsageError

if TYPE_CHECKING:
    from mnist_bench.leaderboard.board import Leaderboard, LeaderboardRow, RankedStudy
    from mnist_bench.next_commands import NextCommands
    from mnist_bench.result_table import Table
    from search.study.studies import StoredStudy


SHORT = 10  # rows of a table without --top and --all
FEWEST = 3  # rows of such a table in a terminal that is too low for more


@takes(reading.leaderboard, without=["infeasible"], prints=["wide", "json", "csv", "markdown"])
def leaderboard(
    form: output.Form,
    top: int | None,
    learning_curves: bool,
    studies: Annotated[Sequence[str], argument("One study or several.", "STUDY", default="the latest study")] = (),
    every: Annotated[
        bool, option("Show all rows, with infeasible trials, which were not trained.", names=("--all",))
    ] = False,
    results: options.Folder = options.RESULTS,
) -> Result:
    """Rank the trials of one study or several by validation accuracy, with intervals and ties.

    Brackets are 95% intervals. `=` marks a trial that is not significantly different from the first, `ahead` a pruned
    trial that was better than the first after the same training. Several studies of one objective are one table with a
    column `study`.

    JSON and CSV hold the exact parameters of each trial.

    Examples:
        mnist-bench leaderboard conv-0 --top 20
        mnist-bench leaderboard conv-0 conv-1                     # several studies in one table
        mnist-bench leaderboard conv-0 --csv > trials.csv
        mnist-bench leaderboard conv-0 --json --learning-curves   # with all learning curves
    """
    from mnist_bench.leaderboard.board import curve_table
    from mnist_bench.leaderboard.ranking import leaderboard_of

    if learning_curves and form not in ("json", "csv"):
        raise UsageError("--learning-curves needs --json or --csv.")
    opened = partial(_opened, results=results, infeasible=every)
    names = dict.fromkeys(study_name(name, results) for name in studies)
    found = [*map(opened, names)] or [opened(None)]
    rows = top or (SHORT if form in ("table", "wide") and not every else None)
    board = leaderboard_of(*found, top=rows, infeasible=every, curves=learning_curves)
    tabled = partial(_table, found[0], results)
    table: Table[Any] = curve_table(board) if learning_curves and form == "csv" else tabled(board)
    fits = form == "table" and not (top or every)
    return Result([_fitting(board, tabled) if fits else table])


def _opened(name: str | None, results: Path, *, infeasible: bool) -> StoredStudy:
    from mnist_bench.studies.checked import commands_of, open_any

    study = open_any(results, name)
    if study.trials if infeasible else study.finished():
        return study
    beyond = any(not trial.is_trained for trial in study.trials)
    command = commands_of(study).line("leaderboard", "--all")
    all_of_them = f"; `{command}` lists those that were not trained" if beyond else ""
    raise StudyNotFoundError(f"Study {study.name} has no finished trial yet{all_of_them}.")


def _fitting(board: Leaderboard, tabled: Callable[[Leaderboard], Table[Any]]) -> Table[LeaderboardRow]:
    from mnist_bench.leaderboard.board import cut

    table = tabled(board)
    while (over := output.overflow(table)) and len(board.rows) > FEWEST:
        board = cut(board, max(FEWEST, len(board.rows) - over))
        table = tabled(board)
    return table


def _table(study: StoredStudy, results: Path, board: Leaderboard) -> Table[LeaderboardRow]:
    from mnist_bench.leaderboard.board import table_of
    from mnist_bench.next_commands import NextCommands
    from search.study.folder import place_words

    if board.only:
        return _table_of_study(board, board.only, study)
    commands = NextCommands(study=board.studies[0].record.name, place=place_words(results))
    return table_of(board, commands=commands)


def _table_of_study(board: Leaderboard, ranked: RankedStudy, study: StoredStudy) -> Table[LeaderboardRow]:
    from mnist_bench.leaderboard.board import table_of
    from mnist_bench.studies.checked import commands_of

    files, commands = study.files, commands_of(study)
    retrained, below, more = _confirmed(ranked, files.path, commands)
    table = table_of(board, retrained=retrained, commands=commands)
    is_over = study.live or study.stop or ranked.ended >= ranked.trial_budget
    resume = None if is_over else study_list.resume_command(files)
    footnotes = [*table.footnotes, *below, *([] if resume is None else [f"`{resume}` resumes the search."])]
    (figures,) = table.document["studies"]
    return replace(table, footnotes=footnotes, document={**table.document, "studies": [{**figures, **more}]})


def _confirmed(ranked: RankedStudy, folder: Path, commands: NextCommands) -> tuple[bool, list[str], Mapping[str, Any]]:
    """Return whether trials were retrained with fresh seeds, the lines about that, and what JSON has of it."""
    from mnist_bench.experiments.confirmed import Confirmed, Front, load
    from mnist_bench.experiments.confirmed_table import finding

    study, has_front = ranked.record, ranked.kind.of_nets and ranked.record.cost is not None
    found, front = load(Confirmed, folder), load(Front, folder) if has_front else None
    found = found if found and found.digest == study.digest else None
    front = front if front and front.digest == study.digest else None
    below = [finding(each, commands) for each in (front, found) if each is not None]
    if has_front and front is None and ranked.front and not study.live:
        below.insert(0, f"  `{commands.line('confirm', '--front')}` trains the front with fresh seeds.")
    more: dict[str, Any] = {"confirmed": found and found.plain()}
    if has_front:
        more["confirmed_front"] = front and front.plain()
    return found is not None and len(found.candidates) > 1, below, more


@takes(reading.compare, prints=["wide", "json", "markdown"])
def compare(
    sides: Sequence[str],
    results: Path,
) -> Result:
    """Compare two studies, trials or records: settings, results, shared trials, and the first difference.

    Their best networks are tested against each other if they were validated on the same images.

    Examples:
        mnist-bench compare conv-0 conv-1
        mnist-bench compare conv-0/48 conv-0/13
        mnist-bench compare conv-0 laptop/results/conv-0
    """
    from mnist_bench.comparison.comparison import tables_of

    return Result(tables_of(reading.compare(*sides, results=results)))
