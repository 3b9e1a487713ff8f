from __future__ import annotations

import json
import re
import shlex
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.cli import ending
from mnist_bench.published import ComparedDigest, Verdict
from mnist_bench.searches.config import SearchConfig
from search.driver.progress import Observer
from search.driver.run import Run
from search.errors import FingerprintError
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import handmade, own_code, own_nets
from support.commands import in_one_process, unknown_options
from support.own_data import arrays, write_npz

Cli = Callable[..., Result]
WHOLE = handmade.study([handmade.trial(0), handmade.trial(1, range(3))])
GIVEN = "--set optim.lr=0.1 --set dataset=kmnist --net 'my nets.py:build'"


def ended(study: StoredStudy | None = None, *, reached: bool = True) -> Run:
    return Run(study=study or handmade.mixed(), reached=reached, order_cost=0.012)


@dataclass
class Searched:
    """Stands in for the search: remembers what was asked, and ends as it is told to."""

    run: Run = field(default_factory=ended)
    asked: list[SearchConfig] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    interrupted: bool = False

    def __call__(self, config: SearchConfig, observer: Observer, stopping: Callable[[], bool], command: str) -> Run:
        self.asked.append(config)
        self.commands.append(command)
        assert not stopping()
        if self.interrupted:
            signal.raise_signal(signal.SIGINT)
            assert stopping()
        return self.run


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> Searched:
    made = Searched()
    monkeypatch.setattr("mnist_bench.searches.running.run", made)
    return made


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (
            "-n 7 --timeout 1m --trial-timeout 9s --workers 3 --concurrent-trials 4 --seed 5 --set optim.lr=0.01 "
            "--set epochs=3 --enqueue recipe.yaml --device cpu --study-name mine --results out --data data "
            "--executor local --order as-completed --patience 9 --target 99.4%",
            {
                "trials": 7, "timeout": 60.0, "trial_timeout": 9.0, "workers": 3, "concurrent_trials": 4, "seed": 5,
                "overrides": ("optim.lr=0.01", "epochs=3"), "enqueue": ("recipe.yaml",), "device": "cpu",
                "study_name": "mine", "results": Path("out"), "data": Path("data"), "order": "as-completed",
                "patience": 9, "target": 0.994,
            },
        ),
        (
            "--sampler '{name: mine.py:Mine, times: 3, kind: wide}' --pruner mine.py:Stop --executor ray",
            {
                "sampler": {"name": "mine.py:Mine", "times": 3, "kind": "wide"}, "pruner": "mine.py:Stop",
                "executor": "ray",
            },
        ),
        ("--target 0.994", {"target": 0.994}),
        ("--target ' 99.4 % '", {"target": 0.994}),
    ],
)  # fmt: skip
def test_options_reach_the_search(
    cli: Cli, searched: Searched, monkeypatch: pytest.MonkeyPatch, words: str, options: dict[str, Any]
) -> None:
    arguments = ["search", "my space.yaml", *shlex.split(words)]
    monkeypatch.setattr("sys.argv", ["/usr/bin/mnist-bench", *arguments])
    assert cli(*arguments).exit_code == 0
    assert searched.asked == [SearchConfig(space="my space.yaml", **{"results": Path("results"), **options})]
    assert searched.commands == [shlex.join(["mnist-bench", *arguments])]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("conv --trials 0", "--trials"),
        ("conv --trial-timeout 0", "--trial-timeout"),
        ("conv --patience 0", "--patience"),
        ("conv --target 0", "target"),
        ("conv --target 101%", "target"),
        ("conv --target good", "--target"),
        ("conv --target 99.4", "Error: target=99.4: give a validation accuracy, above 0 and up to 1.\n"),
        ("conv --workers x", "--workers"),
        ("conv --executor dask", "--executor"),
        ("conv --order random", "--order"),
        ("conv --set dataset=cifar --dry-run", "dataset"),
        ("conv --sampler {", "--sampler"),
        ("conv --seed -1", "--seed"),
        ("", "SPACE"),
        ("smoke --study-name digits", "plot digits` draws a plot"),
        ("smoke --study-name run.json", "reproduce run.json` reads a file"),
        (
            "smoke --dry-run --enqueue nosuch.yaml",
            "--enqueue nosuch.yaml: no such file or bundled recipe, and no study",
        ),
        ("smoke --dry-run --enqueue odd.yaml", "--enqueue odd.yaml: "),
        ("smoke --dry-run --sampler mine.py:Mine", "mine.py:Mine: not repeatable: asked again after "),
    ],
)
def test_what_cannot_be_searched_is_named_before_it_is(cli: Cli, searched: Searched, wrong: str, sentence: str) -> None:
    Path("odd.yaml").write_text("optim: {batch_size: 8}\n")
    own_code.write(Path(), own_code.UNSEEDED)
    result = cli("search", *shlex.split(wrong))
    assert (result.exit_code, result.stdout, searched.asked) == (2, "", [])
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("recipe", "given"), [("notebook/linear", ""), ("notebook/linear --dry-run", ""), ("one.yaml", GIVEN)]
)
def test_what_was_given_for_a_recipe_is_given_to_train(cli: Cli, recipe: str, given: str) -> None:
    own_nets.write(Path(), own_nets.GOOD, "my nets.py")
    Path("one.yaml").write_text("net: {width: 4}\n")
    result = cli("search", *shlex.split(f"{recipe} {given}"))
    assert result.exit_code == 2
    train = f"mnist-bench train {recipe.split()[0]} {given}".rstrip()
    assert f"nothing to search, because it has no range; use `{train}`." in result.stderr


def test_a_study_that_is_there_goes_on_whatever_its_name(
    cli: Cli, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_bench.searches.setup.specification", lambda files: {})
    assert cli("search", "smoke", "--study-name", "digits").exit_code == 0
    assert [search.study_name for search in searched.asked] == ["digits"]


def resumed(*starts: float) -> StoredStudy:
    """Return a study of one trial whose periods of 1.5 s started so many seconds after a moment."""
    runs = [(0, 1e9 + start, 1.5, 1e9 + start + 2) for start in starts]
    return handmade.study([handmade.trial(0, range(5), runs=runs, planned=len(runs))])


def of(**spec: Any) -> Run:
    return ended(handmade.changed(WHOLE, **spec))


HERE = " on this kind of processor"
REPEATS = "       (any run of this search, at any number of workers{}, gives this)\n"


@pytest.mark.parametrize(
    ("run", "words", "code", "printed", "noted"),
    [
        pytest.param(
            ended(), "", 0,
            [
                "\n6 trials in 0.", "3 complete, 2 pruned, 1 failed, 1 paused (and 1 infeasible). Pruning saved 8 of",
                "the deterministic order cost 1.2% of worker time.\n", "\nThe test set has not been evaluated.\n",
            ],
            ["mnist-bench reproduce conv-0 ", "retrain #1 and compare bit for bit", "which settings matter, and other "
             "plots, into results/conv-0/plots\n"],
            id="whole",
        ),
        pytest.param(ended(handmade.two_objectives()), "", 0, [], ["mnist-bench confirm two --front "], id="two"),
        pytest.param(
            ended(handmade.ended_early()), "--patience 3", 0,
            [
                "\nStopped early by --patience 3: 3 trials ended since #0 (99.00%), and none was better.\n",
                "any run of this search with --patience 3, at any number of workers on this kind of processor",
            ],
            ["The same command without --patience 3, or with a larger one, continues to 9 trials; p"],
            id="ended early",
        ),
        pytest.param(
            of(order="as-completed"), "--order as-completed", 0,
            [
                "; reports were used in completion order.\n",
                "       (decided in completion order: another run of this search may give a different ",
                "`mnist-bench doctor conv-0 --replay",
            ],
            [], id="by arrival",
        ),
        pytest.param(of(portable=True, sampler={"name": "curves"}), "", 0, [REPEATS.format("")], [], id="portable"),
        pytest.param(of(portable=True, sampler={"name": "tpe"}), "", 0, [REPEATS.format(HERE)], [], id="portable tpe"),
        pytest.param(of(portable=False, sampler={"name": "curves"}), "", 0, [REPEATS.format(HERE)], [], id="usual"),
        pytest.param(
            ended(handmade.mixed(), reached=False), "--timeout 1", 0, [], ["To resume:"], id="timeout"
        ),
        pytest.param(
            ended(handmade.study([], budget=5)), "", 0, ["none finished"],
            ["No trial is complete. mnist-bench leaderboard conv-0 shows how they ended."], id="no trial",
        ),
        pytest.param(
            ended(handmade.study([handmade.trial(0, curve=[None])])), "", 1, ["1 pruned"],
            ["Every trial diverged: no value was finite."], id="diverged",
        ),
        pytest.param(
            ended(resumed(10, 200)), "", 0, [" s (this run, after 3.0 s of training in earlier ones): 1 complete."], [],
            id="resumed",
        ),
    ],
)  # fmt: skip
def test_the_end_says_what_came_of_it_and_what_to_do_next(
    cli: Cli, searched: Searched, run: Run, words: str, code: int, printed: list[str], noted: list[str]
) -> None:
    searched.run = run
    result = cli("search", "conv", *words.split())
    assert result.exit_code == code
    for text in printed:
        assert text in result.stdout
    for text in noted:
        assert text in result.stderr
    assert f"\ndigest {grouped(run.study.digest)}\n" in result.stdout
    assert ("next:" in result.stderr) is (run.reached and run.study.best is not None)
    assert ("Stopped before its trial budget" in result.stderr) is not run.reached
    assert ("rank" in result.stdout) is bool(run.study.trials)


def grouped(digest: str) -> str:
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


@pytest.mark.parametrize(
    ("verdict", "code", "sentence"),
    [
        ("identical", 0, "equal to the published digest (Zen 3, Zen 4)"),
        ("cannot tell", 0, "published with torch 2.13, this is torch 2.14: another digest is expected"),
        ("differs", 4, "not the published digest; `mnist-bench doctor` examines this machine"),
    ],
)
def test_the_end_compares_the_digest_with_the_published_one(
    verdict: Verdict, code: int, sentence: str, cli: Cli, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ComparedDigest(digest="0" * 64, processors=("Zen 3", "Zen 4"), verdict=verdict, sentence=sentence)
    monkeypatch.setattr("mnist_bench.leaderboard.ranking.compared", lambda study: found)
    told, as_json = cli("search", "conv"), cli("search", "conv", "--json")
    assert told.stdout.splitlines()[4] == f"       {sentence}"
    published = json.loads(as_json.stdout)["studies"][0]["published"]
    assert (published["verdict"], published["sentence"]) == (verdict, sentence)
    assert (told.exit_code, as_json.exit_code) == (code, code)


def test_a_search_stopped_by_ctrl_c_says_how_to_go_on_and_exits_with_130(
    cli: Cli, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched.run, searched.interrupted = ended(handmade.mixed(totals=(50,)), reached=False), True
    monkeypatch.setattr("sys.argv", ["x", "search", "my conv.yaml", "--trials", "50"])
    result = cli("search", "my conv.yaml", "--trials", "50")
    assert result.exit_code == 130
    assert "Ctrl-C again stops at once" in result.stderr
    assert "mnist-bench search 'my conv.yaml' --trials 50" in result.stderr
    assert "(of 6 of 50 trials so far)" in result.stdout


@pytest.mark.parametrize(
    ("options", "words", "having"),
    [
        ({}, "", [0, 0]),
        ({"results": Path("my runs")}, " --results 'my runs'", [0, 0]),
        ({"data": Path("few.npz"), "device": "cpu"}, " --data few.npz --device cpu", [6, 3]),
    ],
)
def test_the_next_commands_are_of_the_study_that_was_searched_and_have_the_options_that_they_know(
    cli: Cli, options: dict[str, Any], words: str, having: list[int]
) -> None:
    given = SearchConfig(space="conv", **options)
    study = handmade.kept_in(given.folder, handmade.mixed())
    neighbour = StudyFolder(given.folder / "damaged").database  # one that cannot be read ends no search in an error
    neighbour.parent.mkdir(parents=True)
    neighbour.write_bytes(b"no database" * 100)
    found = ending.result_of(ended(study), given, seconds=1.0, stopping=False)
    assert f"  `mnist-bench confirm conv-0{words}` retrains them with fresh seeds." in found.tables[0].footnotes
    lines = [str(line) for line in found.notes[1:] if "optuna-dashboard" not in str(line)]
    assert ["--results 'my runs'" in line for line in lines] == ["results" in options] * len(lines)
    for line in lines:
        command = shlex.split(line.removeprefix("next:"))
        assert unknown_options(cli(command[1], "--help", columns=200).stdout, command) == []
    assert [sum(f" {name} " in line for line in lines) for name in ("--data", "--device")] == having


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
    cli: Cli, searched: Searched, words: str, told: tuple[str, ...]
) -> None:
    result = cli("search", "smoke", "--dry-run", *shlex.split(words))
    assert result.exit_code == 0
    for text in told:
        assert text in result.stdout
    assert searched.asked == []
    assert not Path("results").exists()


def test_the_time_on_a_gpu_is_not_estimated(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.preview.kind_of", lambda device, precision: "cuda")
    assert "\nThe time cannot be estimated on a GPU: none was measured.\n" in cli("search", "smoke", "--dry-run").stdout


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
def test_a_dry_run_over_a_study_that_is_there_says_what_is_left(tmp_path: Path) -> None:
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


def test_the_time_of_earlier_runs_is_that_before_this_ones_without_pauses() -> None:
    study = resumed(10, 12, 100, 1000, 1002)  # before 1000 s: 10 to 13.5 s, a pause, and 100 to 101.5 s
    found = [ending.seconds_before(each, 1e9 + at) for each, at in ((study, 1000), (study, 10), (WHOLE, 1000))]
    assert found == [pytest.approx(5), 0, 0]


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
def test_a_search_keeps_the_trials_of_a_study_that_is_removed(tmp_path: Path) -> None:
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
