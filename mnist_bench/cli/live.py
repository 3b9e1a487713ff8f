"""Work while it runs, on stderr: a live picture in a terminal, otherwise one line per trial or run that ended."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.published import published_for, shortened
from mnist_bench.value_kind import ValueKind, kind_of
from search.driver.attended import Row, Screen, State, Timing, Watching, is_command_in_cell
from search.driver.progress import Header, Progress
from search.event_log.history import StopRules
from search.event_log.records import TrialRecord
from search.hashed import repeats
from search.messages import number_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MAX_BAR = 48
MIN_BAR = 8
SEPARATOR = "  ·  "
LABEL = " " * 6  # as wide as that of a notable line
MIN_FOLDED = 40
"""Width below which nothing is folded."""
MIN_SETTINGS = 20
"""Smallest width left for a running trial's settings."""
MAX_ROWS = 200
"""Number of running trials that are looked at; no terminal has more lines."""
PRECISIONS = {"bf16": "bfloat16", "fp32": "float32", "portable": "portable float32"}


# Screens


def screen() -> Screen:
    """Return the screen that stderr can be."""
    console = output.console(stderr=True)
    redraws = console.is_terminal and not console.is_dumb_terminal and not is_command_in_cell()
    return Panel(console) if redraws else Lines()


class Lines(Screen):
    """One line per trial or run that ended."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: list[str] = []
        self._has_head = False

    def __exit__(self, *_: object) -> None:
        """All is printed."""

    def show(self, state: Callable[[], State]) -> None:
        """Print the head once, and what ended since."""
        if self._has_head and not self._ended:
            return
        now = state()
        if not self._has_head and now.head:
            self.say(SEPARATOR.join(now.head))
        self._has_head = True
        left = f"  ({now.rest})" if now.rest else ""
        for number, text in enumerate(self._ended, start=now.done - len(self._ended) + 1):
            self.say(f"{number}/{now.total}  {text}{left}")
        self._ended.clear()

    def say(self, text: str) -> None:
        """Print a line."""
        output.note(text)

    def ended(self, text: str) -> None:
        """Remember the line until its place in the count is known."""
        self._ended.append(text)


class Panel(Screen):
    """A picture that is redrawn four times a second, and wiped at the end; lines that stay are printed above."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        super().__init__()
        self._timing = Timing()
        self._above: dict[tuple[int, int], int] = {}
        """The most lines above the running trials so far, by the terminal's size: they stay where they are."""
        self._console = console
        self._live = Live(
            get_renderable=self._drawn,
            console=console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else data that goes into a file would be shown here
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, state: Callable[[], State]) -> None:
        """Keep the state for the next drawing."""
        self._state = state

    def say(self, text: str) -> None:
        """Print a line above the picture, broken between words."""
        for line in output.folded(cells.safe(text), self._console.width):
            self._console.print(line)

    def _drawn(self) -> Text:
        from rich.text import Text

        width, height = self._console.size
        cut = [Text(cells.safe(line), no_wrap=True) for line in self._lines(width, height)]
        for text in cut:
            text.truncate(max(1, width), overflow="ellipsis")
        return Text("\n").join(cut)

    def _lines(self, width: int, height: int) -> list[str]:
        if self._state is None:
            return [f"starting workers ... {cells.duration(self._timing.seconds)}"]
        state = self._state()
        above = lines_above(state, width, height)
        self._above = {(width, height): max(self._above.get((width, height), 0), len(above))}
        above += [""] * (self._above[width, height] - len(above))
        return picture(above, state, width, height)


def picture(above: Sequence[str], state: State, width: int, height: int) -> list[str]:
    """Return the lines of a terminal of `width` x `height` cells; long lines are cut later. `above`: `lines_above`."""
    below = [state.below] if state.below else []
    room = max(1, height - len(above) - len(below) - 2)
    return [*above, *_rows(state, room, width), *below]


def lines_above(state: State, width: int, height: int) -> list[str]:
    """Return the lines above what runs: the head, the bar, and what is notable.

    Head and notable lines are folded if there is room for them, even with all possible lines.
    """
    room = height - state.concurrent - 3
    head = packed(state.head, width)
    folds = room >= len(head) + 5 and width >= MIN_FOLDED
    if len(head) > 1 and room < len(head) + 3:
        head = [SEPARATOR.join(state.head)]
    above = [*head, progress_line(state, width)]
    for line in state.notable:
        above += _folded(line, width if folds else None)
    return above


def packed(parts: Sequence[str], width: int) -> list[str]:
    """Return the parts of a header on as few lines as possible; a part that is wider has its own line."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(SEPARATOR) + len(part) <= width:
            lines[-1] += SEPARATOR + part
        else:
            lines.append(part)
    return lines


def _folded(words: str, width: int | None) -> list[str]:
    """Return a label of six cells and a text on at most two lines, the last of which may be too long."""
    if width is None or len(words) <= width:
        return [words]
    first, *rest = textwrap.wrap(words, width, subsequent_indent=LABEL)
    return [first, LABEL + " ".join(line.strip() for line in rest)]


def progress_line(state: State, width: int) -> str:
    """Return the bar, the counts and the time; without the bar if there is little room."""
    counts = " · ".join(filter(None, (f"{state.done}/{state.total}", state.ends)))
    words = f"{counts}   {state.time}"
    room = min(MAX_BAR, width - len(words) - 2)
    return f"{bar(state.share, room)}  {words}" if room >= MIN_BAR else words


def bar(share: float, width: int) -> str:
    """Return a bar of `width` cells, a share of which is full."""
    halves = round(2 * width * share)
    full = "━" * (halves // 2) + "╸" * (halves % 2)
    return full + "─" * (width - len(full))


def _rows(state: State, room: int, width: int) -> Iterator[str]:
    running, number = state.running, len(state.running) + state.more
    values = [value for row in running for value in row.values if value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    most = max((len(row.values) for row in running), default=0)
    longest = max((len(row.name) for row in running), default=0)
    shown = running if number <= room else running[: room - 1]
    for row in shown:
        curve = cells.sparkline(row.values, low, high)
        text = f"{'▶' if row.trains else ' '} {row.name:<{longest}} {curve:<{most}}  {row.words}"
        has_room = width - len(text) >= MIN_SETTINGS
        yield f"{text}  {row.settings}" if has_room else text.rstrip()
    if len(shown) < number:
        yield f"  and {number - len(shown)} more"


# A search in words


class WatchedSearch(Watching):
    """Shows a search, with all that a terminal has room for."""

    def __init__(self, screen: Screen, results: Path) -> None:
        """`results` is the folder of the studies."""
        super().__init__(screen)
        self._results = results
        self._kind = ValueKind()
        self._header: Header | None = None

    def on_start(self, header: Header) -> None:
        """Print the first lines, which stay."""
        super().on_start(header)
        self._header, self._kind = header, kind_of(header.spec.to_json())
        for line in first_lines(header):
            self.screen.say(line)

    def on_end(self, trial: TrialRecord) -> None:
        """Say how a trial ended."""
        self.screen.ended(ended_words(self._kind, trial))

    def state(self, progress: Progress) -> State:
        """Return the state of the search with the best trial, the running ones and the savings."""
        state, kind, header = super().state(progress), self._kind, self._header
        if header is None:
            return state
        return replace(
            state,
            head=header_parts(header, self._results),
            notable=[*_notable(kind, progress)],
            running=[_row(kind, trial, progress) for trial in progress.running[:MAX_ROWS]],
            more=max(0, len(progress.running) - MAX_ROWS),
            concurrent=header.spec.concurrent_trials,
            below=" · ".join(_summary(progress, kind, header.stop_rules.patience)),
        )


def _notable(kind: ValueKind, progress: Progress) -> Iterator[str]:
    """Yield the best trial, and one that is ahead of it."""
    if progress.best is not None:
        yield f"best  {best_words(kind, progress.best)}"
    if (ahead := progress.best_unfinished) is not None:
        trained = f"after {kind.unit} {kind.done(ahead):g} of {kind.total(ahead):g}"
        yield f"ahead #{ahead.number}  {kind.text(ahead.value)}  {trained}   {kind.settings(ahead)}"


def _row(kind: ValueKind, trial: TrialRecord, progress: Progress) -> Row:
    waits_for = progress.waits_for(trial)
    return Row(
        name=f"#{trial.number:<4}",
        trains=not waits_for,
        values=tuple(report.value for report in trial.reports),
        words=_running(kind, trial, waits_for),
        settings=kind.settings(trial),
    )


def first_lines(header: Header) -> list[str]:
    """Return what a search computes with and how long it took elsewhere, and the digest to expect if one is published.

    There are none of a search of other work than nets: its workers describe no processor.
    """
    spec, numerics = header.spec, header.spec.numerics
    if not kind_of(spec.to_json()).of_nets or "cpu" not in numerics:
        return []
    stored, precision = spec.to_json(), numerics["precision"]
    is_whole = not header.resumed and header.stop_rules == StopRules()
    entry = published_for(stored, header.budget) if is_whole else None
    is_expected = entry is not None and entry.obstacle(stored) is None
    took = f": {entry.took}" if entry is not None and is_expected and entry.took else ""
    lines = [f"{_processor(numerics)}, {PRECISIONS[precision]}{took}; Ctrl-C keeps everything"]
    if entry is not None and is_expected:
        lines.append(f"expected digest {shortened(entry.digest)} (published; {entry.where})")
    return lines


def _processor(numerics: Mapping[str, Any]) -> str:
    """Return what computes: the GPU, or the CPU and its generation."""
    if numerics["gpu"] is not None:
        return str(numerics["gpu"]["name"])
    generation = numerics.get("cpu_generation")
    return f"{numerics['cpu']} ({generation})" if generation else str(numerics["cpu"])


def header_parts(header: Header, results: Path) -> list[str]:
    """Return the header of a search: folder, space, two objectives, strategy, seed, trials at a time, device.

    The folder comes first, so that it is visible if the rest is cut.
    """
    spec, kind = header.spec, kind_of(header.spec.to_json())
    numerics = [str(spec.numerics[key]) for key in ("device", "precision") if key in spec.numerics]
    workers = f" on {number_of(header.workers, 'worker')}" if header.workers else ""
    order = "" if repeats(spec.order) else " in completion order"
    return [
        str(results / header.name) + (" (resumed)" if header.resumed else ""),
        spec.space.name,
        *([kind.aim(spec.cost)] if spec.cost else []),
        f"{header.sampler} + {header.pruner}",
        *kind.rules(header.stop_rules),
        f"seed {spec.seed}",
        ", ".join(
            filter(
                None, (f"{number_of(spec.concurrent_trials, 'concurrent trial')}{order}{workers}", " ".join(numerics))
            )
        ),
    ]


def _running(kind: ValueKind, trial: TrialRecord, waits_for: str) -> str:
    """Return how far a running trial is, without its settings, in columns; it may wait for something."""
    done, waiting = kind.done(trial), f"waits for {waits_for}" if waits_for else ""
    trained, value = f"{kind.unit} {done:g}/{kind.total(trial):g}", kind.text(trial.value) if done else ""
    if kind.of_nets:
        size = f"{cells.count(trial.facts.get('parameters')):>6} parameters"
        speed = f"{trial.seconds / done:.1f} s/epoch" if done else ""
        return f"{trained:<11} {value:>7}  {waiting:<18}{size}  {speed:<13}"
    speed = f"{cells.duration(trial.seconds / done)}/report" if done else ""
    return f"{f'{trained:<14}' if len(trial.costs) > 1 else ''}{value:>10}  {waiting:<18}{speed:<14}"


def _summary(progress: Progress, kind: ValueKind, patience: int | None) -> Iterator[str]:
    """Yield what pruning saved, the cost of the order and the trials without a better one, unless they are zero."""
    if progress.total_periods:
        saved = f"{progress.saved_periods} of {progress.total_periods} {_saved_unit(progress, kind)}"
        yield f"pruning saved {saved} so far"
    if progress.order_cost >= 0.001:
        yield f"workers waited for the deterministic order {100 * progress.order_cost:.1f}% of the time"
    if patience is not None and progress.since is not None:
        yield f"{progress.since} of {patience} trials without a better one"


def _saved_unit(progress: Progress, kind: ValueKind) -> str:
    """Return the word for what pruning saves: reports, or epochs of nets if each period of the known trials is one."""
    known = progress.running or (() if progress.best is None else (progress.best,))
    ends = {kind.ends(trial) for trial in known}
    if not kind.of_nets or (ends and all(each == tuple(range(1, len(each) + 1)) for each in ends)):
        return f"{kind.unit}s"
    return "periods"


def best_words(kind: ValueKind, trial: TrialRecord) -> str:
    """Return the number, value and settings of a complete trial; an accuracy has its interval."""
    interval = f"  {cells.interval(*(kind.interval(trial) or (None, None)))}" if kind.of_nets else ""
    return f"#{trial.number}  {kind.text(trial.value)}{interval}   {kind.settings(trial)}"


def ended_words(kind: ValueKind, trial: TrialRecord) -> str:
    """Return one line about an ended trial; of other work that crashed, it ends with the error."""
    parts = [f"#{trial.number}", cells.ending(trial.state, trial.reason), kind.text(trial.value)]
    if kind.of_nets or len(trial.costs) > 1:
        parts.append(f"{kind.unit} {cells.epochs(kind.done(trial), kind.total(trial))}")
    parts += [cells.duration(trial.seconds), kind.settings(trial)]
    if trial.cause and not kind.of_nets:
        parts.append(f"({trial.cause})")
    return "  ".join(parts)
