"""Check-ups: of the machine and the installation, or of one study, which can be repaired where that is safe.

What is repaired is what the event log has anyway, or what nobody can use: Optuna's tables, temporary files, damaged
checkpoints and weights. Checkpoints and weights are moved aside, for nothing can write the same file again. The log
itself and paused trials are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mnist_bench.doctor.diagnostic import Diagnostic
from search.database import file_lock
from search.study import StudyLocation, alone_with, driver_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """What was found, after what was repaired."""

    findings: tuple[Diagnostic, ...]
    repaired: tuple[Diagnostic, ...] = ()
    """What had been found and is repaired now; the advice says what was done."""

    @property
    def problems(self) -> int:
        """How many findings are problems."""
        return sum(finding.severity == "problem" for finding in self.findings)


def check_machine(*, results: Path, device: str = "auto", data_dir: Path | None = None) -> Checkup:
    """Examine the machine, the installation, the data files and the folder of results.

    Raises:
        DeviceError: there is no such device.
    """
    from mnist_bench.doctor import machine as doctor_machine

    return Checkup(findings=tuple(doctor_machine.examine(results=results, device=device, data_dir=data_dir)))


def check_study(
    location: StudyLocation,
    *,
    repair: bool = False,
    replay: bool = False,
    device: str = "auto",
    data_dir: Path | None = None,
) -> Checkup:
    """Examine a study, and repair what can be repaired safely if asked to; one that is worked on is only read.

    `replay` decides everything in its event log once more, which takes as long as the search's proposals did.

    Raises:
        StudyNotFoundError: there is no such study.
        StudyLockedError: it is to be repaired, and another process works on it.
        DeviceError: there is no such device.
        StorageError: a repair cannot be written.
    """
    if not repair:
        return _examine(location, busy=_busy(location), replay=replay, device=device, data_dir=data_dir)
    with _alone_with(location):
        examine = partial(_examine, location, busy=None, replay=replay, device=device, data_dir=data_dir)
        before = examine()
        repaired = []
        for finding in before.findings:
            if finding.mend is not None:
                repaired.append(replace(finding, advice=finding.mend()))
        after = examine() if repaired else before
        return Checkup(findings=after.findings, repaired=tuple(repaired))


def _examine(location: StudyLocation, *, busy: str | None, replay: bool, device: str, data_dir: Path | None) -> Checkup:
    from mnist_bench.doctor import study as doctor_study

    found = doctor_study.examine(location, busy=busy, replay=replay, device=device, data_dir=data_dir)
    return Checkup(findings=tuple(found))


def _busy(location: StudyLocation) -> str | None:
    """Return in words who works on a study, None where nobody does."""
    held = next((path for path in _other_locks(location) if file_lock.is_held(path)), None)
    if held is not None:
        return f"{file_lock.holder(held)} works in {held.parent}"
    driver = driver_of(location)
    return None if driver is None else f"{driver} works on the study"


def _other_locks(location: StudyLocation) -> list[Path]:
    """Return the locks of work that is kept in the study's folder, such as its confirmation."""
    return location.files.inner_locks


@contextmanager
def _alone_with(location: StudyLocation) -> Iterator[None]:
    with alone_with(location), ExitStack() as held:
        for path in _other_locks(location):
            held.enter_context(file_lock.driver_lock(path, f"Study {location.name}"))
        yield
