"""A search while it runs, on stderr: a live picture in a terminal, otherwise one line per finished trial."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.published import published_for, shortened
from mnist_bench.value_kind import ValueKind, kind_of
from search.driver.attended import is_command_in_cell
from search.driver.progress import Header, Observer, Progress
from search.event_log.history import StopRules
from search.event_log.records import TrialRecord
from search.hashed import repeats
from search.messages import number_of

if TYPE_CHECKING:
    from rich.text import Text

MAX_BAR = 48
MIN_BAR = 8
SEPARATOR = "  ·  "
MIN_FOLDED = 40
"""Width below which nothing is folded."""
MIN_SETTINGS = 20
"""Smallest width left for a running trial's settings."""
PRECISIONS = {"bf16": "bfloat16", "fp32": "float32", "portable": "portable float32"}
RISE, SLACK = 1.25, 3.0
"""Factor, and seconds, by which the time left must grow before a later end replaces the one on the screen: the clock
then runs down, and does not rise at every period that takes longer than estimated."""


def view(results: Path) -> Lines:
    """Return the view that stderr can show; `results` is the folder of the studies."""
    console = output.console(stderr=True)
    redraws = console.is_terminal and not console.is_dumb_terminal and not is_command_in_cell()
    return Panel(results) if redraws else Lines(results)


class Lines(Observer):
    """One line per finished trial."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._kind = ValueKind()
        self._ended: list[TrialRecord] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Print a sentence."""
        output.note(text)

    def on_warning(self, text: str) -> None:
        """Print a line that stays."""
        output.note(text)

    def on_notice(self, text: str) -> None:
        """See `say`."""
        self.say(text)

    def on_start(self, header: Header) -> None:
        """Print what is searched, and with what."""
        self._kind = kind_of(header.spec.to_json())
        for line in (*first_lines(header), SEPARATOR.join(header_parts(header, self._results))):
            self.on_warning(line)

    def on_end(self, trial: TrialRecord) -> None:
        """Remember the trial until its place in the count is known."""
        self._ended.append(trial)

    def on_progress(self, progress: Progress) -> None:
        """Print the trials that ended since."""
        first = progress.finished - len(self._ended) + 1
        for number, trial in enumerate(self._ended, start=first):
            output.note(f"{number}/{progress.budget}  {ended_words(self._kind, trial)}")
        self._ended.clear()


class Panel(Lines):
    """A picture of the search that is redrawn four times a second."""

    def __init__(self, results: Path) -> None:
        from rich.live import Live

        super().__init__(results)
        self._header: Header | None = None
        self._notice = ""
        self._progress: Progress | None = None
        self._at = self._entered = time.monotonic()
        self._end: float | None = None  # when the search is expected to end, by the monotonic clock
        self._above: dict[tuple[int, int], int] = {}
        """The most lines above the running trials so far, by the terminal's size: they stay where they are."""
        self._console = output.console(stderr=True)
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Show a line below the picture from now on."""
        self._notice = text

    def on_warning(self, text: str) -> None:
        """Print a line that stays, above the picture."""
        self._console.print(cells.safe(text))

    def on_start(self, header: Header) -> None:
        """Print the first lines, which stay, and show the header of the search above the picture."""
        self._header, self._kind = header, kind_of(header.spec.to_json())
        for line in first_lines(header):
            self.on_warning(line)

    def on_end(self, trial: TrialRecord) -> None:
        """An ended trial leaves the picture."""

    def on_progress(self, progress: Progress) -> None:
        """Keep the figures for the next drawing."""
        self._progress, self._at = progress, time.monotonic()
        self._end = expected_end(self._end, self._at, progress.seconds_left)

    def _draw(self) -> Text:
        from rich.text import Text

        width, height = self._console.size
        lines = [*self._lines(width, height), *textwrap.wrap(self._notice, width)]
        cut = [Text(cells.safe(line), no_wrap=True) for line in lines]
        for text in cut:
            text.truncate(max(1, width), overflow="ellipsis")
        return Text("\n").join(cut)

    def _lines(self, width: int, height: int) -> list[str]:
        now, header = time.monotonic(), self._header
        if header is None or self._progress is None:
            begun = f"starting workers ... {cells.duration(now - self._entered)}"
            return [begun] if header is None else packed(header_parts(header, self._results), width)
        progress = replace(self._progress, seconds=self._progress.seconds + now - self._at)
        left = None if self._end is None else max(0.0, self._end - now)
        room = height - header.spec.concurrent_trials - 3
        above = lines_above(header_parts(header, self._results), self._kind, progress, left, width, room)
        self._above = {(width, height): max(self._above.get((width, height), 0), len(above))}
        above += [""] * (self._above[width, height] - len(above))
        return picture(above, self._kind, progress, width, height, patience=header.stop_rules.patience)


def expected_end(shown: float | None, now: float, seconds_left: float | None) -> float | None:
    """Return the moment at which the clock on the screen reaches zero, by the monotonic clock in seconds.

    It is that of the newest estimate, or the one `shown` if the estimate is hardly later.
    """
    if seconds_left is None:
        return shown
    if shown is not None and now < shown < now + seconds_left < now + RISE * (shown - now) + SLACK:
        return shown
    return now + seconds_left


def picture(
    above: Sequence[str],
    kind: ValueKind,
    progress: Progress,
    width: int,
    height: int,
    *,
    patience: int | None = None,
) -> list[str]:
    """Return the lines of the live view for a terminal of `width` x `height` cells; long lines are cut later.

    `above` are those of `lines_above`, `kind` is that of the values, and `patience` is the number of trials after
    which the search stops if none of them is better.
    """
    below = _summary_lines(progress, kind, patience)
    room = max(1, height - len(above) - len(below) - 2)
    return [*above, *_running_lines(progress, kind, room, width), *below]


def lines_above(
    header: Sequence[str], kind: ValueKind, progress: Progress, left: float | None, width: int, room: int
) -> list[str]:
    """Return the lines above the running trials: the header, the bar, the best trial and one that is ahead of it.

    Header and trials are folded if that needs at most `room` lines, even with all possible lines. `header` are its
    parts, `left` is the expected time in seconds until the end.
    """
    head = packed(header, width)
    folds = room >= len(head) + 5 and width >= MIN_FOLDED
    head = head if room >= len(head) + 3 else [SEPARATOR.join(header)]
    above = [*head, progress_line(progress, left, width)]
    if progress.best is not None:
        above += _folded(f"best  {best_words(kind, progress.best)}", width if folds else None)
    if (ahead := progress.best_unfinished) is not None:
        trained = f"after {kind.unit} {kind.done(ahead):g} of {kind.total(ahead):g}"
        words = f"ahead #{ahead.number}  {kind.text(ahead.value)}  {trained}   {kind.settings(ahead)}"
        above += _folded(words, width if folds else None)
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
    first, *rest = textwrap.wrap(words, width, subsequent_indent=" " * 6)
    return [first, " " * 6 + " ".join(line.strip() for line in rest)]


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
    took = f": {entry.took}" if entry is not None and entry.precision == precision and entry.took else ""
    lines = [f"{_processor(numerics)}, {PRECISIONS[precision]}{took}; Ctrl-C keeps everything"]
    if entry is not None and entry.obstacle(stored) is None:
        lines.append(f"expected digest {shortened(entry.digest)} (published; {entry.where})")
    return lines


def _processor(numerics: Mapping[str, Any]) -> str:
    """Return what computes: the GPU, or the CPU and why it computes in no faster precision."""
    if numerics["gpu"] is not None:
        return str(numerics["gpu"]["name"])
    lacks_bf16 = numerics["precision"] != "bf16" and not {"amx_bf16", "avx512_bf16"} & {*numerics["cpu_flags"]}
    about = ", ".join(filter(None, (numerics.get("cpu_generation"), "no bfloat16" if lacks_bf16 else "")))
    return f"{numerics['cpu']} ({about})" if about else str(numerics["cpu"])


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


def progress_line(progress: Progress, left: float | None, width: int) -> str:
    """Return the bar, the counts and the seconds `left`; without the bar if there is little room."""
    counts = f"{progress.finished}/{progress.budget}   {progress.complete} complete  {progress.pruned} pruned"
    counts += f"  {progress.failed} failed" if progress.failed else ""
    time_words = cells.gone_and_left(progress.seconds, left)
    words = f"{counts}   {time_words}" + (f"   (+{progress.infeasible} infeasible)" if progress.infeasible else "")
    room = min(MAX_BAR, width - len(words) - 2)
    return f"{bar(progress.finished, progress.budget, room)}  {words}" if room >= MIN_BAR else words


def bar(done: int, total: int, width: int) -> str:
    """Return a bar of `width` cells."""
    halves = round(2 * width * min(1.0, done / total)) if total else 0
    full = "━" * (halves // 2) + "╸" * (halves % 2)
    return full + "─" * (width - len(full))


def _running_lines(progress: Progress, kind: ValueKind, room: int, width: int) -> Iterator[str]:
    values = [report.value for trial in progress.running for report in trial.reports if report.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    most = max((len(trial.reports) for trial in progress.running), default=0)
    shown = progress.running if len(progress.running) <= room else progress.running[: room - 1]
    for trial in shown:
        curve = cells.sparkline([report.value for report in trial.reports], low, high)
        mark = "▶" if trial.number in progress.training else " "
        text = f"{mark} #{trial.number:<4} {curve:<{most}}  {_running(kind, trial, progress.waits_for(trial))}"
        has_room = width - len(text) >= MIN_SETTINGS
        yield f"{text}  {kind.settings(trial)}" if has_room else text.rstrip()
    if len(shown) < len(progress.running):
        yield f"  and {len(progress.running) - len(shown)} more"


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


def _summary_lines(progress: Progress, kind: ValueKind, patience: int | None) -> list[str]:
    """Return what pruning saved, the cost of the order and the trials without a better one, unless they are zero."""
    parts = []
    if progress.total_periods:
        saved = f"{progress.saved_periods} of {progress.total_periods} {_saved_unit(progress, kind)}"
        parts.append(f"pruning saved {saved} so far")
    if progress.order_cost >= 0.001:
        parts.append(f"workers waited for the deterministic order {100 * progress.order_cost:.1f}% of the time")
    if patience is not None and progress.since is not None:
        parts.append(f"{progress.since} of {patience} trials without a better one")
    return [" · ".join(parts)] if parts else []


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
