"""The findings of a study of another trainer in sentences, and the commands that repeat it."""

from __future__ import annotations

from collections.abc import Iterator

from mnist_bench import cells
from mnist_bench.cells import spelled
from mnist_bench.leaderboard.board import Leaderboard
from mnist_bench.leaderboard.early_stop_lines import ahead_line, stop_line
from mnist_bench.leaderboard.objective import value_name
from mnist_bench.next_commands import NextCommands
from mnist_bench.report.sections import Sections
from search.event_log.records import StudyRecord, TrialRecord

SPACE_FILE = "space.yaml"
"""The file that a command writes before its program searches again."""


def findings_of_values(study: StudyRecord, board: Leaderboard, sections: Sections) -> Iterator[str]:
    """Yield the findings: the best trials, those that were ahead when they stopped, and the reports that pruning
    saved."""
    ended, best = len(study.finished()), study.best
    if best is None:
        yet = " yet" if ended < board.goal else ""
        yield f"No trial is complete{yet}, so there is no best one: {ended} of {board.goal} trials have ended."
    else:
        yield _best(study, best, so_far=ended < board.goal and board.stop is None)
        if study.cost is not None and len(board.front) > 1:
            yield _front(study, study.cost, board)
        if board.ahead:
            ahead = ahead_line(best.number, board.ahead, foreign=True).removeprefix("ahead: ")
            yield ahead[0].upper() + ahead[1:]
    if board.stop is not None:
        yield f"{stop_line(board.stop, foreign=True)} {ended} of {board.goal} trials have ended."
    elif ended < board.goal and best is not None:
        state = "is still running" if study.live else "was stopped before its trial budget"
        yield f"The search {state}: {ended} of {board.goal} trials have ended, and the next may be better."
    if sections.retrained:
        yield sections.retrained.lines[0]
    if best is not None and ended > 1 and (sections.outdated or not sections.retrained):
        yield (
            f"Nothing is confirmed yet: the first of {ended:,} trials, each with one seed, is also the "
            f"luckiest. `{sections.commands.line('confirm')}` retrains the best with fresh seeds."
        )
    if board.saved:
        yield f"Pruning saved {board.saved:g} of {board.budget:g} reports."


def _best(study: StudyRecord, best: TrialRecord, *, so_far: bool) -> str:
    name, complete = value_name(study.spec), len(study.complete())
    ends = f"{'the lowest' if study.direction == 'minimize' else 'the highest'} {name}, {cells.value(best.value)}"
    now = " so far" if so_far else ""
    if complete == 1:
        return f"Trial {best.number} is the only complete trial{now}: its {name} is {cells.value(best.value)}."
    return f"Trial {best.number} is the best of {complete:,} complete trials{now}: it has {ends}."


def _front(study: StudyRecord, cost: str, board: Leaderboard) -> str:
    name, trials = value_name(study.spec), {trial.number: trial for trial in study.complete()}
    ends = [trials[number] for number in (board.front[-1], board.front[0])]
    low, high = (f"{cells.value(end.value)} at {cells.value(end.facts[cost])} {cost}" for end in ends)
    return (
        f"{spelled(len(board.front)).capitalize()} trials make the Pareto front of {name} and {cost}: {low} to {high}."
    )


def commands_for_values(known: NextCommands, chosen: TrialRecord | None) -> dict[str, str]:
    """Return the commands about the study and a trial of it, each with its purpose; its own program searches again."""
    space = {f"{known.line('show', '--space')} > {SPACE_FILE}": "the space that was searched, as a file"}
    if chosen is None:
        return space
    number, folder = chosen.number, ", in the folder of its file" if ".py:" in "".join(known.own_code) else ""
    again = f"trains #{number} again with your own trainer{folder}, and compares it bit for bit"
    return space | {known.line("reproduce", trial=number): again}
