"""`mnist-bench doctor`: examine this machine, or a study, and advise what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.doctor.checkup import Checkup


def doctor(
    study: Annotated[
        str | None,
        typer.Argument(metavar="STUDY", show_default="this machine and the installation", help="A study to examine."),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write Optuna's tables again from the event log if they differ.")
    ] = False,
    cut: Annotated[
        bool, typer.Option("--cut", help="Cut a damaged event log after its last good event, and keep a copy.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Replay every decision in the study's log, and compare.")
    ] = False,
    speed: Annotated[
        bool,
        typer.Option("--speed", help="Measure how fast this machine trains four fixed networks, on all cores at once."),
    ] = False,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Examine this machine or a study, and advise what to do.

    The exit code is 1 if a problem remains. A study that is being searched is only read.

    Examples:
        mnist-bench doctor
        mnist-bench doctor conv-0 --replay
        mnist-bench doctor --speed
    """
    if speed:
        _speed(device, as_json=json, alone=study is None and not (repair or cut or replay))
        return
    from mnist_bench.doctor import checkup, machine_checks
    from mnist_bench.doctor.checkup import Checkup, plain
    from search.study.folder import StudyFolder

    if study is not None:
        files = StudyFolder.of(study, results)
        found = checkup.check_study(files, repair=repair, cut=cut, replay=replay, device=device, data_dir=data_dir)
    elif repair:
        raise UsageError("--repair repairs a study; name one, as `mnist-bench studies` lists them.")
    elif cut:
        raise UsageError("--cut cuts the event log of a study; name one, as `mnist-bench studies` lists them.")
    elif replay:
        raise UsageError("--replay repeats the decisions of a study; name one, as `mnist-bench studies` lists them.")
    else:
        findings = machine_checks.examine(results=results, device=device, data_dir=data_dir)
        found = Checkup(findings=tuple(findings))
    if json:
        listed = {"repaired": found.repaired, "findings": found.findings}
        values = {name: [plain(finding) for finding in findings] for name, findings in listed.items()}
        output.print_json({"study": study, "problems": found.problems, **values})
    else:
        _print(found)
    if found.problems:
        raise typer.Exit(ExitCode.FAILURE)


def _speed(device: str, *, as_json: bool, alone: bool) -> None:
    """Measure this machine, with one process per core and one thread each; on a GPU with one process."""
    if not alone:
        raise UsageError("--speed measures this machine; leave out the study and what is done with it.")
    from mnist_bench.bench import speed

    asked = speed.SpeedOptions(workers=options.cores(), device=device)

    def on_round(number: int) -> None:
        output.note(f"repeat {number} of {asked.repeats}" if number else "warm-up")

    output.print_result(output.form(json=as_json), speed.table_of(speed.measure_speed(asked, on_round)))


def _print(found: Checkup) -> None:
    shown = [("repaired", finding) for finding in found.repaired]
    shown += [(finding.severity, finding) for finding in found.findings]
    for word, finding in shown:
        line = f"{word:<9} {finding.about:<16} {finding.text}"
        output.print_line(line, "bold" if word == "problem" else None)
        if finding.advice:
            output.print_prose(f"{'':27}-> {finding.advice}")
    output.print_line(found.verdict)
