"""A study in the real TensorBoard, and in MLflow with a database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from support import search_fake as fake
from support.paths import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.cold]

PATIENCE = 60
"""Seconds until TensorBoard has read the files."""
STATUSES = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
Ask = Callable[..., Any]


@contextmanager
def tensorboard(folder: Path) -> Iterator[Ask]:
    """Yield a function that asks a TensorBoard, which shows a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--logdir", str(folder), "--port", str(port), "--reload_interval", "1"]
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def ask(path: str, **question: Any) -> Any:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with closing(connection):
            if question:
                connection.request("POST", f"/data/{path}", json.dumps(question), {"Content-Type": "application/json"})
            else:
                connection.request("GET", f"/data/{path}")
            return json.load(connection.getresponse())

    try:
        yield ask
    finally:
        server.terminate()
        server.wait()


def _has(points: int, answer: Sequence[Any]) -> bool:
    return len(answer) >= points


def until_there(ask: Ask, path: str, enough: Callable[[Any], bool], **question: Any) -> Any:
    """Return the first answer that is enough."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if enough(answer := ask(path, **question)):
                return answer
        except OSError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"{path} has not enough")


def test_tensorboard_shows_a_row_of_hparams_per_trial_and_follows_a_resumed_search(tmp_path: Path) -> None:
    stopped = replace(fake.make_search(tmp_path, goal=8, stopping=fake.StopAfter(25)), log=["tensorboard"]).run().study
    began = sum(1 for trial in stopped.trials if trial.reports)
    with tensorboard(tmp_path) as ask:
        until_there(ask, "runs", lambda runs: len(runs) == began + 1)
        study = replace(fake.make_search(tmp_path, goal=8), log=["tensorboard"]).run().study
        trained = {f"fake-0/{trial.number}": trial for trial in study.trials if trial.is_trained}
        question = {
            "experimentName": "",
            "allowedStatuses": STATUSES,
            "startIndex": 0,
            "sliceSize": 100,
            "colParams": [],
        }
        rows = until_there(
            ask, "plugin/hparams/session_groups", lambda rows: len(rows["sessionGroups"]) == len(trained), **question
        )["sessionGroups"]
        for row in rows:
            trial = trained[row["name"]]
            assert row["hparams"]["optim.lr"] == trial.params["optim.lr"]
            run = f"fake-0/tensorboard/{trial.number}"
            points = until_there(
                ask,
                f"plugin/scalars/scalars?tag=value&run={run}",
                partial(_has, len(trial.reports)),
            )
            assert [step for _, step, _ in points] == list(range(1, len(trial.reports) + 1))


def test_mlflow_keeps_a_search_in_a_database_and_says_nothing(tmp_path: Path) -> None:
    line = ["search", "smoke", "--trials", "2", "--workers", "1", "--set", "subset=1000", "--set", "epochs=1"]
    script = "from mnist_bench.cli.app import main; main()"
    place = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    command = [sys.executable, "-c", script, *line, "--log", "mlflow"]
    done = subprocess.run(command, cwd=tmp_path, env=place, capture_output=True, text=True, check=True)
    assert "mlflow" not in done.stderr.lower().replace("--log mlflow", "")
    reading = (
        "import json, mlflow; client = mlflow.MlflowClient()\n"
        "(found,) = client.search_experiments(filter_string=\"name = 'mnist-bench'\")\n"
        "runs = client.search_runs([found.experiment_id])\n"
        "print(json.dumps({run.info.run_name: [run.info.status, run.data.tags.get('digest')] for run in runs}))"
    )
    read = subprocess.run([sys.executable, "-c", reading], env=place, capture_output=True, text=True, check=True)
    runs = json.loads(read.stdout)
    assert {*runs} == {"smoke-0", "smoke-0/0", "smoke-0/1"}
    status, digest = runs["smoke-0"]
    assert (status, len(digest)) == ("FINISHED", 64)
