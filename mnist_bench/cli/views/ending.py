"""What stands on the screen when a search has ended: summary, digest, best trials, what to do next."""

from __future__ import annotations

import time
from dataclasses import replace

from mnist_bench import cells
from mnist_bench.cli import again, output
from mnist_bench.leaderboard import (
    Leaderboard,
    digest_lines,
    leaderboard_of,
    stop_line,
    stop_option,
    table_of,
    worker_time_of,
)
from mnist_bench.searches import SearchConfig
from mnist_bench.studies import openings
from search.driver import Run
from search.errors import SearchError, StudyNotFoundError
from search.event_log import StudyRecord, repeats
from search.study import StudyFolder, StudyLocation, latest

TOP = 5


def show(run: Run, config: SearchConfig, *, seconds: float) -> None:
    """Print the end of a search that took `seconds`; figures to stdout, advice to stderr."""
    location = StudyLocation.of(run.study.name, config.results, config.storage)
    listed = leaderboard_of(run.study, top=TOP, test_openings=openings.for_study(location))
    before = seconds_before(run.study, time.time() - seconds)
    output.print_line()
    output.print_prose(summary(listed, seconds, before, run.order_cost))
    if listed.stop is not None:
        output.print_prose(stop_line(listed.stop, foreign=False))
    place = location.options
    for line in digest_lines(listed, place):
        output.print_prose(line)
    if listed.rows:
        output.print_line()
        output.show("table", replace(table_of(listed, place=place, confirm=_whose(location, config)), caption=()))
    for line in advice(run, config):
        output.note_command(line)


def _whose(location: StudyLocation, config: SearchConfig) -> str:
    """Return the study and the options that `mnist-bench confirm` needs, with a space before each.

    Nothing where the study is the latest, which it takes by itself.
    """
    needed = again.options_of(config, again.TRAINING)
    return f" {location.name}{needed}" if needed or not _is_latest(location.name, config) else ""


def _is_latest(name: str, config: SearchConfig) -> bool:
    try:
        return latest(config.results, config.storage) == name
    except SearchError:  # of other studies, the one with an unreadable database
        return False


def seconds_before(study: StudyRecord, moment: float) -> float:
    """Return for how long earlier runs of a search trained, up to a moment (in seconds since 1970), pauses left out.

    0 where they trained nothing, or it is not known when.
    """
    trials = [
        replace(trial, reports=tuple(report for report in trial.reports if (report.started or moment) < moment))
        for trial in study.trials
    ]
    try:
        return worker_time_of(replace(study, trials=tuple(trials))).span
    except StudyNotFoundError:
        return 0.0


def summary(listed: Leaderboard, seconds: float, before: float, order_cost: float) -> str:
    """Return the line of counts, time (`before`: of earlier runs), what pruning saved and the logical order cost."""
    ended = sum(listed.counts[name] for name in ("complete", "pruned", "failed"))
    saved = f"Pruning saved {listed.saved_epochs:g} of {listed.budget_epochs:g} epochs"
    cost = "periods were taken up as they arrived"
    if repeats(listed.order):
        cost = f"the logical order cost {100 * order_cost:.1f} % of worker time"
    took = cells.duration(seconds)
    took += f" (this run, after {cells.duration(before)} of training in earlier ones)" if before else ""
    return f"{ended} trial{'' if ended == 1 else 's'} in {took}: {cells.counted(listed.counts)}. {saved}; {cost}."


def advice(run: Run, config: SearchConfig) -> list[str]:
    """Return what to do next: go on where the search was stopped, else look closer at the best trial."""
    if not run.reached:
        return ["", "Stopped before its goal. To go on where it stopped:", *again.this_command(config.storage)]
    reading, drawing, training = (again.options_of(config, n) for n in (again.READING, again.DRAWING, again.TRAINING))
    name, best, hint = run.study.name, run.study.best, again.hint(config.storage)
    if best is None:
        return ["", f"No trial is complete. mnist-bench leaderboard {name}{reading} shows how they ended.", *hint]
    front = "" if run.study.cost is None else " --front"
    page = ", a page to draw on" if config.data_dir is None else ""  # of what one can draw
    of_ours = f": plain PyTorch, ONNX{page}" if config.net is None else ""
    commands = {
        f"reproduce {name}{training}": f"retrain #{best.number} and compare bit for bit",
        f"confirm {name}{front}{training}": "fresh seeds, then all training images, then the test set once",
        f"plot {name}{drawing}": f"pictures into {StudyFolder(config.results / name).plots}",
        f"ablate {name}{training}": "what each group of settings brings",
        f"report {name}{drawing}": "all of it on one page",
        f"export {name} --to winner{training}": "the best net as files" + of_ours,
        f"leaderboard {name}{reading}": "all trials",
        f"show {name}/{best.number}{reading}": "every setting, the curve, the hashes",
    }
    width = max(map(len, commands))
    lines = [f"mnist-bench {command:<{width}}   {use}" for command, use in commands.items()]
    return ["", f"next:  {lines[0]}", *(f"       {line}" for line in lines[1:]), *hint, *_going_on(run.study)]


def _going_on(study: StudyRecord) -> list[str]:
    """Return how to go on with a search that ended early; nothing where it reached its goal."""
    if study.stop is None:
        return []
    given, goal = stop_option(study.stop, foreign=False), study.totals[-1]
    return [f"The same command without {given}, or a larger one, goes on to {goal} trials; paused ones are kept."]
