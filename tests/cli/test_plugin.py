"""`mnist-bench plugin check`: the table, the JSON, the exit code."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.data.mnist import DataOptions
from mnist_bench.net_checks import net_check
from mnist_bench.own_nets.own_net import OwnNet
from search.plugins.loading import Code
from search.repeatability.check import Checked, CheckRow, TriedOn
from search.strategies.samplers import ForeignSampler
from support import own_code, own_nets
from support.own_data import arrays, write_npz

Cli = Callable[..., Result]

ROWS = (
    CheckRow(what="asked twice", holds=True, found="50 decisions, all the same"),
    CheckRow(what="in another process", holds=False, found="#0: optim.lr 0.1, then 0.2"),
    CheckRow(what="with 1 and 8 workers", holds=None, found="not tried: the search ended"),
)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ForeignSampler, TriedOn]]:
    calls: list[tuple[ForeignSampler, TriedOn]] = []

    def examine(own: ForeignSampler, tried_on: TriedOn) -> Checked:
        calls.append((own, tried_on))
        rows = ROWS if own.options else ROWS[:1]
        return Checked(name=own.name, kind="sampler", code=Code(module="mine.py", sha256="ab" * 32), rows=rows)

    monkeypatch.setattr("search.repeatability.check.examine", examine)
    return calls


@pytest.fixture
def net_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[DataOptions]:
    """Return the data on which nets are to be checked, of which none is trained."""
    asked: list[DataOptions] = []

    def examine(net: OwnNet, settings: Sequence[Mapping[str, Any]], data: DataOptions) -> Checked:
        asked.append(data)
        never = "never" in net.loaded.name
        return Checked(
            name=net.loaded.name, kind="net", code=net.loaded.code, rows=ROWS[never : never + 1], never=never
        )

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("mnist_bench.data.guard.close_test_set", lambda: None)  # it would stay closed for other tests
    monkeypatch.setattr("mnist_bench.net_checks.net_check.examine", examine)
    return asked


@pytest.mark.usefixtures("net_checked")
def test_a_net_that_no_search_takes_is_not_said_to_be_taken_by_arrival(cli: Cli, tmp_path: Path) -> None:
    result = cli("plugin", "check", own_nets.write(tmp_path, own_nets.GOOD, "never.py"))
    assert result.exit_code == 4
    assert result.stdout.splitlines()[-1] == "It cannot be searched: its saved weights do not restore the same network."


def test_what_holds_is_told_in_a_table(cli: Cli, checked: list[object], tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.SEEDED)
    result = cli("plugin", "check", name, "--space", "smoke")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "mine.py:Mine (mine.py, abababab…) on smoke, with made-up trials",
        "",
        "sampler      holds  found",
        "asked twice  yes    50 decisions, all the same",
        "",
        f"It works in deterministic order: --sampler {shlex.quote(name)}.",
    ]


def test_what_does_not_hold_has_an_exit_code_of_its_own(
    cli: Cli, checked: list[tuple[ForeignSampler, TriedOn]], tmp_path: Path
) -> None:
    name = own_code.write(tmp_path, own_code.SEEDED)
    result = cli(
        "plugin",
        "check",
        name,
        "--sampler-option",
        "share=1e-1",
        "--space",
        "mini",
        "--set",
        "subset=3000",
        "--seed",
        "7",
    )
    assert result.exit_code == 4
    rows = result.stdout.splitlines()[3:6]
    assert [line.removesuffix(row.found).split()[-1] for line, row in zip(rows, ROWS, strict=True)] == [
        "yes",
        "no",
        "–",
    ]
    assert result.stdout.splitlines()[-1].startswith("It works with `--order as-completed` only")
    ((own, tried_on),) = checked
    assert own.options == {"share": 0.1}
    assert (tried_on.space.name, tried_on.space.settings["subset"], tried_on.seed) == ("mini", 3000, 7)


def test_json(cli: Cli, checked: list[object], tmp_path: Path) -> None:
    result = cli("plugin", "check", own_code.write(tmp_path, own_code.SEEDED), "--sampler-option", "share=1", "--json")
    assert result.exit_code == 4
    values = json.loads(result.stdout)
    assert values["repeatable"] is False
    assert (values["name"], values["kind"], values["space"]) == ("mine.py:Mine", "sampler", "conv")
    assert values["code"] == {"module": "mine.py", "sha256": "ab" * 32, "version": None}
    assert values["rows"][2] == {"what": "with 1 and 8 workers", "holds": None, "found": ROWS[2].found}


@pytest.mark.parametrize(("train", "tried"), [(40, 40), (3100, 3000)])
def test_a_net_is_tried_on_as_many_of_ones_own_images_as_there_are(
    cli: Cli, tmp_path: Path, net_checked: list[DataOptions], train: int, tried: int
) -> None:
    (tmp_path / "nets.py").write_text(own_nets.GOOD)
    write_npz(tmp_path / "mine.npz", arrays(classes=4, train=train, test=8, side=8))
    result = cli("plugin", "check", "nets.py:build", "--data", "mine.npz")
    assert result.exit_code == 0, result.output
    assert [data.subset for data in net_checked] == [tried]
    assert f" on {tried:,} images" in result.stdout


@pytest.mark.usefixtures("net_checked")
def test_a_net_is_tried_with_settings_that_it_takes(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Sequence[Mapping[str, Any]]] = []
    examine = net_check.examine

    def noting(net: OwnNet, settings: Sequence[Mapping[str, Any]], data: DataOptions) -> Checked:
        given.append(settings)
        return examine(net, settings, data)

    monkeypatch.setattr("mnist_bench.net_checks.net_check.examine", noting)
    text = own_nets.UNTYPED.replace(
        "    return head", "    if settings['width'] % 2 == 0:\n        raise ValueError\n    return head"
    )
    (tmp_path / "odd.yaml").write_text("net: {width: {int: [4, 16]}}\n")
    name = own_nets.write(tmp_path, text, "odd.py")
    result = cli("plugin", "check", name, "--space", "odd.yaml", "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert (values["space"], values["images"]) == ("odd.yaml", 3000)
    (settings,) = given
    assert {each["width"] for each in settings} == {5, 7, 9, 11, 13, 15}


def test_a_net_is_judged_for_the_pictures_at_hand(cli: Cli, tmp_path: Path, net_checked: list[DataOptions]) -> None:
    name = own_nets.write(tmp_path, own_nets.COLOUR_ONLY)
    write_npz(tmp_path / "mine.npz", arrays(classes=4, train=40, test=8, side=16))
    result = cli("plugin", "check", name, "--data", "mine.npz")
    assert result.exit_code == 0, result.output
    assert len(net_checked) == 1


def test_a_net_is_tried_on_the_data_set_that_the_space_names(
    cli: Cli, tmp_path: Path, net_checked: list[DataOptions]
) -> None:
    name = own_nets.write(tmp_path, own_nets.THREE_CHANNELS)
    result = cli("plugin", "check", name, "--set", "dataset=mnist-red")
    assert result.exit_code == 0, result.output
    assert [(data.dataset, data.subset) for data in net_checked] == [("mnist-red", 3000)]


def test_a_sampler_is_tried_on_nets_for_ones_own_pictures(
    cli: Cli, checked: list[tuple[ForeignSampler, TriedOn]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "one.yaml").write_text("model: {blocks: 1, filters: 4, hidden_layers: 0, kernel_size: {choice: [3]}}\n")
    data = ["--data", str(write_npz(tmp_path / "mine.npz", arrays(classes=4, train=40, test=8, side=16)))]
    for more in ([], data):
        result = cli("plugin", "check", own_code.write(tmp_path, own_code.SEEDED), "--space", "one.yaml", *more)
        assert result.exit_code == 0, result.output
    plans = [tried_on.planner({"model.kernel_size": 3}) for _, tried_on in checked]
    assert [plan.facts["parameters"] for plan in plans] == [40 + 14 * 14 * 4 * 10 + 10, 112 + 8 * 8 * 4 * 4 + 4]


def test_a_sampler_is_tried_on_a_net_of_ones_own(
    cli: Cli, checked: list[tuple[ForeignSampler, TriedOn]], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("net: {width: {choice: [4, 8]}}\n")
    net = own_nets.write(tmp_path, own_nets.GOOD)
    name = own_code.write(tmp_path, own_code.SEEDED, "sampler.py")
    result = cli("plugin", "check", name, "--space", "own.yaml", "--net", net)
    assert result.exit_code == 0, result.output
    ((_, tried_on),) = checked
    assert [field.path for field in tried_on.space.ranges] == ["net.width"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.py:Mine"], "No sampler, pruner or network nowhere.py:Mine"),
        (
            ["mine.py:Mine", "--sampler-option", "share"],
            "--sampler-option or --pruner-option share: give each name once, as NAME=VALUE.",
        ),
        (["nets.py:build", "--seed", "7"], "--seed, --sampler-option, --pruner-option and --net are for samplers and"),
        (["mine.py:Mine", "--sampler-option", "share=[1]"], "a number, a text, true, false or null is needed"),
        (["mine.py:Mine", "--pruner-option", "lr=1"], "Sampler mine.py:Mine cannot be created: TypeError"),
    ],
)
def test_what_is_asked_wrongly_is_told(cli: Cli, tmp_path: Path, words: list[str], said: str) -> None:
    own_code.write(tmp_path, own_code.SEEDED)  # the folder in which commands run
    own_nets.write(tmp_path, own_nets.GOOD, "nets.py")
    result = cli("plugin", "check", *words)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.integration
def test_a_pruner_of_optunas_is_repeatable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.repeatability.check.WORKERS", 2)
    options = ["--pruner-option", "percentile=75", "--pruner-option", "n_startup_trials=5"]
    result = cli("plugin", "check", "optuna.pruners:PercentilePruner", *options, "--space", "mini")
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.stdout.splitlines() if line.startswith("trials")] == [
        ["trials", "stopped"]
    ]


@pytest.mark.slow
def test_a_sampler_without_a_seed_is_not(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.repeatability.check.WORKERS", 2)
    result = cli("plugin", "check", own_code.write(tmp_path, own_code.UNSEEDED), "--space", "smoke")
    assert result.exit_code == 4, result.output
    assert "asked twice                 no " in result.stdout
