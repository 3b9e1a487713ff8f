"""What no module does: write a file except through `search.files.atomic_write`, or read anything that can run code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

import pytest

from support.paths import ROOT
from support.sources import SOURCES, modules_in, nodes_of, place, refuse

MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve"}
CALLS = {"torch.save", "torch.package", "eval", "exec", "yaml.load", "read_pickle"}


def unpickled(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
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
    refuse(f"{place(path, line)}: {fault}" for path in files for line, fault in unpickled(nodes_of(path)))


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("import pickle", 1),
        ("from pickle import loads", 1),
        ("torch.load(path)", 1),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.save(net, path)", 1),
        ("np.load(path, allow_pickle=True)", 1),
        ("eval(text)", 1),
        ("import torch\ntorch.load(path, weights_only=True)\nmodel.eval()\nnp.load(path)", 0),
    ],
)
def test_what_unpickles_is_found(source: str, faults: int) -> None:
    assert len([*unpickled(ast.walk(ast.parse(source)))]) == faults


WRITERS = {
    "write_bytes", "write_text", "touch", "tofile", "save", "savez", "savez_compressed", "savetxt", "savefig",
    "save_file", "to_csv", "to_parquet", "os.replace", "os.rename", "shutil.copy", "shutil.copy2", "shutil.copyfile",
    "shutil.copytree", "shutil.move", "NamedTemporaryFile", "mkstemp",
}  # fmt: skip
"""Functions and methods, by their last names or with the modules of theirs that others have too."""
OWN_METHODS = ("self._store.save", "training.save")
OPENERS = ("open", "fdopen", "ZipFile")
FLAGS = re.compile(r"O_(?:WRONLY|RDWR|APPEND|CREAT)")
OTHERWISE = {
    "search/files.py": {"open(xb)", "open(a+b)", "target.write_bytes", "os.replace"},  # the writer itself; /dev/stdout
    "search/system.py": {"Path('/proc/self/oom_score_adj').write_text"},  # a word to the kernel
    "search/objectives/forks.py": {"os.fdopen(w)"},  # the log of what an objective prints, for people
    "search/repeatability.py": {"os.fdopen(w)"},  # a pipe
    "search/executors/ray.py": {"os.open(O_WRONLY)"},  # /dev/null, in the place of stderr
    "mnist_bench/cli/app.py": {"open(w)"},  # /dev/null, in the place of a closed stream
    "mnist_bench/cli/failures.py": {"os.open(O_WRONLY)"},  # the same
    "mnist_bench/plots/frame.py": {"figure.savefig"},  # bytes in memory, as in all that follow
    "mnist_bench/tables/stored.py": {"np.savez_compressed"},
    "mnist_bench/training/weights.py": {"arrays.save"},
    "mnist_bench/training/period.py": {"save"},
}
"""Who else opens a file for writing, and why that is no file which is read again and believed."""


def written(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield (line, call) of the calls that write files: by name, and those that open one in a mode that writes.

    Functions and methods of ours are looked through themselves.
    """
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    imported = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("search", "mnist_bench")
        for alias in node.names
    }
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        is_own = name in own or name in OWN_METHODS or name.partition(".")[0] in imported
        if name == "os.open":
            yield from ((node.lineno, f"os.open({flag})") for flag in FLAGS.findall(ast.unparse(node)))
        elif (name in WRITERS or last in WRITERS) and not is_own:
            yield node.lineno, name
        elif last in OPENERS and (mode := mode_of(node)):
            yield node.lineno, f"{name if name.startswith('os.') else last}({mode})"


def mode_of(call: ast.Call) -> str | None:
    """Return the mode in which a call opens a file, None where it only reads it."""
    values = (*call.args, *(keyword.value for keyword in call.keywords))
    texts = (value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str))
    return next((text for text in texts if set(text) <= set("rwaxbt+") and set(text) & set("wax+")), None)


@pytest.mark.slow
def test_nothing_else_writes_files() -> None:
    found = {str(path.relative_to(ROOT)): [*written(nodes_of(path))] for path in SOURCES}
    refuse(
        f"{place(ROOT / file, line)}: {call}"
        for file, calls in found.items()
        for line, call in calls
        if call not in OTHERWISE.get(file, set())
    )
    assert {file: {call for _, call in calls} for file, calls in found.items() if calls} == OTHERWISE
