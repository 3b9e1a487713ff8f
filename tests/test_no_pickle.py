"""Nothing that is read can run code: no pickle anywhere, and weights only where PyTorch's own loader is used."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest

from support.sources import modules_in, nodes_of, place, refuse

MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
CALLS = {"torch.save", "torch.package", "eval", "exec", "yaml.load", "read_pickle"}


def faults(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield (line, what could run code that a file holds)."""
    for node in nodes:
        match node:
            case ast.Import(names=names, lineno=line):
                yield from ((line, f"import {one.name}") for one in names if one.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), lineno=line) if module.split(".")[0] in MODULES:
                yield line, f"from {module}"
            case ast.Call(func=func, keywords=keywords, lineno=line):
                name, given = ast.unparse(func), {one.arg: ast.unparse(one.value) for one in keywords}
                if name in CALLS or name.endswith(".read_pickle"):
                    yield line, name
                if name == "torch.load" and given.get("weights_only") != "True":
                    yield line, "torch.load without weights_only=True"
                if given.get("allow_pickle", "False") != "False":
                    yield line, f"{name} with allow_pickle"


@pytest.mark.slow
def test_nothing_unpickles() -> None:
    files = modules_in("search", "mnist_bench", "benchmarks")
    refuse(f"{place(path, line)}: {fault}" for path in files for line, fault in faults(nodes_of(path)))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.save(net, path)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
    ],
)
def test_what_unpickles_is_found(source: str) -> None:
    assert len(list(faults(ast.walk(ast.parse(source))))) == 1


def test_what_does_not_is_not() -> None:
    source = "import torch\ntorch.load(path, weights_only=True)\nmodel.eval()\nnp.load(path)"
    assert list(faults(ast.walk(ast.parse(source)))) == []
