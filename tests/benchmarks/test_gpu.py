"""The day with a card is rehearsed: every step runs here, on few images, and nothing but the capture is left out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gpu
import gpu_steps
import pytest
import torch

from support.paths import ROOT

without_card = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gpu")


def rehearse(folder: Path, *arguments: str, device: str = "cpu") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/gpu.py", *arguments, "--device", device, "--output", str(folder)]
    return subprocess.run([*command, "--rehearsal"], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.integration
@pytest.mark.parametrize("step", gpu_steps.STEPS)
def test_a_step_is_rehearsed(folder: Path, step: str) -> None:
    if step == "train_fast" and not (folder / "ladder.json").exists():
        rung = {"target": 0.99, "met": True, "seconds": 4.0, "mean": 0.991, "low": 0.9901}
        made = {"step": "ladder", "step_seconds": 9.0, "machine": "an abacus", "no_longer_captured": 0, "rungs": [rung]}
        (folder / "ladder.json").write_text(json.dumps(made))
    done = rehearse(folder, step)
    why = folder / f"{step}.failed.txt"
    assert done.returncode == 0, done.stdout + done.stderr + (why.read_text() if why.exists() else "")
    assert not why.exists()
    found = json.loads((folder / f"{step}.json").read_text())
    assert found["step"] == step
    assert found.get("holds", True)
    assert found["no_longer_captured"] == 0
    assert f"[{step}.json]({step}.json)" in (folder / "README.md").read_text()
    assert not list(folder.glob("under-way/*"))


def figures_of(folder: Path, step: str) -> Any:
    """Return what a step of the test above found; where that ran in another process, the step is taken here."""
    if not (folder / f"{step}.json").exists():
        assert rehearse(folder, step).returncode == 0
    return json.loads((folder / f"{step}.json").read_text())


@pytest.mark.integration
def test_replayed_steps_and_lanes_are_compared_over_many_periods(folder: Path) -> None:
    nets = figures_of(folder, "graphs")["nets"]
    assert [net["net"] for net in nets] == [*gpu_steps.NETS, "conv"]
    for net in nets:
        assert net["identical"] is True
        assert 50 < net["kernels_a_step"] < 1000
        assert set(net["seconds"]) == {"one by one", "1", "2"}
    lanes = figures_of(folder, "lanes")
    assert [row["lanes"] for row in lanes["rows"]] == [1, 2]
    assert all(row["images_per_second"] > 0 for row in lanes["rows"])


@pytest.mark.integration
def test_openings_of_the_test_set_are_kept_beside_the_figures(folder: Path) -> None:
    figures_of(folder, "ladder")
    lines = (folder / "test-openings.jsonl").read_text().splitlines()
    assert any("bench ladder" in json.loads(line)["purpose"] for line in lines)


@pytest.mark.integration
def test_a_step_that_fails_says_why_and_the_next_one_runs(tmp_path: Path) -> None:
    done = rehearse(tmp_path, "train_fast", "card")
    assert done.returncode == 1
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "train_fast: failed: exit code 1", "card: done"
    ]  # fmt: skip
    assert "ladder.json" in (tmp_path / "train_fast.failed.txt").read_text()
    assert (
        "failed: exit code 1 ([train_fast.failed.txt](train_fast.failed.txt))" in (tmp_path / "README.md").read_text()
    )


@without_card
def test_without_a_card_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["gpu.py", "--output", str(tmp_path / "none")])
    with pytest.raises(SystemExit):
        gpu.main()
    assert "device 'cuda' does not exist; PyTorch " in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.integration
def test_a_step_that_takes_too_long_is_stopped_with_its_commands(tmp_path: Path) -> None:
    done = rehearse(tmp_path, "conv_gpu", "--minutes", "0.05")
    assert done.returncode == 1
    assert "conv_gpu: failed: out of time, 3 s" in done.stdout
    commands = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in commands


def test_a_rehearsal_may_take_longer_than_the_step_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def run(step: str, asked: Any, seconds: float) -> str | None:
        limits.append(seconds)
        return "no time"

    monkeypatch.setattr(gpu, "run", run)
    for rehearsal in ([], ["--rehearsal"]):
        monkeypatch.setattr("sys.argv", ["gpu.py", "graphs", "--device", "cpu", "--output", str(tmp_path), *rehearsal])
        assert gpu.main() == 1
    own = gpu_steps.STEPS["graphs"].seconds
    assert limits == [own, pytest.approx(60 * gpu.MINUTES, abs=5)]
    assert limits[1] > own


def test_what_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def run(step: str, asked: Any, seconds: float) -> str | None:
        assert seconds > 0
        ran.append(step)
        (tmp_path / f"{step}.json").write_text(json.dumps({"step": step, "step_seconds": 1.0, "machine": "an abacus"}))
        return None

    monkeypatch.setattr(gpu, "run", run)
    monkeypatch.setattr("sys.argv", ["gpu.py", "--device", "cpu", "--output", str(tmp_path)])
    (tmp_path / "card.json").write_text(json.dumps({"step": "card", "step_seconds": 2.0, "machine": "an abacus"}))
    assert gpu.main() == 0
    assert ran == [step for step in gpu_steps.STEPS if step != "card"]
    assert capsys.readouterr().out.startswith("card: done before\n")
    monkeypatch.setattr("sys.argv", ["gpu.py", "card", "--device", "cpu", "--output", str(tmp_path)])
    assert gpu.main() == 0
    assert ran[-1] == "card", "a step that is named is taken anew"


def test_bits_that_differ_are_told_by_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(step: str, asked: Any, seconds: float) -> None:
        (tmp_path / f"{step}.json").write_text(
            json.dumps({"step": step, "step_seconds": 1.0, "machine": "an abacus", "holds": False})
        )

    monkeypatch.setattr(gpu, "run", run)
    monkeypatch.setattr("sys.argv", ["gpu.py", "card", "--device", "cpu", "--output", str(tmp_path)])
    assert gpu.main() == 1


def test_a_rehearsal_is_not_published(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["gpu.py", "--rehearsal"])
    with pytest.raises(SystemExit):
        gpu.main()
    assert "not to be published" in capsys.readouterr().err


def test_the_page_sets_figures_beside_what_they_were_to_be(tmp_path: Path) -> None:
    files: dict[str, dict[str, Any]] = {
        "card": {"machine": "Some Card, bf16"},
        "conv": {"seconds": [19.0, 18.0], "digests": ["12345678aa", "12345678bb"]},
        "ladder": {"rungs": [{"target": 0.99, "met": False, "seconds": 0.2, "mean": 0.991, "low": 0.9899}]},
        "train_fast": {"seconds": 0.9, "times_ours": 4.5, "ours_met": False},
        "conv_gpu": {"test": {"mean": 0.9969}},
    }
    for step, figures in files.items():
        (tmp_path / f"{step}.json").write_text(json.dumps({"step": step, "step_seconds": 12.0, **figures}))
    (tmp_path / "lanes.failed.txt").write_text("exit code 1\n\nno memory\n")
    text = gpu.page(tmp_path)
    for line in (
        "On Some Card, bf16. `make gpu` measures all of it anew.",
        "| 50 trials of conv.yaml | under 20 s | 19.0 and 18.0 s | met |",
        "| the same search twice | one digest | 12345678 and 12345678 | missed |",
        "| 99.0%, training | under 0.25 s | 0.2 s | met |",
        "| 99.0%, ten seeds | 99.0% or more, lower bound | 99.10% from 98.99% | missed |",
        "| 99.6%, training | under 10 s | not measured | |",
        "| train_mnist_fast's recipe | 3 times as long as our 99.0% | 0.900 s, 4.5 times as long | missed |",
        "| the confirmed winner of conv-gpu.yaml | 99.72% or more | 99.69% | missed |",
        "| 1 to 16 trials at once | the bits of a trial alone | failed | |",
        "| replayed steps | the bits of steps given out one by one | not measured yet | |",
        "| lanes | – | failed: exit code 1 ([lanes.failed.txt](lanes.failed.txt)) |",
        "| conv | 12 s | [conv.json](conv.json) |",
    ):
        assert line in text.splitlines()
