"""The examples run, and so do those of the search's own docstring and of the pages on own functions and trainers."""

from __future__ import annotations

import re
import subprocess
import sys
from ast import literal_eval
from pathlib import Path
from shutil import copy
from textwrap import dedent

import pytest
from ruamel.yaml import YAML

import search
from support.paths import ROOT

EXAMPLES, GUIDES = ROOT / "examples", ROOT / "docs" / "guides"


def blocks_of(page: str) -> list[str]:
    """Return the indented blocks of a page."""
    found = re.findall(r"(?:^ {4}.*\n|^\n(?=\n* {4}))+", (GUIDES / page).read_text(), re.MULTILINE)
    return [dedent(block) for block in found]


FIRST, DESCENT, PROGRAM = (
    code for code in blocks_of("search_anything.md") if code.lstrip().startswith("import search")
)
(OPTUNAS,) = (code for code in blocks_of("search_anything.md") if code.lstrip().startswith("import optuna"))
TRAINER = blocks_of("own_trainers.md")
TOUR = "\n\n".join(code for code in TRAINER if re.match(r"\n*(import hashlib|class Trainer|SPACE)", code))
(CHECKS,) = (code for code in TRAINER if "from tour import" in code)


def run(*command: str, folder: Path) -> list[str]:
    """Return the lines that a Python process prints in a folder."""
    done = subprocess.run([sys.executable, *command], cwd=folder, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def printed(folder: Path, code: str, file: str = "first.py") -> list[str]:
    """Return the lines that a file with this code prints, run in a folder."""
    (folder / file).write_text(code)
    return run(file, folder=folder)


@pytest.mark.integration
def test_an_own_trainer_is_searched_and_its_study_read(tmp_path: Path) -> None:
    *trials, digest = run(str(EXAMPLES / "own_trainer.py"), folder=tmp_path)
    assert len(trials) == 20
    assert "complete  8/8 periods" in trials[0]
    assert any("pruned    1/8 periods" in line for line in trials)
    read = run(str(EXAMPLES / "read_a_study.py"), folder=tmp_path)
    assert read[-1] == digest
    assert len([line for line in read if re.match(r"#\d+ +(complete|pruned) ", line)]) == 20
    assert re.fullmatch(r"\d+ of 20 trials were pruned, which spared \d+ periods\.", read[20])
    assert run(str(EXAMPLES / "own_trainer.py"), str(tmp_path / "again"), folder=tmp_path)[-1] == digest


@pytest.mark.integration
@pytest.mark.parametrize(("library", "least"), [("sklearn", 85), ("lightgbm", 90)])
def test_a_function_of_another_library_is_searched(library: str, least: float, tmp_path: Path) -> None:
    pytest.importorskip(library)
    found = [run(str(EXAMPLES / f"with_{library}.py"), folder=tmp_path)[-1].split("% with ") for _ in range(2)]
    (value, params), again = found
    assert float(value) > least
    assert (again[0], literal_eval(again[1])) == (value, literal_eval(params))


@pytest.mark.integration
def test_a_plain_loop_of_pytorch_is_searched_and_pruned(tmp_path: Path) -> None:
    run(str(EXAMPLES / "with_pytorch.py"), folder=tmp_path)
    study = search.open_study(tmp_path / "results", "pytorch-0")
    assert study.best is not None
    assert (study.best.value or 0) > 0.9
    assert {trial.reason for trial in study.trials} == {"complete", "pruned"}


def test_the_examples_of_functions_and_programs_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("with_*")}
    assert len(lengths) == 5
    assert max(lengths.values()) < 25
    assert blocks_of("search_anything.md")[0] == FIRST
    assert len([line for line in FIRST.splitlines() if line and "print" not in line]) == 4, "five lines with this"


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
    copy(EXAMPLES / "own_trainer.py", tmp_path)
    *complete, digest = printed(tmp_path, dedent(block))
    assert complete[0].startswith("#")
    assert re.fullmatch("[0-9a-f]{64}", digest)


@pytest.mark.slow
def test_the_first_search_finds_the_best_value_again_with_two_workers_and_reads_its_study(tmp_path: Path) -> None:
    found = printed(tmp_path, FIRST)
    params, digest = found[0].rsplit(" ", 1)
    assert 1.5 < literal_eval(params)["config.x"] < 2.5
    assert search.open_study(tmp_path / "results", "space-0").digest == digest
    assert printed(tmp_path, FIRST) == found
    (tmp_path / "two").mkdir()
    assert printed(tmp_path / "two", FIRST.replace("trials=20", "trials=20, workers=2")) == found


@pytest.mark.slow
def test_the_digest_is_a_unit_test_as_its_workflow_runs_it(tmp_path: Path) -> None:
    copy(EXAMPLES / "test_my_search.py", tmp_path)
    steps = YAML(typ="safe").load(EXAMPLES / "test_my_search.yml")["jobs"]["digest"]["steps"]
    python, *command = steps[-1]["run"].split()
    assert python == "python"
    assert "2 passed" in run(*command, "--quiet", folder=tmp_path)[-1]


@pytest.mark.slow
def test_reports_let_the_pruner_stop_what_is_behind(tmp_path: Path) -> None:
    ends = [line.split()[1:3] for line in printed(tmp_path, DESCENT)]
    assert len(ends) == 20
    assert ["complete", "10"] in ends
    assert {reason for reason, _ in ends} == {"complete", "pruned"}
    assert all(int(reports) < 10 for reason, reports in ends if reason == "pruned")


@pytest.mark.slow
def test_an_objective_that_is_written_for_optuna_needs_no_space(tmp_path: Path) -> None:
    (line,) = printed(tmp_path, OPTUNAS)
    assert 0.2 < literal_eval(line.rsplit(" ", 1)[0])["config.rate"] < 0.8
    study = search.open_study(tmp_path / "results", "first-0")
    assert {trial.reason for trial in study.trials} == {"complete", "pruned"}


@pytest.mark.slow
def test_a_program_is_searched_and_pruned(tmp_path: Path) -> None:
    for folder in ("examples", "docs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (line,) = printed(tmp_path, PROGRAM)
    assert 40_000 < float(line.partition(" ")[0]) < 120_000
    study = search.open_study(tmp_path / "results", "shell-0")
    assert {"complete", "pruned"} <= {trial.reason for trial in study.trials}
    assert study.best is not None
    assert study.best.value == min(trial.value or 0 for trial in study.complete())


@pytest.mark.integration
def test_a_trainer_of_the_page_finds_short_tours_again_with_any_number_of_workers_and_its_checks_hold(
    tmp_path: Path,
) -> None:
    *best, digest = printed(tmp_path, TOUR, "tour.py")
    assert 1 <= len(best) <= 3
    lengths = [float(line.split()[1]) for line in best]
    assert lengths == sorted(lengths)
    assert lengths[0] < 8  # 60 cities at random in a square: about 0.7 times the root of 60, at best
    again = TOUR.replace("workers=2", "workers=1, results=Path('again')")
    assert printed(tmp_path, f"from pathlib import Path\n{again}", "tour.py") == [*best, digest]
    (tmp_path / "tour.py").write_text(TOUR)
    printed(tmp_path, CHECKS, "check.py")
