"""Check-ups of the machine and the installation, or of one study.

A repair writes Optuna's tables again from the event log, and changes nothing else. A cut loses the events after the
damage, and is made only if it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mnist_bench.doctor.diagnostic import Diagnostic, problem
from mnist_bench.doctor.study import examine as examine_study, repaired_tables
from search import file_lock
from search.event_log.events import Reported
from search.messages import html_table, number_of
from search.study.cutting import Cut, cut as cut_log
from search.study.folder import StudyFolder
from search.study.studies import alone_with, driver_of


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Checkup:
    """The findings of a check-up."""

    findings: tuple[Diagnostic, ...]  # the state after any repair
    repaired: tuple[Diagnostic, ...] = ()  # what was repaired and cut; the advice describes what was done

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
    files: StudyFolder,
    *,
    repair: bool = False,
    cut: bool = False,
    replay: bool = False,
    device: str = "auto",
    data_dir: Path | None = None,
) -> Checkup:
    """Examine a study, and with `repair` write Optuna's tables again if they differ from the event log.

    Args:
        files: the study.
        repair: whether to repair it; if not, it is only read, even while a search works on it.
        cut: whether to cut its event log, which is damaged, after the last good event before all else.
        replay: whether to replay every decision in the event log, which takes as long as the search's proposals did.
        device: the device on which a search would continue.
        data_dir: the folder of the data set, if it is not the packaged one.

    Raises:
        StudyNotFoundError: there is no such study.
        StudyLockedError: `repair` or `cut` is set, and another process works on the study.
        DeviceError: there is no such device.
        UsageError: `cut` is set, and the log is not damaged or not in the study's folder.
        StorageError: a repair or a cut cannot be written, or no event of a log that is to be cut can be read.
    """
    examine = partial(examine_study, files, replay=replay, device=device, data_dir=data_dir)
    if not (repair or cut):
        return Checkup(findings=tuple(examine(busy=_busy(files))))
    with alone_with(files):
        done = [_told(cut_log(files))] if cut else []
        if repair:
            done += repaired_tables(files)
        return Checkup(findings=tuple(examine(busy=None)), repaired=tuple(done))


def _told(cut: Cut) -> Diagnostic:
    """Return what was done about a damaged event log, and what is lost."""
    lost, reports = len(cut.lost) + cut.unread, sum(isinstance(event, Reported) for event in cut.lost)
    text = f"cut after event {cut.history.seq - 1}, which loses {number_of(lost, 'event')}"
    again = f"{number_of(reports, 'report')} will be trained again"
    ends = "the same search then ends with the digest of an undisturbed one"
    if cut.unread:
        text += f", {cut.unread} of which cannot be read"
        again += f", and up to {cut.unread:,} more"
        ends += ", unless one that cannot be read was an end by the machine or a larger trial budget"
    if cut.otherwise is not None:
        ends = f"the same search may end with another digest than an undisturbed one: {cut.otherwise}"
    return problem("event log", f"{text}.", f"{again}; {ends}. The damaged database is kept as {cut.aside}.")


def _busy(files: StudyFolder) -> str | None:
    """Return which process works on a study, as the beginning of a sentence; None if no process does."""
    lock = next((path for path in files.inner_locks if file_lock.is_held(path)), None)
    if lock is not None:
        return f"{file_lock.holder(lock)} works in {lock.parent}"
    driver = driver_of(files)
    return None if driver is None else f"{driver} works on the study"
