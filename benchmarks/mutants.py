"""How many of a sample of planted faults the fast tests notice.

    python benchmarks/mutants.py                       200 faults in the modules below; `make mutants`
    python benchmarks/mutants.py --only race.py        those of the sample whose names have this part
    python benchmarks/mutants.py --only race.py --tests tests/mnist_bench/experiments     as far as these tests go

A fault (`mutations.py`) is one edit of one module, planted in a copy of the checkout. First the fast tests run once
with coverage, which records the tests that run each line. Then each fault is planted, and the tests of its line run
until one fails: those of the module's own test file first. A test process is forked from one that has loaded PyTorch,
Optuna and pytest, and nothing of this project.

Results are kept in build/mutants: a stopped run continues there while no file of the checkout changes. mutants.txt
lists the faults that no fast test can notice, each with the reason.

mutmut 3 (the usual tool) draws no sample, plants nothing in decorated functions and class bodies, and replaces each
function by a trampoline, which the search's checks of users' code and pickled trainers would see.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from mutations import Mutation, mutations

ROOT = Path(__file__).parents[1]
EXPLAINED = Path(__file__).with_suffix(".txt")
MODULES = (
    "search/driver/*.py",
    "search/event_log/*.py",
    "search/strategies/pruners.py",
    "search/strategies/pareto_pruning.py",
    "search/study/spec.py",
    "search/study/checkpoint_store.py",
    "search/database/file_lock.py",
    "search/canonical_json.py",
    "search/files.py",
    "mnist_bench/experiments/confirm/race.py",
    "mnist_bench/experiments/confirm/confirming.py",
    "mnist_bench/experiments/confirm/runs.py",
    "mnist_bench/studies/openings.py",
    "mnist_bench/data/guard.py",
    "mnist_bench/data/split.py",
    "mnist_bench/data/test_set.py",
    "mnist_bench/training/batches.py",
    "mnist_bench/training/period.py",
)
"""Those by which the promises stand. PostgreSQL's lock is not among them: all tests with a server are slow."""
FAST = "not (slow or soak or browser or ray or integration)"
TESTS = ("tests/search", "tests/mnist_bench", "tests/cli")
"""Those of the packages; the others look at sources and pages."""
OWN = ("search", "mnist_bench")
LOADED = (
    "pytest", "_pytest.pytester", "hypothesis", "numpy", "scipy.stats", "torch", "optuna", "sqlalchemy.dialects.sqlite",
    "pydantic", "ruamel.yaml", "safetensors.torch", "typer.testing", "rich.live", "jinja2",
)  # fmt: skip
"""Loaded before test processes are forked."""
FIRST_SECONDS = 3.0
"""Of tests in the first process of a fault: most faults need no other. All seconds of tests are those of the
processor, measured with coverage."""
HANG_SECONDS = 60
"""After which a test is taken for hung."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The outcome of a fault."""

    name: str
    result: str
    """killed, timed_out, survived, untested if no fast test runs its line, or explained, which is not tried."""
    by: str = ""
    """The test that failed or hung."""
    tests: int = 0
    """How many were chosen."""
    left_out: int = 0
    """Tests beyond the time for one fault."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """The lines that the fast tests run."""

    seconds: dict[str, float]
    """Processor seconds of each test, with what it set up."""
    lines: dict[str, dict[int, list[str]]]
    """The tests that run a line, by module and line."""

    def tests_of(self, mutation: Mutation) -> set[str]:
        """Return the tests that may notice a fault."""
        lines = self.lines.get(mutation.module, {})
        found = {test for line in mutation.lines for test in lines.get(line, [])}
        if found and not mutation.at_import:
            return found
        # What runs while a module is imported, or in a worker process, is of no test: then it is all that run another
        # line of the module, and those next to its own.
        beside = Path("tests", mutation.module).parent
        return {
            *(test for tests in lines.values() for test in tests),
            *(test for test in self.seconds if Path(_file(test)).parent == beside),
        }


class OutcomeRecorder:
    """A plugin of pytest: runs the chosen tests in their order, and notes what failed and how long each took."""

    def __init__(self, chosen: Sequence[str] | None = None) -> None:
        self.failed: list[str] = []
        self.hung = False
        self.seconds: dict[str, float] = {}
        self._order = None if chosen is None else {test: place for place, test in enumerate(chosen)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if (order := self._order) is not None:
            items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        # Processor seconds, those of ended child processes too: on a busy machine others say little.
        before = sum(os.times()[:4])
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = sum(os.times()[:4]) - before

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
            self.hung = "Timeout (>" in str(report.longrepr)


def copied(tree: Path, folder: Path) -> Path:
    """Copy the files of a checkout that git knows or would add."""
    listed = subprocess.run(
        ["git", "-C", tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (tree / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree / name, folder / name)
    return folder


def state_of(tree: Path, tests: Sequence[str]) -> str:
    """Return the SHA-256 of all that the tests' outcome depends on."""
    digest = hashlib.sha256(" ".join(tests).encode())
    files = [path for name in (*OWN, "tests", "spaces") for path in (tree / name).rglob("*") if path.is_file()]
    for path in sorted(path for path in files if "__pycache__" not in path.parts):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def forked(work: Callable[[], Any], copy: Path, seconds: float) -> Any:
    """Return the result of `work` in its own process in the copy; None if it takes longer or dies."""
    answer = copy.parent / f"{copy.name}.answer"
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        _work_in(copy, work, answer)
    ended = False
    until = time.monotonic() + seconds
    while not ended and time.monotonic() < until:
        ended = os.waitpid(child, os.WNOHANG)[0] == child
        time.sleep(0.02)
    # Workers that the tests started are of the same group; a fault may have kept them from ending.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
    shutil.rmtree(copy.parent / f"{copy.name}.tmp", ignore_errors=True)
    try:
        return json.loads(answer.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _work_in(copy: Path, work: Callable[[], Any], answer: Path) -> None:
    """Do the work and end the process."""
    code = 1
    try:
        os.setsid()
        output = os.open(copy.parent / f"{copy.name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.chdir(copy)
        # Before the editable installation of the checkout, in this process and in those that tests start.
        sys.path[:0] = [str(copy), str(copy / "tests")]
        for name in [name for name in sys.modules if name.partition(".")[0] in (*OWN, "support")]:
            del sys.modules[name]
        answer.write_text(json.dumps(work()))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run_pytest(copy: Path, arguments: Sequence[str], recorder: OutcomeRecorder) -> int:
    """Run tests in this process."""
    common = [
        "-q",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        f"--rootdir={copy}",
        f"-c{copy / 'pyproject.toml'}",
    ]
    return int(pytest.main([*common, f"--basetemp={copy}.tmp", *arguments], plugins=[recorder]))


def measured(copy: Path, modules: Sequence[str], tests: Sequence[str]) -> Coverage:
    """Run the fast tests once with coverage.

    Raises:
        RuntimeError: they cannot run.
    """
    settings, data = copy.parent / "coverage.ini", copy.parent / "coverage.data"
    included = "\n    ".join(str(copy / module) for module in modules)
    settings.write_text(f"[run]\ndata_file = {data}\ninclude =\n    {included}\n")
    options = ["--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report="]

    def work() -> dict[str, Any]:
        recorder = OutcomeRecorder()
        run_pytest(copy, ["-m", FAST, *options, *tests], recorder)
        return {"failed": recorder.failed, "seconds": recorder.seconds}

    answer = forked(work, copy, seconds=7200)
    if answer is None or not answer["seconds"]:
        log = (copy.parent / f"{copy.name}.log").read_text()
        raise RuntimeError(f"The fast tests did not run:\n{log[-3000:]}")
    for test in answer["failed"]:
        print(f"{test} fails without a fault, and is left out", flush=True)
    passing = {test: seconds for test, seconds in answer["seconds"].items() if test not in answer["failed"]}
    return Coverage(seconds=passing, lines=dict(_lines(data, copy, modules, passing)))


def _lines(
    data: Path, copy: Path, modules: Sequence[str], passing: Mapping[str, float]
) -> Iterator[tuple[str, dict[int, list[str]]]]:
    from coverage import CoverageData

    by_file: dict[str, list[str]] = {}
    for test in passing:
        by_file.setdefault(_file(test), []).append(test)
    found = CoverageData(str(data))
    found.read()
    for module in modules:
        lines = {}
        for line, contexts in found.contexts_by_lineno(str(copy / module)).items():
            tests: set[str] = set()
            for context in contexts:
                test, _, phase = context.rpartition("|")
                # A fixture may be made once for all tests of a file: any of them may look at it.
                tests.update(by_file.get(_file(test), []) if phase == "setup" else [test])
            lines[line] = sorted(tests & passing.keys())
        yield module, lines


def _file(test: str) -> str:
    return test.partition("::")[0]


def chosen(mutation: Mutation, coverage: Coverage, most: float, noticed: str) -> tuple[list[list[str]], int, float]:
    """Return the tests to try on a fault, those of each process, how many are left out, and the seconds of the others,
    at most `most`.

    The test that noticed the fault in an earlier run comes first, then those of the module's own test file, those of
    files next to it and the others, of each the quickest first. A process runs the tests of a file together, for which
    something may be made once.
    """
    module = Path(mutation.module)
    own = Path("tests", module.parent, f"test_{module.name}")

    def distance(test: str) -> int:
        return [Path(_file(test)) != own, Path(_file(test)).parent != own.parent].count(True)

    first = [noticed] if noticed in coverage.seconds else []
    batches: list[list[str]] = [first, [], []]
    spent, left_out = 0.0, 0
    tests = coverage.tests_of(mutation) - {*first}
    for test in sorted(tests, key=lambda test: (distance(test), coverage.seconds[test], test)):
        if spent > most:
            left_out += 1
            continue
        batches[1 if spent <= FIRST_SECONDS or not distance(test) else 2].append(test)
        spent += coverage.seconds[test]
    for batch in batches:
        batch.sort(key=lambda test: (distance(test), _file(test)))
    return [batch for batch in batches if batch], left_out, spent


def noticed_by(fault: Mutation, last: Mapping[str, Outcome]) -> str:
    """Return the test that noticed a fault in an earlier run; empty if there is none."""
    return last[fault.name].by if fault.name in last else ""


_copy: Path
"""This process's copy of the checkout."""


def take_copy(tree: Path, folder: Path) -> None:
    """Make a copy for this process."""
    global _copy
    _copy = folder / f"copy-{os.getpid()}"
    _copy.mkdir()
    copied(tree, _copy)


def tried(mutation: Mutation, batches: Sequence[Sequence[str]], left_out: int, seconds: float) -> Outcome:
    """Plant a fault in this process's copy, run the chosen tests, and mend it again."""
    started = time.monotonic()
    path = _copy / mutation.module
    source = path.read_bytes()
    result, by = "survived" if batches else "untested", ""
    try:
        path.write_bytes(mutation.planted(source))
        _date(path)
        for batch in batches:
            result, by = _noticed(batch, 2 * HANG_SECONDS + 10 * seconds)
            if result != "survived":
                break
    finally:
        path.write_bytes(source)
        _date(path)
    return Outcome(
        name=mutation.name, result=result, by=by, tests=sum(map(len, batches)), left_out=left_out,
        seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip


def _date(path: Path) -> None:
    """Give a file a second of its own: compiled files are trusted by the second and the size of their source."""
    global _second
    _second += 1
    os.utime(path, (_second, _second))


_second = 1_000_000_000


def _noticed(batch: Sequence[str], limit: float) -> tuple[str, str]:
    """Return the outcome of a planted fault, and the test that noticed it."""

    def work() -> dict[str, Any]:
        recorder = OutcomeRecorder(batch)
        files = dict.fromkeys(map(_file, batch))
        code = run_pytest(_copy, ["-x", "--no-cov", "-o", f"timeout={HANG_SECONDS}", *files], recorder)
        return {"failed": recorder.failed, "hung": recorder.hung, "code": code}

    answer = forked(work, _copy, limit)
    if answer is None:
        return "timed_out", ""
    if answer["failed"] or answer["code"] not in (0, 5):
        return "timed_out" if answer["hung"] else "killed", (answer["failed"] or ["importing it"])[0]
    return "survived", ""


def sample(tree: Path, number: int, seed: int) -> list[Mutation]:
    """Return that number of faults: those whose names have the smallest hashes, so that a change of one leaves the
    others."""
    modules = [
        path.relative_to(tree).as_posix()
        for pattern in MODULES
        for path in sorted(tree.glob(pattern))
        if path.name != "__init__.py"
    ]
    every = [mutation for module in modules for mutation in mutations(module, (tree / module).read_bytes())]
    return sorted(every, key=lambda m: hashlib.sha256(f"{seed} {m.name}".encode()).digest())[:number]


def explained(path: Path = EXPLAINED) -> dict[str, str]:
    """Return why no fast test can notice some faults: a line with a name, and the reason in indented lines below it."""
    reasons: dict[str, str] = {}
    name = ""
    for line in path.read_text().splitlines():
        if line.startswith(" "):
            reasons[name] = f"{reasons[name]} {line.strip()}".strip()
        elif line and not line.startswith("#"):
            name = line
            reasons[name] = ""
    return reasons


def load(path: Path) -> tuple[str, dict[str, Outcome]]:
    """Return the state of the checkout that was run last, and the outcomes of its faults."""
    if not path.exists():
        return "", {}
    first, *rows = path.read_text().splitlines()
    found = [Outcome(**json.loads(row)) for row in rows if row.endswith("}")]
    return json.loads(first)["state"], {outcome.name: outcome for outcome in found}


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the figures as Markdown, a line a module."""

    def row(title: str, of: Sequence[Outcome]) -> str:
        count = Counter(outcome.result for outcome in of)
        left = count["survived"] + count["untested"]
        share = (count["killed"] + count["timed_out"]) / len(of)
        cells = (len(of), count["killed"], count["timed_out"], count["explained"], left, f"{share:.1%}")
        return f"| {title} | " + " | ".join(map(str, cells)) + " |"

    by_module: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.name):
        by_module.setdefault(outcome.name.partition(":")[0], []).append(outcome)
    head = "| module | faults | killed | timed out | explained | survived | noticed |"
    rule = "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    return "\n".join([head, rule, *(row(*item) for item in by_module.items()), row("all", outcomes)])


def main() -> int:
    """Run the faults named; 1 if a fault survives that is not explained."""
    options = asked()
    for name in LOADED:
        import_module(name)
    tree = options.tree.resolve()
    faults = [fault for fault in sample(tree, options.sample, options.seed) if options.only in fault.name]
    outcomes = run(tree, faults, options)
    text = table(outcomes)
    print(f"\n{text}\n")
    lines = {fault.name: fault.line for fault in faults}
    for outcome in (left := [outcome for outcome in outcomes if outcome.result in ("survived", "untested")]):
        print(f"{outcome.result}, {outcome.tests} tests, line {lines[outcome.name]}: {outcome.name}")
    return bool(left)


def asked() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200, help="number of faults")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--only", default="", help="faults of the sample whose names have this part")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="folders or files of the tests to try")
    parser.add_argument("--seconds", type=float, default=30.0, help="largest number of tests that are tried on a fault")
    parser.add_argument("--jobs", type=int, default=1, help="test processes at the same time")
    parser.add_argument("--tree", type=Path, default=ROOT, help="checkout that contains the tests")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "mutants", help="folder of the results")
    return parser.parse_args()


def run(tree: Path, faults: Sequence[Mutation], options: argparse.Namespace) -> list[Outcome]:
    """Return the outcomes of the faults; known ones of this state of the checkout are not tried again."""
    state, results = state_of(tree, options.tests), options.work / "results.jsonl"
    options.work.mkdir(parents=True, exist_ok=True)
    last_state, last = load(results)
    known = last if last_state == state else {}
    if not known:
        results.write_text(json.dumps({"state": state}) + "\n")
    known |= {name: Outcome(name=name, result="explained") for name in explained()}
    with TemporaryDirectory(prefix="mutants-") as folder:
        coverage = coverage_of(tree, state, options.tests, options.work / "coverage.json", Path(folder))
        with ProcessPoolExecutor(options.jobs, get_context("fork"), take_copy, (tree, Path(folder))) as pool:
            waiting = [
                pool.submit(tried, fault, *chosen(fault, coverage, options.seconds, noticed_by(fault, last)))
                for fault in faults
                if fault.name not in known
            ]
            for number, future in enumerate(as_completed(waiting), 1):
                outcome = future.result()
                known[outcome.name] = outcome
                with results.open("a") as file:
                    file.write(json.dumps(asdict(outcome)) + "\n")
                words = f"[{number}/{len(waiting)}] {outcome.result}: {outcome.name}"
                print(words + (f" (by {outcome.by})" if outcome.by else ""), flush=True)
    return [known[fault.name] for fault in faults]


def coverage_of(tree: Path, state: str, tests: Sequence[str], path: Path, folder: Path) -> Coverage:
    """Return the lines that the fast tests run, measured once for a state of the checkout."""
    if path.exists() and (kept := json.loads(path.read_text()))["state"] == state:
        by_line = {module: {int(line): tests for line, tests in of.items()} for module, of in kept["lines"].items()}
        return Coverage(seconds=kept["seconds"], lines=by_line)
    print("the fast tests run once, with coverage", flush=True)
    copy = folder / "measured"
    copy.mkdir()
    modules = sorted({mutation.module for mutation in sample(tree, sys.maxsize, 0)})
    found = measured(copied(tree, copy), modules, tests)
    path.write_text(json.dumps({"state": state, **asdict(found)}))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
