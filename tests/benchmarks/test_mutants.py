"""Faults to plant: each is one edit that compiles, and the names by which they are known."""

from __future__ import annotations

import ast
from pathlib import Path
from queue import SimpleQueue

import mutants
import pytest
from mutations import mutations

from support.paths import ROOT

pytestmark = pytest.mark.slow

SOURCE = b'''
LIMIT: int = 3
Kind = Literal["one", "two"]
@dataclass(frozen=True)
class Counter:
    steps: int = 0
    def take(self, size: int, *, kind: Kind = "one") -> int:
        """Take a step."""
        if self.steps < LIMIT and kind in ("one", "two"):
            self.steps += size
        elif not self.steps:
            raise ValueError(f"no step of {size} left")
        return min(self.steps, LIMIT)
'''


def test_what_can_be_planted() -> None:
    names = [mutation.name.partition(":")[2] for mutation in mutations("a.py", SOURCE)]
    assert names == [
        ": LIMIT: int = 3 -> LIMIT: int = 4",
        ": LIMIT: int = 3 -> LIMIT: int = 2",
        "Counter: steps: int = 0 -> steps: int = 1",
        'Counter.take: "one" -> "one_"',
        'Counter.take: self.steps < LIMIT and kind in ("one", "two") -> '
        'not (self.steps < LIMIT and kind in ("one", "two"))',
        'Counter.take: self.steps < LIMIT and kind in ("one", "two") -> self.steps < LIMIT or kind in ("one", "two")',
        "Counter.take: self.steps < LIMIT -> self.steps <= LIMIT",
        'Counter.take: kind in ("one", "two") -> kind not in ("one", "two")',
        'Counter.take: ("one", "two") -> ("one_", "two")',
        'Counter.take: ("one", "two") -> ("one", "two_")',
        "Counter.take: self.steps += size -> pass",
        "Counter.take: not self.steps -> (self.steps)",
        'Counter.take: raise ValueError(f"no step of {size} left") -> pass',
        "Counter.take: return min(self.steps, LIMIT) -> return None",
        "Counter.take: min -> max",
    ]


def test_each_fault_compiles_and_has_a_name_of_its_own_also_those_that_are_explained() -> None:
    faults = mutants.sample(ROOT, 10**6, 0)
    names, reasons = {fault.name for fault in faults}, mutants.explained()
    assert len(names) == len(faults) > 6000
    for fault in faults[:40]:
        source = (ROOT / fault.module).read_bytes()
        assert ast.dump(ast.parse(fault.planted(source))) != ast.dump(ast.parse(source)), fault.name
    assert names > reasons.keys() != set()
    assert all(reason.strip() for reason in reasons.values())


def test_a_sample_depends_on_no_fault_outside_of_it(tmp_path: Path) -> None:
    (path := tmp_path / "search" / "files.py").parent.mkdir()
    path.write_bytes(SOURCE)
    before = {fault.name for fault in mutants.sample(tmp_path, 8, 0)}
    path.write_bytes(SOURCE.replace(b"raise", b"unknown = LIMIT > 7\n            raise"))
    after = {fault.name for fault in mutants.sample(tmp_path, 8, 0)}
    assert {name for name in after - before if "LIMIT > 7" not in name} == set()
    assert after != {fault.name for fault in mutants.sample(tmp_path, 8, 1)}


def test_a_planted_fault_is_noticed_and_mended_again(tmp_path: Path) -> None:
    copy, copies = tmp_path / "copy", SimpleQueue[Path]()
    (copy / "tests").mkdir(parents=True)
    (copy / "pyproject.toml").write_text("")
    (copy / "planted.py").write_bytes(source := b"def first():\n    return 1\n\n\ndef second():\n    return 2\n")
    (copy / "tests" / "test_it.py").write_text("def test_it():\n    assert __import__('planted').first() == 1\n")
    copies.put(copy)
    tests = ["tests/test_it.py::test_it"]
    results = [mutants.tried(fault, tests, "", copies)[2:] for fault in mutations("planted.py", source)]
    assert results == [("noticed", *tests)] * 3 + [("survived", "")] * 3
    assert (copy / "planted.py").read_bytes() == source
