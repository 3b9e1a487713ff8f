"""`mnist-bench demo`: a small search, its page, and whether its digest is the one that other machines got."""

from __future__ import annotations

from typing import Annotated

import typer

from mnist_bench.cli import options, output, resuming
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.studies import search

SPACE, TRIALS, STUDY = "smoke", 20, "demo"
DIGEST = "c6d23e102003459ad07c2a90d1dac4f34af4ac762a61556ae96ad72c48b249c9"
"""The digest of this search on every x86-64 processor that was tried; results/published/portable.md lists them."""


def demo(
    workers: options.Workers = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Try a small search: its page, its digest, and a digit to draw.

    It takes about a minute. The search has 20 trials of small networks, and computes the same bits on every x86-64
    processor with AVX2. Its digest is compared with the digest of other machines. Its page follows the search, and ends
    as a report on which you can draw a digit. The exit code is 4 if the digest is another one.

    Examples:
        mnist-bench demo
        mnist-bench demo --open
    """
    from mnist_bench.leaderboard import grouped
    from mnist_bench.searches import SearchConfig

    config = SearchConfig(
        space=SPACE, trials=TRIALS, study_name=STUDY, workers=workers or options.cores(),
        results=results, command=resuming.as_typed(None),
    )  # fmt: skip
    study = search.run_and_show(config).study
    output.print_line()
    page, is_same = study.files.report, study.digest == DIGEST
    if is_same:
        output.print_prose(
            "The digest is the same as on every other machine that was tried: all 20 trials and their weights agree, "
            "bit for bit."
        )
    else:
        output.print_prose(
            f"Other machines got the digest {grouped(DIGEST)}. This machine computes other results; "
            "`mnist-bench doctor` shows how it differs."
        )
    output.print_prose(f"Open {page} in a browser: findings, plots, and an area to draw a digit on.")
    output.print_prose("Next: `mnist-bench search conv` searches larger networks on all images.")
    if open_page:
        typer.launch(str(page.resolve()))
    if not is_same:
        raise typer.Exit(ExitCode.NOT_REPRODUCED)
