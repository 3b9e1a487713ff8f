"""Check-ups of the machine and the installation, or of one study, with the repairs that are safe.

A repair changes only files that the event log can restore or that are of no use: Optuna's tables, temporary files,
damaged checkpoints and weights. Checkpoints and weights are moved aside, not removed, because no command can write the
same file again. The event log and paused trials are never changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mnist_bench.doctor.diagnostic import Diagnostic
from mnist_bench.doctor.study import examine as examine_study
from search.database import file_lock
from search.messages import html_table, number_of
from search.study import StudyLocation, alone_with, driver_of


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Checkup:
    """The findings of a check-up."""

    findings: tuple[Diagnostic, ...]
    """The state after any repair."""
    repaired: tuple[Diagnostic, ...] = ()
    """The findings that were repaired; their advice describes the repair."""

    @property
    def problems(self) -> int:
        """Number of findings that are problems."""
        return sum(finding.severity == "problem" for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The number of problems in words: `No problem.`, `1 problem.`, `2 problems.`"""
        return f"{number_of(self.problems, 'problem')}." if self.problems else "No problem."

    def __repr__(self) -> str:
        worth_reading = [finding for finding in (*self.repaired, *self.findings) if finding.severity != "ok"]
        return "\n".join([self.verdict, *(f"{each.severity}: {each.about}: {each.text}" for each in worth_reading)])

    def _repr_html_(self) -> str:
        """Return all findings for a notebook."""
        rows = [("repaired", each.about, each.text, each.advice) for each in self.repaired]
        rows += [(each.severity, each.about, each.text, each.advice) for each in self.findings]
        return html_table(self.verdict, ("", "about", "finding", "what to do"), rows)


def check_study(
    location: StudyLocation,
    *,
    repair: bool = False,
    replay: bool = False,
    device: str = "auto",
    data_dir: Path | None = None,
) -> Checkup:
    """Examine a study, and with `repair` fix what can be fixed safely.

    Args:
        location: the study.
        repair: whether to repair it; if not, it is only read, even while a search works on it.
        replay: whether to replay every decision in the event log, which takes as long as the search's proposals did.
        device: the device on which a search would continue.
        data_dir: the folder of the data set, if it is not the packaged one.

    Raises:
        StudyNotFoundError: there is no such study.
        StudyLockedError: `repair` is set, and another process works on the study.
        DeviceError: there is no such device.
        StorageError: a repair cannot be written.
    """
    examine = partial(examine_study, location, replay=replay, device=device, data_dir=data_dir)
    if not repair:
        return Checkup(findings=tuple(examine(busy=_busy(location))))
    with alone_with(location):
        before = tuple(examine(busy=None))
        repaired = [replace(finding, advice=finding.mend()) for finding in before if finding.mend is not None]
        return Checkup(findings=tuple(examine(busy=None)) if repaired else before, repaired=tuple(repaired))


def _busy(location: StudyLocation) -> str | None:
    """Return which process works on a study, as the beginning of a sentence; None if no process does."""
    lock = next((path for path in location.files.inner_locks if file_lock.is_held(path)), None)
    if lock is not None:
        return f"{file_lock.holder(lock)} works in {lock.parent}"
    driver = driver_of(location)
    return None if driver is None else f"{driver} works on the study"
