"""The end of a search on the screen: summary, digest, best trials, next commands."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.util import find_spec

from mnist_bench import cells
from mnist_bench.cli import live, running
from mnist_bench.cli.output import ExitCode
from mnist_bench.leaderboard.board import RankedStudy, digest_lines, table_of
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.leaderboard.worker_time import worker_time_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.result_table import Line, Result, Table
from mnist_bench.searches.config import SearchConfig
from mnist_bench.studies.checked import commands_of
from mnist_bench.value_kind import kind_of
from search.database import read_only_url
from search.driver.run import Run
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import repeats
from search.messages import command_line, number_of

TOP = 5


def result_of(run: Run, config: SearchConfig, *, seconds: float, stopping: bool) -> Result:
    """Return the end of a search that took `seconds`: summary, digest, best trials, and the next commands.

    It fails if the search is `stopping` before its trial budget, if its digest should be the published one and is
    not, or if all its trials diverged.
    """
    listed = leaderboard_of(run.study, top=TOP)
    ranked, kind, commands = listed.studies[0], listed.kind, _commands(run, config)
    before = seconds_before(run.study, time.time() - seconds)
    best = [] if kind.of_nets or run.study.best is None else [f"best   {live.best_words(kind, run.study.best)}"]
    table = table_of(listed, commands=commands)
    caption = [
        "",
        summary(ranked, seconds, before, run.order_cost),
        *([] if run.study.stop is None else [kind.stop_line(run.study.stop)]),
        *digest_lines(ranked, commands),
        *best,
    ]
    code = ExitCode.OK
    if not run.reached and stopping:
        code = ExitCode.INTERRUPTED
    elif ranked.published is not None and ranked.published.verdict == "differs":
        code = ExitCode.NOT_REPRODUCED
    elif has_diverged(run):
        code = ExitCode.FAILURE
    return Result(
        [replace(table, caption=caption) if listed.rows else Table(caption=caption)],
        document={"reached": run.reached, "seconds": seconds, **table.document},
        notes=[*map(Line, advice(run, config))],
        exit_code=code,
    )


def _commands(run: Run, config: SearchConfig) -> NextCommands:
    return commands_of(run.study, data_dir=config.data_dir, net=config.net_name, device=config.device)


def seconds_before(study: StudyRecord, moment: float) -> float:
    """Return how long earlier runs of a search trained, up to a moment (in seconds since 1970), without pauses.

    0 if they trained nothing, or if the times were not recorded.
    """
    trials = [
        replace(trial, reports=tuple(report for report in trial.reports if (report.started or moment) < moment))
        for trial in study.trials
    ]
    try:
        return worker_time_of(replace(study, trials=tuple(trials))).span
    except StudyNotFoundError:
        return 0.0


def summary(ranked: RankedStudy, seconds: float, before: float, order_cost: float) -> str:
    """Return the line of counts, time (`before`: of earlier runs), savings by pruning, cost of the order."""
    cost = "reports were used in completion order"
    if repeats(ranked.record.order):
        cost = f"the deterministic order cost {100 * order_cost:.1f}% of worker time"
    if not ranked.kind.of_nets and ranked.budget == ranked.ended:  # one report a trial, so there is nothing to prune
        cost = f"{cost[0].upper()}{cost[1:]}"
    else:
        cost = f"Pruning saved {ranked.saved:g} of {ranked.budget:g} {ranked.kind.unit}s; {cost}"
    took = cells.duration(seconds)
    took += f" (this run, after {cells.duration(before)} of training in earlier ones)" if before else ""
    return f"{number_of(ranked.ended, 'trial')} in {took}: {cells.counted(ranked.counts)}. {cost}."


def advice(run: Run, config: SearchConfig) -> list[str]:
    """Return the next commands: to continue a stopped search, or to examine the best trial."""
    if not run.reached:
        return ["", "Stopped before its trial budget. To resume:", f"  {running.as_typed()}"]
    commands, best = _commands(run, config), run.study.best
    if has_diverged(run):
        return ["", f"Every trial diverged: no value was finite. {commands.line('leaderboard')} lists them."]
    if best is None:
        return ["", f"No trial is complete. {commands.line('leaderboard')} shows how they ended."]
    uses = _uses(run, config, commands, best)
    if find_spec("optuna_dashboard"):
        database = read_only_url(run.study.files.database)
        uses[command_line(["optuna-dashboard", database, "--host", "127.0.0.1"])] = "the trials in a browser"
    width, continued = max(map(len, uses)), []
    if run.study.stop is not None:
        given = kind_of(run.study.spec).stop_option(run.study.stop)
        budget = f"continues to {run.study.totals[-1]} trials; paused ones are kept."
        continued = [f"The same command without {given}, or with a larger one, {budget}"]
    lines = [f"{command:<{width}}   {use}" for command, use in uses.items()]
    return ["", f"next:  {lines[0]}", *(f"       {line}" for line in lines[1:]), *continued]


def has_diverged(run: Run) -> bool:
    """Return whether a search has reached its trial budget, and all its trained trials have diverged."""
    trained = run.study.finished()
    return run.reached and bool(trained) and all(trial.reason == "diverged" for trial in trained)


def _uses(run: Run, config: SearchConfig, commands: NextCommands, best: TrialRecord) -> dict[str, str]:
    """Return the commands that examine a study, and what each is for."""
    if not kind_of(run.study.spec).of_nets:
        return {
            commands.line("plot"): "which parameters matter, and other plots",
            commands.line("report"): "the whole study on one page",
            commands.line("leaderboard"): "all trials",
            commands.line("show", trial=best.number): "every setting, the reports, the hashes",
            commands.line("doctor"): "whether the study is whole",
        }
    front = () if run.study.cost is None else ("--front",)
    page = ", a web page to draw on" if config.data_dir is None else ""  # MNIST's pictures can be drawn
    formats = f": plain PyTorch, ONNX{page}" if config.net_name is None else ""
    return {
        commands.line("reproduce"): f"retrain #{best.number} and compare bit for bit",
        commands.line("confirm", *front): "fresh seeds, then all training images, then the test set once",
        commands.line("plot"): f"which settings matter, and other plots, into {run.study.files.plots}",
        commands.line("ablate"): "effect of each group of settings",
        commands.line("report"): "the whole study on one page",
        commands.line("export", "--to", "winner"): "the best network as files" + formats,
        commands.line("leaderboard"): "all trials",
        commands.line("show", trial=best.number): "every setting, the curve, the hashes",
    }
