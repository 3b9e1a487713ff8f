"""A search while it runs: a live picture in a terminal, a line a finished trial elsewhere. All of it on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.config import from_json
from mnist_bench.leaderboard import accuracy_interval, epochs_done, total_epochs, validation_images
from mnist_bench.nets import line
from mnist_bench.units import objectives
from search.driver import Header, Observer, Progress
from search.event_log import TrialRecord, repeats

if TYPE_CHECKING:
    from rich.text import Text

MAX_BAR = 48
MIN_BAR = 8


def view(results: Path) -> LiveView | PlainView:
    """Return the view that stderr can show; `results` is the folder of the studies."""
    console = output.console(stderr=True)
    return LiveView(results) if console.is_terminal and not console.is_dumb_terminal else PlainView(results)


class PlainView(Observer):
    """One line a finished trial."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._ended: list[TrialRecord] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Tell the person at the terminal something."""
        output.note(text)

    def on_notice(self, text: str) -> None:
        """See `say`."""
        self.say(text)

    def on_start(self, header: Header) -> None:
        """Print what is searched, and how."""
        output.note(header_line(header, self._results))

    def on_end(self, trial: TrialRecord) -> None:
        """Remember the trial until its place in the count is known."""
        self._ended.append(trial)

    def on_progress(self, progress: Progress) -> None:
        """Print the trials that ended since."""
        first = progress.finished - len(self._ended) + 1
        for number, trial in enumerate(self._ended, start=first):
            output.note(f"{number}/{progress.goal}  {trial_line(trial)}")
        self._ended.clear()


class LiveView(Observer):
    """A picture of the search that is drawn anew four times a second."""

    def __init__(self, results: Path) -> None:
        from rich.live import Live

        self._results = results
        self._header = self._notice = ""
        self._images = 0
        self._progress: Progress | None = None
        self._at = 0.0
        self._console = output.console(stderr=True)
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Show a line below the picture from now on."""
        self._notice = text

    def on_notice(self, text: str) -> None:
        """See `say`."""
        self.say(text)

    def on_start(self, header: Header) -> None:
        """Show what is searched, and how, above the picture."""
        self._header = header_line(header, self._results)
        self._images = validation_images(header.context)

    def on_progress(self, progress: Progress) -> None:
        """Take the figures that are drawn next."""
        self._progress, self._at = progress, time.monotonic()

    def _draw(self) -> Text:
        from rich.text import Text

        progress = self._progress
        if progress is not None:
            progress = replace(progress, seconds=progress.seconds + time.monotonic() - self._at)
        lines = picture(self._header, self._images, progress, self._console.width, self._console.height)
        return Text("\n").join(_cut(line, self._console.width) for line in [*lines, self._notice] if line)


def _cut(text: str, width: int) -> Text:
    from rich.text import Text

    cut = Text(output.safe(text), no_wrap=True)
    cut.truncate(max(1, width), overflow="ellipsis")
    return cut


def picture(header: str, images: int, progress: Progress | None, width: int, height: int) -> list[str]:
    """Return the lines of the live view for a terminal of `width` x `height` cells; long lines are cut later.

    `images` is the number of validation images.
    """
    if progress is None:
        return [header or "starting workers ..."]
    below = [_saved_line(progress)]
    above = [header, progress_line(progress, width)]
    if progress.best is not None:
        above.append(f"best  {best_words(progress.best, images)}")
    room = max(1, height - len(above) - len(below) - 2)
    return [*above, *_running_lines(progress, room), *below]


def header_line(header: Header, results: Path) -> str:
    """Return the line above a search: space, two objectives, strategy, seed, slots and workers, device, folder."""
    numerics = [str(header.numerics[key]) for key in ("device", "precision") if key in header.numerics]
    workers = f"{header.workers} worker{'s' if header.workers != 1 else ''}"
    workers += f" of {header.lanes} lanes" if header.lanes > 1 else ""
    parts = [
        header.space,
        *([objectives(header.cost)] if header.cost else []),
        f"{header.sampler} + {header.pruner}",
        f"seed {header.seed}",
        f"{header.slots} slots{'' if repeats(header.order) else ' by arrival'} on {workers}"
        + (f", {' '.join(numerics)}" if numerics else ""),
        str(results / header.name) + (" (resumed)" if header.resumed else ""),
    ]
    return "  ·  ".join(parts)


def progress_line(progress: Progress, width: int) -> str:
    """Return the bar and the counts; where there is little room, without the bar."""
    counts = f"{progress.finished}/{progress.goal}   {progress.complete} complete  {progress.pruned} pruned"
    counts += f"  {progress.failed} failed" if progress.failed else ""
    left = progress.seconds_left
    gone = f"{cells.duration(progress.seconds)} gone"
    time_words = gone if left is None else f"{gone}, about {cells.duration(left)} left"
    besides = f"   (+{progress.infeasible} infeasible)" if progress.infeasible else ""
    words = f"{counts}   {time_words}{besides}"
    room = min(MAX_BAR, width - len(words) - 2)
    return f"{bar(progress.finished, progress.goal, room)}  {words}" if room >= MIN_BAR else words


def bar(done: int, total: int, width: int) -> str:
    """Return a bar of `width` cells."""
    halves = round(2 * width * min(1.0, done / total)) if total else 0
    full = "━" * (halves // 2) + "╸" * (halves % 2)
    return full + "─" * (width - len(full))


def best_words(trial: TrialRecord, images: int) -> str:
    """Return number, accuracy with its interval, and settings of a complete trial."""
    low, high = accuracy_interval(trial, images) or (None, None)
    accuracy = f"{cells.percent(trial.value)}  {cells.interval(low, high)}"
    return f"#{trial.number}  {accuracy}   {line(from_json(trial.config))}"


def trial_line(trial: TrialRecord) -> str:
    """Return one line about an ended trial."""
    trained = cells.epochs(epochs_done(trial), total_epochs(trial))
    ending = cells.ending(trial.state, trial.reason)
    figures = f"{cells.percent(trial.value)}  epoch {trained}  {cells.duration(trial.seconds)}"
    return f"#{trial.number}  {ending}  {figures}  {line(from_json(trial.config))}"


def _running_lines(progress: Progress, room: int) -> Iterator[str]:
    values = [report.value for trial in progress.running for report in trial.reports if report.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    most = max((len(trial.reports) for trial in progress.running), default=0)
    shown = progress.running if len(progress.running) <= room else progress.running[: room - 1]
    for trial in shown:
        curve = cells.sparkline([report.value for report in trial.reports], low, high)
        yield f"  #{trial.number:<4} {curve:<{most}}  {_running_words(trial)}"
    if len(shown) < len(progress.running):
        yield f"  and {len(progress.running) - len(shown)} more"


def _running_words(trial: TrialRecord) -> str:
    done = epochs_done(trial)
    size = f"{cells.count(trial.facts.get('parameters')):>6} parameters"
    if not done:
        return f"epoch 0/{total_epochs(trial):g}          {size}"
    pace = f"{trial.seconds / done:.1f} s/epoch"
    return f"epoch {done:g}/{total_epochs(trial):g}  {cells.percent(trial.value):>7} {size}  {pace}"


def _saved_line(progress: Progress) -> str:
    saved = f"pruning saved {progress.saved_periods} of {progress.total_periods} periods so far"
    return f"{saved} · order cost {100 * progress.order_cost:.1f} % of worker time"
