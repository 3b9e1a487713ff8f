"""Portable precision on this processor and on two emulated ones, and the page of these measurements."""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import portable
import pytest
from portable import Instructions, Line

from mnist_bench.numerics.checks import PORTABLE_LATER
from mnist_bench.numerics.kinds import PORTABLE_CHECKS
from support import wants
from support.wants import check_as_published

LINE = Line(
    processor="a processor", caches="32 KB, 1024 KB", torch="2.13.0", compiler="GCC 13.3",
    canary="c" * 64, portable_canary="p" * 64, digest="d" * 64, date="2026-11-29",
)  # fmt: skip
SEARCHED = {
    "processor": "a processor", "caches": "32 KB, 1024 KB", "torch": "2.13.0", "python": "3.11.7", "canary": "c" * 64,
    "command": "search smoke", "digest": "d" * 64, "date": "2026-12-01", "remark": "by hand",
}  # fmt: skip
COUNTED = Instructions(translated=1234567, approximate={}, torch="2.13.0", date="2026-11-29")


@pytest.mark.soak
def test_emulated_processors_compute_the_bits_of_this_one() -> None:
    if shutil.which(portable.QEMU) is None:
        assert not os.environ.get("CI"), f"{portable.QEMU} has to be installed in CI"
        pytest.skip(f"{wants.QEMU}: {portable.QEMU} is not installed")
    with ThreadPoolExecutor(len(portable.EMULATED)) as threads:
        found = [*threads.map(portable.emulated, portable.EMULATED)]
    assert {(line.canary, line.portable_canary) for line in found} == {PORTABLE_CHECKS}
    assert all(line.later.items() >= PORTABLE_LATER.items() for line in found)
    here = portable.measured()
    check_as_published({"check": here.canary, "wide_check": here.portable_canary})
    assert {line.digest for line in found} == {here.digest}


def run(folder: Path, *lines: Line, options: tuple[str, ...] = ()) -> int:
    """Run the script as if these lines were measured, the first of them on this processor."""
    with (
        patch.object(sys, "argv", ["portable.py", "--output", str(folder), *options]),
        patch.object(portable, "measured", lambda: lines[0]),
        patch.object(portable, "EMULATED", lines[1:]),
        patch.object(portable, "emulated", lambda line: line),
        patch.object(portable, "instructions", lambda: COUNTED),
    ):
        return portable.main()


def test_lines_are_added_a_machine_measured_again_is_replaced_and_whole_searches_stay(tmp_path: Path) -> None:
    other, page = replace(LINE, processor="another"), tmp_path / "portable.md"
    assert run(tmp_path, LINE, other, options=("--emulated", "--instructions")) == 0
    assert page.read_text().endswith("differ between makers of processors: none.\n")
    kept = json.loads((tmp_path / "portable.json").read_text())
    (tmp_path / "portable.json").write_text(json.dumps({**kept, "searches": [SEARCHED]}))
    assert run(tmp_path, replace(LINE, date="2026-12-01")) == 0
    kept = json.loads((tmp_path / "portable.json").read_text())
    assert [(line["processor"], line["date"]) for line in kept["lines"]] == [
        ("a processor", "2026-12-01"), ("another", "2026-11-29"),
    ]  # fmt: skip
    assert page.read_text().count("| `cccccccc` | `pppppppp` | `dddddddd` |") == 2
    for words in ("All lines agree.", "1,234,567 instructions"):
        assert words in page.read_text()
    assert "| `cccccccc` | `search smoke` | `dddddddd` | 2026-12-01 | by hand |\n" in page.read_text()


def test_lines_agree_in_their_bits_and_in_the_operations_of_later_settings_that_they_have(tmp_path: Path) -> None:
    lines = [replace(LINE, processor=name, later=later) for name, later in (("a", {}), ("b", {"muon": "m"}))]
    assert run(tmp_path, *lines, options=("--emulated",)) == 0
    for other in (replace(LINE, processor="c", later={"muon": "n"}), replace(LINE, processor="d", digest="e" * 64)):
        assert run(tmp_path, *lines, other, options=("--emulated",)) == 1
        assert "**The lines differ.**" in (tmp_path / "portable.md").read_text()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("0x7f97f379df81:  0f 52 c1                 rsqrtps  %xmm1, %xmm0\n", "rsqrtps"),
        ("0x7f97f379df84:  c5 fc 53 c9              vrcpps   %ymm1, %ymm1\n", "vrcpps"),
        ("0x7f97f379df88:  d9 fe                    fsin     \n", "fsin"),
        ("0x7f97f379df8a:  c5 fc 51 c9              vsqrtps  %ymm1, %ymm1\n", None),
        ("0x7f97f379df8e:  d9 fa                    fsqrt    \n", None),
        ("0x7f97f379df90:  00 00 00 00\n", None),
        ("IN: fsin\n", None),
    ],
)
def test_approximate_instructions_are_those_whose_last_bits_differ(line: str, name: str | None) -> None:
    found = portable.INSTRUCTION.match(line)
    assert (found[1] if found and portable.APPROXIMATE.fullmatch(found[1]) else None) == name
