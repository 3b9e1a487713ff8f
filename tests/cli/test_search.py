from __future__ import annotations

import json
import re
import shlex
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.cli import ending
from mnist_bench.published import ComparedDigest, Verdict
from mnist_bench.searches.config import SearchConfig
from search.driver.progress import Observer
from search.driver.run import Run
from search.errors import FingerprintError, UsageError
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import handmade, own_code, own_nets
from support.commands import Ran, unknown_options
from support.own_data import arrays, write_npz

Cli = Callable[..., Result]
WHOLE = handmade.study([handmade.trial(0), handmade.trial(1, range(3))])
InOneProcess = Callable[[Path, str], dict[str, Ran]]


def ended(study: StoredStudy | None = None, *, reached: bool = True) -> Run:
    return Run(study=study or handmade.mixed(), reached=reached, order_cost=0.012)


def kept(config: SearchConfig) -> StoredStudy:
    """Return a study that is kept where a search keeps it."""
    return handmade.kept_in(config.folder, handmade.mixed())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SearchConfig]:
    calls: list[SearchConfig] = []

    def run(options: SearchConfig, observer: Observer, stopping: Callable[[], bool], command: str) -> Run:
        calls.append(options)
        return ended()

    monkeypatch.setattr("mnist_bench.searches.running.run", run)
    return calls


def test_options_reach_the_search(cli: Cli, asked: list[SearchConfig]) -> None:
    result = cli(
        "search", "conv", "-n", "7", "--timeout", "1m", "--trial-timeout", "9s", "--workers", "3",
        "--concurrent-trials", "4", "--seed", "5", "--set", "optim.lr=0.01",
        "--set", "epochs=3", "--enqueue", "recipe.yaml",
        "--device", "cpu", "--study-name", "mine", "--results", "out",
        "--data", "data", "--executor", "local", "--order", "as-completed", "--patience", "9", "--target", "99.4%",
    )  # fmt: skip
    assert result.exit_code == 0
    assert asked == [
        SearchConfig(
            space="conv", trials=7, timeout=60.0, trial_timeout=9.0, workers=3, concurrent_trials=4, seed=5,
            overrides=("optim.lr=0.01", "epochs=3"), enqueue=("recipe.yaml",), device="cpu",
            study_name="mine", results=Path("out"), data=Path("data"),
            order="as-completed",
            patience=9, target=0.994,
        )
    ]  # fmt: skip


def test_strategies_a_cluster_and_defaults_reach_the_search(cli: Cli, asked: list[SearchConfig]) -> None:
    result = cli(
        "search", "conv", "--sampler", "{name: mine.py:Mine, times: 3, kind: wide}", "--pruner", "mine.py:Stop",
        "--executor", "ray", "--no-warm-start",
    )  # fmt: skip
    assert result.exit_code == 0
    assert asked == [
        SearchConfig(
            space="conv", sampler={"name": "mine.py:Mine", "times": 3, "kind": "wide"}, pruner="mine.py:Stop",
            executor="ray", warm_start=False, results=Path("results"),
        )
    ]  # fmt: skip


def test_the_command_is_kept_as_it_was_typed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, kept = ["search", "my space.yaml", "--trials", "3"], []

    def run(options: SearchConfig, observer: Observer, stopping: Callable[[], bool], command: str) -> Run:
        kept.append(command)
        return ended()

    monkeypatch.setattr("mnist_bench.searches.running.run", run)
    monkeypatch.setattr("sys.argv", ["/usr/bin/mnist-bench", *arguments])
    cli(*arguments)
    assert kept == ["mnist-bench search 'my space.yaml' --trials 3"]


@pytest.mark.parametrize(
    "wrong",
    [
        "conv --trials 0", "conv --trial-timeout 0", "conv --patience 0", "conv --target 0", "conv --target 101%",
        "conv --target good", "conv --workers x", "conv --executor dask", "conv --order random",
        "conv --set dataset=cifar --dry-run", "conv --sampler {", "conv --seed -1", "",
    ],
)  # fmt: skip
def test_wrong_options_exit_with_2(cli: Cli, asked: list[SearchConfig], wrong: str) -> None:
    assert cli("search", *wrong.split()).exit_code == 2
    assert asked == []


def test_the_end_shows_summary_digest_table_and_what_to_do_next(cli: Cli, asked: list[SearchConfig]) -> None:
    result = cli("search", "conv")
    lines = result.stdout.splitlines()
    assert lines[1].startswith("6 trials in 0.")
    assert "3 complete, 2 pruned, 1 failed, 1 paused (and 1 infeasible). Pruning saved 8 of 36 epochs" in lines[1]
    assert "the deterministic order cost 1.2% of worker time." in lines[1]
    assert lines[2].replace(" ", "") == "digest" + handmade.mixed().digest
    assert sum(" #" in line for line in lines) == 5
    assert lines[-1] == "The test set has not been evaluated."
    assert "mnist-bench reproduce conv-0 " in result.stderr
    assert "retrain #1 and compare bit for bit" in result.stderr
    assert "next:" not in result.stdout


@pytest.fixture
def ends(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return the command over a search that ends with this study."""

    def search(study: StoredStudy, *words: str, reached: bool = True) -> Result:
        monkeypatch.setattr("mnist_bench.searches.running.run", lambda *_: ended(study, reached=reached))
        return cli("search", "conv", *words)

    return search


def test_a_search_that_ended_early_says_why_and_how_to_go_on(ends: Callable[..., Result]) -> None:
    result = ends(handmade.ended_early(), "--patience", "3")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[2] == "Stopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was better."
    assert "any run of this search with --patience 3, at any number of workers on this kind of processor" in lines[4]
    assert "Stopped before its trial budget" not in result.stderr
    assert "The same command without --patience 3, or with a larger one, continues to 9 trials; p" in result.stderr


def test_a_target_is_a_share_or_one_sentence(cli: Cli, asked: list[SearchConfig]) -> None:
    for text in ("99.4%", "0.994", " 99.4 % "):
        assert cli("search", "conv", "--target", text).exit_code == 0
    assert [one.target for one in asked] == [0.994] * 3
    words = "Error: target=99.4: give a validation accuracy, above 0 and up to 1.\n"
    assert cli("search", "conv", "--target", "99.4").stderr == words
    for wrong, sentence in (
        ({"target": 99.4}, r"^target=99\.4: give a validation accuracy, above 0 and up to 1\.$"),
        ({"patience": 0}, r"^patience=0: give a whole number of at least 1\.$"),
    ):
        with pytest.raises(UsageError, match=sentence):
            SearchConfig(space="conv", **wrong)


def test_a_search_by_arrival_promises_no_repetition(ends: Callable[..., Result]) -> None:
    by_arrival = replace(WHOLE, spec={**WHOLE.spec, "order": "as-completed"})
    lines = ends(by_arrival, "--order", "as-completed").stdout.splitlines()
    assert lines[1].endswith("; reports were used in completion order.")
    assert lines[3].startswith("       (decided in completion order: another run of this search may give a different ")
    assert "`mnist-bench doctor conv-0 --replay" in lines[3]


@pytest.mark.parametrize(
    ("portable", "sampler", "where"),
    [
        (True, "curves", ""),
        (True, "tpe", " on this kind of processor"),
        (False, "curves", " on this kind of processor"),
    ],
)
def test_a_portable_search_promises_the_same_on_every_processor(
    ends: Callable[..., Result], portable: bool, sampler: str, where: str
) -> None:
    promised = ends(replace(WHOLE, spec={**WHOLE.spec, "portable": portable, "sampler": {"name": sampler}})).stdout
    assert f"       (any run of this search, at any number of workers{where}, gives this)\n" in promised


@pytest.mark.parametrize(
    ("verdict", "code", "sentence"),
    [
        ("identical", 0, "equal to the published digest (Zen 3, Zen 4)"),
        ("cannot tell", 0, "published with torch 2.13, this is torch 2.14: another digest is expected"),
        ("differs", 4, "not the published digest; `mnist-bench doctor` examines this machine"),
    ],
)
def test_the_end_compares_the_digest_with_the_published_one(
    verdict: Verdict, code: int, sentence: str, cli: Cli, asked: list[SearchConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ComparedDigest(digest="0" * 64, processors=("Zen 3", "Zen 4"), verdict=verdict, sentence=sentence)
    monkeypatch.setattr("mnist_bench.leaderboard.ranking.compared", lambda study: found)
    told, as_json = cli("search", "conv"), cli("search", "conv", "--json")
    assert told.stdout.splitlines()[4] == f"       {sentence}"
    published = json.loads(as_json.stdout)["studies"][0]["published"]
    assert (published["verdict"], published["sentence"]) == (verdict, sentence)
    assert (told.exit_code, as_json.exit_code) == (code, code)


def test_a_search_stopped_by_ctrl_c_says_how_to_go_on_and_exits_with_130(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(options: SearchConfig, observer: Observer, stopping: Callable[[], bool], command: str) -> Run:
        assert not stopping()
        signal.raise_signal(signal.SIGINT)
        assert stopping()
        return ended(handmade.mixed(totals=(50,)), reached=False)

    monkeypatch.setattr("mnist_bench.searches.running.run", run)
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml", "--trials", "50"])
    result = cli("search", "my conv.yaml", "--trials", "50")
    assert result.exit_code == 130
    assert "Ctrl-C again stops at once" in result.stderr
    assert "mnist-bench search 'my conv.yaml' --trials 50" in result.stderr
    assert "(of 6 of 50 trials so far)" in result.stdout


def test_a_search_stopped_by_its_timeout_exits_with_0(ends: Callable[..., Result]) -> None:
    result = ends(handmade.mixed(), "--timeout", "1", reached=False)
    assert result.exit_code == 0
    assert "To resume:" in result.stderr


def test_a_search_without_a_complete_trial_offers_no_reproduction(ends: Callable[..., Result]) -> None:
    empty = ends(handmade.study([], budget=5))
    assert empty.exit_code == 0
    assert "none finished" in empty.stdout
    assert "rank" not in empty.stdout
    pruned = ends(handmade.study([handmade.trial(0, range(9), periods=1)])).stderr
    assert "No trial is complete. mnist-bench leaderboard conv-0 shows how they ended." in pruned
    assert "reproduce" not in pruned
    failed = ends(handmade.study([handmade.trial(0, curve=[None])]))
    assert failed.exit_code == 1
    assert "Every trial diverged: no value was finite." in failed.stderr


def test_advice_repeats_the_options_that_the_next_commands_know(cli: Cli) -> None:
    given = SearchConfig(space="conv", results=Path("my runs"), data=Path("data"), device="cpu")
    lines = [line for line in ending.advice(ended(kept(given)), given)[1:] if "optuna-dashboard" not in line]
    assert all("--results 'my runs'" in line for line in lines)
    for line in lines:
        words = shlex.split(line.removeprefix("next:"))
        assert unknown_options(cli(words[1], "--help", columns=200).stdout, words) == []
    having = {name: [line.split()[-1] for line in lines if f" {name} " in line] for name in ("--data", "--device")}
    assert [len(found) for found in having.values()] == [6, 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"results": Path("my runs")}, " --results 'my runs'"),
        ({"data": Path("few.npz"), "device": "cpu"}, " --data few.npz --device cpu"),
    ],
)
def test_the_command_below_the_table_confirms_the_study_that_was_searched(
    cli: Cli, options: dict[str, Any], words: str
) -> None:
    given = SearchConfig(space="conv", **options)
    (table,) = ending.result_of(ended(kept(given)), given, seconds=1.0, stopping=False).tables
    assert f"  `mnist-bench confirm conv-0{words}` retrains them with fresh seeds." in table.footnotes


def test_a_neighbour_that_cannot_be_read_does_not_end_the_search_in_an_error(cli: Cli) -> None:
    neighbour = StudyFolder(Path("results/damaged")).database
    neighbour.parent.mkdir(parents=True)
    neighbour.write_bytes(b"no database" * 100)
    (table,) = ending.result_of(ended(), SearchConfig(space="conv"), seconds=1.0, stopping=False).tables
    assert "  `mnist-bench confirm conv-0` retrains them with fresh seeds." in table.footnotes


def test_advice_is_of_the_study() -> None:
    front = ending.advice(ended(handmade.two_objectives()), SearchConfig(space="conv"))
    assert any("mnist-bench confirm two --front " in line for line in front)
    plain = ending.advice(ended(), SearchConfig(space="conv"))
    assert any(line.endswith("   which settings matter, and other plots, into results/conv-0/plots") for line in plain)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "--trials 12 --workers 2 --patience 5",
            (
                "11 ranges, 12 trials of at most 3 epochs, curves", "8 concurrent trials on 2 workers, patience 5.",
                "s with 2 workers: a rough estimate, for idle cores of ", "optim.lr 0.",
            ),
        ),
        (
            "--trials 1 --workers 1 --concurrent-trials 1 --set epochs=1",
            ("11 ranges, 1 trial of at most 1 epoch, ", "1 concurrent trial on 1 worker."),
        ),
        ("--executor in-process --workers 4", ("8 concurrent trials on 1 worker.", " with 1 worker: a rough ")),
        (
            "--sampler tpe --set 'objective=[val_accuracy, macs]'",
            ("50 trials of at most 3 epochs, high accuracy and few MACs, tpe",),
        ),
    ],
)  # fmt: skip
def test_a_dry_run_says_what_would_run_and_trains_nothing(
    cli: Cli, asked: list[SearchConfig], words: str, told: tuple[str, ...]
) -> None:
    result = cli("search", "smoke", "--dry-run", *shlex.split(words))
    assert result.exit_code == 0
    for text in told:
        assert text in result.stdout
    assert asked == []
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("name", "taken_for"),
    [("digits", "plot digits` draws a plot"), ("run.json", "reproduce run.json` reads a file")],
)
def test_a_new_study_has_no_name_that_other_commands_take_for_something_else(
    cli: Cli, asked: list[SearchConfig], monkeypatch: pytest.MonkeyPatch, name: str, taken_for: str
) -> None:
    result = cli("search", "smoke", "--study-name", name)
    assert (result.exit_code, asked) == (2, [])
    assert taken_for in result.stderr
    monkeypatch.setattr("mnist_bench.searches.setup.specification", lambda files: {})
    cli("search", "smoke", "--study-name", name)
    assert [search.study_name for search in asked] == [name], "one that is there goes on"


def test_the_time_on_a_gpu_is_not_estimated(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.preview.kind_of", lambda device, precision: "cuda")
    assert "\nThe time cannot be estimated on a GPU: none was measured.\n" in cli("search", "smoke", "--dry-run").stdout


def test_a_dry_run_refuses_what_the_search_would(cli: Cli) -> None:
    Path("odd.yaml").write_text("optim: {batch_size: 8}\n")
    for words, sentence in (
        ("--enqueue nosuch.yaml", "--enqueue nosuch.yaml: no such file or bundled recipe, and no study nosuch.yaml in"),
        ("--enqueue odd.yaml", "--enqueue odd.yaml: "),
        (f"--sampler {own_code.write(Path(), own_code.UNSEEDED)}", "mine.py:Mine: not repeatable: asked again after "),
    ):
        result = cli("search", "smoke", "--dry-run", *words.split())
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in result.stderr


DRY_RUNS = """
search = "search fast.yaml --seed 0 --workers 1"
run(f"{search} --data few.npz --executor in-process -n 3")
run(f"{search} --data few.npz --dry-run -n 3")
run(f"{search} --data few.npz --dry-run -n 5")
run(f"{search} --data fewer.npz --dry-run -n 5")
"""
FAST = """
name: fast
epochs: 1
model: {blocks: 0, hidden_layers: 1, hidden_units: {int: [4, 16]}}
optim: {lr: {float: [1e-3, 1e-1], log: true}, batch_size: 50}
search: {sampler: random, pruner: none}
"""


@pytest.mark.slow
def test_a_dry_run_over_a_study_that_is_there_says_what_is_left(in_one_process: InOneProcess, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    for name, images in (("few", 400), ("fewer", 200)):
        write_npz(tmp_path / f"{name}.npz", arrays(classes=4, side=8, channels=1, train=images))
    searched, ended, further, other = in_one_process(tmp_path, DRY_RUNS).values()
    assert searched.code == 0, searched.err
    assert ended.code == 0, ended.err
    assert ended.out.endswith("Study fast-0 in results/ has ended; nothing is left to train.\n")
    assert "Takes" not in ended.out
    assert re.search(r"^Takes about .* with 1 worker for the 2 trials still to end: a rough", further.out, re.M)
    assert other.code == FingerprintError.exit_code
    assert "Study fast-0 was made under other conditions" in other.err


@pytest.mark.slow
def test_a_dry_run_warns_and_says_what_share_is_infeasible(cli: Cli) -> None:
    result = cli("search", "conv", "--dry-run", "--set", "optim.batch_size={choice: [64]}")
    assert "warning: optim.batch_size: a range of one value" in result.stderr
    assert re.search(r"^\d\d% of random configurations exceed a limit; they are not trained", result.stdout, re.M)


@pytest.mark.slow
def test_a_dry_run_says_that_a_list_is_tried_first(cli: Cli) -> None:
    told = "Tries 10 configurations first that did well in conv-5k and conv-5k-wrong: at most "
    assert told in cli("search", "conv", "--dry-run").stdout


def test_what_was_given_for_a_recipe_is_given_to_train(cli: Cli) -> None:
    for words in ((), ("--dry-run",)):
        result = cli("search", "notebook/linear", *words)
        assert result.exit_code == 2
        assert "nothing to search, because it has no range; use `mnist-bench train notebook/linear`" in result.stderr
    own_nets.write(Path(), own_nets.GOOD, "my nets.py")
    Path("one.yaml").write_text("net: {width: 4}\n")
    given = "--set optim.lr=0.1 --set dataset=kmnist --net 'my nets.py:build'"
    assert f"use `mnist-bench train one.yaml {given}`." in cli("search", "one.yaml", *shlex.split(given)).stderr


def resumed(*starts: float) -> StoredStudy:
    """Return a study of one trial whose periods of 1.5 s started so many seconds after a moment."""
    runs = [(0, 1e9 + start, 1.5, 1e9 + start + 2) for start in starts]
    return handmade.study([handmade.trial(0, range(5), runs=runs, planned=len(runs))])


def test_the_time_of_earlier_runs_is_told_apart_from_this_ones(ends: Callable[..., Result]) -> None:
    study = resumed(10, 12, 100, 1000, 1002)  # before 1000 s: 10 to 13.5 s, a pause, and 100 to 101.5 s
    assert ending.seconds_before(study, 1e9 + 1000) == pytest.approx(5)
    assert ending.seconds_before(study, 1e9 + 10) == 0
    assert ending.seconds_before(WHOLE, 1e9 + 1000) == 0
    line = ends(resumed(10, 200)).stdout.splitlines()[1]
    assert re.match(r"1 trial in 0\.\d s \(this run, after 3\.0 s of training in earlier ones\): 1 complete\.", line)


FROM_A_STUDY = """
search = "search fast.yaml --data few.npz --executor in-process --device cpu --concurrent-trials 2"
wider = f"{search} --study-name wide --set 'model.hidden_units={{int: [4, 32]}}' --enqueue fast-0 --enqueue own.yaml"
for line in (
    f"{search} -n 4",
    f"{search} -n 4 --set 'model.hidden_units={{int: [4, 32]}}'",
    f"{wider} -n 8 --dry-run",
    f"{wider} -n 3",
    "studies remove fast-0 --yes",
    f"{wider} -n 8",
    f"{wider} -n 8 --patience 50",
    "doctor wide --replay",
    "show wide/0 --json",
    "show wide/0 --why",
    "show wide/5 --why",
    "show wide",
):
    run(line)
"""


@pytest.mark.slow
def test_a_search_keeps_the_trials_of_a_study_that_is_removed(in_one_process: InOneProcess, tmp_path: Path) -> None:
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "own.yaml").write_text(
        "epochs: 1\nmodel: {blocks: 0, hidden_layers: 1, hidden_units: 5}\noptim: {lr: 0.01, batch_size: 50}\n"
    )
    write_npz(tmp_path / "few.npz", arrays(classes=4, side=8, channels=1, train=400))
    ran = in_one_process(tmp_path, FROM_A_STUDY).values()
    searched, refused, tried, begun, removed, done, again, examined, trial, why, later, shown = ran
    assert (searched.code, searched.err and refused.code) == (0, 2), searched.err
    assert "with --enqueue fast-0 it begins with the best trials of this study." in refused.err
    counts = "Begins with 4 of 4 complete trials of fast-0: the best that lie in this space, trained again."
    assert counts in tried.out
    assert counts in begun.err
    assert counts not in done.err
    assert [each.code for each in (begun, removed, done, again, examined)] == [0] * 5, done.err
    digest = done.out.split("digest")[-1].split()[:4]
    assert again.out.split("digest")[-1].split()[:4] == digest
    assert "replay" in examined.out
    origin = why.out.split("hyperparameters of ")[-1].split(".")[0]
    assert origin in {f"fast-0/{number}" for number in range(4)}
    assert "Drawn at random by random; " in later.out, later.err
    assert json.loads(trial.out)["seed"] is not None
    assert "begins with 4 trials of fast-0" in shown.out
