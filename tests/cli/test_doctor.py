"""`mnist-bench doctor`, and a driver that is killed for real."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import Result

from mnist_bench.bench import NetSpeed, Speed
from mnist_bench.doctor.checkup import Diagnostic, note, ok, problem
from mnist_bench.numerics.device import this_machine
from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from search.driver.progress import Observer
from search.errors import StudyNotFoundError
from search.study import studies
from search.study.folder import StudyFolder
from support.processes import until

Cli = Callable[..., Result]
SEARCH = ("search", "smoke", "--trials", "4", "--concurrent-trials", "4", "--workers", "1", "--set", "subset=3000")
FOUND = [
    ok("event log", "12 events."),
    note("driver", "paused.\x1b[31m"),
    problem("Optuna's tables", "they lack [bold]3[/x].", "--repair writes them again."),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return with what studies, and this machine, are examined; of a study all is found, of the machine no problem."""
    given: list[dict[str, Any]] = []

    def examine(*study: object, **options: Any) -> list[Diagnostic]:
        given.append(options)
        return FOUND if study else FOUND[:2]

    for module in ("checkup", "machine_checks"):
        monkeypatch.setattr(f"mnist_bench.doctor.{module}.examine", examine)
    monkeypatch.setattr("mnist_bench.doctor.checkup.repaired_tables", lambda place: FOUND[2:])
    return given


def test_each_finding_is_a_line_and_advice_stands_below(cli: Cli, asked: list[dict[str, Any]]) -> None:
    result = cli("doctor", "conv-0")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        "ok        event log        12 events.",
        "note      driver           paused.[31m",
        "problem   Optuna's tables  they lack [bold]3[/x].",
        "                           -> --repair writes them again.",
        "1 problem.",
    ]
    values = json.loads(cli("doctor", "conv-0", "--repair", "--replay", "--json").stdout)
    assert (values["study"], values["problems"]) == ("conv-0", 1)
    assert [finding["severity"] for finding in values["findings"]] == ["ok", "note", "problem"]
    assert values["repaired"] == values["findings"][2:]
    assert values["findings"][2].items() >= {"text": FOUND[2].text, "advice": FOUND[2].advice}.items()
    assert [given["replay"] for given in asked] == [False, True], "only where that is asked for"


def test_without_a_study_it_is_the_machine_that_is_examined(cli: Cli, asked: list[dict[str, Any]]) -> None:
    result = cli("doctor", "--json", "--device", "cpu", "--data", "data", "--results", "mine")
    values = json.loads(result.stdout)
    assert asked == [{"results": Path("mine"), "device": "cpu", "data_dir": Path("data")}]
    assert (result.exit_code, values["study"], values["problems"]) == (0, None, 0)
    assert [finding["about"] for finding in values["findings"]] == ["event log", "driver"]


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a search in a process of its own."""
    program = "from mnist_bench.cli.app import main; main()"
    with subprocess.Popen([sys.executable, "-c", program, *SEARCH], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


@pytest.mark.slow
def test_a_killed_driver_leaves_paused_trials_and_no_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Cli, driver: subprocess.Popen[bytes]
) -> None:
    monkeypatch.undo()  # of the studies made by hand
    monkeypatch.chdir(tmp_path)
    until(lambda: reports() >= 2)
    driver.send_signal(signal.SIGSTOP)  # so that it does not end before it is killed
    alive = cli("doctor", "smoke-0")
    assert f"process {driver.pid} on " in alive.stdout
    assert cli("doctor", "smoke-0", "--repair").exit_code == 1
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert StudyFolder.of("smoke-0", Path("results")).lock.exists()
    killed = cli("doctor", "smoke-0", "--repair")
    assert (alive.exit_code, killed.exit_code) == (0, 0)
    assert "no process works on the study" in killed.stdout
    assert "are paused" in killed.stdout or "is unfinished" in killed.stdout
    assert search(Path("results")) == search(Path("undisturbed"))


def reports() -> int:
    try:
        return sum(len(trial.reports) for trial in studies.open_study(Path("results"), "smoke-0").trials)
    except StudyNotFoundError:
        return 0


def search(results: Path) -> str:
    """Search to the end in this process and return the digest."""
    asked = SearchConfig(
        space="smoke", overrides=("subset=3000",), trials=4, concurrent_trials=4, executor="in-process", results=results
    )
    return running.run(asked, Observer(), lambda: False).study.digest


def test_the_speed_of_this_machine_is_a_table(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Speed(
        machine=this_machine(torch.device("cpu"), "fp32"), processes=2, repeats=5, images=5120,
        nets=(NetSpeed(net="two-conv", median=2500.0, low=2000.4, high=3000.0),),
    )  # fmt: skip

    def run(on_round: Callable[[int], None], **asked: object) -> Speed:
        on_round(0)
        on_round(1)
        return found

    monkeypatch.setattr("mnist_bench.bench.measure_speed", run)
    shown = cli("doctor", "--speed")
    assert shown.stderr.splitlines() == ["warm-up", "repeat 1"]
    assert "two-conv  2,500 [2,000, 3,000]" in shown.stdout
    assert "Medians of 5 repeats of 5,120 images in 2 processes at once" in shown.stdout
    assert json.loads(cli("doctor", "--speed", "--json").stdout)["nets"] == [asdict(found.nets[0])]
