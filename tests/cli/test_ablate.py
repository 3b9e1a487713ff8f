"""`mnist-bench ablate` on a thousand images, trained by real workers."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench import ablate
from mnist_bench.errors import Stopped
from support import experiments
from support.commands import PROGRAM, in_one_process

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 1
subset: 1000
model: {blocks: 1, filters: {int: [2, 4]}, hidden_layers: 0, batchnorm: before_activation}
optim: {lr: {float: [1e-2, 1e-1], log: true}, batch_size: 32}
search: {pruner: none}
"""
BASELINE = """
name: flat
epochs: 1
model: {blocks: 0, hidden_layers: 0}
optim: {batch_size: 32}
"""
ABLATE = "ablate tiny-0/1 --baseline flat.yaml --seeds 2 --workers 1"
SCRIPT = f"""
for line in ("{ABLATE} --json --budget 0.001s", "{ABLATE} --json", "{ABLATE} --json --budget 1h"):
    run(line)
"""


def test_the_path_is_measured_once_out_of_time_stopped_and_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    (tmp_path / "flat.yaml").write_text(BASELINE)
    (searched,) = in_one_process(tmp_path, 'run("search tiny.yaml -n 2 --executor in-process")').values()
    assert searched.code == 0, searched.err
    process = subprocess.Popen(
        [PROGRAM, *ABLATE.split()],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    first = [process.stderr.readline(), process.stderr.readline()]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    stopped = ["Stopped. The same command continues where it stopped:", f"  mnist-bench {ABLATE}"]
    assert err.splitlines()[-2:] == stopped
    # Two seeds of the baseline, 2 choices, 2 more, and the trial.
    assert first[0].startswith("12 runs to train, about ")
    assert "trial, seed 1 of 2: " in first[1]  # the longest first

    short, whole, again = in_one_process(tmp_path, SCRIPT).values()
    assert not short.values["complete"]
    assert [step["groups"] for step in short.values["steps"]] == [["convolutions", "batchnorm", "optimizer"]]

    values = whole.values
    assert "trial, seed 1" not in whole.err
    assert values["complete"]
    assert (values["study"], values["trial"], values["images"], len(values["seeds"])) == ("tiny-0", 1, 166, 2)
    taken = [step["groups"] for step in values["steps"]]
    assert sorted(taken) == [["batchnorm"], ["convolutions"], ["optimizer"]]
    assert taken.index(["batchnorm"]) > taken.index(["convolutions"])
    means = [sum(one["errors"]) / 2 for one in (values["start"], *(step["after"] for step in values["steps"]))]
    assert [step["fewer"] for step in values["steps"]] == pytest.approx([a - b for a, b in pairwise(means)])

    assert (again.code, again.out, again.err) == (0, whole.out, "")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--seeds", "1"], 2, "1 is not an integer from 2 to 100; for example 3"),
        (["conv-0/99"], 3, "Study conv-0 has no trial 99"),
        (["--baseline", "conv"], 2, "a recipe has no ranges"),
        (["--baseline", "liner"], 2, "no such file or bundled space"),
        (["--budget", "soon"], 2, "write 90s, 15m or 1h"),
        (
            ["conv-0/0", "--baseline", "same.yaml"],
            2,
            "same.yaml and conv-0/0 train the same network; there is nothing to",
        ),
    ],
)
def test_what_is_refused(cli: Callable[..., Result], arguments: list[str], code: int, words: str) -> None:
    Path("same.yaml").write_text("name: same\nepochs: 6\nmodel: {blocks: 2}\noptim: {lr: 0.01}\n")
    result = cli("ablate", *arguments)
    assert result.exit_code == code
    assert words in result.stderr


EARLIER = "of the study before it was searched further"


@pytest.mark.parametrize(
    ("winner", "digest", "target", "end"),
    [(None, None, "conv-0", 1), (0, None, "conv-0", 0), (0, EARLIER, "conv-0", 1), (0, None, "conv-0/2", 2)],
)
def test_the_way_ends_at_what_confirm_named(
    cli: Any, monkeypatch: pytest.MonkeyPatch, winner: int | None, digest: str | None, target: str, end: int
) -> None:
    asked: list[Any] = []
    study = cli.studies["conv-0"]
    known = None if winner is None else SimpleNamespace(winner=winner, digest=digest or study.digest)
    monkeypatch.setattr("mnist_bench.experiments.confirmed.load", lambda kind, folder: known)
    hear = experiments.stopped_after(lambda study, trial, place, **options: asked.append((trial.number, options)))
    monkeypatch.setattr("mnist_bench.experiments.ablation.ablate_study", hear)
    assert cli("ablate", target, "--budget", "1m", "--seeds", "5", "--baseline", "r.yaml").exit_code == 130
    if target == "conv-0":
        with pytest.raises(Stopped):
            ablate(study)
    assert {number for number, _ in asked} == {end}
    _, options = asked[0]
    assert (options["budget"], options["seeds"], options["baseline"]) == (60, 5, "r.yaml")
