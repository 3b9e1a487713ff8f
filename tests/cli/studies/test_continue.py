"""A study that is continued with other ranges, from the refusal to the new study's replay."""

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
def typed(line):
    sys.argv = ["mnist-bench", *shlex.split(line)]
    run(line)
    return ran[line]

search = "search fast.yaml --data few.npz --executor in-process --device cpu --slots 2"
typed(f"{search} -n 4")
wider = "--set 'model.hidden_units={int: [4, 32]}' --set 'optim.weight_decay={float: [0, 1]}'"
refused = typed(f"{search} -n 4 {wider}")
offered = refused[2].splitlines()[-1].strip().removeprefix("mnist-bench ")
typed(f"{offered} --dry-run")
typed(offered)
typed(f"{offered} --patience 50")
typed("doctor fast-0-2 --replay")
typed("show fast-0/3 --json")
typed("show fast-0-2/3 --json")
typed("show fast-0-2/3 --why")
typed("show fast-0-2")
"""


@pytest.mark.slow
def test_the_offered_command_begins_with_what_is_known(in_one_process: InOneProcess, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    write_npz(tmp_path / "few.npz", arrays(classes=4, side=8, channels=1, train=400))
    searched, refused, tried, done, again, examined, then, now, why, shown = in_one_process(tmp_path, COMMANDS).values()
    assert searched.code == 0, searched.err
    assert refused.code == 2
    assert "Or begin a new study with 4 of its 4 trials:" in refused.err
    assert refused.err.rstrip().endswith("--trials 8 --study-name fast-0-2 --continue fast-0")
    counts = "4 of 4 trials of fast-0 lie in this space and come first, with the same seeds."
    assert counts in tried.out
    assert counts in done.err
    assert (done.code, again.code) == (0, 0)
    digest = done.out.split("digest")[-1].split()[:4]
    assert again.out.split("digest")[-1].split()[:4] == digest
    assert "replay" in examined.out
    one, other = json.loads(then.out), json.loads(now.out)
    assert (one["seed"], one["recipe"], one["curve"]) == (other["seed"], other["recipe"], other["curve"])
    assert "Trial fast-0/3 again, with the same configuration and seed." in why.out
    assert "begins with 4 trials of fast-0, whose digest was " in shown.out
