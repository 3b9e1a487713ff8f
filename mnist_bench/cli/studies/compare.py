"""`mnist-bench compare`: what differs between studies, trials and records, and whether their results do."""

from __future__ import annotations

from typing import Annotated

import typer

from mnist_bench.cli import options, output


def compare(
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY|STUDY/17|RECORD.json|DIR",
            help="Two studies, trials, records from `show --json`, or folders of exports or of studies.",
        ),
    ],
    wide: options.Wide = False,
    json: options.Json = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Compare two studies, trials or records: settings, results, shared trials, and the first difference.

    Their best networks are tested against each other, paired if they were judged on the same images. If the images
    differ, the first line reports that.

    Examples:
        mnist-bench compare conv-0 conv-1
        mnist-bench compare conv-0/48 conv-0/13
        mnist-bench compare conv-0 laptop/results/conv-0
    """
    from mnist_bench.comparison.comparison import compare as compared, tables_of

    form = output.form(json=json, markdown=markdown, wide=wide)
    output.print_result(form, *tables_of(compared(sides, results)))
