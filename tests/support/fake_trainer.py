"""The trainer that takes no time: figures are a function of (config, seed, period, state), like the real one's.

It stands alone, for a worker that imports it with a whole search takes 0.6 s to start instead of 0.1 s.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from search import canonical_json
from search.trainer_api import Codec, Report

PERIODS = 4
CLAIMED = 0.4
"""Seconds that a period claims to have taken where the trainer is to claim any."""
ACTOR_SIGNALS = {"kill_carrier_once": signal.SIGKILL, "stop_carrier_once": signal.SIGSTOP}
"""What a worker process sends, once, to the process that started it."""


def _raise() -> None:
    raise ZeroDivisionError("the fake trainer divides by zero")


def _devour() -> None:
    hoard = []
    for _ in range(64):
        hoard.append(b"x" * 2**24)  # written to, or it would take no memory


DEEDS: dict[str, Callable[[], object]] = {
    "raise": _raise,
    "exit": lambda: sys.exit("the fake trainer has had enough"),
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda: time.sleep(60),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "print": lambda: print("noise from a library"),
    "devour": _devour,
}
"""What a trainer can do wrong: always, once in some periods, in the second period of some trials, or in some trials."""


class Config(dict[str, Any]):
    """A configuration of the trainer's own class, which is not JSON."""


class Trainer:
    """Trains nothing; `behaviour` says what it does wrong and, after an underscore, when."""

    codec = Codec(dict, Config)

    def __init__(self, behaviour: str = "", marks: str = "", delay: float = 0.0, folder: str = "") -> None:
        numerics_check = os.environ.get("FAKE_CHECK", "fake")
        self.numerics: dict[str, Any] = {
            "check": numerics_check,
            "kind": "cpu-fp32",
            "precision": "fp32",
            "trainer_revision": 0,
        }
        if behaviour == "lack_check":
            del self.numerics["check"]
        if behaviour == "measure_nothing":
            self.numerics["speed"] = math.nan
        self._behaviour = behaviour
        self._marks = Path(marks) if marks else None
        self._delay = delay
        paths = Path(folder).iterdir() if folder else ()
        self._files = {path.name: canonical_json.sha256(path.read_bytes().hex()) for path in paths}
        if behaviour == "fail_to_start":
            raise RuntimeError("the fake trainer has no device")
        if behaviour == "fail_to_start_again" and not self._first_time("started") and self._first_time("failed"):
            raise MemoryError("there is no memory now")
        if behaviour == "hang_at_start":
            time.sleep(36_000)

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        assert (state is None) == (period == 1)
        if self._delay:  # on a busy machine sleeping no time, too, gives the processor away for milliseconds
            time.sleep(self._delay * (1 + seed % 5))
        self._misbehave(seed, period)
        hashed = canonical_json.sha256([dict(config), seed, period, state.hex() if state else ""])
        noise = int(hashed[:6], 16) / 16**6
        if self._behaviour == "compute_otherwise":
            hashed = hashed[::-1]
        value: float | None = 1 - 1 / (1 + period + config.get("model.depth", 1)) - 0.05 * noise
        diverged = self._behaviour == "diverge" and seed % 4 == 0
        if self._behaviour == "no_number" and seed % 2:
            value = (math.nan, math.inf, -math.inf)[seed % 3]
        if self._behaviour == "keep_last" and seed % 4 == 0 and period == PERIODS:
            value = None
        if self._behaviour == "negate" and value is not None:
            value = -value
        report = Report(
            value=None if diverged else value,
            metrics={"epoch": period, "train_loss": float("nan") if diverged else noise, "errors": int(noise * 100)},
            weights=hashed,
            measured={"seconds": CLAIMED if self._behaviour == "claim_time" else 0.0},
            end="diverged" if diverged else None,
            details={"correct": hashed, **self._details(config)},
        )
        if self._behaviour == "lack_memory" and seed % 4 == 0 and self._first_time(f"lacked-{seed}"):
            report = replace(report, value=None, end="out_of_memory")
        unwritable: Any = {"share": Fraction(1, 3)}
        deep: dict[str, Any] = {}
        for _ in range(100_000 if self._behaviour == "answer_deep" else 0):  # too deep for any JSON text
            deep = {"deeper": deep}
        wrong: dict[str, dict[str, Any]] = {
            "answer_fraction": {"metrics": unwritable},
            "answer_details": {"details": unwritable},
            "answer_deep": {"details": deep},
            "answer_large": {"metrics": {"errors": 10**20}},
            "answer_end": {"end": "failed"},
        }
        report = replace(report, **wrong.get(self._behaviour, {}))
        answers: dict[str, Any] = {"answer_report": report, "answer_text": (hashed, report)}
        return cast(tuple[bytes, Report], answers.get(self._behaviour, (bytes.fromhex(hashed), report)))

    def _details(self, config: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, dict[str, Any]] = {
            "report_class": {"class": type(config).__name__},
            "report_session": {"session": os.getsid(0)},
            "report_files": {"files": self._files},
            "lack_memory": {"process": os.getpid()},
        }
        return told.get(self._behaviour, {})

    def _misbehave(self, seed: int, period: int) -> None:
        if self._behaviour in ACTOR_SIGNALS:
            self._signal_carrier(ACTOR_SIGNALS[self._behaviour])
            return
        deed, _, when = self._behaviour.partition("_")
        if deed in DEEDS and self._is_time(when, seed, period):
            DEEDS[deed]()

    def _signal_carrier(self, number: int) -> None:
        if self._first_time(self._behaviour):
            os.kill(os.getppid(), number)
            time.sleep(60)

    def _is_time(self, when: str, seed: int, period: int) -> bool:
        match when:
            case "always":
                return True
            case "once_sometimes":
                return (seed + period) % 5 == 0 and self._times(seed, period) == 1
            case "in_second":
                return seed % 4 == 0 and period == 2 and self._times(seed, period) > 0
        return seed % 4 == 0

    def _times(self, seed: int, period: int) -> int:
        """Return how often a period was asked about, this time included."""
        assert self._marks is not None
        with (self._marks / f"{seed}-{period}").open("ab") as mark:
            mark.write(b"x")
            return mark.tell()

    @property
    def _folder(self) -> Path:
        assert self._marks is not None
        return self._marks

    def _first_time(self, key: str) -> bool:
        mark = self._folder / key
        first = not mark.exists()
        mark.touch()
        return first
