"""Peers' loops and mnist-bench's in one run: equal nets, equal batches, both augmented or both not, on one machine.

    python benchmarks/peers/speed.py                                the table, about an hour on 2 cores
    python benchmarks/peers/speed.py --nets two-conv --repeats 1    a part of it
    python benchmarks/peers/speed.py --output results/published     writes peers.md and peers.json there
    python benchmarks/peers/speed.py --not-augmented --name peers-expert --sides "expert, one process" ...

Every measurement is a process of its own with an epoch to warm up. The sides take turns, so that what slows the machine
down for a while slows all of them; a ratio is taken within each round, and the middle one is quoted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))
import measured
import pages

from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.machine import sentence

EPOCH = 60_000
FOLDER = Path(__file__).parent
OURS = "ours"
PLAIN = ("plain, 0 workers", "plain, 2 workers")
"""The faster one with a net is the one that users would choose."""
EXPERT = ("expert, one process", "expert, two processes")
"""One training with one thread per core, and two trainings at once with the cores between them; not augmented alone."""
SIDES: Mapping[str, tuple[str, ...]] = {
    OURS: ("ours.py",),
    PLAIN[0]: ("plain.py", "--workers", "0"),
    PLAIN[1]: ("plain.py", "--workers", "2"),
    EXPERT[0]: ("expert.py", "--processes", "1"),
    EXPERT[1]: ("expert.py", "--processes", "2"),
    "ours, float32": ("ours.py", "--precision", "fp32"),
}
"""The scripts of the sides, in the order in which they take turns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One side's measurement of one net in one round."""

    net: str
    augmented: bool
    side: str
    round: int
    epoch: float
    """Seconds for training on 60,000 images and evaluating 10,000, on the whole machine."""
    accuracy: float
    precision: Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class NetRow:
    """One side's figures for one net."""

    net: str
    augmented: bool
    side: str
    epoch: float
    """Median of the rounds, in seconds; the lowest and the highest follow."""
    lowest: float
    highest: float
    ratio: float
    """To our time in the same round: median, lowest, highest."""
    lowest_ratio: float
    highest_ratio: float
    accuracy: float
    """Median of the rounds, 0 to 1, after the two epochs of a measurement."""
    precision: Precision
    quoted: bool = True
    """False for the plain loop with the number of workers that is the slower one with this net."""


def rows(measurements: Sequence[Measurement]) -> list[NetRow]:
    """Return a row for each net and side, in the order of their first measurements."""
    kinds: dict[tuple[str, bool, str], list[Measurement]] = {}
    for one in measurements:
        kinds.setdefault((one.net, one.augmented, one.side), []).append(one)
    table = [_row(found, kinds[*kind[:2], OURS]) for kind, found in kinds.items()]
    return [replace(row, quoted=_is_quoted(row, table)) for row in table]


def _row(found: Sequence[Measurement], ours: Sequence[Measurement]) -> NetRow:
    seconds, rounds = [one.epoch for one in found], {one.round: one.epoch for one in ours}
    ratios = [one.epoch / rounds[one.round] for one in found]
    return NetRow(
        net=found[0].net, augmented=found[0].augmented, side=found[0].side, precision=found[-1].precision,
        accuracy=median(one.accuracy for one in found),
        epoch=median(seconds), lowest=min(seconds), highest=max(seconds),
        ratio=median(ratios), lowest_ratio=min(ratios), highest_ratio=max(ratios),
    )  # fmt: skip


def _is_quoted(row: NetRow, table: Sequence[NetRow]) -> bool:
    plain = [one.ratio for one in table if one.side in PLAIN and (one.net, one.augmented) == (row.net, row.augmented)]
    return row.side not in PLAIN or row.ratio == min(plain)


def markdown(table: Sequence[NetRow], repeats: int, hardware: str) -> str:
    """Return the table as a page."""
    lines = [
        "# Peers' loops compared with mnist-bench's",
        "",
        f"Seconds for training on 60,000 images and evaluating 10,000, on {hardware};",
        f"the median of {repeats} rounds, the lowest and the highest. Ratios are within a round.",
        "`ours` is mnist-bench: one training per core at once, in bfloat16 if the machine supports it.",
        "The expert's loop uses the machine's faster precision, with its images in memory and not augmented:",
        "one training on all cores, or two at once. The other loops use float32, one training on all cores.",
        "The plain loop's faster number of loading processes is in bold. Accuracy is measured after the few timed",
        "steps, when batchnorm's running statistics may still be far off.",
        "",
        "| net | augmented | side | precision | seconds | | times ours | | accuracy |",
        "|---|---|---|---|--:|---|--:|---|--:|",
    ]
    return "\n".join([*lines, *map(_line, table)]) + "\n"


def _line(row: NetRow) -> str:
    quoted = row.side in PLAIN and row.quoted
    ratio = f"**{row.ratio:.2f}**" if quoted else f"{row.ratio:.2f}"
    spread = f"{row.lowest:.1f} – {row.highest:.1f} | {ratio} | {row.lowest_ratio:.2f} – {row.highest_ratio:.2f}"
    net = f"{row.net} | {'yes' if row.augmented else 'no'} | {row.side} | {row.precision}"
    return f"| {net} | {row.epoch:.1f} | {spread} | {row.accuracy:.1%} |"


def measure(net: str, *, augmented: bool, side: str, images: int, number: int) -> Measurement:
    """Run one side's script and return what it says."""
    script, *options = SIDES[side]
    asked = [net, "--images", str(images), *options, *(["--augmented"] if augmented else [])]
    done = subprocess.run([sys.executable, FOLDER / script, *asked], stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    epoch = said["seconds"] * EPOCH / said["images"]
    kind = f"{net}, augmented" if augmented else net
    print(f"{kind}, round {number}: {side} {epoch:.1f} s", file=sys.stderr, flush=True)
    return Measurement(
        net=net, augmented=augmented, side=side, round=number, epoch=epoch,
        accuracy=said["accuracy"], precision=said["precision"],
    )  # fmt: skip


def takes_part(side: str, *, augmented: bool) -> bool:
    """Return whether a side takes part: the expert's loop does not augment."""
    return not (augmented and side in EXPERT)


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=list(measured.IMAGES), default=list(measured.IMAGES))
    parser.add_argument(
        "--sides", nargs="+", choices=list(SIDES), default=list(SIDES), help="mnist-bench's is always among them"
    )
    parser.add_argument("--not-augmented", action="store_true", help="leave out augmented training")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--images", type=int, help="images per measurement, a multiple of 6,000 (default: each net's own number)"
    )
    parser.add_argument("--output", type=Path, help="a folder, which is made if missing")
    parser.add_argument("--name", default="peers", help="name of the files in --output")
    return parser.parse_args()


def measure_all(asked: argparse.Namespace) -> list[Measurement]:
    """Let the sides take turns, net by net."""
    sides = [side for side in SIDES if side == OURS or side in asked.sides]
    kinds = (False,) if asked.not_augmented else (True, False)
    return [
        measure(net, augmented=augmented, side=side, images=asked.images or measured.IMAGES[net], number=number)
        for net in asked.nets
        for number in range(1, asked.repeats + 1)
        for augmented in kinds
        for side in sides
        if takes_part(side, augmented=augmented)
    ]


def main() -> None:
    """Measure, print the table, and keep it if asked."""
    asked = arguments()
    hardware, load = measured.machine("torchvision"), measured.load_before()
    found = measure_all(asked)
    table = rows(found)
    page = markdown(table, asked.repeats, sentence(hardware))
    print(page)
    if asked.output:
        figures = {
            "machine": asdict(hardware), "load_before": load, "rows": [asdict(row) for row in table],
            "measurements": [asdict(one) for one in found],
        }  # fmt: skip
        pages.write(asked.output, asked.name, page, figures)


if __name__ == "__main__":
    main()
