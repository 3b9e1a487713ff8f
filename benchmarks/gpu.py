"""Measure all that a GPU is for, in steps, the most telling first; the whole is to take less than 10 minutes.

    make gpu                                                 every step without a file yet
    python benchmarks/gpu.py conv ladder                     these steps, anew
    python benchmarks/gpu.py --device cpu --rehearsal --output build/gpu    every line but the capture, in little

A step is a process of its own and leaves results/published/gpu/STEP.json as soon as it is done; so a step cannot break
the next one, not even by a device in an unknown state, and a command that was stopped continues where it was. A step
that fails, or takes too long, leaves STEP.failed.txt, which says why, and the next one runs. README.md, written after
each step, compares the figures with their targets. The steps are defined in gpu_steps.py.

An exit code of 1 says that a step failed or ran out of time, or that bits differed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gpu_steps

from mnist_bench.errors import DeviceError
from mnist_bench.numerics.device import find_device
from mnist_bench.training.torch_trainer import UNCAPTURED
from search.study.folder import ResultsFolder, WorkFolder

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "results" / "published" / "gpu"
UNDER_WAY = ROOT / "results" / "_bench" / "gpu"
MINUTES = 10.0
TOLD = 300
"""Lines of a failed step's output, and of its workers' logs, that are kept."""

Figures = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """A figure of a step, and its target."""

    step: str
    what: str
    aim: str
    figure: Callable[[Figures], str]
    met: Callable[[Figures], bool]


def _rung(figures: Figures, target: float) -> Figures:
    found: dict[float, Figures] = {rung["target"]: rung for rung in figures["rungs"]}
    return found[target]


def _seconds(target: float, most: float) -> Goal:
    return Goal(
        step="ladder", what=f"{100 * target:.1f}%, training", aim=f"under {most:g} s",
        figure=lambda found: f"{_rung(found, target)['seconds']:.3g} s",
        met=lambda found: bool(_rung(found, target)["seconds"] < most),
    )  # fmt: skip


def _accuracy(target: float) -> Goal:
    return Goal(
        step="ladder", what=f"{100 * target:.1f}%, ten seeds", aim=f"{100 * target:.1f}% or more, lower bound",
        figure=lambda found: "{:.2f}% from {:.2f}%".format(
            *(100 * _rung(found, target)[name] for name in ("mean", "low"))
        ),
        met=lambda found: bool(_rung(found, target)["met"]),
    )  # fmt: skip


GOALS = (
    Goal(
        step="graphs", what="replayed steps", aim="the bits of steps given out one by one",
        figure=lambda found: f"{sum(net['identical'] for net in found['nets'])} of {len(found['nets'])} nets",
        met=lambda found: all(net["identical"] for net in found["nets"]),
    ),
    Goal(
        step="lanes", what="1 to 16 trials at once", aim="the bits of a trial alone",
        figure=lambda found: f"{sum(row['identical'] for row in found['rows'])} of {len(found['rows'])} numbers",
        met=lambda found: all(row["identical"] for row in found["rows"]),
    ),
    Goal(
        step="conv", what="50 trials of conv.yaml", aim="under 20 s",
        figure=lambda found: f"{found['seconds'][0]:.1f} and {found['seconds'][1]:.1f} s",
        met=lambda found: max(found["seconds"]) < 20,
    ),
    Goal(
        step="conv", what="the same search twice", aim="one digest",
        figure=lambda found: " and ".join(digest[:8] for digest in found["digests"]),
        met=lambda found: len(set(found["digests"])) == 1,
    ),
    _seconds(0.99, 0.25),
    _accuracy(0.99),
    _seconds(0.996, 10),
    _accuracy(0.996),
    Goal(
        step="train_fast", what="train_mnist_fast's recipe", aim="3 times as long as our 99.0%",
        figure=lambda found: f"{found['seconds']:.3f} s, {found['times_ours']:.1f} times as long",
        met=lambda found: bool(found["ours_met"] and found["times_ours"] >= 3),
    ),
    Goal(
        step="conv_gpu", what="the confirmed winner of conv-gpu.yaml", aim="99.72% or more",
        figure=lambda found: f"{100 * found['test']['mean']:.2f}%",
        met=lambda found: bool(found["test"]["mean"] >= 0.9972),
    ),
)  # fmt: skip


def main() -> int:
    """Run the steps that are named, or all that have no file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(gpu_steps.STEPS)
    parser.add_argument("steps", nargs="*", choices=[*names, []], metavar="STEP", help=", ".join(names))
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu (default: cuda)")
    parser.add_argument("--output", type=Path, default=PUBLISHED, help="folder for the files")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="time limit for all steps together")
    parser.add_argument("--rehearsal", action="store_true", help="a rehearsal with small amounts")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # this process is the step
    asked = parser.parse_args()
    if asked.rehearsal and asked.output == PUBLISHED:
        parser.error("a rehearsal's figures are not to be published: name another --output.")
    try:
        find_device(asked.device)
    except DeviceError as error:
        parser.error(f"{error}.")
    asked.output.mkdir(parents=True, exist_ok=True)
    if asked.alone:
        take(asked.steps[0], asked)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a step ends with what runs it
    deadline = time.monotonic() + 60 * asked.minutes
    for step in asked.steps or gpu_steps.STEPS:
        if not asked.steps and (asked.output / f"{step}.json").exists():
            print(f"{step}: done before", flush=True)
            continue
        started = time.monotonic()
        left = deadline - started
        # A step's own limit is for a GPU; a rehearsal runs on any processor.
        why = run(step, asked, left if asked.rehearsal else min(gpu_steps.STEPS[step].seconds, left))
        print(f"{step}: {why or 'done'}, {time.monotonic() - started:.0f} s", flush=True)
        (asked.output / "README.md").write_text(page(asked.output))
    return 0 if all(holds(asked.output, step) for step in asked.steps or gpu_steps.STEPS) else 1


def run(step: str, asked: argparse.Namespace, seconds: float) -> str | None:
    """Run a step as a process; return why it did not finish; its file of failure has the details."""
    for old in (asked.output / f"{step}.json", asked.output / f"{step}.failed.txt"):
        old.unlink(missing_ok=True)
    if seconds <= 0:
        return failed(asked.output, step, "there was no time left for it", "")
    rest = ["--alone", "--device", asked.device, "--output", str(asked.output)]
    command = [sys.executable, __file__, step, *rest, *(["--rehearsal"] if asked.rehearsal else [])]
    # Its output comes through a file, so that the output of a killed step is kept, too.
    said = asked.output / f"{step}.output.txt"
    with said.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, process_group=0)
    try:
        code = process.wait(seconds)
        why = f"exit code {code}" if code else None
    except subprocess.TimeoutExpired:
        why = "out of time"
    finally:  # whatever ends this, a step's commands and their workers end with it
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    text = said.read_text(errors="replace")
    said.unlink()
    return why and failed(asked.output, step, why, "\n".join([text, *workers_logs(folder_of(step, asked))]))


def folder_of(step: str, asked: argparse.Namespace) -> Path:
    """Return where the studies of a step are while it runs."""
    folder: Path = (asked.output / "under-way" if asked.rehearsal else UNDER_WAY) / step
    return folder


def workers_logs(folder: Path) -> list[str]:
    """Return the logs of the workers of all studies in a folder."""
    return [path.read_text(errors="replace") for path in folder.rglob(WorkFolder(folder).workers_log.name)]


def failed(output: Path, step: str, why: str, text: str) -> str:
    """Write why a step failed, with the end of its output, and return the first part."""
    last = "\n".join(text.splitlines()[-TOLD:])
    (output / f"{step}.failed.txt").write_text(f"{why}\n\n{last}\n")
    return f"failed: {why}"


def take(step: str, asked: argparse.Namespace) -> None:
    """Do a step in this process and write its file."""
    results = folder_of(step, asked)
    clear(results, asked.output)  # half of an earlier try would make the figures of time untrue
    amounts = gpu_steps.REHEARSAL if asked.rehearsal else gpu_steps.FULL
    where = gpu_steps.Where(device=asked.device, results=results, amounts=amounts, output=asked.output)
    started = time.monotonic()
    figures = gpu_steps.STEPS[step].take(where)
    whole = {
        "schema_version": 1, "step": step, "step_seconds": round(time.monotonic() - started, 1), **figures,
        "no_longer_captured": sum(log.count(UNCAPTURED) for log in workers_logs(results)),
    }  # fmt: skip
    (asked.output / f"{step}.json").write_text(json.dumps(whole, indent=1) + "\n")
    clear(results, asked.output)


def clear(results: Path, output: Path) -> None:
    """Remove the folder of a step's commands, all but the ledger of the test set's openings."""
    ledger = ResultsFolder(results).openings
    if ledger.exists():
        with (output / ledger.name).open("a") as kept:
            kept.write(ledger.read_text())
    shutil.rmtree(results, ignore_errors=True)


def holds(output: Path, step: str) -> bool:
    """Return whether a step finished, and its bits are equal."""
    found = read(output, step)
    return found is not None and found.get("holds", True)


def read(output: Path, step: str) -> Figures | None:
    """Return a step's figures; None if it has not finished."""
    path = output / f"{step}.json"
    if not path.exists():
        return None
    found: Figures = json.loads(path.read_text())
    return found


def page(output: Path) -> str:
    """Return the page of all that is there so far."""
    found = {step: figures for step in gpu_steps.STEPS if (figures := read(output, step)) is not None}
    lines = ["# On a GPU", ""]
    if "card" in found:
        lines += [f"On {found['card']['machine']}. `make gpu` measures all of it anew.", ""]
    lines += ["| what | to be | measured | |", "|---|---|---|---|", *(goal_line(goal, found, output) for goal in GOALS)]
    lines += ["", "## The steps", "", "| step | took | |", "|---|---:|---|", *steps_lines(found, output)]
    return "\n".join(lines) + "\n"


def goal_line(goal: Goal, found: Mapping[str, Figures], output: Path) -> str:
    """Return a goal next to the measured figure."""
    if goal.step not in found:
        reason = "failed" if (output / f"{goal.step}.failed.txt").exists() else "not measured yet"
        return f"| {goal.what} | {goal.aim} | {reason} | |"
    figures = found[goal.step]
    try:
        return f"| {goal.what} | {goal.aim} | {goal.figure(figures)} | {'met' if goal.met(figures) else 'missed'} |"
    except (KeyError, TypeError):  # a step of a rehearsal, or of a run that did not end, has not all
        return f"| {goal.what} | {goal.aim} | not measured | |"


def steps_lines(found: Mapping[str, Figures], output: Path) -> Iterable[str]:
    """Yield a line per step: how long it took, and its file, or why there is none."""
    for step in gpu_steps.STEPS:
        why = output / f"{step}.failed.txt"
        if step in found:
            yield f"| {step} | {found[step]['step_seconds']:.0f} s | [{step}.json]({step}.json) |"
        elif why.exists():
            yield f"| {step} | – | failed: {why.read_text().splitlines()[0]} ([{why.name}]({why.name})) |"
        else:
            yield f"| {step} | – | not yet |"


if __name__ == "__main__":
    sys.exit(main())
