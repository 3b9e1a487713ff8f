"""The page of a running search as text: no network, no markup from outside, the command that resumes it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mnist_bench.live_page.html import render
from mnist_bench.live_page.page_content import InProgress, PageState
from support import handmade, handmade_values
from support.checked_page import Checked
from support.handmade_live import content
from support.handmade_report import HOSTILE


def test_nothing_is_fetched_and_only_the_pages_own_scripts_may_run() -> None:
    text = render(content())
    read = Checked(text)
    addresses = [a[name] or "" for _, a in read.elements for name in ("src", "href", "srcset", "action") if name in a]
    assert addresses == ["data:,"]
    assert not re.search(r"@import|url\(|@font-face|fetch\(|XMLHttp|WebSocket|EventSource", text)
    (policy,) = [meta["content"] or "" for meta in read.all("meta") if "Policy" in (meta.get("http-equiv") or "")]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(name == "style" or name.startswith("on") for _, a in read.elements for name in a)


def test_text_from_outside_is_no_markup() -> None:
    made = content(handmade_values.study([handmade_values.trial(0, [1, 2, 3, 4])], {"objective": HOSTILE}))
    trial = InProgress(number=3, curve="", trained=HOSTILE, value=HOSTILE, doing=HOSTILE, settings=HOSTILE + "\u202e")
    hostile = replace(
        made, study=HOSTILE, best=HOSTILE, best_settings=HOSTILE, remarks=(HOSTILE,), resume=HOSTILE, state="paused",
        in_progress=(trial,),
    )  # fmt: skip
    read, plain = Checked(render(hostile)), Checked(render(made))
    assert len(read.all("script")) == len(plain.all("script")) == 3
    assert len(read.all("style")) == 1
    assert not any("onerror" in attributes for _, attributes in read.elements)
    assert read.text.count("document.title='taken'") >= 8
    assert "\u202e" not in read.text


@pytest.mark.parametrize(
    ("state", "words", "reloads"),
    [("running", "Running. Written ", True), ("paused", "Not running. Written ", True),
     ("drawing", "Not running.", True), ("ended", "Not running.", False)],
)  # fmt: skip
def test_without_a_script_the_page_says_when_it_was_written_and_is_loaded_again(
    state: PageState, words: str, reloads: bool
) -> None:
    text = render(content(state=state))
    assert words in text
    assert "Written 2025-11-24 16:00:00 UTC." in text
    assert ('<noscript><meta http-equiv="refresh"' in text) == reloads


def test_a_search_that_was_stopped_says_how_it_is_resumed() -> None:
    made = replace(content(state="paused"), resume="mnist-bench search conv --trials 9")
    assert "Run mnist-bench search conv --trials 9 again to resume it." in Checked(render(made)).text
    assert "Run it again to resume it." in Checked(render(replace(made, resume=None))).text
    hidden = [{"id": "resume", "hidden": None} in Checked(render(each)).all("p") for each in (made, content())]
    assert hidden == [False, True]


def test_a_large_study_stays_small() -> None:
    trials = [handmade.trial(n, range(n % 90), params={"optim.lr": 0.001 + n / 1e6}) for n in range(400)]
    text = render(content(handmade.study(trials)))
    assert len(Checked(text).all("tr")) == 201
    assert len(text) < 400_000
