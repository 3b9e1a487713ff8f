"""The examples run, and so does the one in the search's own docstring."""

from __future__ import annotations

import re
import subprocess
import sys
from ast import literal_eval
from pathlib import Path
from shutil import copy
from textwrap import dedent

import pytest

import search
from support.paths import ROOT

EXAMPLES = ROOT / "examples"


def run(*command: str, folder: Path) -> str:
    """Return what a Python process prints in a folder."""
    done = subprocess.run([sys.executable, *command], cwd=folder, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.integration
def test_an_own_trainer_is_searched_and_its_study_read(tmp_path: Path) -> None:
    *trials, digest = run(str(EXAMPLES / "own_trainer.py"), folder=tmp_path).splitlines()
    assert len(trials) == 20
    assert "complete  8/8 periods" in trials[0]
    assert any("pruned    1/8 periods" in line for line in trials)
    read = run(str(EXAMPLES / "read_a_study.py"), folder=tmp_path).splitlines()
    assert read[-1] == digest
    assert len([line for line in read if re.match(r"#\d+ +(complete|pruned) ", line)]) == 20
    assert re.fullmatch(r"\d+ of 20 trials were pruned, which spared \d+ periods\.", read[20])
    again = run(str(EXAMPLES / "own_trainer.py"), str(tmp_path / "again"), folder=tmp_path)
    assert again.splitlines()[-1] == digest


@pytest.mark.integration
@pytest.mark.parametrize(("library", "least"), [("sklearn", 85), ("lightgbm", 90)])
def test_a_function_of_another_library_is_searched(library: str, least: float, tmp_path: Path) -> None:
    pytest.importorskip(library)
    value, params = run(str(EXAMPLES / f"with_{library}.py"), folder=tmp_path).split("% with ")
    assert float(value) > least
    again = run(str(EXAMPLES / f"with_{library}.py"), folder=tmp_path).split("% with ")
    assert (again[0], literal_eval(again[1])) == (value, literal_eval(params))


@pytest.mark.integration
def test_a_plain_loop_of_pytorch_is_searched_and_pruned(tmp_path: Path) -> None:
    run(str(EXAMPLES / "with_pytorch.py"), folder=tmp_path)
    study = search.open_study(tmp_path / "results", "pytorch-0")
    assert study.best is not None
    assert (study.best.value or 0) > 0.9
    assert {trial.reason for trial in study.trials} == {"complete", "pruned"}


@pytest.mark.slow
def test_a_program_is_searched_and_pruned(tmp_path: Path) -> None:
    command = ["bash", str(EXAMPLES / "with_shell.sh"), "{lc}", "{lp}", "{pb}", "{mf}"]
    planned = search.planned(
        search.Objective.of_command(command), EXAMPLES / "with_shell.yaml", trials=12, periods=4, results=tmp_path
    )
    study = planned.run().study
    assert {"complete", "pruned"} <= {trial.reason for trial in study.trials}
    assert study.best is not None
    assert study.best.value == min(trial.value or 0 for trial in study.complete())


def test_the_examples_of_functions_and_programs_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("with_*")}
    assert len(lengths) == 5
    assert max(lengths.values()) < 25


@pytest.mark.slow
def test_a_study_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "read_a_study.py"), str(tmp_path)], text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No study in ")


@pytest.mark.integration
def test_the_docstring_of_the_search_runs(tmp_path: Path) -> None:
    assert search.__doc__ is not None
    (block,) = re.findall(r"\n\n((?:    .*\n|\n)+)", search.__doc__)
    (tmp_path / "use.py").write_text(dedent(block))
    copy(EXAMPLES / "own_trainer.py", tmp_path)
    *complete, digest = run("use.py", folder=tmp_path).splitlines()
    assert complete[0].startswith("#")
    assert re.fullmatch("[0-9a-f]{64}", digest)
