"""Files are written in one place, `search.files.atomic_write`, so that each is whole or not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

import pytest

from support.paths import ROOT
from support.sources import SOURCES, nodes_of, place, refuse

FAULTS = ROOT / "docs" / "reference" / "faults.md"
OWN = ("search", "mnist_bench")
WRITERS = {
    "write_bytes", "write_text", "touch", "tofile", "save", "savez", "savez_compressed", "savetxt", "savefig",
    "save_file", "to_csv", "to_parquet", "os.replace", "os.rename", "shutil.copy", "shutil.copy2", "shutil.copyfile",
    "shutil.copytree", "shutil.move", "NamedTemporaryFile", "mkstemp",
}  # fmt: skip
"""Functions and methods, by their last names or with the modules of theirs that others have too."""
OWN_METHODS = ("self._store.save", "training.save")
"""Of classes of ours."""
OPENERS = ("open", "fdopen", "ZipFile")
FLAGS = re.compile(r"O_(?:WRONLY|RDWR|APPEND|CREAT)")
OTHERWISE = {
    "search/files.py": {"open(xb)", "open(a+b)", "target.write_bytes", "os.replace"},  # the writer itself; /dev/stdout
    "search/executors/processes.py": {"Path('/proc/self/oom_score_adj').write_text"},  # a word to the kernel
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


def writes(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield (line, call) of the calls that write files: by name, and those that open one in a mode that writes."""
    own = Own(nodes)
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        if name == "os.open":
            yield from ((node.lineno, f"os.open({flag})") for flag in FLAGS.findall(ast.unparse(node)))
        elif (name in WRITERS or last in WRITERS) and name not in own:
            yield node.lineno, name
        elif last in OPENERS and (mode := mode_of(node)):
            yield node.lineno, f"{name if name.startswith('os.') else last}({mode})"


class Own:
    """The functions and methods of our packages that a module may call: they are looked through themselves."""

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self.functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        self.imported = {
            alias.asname or alias.name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in OWN
            for alias in node.names
        }

    def __contains__(self, name: str) -> bool:
        return name in self.functions or name in OWN_METHODS or name.partition(".")[0] in self.imported


def mode_of(call: ast.Call) -> str | None:
    """Return the mode in which a call opens a file, None where it only reads it."""
    given = [
        value.value for value in (*call.args, *(k.value for k in call.keywords)) if isinstance(value, ast.Constant)
    ]
    modes = (text for text in given if isinstance(text, str) and set(text) <= set("rwaxbt+"))
    return next((mode for mode in modes if set(mode) & set("wax+")), None)


@pytest.mark.slow
def test_nothing_else_writes_files() -> None:
    found = {str(path.relative_to(ROOT)): list(writes(nodes_of(path))) for path in SOURCES}
    refuse(
        f"{place(ROOT / file, line)}: {call}"
        for file, calls in found.items()
        for line, call in calls
        if call not in OTHERWISE.get(file, set())
    )
    assert {file: {call for _, call in calls} for file, calls in found.items() if calls} == OTHERWISE


def test_the_exceptions_are_as_many_as_are_told() -> None:
    assert f"one function | as required, with {len(OTHERWISE)} exceptions and their reasons |" in FAULTS.read_text()
