"""`mnist-bench search --audit-pruned` on a thousand images: pruned trials trained to their ends by real workers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.cli import options
from search.driver.run import Run
from support import handmade, stopping

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 3
subset: 1000
model: {blocks: 1, filters: {int: [2, 4]}, hidden_layers: 0}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
"""
AUDIT = Path("results") / "tiny-0" / "audit"
PROGRAM = str(Path(sys.executable).with_name("mnist-bench"))


def search(folder: Path, program: str, share: str) -> tuple[int, str, str]:
    command = [*program.split(), "search", "tiny.yaml", "-n", "8", "--workers", "1", "--audit-pruned", share]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def digest(out: str) -> str:
    return next(line for line in out.splitlines() if line.startswith("digest "))


FORGED = """
import sys
from mnist_bench.cli.app import main
from mnist_bench.experiments.grid import Grid

if __name__ == "__main__":
    task = Grid.task
    Grid.task = lambda self, name, config, seed: task(self, name, config, seed + 1)
    sys.argv[0] = "mnist-bench"
    main()
"""
"""Trains with other seeds than the search did, and so comes to other weights, as a machine might that differs."""


def test_pruned_trials_are_trained_to_their_ends_once_and_the_study_stays(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    (tmp_path / "forged.py").write_text(FORGED)
    code, out, err = search(tmp_path, PROGRAM, "50%")
    assert code == 0, err
    kept = json.loads((tmp_path / AUDIT / "audit.json").read_text())
    number = -(-kept["pruned"] // 2)
    assert number > 0
    assert out.splitlines()[-1].startswith(f"Audited {number} of {kept['pruned']} pruned trials: ")
    assert err.count(", trained in ") == len(kept["trials"]) == number

    code, again, err = search(tmp_path, PROGRAM, "0.5")
    assert (code, digest(again), again.splitlines()[-1]) == (0, digest(out), out.splitlines()[-1])
    assert "trained in" not in err

    shutil.rmtree(tmp_path / AUDIT)
    code, other, err = search(tmp_path, f"{sys.executable} forged.py", "50%")
    assert code == 1
    assert "has different weights after report 1 than in the search" in err.splitlines()[-1]
    assert digest(other) == digest(out)
    assert not (tmp_path / AUDIT / "audit.json").exists()


@pytest.mark.parametrize("share", ["0", "101%", "x", "-5%", "nan", "%"])
def test_what_is_no_share_is_refused(cli: Callable[..., Result], share: str) -> None:
    result = cli("search", "smoke", f"--audit-pruned={share}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        f"Error: --audit-pruned {share}: not a share of the pruned trials; write 5% or 0.05"
    )


def test_without_workers_there_is_no_audit(cli: Callable[..., Result]) -> None:
    result = cli("search", "smoke", "--audit-pruned", "5%", "--executor", "in-process")
    assert result.exit_code == 2
    assert "needs worker processes" in result.stderr


@pytest.mark.parametrize("reached", [True, False])
def test_a_stopped_audit_goes_on_later_and_an_unfinished_search_is_not_audited(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    asked: list[object] = []
    ended = Run(study=handmade.mixed(), reached=reached, order_cost=0.0)
    monkeypatch.setattr("mnist_bench.searches.running.run", lambda *_: ended)
    monkeypatch.setattr(
        "mnist_bench.experiments.audit.audit_study",
        stopping.stopped_after(lambda study, options, *_: asked.append((study, options.share))),
    )
    monkeypatch.setattr("sys.argv", ["x", "search", "smoke", "--audit-pruned", "5%"])
    result = cli("search", "smoke", "--audit-pruned", "5%")
    assert asked == ([(ended.study, 0.05)] if reached else [])
    assert result.exit_code == (130 if reached else 0)
    assert ("The audit was stopped. The same command continues" in result.stderr) == reached
    assert "  mnist-bench search smoke --audit-pruned 5%\n" in result.stderr


def test_the_audit_of_a_search_on_a_cluster_trains_on_this_machine(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ended = Run(study=handmade.mixed(), reached=True, order_cost=0.0)
    monkeypatch.setattr("mnist_bench.searches.running.run", lambda *_: ended)
    monkeypatch.setattr(
        "mnist_bench.experiments.audit.audit_study", lambda study, wanted, *_: asked.append(wanted.workers)
    )
    cli("search", "smoke", "--audit-pruned", "5%", "--executor", "ray", "--address", "auto", "--workers", "1000")
    assert asked == [options.cores()]
