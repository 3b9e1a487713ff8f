"""Check-up of the machine and the installation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

import torch
from packaging.requirements import Requirement

from mnist_bench.bench import bf16_over_fp32, slow_bf16
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.own import options_for
from mnist_bench.data.test_set import hashes_of_test_set
from mnist_bench.doctor.checkup import Diagnostic, note, ok, problem
from mnist_bench.errors import DataError
from mnist_bench.numerics.checks import is_as_published, numerics_check
from mnist_bench.numerics.device import VARIABLES, setup, this_machine
from mnist_bench.numerics.kinds import Precision
from mnist_bench.picture_form import MNIST
from mnist_bench.training.trainer import numerics_here
from search.defaults import RESULTS_VARIABLE, WORKERS_VARIABLE, results_in_force, source, workers_in_force
from search.errors import UsageError, WorkerError
from search.messages import number_of

DISTRIBUTION = "mnist-bench"
WORKER_MEMORY = 600e6  # bytes for one on a CPU: 500 MB are measured with the default space, plus a reserve
LITTLE_ROOM = 100e6  # bytes; a study of fifty trials with its confirmation and ablation takes a third of it
NETWORK_FILESYSTEMS = {"afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
"""SQLite's write-ahead log needs memory that processes share, which these do not provide between machines."""


def examine(*, results: Path, device: str, data_dir: Path | None) -> Iterator[Diagnostic]:
    """Yield the findings. As a side effect, this process is set up for training on `device`."""
    torch_device, precision = setup(device)
    machine = this_machine(torch_device, precision)
    yield ok("machine", f"{machine.sentence}.")
    yield packages(metadata.requires(DISTRIBUTION) or [], _installed)
    yield gpu(str(torch_device))
    if (available := available_memory()) is not None:
        by_default = 1 if torch_device.type == "cuda" else machine.cores
        yield memory(available, workers_in_force() or by_default)
    yield from defaults(results)
    yield from folder(results)
    yield computing(str(torch_device), precision)
    yield portable()
    if precision == "bf16" and torch_device.type == "cpu":
        yield bfloat16(bf16_over_fp32(torch_device))
    yield from data(data_dir)


def packages(requirements: Sequence[str], version_of: Callable[[str], str | None]) -> Diagnostic:
    """Return whether the installed versions meet the requirements (PEP 508), without those of extras."""
    parsed = [Requirement(line) for line in requirements]
    needed = [package for package in parsed if package.marker is None or package.marker.evaluate({"extra": ""})]
    unmet = [package for package in needed if not _is_met(package, version_of(package.name))]
    if not unmet:
        return ok("packages", f"all {len(needed)} are installed in the required versions.")
    text = ", ".join(
        f"{package.name} {version_of(package.name) or 'missing'} (needed: {package.specifier})" for package in unmet
    )
    return problem("packages", f"{text}.", "pip install " + " ".join(f"'{p.name}{p.specifier}'" for p in unmet))


def gpu(device: str) -> Diagnostic:
    """Return which GPUs PyTorch sees; `device` is the one that is examined."""
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if not names:
        return ok("GPU", "PyTorch finds none; training uses the CPU.")
    return ok("GPU", f"{', '.join(names)}; {device} is examined here.")


def memory(available: float, started: int) -> Diagnostic:
    """Return whether `available` bytes are enough for the `started` workers that a search has by default."""
    workers = int(available / WORKER_MEMORY)
    text = f"{available / 1e9:.1f} GB free, enough for {number_of(workers, 'worker')}."
    if workers >= started:
        return ok("memory", text)
    advice = f"Use --workers {max(1, workers)}; a search starts {started} by default."
    return (note if workers else problem)("memory", text, advice)


def available_memory(meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the bytes of memory still available, on the machine and in this process's control group (v2).

    None if the system does not report it.
    """
    try:
        free = _figures(meminfo)["MemAvailable:"] * 1024
    except OSError:
        return None
    try:
        limit, used = (group / "memory.max").read_text(), (group / "memory.current").read_text()
        # The page cache counts as used. Its inactive part can be freed; Docker's own figure omits it, too.
        cached = _figures(group / "memory.stat").get("inactive_file", 0.0)
    except OSError:
        return free
    return free if limit.strip() == "max" else min(free, float(limit) - float(used) + cached)


def computing(device: str, precision: Precision) -> Diagnostic:
    """Return the numerics check of a device, and whether a second run gives the same one."""
    first, again = numerics_check(device, precision), numerics_check.__wrapped__(device, precision)
    variables = [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    if first != again:
        text = (
            f"{device}, {precision}: the same training gives different floating-point results each time "
            f"({first[:8]}, {again[:8]})."
        )
        return problem("computing", text, "No training on this machine can be reproduced: look for failing hardware.")
    text = f"{device}, {precision}: the same training is bit-identical, numerics check {first[:8]}."
    if variables:
        return note("computing", f"{text} These variables are part of it: {', '.join(variables)}.")
    return ok("computing", text)


def portable() -> Diagnostic:
    """Return whether a worker process on this machine computes the portable bits of other machines."""
    try:
        found = numerics_here("cpu", "portable")
    except (UsageError, WorkerError) as error:
        return note("portable", f"this machine cannot take part in portable studies. {error}")
    numerics_check = f"numerics check {found['check'][:8]}"
    if is_as_published(found):
        return ok("portable", f"portable precision is bit-identical to other machines, {numerics_check}.")
    return note(
        "portable",
        f"portable precision gives different floating-point results here ({numerics_check}) than on the machines that "
        f"were tested; studies of this machine are reproducible on it. PyTorch {found['torch']} may be the reason: "
        "results/published/portable.md.",
    )


def bfloat16(ratio: float) -> Diagnostic:
    """Return whether bfloat16, which is chosen here, is faster: `ratio` is its time divided by that of float32."""
    if ratio <= 1:
        return ok("bfloat16", f"a convolution takes {ratio:.2f} of the time that float32 takes.")
    advice = (
        "Use `train --set precision=fp32`; a search uses the detected precision, and needs another release of PyTorch."
    )
    return problem("bfloat16", slow_bf16(ratio), advice)


def data(data_dir: Path | None) -> Iterator[Diagnostic]:
    """Yield whether the training files and the test files are undamaged; the test files are only hashed."""
    try:
        options = options_for(data_dir)
        loaded = load_training_set(options)
    except DataError as error:
        yield problem("training data", f"{error}.", "Restore the files; `pip install` restores those of the package.")
        return
    images, form = len(loaded.images.labels), "in MNIST's format" if options.form == MNIST else f"{options.form}"
    pinned = "complete, with the pinned hashes" if data_dir is None else form
    yield ok("training data", f"{images:,} images, {pinned} (data hash {loaded.data_hash[:8]}).")
    try:
        hashes = hashes_of_test_set(options)
    except DataError as error:
        severity = note if data_dir is not None else problem
        yield severity("test data", f"{error}.", "A search does not need them; `confirm` and `notebook` do.")
        return
    yield ok("test data", f"{pinned} ({', '.join(digest[:8] for digest in hashes)}); not evaluated, only hashed.")


def folder(results: Path) -> Iterator[Diagnostic]:
    """Yield the findings about the results folder, or about the existing folder in which it would be created."""
    absolute = results.absolute()
    existing = next(folder for folder in (absolute, *absolute.parents) if folder.exists())
    if not existing.is_dir():
        yield problem("results", f"{existing} is a file, not a folder.", "Name another folder with --results.")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield problem("results", f"you may not write to {existing}.", "Name another folder with --results.")
    else:
        yield ok("results", f"{results}/ can be written to.")
    yield room(shutil.disk_usage(existing).free, results)
    try:
        yield filesystem(filesystem_of(existing.resolve(), Path("/proc/mounts").read_text(encoding="utf-8")), results)
    except OSError:
        return  # not on Linux


def filesystem_of(folder: Path, mounts: str) -> str:
    """Return the type of the file system of an absolute folder, given the text of /proc/mounts."""
    longest, kind = "", "unknown"
    for line in mounts.splitlines():
        _, point, mounted_kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        # The innermost mount counts; of several at one point, the last, which hides the others.
        if folder.is_relative_to(point) and len(point) >= len(longest):
            longest, kind = point, mounted_kind
    return kind


def defaults(results: Path) -> Iterator[Diagnostic]:
    """Yield the folder of studies and the number of workers that this command has, and where each is set."""
    set_by = source(RESULTS_VARIABLE) if results == results_in_force() else "--results"
    yield ok("defaults", f"results: {results} ({set_by}).")
    workers = workers_in_force() or "one per core, or one on a GPU"
    yield ok("defaults", f"workers: {workers} ({source(WORKERS_VARIABLE)}).")


def filesystem(kind: str, results: Path) -> Diagnostic:
    """Return whether SQLite's locks work on a file system of this type."""
    if kind not in NETWORK_FILESYSTEMS:
        return ok("file system", f"{results}/ is on {kind}.")
    return problem(
        "file system",
        f"{results}/ is on {kind}, a network file system, on which the locks that SQLite needs do not work.",
        "Keep the results on a local disk (--results).",
    )


def room(free: float, results: Path) -> Diagnostic:
    """Return whether `free` bytes are enough for a study."""
    text = f"{free / 1e9:.1f} GB free for {results}/."
    if free >= LITTLE_ROOM:
        return ok("disk", text)
    return problem("disk", text, "Free some space; a search that cannot write stops and can be resumed.")


def _figures(file: Path) -> dict[str, float]:
    """Return the numbers in a kernel's file that has a name and a number on each line."""
    lines = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return {name: float(number) for name, number, *_ in lines}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _is_met(requirement: Requirement, version: str | None) -> bool:
    return version is not None and requirement.specifier.contains(version, prereleases=True)
