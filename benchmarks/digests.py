"""Compare what the base commit decides and computes with what this tree does, on this machine.

    python benchmarks/digests.py                  every case
    python benchmarks/digests.py --part quick     the cases of two minutes
    python benchmarks/digests.py --record         writes tests/digests.json anew for this machine

The base is a commit with a worktree and an environment of its own below `.base`, both made on the first run. Its
results are kept there for this machine, because a commit does not change. Equal digests are all that is accepted,
except for the cases that tests/digests.yaml names with a commit. Digests that tests/digests.json has for kernels like
those of this machine are checked as well. The exit code is 1 if a case differs, fails or is missing.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import digest_cases
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
CASES = Path(digest_cases.__file__)
BASE = ROOT / ".base"
EXCEPTIONS, RECORDED = ROOT / "tests" / "digests.yaml", ROOT / "tests" / "digests.json"
CONSTRAINTS = ROOT / "constraints.txt"
KERNELS = ("ATEN_", "DNNL_", "GLIBC_TUNABLES", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_")
"""Variables that choose kernels: a base result is of one setting of them."""
NOT_OURS = ("MNIST_BENCH_", "OPTUNA_", "PYTHONPATH")
"""Variables that would let a search of a case be another one."""
Found = Mapping[str, tuple[str, str]]
"""The place and the hash of each case."""


@dataclass(frozen=True)
class Tree:
    """A checkout with its environment."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / ".venv" / "bin" / "python")

    def versions(self) -> list[str]:
        """Return the versions of what constraints.txt pins."""
        names = [re.split("[=<>]", line)[0] for line in CONSTRAINTS.read_text().splitlines() if line[0].isalpha()]
        code = f"from importlib.metadata import version; print(*(n + ' ' + version(n) for n in {names}), sep='\\n')"
        return subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")

    def found(self, group: str) -> dict[str, tuple[str, str]]:
        """Run a group of cases here; one that fails is a case with its reason."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        environment["PYTHONPATH"] = os.pathsep.join((str(self.folder), str(self.folder / "tests")))
        words = [self.python, str(CASES), group]
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return {f"group: {group}": ("", f"failed: {done.stderr.strip()[-500:]}")}
        return {name: (place, value) for name, (place, value) in json.loads(done.stdout).items()}


def main() -> int:
    """Run the cases in both trees and print what differs."""
    parser = argparse.ArgumentParser(description="The digests of the base commit and of this tree.")
    parser.add_argument("--part", choices=("quick", "all"), default="all")
    parser.add_argument("--group", action="append", choices=tuple(digest_cases.GROUPS), help="instead of a part")
    parser.add_argument("--again", action="store_true", help="run the base again, although its results are kept")
    parser.add_argument("--record", action="store_true", help="write tests/digests.json anew")
    asked = parser.parse_args()
    groups = asked.group or (digest_cases.QUICK if asked.part == "quick" else tuple(digest_cases.GROUPS))
    exceptions = YAML(typ="safe").load(EXCEPTIONS)
    begun = time.monotonic()
    before, after = run(base_tree(exceptions["base"]), Tree(ROOT), groups, again=asked.again)
    if asked.record:
        record(after)
    faults = [*compared(before, after, exceptions["exceptions"] or {}), *recorded_otherwise(after)]
    print(*faults, sep="\n")
    equal = sum(before.get(name, ("", ""))[1] == value for name, (_, value) in after.items())
    print(
        f"{equal} of {len(before)} cases equal in {exceptions['base'][:8]} and here, {len(faults)} faults, "
        f"{time.monotonic() - begun:.0f} s"
    )
    return 1 if faults else 0


def base_tree(commit: str) -> Tree:
    """Return the worktree of the base, with its environment; both are made if they are missing."""
    tree = Tree(BASE / commit[:8])
    if not tree.folder.exists():
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        subprocess.run(["git", "worktree", "add", "--detach", str(tree.folder), commit], cwd=ROOT, check=True)
    installed = tree.folder / ".venv" / "installed"
    if not installed.exists():
        subprocess.run([sys.executable, "-m", "venv", str(tree.folder / ".venv")], check=True)
        pip = [tree.python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "-c", str(CONSTRAINTS)]
        subprocess.run([*pip, "--editable", str(tree.folder), "hypothesis", "pytest"], check=True)
        installed.touch()
    if tree.versions() != Tree(ROOT).versions():
        sys.exit(f"The two environments differ: {tree.versions()}, {Tree(ROOT).versions()}. Install constraints.txt.")
    return tree


def run(base: Tree, here: Tree, groups: Sequence[str], *, again: bool) -> tuple[Found, Found]:
    """Run the groups in both trees, two processes at a time, and return what each found."""
    kept_in = BASE / f"results-{identity(base)}.json"
    kept: dict[str, dict[str, Any]] = json.loads(kept_in.read_text()) if kept_in.exists() and not again else {}

    def one(task: tuple[Tree, str]) -> dict[str, tuple[str, str]]:
        tree, group = task
        begun = time.monotonic()
        found = tree.found(group)
        print(f"  {tree.folder.name}: {group}, {len(found)} cases, {time.monotonic() - begun:.0f} s", flush=True)
        return found

    tasks = [(base, group) for group in groups if group not in kept] + [(here, group) for group in groups]
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = dict(zip(tasks, pool.map(one, tasks), strict=True))
    kept |= {group: found for (tree, group), found in results.items() if tree == base and not has_failed(found)}
    kept_in.write_text(json.dumps(kept))
    before = {group: results.get((base, group), kept.get(group, {})) for group in groups}
    return joined(before.values()), joined(results[here, group] for group in groups)


def identity(base: Tree) -> str:
    """Return a hash of all on which the base's results depend: cases, versions, processor and chosen kernels."""
    processor = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    lines = [line for line in processor.splitlines() if line.startswith(("vendor", "cpu family", "model", "flags"))]
    chosen = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(KERNELS))
    content = "\n".join([CASES.read_text(), base.folder.name, *base.versions(), *lines, *chosen])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def has_failed(found: Found) -> bool:
    """Return whether a group did not run to its end."""
    return any(value.startswith("failed") for _, value in found.values())


def joined(found: Any) -> dict[str, tuple[str, str]]:
    """Return the cases of all groups."""
    return {name: tuple(pair) for each in found for name, pair in each.items()}


def compared(before: Found, after: Found, exceptions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each case that is not equal in both trees and not named as an exception.

    An exception that names nothing which differs is a fault too: the list stays true.
    """
    used = set()
    for name in sorted(before.keys() | after.keys()):
        then, now = before.get(name, ("", "absent"))[1], after.get(name, ("", "absent"))[1]
        if then == now and not then.startswith("failed"):
            continue
        named = [pattern for pattern in exceptions if fnmatch.fnmatchcase(name, pattern)]
        used |= set(named)
        if not named and (then != "absent" or now.startswith("failed")):
            yield f"DIFFERS  {name}: {then[:300]} in the base, {now[:300]} here"
    for pattern in exceptions:
        if pattern not in used and fnmatch.filter(before, pattern):
            yield f"EQUAL    {pattern}: named in {EXCEPTIONS.name}, and no such case differs"


def recorded_otherwise(after: Found) -> Iterator[str]:
    """Yield a line for each case whose digest was recorded for kernels like those here, and is another one now."""
    recorded = json.loads(RECORDED.read_text())
    for name, (place, value) in after.items():
        if (known := recorded.get(place, {}).get(name, value)) != value:
            yield f"RECORDED {name}: {known} with {place}, {value} here"


def record(after: Found) -> None:
    """Add the digests of this machine to tests/digests.json."""
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    for name, (place, value) in after.items():
        if place:
            recorded.setdefault(place, {})[name] = value
    RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main())
