"""`mnist-bench ablate` on a thousand images, trained by real workers."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench import ablate
from mnist_bench.config.json import to_json
from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.errors import Stopped
from mnist_bench.experiments.ablation.path import Ablation, Measured, Step, TriedChange
from support import stopping

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 2
subset: 1000
model: {blocks: 1, filters: {int: [2, 4]}, hidden_layers: 0, batchnorm: before_activation}
optim: {lr: {float: [1e-2, 1e-1], log: true}, batch_size: 32}
search: {pruner: none}
"""
BASELINE = """
name: flat
epochs: 2
model: {blocks: 0, hidden_layers: 0}
optim: {batch_size: 32}
"""
PROGRAM = str(Path(sys.executable).with_name("mnist-bench"))


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    ran = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


ABLATE = ("ablate", "tiny-0", "--from", "flat.yaml", "--to", "1", "--seeds", "2", "--workers", "1")


def test_the_path_is_measured_once_out_of_time_stopped_and_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    (tmp_path / "flat.yaml").write_text(BASELINE)
    code, _, err = run(tmp_path, "search", "tiny.yaml", "-n", "2", "--workers", "1")
    assert code == 0, err
    process = subprocess.Popen(
        [PROGRAM, *ABLATE], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    first = [process.stderr.readline(), process.stderr.readline()]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    stopped = ["Stopped. The same command continues where it stopped:", f"  mnist-bench {' '.join(ABLATE)}"]
    assert err.splitlines()[-2:] == stopped
    assert first[0].startswith("About 12 runs, ")  # two seeds of the baseline, 2 choices, 2 more, and the trial
    assert "trial, seed 1 of 2: " in first[1]  # the longest first

    code, out, err = run(tmp_path, *ABLATE, "--json", "--budget", "0.001s")
    assert code == 0, err
    values = json.loads(out)
    assert not values["complete"]
    assert [step["groups"] for step in values["steps"]] == [["convolutions", "batchnorm", "optimizer"]]

    code, out, err = run(tmp_path, *ABLATE, "--json")
    assert code == 0, err
    assert "trial, seed 1" not in err
    values = json.loads(out)
    assert values["complete"]
    assert (values["study"], values["trial"], values["images"], len(values["seeds"])) == ("tiny-0", 1, 166, 2)
    taken = [step["groups"] for step in values["steps"]]
    assert sorted(taken) == [["batchnorm"], ["convolutions"], ["optimizer"]]
    assert taken.index(["batchnorm"]) > taken.index(["convolutions"])
    means = [sum(one["errors"]) / 2 for one in (values["start"], *(step["after"] for step in values["steps"]))]
    assert [step["fewer"] for step in values["steps"]] == pytest.approx([a - b for a, b in pairwise(means)])

    code, again, err = run(tmp_path, *ABLATE, "--json")
    assert (code, again, err) == (0, out, "")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Ablation:
    """Return what `ablate` finds: a step that tells, one that may be chance, and one for want of time."""
    start, end = ModelConfig(blocks=0, hidden_layers=0), ModelConfig(filters=8, hidden_layers=0)
    tried = (TriedChange(groups=("convolutions",), mean=100),)
    steps = [
        Step(
            groups=("convolutions",), change="blocks 0 → 2", after=measured(end, 100, 102), tried=tried,
            waiting=("batchnorm", "dropout"), fewer=700, low=650.4, high=749.6,
        ),
        Step(
            groups=("schedule",), change="drops 0 → 1", after=measured(end, 98, 100), tried=tried, waiting=(),
            fewer=2, low=-7, high=11,
        ),
        Step(
            groups=("batchnorm", "dropout"), change="[bold]", after=measured(end, None, 9), tried=(), waiting=(),
            fewer=None, low=None, high=None,
        ),
    ]  # fmt: skip
    made = Ablation(
        question="", study="conv-0", trial=1, baseline="notebook/linear", images=10_000, seeds=(1, 2),
        start=measured(start, 800, 802), steps=tuple(steps),
    )  # fmt: skip
    monkeypatch.setattr("mnist_bench.experiments.ablation.ablate.ablate_study", lambda *_: made)
    return made


def measured(model: ModelConfig, *errors: int | None) -> Measured:
    return Measured(config=to_json(TrainConfig(model=model)), errors=errors, parameters=7850, macs=7840, seconds=3.0)


def test_as_a_table(cli: Callable[..., Result], found: Ablation) -> None:
    lines = cli("ablate").stdout.splitlines()
    assert lines[0] == (
        "conv-0: from notebook/linear to #1, 801.0 → diverged validation errors of 10,000 (means of 2 fresh seeds)."
    )
    assert lines[2].split() == ["step", "errors", "fewer", "accuracy", "params", "time", "change"]
    assert lines[3].split()[:3] == ["notebook/linear", "801.0", "91.99%"]
    assert "convolutions  " in lines[4]
    assert "  700.0 [650, 750]     98.99%   7.85k  3.0 s  blocks 0 → 2" in lines[4]
    assert "  2.0 [-7, 11]*" in lines[5]
    assert lines[6].split()[:4] == ["the", "rest", "diverged", "–"]
    assert lines[6].endswith("[bold]")
    assert "convolutions: depth, widths and kernels are one step, because the baseline has no convolutions." in lines
    assert "Tried only after the network had the layers that they belong to: batchnorm and dropout." in lines
    assert lines[-1].startswith("The time budget ran out before there were runs for batchnorm and dropout alone. ")


def test_as_data(cli: Callable[..., Result], found: Ablation) -> None:
    steps = json.loads(cli("ablate", "--json").stdout)["steps"]
    assert [step["finding"] for step in steps] == [
        "convolutions: 700 fewer errors of 10,000 (650 to 750)",
        "schedule: 2 fewer errors of 10,000 (7 more to 11 fewer), which may be chance",
        "the rest: no figure, because training diverged",
    ]
    header, first, second, *_ = list(csv.reader(cli("ablate", "--csv").stdout.splitlines()))
    assert dict(zip(header, first, strict=True))["errors"] == "801.0"
    assert dict(zip(header, second, strict=True))["low"] == "650.4"
    assert "| convolutions | 101.0 | 700.0 \\[650, 750\\]" in cli("ablate", "--markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--seeds", "1"], 2, "1 is not a whole number from 2 to 100; for example 3"),
        (["--to", "99"], 3, "Study conv-0 has no trial 99"),
        (["conv-0/99"], 3, "Study conv-0 has no trial 99"),
        (["conv-0/1", "--to", "2"], 2, "conv-0/1 ends the ablation at trial 1, and --to at 2; give one of them"),
        (["--from", "conv"], 2, "a recipe has no ranges"),
        (["--from", "liner"], 2, "no such file or bundled space"),
        (["--budget", "soon"], 2, "write 90s, 15m or 1h"),
    ],
)
def test_what_is_refused(cli: Callable[..., Result], arguments: list[str], code: int, words: str) -> None:
    result = cli("ablate", *arguments)
    assert result.exit_code == code
    assert words in result.stderr


def test_a_baseline_that_trains_the_same_net_leaves_no_path(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "same.yaml").write_text("name: same\nepochs: 6\nmodel: {blocks: 2}\noptim: {lr: 0.01}\n")
    result = cli("ablate", "--from", "same.yaml", "--to", "0")
    assert result.exit_code == 2
    assert result.stderr == "Error: same.yaml and conv-0/0 train the same network; there is nothing to ablate.\n"


def confirm_named(winner: int | None, digest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a confirmation of the study of that digest be in its folder; None for no confirmation."""
    known = None if winner is None else SimpleNamespace(winner=winner, digest=digest)
    monkeypatch.setattr("mnist_bench.experiments.confirm.results.load", lambda kind, folder: known)


@pytest.mark.parametrize(
    ("named", "arguments", "end"),
    [
        (None, ("conv-0",), 1),
        (0, ("conv-0",), 0),
        (0, ("conv-0", "--to", "2"), 2),
        (0, ("conv-0/2",), 2),
        (0, ("conv-0/2", "--to", "2"), 2),
    ],
)
def test_the_way_ends_at_what_confirm_named(
    cli: Any, monkeypatch: pytest.MonkeyPatch, named: int | None, arguments: tuple[str, ...], end: int
) -> None:
    ends: list[int] = []
    confirm_named(named, cli.studies["conv-0"].digest, monkeypatch)
    monkeypatch.setattr(
        "mnist_bench.experiments.ablation.ablate.ablate_study",
        stopping.stopped_after(lambda study, trial, *_: ends.append(trial.number)),
    )
    assert cli("ablate", *arguments).exit_code == 130
    assert ends == [end]


@pytest.mark.parametrize(("digest", "end"), [(None, 0), ("of the study before it was searched further", 1)])
def test_what_confirm_named_before_the_study_was_searched_further_is_not_its_winner(
    cli: Any, monkeypatch: pytest.MonkeyPatch, digest: str | None, end: int
) -> None:
    ends: list[int] = []
    study = cli.studies["conv-0"]
    confirm_named(0, digest or study.digest, monkeypatch)
    monkeypatch.setattr(
        "mnist_bench.experiments.ablation.ablate.ablate_study",
        stopping.stopped_after(lambda study, trial, *_: ends.append(trial.number)),
    )
    assert cli("ablate", "conv-0").exit_code == 130
    with pytest.raises(Stopped):
        ablate(study)
    assert ends == [end, end]
