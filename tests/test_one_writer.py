"""Files are written in one place, `search.files.atomic_write`, so that each is whole or not there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import ROOT

FILES = sorted(path for folder in ("search", "mnist_bench") for path in (ROOT / folder).rglob("*.py"))
WRITERS = {
    "write_bytes", "write_text", "touch", "tofile", "savez", "save_file", "os.replace", "os.rename", "shutil.copy",
    "shutil.copyfile", "shutil.copytree", "shutil.move", "np.save", "torch.save", "NamedTemporaryFile",
}  # fmt: skip
OTHERWISE = {
    "search/files.py": {"open(xb)", "open(a)", "path.write_bytes", "os.replace"},  # the writer itself; /dev/stdout
    "search/database/file_lock.py": {"open(ab)"},  # its content only names the holder; the lock is the kernel's
    "search/executors/local/oom.py": {"Path('/proc/self/oom_score_adj').write_text"},  # a word to the kernel
    "search/executors/local/pool.py": {"open(ab)"},  # what workers print, for people
    "search/executors/local/worker.py": {"os.fdopen(wb)"},  # a pipe
    "mnist_bench/cli/app.py": {"open(w)"},  # /dev/null, in the place of a closed stderr
}
"""Who else opens a file for writing, and why that is no file which is read again and believed."""


def writes(source: str) -> Iterator[str]:
    """Yield the calls that write files: by name, and `open` in another mode than reading."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        if name in WRITERS or last in WRITERS:
            yield name
        elif last in ("open", "fdopen") and name not in ("os.open", "webbrowser.open"):
            modes = [a.value for a in (*node.args, *(k.value for k in node.keywords)) if isinstance(a, ast.Constant)]
            mode = next((m for m in modes if isinstance(m, str) and set(m) <= set("rwaxbt+")), "r")
            if set(mode) & set("wax+"):
                yield f"{name if name.startswith('os.') else 'open'}({mode})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_else_writes_files(path: Path) -> None:
    assert set(writes(path.read_text())) == OTHERWISE.get(str(path.relative_to(ROOT)), set())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("path.write_text('x')", ["path.write_text"]),
        ("open(path, 'w')", ["open(w)"]),
        ("path.open(mode='ab')", ["open(ab)"]),
        ("os.replace(a, b)", ["os.replace"]),
        ("np.save(path, values)", ["np.save"]),
        ("path.open()", []),
        ("open(path, 'rb')", []),
        ("path.read_text()", []),
    ],
)
def test_what_writes_is_found(source: str, found: list[str]) -> None:
    assert list(writes(source)) == found
