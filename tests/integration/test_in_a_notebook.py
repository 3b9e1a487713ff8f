"""A search in the kernel of a notebook: what a cell shows, and what its stop button does."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.paths import ROOT
from support.processes import until

pytestmark = [pytest.mark.integration, pytest.mark.cold]

SPACE = """
import mnist_bench
space = {
    "name": "cell",
    "epochs": 3,
    "subset": 2000,
    "model": {"blocks": 0, "hidden_layers": {"int": [0, 1]}, "hidden_units": 16},
    "optim": {"lr": {"float": [0.001, 0.1], "log": True}},
}
"""
SEARCH = "study = mnist_bench.search(space, trials={trials}, workers=2, study_name={name!r})"


@dataclass
class Cell:
    """What one cell has shown."""

    displays: list[dict[str, str]] = field(default_factory=list)
    updates: list[dict[str, str]] = field(default_factory=list)
    result: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    error: dict[str, Any] | None = None

    def take(self, kind: str, content: dict[str, Any]) -> None:
        match kind:
            case "display_data":
                self.displays.append(content["data"])
            case "update_display_data":
                self.updates.append(content["data"])
            case "execute_result":
                self.result = content["data"]
            case "stream":
                self.printed += content["text"]
            case "error":
                self.error = content
            case _:
                pass


class Kernel:
    """A kernel in a process of its own."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
        self.manager, self._client = start_new_kernel(
            kernel_name="python3", cwd=str(folder), env=environment, startup_timeout=math.inf
        )

    def run(self, code: str, *, interrupt_at: str | None = None) -> Cell:
        """Run a cell; with `interrupt_at`, press the stop button once its display has that text."""
        cell, asked = Cell(), self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg()
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return cell
            cell.take(kind, content)
            text = str(content.get("data", {}).get("text/plain", ""))
            if interrupt_at is not None and interrupt_at in text:
                interrupt_at = None
                self.manager.interrupt_kernel()

    @property
    def pid(self) -> int:
        return int(getattr(self.manager.provisioner, "pid"))  # noqa: B009

    def stop(self) -> None:
        self._client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    pytest.importorskip("ipykernel")
    pytest.importorskip("jupyter_client")
    started = Kernel(tmp_path)
    yield started
    started.stop()


def children_of(kernel: Kernel) -> set[int]:
    """Return the processes that descend from the kernel."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {kernel.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {kernel.pid}


def test_a_cell_has_one_display_and_a_study_a_table(kernel: Kernel) -> None:
    cell = kernel.run(SPACE + SEARCH.format(trials=6, name="cell-0") + "\nstudy")
    assert cell.error is None
    assert len(cell.displays) == 1
    assert cell.updates[-1]["text/plain"].startswith("cell-0: 6 of 6 trials · ")
    assert "<progress" in cell.updates[-1]["text/html"]
    assert cell.printed == ""
    assert len(cell.result["text/plain"].splitlines()) == 3
    assert "<table>" in cell.result["text/html"]
    assert kernel.run("mnist_bench.leaderboard(study)").result["text/html"].count("<tr>") == 7
    silent = kernel.run(SEARCH.format(trials=2, name="cell-1").replace("workers=2", "workers=2, progress=False"))
    assert (silent.displays, silent.printed, silent.error) == ([], "", None)
    command = kernel.run("!mnist-bench leaderboard cell-0")
    assert "trial" in command.printed
    assert "\x1b" not in command.printed
    searched = kernel.run("!mnist-bench search smoke --trials 2 --workers 1 --set subset=1000 --set epochs=1")
    assert "2/2" in searched.printed
    assert "\x1b" not in searched.printed


def test_the_stop_button_ends_a_search_that_the_same_cell_resumes(kernel: Kernel) -> None:
    kernel.run(SPACE)
    stopped = kernel.run(SEARCH.format(trials=120, name="cell-0"), interrupt_at="complete")
    assert stopped.error is not None
    assert stopped.error["ename"] == "Interrupted"
    assert stopped.error["traceback"] == [
        "Interrupted: Study cell-0 stopped before its trial budget; the same call resumes it."
    ]
    until(lambda: not children_of(kernel))
    assert kernel.run("len(mnist_bench.open_study('cell-0').finished()) < 120").result["text/plain"] == "True"
    digests = [
        kernel.run(SEARCH.format(trials=120, name=name) + "\nstudy.digest").result["text/plain"]
        for name in ("cell-0", "cell-1")
    ]
    assert digests[0] == digests[1]
