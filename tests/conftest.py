"""What all tests share: the fake trainer, importable by name in this process and in workers."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from functools import cache
from pathlib import Path

import pytest

from mnist_bench.numerics.kinds import PORTABLE_VARIABLES
from support import dose, kept, warm_processes
from support.paths import IMPORTABLE
from support.scripted import Clock

# A shell starts what it runs in the background with Ctrl-C ignored, which all that a test interrupts would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["PYTHONPATH"] = IMPORTABLE  # so that worker processes, and scripts, can import the fakes
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is loaded: two threads on a busy core take twice its time
os.environ.update(
    PORTABLE_VARIABLES
)  # before PyTorch is loaded: all that tests train, they train in portable precision
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of a thousand processes would compile all that it imports
sys.dont_write_bytecode = False
os.environ.pop("COLUMNS", None)  # pytest's worker processes have it, and tables would be cut to it
os.fsync = lambda fd: None  # no test cuts the power; on a busy disk each call takes milliseconds
dose.load()
SLOW = ("slow", "ray", "browser", "soak", "integration")
LONG = ("soak", "integration")
"""As is everything in the full dose."""
LONGER = 4
"""How many times the limit of other tests they have, which stands in pyproject.toml or in PYTEST_TIMEOUT."""
TOO_MUCH = (
    "an unmarked test takes {limit:g} s of processor time at most, and this one took {taken:.1f} s: make it smaller"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make check` limit tests that have no marker; elsewhere a slow machine is no fault."""
    parser.addoption(
        "--most-seconds", type=float, help="processor time of an unmarked test that runs, with its processes"
    )


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Fail an unmarked test that takes longer than the limit; its fixtures may be those of others, too."""
    limit: float | None = pyfuncitem.config.getoption("--most-seconds")
    before = _processor_seconds()
    found = yield
    taken = _processor_seconds() - before
    if limit is not None and taken > limit and not is_one_of(SLOW, pyfuncitem):
        pytest.fail(TOO_MUCH.format(limit=limit, taken=taken), pytrace=False)
    return found


def _processor_seconds() -> float:
    """Return the processor time of this process, of those that it started and of those that were forked for it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return warm_processes.Popen.seconds + sum(each.ru_utime + each.ru_stime for each in used)


def pytest_configure(config: pytest.Config) -> None:
    """Have a process ready from which others are forked, for all of xdist's workers together."""
    if warm_processes.FOLDER not in os.environ:
        stack = ExitStack()
        stack.enter_context(warm_processes.zygotes())
        config.add_cleanup(stack.close)


def pytest_collection_finish() -> None:
    """Load once what each test would load anew, if it is used at all: MNIST, commands (50 ms), Optuna's migrations."""
    if typer_testing := sys.modules.get("typer.testing"):
        typer_testing._get_command = cache(typer_testing._get_command)  # type: ignore[attr-defined]
    if "mnist_bench.data.mnist" in sys.modules:
        kept.mnist()
    if "optuna" in sys.modules:
        kept.migrations()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Fork what a test starts, except in tests of the start itself; Ray's tests share the variables of a cluster."""
    put_back = nullcontext() if item.get_closest_marker("ray") else warm_processes.variables_put_back()
    with put_back, warm_processes.forking(item.get_closest_marker("cold") is None):
        return (yield)


@pytest.fixture
def left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the test set open where a search or a training closes it: it would stay closed for all tests after it."""

    from mnist_bench.data import idx

    monkeypatch.setattr(idx._Door, "guarded", True)


@pytest.fixture(scope="session")
def canned_studies() -> Path:
    """Return `support.canned.studies`, made before a test that only reads them: its time is not that of the search."""
    from support import canned

    return canned.studies()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Import all that is tested without looking for garbage in it, then or later.

    The imported modules are a million objects that stay. Looked through with each full collection, they cost 4 of 11
    seconds of importing, and a tenth of the tests' time. The variables that libraries write when they are imported,
    such as scikit-learn, are put back, or no process would be forked.
    """
    gc.disable()
    try:
        with warm_processes.variables_put_back():
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow tests: a file of them that one process takes up last would be waited for by the other."""
    limit = float(os.environ.get("PYTEST_TIMEOUT") or config.getini("timeout") or 0)
    items.sort(key=lambda item: not is_one_of(SLOW, item))
    for item in items:
        if dose.SHARE == 1 or is_one_of(LONG, item):
            item.add_marker(pytest.mark.timeout(LONGER * limit))


def is_one_of(markers: tuple[str, ...], item: pytest.Item) -> bool:
    """Return whether a test has one of the markers."""
    return any(item.get_closest_marker(name) is not None for name in markers)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which periods are tried again."""
    return Clock().set_in(monkeypatch, "search.driver.retry_policy")
