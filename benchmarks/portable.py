"""Show that portable precision computes the same bits on this processor as on others.

    python benchmarks/portable.py                               this processor: one line, in half a minute
    python benchmarks/portable.py --emulated                    also two processors that qemu emulates: five minutes
    python benchmarks/portable.py --instructions                also count approximate instructions: five minutes
    python benchmarks/portable.py --output results/published    add the lines to portable.json, and write portable.md

A line has the numerics checks of portable precision and the digest of a small search. The exit code is 0 if all
lines agree. For Linux; --emulated and --instructions need qemu-user.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import frame
import torch

from mnist_bench.numerics import device, kinds
from mnist_bench.numerics.checks import later_hashes
from mnist_bench.numerics.device import this_machine
from mnist_bench.searches import config, running
from search.differences import WIDE_CHECK
from search.driver.progress import Observer
from search.study.studies import open_study

STUDY = "portable"
SEARCH = config.SearchConfig(
    space="smoke", overrides=("subset=1000", "epochs=2"), sampler="random", trials=4, executor="in-process",
    study_name=STUDY,
)  # fmt: skip
"""Four nets, trained on 833 images."""
EMULATED = {"Haswell": "32 KB, 4096 KB", "EPYC-v1": "32 KB, 512 KB"}
"""Names of processors in qemu, and the caches that qemu reports for them."""
QEMU = "qemu-x86_64"
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
APPROXIMATE = re.compile(r"v?(rcp|rsqrt)[ps]s|vr(cp|sqrt)(14|28)[ps][sd]|f(2xm1|cos|patan|ptan|sin|sincos|yl2x|yl2xp1)")
"""Instructions whose last bits differ between makers of processors: approximations, and functions of the x87 unit."""
INSTRUCTION = re.compile(r"0x[0-9a-f]+: +(?:[0-9a-f]{2} )+ +([a-z]\w*)")
"""A line of qemu's log: address, bytes, name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A processor, and what portable precision computes on it."""

    processor: str
    caches: str  # sizes of the first level for data, and of the second level
    torch: str
    compiler: str  # the compiler with which PyTorch was built
    canary: str
    portable_canary: str
    digest: str  # the digest of `SEARCH`
    date: str
    later: Mapping[str, str] = field(default_factory=dict)
    """The hashes of operations of later settings, by name; an earlier line lacks some."""

    @property
    def machine(self) -> tuple[str, ...]:
        """The fields by which a later measurement replaces an earlier one."""
        return self.processor, self.caches, self.torch, self.compiler

    @property
    def bits(self) -> tuple[str, ...]:
        """The fields that are the same on all machines."""
        return self.canary, self.portable_canary, self.digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Instructions:
    """The instructions that a process with portable precision executed."""

    translated: int  # instructions that qemu translated: an instruction that is executed again is not counted again
    approximate: Mapping[str, int]  # those of `APPROXIMATE`, by name
    torch: str
    date: str


def line() -> Line:
    """Return the line of the processor on which this process runs."""
    described = device.describe(*device.setup("cpu", "portable"))
    return Line(
        processor=this_machine(torch.device("cpu"), "portable").processor,
        caches=", ".join(caches()),
        torch=described["torch"],
        compiler=" ".join(re.findall(r"^ +- (.+ [0-9.]+)$", torch.__config__.show(), re.MULTILINE)[:1]),
        canary=described["check"],
        portable_canary=described[WIDE_CHECK],
        digest=digest(),
        date=today(),
        later=later_hashes(),
    )


def caches() -> list[str]:
    """Return the sizes of the first level for data, and of the second level, if the system reports them."""
    found = [
        [(index / name).read_text().strip() for name in ("level", "type", "size")] for index in CACHES.glob("index*")
    ]
    return [
        f"{size.removesuffix('K')} KB" for level, kind, size in sorted(found) if level in "12" and kind != "Instruction"
    ]


def digest() -> str:
    """Return the digest of the small search, run in this process."""
    with tempfile.TemporaryDirectory() as folder:
        running.run(replace(SEARCH, results=Path(folder)), Observer(), lambda: False)
        return open_study(Path(folder), STUDY).digest


def measured(prefix: Sequence[str] = ()) -> Line:
    """Return the line that this script prints in a process of its own, which the words of `prefix` start."""
    environment = {**os.environ, **kinds.environment_of("portable")}
    done = subprocess.run(
        [*prefix, sys.executable, __file__, "--line"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(prefix)} {__file__} failed:\n{done.stderr}")
    return Line(**json.loads(done.stdout))


def emulated(processor: str) -> Line:
    """Return the line of a processor that qemu emulates."""
    found = measured((qemu(), "-cpu", processor))
    return replace(found, processor=f"{processor}, emulated", caches=EMULATED[processor])


def instructions() -> Instructions:
    """Return the instructions that an emulated process executed for its line."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        found = measured((qemu(), "-cpu", next(iter(EMULATED)), "-d", "in_asm", "-D", str(log)))
        with log.open(errors="replace") as lines:
            names = Counter(match[1] for match in map(INSTRUCTION.match, lines) if match)
    approximate = {name: number for name, number in sorted(names.items()) if APPROXIMATE.fullmatch(name)}
    return Instructions(translated=names.total(), approximate=approximate, torch=found.torch, date=today())


def qemu() -> str:
    """Return the path of qemu."""
    if (found := shutil.which(QEMU)) is None:
        raise SystemExit(f"{QEMU} is missing: apt install qemu-user, or leave out --emulated and --instructions.")
    return found


def today() -> str:
    """Return the date."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def agree(lines: Sequence[Line]) -> bool:
    """Return whether all lines have the same bits; an operation counts in the lines that have its hash."""
    later = {(name, hashed) for each in lines for name, hashed in each.later.items()}
    return len({each.bits for each in lines}) == 1 and len(later) == len({name for name, _ in later})


def page(lines: Sequence[Line], counted: Instructions | None, searches: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of the page; `searches` are whole ones on real processors, which portable.json has by hand."""
    yield from ("# Portable precision on different processors", "")
    yield "Each line has the canaries of portable precision, and the digest of the same search with four trials."
    yield "`python benchmarks/portable.py --emulated` measures them; qemu-user emulates the processors marked so."
    yield from ("All lines agree." if agree(lines) else "**The lines differ.**", "")
    heads = ["Processor", "Caches: L1, L2", "PyTorch", "Compiler", "Canary", "Portable canary", "Digest", "Date"]
    cells = (
        (each.processor, each.caches, each.torch, each.compiler, *(f"`{bits[:8]}`" for bits in each.bits), each.date)
        for each in lines
    )
    yield from frame.table(heads, cells)
    if counted is not None:
        named = ", ".join(f"{number} {name}" for name, number in counted.approximate.items()) or "none"
        translated = f"{counted.translated:,} instructions ({counted.torch}, {counted.date})"
        yield from ("", f"For the line of the emulated Haswell, qemu translated {translated}.")
        yield f"Instructions among them whose last bits differ between makers of processors: {named}."
    if searches:
        yield from (
            "",
            "## Whole searches",
            "",
            "With all trials. Each search of version 0.3.0 has the same digest on both processors.",
            "",
        )
        heads = ["Processor", "Caches: L1, L2", "PyTorch", "Python", "Canary", "Command", "Digest", "Date", "Remark"]
        yield from frame.table(heads, map(_cells, searches))


def _cells(search: Mapping[str, str]) -> list[str]:
    marked = {name: f"`{search[name][:8]}`" for name in ("canary", "digest")}
    row = {**search, **marked, "command": f"`{search['command']}`"}
    names = ("processor", "caches", "torch", "python", "canary", "command", "digest", "date", "remark")
    return [row[name] for name in names]


def main() -> int:
    """Measure, print, and write if asked to; lines of other machines that were written before stay."""
    parser = frame.options(__doc__)
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--line", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.line:
        print(json.dumps(asdict(line())))
        return 0
    lines = [measured(), *(emulated(processor) for processor in EMULATED if asked.emulated)]
    counted = instructions() if asked.instructions else None
    searches: list[Mapping[str, str]] = []
    if asked.output and (path := asked.output / "portable.json").exists():
        before = json.loads(path.read_text())
        lines = list({each.machine: each for each in (*(Line(**each) for each in before["lines"]), *lines)}.values())
        counted = counted or (before["instructions"] and Instructions(**before["instructions"]))
        searches = before["searches"]
    figures = {
        "lines": [asdict(each) for each in lines],
        "instructions": counted and asdict(counted),
        "searches": searches,
    }
    frame.publish(asked.output, "portable", page(lines, counted, searches), figures)
    return 0 if agree(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
