"""The page of a running search in a real Chromium: it loads itself again and keeps its place; trials are pinned."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mnist_bench.live_page.html import render
from mnist_bench.live_page.page_content import Freshness, PageState
from mnist_bench.report import html
from mnist_bench.trial_charts.charts_block import charts_of
from support import handmade, handmade_live, handmade_report, handmade_values

if TYPE_CHECKING:
    from browser.conftest import Browser

pytestmark = pytest.mark.browser

CONTRAST = 4.5
"""The least contrast of text, by WCAG 2.2, level AA."""


def written(folder: Path, state: PageState = "running", *, every: float = 60.0, age: float = 0.0, **more: Any) -> Path:
    """Write a page that is loaded again every so many seconds."""
    path = folder / "report.html"
    fresh = Freshness(written=time.time() - age, every=every, quiet=300.0 if state == "drawing" else 30.0)
    path.write_text(render(handmade_live.content(state=state, fresh=fresh, **more)))
    return path


def until(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait until something holds; while a page is loaded, nothing can be asked of it."""
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except Exception:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end
        time.sleep(0.05)


def text(browser: Browser, selector: str) -> str:
    found: str = browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
    return found


def point_at(browser: Browser, selector: str) -> None:
    ActionChains(browser.driver).move_to_element(browser.driver.find_element(By.CSS_SELECTOR, selector)).perform()


def press(browser: Browser, *keys: str) -> None:
    for key in keys:
        ActionChains(browser.driver).send_keys(key).perform()


def all_of(selector: str, expression: str) -> str:
    """Return a script that returns an expression of `each` element."""
    return f'return Array.from(document.querySelectorAll("{selector}"), (each) => {expression})'


def pins(browser: Browser) -> str:
    found: str = browser.run("return location.hash")
    return found


# How it looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_is_legible_and_fetches_nothing(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    browser.size(width)
    browser.scheme(scheme)
    path = written(tmp_path)
    browser.open(path)
    assert browser.console() == []
    assert browser.requests() == [path.as_uri()]
    browser.run("for (const trial of ['0', '2']) document.querySelector(`g[data-trial='${trial}']`).dispatchEvent("
                "new MouseEvent('click', { bubbles: true }))")  # fmt: skip
    widths = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    assert len(set(browser.run(widths))) == 1
    parts = ("#status", "h1", ".lead", ".faint", ".keys", "#pinned h2", "#pinned td", "#pinned th", "#pinned .p0",
             "#pinned .p1", ".first td", "tbody td", "thead th", "code", ".top button", ".chart text")  # fmt: skip
    contrasts = {part: contrast for part in parts for contrast in [browser.run(CONTRAST_OF, part)]}
    assert {part: contrast for part, contrast in contrasts.items() if contrast < CONTRAST} == {}


CONTRAST_OF = """
    const light = (colour) => {
      const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
      const [r, g, b] = parts.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const element = document.querySelector(arguments[0]), style = getComputedStyle(element);
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
    const ink = element.closest("svg") ? style.fill : style.color;
    const pair = [light(ink), light(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
"""


# Trials


def test_the_mouse_shows_a_trial_and_hides_it_again(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path))
    shown = "return !document.getElementById('tip').hidden"
    assert not browser.run(shown)
    point_at(browser, "svg[data-chart=history] g[data-trial='1'] .dot")
    assert browser.run(shown)
    assert "#1" in text(browser, "#tip")
    assert "99.50%" in text(browser, "#tip")
    assert "optim.lr 0.0093" in text(browser, "#tip")
    assert browser.run(all_of("g.hot", "each.dataset.trial")) == ["1", "1"]
    point_at(browser, "h1")
    assert not browser.run(shown)


def test_a_click_pins_a_trial_and_two_are_compared(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path))
    point_at(browser, "svg[data-chart=history] g[data-trial='1'] .dot")
    ActionChains(browser.driver).click().perform()
    assert pins(browser) == "#pins=1"
    assert text(browser, "#pinned h2") == "Pinned trial; pin another one to compare them"
    browser.run("document.querySelector('tr[data-trial=\"0\"] .pin').click()")
    assert pins(browser) == "#pins=1,0"
    assert text(browser, "#pinned h2") == "Two pinned trials: 2 settings differ"
    rows = all_of("#pinned tr.differs", "each.innerText.replaceAll('\\u200b', '').split(/\\s*\\t\\s*/)")
    assert [row for row in browser.run(rows) if "." in row[0]] == [
        ["optim.lr", "0.0093", "0.01"],
        ["model.blocks", "3", "–"],
    ]
    assert text(browser, "[role=status]") == "Trial 0 pinned; 2 settings differ"
    pressed = all_of("[aria-pressed=true]", "each.closest('[data-trial]').dataset.trial")
    assert sorted(browser.run(pressed)) == ["0", "0", "0", "1", "1", "1"]
    browser.run("document.querySelector('tr[data-trial=\"2\"] .pin').click()")
    assert pins(browser) == "#pins=0,2"  # of three, the first one goes
    browser.run("document.querySelector('#pinned button').click()")
    assert pins(browser) == "#pins=2"
    press(browser, Keys.ESCAPE)
    assert pins(browser) == ""
    assert browser.run("return document.getElementById('pinned').hidden") is True


def test_the_keyboard_does_all_that_the_mouse_does(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path))
    press(browser, Keys.TAB, Keys.TAB)  # the button that pauses, the first chart
    focus = "const at = document.activeElement; return [at.closest('svg')?.dataset.chart, at.dataset.trial]"
    assert browser.run(focus) == ["curves", "0"]
    assert "#0" in text(browser, "#tip")
    assert "99.40%" in text(browser, "#tip")
    press(browser, Keys.ARROW_RIGHT, Keys.ENTER)
    assert browser.run(focus) == ["curves", "1"]
    assert pins(browser) == "#pins=1"
    press(browser, Keys.END, " ")
    assert browser.run(focus) == ["curves", "7"]
    assert pins(browser) == "#pins=1,7"
    press(browser, Keys.TAB)
    assert browser.run(focus) == ["history", "0"]  # a chart is one stop of the Tab key
    press(browser, Keys.ESCAPE, Keys.ESCAPE)
    assert pins(browser) == ""
    outline = "return getComputedStyle(document.activeElement.querySelector('.dot')).strokeWidth"
    assert browser.run(outline) == "2px"
    names = all_of("button, [role=button], svg", "(each.getAttribute('aria-label') || each.textContent).trim()")
    assert all(browser.run(names))


def test_values_of_other_work_are_compared_too(browser: Browser, tmp_path: Path) -> None:
    study = handmade_values.study([handmade_values.trial(n, [4, 3, 2, 1 + n]) for n in range(2)], {"objective": "loss"})
    path = tmp_path / "report.html"
    path.write_text(render(handmade_live.content(study)))
    browser.open(f"{path.as_uri()}#pins=0,1")
    assert browser.console() == []
    assert text(browser, "#pinned h2") == "Two pinned trials: 2 settings differ"


def test_the_report_keeps_the_pinned_trials(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(html.render(handmade_report.report(), charts=charts_of(handmade.mixed())))
    browser.open(f"{path.as_uri()}#pins=1,0")
    assert browser.console() == []
    assert text(browser, "#pinned h2") == "Two pinned trials: 2 settings differ"
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth") is True
    browser.run("document.querySelector('th button').click()")  # sorting a table moves no pin
    assert pins(browser) == "#pins=1,0"


def test_an_address_with_anything_else_pins_nothing(browser: Browser, tmp_path: Path) -> None:
    path = written(tmp_path)
    for address in ("#pins=99", "#pins=__proto__", "#leaderboard", "#pins=,,"):
        browser.open(f"{path.as_uri()}{address}")
        assert browser.run("return document.getElementById('pinned').hidden") is True
        assert browser.console() == []


# Following


def test_it_loads_itself_again_and_keeps_its_place(browser: Browser, tmp_path: Path) -> None:
    browser.size(390, 500)
    browser.open(written(tmp_path, every=0.7))
    browser.run("document.querySelector('tr[data-trial=\"1\"] .pin').click()")
    browser.run("document.querySelector('.shows input').click()")
    browser.run("document.querySelectorAll('.box')[1].scrollLeft = 80; scrollTo(0, 600)")
    browser.run("document.querySelector('svg[data-chart=history] g[data-trial=\"2\"]').focus({preventScroll: true})")
    written(tmp_path, every=60.0, finished=7)
    until(lambda: text(browser, "h1") == "conv-0: 7 of 9 trials")
    place = "return [scrollY, document.querySelectorAll('.box')[1].scrollLeft]"
    assert browser.run(place) == [600, 80]
    assert browser.run("return document.querySelector('.shows input').checked") is True
    assert browser.run("return document.activeElement.dataset.trial") == "2"
    assert browser.run("return document.activeElement.closest('svg').dataset.chart") == "history"
    assert pins(browser) == "#pins=1"
    assert text(browser, "#pinned .p0").startswith("#1")
    assert browser.console() == []


def test_a_trial_that_is_pointed_at_is_still_shown(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path, every=0.7))
    point_at(browser, "svg[data-chart=history] g[data-trial='1'] .dot")
    written(tmp_path, every=60.0, finished=7)
    until(lambda: text(browser, "h1") == "conv-0: 7 of 9 trials")
    assert "#1" in text(browser, "#tip")
    assert browser.run("return !document.getElementById('tip').hidden")


@pytest.mark.parametrize(
    "hold",
    [
        "document.querySelector('.top button').click()",
        "getSelection().selectAllChildren(document.querySelector('.lead'))",
        "dispatchEvent(new PointerEvent('pointerdown'))",
    ],
)
def test_it_stays_as_it_is_while_a_reader_holds_it(browser: Browser, tmp_path: Path, hold: str) -> None:
    browser.open(written(tmp_path, every=0.5))
    browser.run(hold)
    written(tmp_path, every=60.0, finished=7)
    time.sleep(1.2)
    assert text(browser, "h1") == "conv-0: 6 of 9 trials"
    browser.run("if (document.querySelector('.top button').textContent === 'Follow') "
                "document.querySelector('.top button').click();"
                "getSelection().removeAllRanges(); dispatchEvent(new PointerEvent('pointerup'))")  # fmt: skip
    until(lambda: text(browser, "h1") == "conv-0: 7 of 9 trials")


def test_it_says_how_old_it_is_and_when_that_is_too_old(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path, age=12))
    assert browser.run("return document.getElementById('resume').offsetHeight") == 0
    assert text(browser, "#status") in [f"Running. Heard from {seconds} s ago." for seconds in (12, 13)]
    browser.open(written(tmp_path, age=125))
    state, _, news = text(browser, "#status").partition(". ")
    assert re.fullmatch(r"State at (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", state)
    assert re.fullmatch(
        r"Nothing newer has been written for 2 min \d+ s: the search was stopped, or this is a copy\.", news
    )
    visible = "return ['resume', 'stopped', 'time'].map((id) => document.getElementById(id)?.offsetHeight > 0)"
    assert browser.run(visible) == [True, False, False]
    assert re.match(r"6/9 \((\d{4}-\d\d-\d\d )?\d\d:\d\d\) conv-0", browser.driver.title)
    browser.open(written(tmp_path, "paused", age=3 * 3600))
    assert text(browser, "#status") == "Stopped 3 h 0 min ago."
    assert browser.run(visible)[:2] == [True, True]


def test_a_page_that_waits_for_plots_is_patient(browser: Browser, tmp_path: Path) -> None:
    browser.open(written(tmp_path, "drawing", age=125))
    assert text(browser, "#status") == "The search has ended; its plots are being drawn."
    browser.open(written(tmp_path, "drawing", age=400))
    assert text(browser, "#status").endswith(" The search has ended; its plots were not drawn, or this is a copy.")
    assert browser.run("return document.getElementById('resume').offsetHeight") == 0


@pytest.mark.parametrize(("state", "again"), [("paused", True), ("drawing", True), ("ended", False)])
def test_it_is_loaded_again_until_the_search_has_ended(
    browser: Browser, tmp_path: Path, state: PageState, again: bool
) -> None:
    browser.open(written(tmp_path, state, every=0.3))
    written(tmp_path, every=60.0, finished=7)
    if again:
        until(lambda: text(browser, "h1") == "conv-0: 7 of 9 trials")
    else:
        time.sleep(1)
        assert text(browser, "h1") == "conv-0: 6 of 9 trials"
        assert not browser.driver.find_elements(By.CSS_SELECTOR, ".top button")


def test_without_javascript_it_is_loaded_again_and_all_is_there(browser: Browser, tmp_path: Path) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(written(tmp_path))
        assert browser.driver.find_elements(By.TAG_NAME, "button") == []
        assert len(browser.driver.find_elements(By.CSS_SELECTOR, "svg g.trial")) == 12
        assert "Running. Written " in browser.driver.find_element(By.ID, "status").text
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)
