"""The committed results are real: the winner's record is begun again, and the tables are those of the record.

What the README and the pages state of them is what the published files hold: neither changes alone. docs/figures.py
writes the figures in tables. `QUOTED` names the lines of published texts that stand on a page as they are; `sentences`
yields the words around all other figures.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from mnist_bench.experiments.scored_recipes import PUBLISHED
from mnist_bench.leaderboard.board import grouped
from mnist_bench.training.trainer import numerics_here
from search.study.studies import open_study
from support import sources, wants
from support.commands import PROGRAM
from support.paths import ROOT
from support.sources import refuse
from support.wants import check_as_published

FOLDER = ROOT / "results" / "published"
maker = sources.docs_script("figures")
figures = maker.figures


@pytest.mark.integration
def test_the_published_winner_begins_as_it_did(tmp_path: Path) -> None:
    """To the bit if the numerics check agrees; its first two periods, for all of them take a minute."""
    record = figures("conv/RECORD.json")
    begun = {**record, "curve": record["curve"][:2], "correct": None}
    del begun["sha256"]  # of what was published
    done = subprocess.run(
        [PROGRAM, "reproduce", "-", "--json"],
        input=json.dumps(begun), cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    if any(difference["name"] == "check" for difference in found["numerics"]):
        assert done.returncode == 4
    elif not wants.is_that_of(record["versions"]["torch"]):
        assert done.returncode in (0, 4)
    else:
        assert (done.returncode, found["verdict"], found["first_difference"]) == (0, "identical", None)


@pytest.mark.integration
def test_the_search_that_readme_begins_with_has_its_published_digest(tmp_path: Path) -> None:
    """On every machine that computes portable bits."""
    check_as_published(numerics_here("cpu", "portable"))
    words = [PROGRAM, "search", "smoke", "--trials", "20"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    digest = grouped(open_study(tmp_path / "results", None).digest)
    assert f"digest {digest}" in (ROOT / "README.md").read_text()
    assert f"\nexpected digest {digest[:9]} ... {digest[-4:]} (published; " in done.stderr
    assert "\n       equal to the published digest (" in done.stdout


def test_the_record_is_that_of_the_first_row() -> None:
    first, record = figures("conv/leaderboard.json")["rows"][0], figures("conv/RECORD.json")
    assert record["trial"] == first["number"]
    assert record["curve"][-1]["value"] == first["accuracy"]
    assert record["curve"][-1]["metrics"]["errors"] == first["errors"]


def test_the_notebooks_table_has_every_recipe_over_five_seeds_in_portable_precision() -> None:
    rows = json.loads((FOLDER / "notebook.json").read_text())["rows"]
    assert [row["recipe"] for row in rows] == list(PUBLISHED)
    assert {(len(row["runs"]), row["precision"]) for row in rows} == {(5, "portable")}


QUOTED = [
    ("docs/benchmarks/results.md", "conv/search.txt", r"50 trials|digest| [1-4] "),
    ("docs/benchmarks/results.md", "conv/confirm.md", r"trial  validation| +#\d+ "),
]
"""Page, published text, and how those of its lines begin that the page has."""


def test_the_figures_in_tables_are_fresh() -> None:
    made = [name for page in maker.PAGES for name in maker.TABLE.findall(page.read_text())]
    assert sorted(made) == sorted(maker.MAKERS)
    stale = [page for page in maker.PAGES if maker.renewed(page.read_text()) != page.read_text()]
    refuse(f"{page}: run `make reference`" for page in stale)


def test_quoted_lines_are_the_published_ones() -> None:
    missing = []
    for page, path, begin in QUOTED:
        lines = [" ".join(line.split()) for line in published(path).splitlines() if re.match(begin, line)]
        assert len(lines) > 5, f"{path} has few lines that begin with {begin}"
        there = [" ".join(line.split()) for line in (ROOT / page).read_text().splitlines()]
        missing += [f"{page}: {line}" for line in lines if not any(is_quoted(line, one) for one in there)]
    refuse(missing)


def is_quoted(line: str, there: str) -> bool:
    """Return whether a line of a page is a published one, whose last columns the page may leave out."""
    return line == there or (len(there) > 60 and line.startswith(there))


def published(path: str) -> str:
    return (FOLDER / path).read_text()


def found(pattern: str, path: str) -> str:
    match = re.search(pattern, published(path))
    assert match, f"{path} has no {pattern}"
    return match[1]


def test_figures_in_sentences_are_the_published_ones() -> None:
    pages = {page: plain((ROOT / page).read_text()) for page, _ in sentences()}
    refuse(f"{page}: {words}" for page, words in sentences() if words not in pages[page])


def plain(text: str) -> str:
    """Return a text without folds, links and emphasis."""
    without_links = re.sub(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\([^()]*\)", r"\1", text)
    return " ".join(without_links.replace("**", "").split())


def sentences() -> Iterator[tuple[str, str]]:
    """Yield page and words."""
    _, _, *tools = (line.strip("| ").split(" | ") for line in published("first-search.md").splitlines() if "|" in line)
    for at, words in enumerate(("in a second run", "with one worker instead of two", "after a kill and a restart"), 3):
        yield "README.md", f"| {words} | {' | '.join(tool[at] for tool in tools)} |"

    rows = {row["recipe"]: row for row in figures("notebook.json")["rows"]}
    page = "docs/start/notebook_2017.md"
    for name, row in rows.items():
        then, mean = row["published"]["accuracy"], f"{row['accuracy']:.2%} ± {row['accuracy_deviation']:.2%}"
        yield page, f"{name} {f'{then:.2%}' if then else '–'} {mean} {row['parameters']:,}"
    drop, same = (f"{rows[recipe]['accuracy']:.2%}" for recipe in ("lr_drop", "batchnorm_2"))
    yield page, f"Its mean accuracy is {drop}; with the same rate it is {same}"

    time, digest = (found(words, "conv/search.txt") for words in ("50 trials in (.*?):", "digest (.*)"))
    confirmed = figures("conv/confirm.json")
    accuracy = maker.on_images(confirmed["finals"][0]["test"])
    yield "README.md", f"make search # 50 trials: {time} on two cores of a Zen 4"
    yield "README.md", f"gives this search the digest `{digest[:9]} ... {digest[-4:]}`"
    yield "README.md", f"its mean test accuracy is {accuracy}"
    yield "docs/benchmarks/results.md", f"so there is no winner. #{confirmed['winner']} is selected"
    searches = [json.loads(line) for line in published("candidates.jsonl").splitlines()]
    for name in {search["candidate"] for search in searches}:
        means = [fmean(search["errors"]) for search in searches if search["candidate"] == name]
        yield "docs/benchmarks/results.md", f"{', '.join(f'{mean:.1f}' for mean in means)} | {fmean(means):.1f} |"
    float32 = [loop["ratio"] for loop in figures("peers.json")["rows"] if loop["side"] == "ours, float32"]
    times = f"{min(float32):.1f} to {max(float32):.1f}"
    yield "docs/benchmarks/results.md", f"In float32, mnist-bench takes {times} times as long"
