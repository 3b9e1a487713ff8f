"""How many of a sample of planted faults the fast tests notice.

    python benchmarks/mutants.py                     200 faults in the modules below; `make mutants`
    python benchmarks/mutants.py --only confirm.py   those of the sample whose names have this part

A fault (`mutations.py`) is one edit of one module. The sample are the faults whose names have the smallest hashes, so
that a change of one function leaves the others. The last commit is tried: the fast tests run once with coverage, then
each fault is planted in a copy, and the tests of its line run until one fails. build/mutants/ledger.jsonl keeps the
outcomes: a stopped run continues while packages and tests are the same. mutants.txt explains what cannot be noticed.

mutmut 3 (the usual tool) draws no sample of the 17,700 faults that it plants in these modules, all at once; it plants
none in decorated functions and class bodies, and replaces functions, which checks of users' code and pickles would see.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from coverage import CoverageData
from mutations import Mutation, mutations

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "mutants"
MODULES = {
    "search": ("canonical_json", "file_lock", "files"),
    "search/driver": ("*",),
    "search/event_log": ("*",),
    "search/strategies": ("optuna_study", "pruners"),
    "search/study": ("checkpoint_store", "spec"),
    "mnist_bench/cli": ("checks", "command", "failures", "leaderboard", "output", "search", "show"),
    "mnist_bench/comparison": ("*",),
    "mnist_bench/data": ("idx", "mnist", "test_set"),
    "mnist_bench/experiments": ("confirm", "confirmed"),
    "mnist_bench/export": ("*",),
    "mnist_bench/leaderboard": ("*",),
    "mnist_bench/report": ("*",),
    "mnist_bench/training": ("batches", "period"),
}
"""Those by which the promises stand, and those that show, compare and export results; none that needs a server."""
FAST = "not (slow or soak or browser or ray or integration)"
TESTS = ("tests/search", "tests/mnist_bench", "tests/cli")
TRIED = ("search", "mnist_bench", "tests", "spaces")
# By the process from which those of tests are forked; nothing of this project.
LOADED = ["_pytest.pytester", "hypothesis", "scipy.stats", "torch", "optuna", "pydantic", "typer.testing", "rich.live"]
FIRST, MOST = 20, 150
"""Tests in the first process of a fault, for most faults need no other, and in both."""
FAILURE = re.compile(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", re.MULTILINE)
"""A test in pytest's summary. One that hangs fails after 120 seconds, a hundred times what a fast test takes."""
SERVER = get_context("forkserver")


class Outcome(NamedTuple):
    """Whether a fault was noticed, survived or is explained, in a state of the folders on which that depends; and the
    test that failed first, empty if pytest could not even start, or why none was tried."""

    state: str
    name: str
    result: str
    by: str = ""


def ran(copy: Path, arguments: Sequence[str], limit: float = 7200) -> tuple[int | None, str]:
    """Return the exit code of pytest in a copy of the checkout, negative if it takes longer or dies, and its output."""
    Path(f"{copy}.log").unlink(missing_ok=True)
    process = SERVER.Process(target=_run, args=(copy, arguments))
    process.start()
    try:
        process.join(limit)
    finally:
        # Workers that the tests started are of the same group; a fault may have kept them from ending.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
    return process.exitcode, Path(f"{copy}.log").read_text()


def _run(copy: Path, arguments: Sequence[str]) -> None:
    os.setsid()
    for path, target in ((os.devnull, 0), (f"{copy}.log", 1), (f"{copy}.log", 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), target)
    os.chdir(copy)
    # Before the editable installation of the checkout; tests/conftest.py tells processes that tests start.
    sys.path[:0] = [str(copy), str(copy / "tests")]
    options = ["-q", "-rfE", "--assert=plain", "-pno:cacheprovider", f"--rootdir={copy}", f"-c{copy}/pyproject.toml"]
    sys.exit(pytest.main([*options, f"--basetemp={copy}.tmp", *arguments]))


def measured(copy: Path, state: str, tests: Sequence[str], jobs: int) -> tuple[dict[str, int], CoverageData]:
    """Return the milliseconds of each fast test and the lines that it runs, measured once for a state."""
    data, kept, settings = KEPT / f"{state}.coverage", KEPT / f"{state}.json", copy.with_suffix(".ini")
    if not kept.exists():
        print("the fast tests run once, with coverage", flush=True)
        settings.write_text(f"[run]\nrelative_files = true\ndata_file = {data}\ninclude = search/*,mnist_bench/*\n")
        options = [f"-n{jobs}", "--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
        output = ran(copy, [*options, "--durations=0", "--durations-min=0", "-m", FAST, *tests])[1]
        milliseconds: Counter[str] = Counter()
        for duration, test in re.findall(r"^([0-9.]+)s (?:setup|call|teardown) +(\S.*)$", output, re.MULTILINE):
            milliseconds[test] += round(1000 * float(duration))
        for test in FAILURE.findall(output):
            print(f"left out, for it fails without a fault: {test}", flush=True)
            milliseconds.pop(test, None)
        if not milliseconds:
            raise SystemExit(f"the fast tests did not run:\n{output[-3000:]}")
        kept.write_text(json.dumps(milliseconds))
    found = CoverageData(str(data))
    found.read()
    return json.loads(kept.read_text()), found


def chosen(fault: Mutation, earlier: str, milliseconds: Mapping[str, int], found: CoverageData) -> list[str]:
    """Return the tests that may notice a fault: that of an earlier run, the module's own, those beside it, others."""
    folder, _, name = fault.module.replace("mnist_bench/cli", "cli").rpartition("/")
    own = Path("tests", folder, f"test_{name}")
    by_line = found.contexts_by_lineno(fault.module)
    contexts = [context for line in fault.lines for context in by_line.get(line, []) if context]
    # A fixture may be made once for all tests of a file: any of them may look at it.
    files = {_file(context) for context in contexts if context.endswith("|setup")}
    if not contexts:
        # What runs once in a process, or in a worker's, is of no test.
        files = {own, *(_file(context) for of_line in by_line.values() for context in of_line)}
    tests = {context.rpartition("|")[0] for context in contexts}

    def order(test: str) -> tuple[object, ...]:
        return test != earlier, _file(test) != own, _file(test).parent != own.parent, milliseconds[test], test

    return sorted((test for test in milliseconds if test in tests or _file(test) in files), key=order)


def _file(test: str) -> Path:
    return Path(test.partition("::")[0])


def tried(fault: Mutation, tests: Sequence[str], state: str, copies: SimpleQueue[Path]) -> Outcome:
    """Plant a fault in a copy that no other uses, run the chosen tests, and mend it again."""
    copy = copies.get()
    source = (copy / fault.module).read_bytes()
    _write(copy / fault.module, fault.planted(source))
    try:
        for batch in filter(None, (tests[:FIRST], tests[FIRST:MOST])):
            code, output = ran(copy, ["-x", "-otimeout=120", *sorted(batch, key=_file)], limit=1800)
            if code:
                return Outcome(state, fault.name, "noticed", *FAILURE.findall(output)[:1])
        return Outcome(state, fault.name, "survived", "" if tests else "no fast test runs it")
    finally:
        _write(copy / fault.module, source)
        copies.put(copy)


def _write(path: Path, source: bytes) -> None:
    """Write a module, and remove what was compiled of it, which is trusted by the second and the size of the source."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def sample(tree: Path, number: int, seed: int) -> list[Mutation]:
    """Return that number of faults: those whose names have the smallest hashes."""
    paths = [path for folder, names in MODULES.items() for name in names for path in tree.glob(f"{folder}/{name}.py")]
    every = [fault for path in paths for fault in mutations(path.relative_to(tree).as_posix(), path.read_bytes())]
    return sorted(every, key=lambda fault: hashlib.sha256(f"{seed} {fault.name}".encode()).digest())[:number]


def explained() -> dict[str, str]:
    """Return why no fast test can notice some faults: a line with a name, and the reason in indented lines below it."""
    return dict(re.findall(r"^([^#\s].*)\n((?: +\S.*\n)*)", Path(__file__).with_suffix(".txt").read_text(), re.M))


def git(*arguments: str) -> str:
    """Return the output of a command of git in the checkout."""
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Try the faults named; 1 if one survives that is not explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200, help="number of faults")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--only", default="", help="faults of the sample whose names have this part")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="folders or files of the tests to try")
    parser.add_argument("--jobs", type=int, default=1, help="test processes at the same time")
    options = parser.parse_args()
    if changed := git("status", "--porcelain", *TRIED):
        parser.error(f"commit first what is to be tried:\n{changed}")
    trees = git("rev-parse", *(f"HEAD:{folder}" for folder in TRIED))
    state = hashlib.sha256(" ".join([trees, *options.tests]).encode()).hexdigest()[:16]
    ledger = KEPT / "ledger.jsonl"
    KEPT.mkdir(parents=True, exist_ok=True)
    ledger.touch()
    rows = [Outcome(*json.loads(row)) for row in ledger.read_text().splitlines() if row.endswith("]")]
    earlier = {row.name: row.by for row in rows}
    known = {row.name: row for row in rows if row.state == state}
    known |= {name: Outcome(state, name, "explained") for name in explained()}
    faults = [fault for fault in sample(ROOT, options.sample, options.seed) if options.only in fault.name]
    waiting = [fault for fault in faults if fault.name not in known]
    # As tests/conftest.py does, but before PyTorch is loaded; here, for test processes import this file.
    from mnist_bench.numerics.kinds import PORTABLE_VARIABLES

    os.environ.update(PORTABLE_VARIABLES, OMP_NUM_THREADS="1")
    SERVER.set_forkserver_preload(LOADED)
    with TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(options.jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        git("archive", "--output", f"{folder}/tree.tar", "HEAD")
        for number in range(options.jobs):
            shutil.unpack_archive(f"{folder}/tree.tar", f"{folder}/copy-{number}")
            copies.put(Path(folder, f"copy-{number}"))
        of_tests = measured(Path(folder, "copy-0"), state, options.tests, options.jobs)
        tests = [chosen(fault, earlier.get(fault.name, ""), *of_tests) for fault in waiting]
        for number, outcome in enumerate(pool.map(tried, waiting, tests, repeat(state), repeat(copies)), 1):
            known[outcome.name] = outcome
            with ledger.open("a") as file:
                file.write(json.dumps(outcome) + "\n")
            print(f"[{number}/{len(waiting)}] {outcome.result}: {outcome.name}", outcome.by, flush=True)
    print(dict(Counter(known[fault.name].result for fault in faults)))
    left = [outcome for fault in faults if (outcome := known[fault.name]).result == "survived"]
    print(*(f"survived: {outcome.name} {outcome.by}" for outcome in left), sep="\n")
    return bool(left)


if __name__ == "__main__":
    raise SystemExit(main())
