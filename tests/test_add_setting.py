"""The two steps of docs/contributing/add_setting.md in a copy of the packages.

The new setting is everywhere, and old studies are unharmed.

Beside the page's knob stands a bare one, whose declaration says nothing but its type and bounds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import earlier_studies
from support.copies import Ran, patched, python, run
from support.paths import ROOT, TESTS

pytestmark = pytest.mark.integration  # packages copied and patched, a search and three processes

STUDIES = TESTS / "data" / "studies-3a8e64d"
RECIPE = (ROOT / "docs" / "contributing" / "add_setting.md").read_text()
DECLARED, USED = [
    re.sub("^       ", "    ", block, flags=re.MULTILINE)
    for block in re.findall(r"(?:^       .+\n)+", RECIPE, re.MULTILINE)
]
SETTINGS, MODULES = "mnist_bench/config/settings.py", "mnist_bench/nets/modules.py"
FIELD = '    """Activation after each convolution."""\n'
PLACE = "            return _activation(layer.activation)\n"
OPTIM = '    """The optimizer, its learning rate over time, and the loss."""\n\n'
BARE = '    example_norm: Annotated[float, Ge(0), Le(9)] = 0.0\n    """Largest norm of a gradient; 0 is none."""\n'
SPACE = """
epochs: 1
subset: 1000
model: {blocks: 1, filters: 4, hidden_layers: 0, leak: {float: [0.01, 0.3]}}
optim: {example_norm: {choice: [0.0, 2.5]}}
search: {sampler: random, pruner: none}
"""
LABELS = """
from pathlib import Path
from mnist_bench.plots.study.slices import draw, rows
from mnist_bench.studies import open_study
figure = draw(rows(open_study(Path("results"), "knob")))
print(*(axes.get_title() for axes in figure.axes), sep="\\n")
"""
SEARCH = "search knob.yaml --study-name knob --trials 4 --slots 2 --executor in-process --results results"
ABLATE = "ablate knob --from smallest.yaml --seeds 2 --workers 1 --json"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages after the two steps."""
    steps = [
        (SETTINGS, FIELD, FIELD + DECLARED),
        (MODULES, PLACE, f"        {USED}"),
        (SETTINGS, OPTIM, OPTIM + BARE),
    ]
    return patched(tmp_path_factory.mktemp("packages"), steps)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a space that ranges over both settings, one with faults, and a recipe."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "knob.yaml").write_text(SPACE)
    (folder / "bad.yaml").write_text("model:\n  leak: {float: [0.0, 1.5]}\noptim: {example_norn: 1}\n")
    (folder / "smallest.yaml").write_text("epochs: 1\nsubset: 1000\nmodel: {blocks: 1, filters: 4, hidden_layers: 0}\n")
    return folder


@pytest.fixture(scope="module")
def ran(packages: Path, folder: Path) -> dict[str, Ran]:
    """Return what commands come to, by line."""
    lines = [
        "space check bad.yaml", "space show knob.yaml", SEARCH, "leaderboard knob --json",
        "plot knob slices parallel", ABLATE, "doctor knob --json",
    ]  # fmt: skip
    return dict(zip(lines, run(packages, folder, *lines), strict=True))


def test_it_is_checked(ran: dict[str, Ran]) -> None:
    found = ran["space check bad.yaml"]
    assert found.code == 2
    assert "bad.yaml:2:23  model.leak: 1.5 is not below 1 (0 <= leak < 1)" in found.out
    assert "bad.yaml:3:9   optim.example_norn: no such field; did you mean `example_norm`?" in found.out


def test_it_is_shown(ran: dict[str, Ran]) -> None:
    words = " ".join(ran["space show knob.yaml"].out.split())
    assert "model.leak 0.01 to 0.3 Slope of a leaky ReLU below zero" in words
    assert "optim.example_norm 0.0, 2.5 Largest norm" in words


def test_editors_complete_it(packages: Path) -> None:
    schema = json.loads(
        python(packages, packages, "from mnist_bench.space_files.json_schema import text; print(text())")
    )
    leak = schema["properties"]["model"]["properties"]["leak"]
    assert leak["anyOf"][0] == {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    assert leak["description"].startswith("Slope of a leaky ReLU")
    assert "example_norm" in schema["properties"]["optim"]["properties"]


def test_the_leaderboard_has_a_column_for_it(ran: dict[str, Ran]) -> None:
    rows = ran["leaderboard knob --json"].values["studies"][0]["rows"]
    assert {*rows[0]["settings"]} == {"leak", "optim.example_norm"}
    assert len({row["settings"]["leak"] for row in rows}) > 1
    assert {row["settings"]["optim.example_norm"] for row in rows} == {"0", "2.5"}


def test_pictures_have_an_axis_for_it(ran: dict[str, Ran], packages: Path, folder: Path) -> None:
    assert ran["plot knob slices parallel"].code == 0, ran["plot knob slices parallel"].err
    assert {*python(packages, folder, LABELS).split()} == {"leak", "example_norm"}


def test_an_ablation_changes_it(ran: dict[str, Ran]) -> None:
    steps: list[dict[str, Any]] = ran[ABLATE].values["steps"]
    assert {group for step in steps for group in step["groups"]} <= {"convolutions", "example norm"}
    assert any("leak 0 → " in step["change"] for step in steps)


def test_it_is_used(ran: dict[str, Ran]) -> None:
    assert ran[SEARCH].code == 0, ran[SEARCH].err
    assert ran["doctor knob --json"].values["problems"] == 0


def test_old_studies_are_unharmed(packages: Path, tmp_path: Path) -> None:
    golden = json.loads((STUDIES / "golden.json").read_text())["studies"]["finished"]
    shutil.copytree(STUDIES, tmp_path, dirs_exist_ok=True)
    lines = ["show finished --json", "leaderboard finished --json", "doctor finished"]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{packages}"}
    done = subprocess.run(
        [sys.executable, earlier_studies.__file__, "\n".join(lines)], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown, board, doctor = (Ran(*json.loads(done.stdout)["ran"][line]) for line in lines)
    assert (shown.values["digest"], shown.values["fingerprint"]) == (golden["digest"], golden["fingerprint"])
    assert board.values["studies"][0]["digest"] == golden["digest"]
    assert "No problem." in doctor.out
    assert "leak" not in shown.out + board.out
