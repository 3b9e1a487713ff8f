"""Faults to plant: each is one edit that compiles, and the names by which they are known."""

from __future__ import annotations

import ast
from pathlib import Path

import mutants
import pytest
from mutations import Mutation, mutations

from support.paths import ROOT

pytestmark = pytest.mark.slow

SOURCE = b'''
"""Counts."""

LIMIT: int = 3
Kind = Literal["one", "two"]


@dataclass(frozen=True)
class Counter:
    """Counts to a limit."""

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
        'Counter.take: self.steps < LIMIT and kind in ("one", "two") -> self.steps < LIMIT or kind in ("one", "two")',
        "Counter.take: self.steps < LIMIT -> self.steps <= LIMIT",
        'Counter.take: kind in ("one", "two") -> kind not in ("one", "two")',
        'Counter.take: ("one", "two") -> ("one_", "two")',
        'Counter.take: ("one", "two") -> ("one", "two_")',
        'Counter.take: self.steps < LIMIT and kind in ("one", "two") -> '
        'not (self.steps < LIMIT and kind in ("one", "two"))',
        "Counter.take: self.steps += size -> pass",
        "Counter.take: not self.steps -> (self.steps)",
        'Counter.take: raise ValueError(f"no step of {size} left") -> pass',
        "Counter.take: return min(self.steps, LIMIT) -> return None",
        "Counter.take: min -> max",
    ]


@pytest.fixture(scope="module")
def faults() -> list[Mutation]:
    """Return all faults that can be planted in the modules."""
    return mutants.sample(ROOT, 10**6, 0)


def test_each_fault_of_the_modules_compiles_and_has_a_name_of_its_own(faults: list[Mutation]) -> None:
    assert len({fault.name for fault in faults}) == len(faults) > 3000
    for fault in faults[:40]:
        source = (ROOT / fault.module).read_bytes()
        assert ast.dump(ast.parse(fault.planted(source))) != ast.dump(ast.parse(source)), fault.name


def test_a_sample_depends_on_no_fault_outside_of_it(tmp_path: Path) -> None:
    path = tmp_path / "search" / "files.py"
    path.parent.mkdir()
    path.write_bytes(SOURCE)
    before = {fault.name for fault in mutants.sample(tmp_path, 8, 0)}
    path.write_bytes(SOURCE.replace(b"raise", b"unknown = LIMIT > 7\n            raise"))
    after = {fault.name for fault in mutants.sample(tmp_path, 8, 0)}
    assert {name for name in after - before if "LIMIT > 7" not in name} == set()
    assert after != {fault.name for fault in mutants.sample(tmp_path, 8, 1)}


def test_every_explained_fault_can_be_planted_and_has_a_reason(faults: list[Mutation]) -> None:
    reasons = mutants.explained()
    assert reasons.keys() <= {fault.name for fault in faults}
    assert all(reasons.values())


def test_the_share_is_that_of_all_faults() -> None:
    results = ("killed", "timed_out", "explained", "survived")
    outcomes = [mutants.Outcome(name=f"a.py:f: {n} -> {n + 1}", result=result) for n, result in enumerate(results)]
    lines = mutants.table([*outcomes, mutants.Outcome(name="b.py:: 1 -> 2", result="untested")]).splitlines()
    assert lines[2:] == [
        "| a.py | 4 | 1 | 1 | 1 | 1 | 50.0% |",
        "| b.py | 1 | 0 | 0 | 0 | 1 | 0.0% |",
        "| all | 5 | 1 | 1 | 1 | 2 | 40.0% |",
    ]
