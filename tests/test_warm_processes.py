"""A forked process runs as one that is started: for tests cannot tell which of the two they look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import warm_processes
from support.paths import IMPORTABLE, ROOT

pytestmark = pytest.mark.slow

LOADED = "import sys; print('torch' in sys.modules)"
TELL = """
import json, os, random, signal, sys
import numpy as np
print(json.dumps({
    "argv": sys.argv, "path": sys.path, "folder": os.getcwd(), "environment": dict(os.environ), "name": __name__,
    "file": globals().get("__file__"), "warnings": sys.warnoptions, "threads": len(os.listdir("/proc/self/task")),
    "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:3], "parent": os.getppid(),
    "handlers": [str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    "encodings": [(one.encoding, one.errors, one.line_buffering) for one in (sys.stdin, sys.stdout, sys.stderr)],
    "buffers": [type(one.buffer).__name__ for one in (sys.stdin, sys.stdout, sys.stderr)],
    "leads": os.getsid(0) == os.getpid(), "read": sys.stdin.read(), "main": vars(sys.modules["__main__"])["__name__"],
}))
print("to stderr", file=sys.stderr)
"""


def both(*words: str, **options: Any) -> list[subprocess.CompletedProcess[str]]:
    """Return what a Python process comes to that is started, and one that is forked."""
    done = []
    for wanted in (False, True):
        with warm_processes.forking(wanted):
            done.append(
                subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, **options)
            )
    return done


def loaded(*flags: str, **options: Any) -> bool:
    """Return whether a process that only asks has PyTorch, as forked ones have."""
    return printed(LOADED, *flags, **options) == ["True"]


def printed(program: str, *flags: str, **options: Any) -> list[str]:
    """Return the words that a program prints."""
    command = [sys.executable, *flags, "-c", program]
    found: str = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options).stdout
    return found.split()


@pytest.mark.parametrize(("kind", "safe"), [("-c", ()), ("-m", ("-P",)), ("file", ())])
def test_a_fork_finds_what_a_started_process_finds(tmp_path: Path, kind: str, safe: tuple[str, ...]) -> None:
    file = tmp_path / "tell.py"
    file.write_text(TELL)
    words = {"-c": ["-c", TELL], "-m": ["-m", "tell"], "file": [str(file)]}[kind]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{IMPORTABLE}", "PYTHONWARNINGS": "ignore"}
    cold, warm = both(
        *safe, *words, "one", "two words", cwd=tmp_path, env=environment, input="täxt", start_new_session=True
    )
    assert warm.stderr == cold.stderr == "to stderr\n"
    assert json.loads(warm.stdout) == json.loads(cold.stdout)


def test_what_would_notice_is_started() -> None:
    assert loaded()
    assert loaded(env={**os.environ, "PYTHONHASHSEED": "1"})
    assert loaded(env={**os.environ, "RAY_CLIENT_MODE": "0"})
    assert not loaded(env={**os.environ, "PYTHONHASHSEED": "2"})
    assert not loaded(env={**os.environ, "OMP_NUM_THREADS": "2"})
    assert not loaded(env={**os.environ, "COLUMNS": "80", "FORCE_COLOR": "1"})
    assert not loaded("-O")
    assert not loaded(preexec_fn=lambda: None)


def test_a_changed_copy_is_imported_anew(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "__init__.py").write_text("changed = True")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    assert printed("import search; print(search.changed)", env=environment, cwd=tmp_path.parent) == ["True"]
