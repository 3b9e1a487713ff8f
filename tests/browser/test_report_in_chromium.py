"""The report in a real Chromium: nothing fetched, nothing complained about, sortable, on a phone, in the dark."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mnist_bench.report import page
from mnist_bench.report.page import ReportPage
from support import handmade, handmade_report

if TYPE_CHECKING:
    from browser.conftest import Browser

pytestmark = pytest.mark.browser


def opened(browser: Browser, folder: Path, report: ReportPage | None = None) -> Path:
    """Write the report of a study and open it."""
    path = folder / "report.html"
    path.write_text(page.render(report or handmade_report.report()))
    browser.open(path)
    return path


COMPLETE, OTHERS = 0, 1
"""The two tables of a leaderboard, on the page."""


def column(browser: Browser, heading: str, table: int = OTHERS) -> list[str]:
    """Return the cells of a column of a table, from above."""
    script = """
        const table = document.querySelectorAll("table")[arguments[1]];
        const index = Array.from(table.tHead.rows[0].cells).findIndex((cell) => cell.textContent === arguments[0]);
        return Array.from(table.tBodies[0].rows, (row) => row.cells[index].textContent);
    """
    cells: list[str] = browser.run(script, heading, table)
    return cells


def click(browser: Browser, heading: str) -> None:
    browser.driver.find_element(By.XPATH, f"(//table)[{OTHERS + 1}]//th/button[.='{heading}']").click()


@pytest.mark.parametrize("make", [handmade_report.report, handmade_report.hostile])
def test_nothing_is_fetched_and_the_console_is_silent(browser: Browser, tmp_path: Path, make: object) -> None:
    path = opened(browser, tmp_path, make())  # type: ignore[operator]
    assert browser.console() == []
    assert browser.requests() == [path.as_uri()]
    assert browser.driver.title.endswith(" · mnist-bench")
    assert browser.run("return Array.from(document.images, (image) => image.naturalWidth)") == [9]


def test_the_policy_stops_what_the_page_did_not_bring(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path)
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">')")
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'document.title = 2'; document.body.append(s)"
    )
    assert browser.driver.title == "conv-0: 6 of 7 trials on your own data · mnist-bench"
    assert len(browser.console()) >= 2


def test_a_click_sorts_numbers_as_numbers_and_another_reverses(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path)
    browser.run("document.querySelector('details').open = true")
    assert column(browser, "errors", COMPLETE) == ["5", "6", "60"]
    assert column(browser, "errors") == ["70", "80", "90", "–"]
    click(browser, "errors")
    assert column(browser, "errors") == ["70", "80", "90", "–"]
    click(browser, "errors")
    assert column(browser, "errors") == ["90", "80", "70", "–"]
    assert column(browser, "errors", COMPLETE) == ["5", "6", "60"]
    states = "return Array.from(document.querySelectorAll('th[aria-sort]'), (cell) => cell.ariaSort)"
    assert browser.run(states) == ["descending"]
    click(browser, "validation")
    assert column(browser, "trial") == ["#3", "#4", "#7", "#6"]
    click(browser, "state")
    assert column(browser, "state")[0] == "FAIL (crashed)"
    assert browser.run(states) == ["ascending"]
    browser.run("document.querySelector('details th button').focus()")  # rank; the keyboard sorts, too
    for key, order in (
        (Keys.TAB, None),
        (Keys.ENTER, ["#3", "#4", "#6", "#7"]),
        (Keys.SPACE, ["#7", "#6", "#4", "#3"]),
    ):
        browser.driver.switch_to.active_element.send_keys(key)
        assert order in (None, column(browser, "trial"))


def test_the_recipe_is_copied(browser: Browser, tmp_path: Path) -> None:
    report = handmade_report.report()
    path = opened(browser, tmp_path, report)
    browser.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    copy = browser.driver.find_element(By.CSS_SELECTOR, ".copied button")
    copy.click()
    browser.run("return new Promise((resolve) => setTimeout(resolve, 200))")
    assert copy.text == "Copied"
    browser.open(path)
    assert browser.run("return navigator.clipboard.readText()") == report.recipe


def test_settings_are_shown_on_demand(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path)
    width = "return document.querySelector('th.setting').offsetWidth"
    assert browser.run(width) == 0
    browser.driver.find_element(By.CSS_SELECTOR, ".shows input").click()
    assert browser.run(width) > 0


def test_on_a_phone_tables_scroll_inside_their_boxes(browser: Browser, tmp_path: Path) -> None:
    browser.size(360)
    opened(browser, tmp_path, handmade_report.hostile())
    widths = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    assert browser.run(widths) == [360, 360]
    inside = "const box = document.querySelector('.box'); return box.scrollWidth > box.clientWidth"
    assert browser.run(inside) is True


@pytest.mark.parametrize("width", [390, 1200])
def test_pictures_are_as_wide_as_their_column_and_a_click_shows_one_alone(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    browser.size(width)
    opened(browser, tmp_path)
    fits = "const image = document.querySelector('figure img'); return image.offsetWidth <= document.body.clientWidth"
    assert browser.run(fits) is True
    state = (
        "const dialog = document.querySelector('dialog'); return [dialog.open, dialog.querySelectorAll('img').length]"
    )
    assert browser.run(state) == [False, 0]
    browser.run("document.querySelector('figure button').click()")
    assert browser.run(state) == [True, 1]
    assert browser.run("return document.querySelector('dialog img').offsetWidth") >= 736
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert browser.run(state) == [False, 1]


def test_in_the_dark_the_page_is_dark_and_pictures_are_turned_over(browser: Browser, tmp_path: Path) -> None:
    browser.scheme("dark")
    opened(browser, tmp_path)
    colour = "return getComputedStyle(document.querySelector(arguments[0])).backgroundColor"
    assert browser.run(colour, "body") == "rgb(20, 23, 28)"
    turned = "return getComputedStyle(document.querySelector('figure img')).filter"
    assert browser.run(turned) == "invert(1) hue-rotate(180deg)"
    browser.scheme("light")
    assert browser.run(colour, "body") == "rgb(255, 255, 255)"
    assert browser.run(turned) == "none"


def test_on_paper_the_page_is_light_and_no_table_is_cut_off(browser: Browser, tmp_path: Path) -> None:
    wide = {f"optim.{name}": 0.25 for name in ("lr", "weight_decay", "label_smoothing", "beta1", "ema_decay")}
    wide |= {"augment.zoom": 0.1, "model.filters": 200, "model.kernel_size": 5, "model.hidden_dropout": 0.5}
    study = handmade.study([handmade.trial(0, range(5)), handmade.trial(1, range(6), params=wide)])
    opened(browser, tmp_path, handmade_report.report(study))
    browser.size(688)  # the width of A4 between its margins
    browser.command(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    try:
        assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert browser.run("return document.documentElement.scrollWidth") <= 688
        widths = "return Array.from(document.querySelectorAll('.copied button'), (button) => button.offsetWidth)"
        assert set(browser.run(widths)) == {0}
        assert browser.run("return document.querySelector('figure img').offsetWidth") > 300
    finally:
        browser.command("Emulation.setEmulatedMedia", media="", features=[])
    printed = browser.command("Page.printToPDF")
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")


def test_without_javascript_the_table_is_plain(browser: Browser, tmp_path: Path) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        opened(browser, tmp_path)
        assert browser.driver.find_elements(By.TAG_NAME, "button") == []
        assert len(browser.driver.find_elements(By.CSS_SELECTOR, "tbody tr")) == 7
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)
