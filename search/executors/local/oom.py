"""Lack of memory on the host: whom the kernel kills, and whether it did."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OF_THE_HOST = Path("/proc/vmstat")
_OWN_GROUPS = Path("/proc/self/cgroup")


def volunteer() -> None:
    """Have the kernel kill this process before any other, above all the driver, if memory runs out."""
    with contextlib.suppress(OSError):  # other systems than Linux have no such file
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")


def kills() -> int:
    """Return how many processes the kernel has killed for lack of memory so far.

    Counts the kills in this process's control group, version 2 or 1. If it has none, those of the whole host are
    counted, which may include unrelated processes. 0 if the kernel does not say.
    """
    for path in (*_of_control_group(), _OF_THE_HOST):
        with contextlib.suppress(OSError):
            lines = (line.split() for line in path.read_text().splitlines())
            return sum(int(words[1]) for words in lines if words[0] == "oom_kill")
    return 0


def _of_control_group() -> Iterator[Path]:
    """Yield the files that may have the count; see cgroups(7)."""
    with contextlib.suppress(OSError):
        for line in _OWN_GROUPS.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield _CGROUPS / path.lstrip("/") / "memory.events"
            if "memory" in controllers.split(","):
                yield _CGROUPS / "memory" / path.lstrip("/") / "memory.oom_control"
