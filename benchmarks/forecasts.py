"""Compare the foretold time of small searches with the time that they take, on an idle machine.

    python benchmarks/forecasts.py                make the searches that are missing, and publish the page
    python benchmarks/forecasts.py --kept         publish those that are finished

Each search is first asked with `--dry-run`, and then runs in a terminal, whose live view is read. A search counts from
the start of its command to its end. Results are kept in results/_bench/forecasts.jsonl; the same command resumes an
interrupted run. None of these searches served to choose the constants of the forecast.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages
from publish import FOLDER

from docs import film

KEPT = Path("results/_bench/forecasts.jsonl")
CONV = ("conv", "--set", "subset=6000", "--set", "epochs=2", "--set", "periods=[0.5, 1, 2]")
SMALL = ("small", "--set", "subset=6000", "--set", "epochs=4", "--set", "periods=[1, 2, 4]")
GRID = ("grid", "--set", "subset=8000", "--set", "epochs=3", "--set", "periods=[1, 2, 3]")
SEARCHES: tuple[tuple[str, ...], ...] = (
    *(("smoke", "--trials", str(trials), "--seed", "11") for trials in (8, 20, 50)),
    ("smoke", "--trials", "20", "--seed", "12", "--workers", "1"),
    ("smoke", "--trials", "20", "--seed", "12", "--sampler", "tpe"),
    ("smoke", "--trials", "20", "--seed", "12", "--precision", "fp32"),
    *(("mini", "--trials", str(trials), "--seed", "11") for trials in (5, 10, 20)),
    ("mini", "--trials", "10", "--seed", "12", "--sampler", "random"),
    *((*CONV, "--trials", str(trials), "--seed", "11", "--no-warm-start") for trials in (6, 12, 24)),
    (*CONV, "--trials", "12", "--seed", "12"),
    *((*SMALL, "--trials", str(trials), "--seed", "11") for trials in (8, 16, 32)),
    *((*GRID, "--trials", str(trials), "--seed", "11") for trials in (8, 16)),
    (*GRID, "--trials", "16", "--seed", "12", "--pruner", "median"),
)
LOWEST, HIGHEST = 0.7, 1.5
"""Ends of the goal: the true time over the foretold one."""
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
DURATION = r"(?:[\d.]+ (?:h|min|s) ?)+"


def seconds(text: str) -> float:
    """Return the seconds of a duration as the tool writes it: `45 s`, `1 min 5 s`, `2 min`."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+) (h|min|s)\b", text))


def compared(search: Sequence[str]) -> dict[str, Any]:
    """Return the foretold and the true seconds of a search."""
    asked = ["search", *search]
    *_, shown = film.recorded([*asked, "--dry-run"], columns=400)
    told = re.search(rf"Takes about ({DURATION})\((.*?)\)", " ".join(shown.picture))
    if told is None:
        raise SystemExit(f"no forecast: {shown.picture}")
    began, live = time.monotonic(), []
    for moment in film.recorded(asked, columns=200, rows=40):
        left = re.search(rf"gone, about ({DURATION})left", " ".join(moment.picture))
        if left is not None:
            live.append((moment.seconds, moment.seconds + seconds(left[1])))
    took = time.monotonic() - began
    quarter = [end for at, end in live if at >= took / 4]
    return {
        "search": list(search),
        "told": seconds(told[1]),
        "range": told[2],
        "busy": "other programs" in " ".join(shown.picture),
        "took": took,
        "first": live[0][1] if live else None,
        "quarter": quarter[0] if quarter else None,
    }


def page(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# The foretold time of a search"
    yield ""
    yield (
        f"{len(rows)} small searches on two idle cores. The figure of `--dry-run` is compared with the time from the "
        "start of the command to its end. So are the first figure of the live view and the figure after a quarter of "
        "the time. A dash means that the live view's figure was not measured. A ratio above 1 means that the search "
        "took longer than foretold. The searches followed each other, so most ranges are those of a busy machine."
    )
    yield ""
    heads = ["search", "foretold", "range", "true:", "ratio:", "live, first:", "live, after a quarter:"]
    yield from pages.table(heads, map(cells, rows))
    yield ""
    ratios = [row["took"] / row["told"] for row in rows]
    inside = sum(LOWEST <= ratio <= HIGHEST for ratio in ratios)
    yield (
        f"{inside} of {len(rows)} ratios lie between {LOWEST} and {HIGHEST}, which was the goal for all. Their median "
        f"is {statistics.median(ratios):.2f}, the lowest {min(ratios):.2f} and the highest {max(ratios):.2f}."
    )
    for name, words in (("first", "its first figure"), ("quarter", "the figure after a quarter of the time")):
        found = [row["took"] / row[name] for row in rows if row[name]]
        within = sum(LOWEST <= ratio <= HIGHEST for ratio in found)
        if found:
            yield f"Of the live view, {words} was in this range in {within} of {len(found)} searches."
    yield ""
    yield f"{pages.machine()} `python benchmarks/forecasts.py`"


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of a search."""
    shares = [f"{row['took'] / row[name]:.2f}" if row[name] else "–" for name in ("told", "first", "quarter")]
    return [f"`{shlex.join(row['search'])}`", f"{row['told']:.0f} s", row["range"], f"{row['took']:.1f} s", *shares]


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", action="store_true", help="make no search; publish those that are finished")
    parser.add_argument("--output", type=Path, default=FOLDER)
    asked = parser.parse_args()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    done = {tuple(row["search"]): row for row in rows}
    for search in SEARCHES:
        if search in done or asked.kept:
            continue
        done[search] = compared(search)
        with KEPT.open("a") as kept:
            kept.write(json.dumps(done[search]) + "\n")
        print(f"{done[search]['took'] / done[search]['told']:.2f}  {' '.join(search)}", flush=True)
    finished = [done[search] for search in SEARCHES if search in done]
    pages.write(asked.output, "forecasts", "\n".join([*page(finished), ""]), {"searches": finished})


if __name__ == "__main__":
    main()
