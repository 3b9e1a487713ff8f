"""What the README and the pages state of the published results is what the published files hold: neither changes alone.

`QUOTED` names the lines of published texts that stand on a page as they are. Each function of `STATED` writes words of
a page with the figures of the published files; they have to stand there. To state another figure, yield its words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from statistics import fmean, median
from typing import Any

from mnist_bench.config.json import from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.space_files import space_sources
from mnist_bench.statistics.inference import t_interval
from support.paths import ROOT
from support.published import (
    FOLDER,
    around,
    best_on_all,
    figures,
    found,
    mean_accuracy,
    networks,
    on_images,
    on_the_ladder,
    published_text,
    row,
    teraflop,
)
from support.sources import refuse

OWN = ("methods.md", "ladder.md", "few/few.md", "conv-fast/search.md", "event-order.md")
"""Published pages that were written from the figures next to them."""
PAGES = {
    page.stem: page.read_text()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *(FOLDER / name for name in OWN))
}

QUOTED = [
    ("results", "conv/search.txt", r"50 trials|digest| [1-4] "),
    ("results", "conv/confirm.md", r"trial  seeds| +#\d+ "),
    ("notebook", "notebook.md", r"\|"),
]
"""Page, published text, and how those of its lines begin that the page has."""


def test_quoted_lines_are_the_published_ones() -> None:
    missing = []
    for page, path, begin in QUOTED:
        lines = [" ".join(line.split()) for line in published_text(path).splitlines() if re.match(begin, line)]
        assert len(lines) > 5, f"{path} has few lines that begin with {begin}"
        there = [" ".join(line.split()) for line in PAGES[page].splitlines()]
        missing += [f"{page}: {line}" for line in lines if not any(is_quoted(line, one) for one in there)]
    refuse(missing)


def is_quoted(line: str, there: str) -> bool:
    """Return whether a line of a page is a published one, whose last columns the page may leave out."""
    return line == there or (len(there) > 60 and line.startswith(there))


def test_stated_figures_are_the_published_ones() -> None:
    stated = [(page, words) for page, state in STATED for words in state()]
    assert len(stated) > 100
    refuse(f"{page}: {words}" for page, words in stated if plain(words) not in plain(PAGES[page]))


@cache
def plain(text: str) -> str:
    """Return a text without folds, links and emphasis, with one kind of minus."""
    without_links = re.sub(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\([^()]*\)", r"\1", text)
    return " ".join(without_links.replace("**", "").replace("−", "-").split())


def readmes_table() -> Iterator[str]:
    for recipe, training in (
        ("ladder/99.0", "2.3 s"), ("ladder/99.4", "8.5 s"), ("ladder/99.6", "99 s"), ("ladder/99.7", "16 min"),
    ):  # fmt: skip
        rung = on_the_ladder(recipe)
        parameters = f"{int(rung['parameters'].replace(',', '')) / 1000:.0f}k"
        yield row(f"recipe `{recipe}`", rung["reached"], rung["seeds"], parameters, rung["TFLOP"], training)
        assert training == rung["training"]

    searched = found("50 trials in ([^:]+):", "conv/search.txt")
    confirmed = figures("conv/confirm.json")
    yield f"`make search` in {searched}, confirmed in {confirmed['seconds'] / 60:.0f} min |"
    parameters = f"{confirmed['candidates'][0]['parameters'] / 1000:.0f}k"
    yield row(on_images(confirmed["finals"][0]["test"]), "8", parameters, teraflop(published_recipe()))


def readmes_comparison() -> Iterator[str]:
    assert 5 < 50 / (epochs_searched() / 8) < 6
    yield "Both had a budget of fifty full trainings. That is five to six times the budget of `make search`"
    against_random = figures("methods.json")["live"][1]
    lower = -against_random["difference"]
    yield f"its error is {lower:.2f} percentage points lower than that of random search"
    random, tpe = ("random", "tpe")
    (unplanned,) = (
        one for one in figures("methods.json")["unplanned"] if (one["method"], one["against"]) == (random, tpe)
    )
    yield f"the error of `tpe` was {-unplanned['after']['50']['difference']:.2f} percentage points higher"
    for method, words in (
        ("curves", "with `curves`,"), ("curves, with a list", "with `curves` and the warm-start list"),
        ("tpe", "with `tpe`: means of five searches"),
    ):  # fmt: skip
        yield f"{best_on_all(method):.2f}% {words}"


def epochs_searched() -> float:
    """Return how many of its 400 epochs the published search trained."""
    return 400 - float(found(r"Pruning saved ([\d.]+) of 400 epochs", "conv/search.txt"))


def published_recipe() -> TrainConfig:
    return from_json(figures("conv/RECORD.json")["recipe"])


def notebook() -> Iterator[str]:
    rows = {row["recipe"]: row for row in figures("notebook.json")["rows"]}

    def accuracy(recipe: str) -> str:
        return f"{100 * rows[recipe]['accuracy']:.2f} ± {100 * rows[recipe]['accuracy_deviation']:.2f}"

    yield f"{accuracy('lr_drop')}% instead of {accuracy('batchnorm_2')}%"
    yield f"the mean is {accuracy('three_channels')}%, compared with {accuracy('batchnorm')}% on one channel"


def searches() -> Iterator[str]:
    yield f"4 min 40 s next to other work, and {found('searched in ([^,]+),', 'conv/report.html')} on an idle machine"
    yield f"configuration has {mean_accuracy(networks('conv-fast/search.json')['conv-fast/20.yaml'])} test accuracy"
    on_all = [search["test"] for search in figures("methods.json")["all_of_mnist"] if search["test"]]
    yield f"at {100 * min(on_all):.2f} to {max(on_all):.2%}"


def front() -> Iterator[str]:
    confirmed = figures("front/front.json")
    for member, final in zip(confirmed["members"], confirmed["finals"], strict=True):
        ahead = f"by {around(member['ahead'], 'mean', times=100)}" if member["ahead"] else ""
        shown = ahead if member["on_front"] == "yes" else "not shown"
        ensemble = f"{1 - final['committee'] / 10_000:.2%}"
        yield row(f"{member['cost']:,}", on_images(member["test"]), shown, ensemble)


def ablation() -> Iterator[str]:
    path = figures("conv/ablation.json")
    convolutions, averaging, augmentation, rest = path["steps"]
    start = fmean(path["start"]["errors"])
    yield f"| linear model | {start:.1f} |"
    for step, name in ((convolutions, "convolutions"), (averaging, "averaging of the weights"), (rest, "together")):
        left = f"{fmean(step['after']['errors']):.1f}"
        yield f"{name} {row(left, around(step, 'fewer', digits=0))}"
    yield f"{fmean(augmentation['after']['errors']):.1f} | {augmentation['fewer']:.0f}, which may be chance"


def accuracy_for_computing() -> Iterator[str]:
    for recipe in ("ladder/99.0", "ladder/99.4", "ladder/99.6", "ladder/99.7"):
        rung = on_the_ladder(recipe)
        parameters = f"{int(rung['parameters'].replace(',', '')) / 1000:.0f}k"
        yield row(f"`{recipe}`", rung["reached"], rung["seeds"], parameters, rung["TFLOP"])
    for target in ("99.0", "99.4", "99.6"):
        rung = on_the_ladder(f"ladder/{target}")
        yield row(f"{target}%", rung["reached"], rung["training"], rung["wall"])
    rung = on_the_ladder("ladder/99.7")
    yield row("99.7%", rung["reached"], rung["training"])
    fast = space_sources.recipe(space_sources.load(FOLDER / "conv-fast/20.yaml"))
    selected = networks("conv-fast/search.json")["conv-fast/20.yaml"]
    yield row(mean_accuracy(selected), str(len(selected["errors"])), "83k", teraflop(fast))
    winner, cheapest = figures("conv/confirm.json")["finals"]
    yield row(on_images(winner["test"]), "8", "84k", teraflop(published_recipe()))
    yield row("the cheapest tied with it", on_images(cheapest["test"]), "8")
    for member, parameters in zip(figures("front/front.json")["members"][-2:], ("6.8", "10.8"), strict=True):
        assert f"{member['cost'] / 1000:.1f}" == parameters
        searched = space_sources.recipe(space_sources.load(FOLDER / "front" / f"{member['number']}.yaml"))
        yield row(on_images(member["test"]), "8", f"{parameters}k", teraflop(searched))


NETS = {
    "conv-mid": "conv-mid, batch 128", "batchnorm-128": "batchnorm, batch 128", "two-conv": "two-conv, batch 256",
    "batchnorm-32": "batchnorm, batch 32",
}  # fmt: skip


def loops_of_others() -> Iterator[str]:
    for net, name in NETS.items():
        quick = {
            loop["side"].split(", ")[-1]: loop for loop in figures("peers-expert.json")["rows"] if loop["net"] == net
        }
        if quick:
            ends = "{ratio:.2f} ({lowest_ratio:.2f} to {highest_ratio:.2f})"
            one, two = (
                ends.format(**quick[f"{number} process{'es' * (number == 'two')}"]) for number in ("one", "two")
            )
            yield row(name, one, two, f"{quick['0 workers']['ratio']:.1f}")

    for net, name in NETS.items():
        loops = [loop for loop in figures("peers.json")["rows"] if loop["net"] == net and loop["quoted"]]
        sides = (
            " and ".join(f"{loop['ratio']:.1f}" for loop in loops if loop["side"].startswith(side))
            for side in ("plain", "keras", "expert, one", "expert, two")
        )
        yield row(name, *sides)

    in_float32 = [loop["ratio"] for loop in figures("peers.json")["rows"] if loop["side"] == "ours, float32"]
    yield f"In float32, mnist-bench takes {min(in_float32):.1f} to {max(in_float32):.1f} times as long"


def pattern_of_optuna() -> Iterator[str]:
    search, pattern = (figures("peers-search.json")[side] for side in ("ours", "theirs"))
    good = [
        next(trial["seconds"] for trial in one["trials"] if (trial["value"] or 0) >= 0.9959)
        for one in (search, pattern)
    ]
    best, theirs = (max(trial["value"] or 0 for trial in one["trials"]) for one in (search, pattern))
    early = max(trial["value"] or 0 for trial in pattern["trials"] if trial["seconds"] < search["seconds"])
    longer = f"{good[1]:,.0f} s, {good[1] / good[0]:.1f} times as long"
    yield f"accuracy of 99.59% {row(f'{good[0]:.0f} s', longer)}"
    yield f"after {search['seconds']:.0f} s {row(f'{best:.2%}', f'{early:.2%}')}"
    yield row(f"{best:.2%} after {search['seconds']:.0f} s", f"{theirs:.2%}")


NAMES = {
    "curves": "`curves`", "random": "`random`", "tpe": "`tpe`",
    "curves + list of conv-5k-wrong": "`curves` with the list",
    "random + list of conv-5k-wrong": "`random` with the list",
}  # fmt: skip


def live_searches() -> Iterator[str]:
    assert round(epochs_searched() / 8) == 9
    yield f"about nine full trainings ({epochs_searched()} of 400 epochs)"
    for one in figures("methods.json")["live"]:
        words = f"{NAMES[one['method']]}, {NAMES[one['against']]}"
        errors = ", ".join(f"{error:.2f}%" for error in one["errors"])
        cheaper = (around(one["times_cheaper"][cost], "ratio") for cost in ("15", "30", "50"))
        yield f"{words} {row(str(one['pairs']), errors, f'{lower(one)} lower', *cheaper)}"
    shown = 0
    for one in figures("methods.json")["unplanned"]:
        words = f"| {NAMES[one['method']]}, {NAMES[one['against']]} | {one['pairs']} | {signed(one['after']['9'])}"
        if plain(words) in plain(PAGES["methods"]):
            shown += 1
            yield f"{words} {row(*(signed(one['after'][cost]) for cost in ('15', '20', '50')))}"
    assert shown == 4
    yield f"after 12 it is {signed(figures('methods.json')['unplanned'][1]['after']['12'])}"


def lower(one: Any) -> str:
    """Return by how much the first is lower than the second."""
    return around(one, "difference", times=-1)


def signed(one: Any, digits: int = 2) -> str:
    """Return a difference with its sign and interval."""
    return around(one, "difference", digits=digits, sign="+")


def all_of_mnist() -> Iterator[str]:
    searches = figures("methods.json")["all_of_mnist"]
    best = {
        method: {one["seed"]: 100 * one["best"] for one in searches if one["method"] == method}
        for method in ("tpe", "curves", "curves, with a list")
    }
    for method, words in (
        ("tpe", "`tpe`"), ("curves", "`curves`"),
        ("curves, with a list", "`curves` with the warm-start configurations of conv.yaml (the default)"),
    ):  # fmt: skip
        time = median(one["seconds_to_99.40"] for one in searches if one["method"] == method)
        yield row(words, f"{time:.0f} s", f"{best_on_all(method):.3f}%")
    for method, other, words in (
        ("curves", "tpe", "`curves` compared with `tpe`:"), ("curves, with a list", "tpe", "the default with `tpe`:"),
        ("curves, with a list", "curves", "the default with `curves`:"),
    ):  # fmt: skip
        yield f"{words} {over([best[method][seed] - best[other][seed] for seed in best[method]])}"


def over(differences: Sequence[float]) -> str:
    """Return a mean difference with Student's 95% interval."""
    low, high = t_interval(differences) or (math.nan, math.nan)
    return signed({"difference": fmean(differences), "low": low, "high": high}, digits=3)


def other_tasks() -> Iterator[str]:
    regret = figures("methods.json")["regret"]
    assert len(regret) == 16
    for other in ("random", "tpe", "curves"):
        cells = []
        for trials in ("25", "50"):
            differences = [one["curves-ard"][trials] - one[other][trials] for one in regret.values()]
            cells += [over(differences), f"{sum(each < 0 for each in differences)} of 16"]
        yield f"| `{other}` {row(*cells)}".removesuffix(" |")
    ten = [one for name, one in regret.items() if not name.startswith("scikit-learn")]
    tpe, random, curves = (fmean(one[name]["50"] for one in ten) for name in ("tpe", "random", "curves"))
    yield f"`tpe` has {tpe:.3f} after 50 trainings, `random` {random:.3f} and `curves` {curves:.3f}"
    yield f"better than `random` on {sum(one['tpe']['50'] < one['random']['50'] for one in ten)} of 10"


def stand_ins() -> Iterator[str]:
    after_50 = {
        (one["concurrent_trials"], one["method"], one["stand_in"]): signed(one)
        for one in figures("methods.json")["stand_ins"] if one["after"] == 50
    }  # fmt: skip
    for words, concurrent, method in (
        ("`tpe`", 8, "tpe + asha"), ("`tpe`, feasible proposals only", 8, "tpe (only_feasible=1) + asha"),
        ("the same with `median`", 8, "tpe (only_feasible=1) + median"), ("`curves`", 8, "curves + asha"),
        ("`curves-ard`", 8, "curves-ard + asha"), ("one trial at a time: `curves`", 1, "curves + asha"),
        ("(TPE, median pruner)", 1, "Optuna's TPE + MedianPruner"), ("CQR with ASHA", 1, "Syne Tune's CQR + ASHA"),
        ("resumed trials", 1, "SMAC3 + Hyperband with checkpoints"),
    ):  # fmt: skip
        yield f"{words} {row(*(after_50[concurrent, method, model] for model in ('conv-5k/gp', 'conv-5k/trees')))}"


def replays() -> Iterator[str]:
    methods = figures("methods.json")
    for words, name in (
        ("`tpe` + `asha`", "tpe + asha"), ("`random` + `hyperband` of version 0.3.0", "random + hyperband"),
        ("`random` without a pruner", "random"),
        ("one report for all trials, then the best to the end", "first period, then the best"),
    ):  # fmt: skip
        yield row(words, *(signed(one) for one in methods["without_curves"] if one["method"] == name))
    found, wrong = (lower(one) for one in methods["replays"] if (one["method"], one["against"]) == ("curves", "random"))
    yield f"by {found} on conv-5k, where it was selected, and by {wrong} on conv-5k-wrong"
    gain, loss = (
        one for one in methods["unpruned_lists"]
        if (one["table"], one["after"]) == ("conv-5k-wrong", 9) and one["list"] != "20 configurations"
    )  # fmt: skip
    yield f"gains {lower(gain)} with `random`"
    yield f"loses {around(loss, 'difference')} if the list"
    early, late = (one for one in methods["second_seed"] if one["table"] == "conv-5k")
    yield f"by {around(early, 'difference')} after nine full trainings on conv-5k and lowers it by {lower(late)}"
    claimed = {one["replays"]: one["claimed"] for one in methods["verdicts"]["rows"]}
    yield f"with 20 replays: {claimed[20]:.1%} of comparisons"
    yield f"in {claimed[50]:.0%} of comparisons with 50 replays, {claimed[200]:.0%} with 200"
    rungs = methods["rungs"]
    yield f"{rungs['trials']} of the {rungs['of']} configurations of the published search were trained again to the end"
    yield f"{rungs['pruned']} that were pruned, and {rungs['complete']} that were complete"
    (quarter,) = (one for one in rungs["ranks"] if one[0] == 0.25)
    yield f"is {quarter[1]:.2f} at a quarter of an epoch, and {quarter[2]:.2f} there among the better half"


def event_order() -> Iterator[str]:
    for workers, slots, used in worker_time((0.05, 0.1, 0.2, 0.4)):
        trials = max(100, min(10_000, 20 * workers))
        yield row(f"{workers:,}", f"{slots:,}", f"{trials:,}", *used)


def ordering() -> Iterator[str]:
    stated = [row(f"{workers:,}", f"{slots:,}", *used) for workers, slots, used in worker_time((0.1, 0.2, 0.4))]
    shown = [words for words in stated if " ".join(words.split()[:4]) in PAGES["ordering"]]
    assert len(shown) == 10
    yield from shown


def worker_time(errors: Sequence[float]) -> Iterator[tuple[int, int, list[str]]]:
    """Yield workers, concurrent trials, and the time in use in deterministic and in completion order."""
    simulated = {
        (run["workers"], run["slots"], run["error"], run["order"]): run["in_full_swing"]
        for run in figures("event-order.json") if run["schedule"] == "Dispatcher" and not run["event_ms"]
    }  # fmt: skip
    for workers, slots in dict.fromkeys((workers, slots) for workers, slots, _, _ in simulated):
        each = (
            " / ".join(f"{100 * simulated[workers, slots, off, order]:.1f}" for order in ("logical", "arrival"))
            for off in errors
        )
        yield workers, slots, [*each]


def few_parameters() -> Iterator[str]:
    for size in (500, 1000, 1500, 2000):
        network = networks("few/few.json")[f"few/{size}-parameters"]
        seeds = len(network["errors"])
        yield row(f"{network['parameters']:,}", mean_accuracy(network), str(seeds), "mean after the last epoch")


def few() -> Iterator[str]:
    for size in (500, 1000, 1500, 2000):
        network = networks("few/few.json")[f"few/{size}-parameters"]
        accuracy = mean_accuracy(network).replace("[", "\\[").replace("]", "\\]")
        assert f"| few/{size}-parameters | {network['parameters']:,} |" in PAGES["few"]
        yield f"| {accuracy} | 9"
    for size, epochs, words in (
        (500, 40, "with 40 epochs at 494 parameters"), (1500, 20, "with 20 at 1,492"), (2000, 20, "with 20 at 1,998"),
    ):  # fmt: skip
        earlier = networks("few/few.json")[f"few/{size}-parameters with {epochs} epochs"]
        yield f"{1 - fmean(earlier['errors']) / earlier['images']:.2%} {words}"


def fast_search() -> Iterator[str]:
    first, second, _ = (mean_accuracy(network) for network in networks("conv-fast/search.json").values())
    yield f"evaluated on the test images once: {first}"
    yield f"with ten seeds each, have {second}"


def ladder() -> Iterator[str]:
    for target in ("99.4", "99.6", "99.7"):
        network = networks("ladder.json")[f"ladder/{target}"]
        accuracy = mean_accuracy(network)
        yield f"met: {accuracy}".replace("[", "\\[").replace("]", "\\]")
        assert on_the_ladder(f"ladder/{target}")["seeds"] == str(len(network["errors"]))


def kills() -> Iterator[str]:
    ours, stock = (figures("soak.json")[side]["tables"] for side in ("ours", "stock"))
    yield f"of 60 trials: exactly {ours['ended']}, none lost"
    yield f"(Optuna alone: {stock['ended']}, {stock['failed']} failed, {stock['running']} left RUNNING)"


STATED: Sequence[tuple[str, Callable[[], Iterator[str]]]] = [
    ("README", readmes_table), ("README", readmes_comparison),
    ("notebook", notebook), ("results", searches), ("results", front), ("results", ablation),
    ("speed", accuracy_for_computing), ("speed", loops_of_others), ("speed", pattern_of_optuna),
    ("methods", live_searches), ("methods", all_of_mnist), ("methods", other_tasks), ("methods", stand_ins),
    ("methods", replays), ("event-order", event_order), ("ordering", ordering),
    ("published", few_parameters), ("few", few), ("search", fast_search), ("ladder", ladder), ("promises", kills),
]  # fmt: skip
"""Page, and what states its figures."""
