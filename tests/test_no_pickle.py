"""Nothing that is read can run code: no pickle anywhere, and weights only where PyTorch's own loader is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import ROOT

FILES = sorted(path for folder in ("search", "mnist_bench", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
CALLS = {"torch.save", "torch.package", "eval", "exec", "yaml.load", "read_pickle"}


def faults(source: str) -> Iterator[str]:
    """Yield what could run code that a file holds."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (f"import {one.name}" for one in names if one.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield f"from {module}"
            case ast.Call(func=func, keywords=keywords):
                name, given = ast.unparse(func), {one.arg: ast.unparse(one.value) for one in keywords}
                if name in CALLS or name.endswith(".read_pickle"):
                    yield name
                if name == "torch.load" and given.get("weights_only") != "True":
                    yield "torch.load without weights_only=True"
                if given.get("allow_pickle", "False") != "False":
                    yield f"{name} with allow_pickle"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles(path: Path) -> None:
    assert list(faults(path.read_text())) == []


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
    assert len(list(faults(source))) == 1


def test_what_does_not_is_not() -> None:
    assert list(faults("import torch\ntorch.load(path, weights_only=True)\nmodel.eval()\nnp.load(path)")) == []
