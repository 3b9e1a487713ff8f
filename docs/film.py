"""Record the live view: run a search in its own terminal, and keep the screen as an animated SVG.

    python docs/film.py                      docs/live.svg, of `mnist-bench search smoke --trials 20 --workers 2`
    python docs/film.py --seconds 30 --output other.svg search conv --trials 50

The command's output is recorded as it comes; nothing is drawn by hand. If it took longer than `--seconds`, the film
runs faster, and its title names the factor; pauses are cut. It plays in any browser, without a script, and shows only
its end to readers who prefer reduced motion.
"""

from __future__ import annotations

import argparse
import codecs
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fcntl import ioctl
from html import escape
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS, ROWS = 80, 26
"""Size of the terminal: narrow enough to be read on a phone, and high enough for the leaderboard at the end."""
CELL, LINE, SIZE = 7.8, 17, 13
"""Width of a cell, height of a line and of the letters, in units of the picture."""
MARGIN = 12
PER_SECOND = 3
"""Pictures per second of the film."""
STANDS = 4.0
"""Seconds for which the last picture is shown."""
PAUSE = 2.0
"""Longest pause in the film, in seconds."""
END = "The test set has not been evaluated."
"""The last line of the leaderboard, with which the film ends; the commands that are advised below it are left out."""
CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)|\x1b.?")

Picture = tuple[str, ...]


@dataclass(frozen=True)
class Moment:
    """The content of the terminal from then on."""

    seconds: float
    picture: Picture


class Screen:
    """The parts of a terminal that rich uses: lines, the cursor up and down, erasing a line or all lines below."""

    def __init__(self, columns: int = COLUMNS, rows: int = ROWS) -> None:
        self._columns, self._rows = columns, rows
        self._lines = [""]
        self._row = self._column = 0

    def write(self, text: str) -> None:
        """Take a program's output."""
        for found in CONTROL.finditer(text):
            numbers, order, end, words = found.groups()
            if words:
                self._put(words)
            elif end == "\r":
                self._column = 0
            elif end == "\n":
                self._row += 1
                self._lines += [""] * (self._row + 1 - len(self._lines))
            elif order:
                self._obey(order, int(numbers) if numbers.isdigit() else None)

    def _put(self, words: str) -> None:
        while words:
            if self._column == self._columns:
                self.write("\r\n")
            line, here = self._lines[self._row].ljust(self._column), words[: self._columns - self._column]
            self._lines[self._row] = line[: self._column] + here + line[self._column + len(here) :]
            self._column += len(here)
            words = words[len(here) :]

    def _obey(self, order: str, number: int | None) -> None:
        match order:
            case "A":
                self._row = max(0, self._row - (number or 1))
            case "B":
                self._row += number or 1
                self._lines += [""] * (self._row + 1 - len(self._lines))
            case "K":
                kept = "" if number == 2 else self._lines[self._row][: self._column]
                self._lines[self._row] = kept
            case "J":
                del self._lines[self._row + 1 :]
            case _:
                pass  # colours, and whether the cursor is seen

    @property
    def picture(self) -> Picture:
        """The lines that a window shows: the last ones, without empty ones at the end."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return tuple(lines[-self._rows :])


def recorded(arguments: Sequence[str], columns: int = COLUMNS, rows: int = ROWS) -> Iterator[Moment]:
    """Run `mnist-bench` with these arguments in a terminal; yield the screen whenever it has changed."""
    prompt = f"$ mnist-bench {' '.join(arguments)}\r\n"
    screen, started = Screen(columns, rows), time.monotonic()
    screen.write(prompt)
    yield Moment(0.0, screen.picture)
    ours, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).with_name("mnist-bench")
        process = subprocess.Popen(  # noqa: S603
            [program, *arguments],
            cwd=folder,
            env=environment,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)
        letters, rest, last = codecs.getincrementaldecoder("utf-8")("replace"), "", screen.picture
        while chunk := _read(ours):
            text, rest = _whole(rest + letters.decode(chunk))
            for line in text.splitlines(keepends=True):
                screen.write(line)
                if screen.picture != last:
                    last = screen.picture
                    yield Moment(time.monotonic() - started, last)
        if process.wait():
            raise SystemExit(f"the command ended with code {process.returncode}")


def _read(descriptor: int) -> bytes:
    """Return the bytes sent to a terminal; empty at its end."""
    select.select([descriptor], [], [])
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # Linux raises it if the other end was closed
        return b""


def _whole(text: str) -> tuple[str, str]:
    """Return the text without an order that is cut in two at its end, and that order."""
    begun = text.rfind("\x1b")
    if begun >= 0 and not re.match(r"\x1b\[[0-9;?]*[A-Za-z]", text[begun:]):
        return text[:begun], text[begun:]
    return text, ""


def until(moments: Iterable[Moment], end: str) -> list[Moment]:
    """Return the moments up to the first one whose last line is `end`; all of them if there is none."""
    kept: list[Moment] = []
    for moment in moments:
        kept.append(moment)
        if moment.picture and moment.picture[-1] == end:
            break
    return kept


def without_pauses(moments: Sequence[Moment]) -> list[Moment]:
    """Return the moments of a recording, none of them more than `PAUSE` after the one before.

    The running clock while workers start does not count as a change.
    """
    cut, shown = 0.0, [moments[0]]
    for before, moment in pairwise(moment for moment in moments if not _waits(moment.picture)):
        cut += max(0.0, moment.seconds - before.seconds - PAUSE)
        shown.append(Moment(moment.seconds - cut, moment.picture))
    return shown


def _waits(picture: Picture) -> bool:
    return bool(picture) and picture[-1].startswith("starting workers")


def pictures(moments: Sequence[Moment], seconds: float) -> tuple[list[Picture], float]:
    """Return the pictures of a film of at most this number of seconds, and the factor by which it runs faster."""
    whole = max(moments[-1].seconds, 1 / PER_SECOND)
    faster = max(1.0, whole / seconds)
    shown: list[Picture] = []
    for number in range(int(whole / faster * PER_SECOND) + 1):
        at = number * faster / PER_SECOND
        shown.append(next(moment.picture for moment in reversed(moments) if moment.seconds <= at))
    return [*shown, moments[-1].picture], faster


def svg(shown: Sequence[Picture], faster: float, rows: int = ROWS, columns: int = COLUMNS) -> str:
    """Return a film as an SVG that plays by itself: all pictures below one another, behind a window that moves on."""
    width, height = round(columns * CELL + 2 * MARGIN), rows * LINE + 2 * MARGIN
    stands = round(STANDS * PER_SECOND)
    steps = len(shown) + stands - 1
    move = "".join(
        f"{100 * number / steps:.3f}%{{transform:translateY(-{number * height}px)}}" for number in range(len(shown))
    )
    end = f"translateY(-{(len(shown) - 1) * height}px)"
    name = (
        f"A search in a terminal, {faster:.0f} times as fast as it was" if faster >= 1.5 else "A search in a terminal"
    )
    style = (
        f"text{{font:{SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328;"
        "white-space:pre}rect{fill:#f6f8fa}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#161b22}}"
        f"#film{{animation:play {steps / PER_SECOND:.2f}s step-end infinite}}"
        f"@keyframes play{{{move}100%{{transform:{end}}}}}"
        f"@media(prefers-reduced-motion:reduce){{#film{{animation:none;transform:{end}}}}}"
    )
    frames = "".join(_frame(picture, number * height) for number, picture in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{name}">'
        f'<title>{name}</title><style>{style}</style><rect width="{width}" height="{height}" rx="8"/>'
        f'<g id="film">{frames}</g></svg>\n'
    )


def _frame(picture: Picture, top: int) -> str:
    """Return a picture's lines; `textLength` keeps cells in their places with any font."""
    return "".join(
        f'<text x="{MARGIN}" y="{top + MARGIN + LINE * number + SIZE}" textLength="{len(line) * CELL:.0f}" '
        f'xml:space="preserve">{escape(line, quote=False)}</text>'
        for number, line in enumerate(picture)
        if line
    )


def main() -> None:
    """Record a search and write its film."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=16, help="length of the film without its end")
    parser.add_argument("--output", type=Path, default=HERE / "live.svg")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="arguments of mnist-bench (default: a small search)")
    asked = parser.parse_args()
    moments = list(recorded(asked.command or ["search", "smoke", "--trials", "20", "--workers", "2"]))
    moments = until(moments, END)
    shown, faster = pictures(without_pauses(moments), asked.seconds)
    asked.output.write_text(svg(shown, faster))
    print(f"{asked.output}: {len(shown)} pictures, {faster:.1f} times as fast, {asked.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
