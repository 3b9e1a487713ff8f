"""What a search asks of the operating system: POSIX, and of Linux some more, without which it also computes.

This is the only module that asks which system it is. On any other than Linux, processes that a trial has started may
outlive it, a trial that runs out of memory is not told from one that was killed, and a function of a notebook's cell
should not use threads.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

KILLED = -9
"""The exit code of a process that SIGKILL has ended."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CGROUPS = Path("/sys/fs/cgroup")
_OF_THE_HOST = Path("/proc/vmstat")
_OWN_GROUPS = Path("/proc/self/cgroup")


if sys.platform == "win32":

    def needs_posix() -> NoReturn:
        """Refuse Windows; a module that calls this uses what Windows lacks."""
        raise ImportError("A search needs Linux: on Windows, use WSL, which is one.")

else:

    def needs_posix() -> None:
        """Refuse Windows; a module that calls this uses what Windows lacks."""


def end_with_parent(number: int) -> None:
    """Have this process get a signal when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Make this process the parent of all that it starts, as soon as theirs has ended: so that `below` finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def has_children() -> bool:
    """Return whether there are processes that this one has started; none as far as anyone knows, on other systems."""
    if sys.platform == "linux":
        with suppress(ChildProcessError):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return True
    return False


def below(pid: int) -> list[int]:
    """Return the processes that a process has started, those that they have started, in any session, and all of its
    own session, which it may have left behind; none on other systems."""
    children: dict[int, list[int]] = {}
    found = [pid]
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            _, parent, _, session, *_ = file.read_bytes().rpartition(b")")[2].split()
            number = int(file.parent.name)
            children.setdefault(int(parent), []).append(number)
            if int(session) == pid != number:
                found.append(number)
    for each in found:
        found += [child for child in children.get(each, ()) if child not in found]
    return found[1:]


def loaded_libraries() -> set[str]:
    """Return the shared libraries of this process; none on other systems."""
    with suppress(OSError):
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        return {line.split(maxsplit=5)[5] for line in maps.splitlines() if ".so" in line}
    return set()


def volunteer() -> None:
    """Have the kernel kill this process before any other, above all the driver, if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")


def oom_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory so far.

    Counts the kills in this process's control group, version 2 or 1. If it has none, those of the whole host are
    counted, which may include unrelated processes. 0 if the kernel does not say.
    """
    for path in (*_of_control_group(), _OF_THE_HOST):
        with suppress(OSError):
            lines = (line.split() for line in path.read_text().splitlines())
            return sum(int(words[1]) for words in lines if words[0] == "oom_kill")
    return 0


def _of_control_group() -> Iterator[Path]:
    """Yield the files that may have the count; see cgroups(7)."""
    with suppress(OSError):
        for line in _OWN_GROUPS.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield _CGROUPS / path.lstrip("/") / "memory.events"
            if "memory" in controllers.split(","):
                yield _CGROUPS / "memory" / path.lstrip("/") / "memory.oom_control"
