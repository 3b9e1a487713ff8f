from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from typer.testing import Result

from mnist_bench.plots.kinds import STUDY_KINDS
from mnist_bench.plots.subject import Subject
from mnist_bench.report import html
from search.errors import StudyNotFoundError
from support import handmade, handmade_report
from support.checked_page import Checked

Cli = Callable[..., Result]


def draw(kind: str, subject: Subject, *, narrow: bool) -> Figure:
    """Draw a heading; nothing for the layers."""
    if kind == "mistakes":
        raise StudyNotFoundError("It has no weights.")
    figure = Figure(figsize=(1, 1))
    figure.suptitle(f"The finding\nof {kind}")
    return figure


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.plots.drawing.picture", draw)


@pytest.mark.slow
def test_the_page_lies_in_the_studys_folder_and_is_the_same_twice(cli: Cli) -> None:
    result = cli("report")
    assert (result.exit_code, result.stdout) == (0, "results/conv-0/report.html\n")
    assert result.stderr.splitlines() == [
        "The page has no drawing area: The weights of conv-0/1 are not here; "
        "`mnist-bench reproduce conv-0/1 --weights` trains it again.",
        "mistakes is not drawn: It has no weights.",
    ]
    first = Path("results/conv-0/report.html").read_bytes()
    assert cli("report", "conv-0", "--output", "elsewhere/a.html").stdout == "elsewhere/a.html\n"
    assert Path("elsewhere/a.html").read_bytes() == first


def test_the_page_holds_every_part(cli: Cli) -> None:
    cli("report")
    read = Checked(Path("results/conv-0/report.html").read_text())
    assert read.all("html") == [{"lang": "en"}]
    assert "conv-0: 6 of 7 trials on your own data · mnist-bench" in read.text
    for words in (
        "Two trials tie for the best so far, 99.40 to 99.50%; the cheapest is trial 0 with 30k parameters.",
        "99.50% [98.83, 99.79]", "The test set has not been evaluated.", "lr: 0.0093",
        "mnist-bench reproduce conv-0/1", "avx512_bf16", handmade.HASH, "ValueError: no [bold]luck[/bold]",
        "It has no weights.",
    ):  # fmt: skip
        assert words in read.text
    alts = [image["alt"] for image in read.all("img")]
    assert alts == [f"The finding of {kind}" for kind in STUDY_KINDS if kind != "mistakes"]
    anchors = {link["href"] for link in read.all("a")}
    assert anchors <= {f"#{attributes['id']}" for _, attributes in read.elements if "id" in attributes}
    assert len(read.all("h1")) == 1


def test_an_unforeseen_error_loses_one_picture_and_not_the_page(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw_or_fail(kind: str, subject: Subject, *, narrow: bool) -> Figure:
        if kind == "importances":
            raise FloatingPointError("underflow in eigh")
        return draw(kind, subject, narrow=narrow)

    monkeypatch.setattr("mnist_bench.plots.drawing.picture", draw_or_fail)
    result = cli("report")
    assert (result.exit_code, result.stdout) == (1, "results/conv-0/report.html\n")
    assert "importances is not drawn: FloatingPointError: underflow in eigh (unexpected; the same" in result.stderr
    assert "Traceback" not in result.stderr
    page = Path("results/conv-0/report.html").read_text()
    assert "FloatingPointError: underflow in eigh" in Checked(page).text
    assert page.count('src="data:image/svg+xml') == len(STUDY_KINDS) - 2
    verbose = cli("-v", "report")
    assert verbose.exit_code == 1
    assert "Traceback (most recent call last)" in verbose.stderr


def test_nothing_is_fetched_and_only_the_pages_own_script_may_run() -> None:
    text = html.render(handmade_report.report())
    read = Checked(text)
    addresses = [a[name] or "" for _, a in read.elements for name in ("src", "href", "srcset", "action") if name in a]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\(|@font-face", text)
    (policy,) = [meta["content"] or "" for meta in read.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(name == "style" or name.startswith("on") for _, a in read.elements for name in a)


def test_text_from_outside_is_no_markup() -> None:
    plain, hostile = Checked(html.render(handmade_report.report())), Checked(html.render(handmade_report.hostile()))
    assert len(hostile.all("script")) == len(plain.all("script")) == 1
    assert len(hostile.all("style")) == 1
    assert not any("onerror" in attributes for _, attributes in hostile.elements)
    assert hostile.text.count("document.title='taken'") >= 10
    assert "{{ 7 * 7 }} 🙂" in hostile.text
    assert "\u202e" not in hostile.text
    assert (hostile.all("img")[0]["alt"] or "").startswith("</style></script>")


def test_a_large_study_stays_below_three_megabytes(cli: Cli) -> None:
    trials = [handmade.trial(n, range(n % 90), params={"optim.lr": 0.001 + n / 1e6}) for n in range(400)]
    text = html.render(handmade_report.report(handmade.study(trials)))
    assert len(Checked(text).all("tr")) == 201
    assert "200 more;" in text
    assert len(text) < 300_000  # beside the pictures, of which each is bounded


def test_what_there_is_no_report_of(cli: Cli) -> None:
    cli.studies = {"conv-0": handmade.study([], goal=5)}  # type: ignore[attr-defined]
    result = cli("report")
    assert (result.exit_code, result.stderr) == (3, "Error: Study conv-0 has no finished trial yet.\n")
    assert cli("report", "none-7").exit_code == 3


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(cli: Cli) -> None:
    Path("file").touch()
    result = cli("report", "--output", "file/report.html")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: file/report.html: cannot be written (")


@pytest.mark.parametrize(("target", "reason"), [("folder", "it is a folder"), ("file/a.html", "not a folder")])
def test_the_place_is_looked_at_before_anything_is_drawn(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, target: str, reason: str
) -> None:
    monkeypatch.setattr("mnist_bench.plots.drawing.picture", lambda *_, **__: pytest.fail("it was drawn"))
    Path("folder").mkdir()
    Path("file").touch()
    result = cli("report", "--output", target)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr


def test_a_place_that_is_closed_is_refused_before_anything_is_drawn(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.plots.drawing.picture", lambda *_, **__: pytest.fail("it was drawn"))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert (
        cli("report", "--output", "a.html").stderr
        == "Error: a.html: cannot be written (. does not allow you to write).\n"
    )


def test_a_line_that_belongs_to_the_one_before_keeps_its_line(cli: Cli) -> None:
    cli("report")
    paragraphs = re.findall(r"<p class=\"faint\">(.*?)</p>", Path("results/conv-0/report.html").read_text())
    (tied,) = (text for text in paragraphs if "tied:" in text)
    own_line = '<span class="deep"><code>mnist-bench confirm conv-0</code> retrains them with fresh seeds.</span>'
    assert tied.endswith(f"tied:{own_line}")


def test_the_leaderboards_signs_are_explained_below_it() -> None:
    trials = [handmade.trial(0, range(5)), handmade.trial(1, range(6), params={"optim.weight_decay": 0.1})]
    text = html.render(handmade_report.report(handmade.study([*trials, *handmade.mixed().trials[2:]])))
    assert re.findall(r"<li>(.*?)</li>", text)[0] == "rank –: not complete"
    assert "decay: weight_decay" in re.findall(r'<li class="setting">(.*?)</li>', text)


def test_complete_trials_are_open_and_the_others_folded() -> None:
    text = html.render(handmade_report.report())
    board, _, rest = text.partition('<h2 id="leaderboard">')[2].partition("</section>")[0].partition("<details>")
    assert (board.count("<tr"), rest.count("<tr")) == (1 + 3, 1 + 4)
    assert "4 more trials that are not complete" in rest


def test_a_study_without_a_complete_trial_has_a_report(cli: Cli) -> None:
    pruned = handmade.study([handmade.trial(0, range(9), periods=1)], goal=5)
    cli.studies = {"conv-0": replace(pruned, live=True)}  # type: ignore[attr-defined]
    assert cli("report").exit_code == 0
    read = Checked(Path("results/conv-0/report.html").read_text())
    assert "1 pruned of 5 trials, running now." in read.text
    assert "recipe" not in {a.get("id") for _, a in read.elements}
