"""What a machine may lack, and the line that says at the end of a run which tests that cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

BITS = "no bits are known of this processor with this PyTorch"
CGROUP = "no control group with a limit of memory may be made"
CHROMIUM = "there is no Chromium"
COMPILER = "there is no C compiler"
CUDA = "there is no CUDA device"
MOUNT = "no disk may be mounted"
NODE = "there is no Node"
QEMU = "there is no qemu-user"
LACKING = {
    BITS: ("known bits of this processor", ""),
    CGROUP: ("the right to limit memory", ""),
    CHROMIUM: ("Chromium", "apt install chromium chromium-driver"),
    COMPILER: ("a C compiler", "apt install gcc"),
    CUDA: ("a CUDA device", ""),
    MOUNT: ("the right to mount a disk", ""),
    NODE: ("Node", "apt install nodejs"),
    QEMU: ("qemu-user", "apt install qemu-user"),
}
"""Why a test is skipped, what it wants, and what brings it."""


def bits(waits_for: str, script: str) -> str:
    """Return why bits are not compared here: nobody has noted those of such a processor, which a script does."""
    return f"{BITS}: it waits for {waits_for}, which benchmarks/{script} adds"


def line(reasons: Iterable[str]) -> str:
    """Return what was not run for want of something, in a line; empty where nothing was wanting."""
    counts = Counter(known for reason in reasons for known in LACKING if known in reason)
    parts: list[str] = []
    remedies: list[str] = []
    for reason, count in counts.items():
        wanted, remedy = LACKING[reason]
        tests = "" if parts else " test" if count == 1 else " tests"
        parts.append(f"{count}{tests} for want of {wanted}")
        remedies += [remedy] if remedy else []
    return f"not run: {'; '.join([', '.join(parts), *remedies])}" if parts else ""
