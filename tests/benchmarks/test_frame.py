"""The frame of the benchmarks: a ledger continues the same run and no other; a page says how it was made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
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


@pytest.fixture(autouse=True)
def ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "LEDGERS", tmp_path)
    monkeypatch.setattr("sys.argv", ["speed.py"])


def stopped(made: frame.Made, rows: int) -> list[str]:
    """Run until that number of rows is there, then stop; return the rows that had to be made."""
    new: list[str] = []

    def make(name: str) -> str:
        new.append(name)
        return name.upper()

    with suppress(KeyboardInterrupt), frame.ledger(made) as ledger:
        for name in "abcd"[:rows]:
            assert ledger.row(name, lambda name=name: make(name)) == name.upper()  # type: ignore[misc]
        raise KeyboardInterrupt
    return new


def test_a_stopped_run_continues_on_any_day_and_a_whole_one_leaves_nothing(tmp_path: Path) -> None:
    assert stopped(MADE, 2) == ["a", "b"]
    assert stopped(replace(MADE, date="2026-12-02"), 3) == ["c"]
    with (tmp_path / "speed.jsonl").open("a") as file:
        file.write('["d", "D')
    assert stopped(MADE, 4) == ["d"], "half a line is no row"
    assert stopped(MADE, 4) == []
    with frame.ledger(MADE):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(MADE, command="python benchmarks/speed.py --repeats 9"),
        replace(MADE, commit="0123abcd with changes 89abcdef"),
        replace(MADE, machine=replace(MADE.machine, cores=4)),
    ],
)
def test_another_run_takes_no_row_of_this_one(other: frame.Made) -> None:
    stopped(MADE, 2)
    assert stopped(other, 2) == ["a", "b"]
    assert stopped(MADE, 2) == ["a", "b"]


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
