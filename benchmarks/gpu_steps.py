"""The steps of gpu.py, which measure on a GPU or rehearse on a CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import torch
from gpu_training import again, first_periods, in_lanes, kernels_a_step, trained

from mnist_bench.bench import speed as speed_module
from mnist_bench.bench.speed import plain
from mnist_bench.config.json import from_json
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.numerics import kinds, machine
from mnist_bench.numerics.canaries.canary import canary
from mnist_bench.numerics.device import choose_precision, setup
from mnist_bench.numerics.precision import best_precision
from mnist_bench.space_files import space_sources
from mnist_bench.training.cuda.graphs import recorder
from mnist_bench.training.torch_trainer import TorchTrainer
from search.study.studies import open_study
from search.trainer_api import finish

ROOT = Path(__file__).parent.parent
PROGRAM = (sys.executable, "-c", "from mnist_bench.cli.app import main; main()")
RECORD = ROOT / "results" / "published" / "conv" / "RECORD.json"
NETS = ("ladder/99.4", "notebook/batchnorm")
"""Recipes whose steps are replayed, in addition to the winner of the published search."""
PERIODS = 5
"""Of that winner, which the lanes train; the later ones are replayed in groups."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Amounts:
    """How much of everything is done."""

    subset: int | None
    """Images of the data set; None for all."""
    epochs: int
    """Of each net whose steps are replayed."""
    lanes: tuple[int, ...]
    groups: tuple[int, ...]
    """Steps captured as one."""
    search: tuple[str, ...]
    """The space that is searched twice, and the number of trials."""
    speed_images: tuple[int, int] | None
    """Training and validation images of a pass of `bench speed`; None for its own."""
    repeats: int
    targets: tuple[str, ...]
    seeds: int
    runs: int
    large_search: tuple[str, ...]
    confirm: tuple[str, ...]


FULL = Amounts(
    subset=None, epochs=3, lanes=(1, 2, 4, 8, 16), groups=(1, 4, 8, 16), search=("conv", "--trials", "50"),
    speed_images=None, repeats=3, targets=("99.0", "99.4", "99.6"), seeds=10, runs=10,
    large_search=("conv-gpu", "--trials", "50"), confirm=("--top", "1", "--budget", "3m"),
)  # fmt: skip
_NET = ("model.filters=16", "model.blocks=3", "model.convs_per_block=1")
_SMALL = ("subset=1000", "epochs=1", "periods=[0.5, 1]", *_NET)
_FEW = ("--trials", "2", *(f"--set={change}" for change in _SMALL))
REHEARSAL = Amounts(
    subset=600, epochs=3, lanes=(1, 2), groups=(1, 2), search=("conv", *_FEW, "--no-warm-start"),
    speed_images=(256, 250), repeats=1, targets=("99.0",), seeds=1, runs=1, large_search=("conv-gpu", *_FEW),
    confirm=("--top", "1"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """What is measured, and where files go."""

    device: str
    results: Path
    """Of the commands; it goes when the step has ended."""
    output: Path
    """Of the steps' files."""
    amounts: Amounts


Figures = dict[str, Any]


def card(where: Where) -> Figures:
    """Say what the card is, whether it computes the same bits twice, and what its start takes."""
    started = time.perf_counter()
    device = setup(where.device)
    torch.zeros(1, device=device)
    seconds = {"start": time.perf_counter() - started}
    canaries = {}
    for precision in ("bf16", "fp32"):
        before = time.perf_counter()
        chosen = choose_precision(device, precision)
        canaries[precision] = [canary(str(device), chosen), canary.__wrapped__(str(device), chosen)]
        seconds[f"canary {precision}"] = time.perf_counter() - before
    precision = best_precision(device)
    data, before = load_dataset(DataOptions(subset=where.amounts.subset), device), time.perf_counter()
    described = TorchTrainer(data, precision, record=recorder(device) or again).numerics
    seconds["check of graphs"] = time.perf_counter() - before
    return {
        "machine": machine.sentence(machine.this_machine(device, precision)), "numerics": described,
        "memory": torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None,
        "canaries": canaries, "seconds": seconds,
        "holds": described["graphs"] == "on" and all(first == second for first, second in canaries.values()),
    }  # fmt: skip


def tests(where: Where) -> Figures:
    """Run the tests that need a GPU."""
    options = ("-q", "-m", "gpu", "tests/mnist_bench/training")
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    end = done.stdout.splitlines()[-1]
    return {"command": f"pytest {' '.join(options)}", "said": end, "holds": done.returncode == 0}


def graphs(where: Where) -> Figures:
    """Train nets with and without captured steps. Are the bits the same? How long do groups of steps take?"""
    device, data, precision = prepared(where)
    rows: list[Figures] = []
    for name, config in nets(where).items():
        eager, seconds = trained(config, data, precision, None, 1)
        runs = {
            group: trained(config, data, precision, recorder(device) or again, group) for group in where.amounts.groups
        }
        by_group = {str(group): last for group, (_, last) in runs.items()}
        row = {
            "net": name, "batch": config.optim.batch_size, "seconds": {"one by one": seconds, **by_group},
            "identical": all(outcomes == eager for outcomes, _ in runs.values()),
        }  # fmt: skip
        print(json.dumps(row), flush=True)  # which a failure leaves behind
        rows.append(row)
    for row, config in zip(rows, nets(where).values(), strict=True):  # last: a profiler slows what follows it
        row["kernels_a_step"] = kernels_a_step(config, data, precision)
    return {
        "nets": rows, "epochs": where.amounts.epochs, "images": len(data.train),
        "seconds_are": "of the last epoch, by steps captured as one",
        "holds": all(row["identical"] for row in rows),
    }  # fmt: skip


def lanes(where: Where) -> Figures:
    """Train seeds of one net alone and in lanes: the same bits, and how much faster?"""
    device, data, precision = prepared(where)
    most = max(where.amounts.lanes)
    trainer = TorchTrainer(data, precision, record=recorder(device) or again, device_cache=most)
    config, seeds = winner(where), range(most)
    alone = [finish(first_periods(trainer, config, seed, PERIODS)) for seed in seeds]
    schedule = Schedule(config=config, images=len(data.train))
    images = most * sum(schedule.images_of(schedule.steps(period)) for period in range(1, PERIODS + 1))
    rows = []
    for count in where.amounts.lanes:
        before = time.perf_counter()
        found = in_lanes(trainer, config, seeds, count, PERIODS)
        seconds = time.perf_counter() - before
        row = {"lanes": count, "identical": found == alone, "seconds": seconds, "images_per_second": images / seconds}
        rows.append(row)
    return {"trials": most, "rows": rows, "holds": all(row["identical"] for row in rows)}


def conv(where: Where) -> Figures:
    """Search conv.yaml twice."""
    found = [searched(where, where.amounts.search, f"conv-{number}") for number in (1, 2)]
    digests = [study["digest"] for study, _ in found]
    best = found[0][0]["rows"][0]
    return {
        "command": f"mnist-bench search {' '.join(where.amounts.search)} --device {where.device}", "digests": digests,
        "seconds": [seconds for _, seconds in found], "best": {"trial": best["number"], "accuracy": best["accuracy"]},
        "graphs": found[0][0]["graphs"], "holds": len(set(digests)) == 1,
    }  # fmt: skip


def speed(where: Where) -> Figures:
    """Measure what `mnist-bench bench speed` does, with captured steps among the rest."""
    if where.amounts.speed_images:
        kind = torch.device(where.device).type
        speed_module.IMAGES[kind], speed_module.EVALUATED[kind] = where.amounts.speed_images
    options = speed_module.SpeedOptions(repeats=where.amounts.repeats, workers=1, device=where.device, precision="auto")
    found = speed_module.measure_speed(options, lambda number: print(f"round {number}", flush=True))
    return {"command": f"mnist-bench bench speed --device {where.device}", "speed": plain(found)}


def ladder(where: Where) -> Figures:
    """Train the ladder's recipes."""
    line = ("bench", "ladder", *where.amounts.targets, "--seeds", str(where.amounts.seeds))
    found = said(where, *line, "--json")
    return {"command": f"mnist-bench {' '.join(line)} --device {where.device}", **found}


def train_fast(where: Where) -> Figures:
    """Time the recipe of train_mnist_fast, float32 in PyTorch's own steps, and mnist-bench's for the same accuracy."""
    rung = json.loads((where.output / "ladder.json").read_text())["rungs"][0]
    line = ["benchmarks/peers/train_fast.py", "--device", where.device, *images(where)]
    timed, held_out = (script(*line, "--runs", str(where.amounts.runs), *options) for options in ((), ("--held-out",)))
    theirs = median(run["seconds"] for run in timed)
    return {
        "command": f"python {' '.join(line)} --runs {where.amounts.runs}", "seconds": theirs, "ours": rung["seconds"],
        "ours_met": rung["met"], "times_ours": theirs / rung["seconds"], "runs": timed,
        "held_out_accuracy": mean(run["accuracy"] for run in held_out),
    }  # fmt: skip


def conv_gpu(where: Where) -> Figures:
    """Search conv-gpu.yaml and confirm its winner."""
    study, seconds = searched(where, where.amounts.large_search, "conv-gpu-1")
    print(json.dumps(study), flush=True)
    before = time.perf_counter()
    confirmed = said(where, "confirm", "conv-gpu-1", *where.amounts.confirm, "--json")
    final = next(net for net in confirmed["finals"] if net["number"] == confirmed["winner"])
    options = (" ".join(where.amounts.large_search), " ".join(where.amounts.confirm))
    return {
        "command": f"mnist-bench search {options[0]}; confirm {options[1]}",
        "digest": study["digest"], "counts": study["counts"], "seconds": seconds, "graphs": study["graphs"],
        "confirm_seconds": time.perf_counter() - before, "winner": final["number"], "test": final["test"],
        "committee_errors": final["committee"],
    }  # fmt: skip


class Step(NamedTuple):
    """The function of a step and its time limit: a step that hangs must leave time for the others."""

    take: Callable[[Where], Figures]
    seconds: float


STEPS: Mapping[str, Step] = {
    "card": Step(card, 60),
    "graphs": Step(graphs, 90),
    "conv": Step(conv, 90),
    "ladder": Step(ladder, 150),
    "train_fast": Step(train_fast, 40),
    "lanes": Step(lanes, 90),
    "speed": Step(speed, 120),
    "conv_gpu": Step(conv_gpu, 480),
    "tests": Step(tests, 180),
}
"""In the order in which they run, the most telling first."""


def prepared(where: Where) -> tuple[torch.device, Dataset, kinds.Precision]:
    """Return the device, set up for training, with the data on it and the precision that suits it."""
    device = setup(where.device)
    return device, load_dataset(DataOptions(subset=where.amounts.subset), device), best_precision(device)


def winner(where: Where) -> TrainConfig:
    """Return the winner of the published search; on few images its batches are small, so that it has enough steps."""
    config = from_json(json.loads(RECORD.read_text())["recipe"])
    return config if where.amounts.subset is None else replace(config, optim=replace(config.optim, batch_size=20))


def nets(where: Where) -> dict[str, TrainConfig]:
    """Return the configurations whose steps are replayed, one period per epoch."""
    found = {name: space_sources.recipe(space_sources.load(name)) for name in NETS} | {"conv": winner(where)}
    epochs = where.amounts.epochs
    return {
        name: replace(config, epochs=epochs, periods=(), phases=(), train_on="search_split")
        for name, config in found.items()
    }


def searched(where: Where, space: Sequence[str], name: str) -> tuple[Figures, float]:
    """Search; return the study's leaderboard, and the seconds of the command from its start to its end."""
    before = time.perf_counter()
    command(where, "search", *space, "--study-name", name, "--device", where.device)
    seconds = time.perf_counter() - before
    found: Figures = json.loads(command(where, "leaderboard", name, "--json"))["studies"][0]
    return {**found, "graphs": open_study(where.results, name).spec["numerics"].get("graphs")}, seconds


def said(where: Where, *arguments: str) -> Figures:
    """Return the JSON output of a command that trains on the device."""
    found: Figures = json.loads(command(where, *arguments, "--device", where.device))
    return found


def command(where: Where, *arguments: str) -> str:
    """Return a command's output; its standard error goes to this process's."""
    return printed([*PROGRAM, *arguments, "--results", str(where.results)])


def script(*line: str) -> list[Figures]:
    """Return a script's output, one JSON value per line."""
    return [json.loads(said) for said in printed([sys.executable, *line]).splitlines()]


def printed(line: Sequence[str]) -> str:
    """Return a program's output."""
    return subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def images(where: Where) -> list[str]:
    """Return the option of a script that says on how many images."""
    return [] if where.amounts.subset is None else ["--images", str(where.amounts.subset)]
