"""`mnist-bench reproduce`, which trains a trial again and compares it bit for bit, and `doctor`, which examines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench import cells, options
from mnist_bench.api import judging, reading
from mnist_bench.cli import output
from mnist_bench.cli.command import check_options, open_target, takes
from mnist_bench.cli.output import ExitCode
from mnist_bench.options import argument, option
from mnist_bench.result_table import Line, Result, Table
from search.differences import CHECK, CHECKS
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.doctor.checkup import Checkup
    from mnist_bench.studies.claims import Checked, Claim, Difference
    from mnist_bench.studies.record import PeriodResult, Record
    from search.trainer_api import Trainer


NOISE = 0.05  # McNemar p-value above which two nets' accuracies differ no more than chance over the images allows
HEADINGS = (
    " epoch   train loss            validation accuracy",
    "         then      now         then        now",
)


@takes(judging.reproduce, prints=["json"])
def reproduce(
    form: output.Form,
    target: Annotated[
        str | None,
        argument(
            "A trial, a study for its best trial, or a record from `show --json`; - reads a record from stdin.",
            "STUDY|STUDY/17|RECORD.json|-",
            default="the best trial of the latest study",
        ),
    ] = None,
    results: options.Folder = options.RESULTS,
    **given: Any,
) -> Result:
    """Train a trial again and compare it bit for bit.

    All metrics and the weights are compared. If they differ, the first difference is printed, and the exit code is 4.
    For a study of your own code, name the code again.

    Examples:
        mnist-bench reproduce conv-0/17
        mnist-bench reproduce results/published/conv/RECORD.json
        mnist-bench reproduce conv-0/17 --weights     # after `studies remove --weights conv-0`
        mnist-bench reproduce ridge-0/3 --trainer examples/own_trainer.py:Trainer
    """
    from mnist_bench.experiments import own_trainer
    from mnist_bench.studies import claims
    from mnist_bench.studies.checked import find_trial
    from mnist_bench.studies.kept_files import check_kept, keep_weights

    kept, keep = None, None
    weights, device, data_dir, net = (given[name] for name in ("weights", "device", "data", "net"))
    local = partial(claims.trainer_for, device=device, data_dir=data_dir, net=net)
    again: Trainer[Any]
    if (read := _record(target)) is not None:
        if weights:
            raise UsageError("--weights keeps weights in a study's folder, and a record has none; name STUDY/17.")
        claim, again = claims.recorded(read), local(read)
    else:
        study, named = open_target(target, results, of_any_trainer=True)
        check_options(study, judging.reproduce, given)
        code = own_trainer.OwnCode(trainer=given["trainer"], objective=given["objective"], command=given["command"])
        trial = named or find_trial(study, None)
        claim = claims.claim_of(study, trial)
        if weights:
            check_kept(study, trial)
            kept, keep = study.files.weights_of(trial.number), partial(keep_weights, study, trial)
        record = claim.record
        again = own_trainer.trainer_for(study, code) if record is None else local(record)
    if form == "table":
        _print_heading(claim, again.numerics)
        prints = _print_period if claim.kind.of_nets else partial(_print_value, count(1))
        found = claims.check(claim, again, prints, keep)
    else:
        found = claims.check(claim, again, keep=keep)
    stays = [Line(f"The weights are in {kept}.")] if kept is not None and found.identical else []
    return Result(
        [Table(caption=[*closing_lines(found), *stays])],
        document=found.plain(),
        exit_code=ExitCode.OK if found.identical else ExitCode.NOT_REPRODUCED,
    )


def _print_heading(claim: Claim, numerics: Mapping[str, Any]) -> None:
    from mnist_bench.studies import claims
    from search.objectives.executor import NO_CHECK

    changed = _changed_checks(claims.numerics_differences(claim.numerics, numerics))
    numerics_check = str(claim.numerics.get(CHECK, "none"))
    agree = f"numerics differ ({changed})" if changed else f"numerics agree (numerics check {numerics_check[:4]}…)"
    if numerics_check == NO_CHECK:
        agree = "only its reports show whether this machine computes alike"
    output.print_line(f"Reproducing {claim.study}/{claim.trial} (seed {claim.seed}); {agree}.")
    of_values = (f" report   {claim.kind.name}", f"          {'then':>12}   now")
    for heading in HEADINGS if claim.kind.of_nets else of_values:
        output.print_line(Line(heading, bold=True))


def _record(target: str | None) -> Record | None:
    import sys

    from mnist_bench.studies import record

    if target == "-":
        return record.parse(sys.stdin.buffer.read(record.MAX_BYTES + 1), "stdin")
    if target is not None and (target.endswith(".json") or Path(target).is_file()):
        return record.read(Path(target))
    return None


def _print_value(numbers: Iterator[int], then: PeriodResult, now: PeriodResult) -> None:
    pair = _pair(cells.value(then.value), cells.value(now.value), then.value == now.value, width=12)
    output.print_line(Line(f"{next(numbers):>7}   {pair}"))


def _changed_checks(differences: Iterable[Difference]) -> str:
    return ", ".join(
        f"{row.name.replace('_', ' ').replace('check', 'numerics check')} {row.then[:4]}… → {row.now[:4]}…"
        for row in differences
        if row.name in CHECKS
    )


def _print_period(then: PeriodResult, now: PeriodResult) -> None:
    epoch = then.metrics.get("epoch")
    loss = _pair(_loss(then), _loss(now), then.metrics.get("train_loss") == now.metrics.get("train_loss"))
    accuracy = _pair(cells.percent(then.value), cells.percent(now.value), then.value == now.value)
    output.print_line(Line(f" {'–' if epoch is None else f'{epoch:g}':>5}   {loss}   {accuracy}"))


def _loss(period: PeriodResult) -> str:
    loss = period.metrics.get("train_loss")
    return "–" if loss is None else f"{loss:.5f}"


def _pair(then: str, now: str, same: bool, width: int = 7) -> str:
    return f"{then:>{width}} {'=' if same else '≠'} {now:<{width}}"


def closing_lines(comparison: Checked) -> list[str]:
    """Return the closing lines: the weights, and the first difference or that there is none."""
    then, now = comparison.periods[-1]
    same = "=" if then.weights == now.weights else "≠"
    was, came = (f"{each.weights[:4]}…{each.weights[-2:]}" for each in (then, now))
    lines = [f"weights  sha256 {was}   {same} {came}"]
    difference = comparison.first_difference
    if difference is None:
        return [*lines, "Identical, bit for bit."]
    figures = f"{difference.then} then, {difference.now} now"
    lines += [f"Not identical: first difference in {difference.name} ({figures}).", _cause_words(comparison)]
    if comparison.p_value is not None:
        agrees = "differs by no more" if comparison.p_value > NOISE else "differs by more"
        figures = f"{cells.percent(then.value)} then, {cells.percent(now.value)} now"
        lines.append(
            f"Accuracy {agrees} than chance over these images ({figures}, McNemar p = {comparison.p_value:.2g})."
        )
    return lines


def _cause_words(comparison: Checked) -> str:
    versions = f"versions differ: {_listed(comparison.versions)}" if comparison.versions else "versions are the same"
    if changed := _changed_checks(comparison.numerics):
        others = [difference for difference in comparison.numerics if difference.name not in CHECKS]
        listed = _listed(others) or "in nothing that is recorded"
        return f"The numerics differ ({changed}): {listed}; {versions}."
    if comparison.numerics:
        return (
            f"The numerics checks agree, but the recorded numerics differ: {_listed(comparison.numerics)}; {versions}."
        )
    causes = "one of these, the program itself" if comparison.versions else "the program itself"
    return f"The numerics agree; {versions}. The cause is {causes}, or the record."


def _listed(differences: Iterable[Difference]) -> str:
    return ", ".join(f"{difference.name} {difference.then} → {difference.now}" for difference in differences)


@takes(reading.doctor, prints=["json"])
def doctor(
    repair: bool,
    replay: bool,
    device: str,
    data: Path | None,
    net: str | None,
    results: Path,
    study: Annotated[
        str | None, argument("A study to examine.", "STUDY", default="this machine and the installation")
    ] = None,
    cut: Annotated[bool, option("Cut a damaged event log after its last good event, and keep a copy.")] = False,
    speed: Annotated[
        bool, option("Measure how fast this machine trains four fixed networks, on all cores at once.")
    ] = False,
) -> Result:
    """Examine this machine or a study, and advise what to do.

    The exit code is 1 if a problem remains. A running search is not disturbed.

    Examples:
        mnist-bench doctor
        mnist-bench doctor conv-0 --replay
        mnist-bench doctor --speed
    """
    asked = [name for name, is_asked in {"repair": repair, "cut": cut, "replay": replay}.items() if is_asked]
    if speed:
        if study is not None or asked:
            raise UsageError("--speed measures this machine; leave out the study and what is done with it.")
        measured = judging.measure_speed(
            device=device, on_round=lambda number: output.note(f"repeat {number}" if number else "warm-up")
        )
        return Result([measured.table()])
    if study is not None:
        from mnist_bench.doctor import checkup
        from search.study.folder import StudyFolder

        files = StudyFolder.of(study, results)
        found = checkup.check_study(files, repair=repair, cut=cut, replay=replay, device=device, data_dir=data)
    elif asked:
        raise UsageError(f"--{asked[0]} is for a study; name one, as `mnist-bench studies` lists them.")
    else:
        found = reading.doctor(device=device, data=data, results=results)
    listed = {"repaired": found.repaired, "findings": found.findings}
    values = {name: [*map(asdict, findings)] for name, findings in listed.items()}
    return Result(
        [Table(caption=[*_lines(found), found.words])],
        document={"study": study, "problems": found.problems, **values},
        exit_code=ExitCode.FAILURE if found.problems else ExitCode.OK,
    )


def _lines(found: Checkup) -> Iterator[str]:
    shown = [("repaired", finding) for finding in found.repaired]
    shown += [(finding.severity, finding) for finding in found.findings]
    for word, finding in shown:
        yield Line(f"{word:<9} {finding.about:<16} {finding.text}", bold=word == "problem")
        if finding.advice:
            yield f"{'':27}-> {finding.advice}"
