"""The script for a day with a card runs here on a CPU, in little, and says when there is none."""

from __future__ import annotations

import re

import gpu
import pytest
import torch


@pytest.mark.integration
def test_all_of_it_runs_on_a_cpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["gpu.py", "--device", "cpu"])
    assert gpu.main() == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    expected = (
        r"ladder/99\.4, first: .* images/s, validation accuracy 0\.\d+",
        r"ladder/99\.4, again: .* images/s, validation accuracy 0\.\d+",
        r"training: bit-identical",
        r"10 trials of conv-gpu, --workers 1: .* s, digest [0-9a-f]{8}",
        r"10 trials of conv-gpu, --workers 2: .* s, digest [0-9a-f]{8}",
        r"search: bit-identical",
        r"8 filters, batches of 4096: its memory suffices",
    )
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line)


def test_bits_that_differ_are_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["gpu.py", "--device", "cpu"])
    monkeypatch.setattr(gpu, "training_repeats", lambda *_: True)
    monkeypatch.setattr(gpu, "digest_of_search", lambda device, workers, changes: f"{workers}" * 64)
    assert gpu.main() == 1
    assert "search: THE BITS DIFFER" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["gpu.py"])
    assert gpu.main() == 1
    assert capsys.readouterr().err.startswith("No CUDA device, nothing was measured: device 'cuda' does not exist; ")
