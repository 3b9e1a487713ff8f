from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
from typer.testing import Result

from mnist_bench.cli.checks import verdict
from mnist_bench.studies.record import PeriodResult, Record
from mnist_bench.studies.reproduce import Difference, OnPeriod, RepeatedTrial
from support.handmade import HASH

THEN = PeriodResult(value=0.99, metrics={"epoch": 1.0, "train_loss": 0.2}, weights=HASH)
NOW = PeriodResult(value=0.99, metrics={"epoch": 1.0, "train_loss": 0.3}, weights=HASH)
PRECISION = Difference(name="precision", then="bf16", now="fp32")
CANARY = Difference(name="check", then="77c0" + HASH[4:], now="1d93" + HASH[4:])
OPTUNA = Difference(name="optuna", then="4.9.0", now="5.0.0")
TORCH = Difference(name="torch", then="2.12.0", now="2.13.0")


@pytest.mark.parametrize(
    ("numerics", "versions", "words"),
    [
        (
            [CANARY, PRECISION], [],
            "The numerics differ (numerics check 77c0… → 1d93…): precision bf16 → fp32; versions are the same.",
        ),
        (
            [CANARY], [TORCH],
            "The numerics differ (numerics check 77c0… → 1d93…): in nothing that is recorded; versions differ: "
            "torch 2.12.0 → 2.13.0.",
        ),
        (
            [PRECISION], [TORCH],
            "The numerics checks agree, but the recorded numerics differ: precision bf16 → fp32; versions differ: "
            "torch 2.12.0 → 2.13.0.",
        ),
        ([], [], "The numerics agree; versions are the same. The cause is the program itself, or the record."),
        (
            [], [OPTUNA, TORCH],
            "The numerics agree; versions differ: optuna 4.9.0 → 5.0.0, torch 2.12.0 → 2.13.0. The cause is one of "
            "these, the program itself, or the record.",
        ),
    ],
)  # fmt: skip
def test_where_something_differs_numerics_and_versions_are_told(
    numerics: Sequence[Difference], versions: Sequence[Difference], words: str
) -> None:
    different = Difference(name="period 1, train loss", then="0.2", now="0.3")
    assert verdict(repeated(NOW, different, numerics, versions))[-1] == words


def repeated(
    now: PeriodResult,
    difference: Difference | None = None,
    numerics: Sequence[Difference] = (),
    versions: Sequence[Difference] = (),
) -> RepeatedTrial:
    """Return a trial that came to `now` instead of THEN."""
    return RepeatedTrial(
        periods=((THEN, now),), first_difference=difference, numerics=tuple(numerics), versions=tuple(versions),
        p_value=None,
    )  # fmt: skip


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let every trial be trained again with the same result; returns what would keep the weights of each."""
    kept: list[object] = []

    def reproduce(record: Record, trainer: object, on_period: OnPeriod, keep: object = None) -> RepeatedTrial:
        on_period(THEN, THEN)
        kept.append(keep)
        return repeated(THEN, versions=[TORCH])

    def trainer_for(record: Record, **_: object) -> SimpleNamespace:
        return SimpleNamespace(numerics=record.numerics)

    monkeypatch.setattr("mnist_bench.studies.reproduce.trainer_for", trainer_for)
    monkeypatch.setattr("mnist_bench.studies.reproduce.reproduce", reproduce)
    return kept


def test_a_trial_is_shown_period_by_period_or_as_json(cli: Callable[..., Result], kept: list[object]) -> None:
    lines = cli("reproduce", "conv-0/1").stdout.splitlines()
    assert lines[0].startswith("Reproducing conv-0/1 (seed 101); numerics agree (numerics check ")
    assert lines[3].split() == ["1", "0.20000", "=", "0.20000", "99.00%", "=", "99.00%"]
    assert lines[-1] == "Identical, bit for bit."
    found = json.loads(cli("reproduce", "conv-0/1", "--json").stdout)
    assert (found["study"], found["trial"], found["identical"]) == ("conv-0", 1, True)
    assert kept == [None, None]
    assert cli("reproduce", "conv-0/1", "--weights").stdout.splitlines()[-1].startswith("The weights are in ")
    assert kept[-1] is not None


def test_another_result_has_an_exit_code_of_its_own(
    cli: Callable[..., Result], kept: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    different = repeated(NOW, Difference(name="period 1, train loss", then="0.2", now="0.3"))
    monkeypatch.setattr("mnist_bench.studies.reproduce.reproduce", lambda *_: different)
    for form in ((), ("--json",)):
        assert cli("reproduce", "conv-0/1", *form).exit_code == 4
