"""The sampler of docs/guides/own_samplers.md: searched with, gone on with, read without it."""

from __future__ import annotations

import re

import pytest

from support import own_code
from support.commands import Ran, in_one_process
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
ALONE = "search tiny.yaml --executor in-process"
OWN = f"{ALONE} --sampler '{{name: mine.py:NearTheBest, share: 0.3}}'"
OPTUNAS = f"{ALONE} --study-name optunas --sampler '{{name: optuna:TPESampler, multivariate: true}}'"
UNSEEDED, RAISING = (
    f"{ALONE} -n 2 --sampler unseeded.py:Mine",
    f"{ALONE} --sampler raising.py:Mine --study-name raising",
)
BY_ARRIVAL = f"{UNSEEDED} --study-name late --order as-completed"
IN_A_FILE = "search unseeded.yaml --executor in-process"
WHY = "show optunas/2 --why"
READERS = tuple(
    command.format(study)
    for study in ("optunas", "tiny-0")
    for command in ("leaderboard {}", "show {}", "show {} --all", "show {}/1", "report {}")
)
OF_ITS_OWN = ("doctor tiny-0 --replay", "plot tiny-0 curves", "studies")
SCRIPT = f"""
from pathlib import Path
import optuna
from support import drawn

def runs(*lines):
    for line in lines:
        run(line)

drawn.no_pictures()
mine = Path("mine.py")
text = mine.read_text()
runs({OWN + " -n 3"!r}, {ALONE + " -n 4"!r})
runs({IN_A_FILE!r}, {UNSEEDED!r}, {BY_ARRIVAL!r}, {RAISING!r})
mine.write_text(text + "#")
runs({OWN + " -n 4"!r})
mine.unlink()
runs({OPTUNAS + " -n 3"!r}, {OPTUNAS + " --pruner optuna:os"!r}, {WHY!r})
optuna.samplers.__all__.remove("TPESampler")
runs(*{READERS!r}, *{OF_ITS_OWN!r}, {OPTUNAS + " -n 4"!r})
optuna.samplers.__all__.append("TPESampler")
mine.write_text(text)
runs({OWN + " -n 5"!r})
"""


def sampler_of_the_page() -> str:
    """Return the code that the page shows, as a file."""
    (block,) = re.findall(r"^    # mine\.py\n(?:    .*\n|\n)+", PAGE, re.MULTILINE)
    return "".join(line[4:] or "\n" for line in block.splitlines(keepends=True))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(sampler_of_the_page())
    own_code.write(folder, own_code.UNSEEDED, "unseeded.py")
    own_code.write(folder, own_code.RAISING, "raising.py")
    (folder / "tiny.yaml").write_text(SPACE)
    (folder / "unseeded.yaml").write_text(SPACE.replace("sampler: random", "sampler: unseeded.py:Mine"))
    return in_one_process(folder, SCRIPT)


@pytest.mark.parametrize("line", [f"{OWN} -n 3", f"{OWN} -n 5", f"{OPTUNAS} -n 3", BY_ARRIVAL])
def test_it_is_searched_with_and_gone_on_with(ran: dict[str, Ran], line: str) -> None:
    assert ran[line].code == 0, ran[line].err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{ALONE} -n 4", """add --sampler '{"name": "mine.py:NearTheBest", "share": 0.3}' (give a file"""),
        (f"{OWN} -n 4", "sampler.code.sha256: "),
        (UNSEEDED, "unseeded.py:Mine: not repeatable: asked again after the same history"),
        (IN_A_FILE, "unseeded.yaml:7:19  search.sampler: unseeded.py:Mine is code, which a file cannot run; name it"),
        (f"{OPTUNAS} --pruner optuna:os", "Error: No pruner optuna:os; Optuna "),
        (f"{OPTUNAS} -n 4", "Error: No sampler optuna:TPESampler; Optuna "),
    ],
)
def test_what_is_not_named_again_was_changed_or_does_not_repeat_is_refused(
    ran: dict[str, Ran], line: str, words: str
) -> None:
    assert ran[line].code == 2
    assert words in ran[line].err


def test_what_it_raises_is_one_sentence(ran: dict[str, Ran]) -> None:
    assert ran[RAISING].code == 1
    sentence = "Error: Sampler raising.py:Mine raised LookupError: nothing is left to try "
    assert ran[RAISING].err.splitlines()[-1] == f"{sentence}(raising.py:{own_code.RAISING_LINE})."


def test_what_only_reads_needs_neither_your_code_nor_a_class_of_optunas(ran: dict[str, Ran]) -> None:
    assert {line: ran[line].err for line in (*READERS, *OF_ITS_OWN, WHY) if ran[line].code} == {}
    assert "mine.py:NearTheBest + none" in ran["show tiny-0"].out
    assert "optuna:TPESampler + none" in ran["show optunas"].out
    assert "decisions of mine.py:NearTheBest are taken from the log" in ran["doctor tiny-0 --replay"].out
    assert "which gives no reasons; 2 trials were known" in " ".join(ran[WHY].out.split())
