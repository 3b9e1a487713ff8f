"""Every form of an exported net beside the net itself, on the images that the page of figures counts."""

from __future__ import annotations

from pathlib import Path

import exported_winner
import numpy as np
import pytest
import torch

from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import load_dataset
from mnist_bench.export import export_folder
from support import handmade_winner

pytestmark = pytest.mark.slow


def test_forms_are_set_beside_the_net_and_a_wrong_label_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = load_dataset(DataOptions(subset=1200), torch.device("cpu"))
    winner = handmade_winner.winner(handmade_winner.config(handmade_winner.NETS["before"]), digits)
    export_folder.write(winner, tmp_path)
    monkeypatch.setattr(exported_winner, "load_dataset", lambda options, device: digits)
    forms = {"onnx": exported_winner.by_onnx, "net": exported_winner.by_plain_net}
    monkeypatch.setattr(exported_winner, "FORMS", forms)
    rows = exported_winner.compare(tmp_path)
    assert all(row.same == row.clear > 190 and row.largest < 1e-4 for row in rows)
    assert {row.clear + row.others for row in rows} == {200}
    monkeypatch.setitem(forms, "wrong", lambda exported, pictures: np.eye(10)[np.zeros(len(pictures), int)])
    monkeypatch.setattr("sys.argv", ["exported_winner.py", str(tmp_path), "--output", str(tmp_path / "out")])
    assert exported_winner.main() == 1
    assert capsys.readouterr().out.strip() == (tmp_path / "out" / "exported.md").read_text().strip()
