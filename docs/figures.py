"""The figures in tables of pages that come from results/published. `make reference` writes them anew.

Under `<!-- figures: NAME -->` a maker fills cells: it yields a text by which to find a row, and the cells that
follow it. All other rows and cells are written by hand. tests/test_published.py compares the figures in sentences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json
from mnist_bench.nets.planner import block_filters, training_flop
from mnist_bench.space_files import space_sources
from search.study.studies import open_study

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results" / "published"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
"""The pages whose tables may have made figures."""
TABLE = re.compile(r"<!-- figures: (\w+) -->\n\n(?:\|.*\n)+")
Rows = Iterator[Sequence[str]]


@cache
def figures(path: str) -> Any:
    """Return what a published JSON file holds."""
    return json.loads((FOLDER / path).read_text())


def on_images(tested: Mapping[str, Any]) -> str:
    """Return a mean accuracy with its interval."""
    low, high = tested["interval"]
    return f"{tested['mean']:.2%} [{100 * low:.2f}, {100 * high:.2f}]"


def around(values: Mapping[str, float], middle: str, digits: int) -> str:
    """Return a figure with its interval."""
    mean, low, high = (f"{values[name]:.{digits}f}" for name in (middle, "low", "high"))
    return f"{mean} [{low}, {high}]"


def size_of(recipe: TrainConfig, parameters: int) -> Sequence[str]:
    """Return the cells of a network's parameters, and of what a training on all images computes in 10^12 operations."""
    return f"{parameters / 1000:.{int(parameters < 20_000)}f}k", f"{training_flop(recipe, 60_000) / 1e12:.2g}"


def recipe_in(path: str) -> TrainConfig:
    return space_sources.recipe(space_sources.load(FOLDER / path))


def rungs(label: str, *names: str) -> Rows:
    """Yield cells of ladder.md by their heads, `reached` without its first word."""
    lines = (FOLDER / "ladder.md").read_text().replace("\\", "").replace("met: ", "").splitlines()
    heads, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:8])
    for cells in rows:
        rung = dict(zip(heads, cells, strict=True))
        rung |= {"size": f"{int(rung['parameters'].replace(',', '')) / 1000:.0f}k", "wall": rung["wall"].strip("–")}
        yield label.format(rung["target"].strip("%")), *(rung[name] for name in names)


def targets() -> Rows:
    return rungs("{}%", "reached", "training", "wall")


def selected(label: str) -> Rows:
    """Yield the configuration that `search conv` selected."""
    confirmed, study = figures("conv/confirm.json"), open_study(FOLDER / "studies", "conv-0")
    (parameters,) = (one["parameters"] for one in confirmed["candidates"] if one["number"] == confirmed["winner"])
    recipe = from_json(study.trials[confirmed["winner"]].config)
    yield label, on_images(confirmed["finals"][0]["test"]), "8", *size_of(recipe, parameters)


def speed() -> Rows:
    yield from rungs("ladder/{}", "reached", "seeds", "size", "TFLOP")
    yield from selected("`search conv`")
    yield "the cheapest tied", on_images(figures("conv/confirm.json")["finals"][1]["test"]), "8"
    for label, member in zip(
        ("front with", "most parameters"), figures("front/front.json")["members"][-2:], strict=True
    ):
        size = size_of(recipe_in(f"front/{member['number']}.yaml"), member["cost"])
        yield label, on_images(member["test"]), "8", *size


def front() -> Rows:
    confirmed = figures("front/front.json")
    for member in confirmed["members"]:
        accuracy, ahead = on_images(member["test"]), "not significantly" if member["ahead"] else ""
        if member["ahead"] and member["on_front"] == "yes":
            accuracy, ahead = (
                f"**{accuracy}**",
                f"by {around({name: 100 * value for name, value in member['ahead'].items()}, 'mean', 2)}",
            )
        channels = ", ".join(map(str, block_filters(recipe_in(f"front/{member['number']}.yaml").model)))
        yield f"[#{member['number']}]", channels, f"{member['cost']:,}", accuracy, ahead


def ablation() -> Rows:
    path = figures("ablation.json")
    yield "linear", f"{fmean(path['start']['errors']):.1f}"
    for label, step in zip(("convolutions", "averaging", "augmentation", "other"), path["steps"], strict=True):
        shown = around(step, "fewer", 0) if step["low"] > 0 else f"{step['fewer']:.0f}, which may be chance"
        yield label, f"{fmean(step['after']['errors']):.1f}", shown


def expert() -> Rows:
    loops = {(loop["net"], loop["side"]): loop for loop in figures("peers-expert.json")["rows"]}
    for net in dict.fromkeys(net for net, _ in loops):
        both = (loops[net, f"expert, {processes}"] for processes in ("one process", "two processes"))
        ends = ("{ratio:.2f} ({lowest_ratio:.2f} to {highest_ratio:.2f})".format(**loop) for loop in both)
        yield net.replace("norm-", "norm, batch "), *ends, f"{loops[net, 'plain, 0 workers']['ratio']:.1f}"


def pattern() -> Rows:
    ours, theirs = (figures("peers-search.json")[side] for side in ("ours", "theirs"))
    times = [next(one["seconds"] for one in side["trials"] if (one["value"] or 0) >= 0.9959) for side in (ours, theirs)]
    end = ours["seconds"]
    early = max(one["value"] or 0 for one in theirs["trials"] if one["seconds"] < end)
    best, last = (max(one["value"] or 0 for one in side["trials"]) for side in (ours, theirs))
    yield "99.59%", f"{times[0]:.0f} s", f"{times[1]:,.0f} s, {times[1] / times[0]:.1f} times as long"
    yield f"accuracy after {end:.0f} s", f"{best:.2%}", f"{early:.2%}"
    yield "in the end", f"{best:.2%} after {end:.0f} s", f"{last:.2%}"


def ordering() -> Rows:
    used = {
        (run["workers"], run["slots"], run["error"], run["order"]): f"{100 * run['in_full_swing']:.1f}"
        for run in figures("event-order.json")
        if run["schedule"] == "Dispatcher" and not run["event_ms"]
    }
    some = [(8, 8), (8, 16), (64, 64), (64, 128), (64, 256), (1000, 4000)]
    for machine in some:
        cells = (f"{used[*machine, off, 'logical']} / {used[*machine, off, 'arrival']}" for off in (0.1, 0.2, 0.4))
        yield "| {:,} | {:,} ".format(*machine), *cells


def worker_use() -> Rows:
    lost = {
        (run["off"], run["concurrent"], run["cost"]): f"{run['order_cost']:.1%}"
        for run in figures("worker-use.json")["runs"]
    }
    for off, concurrent in dict.fromkeys((off, concurrent) for off, concurrent, _ in lost):
        yield f"| {off:.0%} off, {concurrent} ", *(lost[off, concurrent, has_cost] for has_cost in ("no", "yes"))


MAKERS: Mapping[str, Callable[[], Rows]] = {
    maker.__name__: maker for maker in (ablation, expert, front, ordering, pattern, speed, targets, worker_use)
}
"""What yields a text that only one row has, and the cells that follow it."""


def renewed(page: str) -> str:
    """Return the text of a page with the figures in its tables made anew."""
    return TABLE.sub(lambda table: _renewed(table[0], MAKERS[table[1]]()), page)


def _renewed(table: str, rows: Rows) -> str:
    lines = table.split("\n")
    for label, *made in rows:
        ((at, line),) = [(at, line) for at, line in enumerate(lines) if label in line]
        cells, first = line.split("|")[1:-1], line.partition(label)[0].count("|") + label.count("|")
        cells[first : first + len(made)] = made
        lines[at] = " ".join(f"| {' | '.join(cells)} |".split())
    return "\n".join(lines)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(renewed(path.read_text()))
