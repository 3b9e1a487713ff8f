"""What the README and the pages state of the published results is what the published files hold: neither changes alone.

`QUOTED` names the lines of published texts that stand on a page as they are. Each function of `STATED` writes words of
a page with the figures of the published files; they have to stand there. To state another figure, yield its words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from statistics import fmean, median
from typing import Any

from mnist_bench.config.json import from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.space_files import space_sources
from mnist_bench.statistics.inference import share_interval
from support.paths import ROOT
from support.published import (
    FOLDER,
    around,
    best_on_all,
    contested,
    differences,
    error_after,
    figures,
    found,
    fresh_error,
    mean_error,
    on_images,
    on_the_ladder,
    published_text,
    row,
    teraflop,
    with_interval,
)
from support.sources import refuse

PAGES = {page.stem: page.read_text() for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}

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
    yield "Both had a budget of 50 full trainings. That is five to six times the budget of `make search`"
    against_random = figures("strategies/contest.json")["claims"][1][-1]
    yield f"its error is {-against_random['difference']:.2f} percentage points lower than that of random search"
    low, high = (against_random["speedups"]["15"][end] for end in ("low", "high"))
    assert low < 1 < high
    yield "up to 15 full trainings, `curves` is not significantly cheaper"
    higher = -unplanned()["random", "tpe"]["at_end"]["difference"]
    yield f"the error of Optuna's TPE was {higher:.2f} percentage points higher than that of random search"
    apart = math.ceil(100 * abs(best_on_all("curves") - best_on_all("tpe"))) / 100
    yield f"On all of MNIST, in five searches each, `curves` and TPE end within {apart:.2f} percentage points"


def unplanned() -> Mapping[tuple[str, str], Any]:
    """Return the comparisons that the live contest did not plan, by both methods, all with asha."""
    return {
        (each["way"].replace(" + asha", ""), each["against"].replace(" + asha", "")): each
        for each in figures("strategies/unplanned.json")["compared"]
    }


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
    for folder in ("conv-0.1", "conv-0.1-curves", "conv"):
        confirmed = figures(f"{folder}/confirm.json")
        final = confirmed["finals"][0]
        (raced,) = (each for each in confirmed["candidates"] if each["number"] == final["number"])
        yield f"| {found('50 trials in ([^:]+):', f'{folder}/search.txt')}, "
        yield row(on_images(raced["validation"]), on_images(final["test"]), committee(final))

    yield f"configuration has {alone('conv-fast-20')[2]} test accuracy"
    tested = [search["test"] for search in figures("strategies/full-data.json") if search["test"]]
    yield f"confirmed for a comparison of search methods, at {100 * min(tested):.2f} to {max(tested):.2%}"


def front() -> Iterator[str]:
    confirmed = figures("front/front.json")
    for member, final in zip(confirmed["members"], confirmed["finals"], strict=True):
        ahead = f"by {around(member['ahead'], 'mean', times=100)}" if member["ahead"] else ""
        shown = ahead if member["on_front"] == "yes" else "not shown"
        yield row(f"{member['cost']:,}", on_images(member["test"]), shown, committee(final))


def ablation() -> Iterator[str]:
    path = figures("conv/ablation.json")
    convolutions, averaging, augmentation, rest = path["steps"]
    start = fmean(path["start"]["errors"])
    yield f"| linear model | {start:.1f} |"
    for step, name in ((convolutions, "convolutions"), (averaging, "averaging of the weights"), (rest, "together")):
        left = f"{fmean(step['after']['errors']):.1f}"
        yield f"{name} {row(left, around(step, 'fewer', digits=0))}"
    yield f"{fmean(augmentation['after']['errors']):.1f} | {augmentation['fewer']:.0f}, which may be chance"


def committee(final: Mapping[str, int]) -> str:
    """Return the accuracy of nets averaged, of 10,000 images; nothing where they were not."""
    return f"{1 - final['committee'] / 10_000:.2%}" if "committee" in final else ""


def own_speed() -> Iterator[str]:
    for net in figures("speed/epyc-zen5-2-cores.json")["nets"]:
        epoch = "{median:.2f} ({low:.2f} to {high:.2f})".format(**net["epoch"])
        parts = (net[part]["median"] for part in ("load", "augment", "train", "evaluate"))
        seconds = (f"{time:.2f}" for time in (*parts, net["floor"], net["filled_floor"]))
        yield row(net["net"], f"{net['images_per_second']['median']:,.0f}", epoch, *seconds)


def accuracy_for_computing() -> Iterator[str]:
    for recipe in (
        "ladder/99.0", "ladder/99.4", "ladder/99.6", "ladder/99.7",
        "former/0.1/ladder/99.4", "former/0.2/ladder/99.4", "former/0.2/ladder/99.6", "former/0.2/ladder/99.7",
    ):  # fmt: skip
        rung = on_the_ladder(recipe)
        parameters = f"{int(rung['parameters'].replace(',', '')) / 1000:.0f}k"
        yield row(f"`{recipe}`", rung["reached"], rung["seeds"], parameters, rung["TFLOP"])
    for target in ("99.0", "99.4", "99.6"):
        rung = on_the_ladder(f"ladder/{target}")
        yield row(f"{target}%", rung["reached"], rung["training"], rung["wall"])
    rung = on_the_ladder("ladder/99.7")
    yield row("99.7%", rung["reached"], rung["training"])
    pairs = {one["lever"]: one for one in figures("levers.json")["levers"]}
    new = (pairs[name] for name in ("new-99.4", "seven-epochs"))
    told = ", ".join(f"{pair['seconds_ratio']:.2f} ({pair['pairs']} pairs)" for pair in new)
    part = pairs["five-epochs-of-0.2"]  # five of thirty equal epochs
    yield f"they take {told} and {5 / 30 / part['seconds_ratio']:.2f} ({part['pairs']} pairs) of the time"
    ensembles = {(one["recipe"], one["size"]): one for one in figures("ensembles.json")["ensembles"]}
    ten = ensembles["99.7", 10]
    yield f"has {1 - fmean(ten['errors']) / ten['images']:.2%} with {ten['flop'] / 1e12:,.0f} TFLOP, a mean over five"
    fast = space_sources.recipe(space_sources.load(FOLDER / "conv-fast/20.yaml"))
    _, seeds, accuracy = alone("conv-fast-20")
    yield row(accuracy, str(seeds), "83k", teraflop(fast))
    winner, cheapest = figures("conv/confirm.json")["finals"]
    yield row(on_images(winner["test"]), "8", "84k", teraflop(published_recipe()))
    yield row("the cheapest tied with it", on_images(cheapest["test"]), "8")
    for member, parameters in zip(figures("front/front.json")["members"][-2:], ("6.8", "10.8"), strict=True):
        assert f"{member['cost'] / 1000:.1f}" == parameters
        searched = space_sources.recipe(space_sources.load(FOLDER / "front" / f"{member['number']}.yaml"))
        yield row(on_images(member["test"]), "8", f"{parameters}k", teraflop(searched))


WAYS = {
    "product": (1, "A step takes {} times as long with the first convolution as a matrix product over patches"),
    "foreach": (2, "A step takes {} of the time with averages and weight decay in one call for all weights"),
    "folded": (2, "An evaluation takes {} of the time with batch normalization folded into convolutions"),
}


def ways_to_compute_a_step() -> Iterator[str]:
    ratios = {way: [one["ratio"] for one in figures("step-levers.json")["rows"] if one["way"] == way] for way in WAYS}
    for way, (digits, words) in WAYS.items():
        yield words.format(f"{min(ratios[way]):.{digits}f} to {max(ratios[way]):.{digits}f}")


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


LISTED_CURVES, LISTED_RANDOM = (f"{sampler} + list of conv-5k-wrong" for sampler in ("curves", "random"))


def live_claims() -> Iterator[str]:
    assert round(epochs_searched() / 8) == 9
    yield f"`make search` spends about nine full trainings ({epochs_searched()} of 400 epochs)"
    live, coarse = figures("strategies/contest.json")["claims"], figures("strategies/contest-coarse.json")["claims"]
    against_tpe, against_random, list_against_tpe, list_against_random = (looks[-1] for looks in live)
    yield f"`curves` is {around(against_random, 'difference', times=-1)} percentage points lower than that of random"
    for words, name, way, other, look in (
        ("`curves`, `random`", "contest", "curves", "random", against_random),
        ("`curves`, `tpe`", "contest", "curves", "tpe", against_tpe),
        ("with the same list", "contest", LISTED_CURVES, LISTED_RANDOM, list_against_random),
        ("with a list, `tpe`", "contest", LISTED_CURVES, "tpe", list_against_tpe),
        ("resolution: `curves`, `tpe`", "contest-coarse", "curves", "tpe", coarse[0][-1]),
    ):
        errors = ", ".join(mean_error(name, each, look["pairs"]) for each in (way, other))
        cheaper = (around(look["speedups"][cost], "ratio") for cost in ("15", "30", "50"))
        lower = f"{around(look, 'difference', times=-1)} lower"
        yield f"{words} {row(str(look['pairs']), errors, lower, *cheaper)}"


def comparisons_that_were_not_planned() -> Iterator[str]:
    found = unplanned()
    lower = -found["random", "tpe"]["at_end"]["difference"]
    yield f"The error of random search is {lower:.2f} percentage points lower than that of Optuna's TPE"
    cheaper = (found[way, "tpe"]["at_end"]["speedups"]["50"]["ratio"] for way in ("random", LISTED_RANDOM))
    yield "reaches the final error of `tpe` {:.2f} times cheaper, and `random` with the list {:.2f} times".format(
        *cheaper
    )
    for words, pair in (
        ("`curves`, `random`", ("curves", "random")),
        ("`random` with the list, `random`", (LISTED_RANDOM, "random")),
        ("`curves` with the list, `curves`", (LISTED_CURVES, "curves")),
    ):
        cells = (f"{around(found[pair][when], 'difference', times=-1)} lower" for when in ("early", "at_end"))
        yield row(words, str(found[pair]["at_end"]["pairs"]), *cells)
    against_tpe = found["random", "tpe"]
    early, at_end = around(against_tpe["early"], "difference"), around(against_tpe["at_end"], "difference", times=-1)
    yield row("`random`, `tpe`", "25", f"{early} higher", f"{at_end} lower")


def lists_and_machines() -> Iterator[str]:
    yield f"{mean_error('contest', 'random', 25)} against {mean_error('contest', 'tpe', 25)} in 25 pairs"
    early = [mean_error("contest", way, 50, error_after(9)) for way in (LISTED_CURVES, "curves")]
    yield f"an error of {early[0]} with the list and of {early[1]} without"
    for cost, words in ((9, "percentage points less"), (15, "less")):
        saved = differences("contest", LISTED_CURVES, "curves", error_after(cost))
        assert len(saved) == 50
        yield f"{with_interval(list(saved.values()))} {words}"

    saved = differences("contest", LISTED_CURVES, "tpe", fresh_error)
    ways = contested("contest")
    mixed = {
        seed for seed in saved if len({ways[way][seed]["machine"]["canary"] for way in ("tpe", LISTED_CURVES)}) > 1
    }
    apart, alike = (fmean(saved[seed] for seed in seeds) for seeds in (mixed, saved.keys() - mixed))
    yield f"{apart:.2f} percentage points in these {len(mixed)} pairs and {alike:.2f} in the other six"


def all_of_mnist() -> Iterator[str]:
    ways_on_all = ("tpe", "curves", "curves, with a list")
    full = figures("strategies/full-data.json")
    times = [median(search["reached"] for search in full if search["way"] == way) for way in ways_on_all]
    names = ("`tpe`", "`curves`", "`curves` with the warm-start configurations of conv.yaml")
    for name, way, time in zip(names, ways_on_all, times, strict=True):
        yield row(name, f"{time:.0f} s", f"{best_on_all(way):.3f}%")


def replays() -> Iterator[str]:
    foreign = {(one["table"], one["against"]): one["seen"] for one in figures("strategies/foreign.json")["compared"]}
    for words, other in (
        ("Optuna's TPE with its median pruner", "Optuna's TPE + MedianPruner"),
        ("SMAC3 with Hyperband", "SMAC3 + Hyperband with checkpoints"),
        ("Syne Tune's ASHA", "Syne Tune's random + ASHA"),
    ):
        yield row(words, around(foreign["conv-5k", other], "difference", times=-1))
    pools = [
        {(one["way"]["sampler"], bool(one["way"]["start"]), one["against"]["sampler"]): one["seen"] for one in compared}
        for compared in figures("strategies/replays.json")["compared"].values()
    ]
    yield f"by {around(pools[0]['curves', True, 'curves'], 'difference')} percentage points on conv-5k"
    plain, listed, tpe = ("curves", False, "random"), ("random", True, "random"), ("curves", False, "tpe")
    for words, seen in (("`random`", plain), ("`tpe`", tpe)):
        lower = (around(pool[seen], "difference", times=-1) for pool in pools)
        yield row(f"`curves`, compared with {words}: error lower by, percentage points", *lower)
    for words, seen, trainings in (
        ("at 15 full trainings", plain, "15"), ("at 30", plain, "30"), ("at 50", plain, "50"),
        ("times cheaper at 15", listed, "15"), ("at 50", listed, "50"), ("times cheaper at 50", tpe, "50"),
    ):  # fmt: skip
        yield f"{words} {row(*(around(pool[seen]['speedups'][trainings], 'ratio') for pool in pools))}"


def pruned_lists() -> Iterator[str]:
    tables = figures("strategies/list-pruning.json")["tables"]
    for table, parts in tables.items():
        for part, words in (
            ("60 configurations", "from 60 configurations"), ("20 configurations", "from 20"),
            ("the 60 worst", "of the worst"),
        ):  # fmt: skip
            looks = parts[part]["not the first 3"]
            yield f"{table}, {words} {row(*(around(look, 'difference', times=-1) for look in looks))}"
    curves = figures("strategies/list-pruning-curves.json")["conv-5k-wrong, not the first 3"][0]
    yield f"It is {around(curves, 'difference', times=-1)} percentage points on conv-5k-wrong"


def rungs() -> Iterator[str]:
    found = figures("strategies/rungs.json")
    yield f"{found['trials']} of the {found['of']} configurations of the published search were trained again to the end"
    yield f"{found['pruned']} that were pruned, and {found['complete']} that were complete"
    of_all = {epoch: all_ for epoch, all_, _, _ in found["ranks"]}
    of_half = {epoch: half for epoch, _, half, _ in found["ranks"]}
    early = f"{of_all[0.25]:.2f} at a quarter of an epoch, {of_all[1.0]:.2f} at one epoch"
    yield f"{early} and {of_all[3.0]:.2f} at three epochs"
    yield f"it is {of_half[0.25]:.2f} at a quarter of an epoch"
    assert found["better"] == 0
    assert found["placed"] == found["pruned"]
    differences = [each for setting in found["settings"].values() for each in setting["difference"]]
    assert all(low <= 0 <= high for _, low, high in differences)
    yield f"up to {max(-low for _, low, _ in differences):.0f} errors of 10,000"


def contests() -> Iterator[str]:
    for null in figures("contest/null.json")["rows"]:
        claimed = f"{null['claimed']:.1%}" if null["contests"].startswith("null") else f"{null['claimed']:.0%}"
        yield row(f"{null['replays']}", claimed, f"{100 * null['would_be_shown']:.2f}")
    grid, pool, wrong = (
        {one["contestant"]: one for one in contest["contestants"]}
        for contest in figures("contest/ours.json")["contests"]
    )
    for words, name in (
        ("`tpe` + `asha`", "tpe + asha"), ("`random` + `hyperband`", "random + hyperband"),
        ("`random` without a pruner", "random"),
        ("one report for all trials, then the best to the end", "first period, then the best"),
    ):  # fmt: skip
        yield row(words, *(with_interval(above_random(table, name)) for table in (grid, pool, wrong)))
    best = [-fmean(above_random(each, "the best of another task")) for each in (pool, wrong)]
    yield f"{best[0]:.2f} and {best[1]:.2f} percentage points lower than that of random + asha"
    for live, replayed in zip(
        *(contest["contestants"] for contest in figures("contest/live.json")["contests"]), strict=True
    ):
        yield f"{live['contestant']} | {100 * live['error']:.2f}% ± "
        yield f"{100 * replayed['error']:.2f}% ± "


def above_random(contestants: Mapping[str, Any], name: str) -> list[float]:
    """Return by how much the errors of a method are above those of random search with asha, seed by seed."""
    both = (contestants[each]["errors"] for each in (name, "random + asha"))
    return [100 * (error - of_random) for error, of_random in zip(*both, strict=True)]


def event_order() -> Iterator[str]:
    simulated = {
        (run["workers"], run["slots"], run["error"], run["order"]): run["in_full_swing"]
        for run in figures("event-order.json") if run["schedule"] == "Dispatcher" and not run["event_ms"]
    }  # fmt: skip
    for workers, slots in dict.fromkeys((workers, slots) for workers, slots, _, _ in simulated):
        used = (f"{100 * simulated[workers, slots, off, 'logical']:.1f} / 100" for off in (0.05, 0.1, 0.2, 0.4))
        yield row(f"{workers:,}", f"{slots:,}", *used)


def levers() -> Iterator[str]:
    measured = {(lever["task"], lever["lever"]): lever for lever in figures("levers.json")["levers"]}
    for words, name, on_5k in (
        ("a third of the others", "hard", "hard"), ("up to 1 pixel", "grid", "grid"),
        ("0.3 of the training", "cooldown", "cooldown"), ("1, 1, 2", "one-two", "one-one-two"),
    ):  # fmt: skip
        whole, few = measured[None, name], measured["mnist-5k", on_5k]
        yield f"{words} | {around(whole, 'difference', digits=1, sign='+')}"
        yield around(few, "difference", digits=1, sign="+")


def levers_that_save_steps() -> Iterator[str]:
    screened = {tuple(one["levers"]): one for one in figures("lever-screen-99.4.json")["effects"]}
    measured = figures("levers.json")["levers"]
    paired = {(one["task"], one["lever"]): one for one in measured if one["recipe"].startswith("99.4 of 0.2")}
    for lever, words in (
        ("muon", "constant norms"), ("shift", "(`test_shift`)"), ("learned", "(`learned_share`)"),
        ("look-ahead", "every 5 steps"), ("whitened", "first filters"), ("growth", "twice their size"),
    ):  # fmt: skip
        screen = screened[lever,]
        cell = f"{around(screen, 'errors', digits=1, sign='+')} in {screen['seconds']:.2f}"
        yield f"{words} | {cell}" + (" of the time" if lever == "muon" else "")
        for task in (None, "mnist-5k"):
            if pair := paired.get((task, lever)):
                yield f"{around(pair, 'difference', digits=1, sign='+')} in {pair['seconds_ratio']:.2f}"
    at_996 = {one["lever"]: one for one in measured if one["recipe"] == "99.6 of 0.2"}
    for lever in ("shift", "new-99.6", "seven-epochs"):
        yield f"{around(at_996[lever], 'difference', digits=1, sign='+')} errors"
    on_5k = {
        (one["pairs"], one["lever"]): one for one in measured if one["task"] and one["recipe"].startswith("99.6 optim")
    }
    for pair in (on_5k[10, "learned-28-epochs"], on_5k[20, "gelu"]):
        yield f"{around(pair, 'difference', digits=1, sign='+')} errors"
        yield f"from {pair['errors_without']:.1f}"
        yield f"in {pair['seconds_ratio']:.2f} of the time"
    shorter = on_5k[10, "learned"]
    yield f"{around(shorter, 'difference', digits=1, sign='+')} in {shorter['seconds_ratio']:.2f} (10 pairs)"


def alone(recipe: str) -> tuple[str, int, str]:
    """Return parameters, number and mean accuracy of the networks of a recipe that ensembles.md is made of."""
    (single,) = (one for one in figures("ensembles.json")["ensembles"] if (one["recipe"], one["size"]) == (recipe, 1))
    shares = [1 - errors / single["images"] for errors in single["errors"]]
    interval = share_interval(shares, step=1 / single["images"])
    return f"{single['parameters']:,.0f}", len(shares), on_images({"mean": fmean(shares), "interval": interval})


def few_parameters() -> Iterator[str]:
    for size in (500, 1000, 1500, 2000):
        parameters, seeds, accuracy = alone(f"{size}-parameters")
        yield row(parameters, accuracy, str(seeds), "mean after the last epoch")


def kills() -> Iterator[str]:
    ours, stock = (figures("soak.json")[side]["tables"] for side in ("ours", "stock"))
    yield f"of 60 trials: exactly {ours['ended']}, none lost"
    yield f"(Optuna alone: {stock['ended']}, {stock['failed']} failed, {stock['running']} left RUNNING)"


STATED: Sequence[tuple[str, Callable[[], Iterator[str]]]] = [
    ("README", readmes_table), ("README", readmes_comparison),
    ("notebook", notebook), ("results", searches), ("results", front), ("settings", ablation),
    ("speed", own_speed), ("speed", accuracy_for_computing), ("speed", ways_to_compute_a_step),
    ("speed", loops_of_others), ("speed", pattern_of_optuna),
    ("methods", live_claims), ("methods", comparisons_that_were_not_planned), ("methods", lists_and_machines),
    ("methods", all_of_mnist), ("methods", replays), ("methods", pruned_lists),
    ("methods", rungs),
    ("methods", contests), ("ordering_cost", event_order), ("settings", levers),
    ("settings", levers_that_save_steps), ("published", few_parameters), ("promises", kills),
]  # fmt: skip
"""Page, and what states its figures."""
