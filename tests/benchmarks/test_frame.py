"""The frame of the benchmarks: a page says how it was made."""

from __future__ import annotations

from pathlib import Path

import frame
import pytest

from mnist_bench.numerics.device import Machine

MADE = frame.Made(
    command="python benchmarks/speed.py",
    machine=Machine(
        processor="Abacus", cores=2, gpu=None, precision="bf16", python="3.11.7", versions={"torch": "2.13"}
    ),
    commit="0123abcd",
    date="2026-12-01",
)


def test_a_page_names_command_machine_versions_commit_and_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = [str(MADE), "", *frame.table(["side", "seconds:"], [("ours", "1.0")])]
    frame.publish(tmp_path / "pages", "speed", page, {"rows": [1]})
    written = (
        "`python benchmarks/speed.py` on 2 cores of Abacus, bf16, Python 3.11.7, torch 2.13; "
        "commit 0123abcd, 2026-12-01.\n\n| side | seconds |\n| --- | ---: |\n| ours | 1.0 |\n"
    )
    assert (tmp_path / "pages" / "speed.md").read_text() == written
    assert (tmp_path / "pages" / "speed.json").read_text() == '{\n "rows": [\n  1\n ]\n}\n'
    assert capsys.readouterr().out.startswith(written)
