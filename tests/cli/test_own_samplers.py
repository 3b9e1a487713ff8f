"""The sampler of docs/guides/own_samplers.md: searched with, gone on with, read without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import own_code
from support.paths import ROOT

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "guides" / "own_samplers.md").read_text()
SPACE = """
name: tiny
epochs: 2
subset: 1000
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [8, 16]}}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
search: {sampler: random, pruner: none}
"""
SCRIPT = """
import os
from pathlib import Path
from support import undrawn

undrawn.pictures()
search = "search tiny.yaml --executor in-process --sampler mine.py:NearTheBest --sampler-option share=0.3"
run(search + " -n 3")
run("search tiny.yaml -n 4 --executor in-process")
run("search unseeded.yaml --executor in-process")
run("search tiny.yaml -n 3 --executor in-process --sampler unseeded.py:Mine --study-name unseeded")
run("search tiny.yaml -n 2 --executor in-process --sampler unseeded.py:Mine --study-name late --order as-completed")
run("search tiny.yaml -n 3 --executor in-process --sampler-option share=0.3")
run("search tiny.yaml --executor in-process --sampler raising.py:Mine --study-name raising")
text = Path("mine.py").read_text()
Path("mine.py").write_text(text + "#")
run(search + " -n 4")
os.remove("mine.py")
optunas = "search tiny.yaml --executor in-process --sampler optuna:TPESampler --sampler-option multivariate=true"
run(optunas + " -n 3 --study-name optunas")
run(optunas + " --pruner optuna:os -n 3 --study-name none")
run("show optunas/2 --why")
import optuna
optuna.samplers.__all__.remove("TPESampler")
for line in ("leaderboard optunas", "show optunas", "show optunas --all", "show optunas/1", "report optunas"):
    run(line)
run(optunas + " -n 4 --study-name optunas")
optuna.samplers.__all__.append("TPESampler")
for line in ("leaderboard tiny-0", "show tiny-0", "show tiny-0 --all", "show tiny-0/0", "doctor tiny-0 --replay",
             "report tiny-0", "plot tiny-0 curves", "studies"):
    run(line)
Path("mine.py").write_text(text)
run(search + " -n 5")
"""


def sampler_of_the_page() -> str:
    """Return the code that the page shows, as a file."""
    (block,) = re.findall(r"^    # mine\.py\n(?:    .*\n|\n)+", PAGE, re.MULTILINE)
    return "".join(line[4:] or "\n" for line in block.splitlines(keepends=True))


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory, in_one_process: Callable[[Path, str], dict[str, Any]]
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(sampler_of_the_page())
    own_code.write(folder, own_code.UNSEEDED, "unseeded.py")
    own_code.write(folder, own_code.RAISING, "raising.py")
    (folder / "tiny.yaml").write_text(SPACE)
    (folder / "unseeded.yaml").write_text(SPACE.replace("sampler: random", "sampler: unseeded.py:Mine"))
    return {
        line.replace("search tiny.yaml --executor in-process", "S"): r
        for line, r in in_one_process(folder, SCRIPT).items()
    }


OWN = "S --sampler mine.py:NearTheBest --sampler-option share=0.3"


def test_the_page_has_about_ten_lines() -> None:
    assert len(sampler_of_the_page().splitlines()) < 20


def test_it_is_searched_with_and_gone_on_with(ran: dict[str, Any]) -> None:
    assert ran[f"{OWN} -n 3"].code == 0, ran[f"{OWN} -n 3"].err
    assert ran[f"{OWN} -n 5"].code == 0
    assert "5 trials" in ran[f"{OWN} -n 5"].out


def test_what_is_not_named_again_or_was_changed_is_refused(ran: dict[str, Any]) -> None:
    forgotten = ran["search tiny.yaml -n 4 --executor in-process"]
    assert forgotten.code == 2
    assert "add --sampler mine.py:NearTheBest --sampler-option share=0.3 (give a file" in forgotten.err
    changed = ran[f"{OWN} -n 4"]
    assert changed.code == 2
    assert "sampler.code.sha256: " in changed.err
    lone = ran["search tiny.yaml -n 3 --executor in-process --sampler-option share=0.3"]
    assert (lone.code, "need --sampler and --pruner" in lone.err) == (2, True)


def test_a_file_names_no_code(ran: dict[str, Any]) -> None:
    refused = ran["search unseeded.yaml --executor in-process"]
    assert refused.code == 2
    words = (
        "unseeded.yaml:7:19  search.sampler: unseeded.py:Mine is code, which a file cannot run; name it with --sampler"
    )
    assert words in refused.err


def test_what_is_not_repeatable_is_searched_with_by_arrival_alone(ran: dict[str, Any]) -> None:
    refused = ran["search tiny.yaml -n 3 --executor in-process --sampler unseeded.py:Mine --study-name unseeded"]
    assert refused.code == 2
    assert "unseeded.py:Mine: not repeatable: asked again after the same history" in refused.err
    line = (
        "search tiny.yaml -n 2 --executor in-process --sampler unseeded.py:Mine --study-name late --order as-completed"
    )
    assert ran[line].code == 0, ran[line].err


def test_what_it_raises_is_one_sentence(ran: dict[str, Any]) -> None:
    raised = ran["S --sampler raising.py:Mine --study-name raising"]
    assert raised.code == 1
    sentence = "Error: Sampler raising.py:Mine raised LookupError: nothing is left to try "
    assert raised.err.splitlines()[-1] == f"{sentence}(raising.py:{own_code.RAISING_LINE})."


def test_what_only_reads_needs_no_code(ran: dict[str, Any]) -> None:
    readers = [line for line in ran if not line.startswith(("search", "S ", "show optunas/2"))]
    assert len(readers) >= 8
    assert {line: ran[line].err for line in readers if ran[line].code} == {}
    assert "mine.py:NearTheBest + none" in ran["show tiny-0"].out
    assert "decisions of mine.py:NearTheBest are taken from the log" in ran["doctor tiny-0 --replay"].out


OPTUNAS = "S --sampler optuna:TPESampler --sampler-option multivariate=true"


def test_a_class_of_optunas_is_searched_with(ran: dict[str, Any]) -> None:
    searched = ran[f"{OPTUNAS} -n 3 --study-name optunas"]
    assert searched.code == 0, searched.err
    assert "optuna:TPESampler" in ran["show optunas/2 --why"].out
    assert "which gives no reasons; 2 trials were known" in " ".join(ran["show optunas/2 --why"].out.split())
    refused = ran[f"{OPTUNAS} --pruner optuna:os -n 3 --study-name none"]
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert refused.err.startswith("Error: No pruner optuna:os; Optuna ")


def test_a_study_of_a_class_that_optuna_lacks_is_read_and_does_not_go_on(ran: dict[str, Any]) -> None:
    assert "optuna:TPESampler + none" in ran["show optunas"].out
    refused = ran[f"{OPTUNAS} -n 4 --study-name optunas"]
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert refused.err.startswith("Error: No sampler optuna:TPESampler; Optuna ")
