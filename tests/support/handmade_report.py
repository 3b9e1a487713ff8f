"""Reports made by hand, with text from outside that would like to be markup."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mnist_bench.next_commands import NextCommands
from mnist_bench.plots.frame import Format
from mnist_bench.plots.kinds import Picture
from mnist_bench.report.findings import Section, Sections
from mnist_bench.report.page import ReportPage, gather
from mnist_bench.result_table import Figure, Table
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.study.invocation_log import Invocation
from support import handmade

HERE = NextCommands(study="conv-0")
HOSTILE = "</style></script><script>document.title='taken'</script>\"'><img src=x onerror=alert(1)> {{ 7 * 7 }} 🙂"
DOT: dict[Format, bytes] = {"svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "png": b""}


def report(study: StudyRecord | None = None, **parts: Any) -> ReportPage:
    """Return the report of a study, of `handmade.mixed` where none is given."""
    picture = Picture(kind="history", finding="#1 came late", content=DOT)
    given = {"sections": Sections(commands=HERE), "pictures": (picture, _missing("No weights."))}
    return gather(study or handmade.mixed(), **{**given, **parts})


def _missing(reason: str) -> Picture:
    return Picture(kind="errors", error=StudyNotFoundError(reason))


def hostile() -> ReportPage:
    """Return a report in which all that may come from outside is markup, with marks that turn the text's direction."""
    study = handmade.mixed()
    trials = [replace(trial, error=HOSTILE + "\u202e") if trial.error else trial for trial in study.trials]
    spec = {**study.spec, "numerics": {**study.spec["numerics"], "cpu": HOSTILE}, "versions": {HOSTILE: HOSTILE}}
    table = Table(rows=[HOSTILE], figures=[Figure(HOSTILE, str)], footnotes=[HOSTILE])
    section = Section(key="confirmed", title=HOSTILE, leads=True, lines=(f"{HOSTILE} `{HOSTILE}`\u202e",), table=table)
    picture = Picture(kind="history", finding=HOSTILE, content=DOT)
    made = report(
        replace(study, trials=tuple(trials), spec=spec),
        sections=Sections(judged=(section,), ablation=replace(section, key="ablation"), commands=HERE),
        pictures=(picture, _missing(HOSTILE)),
        invocations=[Invocation(command=HOSTILE)],
    )
    rows = tuple(replace(row, settings={**row.settings, HOSTILE: HOSTILE}) for row in made.board.rows)
    return replace(made, study=HOSTILE, board=replace(made.board, rows=rows))
