from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.plots.frame import Drawn
from mnist_bench.plots.kinds import STUDY_KINDS
from mnist_bench.plots.subject import Subject
from mnist_bench.report import page
from search.errors import StudyNotFoundError
from support import handmade, handmade_report
from support.drawn import Checked, heading

Cli = Callable[..., Result]


def draw(kind: str, subject: Subject) -> Drawn:
    """Draw a heading; nothing for the errors."""
    if kind == "errors":
        raise StudyNotFoundError("It has no weights.")
    return heading(f"The finding of {kind}")


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.plots.kinds.drawn", draw)


def test_the_page_lies_in_the_studys_folder_is_the_same_twice_and_holds_every_part(cli: Cli) -> None:
    result = cli("report")
    assert (result.exit_code, result.stdout) == (0, "results/conv-0/report.html\n")
    assert result.stderr.splitlines() == [
        "The page has no drawing area: The weights of conv-0/1 are not here; "
        "`mnist-bench reproduce conv-0/1 --weights` trains it again.",
        "errors is not drawn: It has no weights.",
    ]
    first = Path("results/conv-0/report.html").read_bytes()
    assert cli("report", "conv-0", "--to", "elsewhere/a.html").stdout == "elsewhere/a.html\n"
    assert Path("elsewhere/a.html").read_bytes() == first
    read = Checked(first.decode())
    assert read.all("html") == [{"lang": "en"}]
    for words in (
        "conv-0: 6 of 7 trials on your own data · mnist-bench",
        "Two trials tie for the best so far, 99.40 to 99.50%; the cheapest is trial 0 with 900k MACs.",
        "99.50% [98.83, 99.79]", "The test set has not been evaluated.", "lr: 0.0093",
        "mnist-bench reproduce conv-0/1", "avx512_bf16", handmade.HASH, "ValueError: no [bold]luck[/bold]",
        "It has no weights.",
    ):  # fmt: skip
        assert words in read.text
    alts = [image["alt"] for image in read.all("img")]
    assert alts == [f"The finding of {kind}" for kind in STUDY_KINDS if kind != "errors"]
    anchors = {link["href"] for link in read.all("a")}
    assert anchors <= {f"#{attributes['id']}" for _, attributes in read.elements if "id" in attributes}
    assert len(read.all("h1")) == 1
    (tied,) = re.findall(r"<p class=\"faint\">(.*?tied:.*?)</p>", first.decode())
    assert tied.endswith("<code>mnist-bench confirm conv-0</code> retrains them with fresh seeds.</span>")


@pytest.mark.parametrize("options", [(), ("-v",)])
def test_an_unforeseen_error_loses_one_picture_and_not_the_page(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def draw_or_fail(kind: str, subject: Subject) -> Drawn:
        if kind == "importances":
            raise FloatingPointError("underflow in eigh")
        return draw(kind, subject)

    monkeypatch.setattr("mnist_bench.plots.kinds.drawn", draw_or_fail)
    result = cli(*options, "report")
    assert (result.exit_code, result.stdout) == (1, "results/conv-0/report.html\n")
    assert "importances is not drawn: FloatingPointError: underflow in eigh (unexpected; the same" in result.stderr
    assert ("Traceback (most recent call last)" in result.stderr) == bool(options)
    page = Path("results/conv-0/report.html").read_text()
    assert "FloatingPointError: underflow in eigh" in Checked(page).text
    assert page.count('src="data:image/svg+xml') == len(STUDY_KINDS) - 2


def test_nothing_is_fetched_and_only_the_pages_own_script_may_run() -> None:
    text = page.render(handmade_report.report())
    read = Checked(text)
    addresses = [a[name] or "" for _, a in read.elements for name in ("src", "href", "srcset", "action") if name in a]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\(|@font-face", text)
    (policy,) = [meta["content"] or "" for meta in read.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(name == "style" or name.startswith("on") for _, a in read.elements for name in a)


def test_text_from_outside_is_no_markup() -> None:
    plain, hostile = Checked(page.render(handmade_report.report())), Checked(page.render(handmade_report.hostile()))
    assert len(hostile.all("script")) == len(plain.all("script")) == 1
    assert len(hostile.all("style")) == 1
    assert not any("onerror" in attributes for _, attributes in hostile.elements)
    assert hostile.text.count("document.title='taken'") >= 10
    assert "{{ 7 * 7 }} 🙂" in hostile.text
    assert "\u202e" not in hostile.text
    assert (hostile.all("img")[0]["alt"] or "").startswith("</style></script>")


def test_a_large_study_stays_below_three_megabytes() -> None:
    trials = [handmade.trial(n, range(n % 90), params={"optim.lr": 0.001 + n / 1e6}) for n in range(400)]
    text = page.render(handmade_report.report(handmade.study(trials)))
    assert len(Checked(text).all("tr")) == 201
    assert "200 more;" in text
    assert len(text) < 300_000  # beside the pictures, of which each is bounded


def test_complete_trials_are_open_the_others_folded_and_signs_explained() -> None:
    decayed = handmade.trial(1, range(6), params={"optim.weight_decay": 0.1})
    text = page.render(handmade_report.report(handmade.study([decayed, *handmade.mixed().trials[2:]])))
    board, _, rest = text.partition('<h2 id="leaderboard">')[2].partition("</section>")[0].partition("<details>")
    assert (board.count("<tr"), rest.count("<tr")) == (1 + 2, 1 + 4)
    assert "4 more trials that are not complete" in rest
    assert re.findall(r"<li>(.*?)</li>", text)[0] == "rank –: not complete"
    assert "decay: weight_decay" in re.findall(r'<li class="setting">(.*?)</li>', text)
