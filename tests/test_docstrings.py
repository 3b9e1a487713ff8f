"""The public names are there, and the examples in docstrings are true: each is run, and its output compared.

Those of the Python API run in order in a folder with two studies, in a process of their own: they close the test set
for its life. What would take longer than a few seconds is marked to be skipped, and is not run.
"""

from __future__ import annotations

import ast
import doctest
import os
import shutil
import subprocess
import sys
from importlib import import_module
from inspect import unwrap
from pathlib import Path

import pytest

import mnist_bench
from support import canned
from support.paths import ROOT
from support.sources import SOURCES, module_of, text_of

API = "mnist_bench.api"
MODULES = [module_of(path) for path in SOURCES if ">>> " in text_of(path)]
IN_TURN = ("searches", "reading", "using", "judging")
"""The modules of the API, each after those whose studies and files its examples use."""
PAGE = ROOT / "docs" / "reference" / "python.md"


@pytest.mark.slow
def test_examples() -> None:
    """The examples that fail are printed with their places."""
    ran = {module: doctest.testmod(import_module(module)) for module in MODULES if not module.startswith(API)}
    assert len(ran) > 10
    assert {module: found for module, found in ran.items() if found.failed or not found.attempted} == {}


RUN = """
import doctest, inspect, sys
from importlib import import_module
from pathlib import Path
import mnist_bench

functions = {name: getattr(mnist_bench, name) for name in mnist_bench.__all__}
line_of = lambda function: inspect.unwrap(function).__code__.co_firstlineno if inspect.isfunction(function) else 0
runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)  # a time differs from run to run
page, *modules = sys.argv[1:]
for name in modules:
    module = import_module(name)
    found = doctest.DocTestFinder().find(module, extraglobs=functions)
    for test in sorted(found, key=lambda test: line_of(getattr(module, test.name.rpartition(".")[2], None))):
        runner.run(test)
runner.run(doctest.DocTestParser().get_doctest(Path(page).read_text(), {}, page, page, 0))
assert runner.tries > 20, runner.tries
sys.exit(runner.failures > 0)
"""
"""Runs the examples of modules, in the order in which they stand there, then those of a page."""


@pytest.mark.integration
def test_examples_of_the_python_api(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    shutil.copytree(canned.studies() / "finished", tmp_path / "results" / "finished")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", RUN, str(PAGE), *(f"{API}.{module}" for module in IN_TURN)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_says_what_it_raises_and_gives_an_example() -> None:
    said = {name: getattr(mnist_bench, name).__doc__ for name in vars(mnist_bench)["__all__"] if name != "tables"}
    assert {name for name, text in said.items() if "Raises:\n" not in text} == set()
    assert {name for name, text in said.items() if ">>> " not in text} == set()


@pytest.mark.parametrize("package", ["search", "mnist_bench"])
def test_python_loads_what_editors_read(package: str) -> None:
    public = import_module(package)
    read = next(
        node for node in ast.parse(Path(str(public.__file__)).read_text("utf-8")).body if isinstance(node, ast.If)
    )
    named = {alias.name: node.module for node in read.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert named.keys() == set(public.__all__)
    for name, module in named.items():
        assert unwrap(getattr(public, name)) is unwrap(getattr(import_module(str(module)), name))
