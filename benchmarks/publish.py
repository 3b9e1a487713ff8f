"""Make the published searches and the notebook's table again: results/published/conv, front and notebook.

    python benchmarks/publish.py            all of it, about 2.5 hours on 2 cores
    python benchmarks/publish.py conv       the search and its confirmation, about 20 minutes
    python benchmarks/publish.py front      the search with two objectives, about an hour and a half
    python benchmarks/publish.py notebook   the notebook's table alone, about 25 minutes
    python benchmarks/publish.py pages      the plots and reports of the kept studies, without any training

Studies and finished parts are kept in results/_bench/publish until a part is complete. The same command resumes an
interrupted run; times are meaningful only if the run was not interrupted.

conv/ holds the last lines of the search, the ten best trials (leaderboard.json has all), the confirmation, two plots,
and report.html with all. `mnist-bench reproduce
results/published/conv/RECORD.json` trains the best trial again and compares it bit for bit.
front/ holds a search for accuracy with few parameters, and its front with fresh seeds on the test set.
studies/ keeps the studies themselves, as far as pages are made of them: `pages` makes these again after a change of
their words or their look, in a minute.
notebook.md and notebook.json hold the notebook's figures next to those of the nets trained here.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import frame
from frame import ROOT

from mnist_bench.experiments.confirmed import winner_of
from mnist_bench.studies.checked import open_study
from search.messages import duration
from search.study.folder import ResultsFolder

FOLDER = ROOT / "results" / "published"
STUDIES = FOLDER / "studies"
UNDER_WAY = ROOT / "results" / "_bench" / "publish"
SEARCH = ("search", "conv", "--trials", "50")
CONFIRM = ("confirm", "conv-0", "--top", "3")
SMALL = ("search", "small", "--trials", "60")
FRONT = ("confirm", "small-0", "--front")
NOTEBOOK = ("bench", "notebook", "--seeds", "5")
TEXTS = {".html", ".json", ".md", ".txt"}
KEPT = ("space.yaml", "test-openings.jsonl", "confirm/confirm.json", "confirm/front.json")
"""Files of a study of which pages are made, besides its database and the weights of the best and the selected trial."""

Step = Callable[[Path, tuple[str, ...]], None]


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The report of a study, and some of its plots."""

    study: str
    plots: tuple[str, ...]  # the kinds of plots that pages show, as files of their own

    def write(self, to: Path, work: Path) -> None:
        """Write them from a copy of the kept study, because to read a database may write files next to it.

        The copy is in the folder `results` of `work`, which no command of the report needs to name.
        """
        shutil.copytree(STUDIES / self.study, work / "results" / self.study, dirs_exist_ok=True)
        run("plot", self.study, *self.plots, "--to", str(to), "--formats", "png", folder=work)
        run("report", self.study, "--to", str(to / "report.html"), folder=work)


PAGES = {
    "conv": Pages(study="conv-0", plots=("curves", "timeline")),
    "front": Pages(study="small-0", plots=("pareto",)),
}
"""By the part that publishes them."""


def in_steps(results: Path) -> None:
    """Make a part in steps, each of them once, and publish it when it is whole: tables, record, pictures and report."""
    folder, place = results / "published", os.path.relpath(results, ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    for step in STEPS[results.name]:
        done = results / f"{step.__name__}.done"
        if not done.exists():
            step(folder, ("--results", place))
            done.touch()
    for path in folder.iterdir():
        if path.suffix in TEXTS:  # which name files as whoever runs the commands has them
            path.write_text(path.read_text().replace(place, "results"))
    shutil.rmtree(FOLDER / results.name, ignore_errors=True)
    shutil.copytree(folder, FOLDER / results.name)
    pages_of = PAGES[results.name]
    keep(results, pages_of.study)
    pages_of.write(FOLDER / results.name, results / "again")


def keep(results: Path, name: str) -> None:
    """Keep a study, as far as pages are made of it: without checkpoints and the weights of other trials."""
    study, kept = open_study(results, name), STUDIES / name
    shown = {study.complete()[0].number, winner_of(study)} - {None}
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    with closing(sqlite3.connect(study.files.database)) as database:
        database.execute("VACUUM INTO ?", (str(kept / "study.db"),))
    for part in (*KEPT, *(f"weights/{number}.safetensors" for number in shown)):
        if (study.files.path / part).exists():
            (kept / part).parent.mkdir(exist_ok=True)
            shutil.copyfile(study.files.path / part, kept / part)


def again(work: Path) -> None:
    """Write the plots and reports of the kept studies."""
    for part, pages_of in PAGES.items():
        if (STUDIES / pages_of.study).exists():
            pages_of.write(FOLDER / part, work)


def search(folder: Path, results: tuple[str, ...]) -> None:
    """Search; then write the leaderboard before anything is confirmed, and the winner's record."""
    first = json.loads(searched(SEARCH, "The published search", folder, results))["rows"][0]
    (folder / "RECORD.json").write_text(run("show", f"{first['study']}/{first['number']}", *results, "--json"))


def search_small(folder: Path, results: tuple[str, ...]) -> None:
    """Search for accuracy with few parameters, and write the leaderboard."""
    searched(SMALL, "Accuracy with few parameters", folder, results)


def searched(command: tuple[str, ...], title: str, folder: Path, results: tuple[str, ...]) -> str:
    """Search; write the end of the search and the best trials, and return the leaderboard of all as JSON."""
    ended, conditions = timed(*command, *results)
    (folder / "search.txt").write_text(ended)
    table = run("leaderboard", *results, "--markdown", "--top", "10")
    rows = run("leaderboard", *results, "--json")
    frame.write(folder, "leaderboard", f"# {title}\n\n{conditions}\n\n{table}", rows)
    return rows


def confirm(folder: Path, results: tuple[str, ...]) -> None:
    """Retrain the best trials with fresh seeds, and open the test set for the selected one."""
    experiment(CONFIRM, "confirm", "The published search, confirmed", folder, results)


def confirm_front(folder: Path, results: tuple[str, ...]) -> None:
    """Train all of the front with fresh seeds, open the test set once, and keep each configuration as a recipe."""
    rows = experiment(FRONT, "front", "The front, with fresh seeds", folder, results)
    for member in json.loads(rows)["members"]:
        recipe = run("show", f"small-0/{member['number']}", *results, "--recipe")
        (folder / f"{member['number']}.yaml").write_text(recipe)


def experiment(
    command: tuple[str, ...], name: str, title: str, folder: Path, results: tuple[str, ...], *form: str
) -> str:
    """Run a command that trains; write what it prints, in Markdown if it has that form, and return its JSON."""
    printed, conditions = timed(*command, *results, *form)
    rows = run(*command, *results, "--json")
    shown = printed if form else f"```\n{printed}```\n"
    frame.write(folder, name, f"# {title}\n\n{conditions}\n\n{shown}", rows)
    return rows


def notebook(results: Path) -> None:
    """Train the notebook's nets and write the table; the rows as JSON come from the runs trained by then."""
    experiment(NOTEBOOK, "notebook", "The notebook, trained again", FOLDER, ("--results", str(results)), "--markdown")


STEPS: dict[str, tuple[Step, ...]] = {
    "conv": (search, confirm),
    "front": (search_small, confirm_front),
}
PARTS: dict[str, Callable[[Path], None]] = {**dict.fromkeys(STEPS, in_steps), "notebook": notebook, "pages": again}


def main(parts: list[str]) -> None:
    """Make the parts named, each in a results folder of its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part in parts:
        results = UNDER_WAY / part
        PARTS[part](results)
        evaluations = ResultsFolder(results).test_log
        if evaluations.exists():  # the ledger must not go with the folder
            with (FOLDER / evaluations.name).open("a") as ledger:
                ledger.write(evaluations.read_text())
        shutil.rmtree(results)


def timed(*arguments: str) -> tuple[str, str]:
    """Return a command's output, and a line on the machine and the time it took.

    The line ends before `--results`, with which the options on where and how to write begin.
    """
    started = time.monotonic()
    printed = run(*arguments)
    took = duration(time.monotonic() - started)
    shown = " ".join(arguments[: arguments.index("--results")])
    # What the space `conv` and the notebook's recipes say.
    made = frame.made(f"mnist-bench {shown}", "portable" if {"conv", "conv-0", "notebook"} & {*arguments} else None)
    return printed, f"{made} It took {took}."


def run(*arguments: str, folder: Path = ROOT) -> str:
    """Return a command's output, run in a folder; its standard error goes to this process's."""
    program = Path(sys.executable).with_name("mnist-bench")
    return subprocess.run([program, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    parser = frame.options(__doc__, publishes=False)
    # With nargs="*" argparse wants the default among the choices.
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"{', '.join(PARTS)}(default: all)"
    )
    parts = parser.parse_args().parts or [part for part in PARTS if part != "pages"]
    main(parts)
