"""One search in two precisions, compared: both are trained again in processes of their own, to the first layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.copies import Ran

pytestmark = pytest.mark.integration

SPACE = """
name: tiny
epochs: 2
subset: 1000
model: {blocks: 1, filters: 4, hidden_layers: 0}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
"""
SCRIPT = """
for precision in ("portable", "bf16"):
    how = f"--executor in-process --sampler random --precision {precision}"
    run(f"search tiny.yaml -n 2 {how} --study-name {precision}")
run("compare portable bf16 --trace --json")
run("compare portable/0 bf16/0 --trace")
with open("record.json", "w") as file:
    file.write(run("show portable/0 --json"))
run("compare portable/0 record.json --trace")
"""


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory, in_one_process: Callable[[Path, str], dict[str, Ran]]
) -> dict[str, Ran]:
    folder = tmp_path_factory.mktemp("traced")
    (folder / "tiny.yaml").write_text(SPACE)
    return in_one_process(folder, SCRIPT)


def test_the_first_layer_is_named(ran: dict[str, Ran]) -> None:
    (pair,) = ran["compare portable bf16 --trace --json"].values["pairs"]
    assert [shared["difference"]["name"] for shared in pair["shared"]] == ["period 1, train loss"] * 2
    trace = pair["trace"]
    assert (trace["period"], trace["as_recorded"], trace["other_numerics"]) == (1, [True, True], [False, False])
    found = trace["difference"]
    assert (found["kind"], found["place"], found["step"]) == ("output", "layer 1 (convolution)", 1)
    assert found["dtypes"] == ["float32", "bfloat16"]


def test_trials_are_traced_alike(ran: dict[str, Ran]) -> None:
    done = ran["compare portable/0 bf16/0 --trace"]
    assert done.code == 0, done.err
    assert (
        "bf16/0 first differ in period 1, step 1, after 1 equal tensor: the output of layer 1 (convolution)."
        in done.out
    )


def test_a_trial_and_its_record_do_not_part(ran: dict[str, Ran]) -> None:
    out = ran["compare portable/0 record.json --trace"].out
    assert "portable/0 and record.json do not part: everything that both have is the same, bit for bit." in out
    assert "have no training of one configuration and seed with different results, so none is traced." in out
