"""`mnist-bench verify`: check a certificate, without trust in its author."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, assert_never

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate, as `certify` writes it.")],
    periods: Annotated[
        int,
        typer.Option(
            "--periods", min=1, metavar="N", help="Reporting intervals to draw; their trials are trained again."
        ),
    ] = 60,
    draw: Annotated[
        int | None,
        typer.Option(
            "--draw",
            min=0,
            metavar="SEED",
            show_default="a new one, which is printed",
            help="Seed of the draw, to repeat a check.",
        ),
    ] = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    json: options.Json = False,
) -> None:
    """Check a certificate: make every decision again, and train drawn trials again from their seeds.

    The best trial is always trained again. The others are those of drawn reporting intervals; the draw is made after
    the file was read, so that its author could not know it. No code of the author's is run. The exit code is 0 if the
    certificate holds, 4 if it is refuted, and 1 if this machine cannot tell.

    Examples:
        mnist-bench verify alice.json
        mnist-bench verify alice.json --periods 20 --draw 42
    """
    from mnist_bench import certificates
    from mnist_bench.cli.experiments import runner

    asked = certificates.VerifyOptions(
        periods=periods, seed=draw, workers=workers or options.suitable_workers(device), device=device,
        data_dir=data_dir,
    )  # fmt: skip
    found = runner.result_of(partial(certificates.verify, file, asked), stopped="The check was stopped.")
    if json:
        output.print_json(certificates.document(found))
    else:
        for line in certificates.lines(found):
            output.print_prose(line)
    match found.verdict:
        case "holds":
            pass
        case "refuted":
            raise typer.Exit(ExitCode.NOT_REPRODUCED)
        case "cannot tell":
            raise typer.Exit(ExitCode.FAILURE)
        case _:
            assert_never(found.verdict)
