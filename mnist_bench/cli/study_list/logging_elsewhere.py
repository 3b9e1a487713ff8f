"""`mnist-bench studies log`: log a study to another program."""

from __future__ import annotations

from typing import Annotated

import typer

from mnist_bench.cli import options, output
from search.messages import joined


def log(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="The study to log.")],
    programs: Annotated[list[str], typer.Argument(metavar="PROGRAM", help="Programs: tensorboard, mlflow.")],
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Log a study to TensorBoard or MLflow, finished or not.

    `search --log` does this while a search runs. What is logged already is left as it is.

    Examples:
        mnist-bench studies log conv-0 tensorboard
        mnist-bench studies log conv-0 mlflow
    """
    from mnist_bench.studies import validated
    from search import log_study

    study = validated.open_any(results, name, storage)
    log_study(study, programs)
    output.note(f"Logged study {name} to {joined(programs)}.")
