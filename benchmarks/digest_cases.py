"""The cases of `digests.py`: what this tree decides and computes, each as one hash.

    python benchmarks/digest_cases.py GROUP     prints {case: [place, hash]}; a place says on what its bits depend

The same file runs in two trees, each with its own environment. So it knows a tree only by doors that both have: the
commands, `search.run`, and the names of tests/support that it imports.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

TREE = Path.cwd()
PROGRAM = str(Path(sys.executable).with_name("mnist-bench"))
DIGEST = re.compile(r"^digest ((?:[0-9a-f]{4} ?){16})", re.MULTILINE)
WEIGHTS = re.compile(r'"weights": ?"([0-9a-f]{64})"')
ERRORS = re.compile(r'"errors": ?\[([\d,\s]*)\]')
SMOKE = ("search", "smoke", "--trials", "20")
KILLED_AT = (0.3, 0.7)
"""Shares of an undisturbed search's events after which the driver is killed."""
SMOKE_EVENTS = 83
TINY = """\
name: judged
epochs: 2
subset: 1200
model:
  blocks: {int: [0, 1]}
  filters: 4
  hidden_units: {levels: [16, 32]}
augment:
  rotation_degrees: {float: [0, 8]}
optim:
  lr: {float: [1e-3, 1e-2], log: true}
"""
PROGRAM_OF_A_STRANGER = """\
import json, sys
rate = float(sys.argv[1])
for step in range(1, 4):
    print(json.dumps({"value": rate * step, "seed": int(sys.argv[2]) % 7}), flush=True)
"""
Cases = Iterator[tuple[str, str, str]]
"""The name, the place and the hash of each case."""


def strategies(folder: Path) -> Cases:
    """Searches with a trainer that takes no time: every sampler and pruner."""
    from search.study.spec import fingerprint
    from support import golden_searches

    for name, options in golden_searches.cases().items():
        study = golden_searches.searched(folder / name.replace(" ", "-"), options)
        yield f"search: {name}", golden_searches.place(options), study.digest
        yield f"fingerprint: {name}", "", fingerprint(study.spec)


def trainings(precision: str) -> Callable[[Path], Cases]:
    """Weights of nets that together use the settings; bf16 is emulated, slowly, where the processor lacks it."""

    def cases(folder: Path) -> Cases:
        from support import golden_weights

        configurations = json.loads((TREE / "tests" / "mnist_bench" / "golden.json").read_text())["cases"]
        canary, weights = golden_weights.trained(configurations, precision)
        yield f"numerics: {precision}", "", canary
        place = f"canary {canary}, torch {'.'.join(installed('torch').split('.')[:2])}"
        for name, value in weights.items():
            yield f"training: {name}, {precision}", place, value

    return cases


def objectives(folder: Path) -> Cases:
    """The three forms of a custom objective."""
    import search

    def function(config: search.Configuration) -> float:
        return float(-((config.x - 2) ** 2) + config.seed % 5)

    def generator(config: search.Configuration) -> Iterator[Mapping[str, float]]:
        for step in range(1, 6):
            yield {"value": float(config.x * step - step**2), "step": step}

    script = folder / "program.py"
    script.write_text(PROGRAM_OF_A_STRANGER)
    words = f"{sys.executable} {script} {{x}} {{seed}}"
    space = {"name": "objective", "x": {"float": [0, 5]}, "kind": {"choice": ["a", "b"]}}
    options: dict[str, Any] = {"trials": 12, "workers": 2}
    study = search.run(function, space, results=folder / "function", **options)
    yield "objective: function", "", study.digest
    study = search.run(generator, space, periods=5, results=folder / "generator", **options)
    yield "objective: generator", "", study.digest
    program = search.Objective.of_command(words)
    study = search.planned(program, space, periods=3, results=folder / "program", **options).run().study
    yield "objective: program", "", study.digest


def smoke(*workers: str) -> Callable[[Path], Cases]:
    """The portable search with worker processes."""

    def cases(folder: Path) -> Cases:
        printed = command(*SMOKE, "--workers", *workers, "--results", str(folder))
        yield f"search smoke, workers: {workers[0]}", "portable", printed_digest(printed)
        yield f"events of smoke, workers: {workers[0]}", "portable", order_of_events(folder / "smoke-0" / "study.db")

    return cases


def killed(folder: Path) -> Cases:
    """The portable search, whose driver is killed twice."""
    words = [PROGRAM, *SMOKE, "--workers", "2", "--results", str(folder)]
    for share in KILLED_AT:
        driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while driver.poll() is None and events_in(folder / "smoke-0" / "study.db") < share * SMOKE_EVENTS:
            time.sleep(0.05)
        if driver.poll() is not None:
            raise RuntimeError("the search ended before it was killed")
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    yield "search smoke, killed twice", "portable", printed_digest(command(*words[1:]))


def order_of_events(database: Path) -> str:
    """Return a hash of the logical times of a study's events: the costs of periods, and the order that follows."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        table = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%events'").fetchone()[0]
        rows = connection.execute(f"SELECT time, trial FROM {table} ORDER BY seq").fetchall()  # noqa: S608
    return hashed([[str(time), str(trial)] for time, trial in rows])


def events_in(database: Path) -> int:
    """Return the number of events in a study's log; 0 if there is none yet."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            named = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%events'").fetchone()
            return int(connection.execute(f"SELECT count(*) FROM {named[0]}").fetchone()[0]) if named else 0  # noqa: S608
    except sqlite3.OperationalError:
        return 0


def judging(folder: Path) -> Cases:
    """`confirm` and `ablate`: the seeds that they draw, and what they train with them."""
    space = folder / "judged.yaml"
    space.write_text(TINY)
    results = ("--workers", "1", "--results", str(folder))
    printed = command("search", str(space), "--trials", "6", "--set", "precision=fp32", *results)
    yield "search of fewer images, fp32", "", printed_digest(printed)
    command("confirm", "judged-0", "--top", "2", *results)
    # Older trees drop candidates that are worse after two seeds, so only those two are compared.
    confirmed = [path.read_text() for path in sorted((folder / "judged-0" / "confirm" / "records").glob("*-[01].json"))]
    yield (
        "confirm: weights of the first two seeds",
        "",
        hashed(sorted({each for text in confirmed for each in WEIGHTS.findall(text)})),
    )
    baseline = "--baseline" if "--baseline" in command("ablate", "--help") else "--from"  # of older trees
    command("ablate", "judged-0", baseline, "notebook/linear", "--seeds", "2", *results)
    (ablation,) = (folder / "judged-0" / "ablation").glob("*.json")
    yield "ablate: errors at each step", "", hashed([each.split() for each in ERRORS.findall(ablation.read_text())])


def spaces(folder: Path) -> Cases:
    """A short search of each bundled space: its order of fields, costs, sampler, pruner and kernels."""
    for path in sorted((TREE / "spaces").glob("*.yaml")):
        words = ("--trials", "5", "--set", "subset=1000", "--workers", "1", "--results", str(folder))
        yield f"space: {path.stem}", "", printed_digest(command("search", path.stem, *words))
        yield f"events: {path.stem}", "", order_of_events(folder / f"{path.stem}-0" / "study.db")


def recipes(folder: Path) -> Cases:
    """Each bundled recipe, trained on few images."""
    for path in sorted(each for kind in ("few", "ladder", "notebook") for each in (TREE / "spaces" / kind).glob("*")):
        name = f"{path.parent.name}/{path.stem}"
        printed = command("train", name, "--set", "subset=1000", "--json", "--results", str(folder))
        yield f"recipe: {name}", "", hashed(WEIGHTS.findall(printed))


def command(*words: str) -> str:
    """Return what a command prints.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mnist-bench {' '.join(words)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def printed_digest(printed: str) -> str:
    """Return the digest in the text that a search prints."""
    found = DIGEST.search(printed)
    if found is None:
        raise RuntimeError(f"no digest was printed: {printed[-500:]}")
    return found[1].replace(" ", "").strip()


def hashed(values: list[str] | list[list[str]]) -> str:
    """Return one hash over values, which may not be missing."""
    if not values:
        raise RuntimeError("there is nothing to hash")
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


GROUPS: Mapping[str, Callable[[Path], Cases]] = {
    "strategies": strategies,
    "trainings portable": trainings("portable"),
    "trainings fp32": trainings("fp32"),
    "trainings bf16": trainings("bf16"),
    "objectives": objectives,
    "smoke": smoke("1"),
    "recipes": recipes,
    "spaces": spaces,
    "judging": judging,
    "killed": killed,
    "smoke two": smoke("2"),
}
QUICK = ("strategies", "trainings portable", "trainings fp32", "trainings bf16", "objectives", "smoke")
"""The groups of `make digests PART=quick`."""


def main() -> None:
    """Run one group and print its cases; one that fails ends the group, and says so as a case."""
    found: dict[str, tuple[str, str]] = {}
    os.environ["PYTHONPATH"] = os.pathsep.join((str(TREE), str(TREE / "tests")))
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name, place, value in GROUPS[sys.argv[1]](Path(folder)):
                found[name] = (place, value)
        except Exception as error:
            found[f"group: {sys.argv[1]}"] = ("", f"failed: {type(error).__name__}: {error}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
