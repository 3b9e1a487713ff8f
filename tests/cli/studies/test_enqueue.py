"""A search of nets that begins with the best of another study, by the real command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.copies import Ran
from support.own_data import arrays, write_npz

InOneProcess = Callable[[Path, str], dict[str, Ran]]
FAST = """
name: fast
epochs: 1
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [4, 16]}}
optim: {lr: {float: [1e-3, 1e-1], log: true}, batch_size: 50}
search: {sampler: random, pruner: none}
"""
COMMANDS = """
search = "search fast.yaml --data few.npz --executor in-process --device cpu --concurrent-trials 2"
wider = f"{search} --study-name wide --set 'model.hidden_units={{int: [4, 32]}}' --enqueue fast-0 --enqueue own.yaml"
for line in (
    f"{search} -n 4",
    f"{search} -n 4 --set 'model.hidden_units={{int: [4, 32]}}'",
    f"{wider} -n 8 --dry-run",
    f"{wider} -n 3",
    "studies remove fast-0 --yes",
    f"{wider} -n 8",
    f"{wider} -n 8 --patience 50",
    "doctor wide --replay",
    "show wide/0 --json",
    "show wide/0 --why",
    "show wide",
):
    run(line)
"""


@pytest.mark.slow
def test_a_search_keeps_the_trials_of_a_study_that_is_removed(in_one_process: InOneProcess, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "own.yaml").write_text(
        "epochs: 1\nmodel: {blocks: 0, hidden_layers: 1, hidden_units: 5}\noptim: {lr: 0.01, batch_size: 50}\n"
    )
    write_npz(tmp_path / "few.npz", arrays(classes=4, side=8, channels=1, train=400))
    ran = in_one_process(tmp_path, COMMANDS).values()
    searched, refused, tried, begun, removed, done, again, examined, trial, why, shown = ran
    assert (searched.code, searched.err and refused.code) == (0, 2), searched.err
    assert "with --enqueue fast-0 it begins with the best trials of this study." in refused.err
    counts = "Begins with 4 of 4 complete trials of fast-0: the best that lie in this space, trained again."
    assert counts in tried.out
    assert counts in begun.err
    assert counts not in done.err
    assert [each.code for each in (begun, removed, done, again, examined)] == [0] * 5, done.err
    digest = done.out.split("digest")[-1].split()[:4]
    assert again.out.split("digest")[-1].split()[:4] == digest
    assert "replay" in examined.out
    origin = why.out.split("hyperparameters of ")[-1].split(".")[0]
    assert origin in {f"fast-0/{number}" for number in range(4)}
    assert json.loads(trial.out)["seed"] is not None
    assert "begins with 4 trials of fast-0" in shown.out
