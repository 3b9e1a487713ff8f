"""What the page of a running search costs the search, in pairs of searches with and without the page.

    python benchmarks/page_cost.py [PAIRS]        default: 10; publishes results/published/page-cost.md
    python benchmarks/page_cost.py --kept         publish the pairs that are finished

Both searches of a pair have the same trials and one worker. They run at the same time, so that other programs disturb
both alike; every second pair starts with the page. Time counts from the first period's start to the last one's end:
neither the start of workers nor the plots at the end are in it. Pairs are kept in results/_bench/page-cost.jsonl; the
same command resumes an interrupted run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from publish import FOLDER

import mnist_bench
from mnist_bench.leaderboard import worker_time_of
from mnist_bench.live_page import PageObserver, live_page
from search import Observer
from search.files import append_line, make_folder, whole_lines

KEPT = Path("results/_bench/page-cost.jsonl")
SPACE, TRIALS = "smoke", 20
GOAL = 2.0
"""Percent of the search's time."""


def searched(*, with_page: bool) -> dict[str, float]:
    """Return the seconds of a search, and of the processor's time for its pages."""
    spent: list[float] = []
    write = live_page.LivePage.write

    def timed(*arguments: Any, **options: Any) -> None:
        begun = time.thread_time()
        write(*arguments, **options)
        spent.append(time.thread_time() - begun)

    live_page.LivePage.write = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        observer = PageObserver(Path(folder)) if with_page else Observer()
        if isinstance(observer, PageObserver):
            with observer:
                study = mnist_bench.search(SPACE, trials=TRIALS, workers=1, results=folder, observer=observer)
        else:
            study = mnist_bench.search(SPACE, trials=TRIALS, workers=1, results=folder, observer=observer)
    return {"seconds": worker_time_of(study).span, "pages": len(spent), "processor": sum(spent)}


def pair(names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the figures of two searches that run at the same time, each in a process of its own."""
    processes = {
        name: subprocess.Popen([sys.executable, __file__, "--one", name], stdout=subprocess.PIPE, text=True)
        for name in names
    }
    return {name: json.loads(process.communicate()[0].splitlines()[-1]) for name, process in processes.items()}


def page_of(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the page."""
    ratios = [100 * (each["page"]["seconds"] / each["plain"]["seconds"] - 1) for each in pairs]
    shares = [100 * each["page"]["processor"] / each["page"]["seconds"] for each in pairs]
    yield "# The cost of the page of a running search"
    yield ""
    yield (
        f"{len(pairs)} pairs of `search {SPACE} --trials {TRIALS} --workers 1`, with `--page` and without, at the same "
        "time on a machine that others used too."
    )
    yield ""
    heads = ["pair:", "with page:", "without:", "difference:", "pages:", "processor time for pages:"]
    yield from pages.table(
        heads,
        [
            [
                str(number), f"{each['page']['seconds']:.1f} s", f"{each['plain']['seconds']:.1f} s", f"{ratio:+.1f}%",
                f"{each['page']['pages']:.0f}", f"{share:.2f}% of the time",
            ]
            for number, (each, ratio, share) in enumerate(zip(pairs, ratios, shares, strict=True), start=1)
        ],
    )  # fmt: skip
    yield ""
    yield (
        f"The median difference is {statistics.median(ratios):+.1f}%, from {min(ratios):+.1f} to {max(ratios):+.1f}%. "
        f"Pages took {statistics.median(shares):.2f}% of one core, at most {max(shares):.2f}%. "
        f"The goal was less than {GOAL:g}% of the time."
    )
    yield ""
    yield f"{pages.machine()} `python benchmarks/page_cost.py {len(pairs)}`"


def main() -> None:
    """Run the comparison."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--one"]:
        print(json.dumps(searched(with_page=arguments[1] == "page")))
        return
    make_folder(KEPT.parent)
    pairs = [kept for _, kept in whole_lines(KEPT)]
    wanted = len(pairs) if "--kept" in arguments else int(next(iter(arguments), "10"))
    while len(pairs) < wanted:
        pairs.append(pair(("page", "plain") if len(pairs) % 2 else ("plain", "page")))
        append_line(KEPT, json.dumps(pairs[-1]))
        print(json.dumps(pairs[-1]), flush=True)
    pages.write(FOLDER, "page-cost", "\n".join(page_of(pairs)) + "\n", {"pairs": pairs})


if __name__ == "__main__":
    main()
