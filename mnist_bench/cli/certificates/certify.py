"""`mnist-bench certify`: a search's log as a file that anybody can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_bench.cli import options, output


def certify(
    file: Annotated[Path, typer.Option("--to", metavar="FILE", help="The file to write.")],
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", show_default="the latest study", help="A study that has ended.")
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="NAME", help="Require that the study was searched for this receiver (`search --for NAME`)."
        ),
    ] = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Write the certificate of a study: its log and a hash tree, which `verify` checks on another machine.

    Nothing is trained. Times, workers and error messages are left out of the log.

    Examples:
        mnist-bench certify smoke-alice --to alice.json
        mnist-bench certify smoke-alice --to alice.json --for alice
    """
    from mnist_bench import certificates
    from search.study import StudyLocation, latest

    location = StudyLocation.of(latest(results, storage) if study is None else study, results, storage)
    made = certificates.certify(location, receiver)
    size = certificates.write(made, file)
    name = None if made.receiver is None else made.receiver.name
    periods = len(made.leaves)
    if json:
        entries = {"study": made.study.name, "receiver": name, "root": made.root, "periods": periods, "bytes": size}
        output.print_json({**entries, "best": made.best.number, "value": made.best.value})
    else:
        output.print_prose(f"{file}: {periods} reporting intervals of study {made.study.name}, {size:,} bytes.")
        output.print_line(f"root {made.root}")
