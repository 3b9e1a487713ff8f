"""Make the published searches and the notebook's table afresh: results/published/conv, front, portable and notebook.

    python benchmarks/publish.py            all of it, about 3.5 hours on 2 cores
    python benchmarks/publish.py conv       the search and everything derived from it, about two and a half hours
    python benchmarks/publish.py front      the search with two objectives, about an hour
    python benchmarks/publish.py portable   the search in portable precision, about 10 minutes
    python benchmarks/publish.py notebook   the notebook's table alone, about 25 minutes

Studies and finished parts are kept in results/_bench/publish until a part is whole, so that the command continues where
it was stopped. A figure of time is worth something only where it was not.

conv/ holds the end of the search as a user sees it, the leaderboard, the winner's RECORD.json, which
`mnist-bench reproduce results/published/conv/RECORD.json` trains again and compares bit for bit, the confirmation with
fresh seeds and on the test set, how often pruning was wrong, the ablation, the pictures, all on one page, report.html,
and how the exported winner computes elsewhere (for which it takes the extra `export`, Chromium and chromedriver).
front/ holds a search for accuracy with few parameters, and its front with fresh seeds on the test set.
portable/ holds a search whose digest, and whose winner's RECORD.json, are the same on every x86-64 processor.
notebook.md and notebook.json hold the notebook's figures next to those of the nets trained here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pages

from search.study import ResultsFolder

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "results" / "published"
UNDER_WAY = ROOT / "results" / "_bench" / "publish"
SEARCH = ("search", "conv", "--trials", "50")
CONFIRM = ("confirm", "conv-0", "--top", "3")
AUDIT = (*SEARCH, "--audit-pruned", "10%")
ABLATE = ("ablate", "conv-0", "--from", "benchmarks/linear.yaml", "--seeds", "4", "--budget", "100m")
SMALL = ("search", "small", "--trials", "60")
FRONT = ("confirm", "small-0", "--front")
PORTABLE = ("search", "conv", "--precision", "portable", "--study-name", "portable", "--trials", "50")
NOTEBOOK = ("notebook", "--seeds", "5")
TEXTS = {".html", ".json", ".md", ".txt"}

Step = Callable[[Path, tuple[str, ...]], None]


def conv(results: Path) -> None:
    """Search, confirm, audit, ablate; then write leaderboard, record, tables, pictures and the report."""
    in_steps(results, (search, confirm, audit, ablate, draw, export))


def front(results: Path) -> None:
    """Search with two objectives, confirm the front; then write both tables, pictures and the report."""
    in_steps(results, (search_small, confirm_front, draw_front))


def portable(results: Path) -> None:
    """Search in portable precision; then write leaderboard, record and the report."""
    in_steps(results, (search_portable, report_portable))


def in_steps(results: Path, steps: tuple[Step, ...]) -> None:
    """Make a part in steps, each of them once, and publish it when it is whole."""
    folder, place = results / "published", os.path.relpath(results, ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    for step in steps:
        done = results / f"{step.__name__}.done"
        if not done.exists():
            step(folder, ("--results", place))
            done.touch()
    for path in folder.iterdir():
        if path.suffix in TEXTS:  # which name files as whoever runs the commands has them
            path.write_text(path.read_text().replace(place, "results"))
    shutil.rmtree(FOLDER / results.name, ignore_errors=True)
    shutil.copytree(folder, FOLDER / results.name)


def search_small(folder: Path, results: tuple[str, ...]) -> None:
    """Search for accuracy with few parameters, and write the leaderboard."""
    searched(SMALL, "Accuracy with few parameters", folder, results)


def searched(command: tuple[str, ...], title: str, folder: Path, results: tuple[str, ...]) -> str:
    """Search; write the end of the search and the leaderboard of all trials, and return this as JSON."""
    ended, conditions = timed(*command, *results)
    (folder / "search.txt").write_text(ended)
    table = run("leaderboard", *results, "--markdown", "--top", command[-1])
    rows = run("leaderboard", *results, "--json")
    pages.write(folder, "leaderboard", f"# {title}\n\n{conditions}\n\n{table}", rows)
    return rows


def confirm_front(folder: Path, results: tuple[str, ...]) -> None:
    """Train all of the front with fresh seeds, open the test set once, and keep each configuration as a recipe."""
    found, conditions = timed(*FRONT, *results)
    rows = run(*FRONT, *results, "--json")
    pages.write(folder, "front", f"# The front, with fresh seeds\n\n{conditions}\n\n```\n{found}```\n", rows)
    for member in json.loads(rows)["members"]:
        recipe = run("show", f"small-0/{member['number']}", *results, "--recipe")
        (folder / f"{member['number']}.yaml").write_text(recipe)


def draw_front(folder: Path, results: tuple[str, ...]) -> None:
    """Write the pictures of the search, and the report."""
    run("plot", "small-0", "pareto", "curves", *results, "--output", str(folder), "--format", "png")
    run("report", "small-0", *results, "--output", str(folder / "report.html"))


def search(folder: Path, results: tuple[str, ...]) -> None:
    """Search; then write the leaderboard before anything is confirmed, and the winner's record."""
    searched_with_record(SEARCH, "The published search", folder, results)


def search_portable(folder: Path, results: tuple[str, ...]) -> None:
    """Search in portable precision; then write the leaderboard, and the winner's record."""
    searched_with_record(PORTABLE, "The published search in portable precision", folder, results)


def searched_with_record(command: tuple[str, ...], title: str, folder: Path, results: tuple[str, ...]) -> None:
    """Do as `searched`, and write the record of the first trial of the leaderboard."""
    (study,) = json.loads(searched(command, title, folder, results))["studies"]
    name, first = study["study"], study["rows"][0]["number"]
    (folder / "RECORD.json").write_text(run("show", f"{name}/{first}", *results, "--json"))


def report_portable(folder: Path, results: tuple[str, ...]) -> None:
    """Write the report."""
    run("report", "portable", *results, "--output", str(folder / "report.html"))


def confirm(folder: Path, results: tuple[str, ...]) -> None:
    """Race the best trials with fresh seeds, and open the test set for the winner."""
    found, conditions = timed(*CONFIRM, *results)
    page = f"# The published search, confirmed\n\n{conditions}\n\n```\n{found}```\n"
    pages.write(folder, "confirm", page, run(*CONFIRM, *results, "--json"))


def audit(folder: Path, results: tuple[str, ...]) -> None:
    """Train a tenth of the pruned trials to their end."""
    found = run(*AUDIT, *results)
    audited = next(line for line in found.splitlines() if line.startswith("Audited"))
    (folder / "audit.txt").write_text(audited + "\n")


def ablate(folder: Path, results: tuple[str, ...]) -> None:
    """Turn a linear model into the winner, a group of settings at a time."""
    table, conditions = timed(*ABLATE, *results, "--markdown")
    page = f"# What each group of settings brings\n\n{conditions}\n\n{table}"
    pages.write(folder, "ablation", page, run(*ABLATE, *results, "--json"))


def draw(folder: Path, results: tuple[str, ...]) -> None:
    """Write the pictures and the report."""
    run("plot", "conv-0", *results, "--output", str(folder), "--format", "png")
    run("report", "conv-0", *results, "--output", str(folder / "report.html"))


def export(folder: Path, results: tuple[str, ...]) -> None:
    """Compare the exported winner with the one that was trained."""
    winner = folder.parent / "winner"
    run("export", "conv-0", "--confirmed", "--to", str(winner), *results)
    compare = [sys.executable, "benchmarks/exported_winner.py", str(winner), "--output", str(folder / "exported.md")]
    subprocess.run(compare, cwd=ROOT, check=True)


def notebook(results: Path) -> None:
    """Train the notebook's nets and write the table; the rows as JSON come from the runs trained by then."""
    table, conditions = timed(*NOTEBOOK, "--results", str(results), "--markdown")
    page = f"# The notebook, trained again\n\n{conditions}\n\n{table}"
    pages.write(FOLDER, "notebook", page, run(*NOTEBOOK, "--results", str(results), "--json"))


PARTS: dict[str, Callable[[Path], None]] = {"conv": conv, "front": front, "portable": portable, "notebook": notebook}


def main(parts: list[str]) -> None:
    """Make the parts named, each in a results folder of its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part in parts:
        results = UNDER_WAY / part
        PARTS[part](results)
        openings = ResultsFolder(results).openings
        if openings.exists():  # the ledger must not go with the folder
            with (FOLDER / openings.name).open("a") as ledger:
                ledger.write(openings.read_text())
        shutil.rmtree(results)


def timed(*arguments: str) -> tuple[str, str]:
    """Return a command's output, and a line on the machine and the time it took.

    The line ends before `--results`, with which the options on where and how to write begin.
    """
    started = time.monotonic()
    printed = run(*arguments)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    shown = " ".join(arguments[: arguments.index("--results")])
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    # The notebook's recipes are portable without being told.
    machine = pages.machine("portable" if {"portable", "notebook"} & {*arguments} else None)
    return printed, f"`mnist-bench {shown}` on {machine}, {when}; {minutes}:{seconds:02} from start to end."


def run(*arguments: str) -> str:
    """Return a command's output; its standard error goes to this process's."""
    program = Path(sys.executable).with_name("mnist-bench")
    return subprocess.run([program, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # With nargs="*" argparse wants the default among the choices.
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"{', '.join(PARTS)}(default: all)"
    )
    parts = parser.parse_args().parts or list(PARTS)
    if "conv" in parts and shutil.which("chromedriver") is None:
        parser.error("conv ends with the exported page in a browser: it needs Chromium and chromedriver.")
    main(parts)
