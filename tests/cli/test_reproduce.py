from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from typer.testing import Result

from mnist_bench.cli.checks import closing_lines
from mnist_bench.studies.claims import Checked, Difference, claim_of
from support import handmade
from support.handmade import HASH

Both = Mapping[str, tuple[str, str]]
PRECISION = {"precision": ("bf16", "fp32")}
CHECKED = {"check": ("77c0" + HASH[4:], "1d93" + HASH[4:])}
TORCH, OPTUNA = {"torch": ("2.12.0", "2.13.0")}, {"optuna": ("4.9.0", "5.0.0")}
DIFFER = "The numerics differ (numerics check 77c0… → 1d93…)"


@pytest.mark.parametrize(
    ("numerics", "versions", "words"),
    [
        (CHECKED | PRECISION, {}, f"{DIFFER}: precision bf16 → fp32; versions are the same."),
        (CHECKED, TORCH, f"{DIFFER}: in nothing that is recorded; versions differ: torch 2.12.0 → 2.13.0."),
        (
            PRECISION, TORCH,
            "The numerics checks agree, but the recorded numerics differ: precision bf16 → fp32; versions differ: "
            "torch 2.12.0 → 2.13.0.",
        ),
        ({}, {}, "The numerics agree; versions are the same. The cause is the program itself, or the record."),
        (
            {}, OPTUNA | TORCH,
            "The numerics agree; versions differ: optuna 4.9.0 → 5.0.0, torch 2.12.0 → 2.13.0. The cause is one of "
            "these, the program itself, or the record.",
        ),
    ],
)  # fmt: skip
def test_where_something_differs_numerics_and_versions_are_told(numerics: Both, versions: Both, words: str) -> None:
    claim = replace(claim_of(handmade.mixed(), handmade.mixed().trials[1]), correct=None)
    then, now = (
        replace(
            claim,
            numerics={name: both[place] for name, both in numerics.items()},
            versions={name: both[place] for name, both in versions.items()},
        )
        for place in (0, 1)
    )
    different = Difference(name="period 1, train loss", then="0.2", now="0.3")
    assert closing_lines(Checked(then=then, now=now, first_difference=different))[-1] == words


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> handmade.Replay:
    """Let trial 1 be trained again with the results of the trainer that is returned."""
    trainer = handmade.Replay(handmade.mixed().trials[1].reports)
    monkeypatch.setattr("mnist_bench.studies.claims.trainer_for", lambda record, **_: trainer)
    return trainer


def test_a_trial_is_shown_period_by_period_or_as_json(
    cli: Callable[..., Result], trained: handmade.Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[int, bytes]] = []
    monkeypatch.setattr(
        "mnist_bench.studies.kept_files.keep_weights", lambda study, trial, state: kept.append((trial.number, state))
    )
    lines = cli("reproduce", "conv-0/1").stdout.splitlines()
    assert lines[0].startswith("Reproducing conv-0/1 (seed 101); numerics agree (numerics check ")
    assert lines[3].split()[1:] == ["0.50000", "=", "0.50000", "99.50%", "=", "99.50%"]
    assert lines[-1] == "Identical, bit for bit."
    found = json.loads(cli("reproduce", "conv-0/1", "--json").stdout)
    assert (found["study"], found["trial"], found["verdict"]) == ("conv-0", 1, "identical")
    assert not kept
    assert cli("reproduce", "conv-0/1", "--weights").stdout.splitlines()[-1].startswith("The weights are in ")
    assert kept == [(1, b"101:6")]


def test_another_result_has_an_exit_code_of_its_own(cli: Callable[..., Result], trained: handmade.Replay) -> None:
    first, *others = trained.reports
    trained.reports = (replace(first, value=0.5), *others)
    for form in ((), ("--json",)):
        assert cli("reproduce", "conv-0/1", *form).exit_code == 4
