"""A real study: its weights are removed, and trained again bit for bit; defaults change none of its bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.copies import Ran

pytestmark = pytest.mark.slow

SPACE = """
name: tiny
epochs: 1
subset: 1000
model: {blocks: 0, hidden_layers: 0}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
"""
SCRIPT = """
run("search tiny.yaml -n 2 --executor in-process")
kept = {path: path.read_bytes() for path in Path("results/tiny-0/weights").iterdir()}
run("studies remove tiny-0 --weights", stdin="n\\n")
ran["kept"] = [sorted(map(str, kept)), "", ""]
ran["stayed"] = [all(path.exists() for path in kept), "", ""]
run("studies remove --weights tiny-0 --yes")
ran["gone"] = [not any(path.exists() for path in kept), "", ""]
run("studies remove --weights tiny-0")
run("leaderboard tiny-0")
run("predict tiny-0 digit.png")
for path in kept:
    run(f"reproduce tiny-0/{path.stem} --weights")
ran["again"] = [all(path.read_bytes() == content for path, content in kept.items()), "", ""]
os.environ |= {"MNIST_BENCH_RESULTS": "runs", "MNIST_BENCH_WORKERS": "2"}
run("search tiny.yaml -n 2 --executor in-process --study-name tiny-0")
ran["same"] = [json.loads(run(f"show tiny-0 --json --results {folder}")) for folder in ("results", "runs")], "", ""
del os.environ["MNIST_BENCH_RESULTS"], os.environ["MNIST_BENCH_WORKERS"]
run("show tiny-0/0 --json")
Path("RECORD.json").write_text(ran["show tiny-0/0 --json"][1])
run("reproduce RECORD.json --weights")
"""


@pytest.fixture(scope="module")
def ran(
    in_one_process: Callable[[Path, str], dict[str, Ran]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("weights")
    (folder / "tiny.yaml").write_text(SPACE)
    return in_one_process(folder, f"import json, os\nfrom pathlib import Path\n{SCRIPT}")


def test_nothing_goes_without_a_yes_and_what_stops_is_said_before(ran: dict[str, Any]) -> None:
    asked = ran["studies remove tiny-0 --weights"]
    assert ran["kept"].code == ["results/tiny-0/weights/0.safetensors", "results/tiny-0/weights/1.safetensors"]
    assert ran["stayed"].code
    assert asked.code == 1
    assert asked.err.startswith("tiny-0: 2 files, ")
    assert "`predict`, plots of a network and exports of confirmed networks need the weights." in asked.err
    assert ran["studies remove --weights tiny-0 --yes"].err.startswith("Removed ")
    assert ran["gone"].code
    assert ran["studies remove --weights tiny-0"].err == "There are no weights to remove.\n"


def test_the_record_stays_and_what_needs_weights_says_how_to_get_them_back(ran: dict[str, Any]) -> None:
    assert ran["leaderboard tiny-0"].code == 0
    refused = ran["predict tiny-0 digit.png"]
    assert refused.code == 3
    assert "are not here; `mnist-bench reproduce tiny-0/" in refused.err
    assert "--weights` trains it again." in refused.err


def test_defaults_change_no_digest(ran: dict[str, Any]) -> None:
    first, second = ran["same"].code
    assert [first[name] for name in ("digest", "fingerprint")] == [second[name] for name in ("digest", "fingerprint")]


def test_they_are_trained_again_bit_for_bit(ran: dict[str, Any]) -> None:
    assert ran["reproduce tiny-0/0 --weights"].out.endswith(
        "The weights are in results/tiny-0/weights/0.safetensors.\n"
    )
    assert ran["again"].code
    assert ran["reproduce RECORD.json --weights"].code == 2
